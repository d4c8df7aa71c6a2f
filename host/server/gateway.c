/* SPDX-License-Identifier: MIT */
/* From a request to a flow and back; see gateway.h. */
#include "server/gateway.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "capability/watch.h"
#include "engine/sandbox.h"
#include "server/answer.h"
#include "server/api.h"
#include "server/auth.h"
#include "server/http_server.h"
#include "server/metrics.h"
#include "server/refusals.h"
#include "server/route.h"
#include "server/trigger.h"
#include "store/store.h"

#define STOP_POLL_MS 10
#define STOP_CANCEL_MS 5000 /* for what was asked to stop */
#define BUSY_RETRY_S 1u

struct gateway {
    struct service *service;
    struct auth *auth;
    struct refusals *refusals;
    struct http_server *http;
    struct metrics_listener *metrics; /* NULL: not set */
    struct trigger trigger;
    struct api *api;
    struct run_watch watch;
    int64_t stop_ms;
    atomic_bool is_stopping, is_cancelled;
};

static bool is_read(const struct http_exchange *exchange)
{
    return strcmp(exchange->method, "GET") == 0 || strcmp(exchange->method, "HEAD") == 0;
}

static void refuse_method(struct http_exchange *exchange, const char *allow)
{
    exchange->answer.allow = allow;
    answer_fault(&exchange->answer, 405, "method", "Method not allowed",
                 "this address does not take that method; see the header Allow");
}

/* Whether the caller may do what needs role; if not, the exchange is answered and the refusal kept. */
static bool admit(struct gateway *gateway, struct http_exchange *exchange, enum role role,
                  char name[USERS_NAME_SIZE_MAX + 1])
{
    enum auth_verdict verdict =
        auth_check(gateway->auth, exchange->authorization, exchange->address, role, name);
    if (verdict == AUTH_GRANTED)
        return true;
    answer_refusal(exchange, verdict, role, auth_takes_tokens(gateway->auth));
    refusals_add(gateway->refusals, &(struct refusal){
        .name = name, .address = exchange->address, .reason = auth_reason(verdict),
        .method = exchange->method, .path = exchange->path, .status = exchange->answer.status});
    return false;
}

/* ---- on the thread of the sockets ---- */

static void answer_health(struct gateway *gateway, struct http_exchange *exchange, bool ready)
{
    if (!is_read(exchange))
        refuse_method(exchange, "GET, HEAD");
    else if (ready && atomic_load(&gateway->is_stopping))
        answer_json(&exchange->answer, 503, "{\"status\":\"stopping\"}");
    else
        answer_json(&exchange->answer, 200,
                    ready ? "{\"status\":\"ready\"}" : "{\"status\":\"live\"}");
}

static size_t begin(void *context, struct http_exchange *exchange)
{
    struct gateway *gateway = context;
    struct route route;
    char name[USERS_NAME_SIZE_MAX + 1];
    route_find(gateway->service, exchange->path, &route);
    if (route.kind == ROUTE_LIVE || route.kind == ROUTE_READY)
        answer_health(gateway, exchange, route.kind == ROUTE_READY);
    else if (!auth_has_credentials(exchange->authorization))
        (void)admit(gateway, exchange, ROLE_INVOKE, name); /* refuses, and takes no time */
    if (exchange->answer.status == 0 && api_is_at(exchange->path))
        return api_body_max(exchange);
    if (route.kind != ROUTE_TRIGGER || exchange->answer.status != 0)
        return 0;
    return trigger_begin(&gateway->trigger, route.flow, exchange);
}

static void refuse(void *context, struct http_exchange *exchange)
{
    (void)context;
    exchange->answer.retry_after_s = BUSY_RETRY_S;
    answer_fault(&exchange->answer, 429, "busy", "Too busy right now. Please retry later.",
                 "The service is temporarily busy. Please retry later.");
}

/* ---- on a pool thread ---- */

static void answer_not_found(struct gateway *gateway, const struct route *route,
                             struct http_exchange *exchange)
{
    struct buf detail;
    buf_init(&detail, 1u << 20);
    struct buf active;
    buf_init(&active, 1u << 20);
    route_list(gateway->service, &active);
    buf_printf(&detail, "%s; active are %s",
               route->kind == ROUTE_UNKNOWN ? route->reason : "nothing is at this address",
               buf_text(&active));
    answer_fault(&exchange->answer, 404, "not_found", "Not found", buf_text(&detail));
    buf_release(&active);
    buf_release(&detail);
}

static bool should_stop(void *context)
{
    const struct gateway *gateway = context;
    return atomic_load(&gateway->is_cancelled);
}

static void answer_metrics(struct http_exchange *exchange)
{
    if (is_read(exchange))
        metrics_answer(exchange);
    else
        refuse_method(exchange, "GET, HEAD");
}

static void run(void *context, struct http_exchange *exchange)
{
    struct gateway *gateway = context;
    char name[USERS_NAME_SIZE_MAX + 1];
    struct route route;
    bool is_api = api_is_at(exchange->path);
    route_find(gateway->service, exchange->path, &route);
    if (!admit(gateway, exchange,
               is_api                         ? api_role(exchange)
               : route.kind == ROUTE_METRICS ? ROLE_MONITOR
                                             : ROLE_INVOKE, name))
        return;
    if (is_api)
        api_answer(gateway->api, name, exchange);
    else if (route.kind == ROUTE_METRICS)
        answer_metrics(exchange);
    else if (route.kind == ROUTE_TRIGGER)
        trigger_run(&gateway->trigger, route.flow, name, exchange);
    else
        answer_not_found(gateway, &route, exchange);
}

/* ---- life ---- */

/* Refusals that somebody may want to be told of exist as series from the beginning. */
static void count_refusals(void)
{
    static const char *const reasons[] = {
        "unauthenticated", "forbidden", "locked", "rate", "busy", "limit", "not_found", "method",
        "unsupported",
    };
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        metric_count(METRIC_HTTP_REFUSED, reasons[i], "", 0);
}

bool gateway_open(struct gateway **out, struct service *service, const char *listen,
                  struct error *err)
{
    const struct workspace *workspace = service_workspace(service);
    const struct server_settings *settings = &workspace->server;
    struct gateway *gateway = calloc(1, sizeof *gateway);
    if (!gateway)
        return error_set(err, ERROR_LIMIT, "out of memory");
    gateway->service = service;
    gateway->stop_ms = (int64_t)settings->stop_s * 1000;
    gateway->watch = (struct run_watch){.context = gateway, .should_stop = should_stop};
    gateway->trigger = (struct trigger){
        service, &gateway->watch, .message_ms = (int64_t)settings->request_s * 1000};
    const struct http_server_options options = {
        .listen = listen ? listen : settings->listen,
        .certificate = settings->certificate,
        .key = settings->key,
        .workers = settings->workers,
        .connections_max = settings->connections_max,
        .waiting_max = settings->connections_max,
        .header_ms = (int64_t)settings->header_s * 1000,
        .request_ms = (int64_t)settings->request_s * 1000,
        .is_counted = true,
        .stall_ms = (int64_t)settings->stall_s * 1000,
        .handler = {gateway, begin, run, refuse, sandbox_thread_release},
    };
    const struct auth_limits limits = {
        .account = {settings->account_rate, settings->rate_burst_s},
        .address = {settings->address_rate, settings->rate_burst_s},
    };
    const struct api_options api = {service, should_stop, gateway};
    const char *metrics = workspace->metrics.listen;
    count_refusals();
    gateway->refusals = refusals_new(service_store(service));
    bool ok = (gateway->refusals || error_set(err, ERROR_LIMIT, "out of memory")) &&
              auth_open(&gateway->auth, workspace->folder, &limits, err) &&
              (!metrics || metrics_listen(&gateway->metrics, metrics, err)) &&
              api_open(&gateway->api, &api, err) &&
              http_server_open(&gateway->http, &options, err);
    if (!ok) {
        api_close(gateway->api);
        metrics_close(gateway->metrics);
        auth_close(gateway->auth);
        refusals_free(gateway->refusals);
        free(gateway);
        return false;
    }
    *out = gateway;
    return true;
}

const char *gateway_url(const struct gateway *gateway)
{
    return http_server_url(gateway->http);
}

const char *gateway_metrics_url(const struct gateway *gateway)
{
    return gateway->metrics ? metrics_url(gateway->metrics) : NULL;
}

bool gateway_has_callers(const struct gateway *gateway)
{
    return auth_user_count(gateway->auth) > 0 || auth_takes_tokens(gateway->auth);
}

void gateway_tick(struct gateway *gateway)
{
    http_server_tick(gateway->http);
    refusals_tick(gateway->refusals);
    metrics_tick(gateway->metrics);
}

bool gateway_reload(struct gateway *gateway, struct error *err)
{
    bool ok = auth_reload(gateway->auth, err) && http_server_reload(gateway->http, err);
    store_audit(service_store(gateway->service), &(struct audit_record){
        .at_ms = clock_wall_ms(), .action = "reload", .subject = "users, tokens and certificate",
        .outcome = ok ? "done" : "failed", .detail = ok ? NULL : err->message});
    return ok;
}

static bool is_busy(struct gateway *gateway)
{
    return http_server_busy(gateway->http) > 0 || api_busy(gateway->api) > 0;
}

static bool wait_until_idle(struct gateway *gateway, int64_t limit_ms)
{
    int64_t deadline_ms = clock_monotonic_ms() + limit_ms;
    while (is_busy(gateway)) {
        if (clock_monotonic_ms() >= deadline_ms)
            return false;
        http_server_tick(gateway->http);
        clock_sleep_ms(STOP_POLL_MS);
    }
    return true;
}

/* What runs is asked to stop; nothing more is awaited of clients, and in the end not even that they take
 * their answers. */
static bool cut_until_idle(struct gateway *gateway)
{
    int64_t deadline_ms = clock_monotonic_ms() + STOP_CANCEL_MS;
    atomic_store(&gateway->is_cancelled, true);
    while (is_busy(gateway)) {
        int64_t left_ms = deadline_ms - clock_monotonic_ms();
        if (left_ms <= 0)
            return false;
        http_server_cut_waiting(gateway->http, left_ms < STOP_CANCEL_MS / 2);
        http_server_tick(gateway->http);
        clock_sleep_ms(STOP_POLL_MS);
    }
    return true;
}

bool gateway_stop(struct gateway *gateway)
{
    atomic_store(&gateway->is_stopping, true);
    http_server_quiesce(gateway->http);
    if (!wait_until_idle(gateway, gateway->stop_ms)) {
        log_line(LOG_WARNING, NULL, "stopping: asking what still runs to stop");
        if (!cut_until_idle(gateway))
            return false;
    }
    http_server_close(gateway->http);
    api_close(gateway->api);
    metrics_close(gateway->metrics);
    auth_close(gateway->auth);
    refusals_free(gateway->refusals);
    free(gateway);
    return true;
}
