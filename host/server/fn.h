/* SPDX-License-Identifier: MIT */
/*
 * A function of Fn or OCI Functions, format http-stream (fnproject/docs: fn/develop/fn-format.md;
 * fn: api/agent/agent.go, api/server/runner_httptrigger.go). The agent posts to /call, one request
 * at a time, and may freeze the process between two: nothing works and no timer runs there, because a
 * call is answered when all of it is told and written. 200 is
 * an answer, 502 a failed function, 504 one that was late; anything else would cost the container.
 * Opened and closed by one thread.
 */
#ifndef SERVER_FN_H
#define SERVER_FN_H
#include "flow/flow.h"
#include "server/event_sink.h"

#define FN_FORMAT "http-stream"

/* What the agent sets in the environment; NULL where it does not. */
struct fn_environment {
    const char *format, *listener;         /* FN_FORMAT, FN_LISTENER */
    const char *frame_name, *frame_header; /* FN_LOGFRAME_NAME, FN_LOGFRAME_HDR */
};

struct fn;

/* Listens when it returns. names: flows that are offered, none: all. sink may be NULL. All is borrowed.
 * ERROR_INVALID: not started by an agent, or users.json; ERROR_NOT_FOUND: no such flow. */
MUST_USE bool fn_open(struct fn **out, struct service *service, const char *const *names,
                      size_t name_count, const struct fn_environment *environment,
                      bool (*should_stop)(void *context), struct event_sink *sink,
                      struct error *err);
/* The socket's name. Borrowed. */
const char *fn_path(const struct fn *fn);
/* Removes the socket, lets the call that runs end (should_stop asks it to), closes. False: it did
 * not end in time; the process may only end, nothing can be released. */
bool fn_stop(struct fn *fn);
#endif
