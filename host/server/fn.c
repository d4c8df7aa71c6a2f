/* SPDX-License-Identifier: MIT */
/* From the agent's request to a function event and back; see fn.h. */
#include "server/fn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/rfc3339.h"
#include "engine/sandbox.h"
#include "server/answer.h"
#include "server/fn_listener.h"
#include "server/function.h"
#include "server/http_server.h"
#include "server/platform_trace.h"

#define CALL_PATH "/call"
#define CONNECTIONS_MAX 8u /* the agent opens one at a time; a dropped one may linger */
#define STOP_MS 5000
#define STOP_POLL_MS 10
/* Beside the flow's own ceiling: what an event is wrapped in, and base64. */
#define WRAPPING_SIZE_MAX (64u << 10)
#define URL_SIZE_MAX 8192u

struct fn {
    struct fn_environment environment;
    struct function *function;
    struct fn_listener listener;
    struct http_server *http;
    size_t body_size_max;
};

/* ---- one call ---- */

/* So that whoever reads the log can tell the calls apart (fdk-go: handler.go). */
static void frame_log(const struct fn *fn, const struct http_exchange *exchange)
{
    char line[512];
    const char *name = fn->environment.frame_name, *header = fn->environment.frame_header;
    const char *value = name && header ? http_exchange_field(exchange, header) : NULL;
    if (!value)
        return;
    int size = snprintf(line, sizeof line, "\n%s=%s\n", name, value);
    size_t length = size < (int)sizeof line ? (size_t)size : sizeof line - 1;
    if (write(STDOUT_FILENO, line, length) < 0 || write(STDERR_FILENO, line, length) < 0)
        return; /* nobody reads the log */
}

static int64_t deadline_of(const struct http_exchange *exchange)
{
    int64_t wall_ms;
    const char *text = http_exchange_field(exchange, "Fn-Deadline");
    if (!text)
        return 0;
    if (rfc3339_parse(text, &wall_ms))
        return function_deadline(wall_ms);
    log_line(LOG_WARNING, NULL, "Fn-Deadline '%.40s' is not a time of RFC 3339", text);
    return 0;
}

/* The path of an absolute URL, without its query. */
static void take_path(const char *url, char *path, size_t path_size)
{
    const char *authority = url ? strstr(url, "://") : NULL;
    const char *start = url ? strchr(authority ? authority + 3 : url, '/') : NULL;
    size_t size = start ? strcspn(start, "?#") : 0;
    snprintf(path, path_size, "%.*s", (int)(size < path_size ? size : path_size - 1),
             start ? start : "/");
    if (!start)
        snprintf(path, path_size, "/");
}

static const char *field_of_call(void *context, const char *name)
{
    return http_exchange_field(context, name);
}

/* Of a call: W3C's field, which the caller's request may bring, else what the agent says. */
struct call_trace {
    struct buf parent, state;
    char platform[TRACE_PARENT_SIZE];
};

static void take_trace(const struct http_exchange *exchange, bool is_request,
                       struct call_trace *trace, struct function_event *event)
{
    const char *const names[2][2] = {{"traceparent", "tracestate"},
                                     {"Fn-Http-H-Traceparent", "Fn-Http-H-Tracestate"}};
    buf_init(&trace->parent, HTTP_HEADER_SIZE_MAX);
    buf_init(&trace->state, HTTP_HEADER_SIZE_MAX);
    event->traceparent = http_exchange_fields(exchange, names[is_request][0], &trace->parent);
    event->tracestate = http_exchange_fields(exchange, names[is_request][1], &trace->state);
    if (!event->traceparent &&
        platform_trace_b3(http_exchange_field(exchange, "x-b3-traceid"),
                          http_exchange_field(exchange, "x-b3-spanid"),
                          http_exchange_field(exchange, "x-b3-sampled"),
                          http_exchange_field(exchange, "x-b3-flags"), trace->platform))
        event->platform_traceparent = trace->platform;
}

/* The agent passes the fields of the caller's request on under a prefix. */
static const char *field_of_request(void *context, const char *name)
{
    char prefixed[128];
    snprintf(prefixed, sizeof prefixed, "Fn-Http-H-%s", name);
    return http_exchange_field(context, prefixed);
}

static void add_prefixed(void *context, const char *name, const char *value)
{
    char prefixed[64];
    snprintf(prefixed, sizeof prefixed, "Fn-Http-H-%s", name);
    http_answer_field(context, prefixed, value);
}

/* What the caller is to see goes under the prefix, the status into a field; the agent gets its 200.
 */
static void wrap_answer(struct http_answer *http)
{
    char status[16];
    struct http_answer plain = *http;
    buf_init(&http->fields, HTTP_HEADER_SIZE_MAX);
    snprintf(status, sizeof status, "%d", plain.status);
    http_answer_field(http, "Fn-Http-Status", status);
    answer_each_field(&plain, add_prefixed, http);
    buf_release(&plain.fields);
    http->allow = NULL;
    http->challenge = false;
    http->retry_after_s = 0;
    http->status = 200;
}

/* Who the caller is, no field tells that the caller could not set: all count as one address. */
static void take_request(struct fn *fn, struct http_exchange *exchange,
                         struct function_event *event, struct function_answer *answer)
{
    char path[URL_SIZE_MAX];
    const char *method = http_exchange_field(exchange, "Fn-Http-Method");
    take_path(http_exchange_field(exchange, "Fn-Http-Request-Url"), path, sizeof path);
    event->method = method ? method : "POST";
    event->path = path;
    event->authorization = field_of_request(exchange, "Authorization");
    event->field = field_of_request;
    function_request(fn->function, event, answer);
}

static void take_invocation(struct fn *fn, struct function_event *event,
                            struct function_answer *answer)
{
    event->field = field_of_call;
    function_invoke(fn->function, FUNCTION_ANY_FLOW, event, answer);
}

/* Anything but these three would cost the container. */
static void judge_invocation(struct function_answer *answer)
{
    bool has_failed = answer->has_failed || answer->http.status == 413;
    answer->http.status = answer->is_late ? 504 : has_failed ? 502 : 200;
}

static void answer_call(struct fn *fn, struct http_exchange *exchange)
{
    const char *intent = http_exchange_field(exchange, "Fn-Intent");
    struct call_trace trace;
    struct function_event event = {
        .content_type = exchange->content_type,
        .context = exchange,
        .body = buf_text(&exchange->body),
        .body_size = exchange->body.size,
        .deadline_ms = deadline_of(exchange),
        .call = http_exchange_field(exchange, "Fn-Call-Id"),
    };
    struct function_answer answer;
    function_answer_init(&answer);
    bool is_request = intent && strcasecmp(intent, "httprequest") == 0;
    take_trace(exchange, is_request, &trace, &event);
    if (exchange->is_too_large)
        answer_fault(&answer.http, 413, "limit", "Message too large",
                     "the message is larger than any flow here takes");
    else if (is_request)
        take_request(fn, exchange, &event, &answer);
    else
        take_invocation(fn, &event, &answer);
    if (is_request)
        wrap_answer(&answer.http);
    else
        judge_invocation(&answer);
    struct http_answer old = exchange->answer;
    exchange->answer = answer.http;
    answer.http = old;
    function_answer_release(&answer);
    buf_release(&trace.parent);
    buf_release(&trace.state);
    if (!function_rest(fn->function, event.deadline_ms))
        log_line(LOG_WARNING, NULL, "something of this call is not told or written yet");
}

static void run(void *context, struct http_exchange *exchange)
{
    struct fn *fn = context;
    frame_log(fn, exchange);
    answer_call(fn, exchange);
    http_answer_field(&exchange->answer, "Fn-Fdk-Version", "sluice/" SLUICE_VERSION);
}

static size_t begin(void *context, struct http_exchange *exchange)
{
    const struct fn *fn = context;
    if (strcmp(exchange->path, CALL_PATH) != 0 || strcmp(exchange->method, "POST") != 0)
        answer_fault(&exchange->answer, 404, "not_found", "Not found", "the agent posts to " CALL_PATH);
    return fn->body_size_max;
}

static void refuse(void *context, struct http_exchange *exchange)
{
    (void)context;
    answer_fault(&exchange->answer, 502, "busy", "Busy", "a call is going on already");
}

/* ---- life ---- */

static size_t body_size_max(const struct service *service)
{
    uint64_t size = 0;
    bool has_files = false;
    for (size_t i = 0; i < service_flow_count(service); i++) {
        const struct manifest *manifest = service_manifest(service, i);
        size = manifest->input_bytes > size ? manifest->input_bytes : size;
        has_files |= manifest->multipart;
    }
    size_t wrapped = (size_t)(size + size / 3) + WRAPPING_SIZE_MAX;
    return has_files && wrapped < FUNCTION_BODY_SIZE_MAX ? FUNCTION_BODY_SIZE_MAX : wrapped;
}

static bool check_format(const struct fn_environment *environment, struct error *err)
{
    const char *format = environment->format;
    if (format && strcmp(format, FN_FORMAT) == 0)
        return true;
    return error_set(err, ERROR_INVALID, "FN_FORMAT is %s%.40s%s; expected " FN_FORMAT
                     ", as Fn sets it in func.yaml's functions", format ? "'" : "not set",
                     format ? format : "", format ? "'" : "");
}

static bool open_parts(struct fn *fn, const struct function_options *options, struct error *err)
{
    const struct http_handler handler = {fn, begin, run, refuse, sandbox_thread_release};
    if (!check_format(&fn->environment, err) || !function_open(&fn->function, options, err) ||
        !fn_listener_open(&fn->listener, fn->environment.listener, err))
        return false;
    const struct http_server_options server = {
        .listen_fd = fn->listener.fd,
        .workers = 1,
        .connections_max = CONNECTIONS_MAX,
        .waiting_max = 1,
        .bodies_size_max = CONNECTIONS_MAX * fn->body_size_max,
        .malformed_status = 502,
        .handler = handler,
    };
    if (http_server_open(&fn->http, &server, err))
        return true;
    fn_listener_remove(&fn->listener);
    close(fn->listener.fd);
    return false;
}

bool fn_open(struct fn **out, struct service *service, const char *const *names, size_t name_count,
             const struct fn_environment *environment, bool (*should_stop)(void *context),
             struct event_sink *sink, struct error *err)
{
    const struct function_options options = {.service = service, .names = names,
                                             .name_count = name_count, .trigger = "fn",
                                             .should_stop = should_stop, .is_alone = true,
                                             .sink = sink};
    struct fn *fn = calloc(1, sizeof *fn);
    if (!fn)
        return error_set(err, ERROR_LIMIT, "out of memory");
    fn->environment = *environment;
    fn->body_size_max = body_size_max(service);
    if (!open_parts(fn, &options, err)) {
        function_close(fn->function);
        free(fn);
        return false;
    }
    *out = fn;
    return true;
}

const char *fn_path(const struct fn *fn)
{
    return fn->listener.path;
}

bool fn_stop(struct fn *fn)
{
    int64_t deadline_ms = clock_monotonic_ms() + STOP_MS;
    fn_listener_remove(&fn->listener);
    http_server_quiesce(fn->http);
    while (http_server_busy(fn->http) > 0) {
        if (clock_monotonic_ms() >= deadline_ms)
            return false;
        clock_sleep_ms(STOP_POLL_MS);
    }
    http_server_close(fn->http);
    function_close(fn->function);
    free(fn);
    return true;
}
