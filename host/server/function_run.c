/* SPDX-License-Identifier: MIT */
/* From a body to a run, from its outcome to an answer; see function_run.h. */
#include "server/function_run.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "server/answer.h"
#include "server/attachment.h"
#include "server/outcome.h"
#include "server/run_log.h"

/* ---- answers --------------------------------------------------------------------------------- */

void function_answer_init(struct function_answer *answer)
{
    *answer = (struct function_answer){0};
    buf_init(&answer->http.body, SIZE_MAX / 2);
    buf_init(&answer->http.fields, HTTP_HEADER_SIZE_MAX);
}

void function_answer_release(struct function_answer *answer)
{
    buf_release(&answer->http.body);
    buf_release(&answer->http.fields);
}

void function_fail(struct function_answer *answer, int status, const char *code, const char *title,
                   const char *detail)
{
    answer->has_failed = true;
    snprintf(answer->error_type, sizeof answer->error_type, "Sluice.%s", code);
    snprintf(answer->error_message, sizeof answer->error_message, "%s: %s", title, detail);
    answer_fault(&answer->http, status, code, title, detail);
}

void function_fail_with(struct function_answer *answer, const char *title, const struct error *err)
{
    int status = err->kind == ERROR_UNSUPPORTED ? 415 : answer_status_of(err);
    function_fail(answer, status, error_kind_name(err->kind), title, err->message);
}

static void take_response(struct run_outcome *outcome, struct http_answer *http)
{
    http->status = outcome->response_status;
    snprintf(http->content_type, sizeof http->content_type, "%s", outcome->response_type);
    buf_release(&http->body);
    http->body = outcome->response;
    outcome->response = (struct buf){0};
}

static void tell_outcome(const struct manifest *manifest, const struct run_outcome *outcome,
                         struct http_answer *http)
{
    struct document document;
    document_init(&document);
    outcome_write(&document, manifest, outcome);
    document_move(&document, &http->body);
    http->status = outcome_status(outcome);
    snprintf(http->content_type, sizeof http->content_type, "application/json");
}

static void take_outcome(const struct manifest *manifest, struct run_outcome *outcome,
                         struct function_answer *answer)
{
    answer->has_failed = outcome->exit_status != 0;
    if (answer->has_failed) {
        snprintf(answer->error_type, sizeof answer->error_type, "Flow.%s", outcome->fault_code);
        snprintf(answer->error_message, sizeof answer->error_message, "%s: %s",
                 outcome->fault_title, buf_text(&outcome->fault_detail));
    }
    snprintf(answer->http.instance, sizeof answer->http.instance, "%s", outcome->instance);
    if (outcome->response_status)
        take_response(outcome, &answer->http);
    else
        tell_outcome(manifest, outcome, &answer->http);
}

/* ---- the run --------------------------------------------------------------------------------- */

static void run(const struct function_options *options, const struct run_request *request,
                struct function_answer *answer)
{
    const struct manifest *manifest = service_manifest(options->service, request->flow);
    struct run_outcome outcome = {.exit_status = 1};
    struct error err = {0};
    if (options->is_alone)
        service_resume(options->service, request->flow, request->watch, request->deadline_ms);
    if (service_run(options->service, request, &outcome, &err)) {
        take_outcome(manifest, &outcome, answer);
        answer->is_late = answer->has_failed && request->deadline_ms > 0 &&
                          clock_monotonic_ms() >= request->deadline_ms;
    } else {
        log_line(LOG_ERROR, NULL, "flow '%s' could not be run: %s", manifest->identifier, err.message);
        function_fail_with(answer, "The flow could not be run", &err);
    }
    run_outcome_release(&outcome);
}

static void run_with(const struct function_options *options, size_t flow,
                     const struct flow_input *input, struct attachment *attachment,
                     const struct function_event *event, struct function_answer *answer)
{
    struct run_log log = {.call = event->call, .should_stop = options->should_stop,
                          .context = options->context};
    const struct run_watch watch = run_log_watch(&log);
    bool has_file = attachment && attachment->has_file;
    const struct run_request request = {
        .flow = flow,
        .trigger = options->trigger,
        .invoked_by = event->invoked_by ? event->invoked_by : "platform",
        .parameters = input->parameters,
        .parameter_count = input->parameter_count,
        .body = input->body_size > 0 ? input->body : NULL,
        .body_size = input->body_size,
        .stream = has_file ? &attachment->stream : NULL,
        .stream_size = has_file ? attachment->size : 0,
        .watch = &watch,
        .deadline_ms = event->deadline_ms,
        .traceparent = event->traceparent ? event->traceparent : event->platform_traceparent,
        .tracestate = event->tracestate,
    };
    run(options, &request, answer);
}

static void run_data(const struct function_options *options, size_t flow, const void *data,
                     size_t size, struct attachment *attachment,
                     const struct function_event *event, struct function_answer *answer)
{
    struct flow_input input;
    struct error err = {0};
    const struct manifest *manifest = service_manifest(options->service, flow);
    if (flow_input_read(&input, manifest, data, size, &err) &&
        json_check_depth(data ? data : "", size, "message", &err))
        run_with(options, flow, &input, attachment, event, answer);
    else
        function_fail_with(answer, "The event is not usable", &err);
    flow_input_release(&input);
}

/* ---- a message with a file ------------------------------------------------------------------- */

struct held_body {
    const char *data;
    size_t left;
};

static enum http_read read_held(void *context, char *buffer, size_t size, int wait_ms, size_t *got)
{
    struct held_body *held = context;
    (void)wait_ms;
    *got = held->left < size ? held->left : size;
    if (*got == 0)
        return HTTP_READ_END;
    memcpy(buffer, held->data, *got);
    held->data += *got;
    held->left -= *got;
    return HTTP_READ_BYTES;
}

static void run_multipart(const struct function_options *options, size_t flow,
                          const struct function_event *event, struct function_answer *answer)
{
    struct held_body held = {event->body, event->body_size};
    const struct attachment_body body = {event->content_type, read_held, &held};
    struct attachment *attachment = NULL;
    struct error err = {0};
    int status;
    size_t message_max = (size_t)service_manifest(options->service, flow)->input_bytes;
    if (attachment_open(&attachment, &body, message_max, INT64_MAX, &status, &err))
        run_data(options, flow, buf_text(&attachment->message), attachment->message.size, attachment,
                 event, answer);
    else
        function_fail(answer, status, error_kind_name(err.kind), "The message cannot be used",
                      err.message);
    attachment_close(attachment);
}

void function_run_message(const struct function_options *options, size_t flow,
                          const struct function_event *event, struct function_answer *answer)
{
    bool is_multipart = event->content_type && strncasecmp(event->content_type, "multipart/", 10) == 0;
    if (!is_multipart)
        run_data(options, flow, event->body, event->body_size, NULL, event, answer);
    else if (service_manifest(options->service, flow)->multipart)
        run_multipart(options, flow, event, answer);
    else
        function_fail(answer, 415, "unsupported", "Media type not supported",
                      "this flow takes the message alone, as application/json");
}
