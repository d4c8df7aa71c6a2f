/* SPDX-License-Identifier: MIT */
/*
 * /metrics: what base/metrics.h counts, and facts about the process, for Prometheus. The server answers
 * users with the role monitor; a listener of its own, where one is set, answers anybody. Thread-safe,
 * except metrics_listen and metrics_close.
 */
#ifndef SERVER_METRICS_H
#define SERVER_METRICS_H
#include "base/metrics.h"
#include "server/http_server.h"

#define METRICS_PATH "/metrics"

/* The form that a value of Accept (NULL: none) asks for: OpenMetrics where it is preferred. */
enum metrics_form metrics_negotiate(const char *accept);

/* Answers a GET or HEAD with status 200; with "Accept" as the client sent it. */
void metrics_answer(struct http_exchange *exchange);

struct metrics_listener;

/* Answers GET /metrics on address ("127.0.0.1:9464") without asking who it is. Errors as
 * http_server_open. */
MUST_USE bool metrics_listen(struct metrics_listener **out, const char *address, struct error *err);
const char *metrics_url(const struct metrics_listener *listener);
void metrics_tick(struct metrics_listener *listener);  /* a few times a second; NULL is fine */
void metrics_close(struct metrics_listener *listener); /* NULL is fine */
#endif
