/* SPDX-License-Identifier: MIT */
/*
 * CloudEvents as triggers of `sluice serve`: POST /events/{ID, alias or folder name of any flow},
 * scheduled ones too. The answer is for whoever delivers (knative/specs:
 * specs/eventing/data-plane.md): 204 when the run is done; a status that is tried again when
 * another attempt may help (a run of the flow is going on, a peer failed), and one that is not when
 * it cannot. Thread-safe.
 */
#ifndef SERVER_EVENT_TRIGGER_H
#define SERVER_EVENT_TRIGGER_H
#include "server/function.h"

#define EVENT_TRIGGER_PATH "/events/"

bool event_trigger_is(const char *path);
/* Ceiling of the body for the flow of that path; 0 with exchange->answer set: nothing is there, or
 * the method is another. */
size_t event_trigger_begin(const struct service *service, struct http_exchange *exchange);
/* Runs the flow; event_trigger_begin found it. invoked_by: the caller. */
void event_trigger_run(struct function *function, const struct service *service,
                       struct http_exchange *exchange, const char *invoked_by);
#endif
