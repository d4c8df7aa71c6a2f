/* SPDX-License-Identifier: MIT */
/* A run as it is asked for from outside: parameters, lock, limits, then execute. See flow.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "capability/leftover.h"
#include "flow/activation.h"
#include "flow/execute.h"
#include "flow/fault.h"
#include "flow/resume.h"
#include "flow/run_lock.h"
#include "flow/timetable.h"
#include "store/store_journal.h"
#include "store/store_reminder.h"

/* ---- parameters ------------------------------------------------------------------------------ */

struct parameter_set {
    struct named_value values[MANIFEST_PARAMETERS_MAX];
    size_t count;
    struct timetable_entry schedule; /* which some values belong to */
};

static bool check_known(const struct manifest *manifest, const struct run_request *request,
                        struct error *err)
{
    const char *names[MANIFEST_PARAMETERS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < manifest->parameter_count; i++)
        names[count++] = manifest->parameters[i].name;
    for (size_t i = 0; i < request->parameter_count; i++) {
        const char *name = request->parameters[i].name;
        bool known = false;
        for (size_t j = 0; j < count; j++)
            known |= strcmp(names[j], name) == 0;
        if (known)
            continue;
        const char *nearest = text_nearest(name, names, count);
        return error_set(err, ERROR_INVALID, "flow '%s' has no parameter '%s'%s%s%s",
                         manifest->identifier, name, nearest ? "; did you mean '" : "",
                         nearest ? nearest : "", nearest ? "'?" : "");
    }
    return true;
}

static bool check_once(const struct run_request *request, struct error *err)
{
    for (size_t i = 0; i < request->parameter_count; i++)
        for (size_t j = 0; j < i; j++)
            if (strcmp(request->parameters[i].name, request->parameters[j].name) == 0)
                return error_set(err, ERROR_INVALID, "parameter '%s' is given twice",
                                 request->parameters[i].name);
    return true;
}

/* Values become parts of paths, mails and records. */
static bool check_value(const char *name, const char *value, struct error *err)
{
    size_t size = strlen(value);
    if (size > FLOW_PARAMETER_SIZE_MAX)
        return error_set(err, ERROR_LIMIT, "the value of parameter '%s' is longer than %u bytes",
                         name, FLOW_PARAMETER_SIZE_MAX);
    if (!text_is_utf8(value, size) || text_has_control(value))
        return error_set(err, ERROR_INVALID,
                         "the value of parameter '%s' is not UTF-8 text without control characters",
                         name);
    return true;
}

static const char *given_value(const struct run_request *request, const char *name)
{
    for (size_t i = 0; i < request->parameter_count; i++)
        if (strcmp(request->parameters[i].name, name) == 0)
            return request->parameters[i].value;
    return NULL;
}

static const char *scheduled_value(const struct timetable_entry *schedule, const char *name)
{
    for (size_t i = 0; i < schedule->definition.parameter_count; i++)
        if (strcmp(schedule->definition.parameters[i].name, name) == 0)
            return schedule->definition.parameters[i].value;
    return NULL;
}

/* The flow's schedule says what its runs are usually given. */
static bool find_schedule(const struct service *service, const struct run_request *request,
                          struct timetable_entry *schedule, struct error *err)
{
    struct error why = {0};
    if (request->without_schedule || service_manifest(service, request->flow)->parameter_count == 0 ||
        timetable_get(service, request->flow, schedule, &why) || why.kind == ERROR_NOT_FOUND)
        return true;
    if (err)
        *err = why;
    return false;
}

static bool collect_parameters(const struct service *service, const struct run_request *request,
                               struct parameter_set *out, struct error *err)
{
    const struct manifest *manifest = service_manifest(service, request->flow);
    if (!check_known(manifest, request, err) || !check_once(request, err) ||
        !find_schedule(service, request, &out->schedule, err))
        return false;
    for (size_t i = 0; i < manifest->parameter_count; i++) {
        const struct manifest_parameter *parameter = &manifest->parameters[i];
        const char *value = given_value(request, parameter->name);
        if (!value)
            value = scheduled_value(&out->schedule, parameter->name);
        if (!value)
            value = parameter->default_value;
        if (!value && parameter->required)
            return error_set(err, ERROR_INVALID,
                             "flow '%s' needs parameter '%s': give it with --param %s=VALUE or in "
                             "schedules.json",
                             manifest->identifier, parameter->name, parameter->name);
        if (value && !check_value(parameter->name, value, err))
            return false;
        if (value)
            out->values[out->count++] = (struct named_value){parameter->name, value};
    }
    return true;
}

/* ---- the run --------------------------------------------------------------------------------- */

static void outcome_init(struct run_outcome *outcome)
{
    *outcome = (struct run_outcome){.state = INSTANCE_FAILED, .exit_status = 1};
    buf_init(&outcome->response, EXECUTION_RESPONSE_MAX);
    buf_init(&outcome->fault_detail, EXECUTION_DETAIL_MAX);
}

void execution_outcome(struct run_outcome *outcome, const struct execution *execution,
                       const struct execution_end *end)
{
    const char *content_type;
    outcome_init(outcome);
    memcpy(outcome->instance, execution->instance, sizeof outcome->instance);
    memcpy(outcome->trace, execution->trace.id, sizeof outcome->trace);
    outcome->state = end->state;
    outcome->exit_status = end->exit_status;
    outcome->duration_ms = end->duration_ms;
    if (manifest_answers(execution->manifest)) {
        outcome->response_status =
            execution_answer(execution, end, &outcome->response, &content_type);
        snprintf(outcome->response_type, sizeof outcome->response_type, "%s", content_type);
    }
    snprintf(outcome->fault_code, sizeof outcome->fault_code, "%s", execution->fault_code);
    snprintf(outcome->fault_title, sizeof outcome->fault_title, "%s", execution->fault_title);
    buf_append_text(&outcome->fault_detail, buf_text(&execution->fault_detail));
    outcome->files_found = execution->files.found;
    outcome->files_transferred = execution->files.transferred;
    outcome->files_not_transferred = execution->files.not_transferred;
    outcome->files_postponed = execution->files.postponed;
}

void run_outcome_release(struct run_outcome *outcome)
{
    buf_release(&outcome->response);
    buf_release(&outcome->fault_detail);
}

/* A message that is too large never reaches a guest: the answer is 413 in the fault shape. */
static bool is_too_large(const struct manifest *manifest, const struct run_request *request,
                         struct run_outcome *outcome)
{
    if (request->body_size <= manifest->input_bytes)
        return false;
    char detail[128];
    snprintf(detail, sizeof detail, "the message has %zu bytes; flow '%.40s' takes at most %llu",
             request->body_size, manifest->identifier, (unsigned long long)manifest->input_bytes);
    const struct fault_report fault = {
        .status = 413,
        .code = "limit",
        .title = "Message too large",
        .detail = detail,
        .instance = "",
    };
    outcome->response_status = fault.status;
    snprintf(outcome->response_type, sizeof outcome->response_type, "application/json");
    fault_format(&fault, &outcome->response);
    snprintf(outcome->fault_code, sizeof outcome->fault_code, "%s", fault.code);
    snprintf(outcome->fault_title, sizeof outcome->fault_title, "%s", fault.title);
    buf_append_text(&outcome->fault_detail, detail);
    return true;
}

/* What a flow would never look at is a mistake of whoever gives it. */
static bool check_message(const struct manifest *manifest, const struct run_request *request,
                          struct error *err)
{
    if (request->body_size > 0 && !manifest_answers(manifest))
        return error_set(err, ERROR_INVALID,
                         "flow '%s' runs on a schedule and takes no message, only parameters",
                         manifest->identifier);
    if ((request->attachment || request->stream) && !manifest->multipart)
        return error_set(err, ERROR_INVALID, "flow '%s' takes no file with its message",
                         manifest->identifier);
    return true;
}

static bool run_new(struct service *service, const struct execution_start *start,
                    struct run_outcome *outcome, struct error *err)
{
    struct execution_end end;
    struct execution *execution = calloc(1, sizeof *execution);
    if (!execution)
        return error_set(err, ERROR_LIMIT, "out of memory");
    bool ok = execute(service, start, execution, &end, err);
    if (ok)
        execution_outcome(outcome, execution, &end);
    execution_release(execution);
    free(execution);
    return ok;
}

/* What earlier runs left comes first: unfinished instances, and what other processes know. One that a process
 * left and could not give back is that one's to go on with: what it knows of it may not be on the disk yet. */
static bool begin_alone(struct service *service, const struct flow *flow,
                        const struct run_request *request, struct error *err)
{
    return store_reminders_refresh(service->store, err) &&
           resume_flow(service, flow->manifest->identifier, request->watch,
                       request->deadline_ms, err) &&
           store_none_open(service->store, flow->manifest->identifier, err) &&
           leftover_sweep(&service->environment, request->watch, err);
}

static bool run_locked(struct service *service, const struct run_request *request,
                       const struct parameter_set *parameters, const struct remote_file *attachment,
                       struct run_outcome *outcome, struct error *err)
{
    const struct flow *flow = registry_flow(&service->registry, request->flow);
    const struct execution_start start = {
        .flow = flow,
        .trigger = request->trigger,
        .invoked_by = request->invoked_by,
        .parameters = parameters->values,
        .parameter_count = parameters->count,
        .input = request->body,
        .input_size = request->body_size,
        .attachment = attachment,
        .watch = request->watch,
        .deadline_ms = request->deadline_ms,
        .tracing = request->tracing,
        .resubmits = request->resubmits,
        .traceparent = request->traceparent,
        .tracestate = request->tracestate,
    };
    bool alone = !manifest_answers(flow->manifest);
    int lock = -1;
    if (alone && !run_lock_take(service->workspace->state_folder, flow->manifest->identifier, &lock,
                                err))
        return false;
    bool ok = (!alone || begin_alone(service, flow, request, err)) &&
              run_new(service, &start, outcome, err);
    run_lock_release(lock);
    return ok;
}

bool service_check_run(const struct service *service, const struct run_request *request,
                       struct error *err)
{
    struct parameter_set parameters = {.count = 0};
    bool ok = check_message(service_manifest(service, request->flow), request, err) &&
              collect_parameters(service, request, &parameters, err);
    timetable_entry_release(&parameters.schedule);
    return ok;
}

/* *attachment is to be released if it was there. */
static bool open_attachment(const struct run_request *request, struct remote_file *attachment,
                            struct error *err)
{
    if (request->attachment)
        return remote_open_local(request->attachment, attachment, err);
    return !request->stream || remote_open_stream(request->stream, "attachment",
                                                  request->stream_size, attachment, err);
}

static bool run_with(struct service *service, const struct run_request *request,
                     const struct parameter_set *parameters, struct run_outcome *outcome,
                     struct error *err)
{
    struct remote_file attachment = {0};
    if (is_too_large(service_manifest(service, request->flow), request, outcome))
        return true;
    if (!open_attachment(request, &attachment, err))
        return false;
    bool ok = run_locked(service, request, parameters, attachment.name ? &attachment : NULL, outcome,
                         err);
    remote_file_release(&attachment);
    return ok;
}

bool service_run(struct service *service, const struct run_request *request,
                 struct run_outcome *outcome, struct error *err)
{
    const struct manifest *manifest = service_manifest(service, request->flow);
    struct parameter_set parameters = {.count = 0};
    outcome_init(outcome);
    bool ok = activation_require(service, request->flow, err) &&
              check_message(manifest, request, err) &&
              collect_parameters(service, request, &parameters, err) &&
              run_with(service, request, &parameters, outcome, err);
    timetable_entry_release(&parameters.schedule);
    return ok;
}
