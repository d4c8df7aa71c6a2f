/* SPDX-License-Identifier: MIT */
/*
 * flow.call: a child flow in this process, or at another host that keeps OIC's addresses. The file
 * is passed by reference here and streamed as multipart/mixed there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "capability/watch.h"
#include "flow/activation.h"
#include "flow/execute.h"
#include "flow/fault.h"

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

static bool call_here(struct execution *caller, const char *name, const void *body, size_t body_size,
                      const struct remote_file *attachment, struct http_response *response,
                      struct error *err)
{
    struct service *service = caller->environment->flows;
    size_t index;
    if (!activation_find(service, name, &index, err))
        return false;
    const struct flow *flow = registry_flow(&service->registry, index);
    if (body_size > flow->manifest->input_bytes) {
        answer_too_large(flow->manifest, body_size, response);
        return true;
    }
    struct execution *child = calloc(1, sizeof *child);
    if (!child)
        return error_set(err, ERROR_LIMIT, "out of memory");
    const struct execution_start start = {
        .flow = flow,
        .index = index,
        .caller = caller,
        .trigger = "call",
        .invoked_by = caller->manifest->identifier,
        .input = body,
        .input_size = body_size,
        .attachment = attachment,
        .watch = caller->watch,
    };
    struct execution_end end;
    struct error problem = {0};
    bool ok = execute(service, &start, child, &end, &problem);
    if (!ok && end.has_run) { /* what it did is done: its answer stands */
        log_line(LOG_ERROR, child->instance, "the end could not be recorded: %s", problem.message);
        ok = true;
    }
    if (!ok && err)
        *err = problem;
    if (ok) {
        const char *content_type;
        buf_init(&response->headers, 1024);
        buf_init(&response->body, HTTP_RESPONSE_SIZE_MAX);
        response->status = execution_answer(child, &end, &response->body, &content_type);
        buf_printf(&response->headers, "content-type: %s\n", content_type);
    }
    execution_release(child);
    free(child);
    return ok;
}

static bool should_stop(void *context)
{
    const struct execution *caller = context;
    return guest_should_stop(caller->guest) || watch_should_stop(caller->watch);
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
        .context = caller,
        .file_size_max = service->workspace->file_size_max,
        .instance = caller->instance,
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
