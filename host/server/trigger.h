/* SPDX-License-Identifier: MIT */
/* A request at a flow's address becomes a run of it, and its outcome the answer. Thread-safe. */
#ifndef SERVER_TRIGGER_H
#define SERVER_TRIGGER_H
#include "flow/flow.h"
#include "server/http_server.h"

/* What the requests of a server share. */
struct trigger {
    struct service *service;
    const struct run_watch *watch;
    int64_t message_ms; /* for the message of a body that streams */
};

/* http_handler.begin for the flow of that index: a file makes the exchange stream. */
size_t trigger_begin(const struct trigger *trigger, size_t flow, struct http_exchange *exchange);

/* http_handler.run, once caller is known to be allowed to. */
void trigger_run(const struct trigger *trigger, size_t flow, const char *caller,
                 struct http_exchange *exchange);
#endif
