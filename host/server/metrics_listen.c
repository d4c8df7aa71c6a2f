/* SPDX-License-Identifier: MIT */
/* The listener that answers /metrics alone, to anybody who reaches it; see metrics.h. */
#include <stdlib.h>
#include <string.h>

#include "server/answer.h"
#include "server/metrics.h"

#define CONNECTIONS_MAX 16
#define REQUEST_MS 10000

struct metrics_listener {
    struct http_server *http;
};

static bool is_read(const char *method)
{
    return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
}

/* On the pool's one thread, not on that of the sockets: /proc may take its time. */
static void run(void *context, struct http_exchange *exchange)
{
    (void)context;
    metrics_answer(exchange);
}

static size_t begin(void *context, struct http_exchange *exchange)
{
    (void)context;
    if (strcmp(exchange->path, METRICS_PATH) != 0) {
        answer_fault(&exchange->answer, 404, "not_found", "Not found", "only " METRICS_PATH " is here");
    } else if (!is_read(exchange->method)) {
        exchange->answer.allow = "GET, HEAD";
        answer_fault(&exchange->answer, 405, "method", "Method not allowed", "metrics are only read");
    }
    return 0;
}

static void refuse(void *context, struct http_exchange *exchange)
{
    (void)context;
    exchange->answer.retry_after_s = 1;
    answer_fault(&exchange->answer, 503, "busy", "Busy", "other requests for metrics are waiting");
}

bool metrics_listen(struct metrics_listener **out, const char *address, struct error *err)
{
    struct metrics_listener *listener = calloc(1, sizeof *listener);
    if (!listener)
        return error_set(err, ERROR_LIMIT, "out of memory");
    const struct http_server_options options = {
        .listen = address,
        .workers = 1,
        .connections_max = CONNECTIONS_MAX,
        .waiting_max = CONNECTIONS_MAX,
        .request_ms = REQUEST_MS,
        .handler = {.context = listener, .begin = begin, .run = run, .refuse = refuse},
    };
    if (!http_server_open(&listener->http, &options, err)) {
        error_context(err, "metrics");
        free(listener);
        return false;
    }
    *out = listener;
    return true;
}

const char *metrics_url(const struct metrics_listener *listener)
{
    return http_server_url(listener->http);
}

void metrics_tick(struct metrics_listener *listener)
{
    if (listener)
        http_server_tick(listener->http);
}

void metrics_close(struct metrics_listener *listener)
{
    if (!listener)
        return;
    http_server_close(listener->http);
    free(listener);
}
