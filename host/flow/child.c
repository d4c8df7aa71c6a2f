/* SPDX-License-Identifier: MIT */
/*
 * flow.call: a child flow in this process, or at another host that keeps OIC's addresses. The file
 * is passed by reference here and streamed as multipart/mixed there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "capability/filter_stream.h"
#include "capability/journal.h"
#include "capability/watch.h"
#include "flow/activation.h"
#include "flow/execute.h"
#include "flow/fault.h"
#include "flow/kept_module.h"
#include "store/store_journal.h"

#define REMOTE_PATH_SIZE 256

/* A message that is too large for a flow is answered as at the door: it never reaches the guest. */
static void answer_too_large(const struct manifest *manifest, size_t size,
                             struct http_response *response)
{
    char detail[128];
    snprintf(detail, sizeof detail, "the message has %zu bytes; flow '%.40s' takes at most %llu",
             size, manifest->identifier, (unsigned long long)manifest->input_bytes);
    const struct fault_report fault = {.status = 413,
                                       .code = "limit",
                                       .title = "Message too large",
                                       .detail = detail,
                                       .instance = ""};
    buf_init(&response->headers, 1024);
    buf_init(&response->body, HTTP_RESPONSE_SIZE_MAX);
    response->status = fault.status;
    buf_append_text(&response->headers, "content-type: application/json\n");
    fault_format(&fault, &response->body);
}

/* What an earlier process already made of this call. */
struct callee {
    char id[INSTANCE_ID_SIZE], digest[80];
    int64_t started_ms;
    bool is_finished;
    int response_status;
};

static bool note_callee(void *context, const struct instance_row *row)
{
    struct callee *callee = context;
    snprintf(callee->id, sizeof callee->id, "%s", row->id);
    snprintf(callee->digest, sizeof callee->digest, "%s", row->module_digest);
    callee->started_ms = row->started_ms;
    callee->is_finished = row->finished_ms != 0;
    callee->response_status = row->response_status;
    return true;
}

static bool find_callee(const struct execution *caller, struct callee *callee, struct error *err)
{
    *callee = (struct callee){.started_ms = 0};
    return !caller->journal ||
           store_callee(caller->environment->store, caller->instance,
                        journal_number(caller->journal), note_callee, callee, err);
}

/* An ended callee whose journal no longer gives its answer (a limit struck it, say) still has a status. */
static void answer_by_row(const struct callee *callee, const struct execution *child,
                          struct http_response *response)
{
    const struct fault_report fault = {
        .status = callee->response_status ? callee->response_status : 500,
        .code = "interrupted",
        .title = "The answer was lost when a process ended",
        .detail = "the flow had ended before; see its instance",
        .instance = child->instance,
    };
    buf_clear(&response->body);
    response->status = fault.status;
    if (fault.status >= 400)
        fault_format(&fault, &response->body);
}

static void take_answer(const struct execution *child, const struct execution_end *end,
                        struct http_response *response)
{
    const char *content_type;
    buf_init(&response->headers, 1024);
    buf_init(&response->body, HTTP_RESPONSE_SIZE_MAX);
    response->status = execution_answer(child, end, &response->body, &content_type);
    buf_printf(&response->headers, "content-type: %s\n", content_type);
}

/* The callee did not get to its end, and neither does its caller: both go on later. */
static bool suspend(struct execution *caller, const char *why, struct error *err)
{
    caller->stop = FAULT_SUSPENDED;
    snprintf(caller->stop_detail, sizeof caller->stop_detail, "%s", why);
    return error_set(err, ERROR_UNKNOWN, "%s", why);
}

/* For want of memory, a descriptor, room on the disk or a store that can be written. */
static bool passes(const struct error *why)
{
    return why->kind == ERROR_LIMIT || why->kind == ERROR_UNAVAILABLE || why->kind == ERROR_INTERNAL;
}

/* What an earlier process began is there: that this one cannot go on with it ends nothing. Nor is it a
 * result of the call that a new one cannot begin for a reason that passes: every replay would have it. */
static bool fail_callee(struct execution *caller, const struct callee *callee, struct error *err)
{
    struct error why = *err;
    if (!callee->id[0] && !(caller->journal && passes(&why)))
        return false;
    log_line(LOG_WARNING, callee->id[0] ? callee->id : caller->instance, "cannot go on now: %s",
             why.message);
    return suspend(caller, why.message, err);
}

static bool run_child(struct service *service, const struct execution_start *start,
                      const struct callee *callee, struct execution *child,
                      struct http_response *response, struct error *err)
{
    struct execution_end end;
    struct error problem = {0};
    bool ok = execute(service, start, child, &end, &problem);
    if (!ok && !end.has_run) {
        *err = problem;
        return fail_callee(start->caller, callee, err);
    }
    if (!ok) /* its end could not be recorded */
        return suspend(start->caller, problem.message, err);
    if (end.state == INSTANCE_IN_PROGRESS && !callee->is_finished)
        return suspend(start->caller, child->stop_detail, err);
    take_answer(child, &end, response);
    if (callee->is_finished && end.sandbox.fault != FAULT_NONE)
        answer_by_row(callee, child, response);
    return true;
}

static bool run_callee(struct execution *caller, const struct callee *callee, const struct flow *flow,
                       const void *body, size_t body_size, const struct remote_file *attachment,
                       struct http_response *response, struct error *err)
{
    struct execution *child = calloc(1, sizeof *child);
    const struct execution_start start = {
        .flow = flow,
        .caller = caller,
        .trigger = "call",
        .invoked_by = caller->manifest->identifier,
        .input = body,
        .input_size = body_size,
        .attachment = attachment,
        .watch = caller->watch,
        .resumes = callee->id[0] ? callee->id : NULL,
        .started_ms = callee->started_ms,
        .is_replay = callee->is_finished,
    };
    if (!child) {
        error_set(err, ERROR_LIMIT, "out of memory");
        return fail_callee(caller, callee, err);
    }
    bool ok = run_child(caller->environment->flows, &start, callee, child, response, err);
    execution_release(child);
    free(child);
    return ok;
}

/* What an earlier process began goes on with the version that it began with, active or not. */
static bool call_again(struct execution *caller, const struct callee *callee, const void *body,
                       size_t body_size, const struct remote_file *attachment,
                       struct http_response *response, struct error *err)
{
    struct flow kept;
    if (!kept_module_open(&kept, caller->environment->workspace, callee->digest, err))
        return fail_callee(caller, callee, err);
    bool ok = run_callee(caller, callee, &kept, body, body_size, attachment, response, err);
    kept_module_close(&kept);
    return ok;
}

static bool call_here(struct execution *caller, const char *name, const void *body, size_t body_size,
                      const struct remote_file *attachment, struct http_response *response,
                      struct error *err)
{
    struct service *service = caller->environment->flows;
    struct callee callee;
    size_t index;
    if (!find_callee(caller, &callee, err))
        return suspend(caller, err->message, err);
    if (callee.id[0])
        return call_again(caller, &callee, body, body_size, attachment, response, err);
    if (!activation_find(service, name, &index, err))
        return false;
    const struct flow *flow = registry_flow(&service->registry, index);
    if (body_size > flow->manifest->input_bytes) {
        answer_too_large(flow->manifest, body_size, response);
        return true;
    }
    return run_callee(caller, &callee, flow, body, body_size, attachment, response, err);
}

static bool should_stop(void *context)
{
    const struct execution *caller = context;
    return guest_should_stop(caller->guest) || watch_should_stop(caller->watch);
}

static struct remote_stream *filter_file(void *context, const struct remote_file *file,
                                         struct remote_stream *input, struct error *err)
{
    return filter_stream_open(context, file, input, err);
}

/* OIC's address of a REST trigger; the version segment 1.0 is what Oracle's guide prints. */
static bool call_there(struct execution *caller, const struct connection *connection,
                       const char *name, const void *body, size_t body_size,
                       const struct remote_file *attachment, struct http_response *response,
                       struct error *err)
{
    const struct service *service = caller->environment->flows;
    size_t index;
    const char *trigger_path = NULL;
    if (registry_find(&service->registry, name, &index, NULL))
        trigger_path = registry_flow(&service->registry, index)->manifest->trigger_path;
    char path[REMOTE_PATH_SIZE];
    int length = snprintf(path, sizeof path, "/ic/api/integration/v1/flows/rest/%s/1.0%s", name,
                          trigger_path ? trigger_path : "/");
    if (length < 0 || length >= (int)sizeof path)
        return error_set(err, ERROR_LIMIT, "the address of flow '%s' is too long", name);
    const struct http_request request = {
        .method = "POST",
        .path = path,
        .content_type = "application/json",
        .body = body,
        .body_size = body_size,
        .attachment = attachment,
        .attachment_name = attachment ? attachment->name : NULL,
    };
    const struct transfer_call call = {
        .deadline_ms = caller->wall_deadline_ms,
        .should_stop = should_stop,
        .filter = filter_file,
        .context = caller,
        .file_size_max = service->workspace->file_size_max,
        .instance = caller->instance,
        .traceparent = caller->traceparent,
        .tracestate = caller->trace_state,
    };
    return http_call(service->transfer, connection, &request, &call, response, err);
}

bool child_call(struct execution *caller, const struct connection *connection, const char *flow,
                const void *body, size_t body_size, const struct remote_file *attachment,
                struct http_response *response, struct error *err)
{
    if (caller->depth + 1 >= SANDBOX_DEPTH_MAX)
        return error_set(err, ERROR_LIMIT, "flows call flows more than %d deep",
                         SANDBOX_DEPTH_MAX);
    switch (connection->type) {
    case CONNECTION_LOCAL:
        return call_here(caller, flow, body, body_size, attachment, response, err);
    case CONNECTION_REST:
        return call_there(caller, connection, flow, body, body_size, attachment, response, err);
    default:
        return error_set(err, ERROR_UNSUPPORTED,
                         "connection '%s' is of type \"%s\"; child flows need \"local\" or \"rest\"",
                         connection->name, connection_type_name(connection->type));
    }
}
