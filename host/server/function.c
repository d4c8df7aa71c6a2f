/* SPDX-License-Identifier: MIT */
/* From an event to a run; see function.h. */
#include "server/function.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/file_watch.h"
#include "base/log.h"
#include "flow/activation.h"
#include "flow/outbox.h"
#include "server/answer.h"
#include "server/auth.h"
#include "server/caller_files.h"
#include "server/function_run.h"
#include "server/refusals.h"
#include "server/route.h"

#define DETAIL_SIZE_MAX (1u << 20)

struct function {
    struct function_options options;
    const char **identifiers; /* of the flows that are offered; borrowed from their manifests */
    size_t identifier_count;  /* 0: all flows are */
    const char *only;         /* identifier of the one flow there is, or NULL */
    struct auth *auth; /* NULL: the platform lets callers in */
    struct refusals *refusals;
    pthread_mutex_t mutex; /* files */
    struct file_watch files; /* that say who may call */
};

/* ---- life ---- */

static const char *identifier_of(const struct function *function, size_t flow)
{
    return service_manifest(function->options.service, flow)->identifier;
}

/* All versions of a flow that is named: which of them runs is decided with each call. */
static bool is_offered(const struct function *function, size_t flow)
{
    const char *identifier = identifier_of(function, flow);
    for (size_t i = 0; i < function->identifier_count; i++)
        if (strcmp(function->identifiers[i], identifier) == 0)
            return true;
    return function->identifier_count == 0;
}

/* The identifier of all flows that are offered, or NULL if there are several. */
static const char *find_only(const struct function *function)
{
    const char *only = NULL;
    for (size_t i = 0; i < service_flow_count(function->options.service); i++) {
        const char *identifier = identifier_of(function, i);
        if (!is_offered(function, i))
            continue;
        if (only && strcmp(only, identifier) != 0)
            return NULL;
        only = identifier;
    }
    return only;
}

static bool choose_flows(struct function *function, struct error *err)
{
    const struct function_options *options = &function->options;
    function->identifiers = calloc(options->name_count + 1, sizeof *function->identifiers);
    if (!function->identifiers)
        return error_set(err, ERROR_LIMIT, "out of memory");
    for (size_t i = 0; i < options->name_count; i++) {
        size_t flow;
        if (!service_find(options->service, options->names[i], &flow, err))
            return false;
        function->identifiers[function->identifier_count++] = identifier_of(function, flow);
    }
    function->only = find_only(function);
    return true;
}

static bool open_users(struct function *function, struct error *err)
{
    const struct workspace *workspace = service_workspace(function->options.service);
    if (workspace->callers == CALLERS_PLATFORM || function->options.is_behind_gateway)
        return true;
    const struct server_settings *settings = &workspace->server;
    const struct auth_limits limits = {
        .account = {settings->account_rate, settings->rate_burst_s},
        .address = {settings->address_rate, settings->rate_burst_s},
    };
    function->refusals = refusals_new(service_store(function->options.service));
    return (function->refusals || error_set(err, ERROR_LIMIT, "out of memory")) &&
           caller_files_watch(&function->files, workspace->folder, err) &&
           auth_open(&function->auth, workspace->folder, &limits, err);
}

bool function_open(struct function **out, const struct function_options *options, struct error *err)
{
    struct function *function = calloc(1, sizeof *function);
    if (!function)
        return error_set(err, ERROR_LIMIT, "out of memory");
    function->options = *options;
    pthread_mutex_init(&function->mutex, NULL);
    if (!choose_flows(function, err) || !open_users(function, err)) {
        function_close(function);
        return false;
    }
    *out = function;
    return true;
}

void function_close(struct function *function)
{
    if (!function)
        return;
    auth_close(function->auth);
    refusals_free(function->refusals);
    pthread_mutex_destroy(&function->mutex);
    file_watch_release(&function->files);
    free(function->identifiers);
    free(function);
}

/* Of limit_ms what is left until shortly before the platform's deadline. */
static int64_t time_for(int64_t limit_ms, int64_t deadline_ms)
{
    int64_t left_ms = deadline_ms + FUNCTION_MARGIN_MS / 2 - clock_monotonic_ms();
    if (deadline_ms == 0 || left_ms > limit_ms)
        return limit_ms;
    return left_ms > 0 ? left_ms : 0;
}

/* The deadline of the mails does not end the wait for the answer to one (flow/outbox.h). Here nobody may
 * wait longer, so that shortly behind it they are stopped. */
#define MAIL_STOP_MS 100

struct mail_time {
    const struct function_options *options;
    int64_t until_ms;
};

static bool is_over(void *context)
{
    const struct mail_time *time = context;
    const struct function_options *options = time->options;
    return clock_monotonic_ms() >= time->until_ms + MAIL_STOP_MS ||
           (options->should_stop && options->should_stop(options->context));
}

static bool send_mails(const struct function *function, int64_t deadline_ms)
{
    const struct function_options *options = &function->options;
    struct outbox_report report;
    struct error err = {0};
    struct mail_time time = {options, clock_monotonic_ms() + time_for(FUNCTION_MAILS_MS, deadline_ms)};
    if (!outbox_deliver(options->service, time.until_ms, is_over, &time, &report, &err)) {
        log_line(LOG_ERROR, NULL, "mails cannot be delivered: %s", err.message);
        return false;
    }
    if (report.later + report.given_up > 0)
        log_line(LOG_WARNING, NULL, "mails that were not sent: %u for now, %u for good: %s",
                 report.later, report.given_up, report.why);
    return report.later == 0;
}

bool function_rest(struct function *function, int64_t deadline_ms)
{
    if (function->refusals)
        refusals_tick(function->refusals);
    bool is_done = send_mails(function, deadline_ms);
    int64_t wait_ms = time_for(FUNCTION_REST_MS, deadline_ms);
    is_done = event_sink_flush(function->options.sink, wait_ms) && is_done;
    return service_rest(function->options.service, wait_ms) && is_done;
}

int64_t function_deadline(int64_t wall_ms)
{
    int64_t left_ms = wall_ms - clock_wall_ms();
    left_ms -= left_ms > 2 * FUNCTION_MARGIN_MS ? FUNCTION_MARGIN_MS : left_ms / 2;
    return clock_monotonic_ms() + (left_ms > 0 ? left_ms : 0) + 1; /* 0 would be no deadline */
}

/* ---- which flow ---- */

static void list_offered(const struct function *function, struct buf *out)
{
    struct service *service = function->options.service;
    for (size_t i = 0; i < service_flow_count(service); i++)
        if (is_offered(function, i) && service_is_active(service, i))
            buf_printf(out, "%s%s", out->size > 0 ? ", " : "",
                       service_manifest(service, i)->identifier);
}

static void fail_unknown(const struct function *function, const char *what,
                         struct function_answer *answer)
{
    struct buf offered, detail;
    buf_init(&offered, DETAIL_SIZE_MAX);
    buf_init(&detail, DETAIL_SIZE_MAX);
    list_offered(function, &offered);
    buf_printf(&detail, "%s; offered here: %s", what, buf_text(&offered));
    function_fail(answer, 404, "not_found", "Not found", buf_text(&detail));
    buf_release(&offered);
    buf_release(&detail);
}

static bool choose_only(const struct function *function, size_t *flow,
                        struct function_answer *answer)
{
    struct error err = {0};
    if (activation_find(function->options.service, function->only, flow, &err))
        return true;
    fail_unknown(function, err.message, answer);
    return false;
}

static bool choose_named(const struct function *function, const char *name, size_t *flow,
                         struct function_answer *answer)
{
    struct error err = {0};
    if (!name[0] && function->only)
        return choose_only(function, flow, answer);
    if (!name[0])
        fail_unknown(function, "the event names no flow (\"flow\": its identifier)", answer);
    else if (!activation_find(function->options.service, name, flow, &err))
        fail_unknown(function, err.message, answer);
    else if (!is_offered(function, *flow))
        fail_unknown(function, "that flow is not offered here", answer);
    else
        return true;
    return false;
}

/* OIC's address of a flow; else the one flow there is, whatever the address that the platform gave
 * it. */
static bool choose_by_path(const struct function *function, const char *path, size_t *flow,
                           struct function_answer *answer)
{
    struct route route;
    route_find(function->options.service, path, &route);
    if (route.kind == ROUTE_TRIGGER && is_offered(function, route.flow)) {
        *flow = route.flow;
        return true;
    }
    if (route.kind != ROUTE_TRIGGER && route.kind != ROUTE_UNKNOWN && function->only)
        return choose_only(function, flow, answer);
    fail_unknown(function, route.kind == ROUTE_UNKNOWN ? route.reason : "no flow is at this address",
                 answer);
    return false;
}

/* ---- who calls ---- */

/* A file that was put in place since counts from the next call on, without anybody's signal. */
static void refresh_callers(struct function *function)
{
    struct error err = {0};
    pthread_mutex_lock(&function->mutex);
    bool has_changed = file_watch_changed(&function->files);
    pthread_mutex_unlock(&function->mutex);
    if (has_changed && !auth_reload(function->auth, &err))
        log_line(LOG_ERROR, NULL, "who may call has changed and is not usable, the old stays: %s",
                 err.message);
}

static void refuse_caller(struct function *function, const struct function_event *event,
                          enum auth_verdict verdict, const char *name,
                          struct function_answer *answer)
{
    struct http_exchange exchange = {.authorization = event->authorization, .answer = answer->http};
    answer_refusal(&exchange, verdict, ROLE_INVOKE, auth_takes_tokens(function->auth));
    answer->http = exchange.answer;
    answer->has_failed = true;
    refusals_add(function->refusals, &(struct refusal){
        .name = name, .address = event->address ? event->address : "unknown",
        .reason = auth_reason(verdict), .method = event->method, .path = event->path,
        .status = answer->http.status});
}

static bool admit(struct function *function, const struct function_event *event,
                  char name[USERS_NAME_SIZE_MAX + 1], struct function_answer *answer)
{
    const char *address = event->address ? event->address : "unknown";
    const char *known = event->invoked_by ? event->invoked_by : "platform";
    snprintf(name, USERS_NAME_SIZE_MAX + 1, "%.*s", (int)USERS_NAME_SIZE_MAX, known);
    if (!function->auth || event->is_authenticated)
        return true;
    refresh_callers(function);
    refusals_tick(function->refusals);
    enum auth_verdict verdict =
        auth_check(function->auth, event->authorization, address, ROLE_INVOKE, name);
    if (verdict != AUTH_GRANTED)
        refuse_caller(function, event, verdict, name, answer);
    return verdict == AUTH_GRANTED;
}

/* ---- events ---- */

static bool check_request(const struct function_event *event, struct function_answer *answer)
{
    if (strcmp(event->method, "POST") != 0) {
        answer->http.allow = "POST";
        function_fail(answer, 405, "method", "Method not allowed", "this address takes POST");
        return false;
    }
    const char *coding = event->field ? event->field(event->context, "content-encoding") : NULL;
    if (coding && strcasecmp(coding, "identity") != 0) {
        function_fail(answer, 415, "unsupported", "Media type not supported",
                      "compressed messages are not taken");
        return false;
    }
    return true;
}

static bool is_cloud_event(const struct function_event *event)
{
    return cloud_event_is_structured(event->content_type) ||
           (event->field && cloud_event_is_binary(event->field, event->context));
}

void function_request(struct function *function, const struct function_event *event,
                      struct function_answer *answer)
{
    char name[USERS_NAME_SIZE_MAX + 1];
    size_t flow;
    if (!admit(function, event, name, answer) || !check_request(event, answer) ||
        !choose_by_path(function, event->path, &flow, answer))
        return;
    struct function_event named = *event;
    named.invoked_by = name;
    if (is_cloud_event(event))
        function_invoke(function, flow, &named, answer);
    else
        function_run_message(&function->options, flow, &named, answer);
}

static bool names_another(const struct function *function, const struct invocation *invocation,
                          size_t flow)
{
    size_t named;
    return flow != FUNCTION_ANY_FLOW && invocation->flow[0] &&
           (!activation_find(function->options.service, invocation->flow, &named, NULL) ||
            named != flow);
}

/* The trace is that of the request, else that of the event, else what the platform says. */
static void run_data(struct function *function, size_t flow, const struct invocation *invocation,
                     const struct function_event *event, struct function_answer *answer)
{
    struct function_event inner = *event;
    inner.body = invocation->data;
    inner.body_size = invocation->data_size;
    if (!inner.traceparent && invocation->event.traceparent) {
        inner.traceparent = invocation->event.traceparent;
        inner.tracestate = invocation->event.tracestate;
    }
    function_run_message(&function->options, flow, &inner, answer);
}

void function_invoke(struct function *function, size_t flow, const struct function_event *event,
                     struct function_answer *answer)
{
    struct invocation invocation;
    struct error err = {0};
    if (!invocation_read(&invocation, event->content_type, event->field, event->context,
                         event->body, event->body_size, &err))
        function_fail_with(answer, "The event is not usable", &err);
    else if (names_another(function, &invocation, flow))
        function_fail(answer, 400, "invalid", "The event is not usable",
             "the event names another flow than the address that it was sent to");
    else if (flow != FUNCTION_ANY_FLOW || choose_named(function, invocation.flow, &flow, answer))
        run_data(function, flow, &invocation, event, answer);
    invocation_release(&invocation);
}
