/* SPDX-License-Identifier: MIT */
/*
 * Where the events of runs' ends go: one POST each (Knative: K_SINK), by a thread of its own, so
 * that no run waits for it. Events that find EVENT_SINK_WAITING_MAX others waiting are dropped, and
 * the log says so; an event is tried EVENT_SINK_ATTEMPTS times. Thread-safe, opening and closing
 * apart.
 */
#ifndef SERVER_EVENT_SINK_H
#define SERVER_EVENT_SINK_H
#include "flow/flow.h"

#define EVENT_SINK_WAITING_MAX 256u
#define EVENT_SINK_ATTEMPTS 3u
#define EVENT_SINK_TIMEOUT_MS 5000 /* of one attempt */

struct event_sink_options {
    const char *url;       /* http or https */
    const char *overrides; /* K_CE_OVERRIDES, or NULL */
    const char *ca_pem;    /* K_CA_CERTS: trust anchors themselves, or NULL */
    const char *ca_file;   /* a file of them where ca_pem is NULL; NULL: the system's */
    const char *source;    /* of the events: a URI reference */
};

struct event_sink;

/* Texts are copied. ERROR_INVALID: url or overrides. */
MUST_USE bool event_sink_open(struct event_sink **out, const struct event_sink_options *options,
                              struct error *err);
/* Becomes who is told of the ends of service's runs; sink must outlive them. */
void event_sink_observe(struct event_sink *sink, struct service *service);
/* Waits until everything is sent or given up, but no longer than limit_ms. False: something is
 * left. NULL is fine. */
bool event_sink_flush(struct event_sink *sink, int64_t limit_ms);
/* Gives up what still waits. NULL is fine. */
void event_sink_close(struct event_sink *sink);
#endif
