/* SPDX-License-Identifier: MIT */
/* From a delivery to a run; see event_trigger.h. */
#include "server/event_trigger.h"

#include <string.h>

#include "flow/activation.h"
#include "server/answer.h"

/* Beside the flow's own ceiling: the event around its data, and base64. */
#define WRAPPING_SIZE_MAX (64u << 10)

bool event_trigger_is(const char *path)
{
    return strncmp(path, EVENT_TRIGGER_PATH, strlen(EVENT_TRIGGER_PATH)) == 0;
}

static bool find(const struct service *service, const char *path, size_t *flow, struct error *err)
{
    return activation_find(service, path + strlen(EVENT_TRIGGER_PATH), flow, err);
}

size_t event_trigger_begin(const struct service *service, struct http_exchange *exchange)
{
    struct error err = {0};
    size_t flow;
    if (!find(service, exchange->path, &flow, &err)) {
        answer_fault(&exchange->answer, 404, "not_found", "Not found", err.message);
        return 0;
    }
    if (strcmp(exchange->method, "POST") != 0) {
        exchange->answer.allow = "POST";
        answer_fault(&exchange->answer, 405, "method", "Method not allowed", "events are posted");
        return 0;
    }
    size_t size = (size_t)service_manifest(service, flow)->input_bytes;
    return size + size / 3 + WRAPPING_SIZE_MAX;
}

static const char *field_of(void *context, const char *name)
{
    return http_exchange_field(context, name);
}

static bool is_event(struct http_exchange *exchange)
{
    return cloud_event_is_structured(exchange->content_type) ||
           cloud_event_is_binary(field_of, exchange);
}

static void take_answer(struct function_answer *answer, struct http_exchange *exchange)
{
    struct http_answer *http = &answer->http;
    if (!answer->has_failed) { /* without a body: what is no event would be an invalid reply */
        http->status = 204;
        http->content_type[0] = '\0';
        buf_clear(&http->body);
    } else if (http->status < 400) {
        http->status = 500;
    }
    struct http_answer old = exchange->answer;
    exchange->answer = *http;
    *http = old;
}

static void run(struct function *function, size_t flow, struct http_exchange *exchange,
                const char *invoked_by)
{
    struct function_answer answer;
    struct buf parent, state;
    buf_init(&parent, HTTP_HEADER_SIZE_MAX);
    buf_init(&state, HTTP_HEADER_SIZE_MAX);
    const struct function_event event = {
        .content_type = exchange->content_type,
        .field = field_of,
        .context = exchange,
        .body = buf_text(&exchange->body),
        .body_size = exchange->body.size,
        .traceparent = http_exchange_fields(exchange, "traceparent", &parent),
        .tracestate = http_exchange_fields(exchange, "tracestate", &state),
        .invoked_by = invoked_by,
    };
    function_answer_init(&answer);
    function_invoke(function, flow, &event, &answer);
    take_answer(&answer, exchange);
    function_answer_release(&answer);
    buf_release(&parent);
    buf_release(&state);
}

void event_trigger_run(struct function *function, const struct service *service,
                       struct http_exchange *exchange, const char *invoked_by)
{
    struct error err = {0};
    size_t flow;
    if (exchange->is_too_large)
        answer_fault(&exchange->answer, 413, "limit", "Event too large",
                     "the event is larger than the flow takes");
    else if (!is_event(exchange))
        answer_fault(&exchange->answer, 415, "unsupported", "No CloudEvent",
                     "expected a CloudEvent 1.0, in binary mode (ce-... fields) or as "
                     CLOUD_EVENT_STRUCTURED);
    else if (!find(service, exchange->path, &flow, &err))
        answer_fault(&exchange->answer, 404, "not_found", "Not found", err.message);
    else
        run(function, flow, exchange, invoked_by);
}
