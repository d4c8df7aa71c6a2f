/* SPDX-License-Identifier: MIT */
/*
 * The Runtime API of AWS Lambda, version 2018-06-01 (docs.aws.amazon.com: Lambda developer guide,
 * "Using the Lambda runtime API", "Custom runtimes with response streaming"), over libcurl and one
 * connection that is kept. Used by one thread.
 */
#ifndef SERVER_LAMBDA_API_H
#define SERVER_LAMBDA_API_H
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

#define LAMBDA_EVENT_SIZE_MAX (8u << 20) /* the service's own limit is 6 MiB */
#define LAMBDA_ID_SIZE_MAX 64u
#define LAMBDA_ANSWER_SIZE_MAX ((6u << 20) + 100u) /* buffered; the service enforces it */

struct lambda_api;

struct lambda_invocation {
    char id[LAMBDA_ID_SIZE_MAX + 1];
    char trace[512];     /* Lambda-Runtime-Trace-Id, or "" */
    int64_t deadline_ms; /* wall clock; 0: the service named none */
    struct buf event;    /* JSON */
};

/* address: AWS_LAMBDA_RUNTIME_API, "host:port"; NULL is an error. stop_fd becomes readable when the
 * wait for an event is to end; -1: never. ERROR_INVALID, ERROR_LIMIT. */
MUST_USE bool lambda_api_open(struct lambda_api **out, const char *address, int stop_fd,
                              struct error *err);
void lambda_api_close(struct lambda_api *api); /* NULL is fine */

/* Waits for the next event, however long: the service freezes the process meanwhile.
 * ERROR_CANCELLED: stop_fd; ERROR_LIMIT: over LAMBDA_EVENT_SIZE_MAX, with *out's id set, so that it
 * can be answered; ERROR_UNAVAILABLE, ERROR_BROKEN: the process should end. Release it with
 * lambda_invocation_release. */
MUST_USE bool lambda_api_next(struct lambda_api *api, struct lambda_invocation *out,
                              struct error *err);
void lambda_invocation_release(struct lambda_invocation *invocation);

/* The answer, JSON. ERROR_LIMIT: the service found it too large; ERROR_REFUSED: it did not want it.
 */
MUST_USE bool lambda_api_respond(struct lambda_api *api, const char *id, const struct buf *answer,
                                 struct error *err);
/* A streamed answer: prelude is the JSON with status and headers. Errors as lambda_api_respond. */
MUST_USE bool lambda_api_stream(struct lambda_api *api, const char *id, const struct buf *prelude,
                                const struct buf *body, struct error *err);
/* An error in the service's form; id NULL: the function could not be initialised. type:
 * "Category.reason". */
MUST_USE bool lambda_api_fail(struct lambda_api *api, const char *id, const char *type,
                              const char *message, struct error *err);
#endif
