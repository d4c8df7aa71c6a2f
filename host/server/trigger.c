/* SPDX-License-Identifier: MIT */
/* Requests to runs; see trigger.h. */
#include "server/trigger.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "capability/watch.h"
#include "server/answer.h"
#include "server/attachment.h"

#define BUSY_RETRY_S 1u
#define PARTS_SIZE_MAX (64u << 10) /* of a multipart body besides message and file */

static const struct manifest *manifest_of(const struct trigger *trigger, size_t flow)
{
    return service_manifest(trigger->service, flow);
}

static bool is_multipart(const struct http_exchange *exchange)
{
    return exchange->content_type && strncasecmp(exchange->content_type, "multipart/", 10) == 0;
}

size_t trigger_begin(const struct trigger *trigger, size_t flow, struct http_exchange *exchange)
{
    const struct manifest *manifest = manifest_of(trigger, flow);
    exchange->streams = manifest->multipart && is_multipart(exchange) &&
                        strcmp(exchange->method, "POST") == 0;
    return (size_t)manifest->input_bytes;
}

/* ---- running ---- */

static void take_outcome(struct run_outcome *outcome, struct http_answer *answer)
{
    answer->status = outcome->response_status ? outcome->response_status : 500;
    snprintf(answer->content_type, sizeof answer->content_type, "%s", outcome->response_type);
    snprintf(answer->instance, sizeof answer->instance, "%s", outcome->instance);
    buf_release(&answer->body);
    answer->body = outcome->response;
    outcome->response = (struct buf){0};
}

static void run_flow(const struct trigger *trigger, const struct run_request *request,
                     struct http_answer *answer)
{
    struct run_outcome outcome = {.exit_status = 1};
    struct error err = {0};
    if (service_run(trigger->service, request, &outcome, &err)) {
        take_outcome(&outcome, answer);
    } else {
        log_line(LOG_ERROR, NULL, "a flow could not begin: %s", err.message);
        answer_fault(answer, answer_status_of(&err), error_kind_name(err.kind),
                     "The flow could not be run", err.message);
        if (answer->status == 503)
            answer->retry_after_s = BUSY_RETRY_S;
    }
    run_outcome_release(&outcome);
}

static void answer_unusable(struct http_answer *answer, int status, const struct error *err)
{
    answer_fault(answer, status, error_kind_name(err->kind), "The message cannot be used",
                 err->message);
}

static void run_message(const struct trigger *trigger, struct run_request *request,
                        const struct buf *message, bool is_json, struct http_answer *answer)
{
    struct error err;
    request->body = buf_text(message);
    request->body_size = message->size;
    if (!is_json || json_check_depth(buf_text(message), message->size, "message", &err))
        run_flow(trigger, request, answer);
    else
        answer_unusable(answer, 400, &err);
}

/* A file that cannot fit is refused before it is sent. */
static bool check_body_size(const struct trigger *trigger, size_t flow,
                            struct http_exchange *exchange)
{
    uint64_t file_max = service_workspace(trigger->service)->file_size_max;
    uint64_t message_max = manifest_of(trigger, flow)->input_bytes;
    if (file_max == 0 || exchange->body_size == HTTP_BODY_SIZE_UNKNOWN ||
        exchange->body_size <= PARTS_SIZE_MAX + message_max ||
        exchange->body_size - PARTS_SIZE_MAX - message_max <= file_max)
        return true;
    answer_fault(&exchange->answer, 413, "limit", "Message too large",
                 "the file is larger than file_size_max allows");
    return false;
}

static void run_multipart(const struct trigger *trigger, struct run_request *request,
                          struct http_exchange *exchange)
{
    struct attachment *attachment = NULL;
    struct error err;
    int status;
    size_t message_max = (size_t)manifest_of(trigger, request->flow)->input_bytes;
    int64_t deadline_ms = clock_monotonic_ms() + trigger->message_ms;
    const struct attachment_body body = attachment_body_of(exchange);
    if (!check_body_size(trigger, request->flow, exchange))
        return;
    if (attachment_open(&attachment, &body, message_max, deadline_ms, &status, &err)) {
        request->stream = attachment->has_file ? &attachment->stream : NULL;
        request->stream_size = attachment->size;
        run_message(trigger, request, &attachment->message, true, &exchange->answer);
    } else {
        answer_unusable(&exchange->answer, status, &err);
    }
    attachment_close(attachment);
}

/* ---- requests ---- */

static void answer_too_large(const struct manifest *manifest, struct http_answer *answer)
{
    char detail[256];
    snprintf(detail, sizeof detail, "the message is larger than the %llu bytes that flow '%.100s' "
             "takes", (unsigned long long)manifest->input_bytes, manifest->identifier);
    answer_fault(answer, 413, "limit", "Message too large", detail);
}

static void answer_run(const struct trigger *trigger, struct run_request *request,
                       struct http_exchange *exchange)
{
    const char *coding = http_exchange_field(exchange, "Content-Encoding");
    if (strcmp(exchange->method, "POST") != 0) {
        exchange->answer.allow = "POST";
        answer_fault(&exchange->answer, 405, "method", "Method not allowed",
                     "this address does not take that method; see the header Allow");
    } else if (coding && strcasecmp(coding, "identity") != 0) {
        answer_fault(&exchange->answer, 415, "unsupported", "Media type not supported",
                     "compressed messages are not taken");
    } else if (exchange->streams) {
        run_multipart(trigger, request, exchange);
    } else if (is_multipart(exchange)) {
        answer_fault(&exchange->answer, 415, "unsupported", "Media type not supported",
                     "this flow takes the message alone, as application/json");
    } else if (exchange->is_too_large) {
        answer_too_large(manifest_of(trigger, request->flow), &exchange->answer);
    } else {
        const char *type = exchange->content_type;
        run_message(trigger, request, &exchange->body, !type || text_is_json_type(type),
                    &exchange->answer);
    }
}

void trigger_run(const struct trigger *trigger, size_t flow, const char *caller,
                 struct http_exchange *exchange)
{
    struct buf parent, state;
    buf_init(&parent, HTTP_HEADER_SIZE_MAX);
    buf_init(&state, HTTP_HEADER_SIZE_MAX);
    struct run_request request = {
        .flow = flow,
        .trigger = "rest",
        .invoked_by = caller,
        .watch = trigger->watch,
        .traceparent = http_exchange_fields(exchange, "traceparent", &parent),
        .tracestate = http_exchange_fields(exchange, "tracestate", &state),
    };
    answer_run(trigger, &request, exchange);
    buf_release(&parent);
    buf_release(&state);
}
