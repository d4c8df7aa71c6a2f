/* SPDX-License-Identifier: MIT */
/* From a request to a flow and back; see gateway.h. */
#include "server/gateway.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "engine/sandbox.h"
#include "server/answer.h"
#include "server/api.h"
#include "server/auth.h"
#include "server/http_server.h"
#include "server/lockout.h"
#include "server/route.h"

#define STOP_POLL_MS 10
#define STOP_CANCEL_MS 5000 /* for what was asked to stop */
#define BUSY_RETRY_S 1u

struct gateway {
    struct service *service;
    struct auth *auth;
    struct http_server *http;
    struct api *api;
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

static void audit(const struct http_exchange *exchange, const char *name, const char *why)
{
    log_line(LOG_WARNING, NULL, "refused: %s: user '%s' at %s: %s %.200s", why, name,
             exchange->address, exchange->method, exchange->path);
}

static void ask_for_credentials(struct http_exchange *exchange, const char *name, const char *why)
{
    audit(exchange, name, why);
    exchange->answer.challenge = true;
    answer_fault(&exchange->answer, 401, "unauthenticated", "Not authenticated",
                 "user and password are missing or wrong");
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
    route_find(gateway->service, exchange->path, &route);
    if (route.kind == ROUTE_LIVE || route.kind == ROUTE_READY)
        answer_health(gateway, exchange, route.kind == ROUTE_READY);
    else if (!auth_is_basic(exchange->authorization))
        ask_for_credentials(exchange, "", "no credentials");
    if (exchange->answer.status == 0 && api_is_at(exchange->path))
        return api_body_max(exchange);
    if (route.kind != ROUTE_TRIGGER || exchange->answer.status != 0)
        return 0;
    return (size_t)service_manifest(gateway->service, route.flow)->input_bytes;
}

static void refuse(void *context, struct http_exchange *exchange)
{
    (void)context;
    exchange->answer.retry_after_s = BUSY_RETRY_S;
    answer_fault(&exchange->answer, 429, "busy", "Too busy right now. Please retry later.",
                 "The service is temporarily busy. Please retry later.");
}

/* ---- on a pool thread ---- */

/* roles: any of them will do. */
static bool admit(struct gateway *gateway, struct http_exchange *exchange, unsigned roles,
                  char name[USERS_NAME_SIZE_MAX + 1])
{
    switch (auth_check(gateway->auth, exchange->authorization, exchange->address, roles, name)) {
    case AUTH_GRANTED:
        return true;
    case AUTH_MISSING:
        ask_for_credentials(exchange, name, "malformed credentials");
        return false;
    case AUTH_WRONG:
        ask_for_credentials(exchange, name, "wrong user or password");
        return false;
    case AUTH_LOCKED:
        audit(exchange, name, "locked out");
        exchange->answer.retry_after_s = LOCKOUT_MS / 1000;
        answer_fault(&exchange->answer, 429, "locked", "Too many failed logins",
                     "this account or address is locked out for a while");
        return false;
    case AUTH_FORBIDDEN:
    default:
        audit(exchange, name, "the role is missing");
        answer_fault(&exchange->answer, 403, "forbidden", "Not permitted",
                     roles & ROLE_INVOKE    ? "the user does not have the role invoke"
                     : roles & ROLE_MONITOR ? "the user has neither the role monitor nor administer"
                                            : "the user does not have the role administer");
        return false;
    }
}

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

static void take_outcome(struct run_outcome *outcome, struct http_answer *answer)
{
    answer->status = outcome->response_status ? outcome->response_status : 500;
    snprintf(answer->content_type, sizeof answer->content_type, "%s", outcome->response_type);
    snprintf(answer->instance, sizeof answer->instance, "%s", outcome->instance);
    buf_release(&answer->body);
    answer->body = outcome->response;
    outcome->response = (struct buf){0};
}

static void run_flow(struct gateway *gateway, size_t flow, const char *name,
                     struct http_exchange *exchange)
{
    const struct run_watch watch = {.context = gateway, .should_stop = should_stop};
    const struct run_request request = {
        .flow = flow,
        .trigger = "rest",
        .invoked_by = name,
        .body = buf_text(&exchange->body),
        .body_size = exchange->body.size,
        .watch = &watch,
    };
    struct run_outcome outcome = {.exit_status = 1};
    struct error err = {0};
    if (service_run(gateway->service, &request, &outcome, &err)) {
        take_outcome(&outcome, &exchange->answer);
    } else {
        log_line(LOG_ERROR, NULL, "a flow could not begin: %s", err.message);
        answer_fault(&exchange->answer, answer_status_of(&err), error_kind_name(err.kind),
                     "The flow could not be run", err.message);
    }
    run_outcome_release(&outcome);
}

static void answer_trigger(struct gateway *gateway, size_t flow, const char *name,
                           struct http_exchange *exchange)
{
    const struct manifest *manifest = service_manifest(gateway->service, flow);
    char detail[256];
    if (strcmp(exchange->method, "POST") != 0) {
        refuse_method(exchange, "POST");
    } else if (exchange->is_too_large) {
        snprintf(detail, sizeof detail, "the message is larger than the %llu bytes that flow "
                 "'%.100s' takes", (unsigned long long)manifest->input_bytes, manifest->identifier);
        answer_fault(&exchange->answer, 413, "limit", "Message too large", detail);
    } else if (exchange->content_type && strncasecmp(exchange->content_type, "multipart/", 10) == 0) {
        answer_fault(&exchange->answer, 415, "unsupported", "Media type not supported",
                     "this server takes the message alone, as application/json");
    } else {
        run_flow(gateway, flow, name, exchange);
    }
}

static void run(void *context, struct http_exchange *exchange)
{
    struct gateway *gateway = context;
    char name[USERS_NAME_SIZE_MAX + 1];
    struct route route;
    bool is_api = api_is_at(exchange->path);
    if (!admit(gateway, exchange, is_api ? api_roles(exchange) : ROLE_INVOKE, name))
        return;
    if (is_api) {
        api_answer(gateway->api, name, exchange);
        return;
    }
    route_find(gateway->service, exchange->path, &route);
    if (route.kind == ROUTE_TRIGGER)
        answer_trigger(gateway, route.flow, name, exchange);
    else
        answer_not_found(gateway, &route, exchange);
}

/* ---- life ---- */

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
    const struct http_server_options options = {
        .listen = listen ? listen : settings->listen,
        .certificate = settings->certificate,
        .key = settings->key,
        .workers = settings->workers,
        .connections_max = settings->connections_max,
        .waiting_max = settings->connections_max,
        .request_ms = (int64_t)settings->request_s * 1000,
        .handler = {gateway, begin, run, refuse, sandbox_thread_release},
    };
    const struct api_options api = {service, should_stop, gateway};
    bool ok = auth_open(&gateway->auth, workspace->folder, err) &&
              api_open(&gateway->api, &api, err) &&
              http_server_open(&gateway->http, &options, err);
    if (!ok) {
        api_close(gateway->api);
        auth_close(gateway->auth);
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

size_t gateway_user_count(const struct gateway *gateway)
{
    return auth_user_count(gateway->auth);
}

void gateway_tick(struct gateway *gateway)
{
    http_server_tick(gateway->http);
}

bool gateway_reload(struct gateway *gateway, struct error *err)
{
    return auth_reload(gateway->auth, err) && http_server_reload(gateway->http, err);
}

static bool wait_until_idle(struct gateway *gateway, int64_t limit_ms)
{
    int64_t deadline_ms = clock_monotonic_ms() + limit_ms;
    while (http_server_busy(gateway->http) + api_busy(gateway->api) > 0) {
        if (clock_monotonic_ms() >= deadline_ms)
            return false;
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
        atomic_store(&gateway->is_cancelled, true);
        if (!wait_until_idle(gateway, STOP_CANCEL_MS))
            return false;
    }
    http_server_close(gateway->http);
    api_close(gateway->api);
    auth_close(gateway->auth);
    free(gateway);
    return true;
}
