/* SPDX-License-Identifier: MIT */
/*
 * Flows as a function of AWS Lambda: events from the Runtime API, one after the other, until it is
 * asked to stop. Requests over HTTP are answered as such, whatever became of the flow; any other
 * invocation whose flow failed is an error of the function, so that the service's own retries and
 * dead-letter queues see it. On one thread.
 */
#ifndef SERVER_LAMBDA_H
#define SERVER_LAMBDA_H
#include "server/function.h"
#include "server/lambda_api.h"

/* streamed: requests over HTTP are answered in streaming mode. True: asked to
 * stop; false with err: the service is gone or did not keep to its contract, and the process should
 * end. */
MUST_USE bool lambda_serve(struct lambda_api *api, struct function *function, bool streamed,
                           struct error *err);
#endif
