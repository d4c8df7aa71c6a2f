/* SPDX-License-Identifier: MIT */
/* Instance row, sandbox, end; see execute.h. */
#include "flow/execute.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/json.h"
#include "capability/journal.h"
#include "flow/activation.h"
#include "flow/customisation.h"
#include "flow/fault.h"
#include "flow/kept_module.h"
#include "flow/observe.h"
#include "flow/trace.h"
#include "store/store_journal.h"

#define PAGES_PER_MIB 16u
#define EXIT_PARTLY_DONE 3

static bool make_instance_id(char id[INSTANCE_ID_SIZE], struct error *err)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned char random[INSTANCE_ID_SIZE - 1];
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        return error_errno(err, ERROR_INTERNAL, errno, "no randomness for an instance id");
    for (size_t i = 0; i < sizeof random; i++)
        id[i] = digits[random[i] & 63];
    if (id[0] == '-')
        id[0] = 'A'; /* never looks like an option */
    id[INSTANCE_ID_SIZE - 1] = '\0';
    return true;
}

static void format_parameters(const struct execution_start *start, struct buf *out)
{
    buf_append_char(out, '{');
    for (size_t i = 0; i < start->parameter_count; i++) {
        if (i > 0)
            buf_append_char(out, ',');
        json_append_text(out, start->parameters[i].name, strlen(start->parameters[i].name));
        buf_append_char(out, ':');
        json_append_text(out, start->parameters[i].value, strlen(start->parameters[i].value));
    }
    buf_append_char(out, '}');
}

/* A flow whose manifest says so, unless what it was given cannot be had again (a file that came with it
 * from outside, or a caller that is not resumed itself) or the journal would end with the process. */
static bool is_durable(const struct service *service, const struct execution_start *start)
{
    if (service->workspace->store_place == STORE_MEMORY_ONLY)
        return false;
    if (start->flow->manifest->durability != DURABLE)
        return false;
    return start->caller ? start->caller->journal != NULL : start->attachment == NULL;
}

/* What is done again later needs its message: a run from outside that is not such a repetition itself, and
 * whatever goes on after its process has ended or is replayed. */
static bool keeps_message(const struct service *service, const struct execution_start *start,
                          const struct execution *execution)
{
    return execution->tracing == TRACING_DEBUG || is_durable(service, start) ||
           (!start->caller && !start->resubmits);
}

static bool record_start(struct service *service, const struct execution_start *start,
                         const struct execution *execution, struct error *err)
{
    const struct manifest *manifest = start->flow->manifest;
    struct buf parameters, filters;
    buf_init(&parameters, 1u << 20);
    buf_init(&filters, FILTER_SETS_TEXT_MAX);
    format_parameters(start, &parameters);
    filter_set_text(execution->filters, NULL, &filters);
    const struct instance_start row = {
        .id = execution->instance,
        .flow = manifest->identifier,
        .flow_name = manifest->name,
        .version = manifest->version,
        .module_digest = module_digest(start->flow->module),
        .trigger = start->trigger,
        .invoked_by = start->invoked_by,
        .parent = start->caller ? start->caller->instance : NULL,
        .parameters = buf_text(&parameters),
        .tracing = tracing_names[execution->tracing],
        .input = keeps_message(service, start, execution) ? start->input : NULL,
        .input_size = start->input_size,
        .started_ms = execution->started_ms,
        .resubmits = start->resubmits,
        .is_durable = is_durable(service, start),
        .call_number = execution->call_number,
        .is_tracked = manifest->durability == TRACKED || start->caller,
        .trace = execution->trace.id,
        .span = execution->trace.span,
        .parent_span = execution->parent_span[0] ? execution->parent_span : NULL,
        .filters = filters.size ? buf_text(&filters) : NULL,
    };
    bool ok = store_instance_start(service->store, &row, err);
    buf_release(&parameters);
    buf_release(&filters);
    return ok;
}

static uint32_t smaller(uint32_t wanted, uint32_t ceiling)
{
    return ceiling && ceiling < wanted ? ceiling : wanted;
}

static void set_up(struct service *service, const struct execution_start *start,
                   struct execution *execution)
{
    const struct manifest *manifest = start->flow->manifest;
    uint32_t wall_s = smaller(manifest->wall_s, service->workspace->run_wall_s_max);
    execution->caller = start->caller;
    execution->snapshot = start->caller ? snapshot_hold(start->caller->snapshot)
                                        : workspace_snapshot(service->workspace);
    execution->depth = start->caller ? start->caller->depth + 1 : 0;
    execution->tracing =
        start->tracing ? *start->tracing : activation_tracing(service, manifest);
    execution->trigger = start->trigger;
    execution->invoked_by = start->invoked_by;
    execution->is_replay = start->is_replay;
    execution->call_number =
        start->caller && start->caller->journal ? journal_number(start->caller->journal) : 0;
    execution->started_ms = start->resumes ? start->started_ms : clock_wall_ms();
    execution->wall_deadline_ms = clock_monotonic_ms() + (int64_t)wall_s * 1000;
    if (start->deadline_ms > 0 && start->deadline_ms < execution->wall_deadline_ms)
        execution->wall_deadline_ms = start->deadline_ms;
    if (start->caller && start->caller->wall_deadline_ms < execution->wall_deadline_ms)
        execution->wall_deadline_ms = start->caller->wall_deadline_ms;
    execution->parameters = start->parameters;
    execution->parameter_count = start->parameter_count;
    execution->input = start->input;
    execution->input_size = start->input_size;
    execution->attachment = start->attachment;
    execution->watch = start->watch;
}

static void judge(struct execution *execution, struct execution_end *end)
{
    const struct sandbox_result *sandbox = &end->sandbox;
    char detail[256];
    end->state = INSTANCE_FAILED;
    end->exit_status = 1;
    if (sandbox->fault != FAULT_NONE) {
        end->state = sandbox->fault == FAULT_CANCELLED ? INSTANCE_ABORTED : INSTANCE_FAILED;
        execution->has_fault = false; /* what stopped it matters more than what it had prepared */
        buf_clear(&execution->fault_detail);
        execution_fault(execution, fault_name(sandbox->fault), fault_text(sandbox->fault),
                        execution->stop ? execution->stop_detail : sandbox->detail);
    } else if (sandbox->exit_status == EXIT_PARTLY_DONE) {
        end->exit_status = EXIT_PARTLY_DONE;
    } else if (sandbox->exit_status == 0 && !execution->has_fault) {
        end->state = INSTANCE_COMPLETED;
        end->exit_status = 0;
        return;
    }
    snprintf(detail, sizeof detail, "the flow exited with status %d", sandbox->exit_status);
    execution_fault(execution, "flow_failed", "The flow reported a failure", detail);
}

static bool record_end(struct service *service, const struct execution *execution,
                       const struct execution_end *end, struct error *err)
{
    bool failed = end->state != INSTANCE_COMPLETED;
    bool answered = manifest_answers(execution->manifest);
    const struct instance_end row = {
        .state = end->state,
        .finished_ms = clock_wall_ms(),
        .exit_status = end->exit_status,
        .fault_code = failed ? execution->fault_code : NULL,
        .fault_title = failed ? execution->fault_title : NULL,
        .fault_detail = failed ? buf_text(&execution->fault_detail) : NULL,
        .cpu_us = end->sandbox.cpu_us,
        .memory_bytes = (uint64_t)end->sandbox.memory_pages_peak * 65536,
        .import_calls = end->sandbox.import_calls,
        .response_status = answered ? execution->response_status : 0,
        .response = execution->tracing == TRACING_DEBUG ? buf_text(&execution->response) : NULL,
        .response_size = execution->response.size,
    };
    return store_instance_finish(service->store, execution->instance, &row, err);
}

static bool name_instance(const struct execution_start *start, struct execution *execution,
                          struct error *err)
{
    if (!start->resumes)
        return make_instance_id(execution->instance, err);
    snprintf(execution->instance, sizeof execution->instance, "%s", start->resumes);
    return true;
}

static bool take_filters(void *context, const struct instance_row *row)
{
    buf_append_text(context, row->filters ? row->filters : "");
    return false;
}

/* Those that lie there now, or those that it began with. */
static bool choose_filters(struct service *service, const struct execution_start *start,
                           struct execution *execution, struct error *err)
{
    struct buf text;
    const struct manifest *manifest = start->flow->manifest;
    if (!start->resumes)
        return customisations_current(service->customisations, manifest, &execution->filters, err);
    buf_init(&text, FILTER_SETS_TEXT_MAX);
    bool ok = store_instance(service->store, start->resumes, take_filters, &text, err) &&
              (text.size == 0 ||
               customisations_recall(service->customisations, manifest, buf_text(&text),
                                     &execution->filters, err));
    buf_release(&text);
    return ok;
}

/* The instance: a new row, or the one that goes on. Its journal comes first: without one there is no row that
 * nobody would go on with. */
static bool begin(struct service *service, const struct execution_start *start,
                  struct execution *execution, bool *has_row, struct error *err)
{
    bool durable = is_durable(service, start);
    *has_row = start->resumes != NULL;
    if (durable && !journal_open(&execution->journal, service->store, execution->instance,
                                 start->is_replay ? JOURNAL_REPLAY : JOURNAL_RECORD, err))
        return false;
    if (!*has_row && ((durable && !kept_module_keep(service->workspace, start->flow, err)) ||
                      !record_start(service, start, execution, err)))
        return false;
    *has_row = true;
    return true;
}

/* What is known by now need not be in doubt later. */
static void keep_results(const struct execution *execution)
{
    struct error err = {0};
    if (execution->journal && !journal_flush(execution->journal, &err))
        log_line(LOG_WARNING, execution->instance, "its newest results are not kept: %s", err.message);
}

/* Suspended: nothing is recorded, so that it stays what it is, unfinished. */
static bool finish(struct service *service, const struct execution_start *start,
                   struct execution *execution, struct execution_end *end, struct error *err)
{
    if (end->sandbox.fault == FAULT_SUSPENDED) {
        end->state = INSTANCE_IN_PROGRESS;
        keep_results(execution);
        return start->caller || start->is_replay ||
               store_give_back(service->store, execution->instance, execution->stop_detail, err);
    }
    return start->is_replay ||
           ((!execution->journal || journal_flush(execution->journal, err)) &&
            record_end(service, execution, end, err));
}

/* It ran, but that cannot be recorded. Where no journal lets it or its caller go on later, what it did is done,
 * and whoever asked for it is told so. */
static bool stands_unrecorded(const struct execution_start *start, const struct execution *execution,
                              const struct execution_end *end, const struct error *problem)
{
    if (end->state == INSTANCE_IN_PROGRESS)
        return false;
    log_line(LOG_ERROR, execution->instance, "the end could not be recorded: %s", problem->message);
    return !execution->journal && !(start->caller && start->caller->journal);
}

/* No end was recorded: whoever looks for unfinished instances finds it, this process, too. A callee belongs
 * to its caller. */
static void leave_unfinished(struct service *service, const struct execution_start *start,
                             const struct execution *execution, const struct error *why)
{
    struct error err = {0};
    if (!is_durable(service, start) || start->caller || start->is_replay)
        return;
    if (!store_give_back(service->store, execution->instance, why->message, &err))
        log_line(LOG_ERROR, execution->instance, "it is unfinished, and why could not be recorded: %s",
                 err.message);
}

static void run_guest(struct service *service, const struct execution_start *start,
                      struct execution *execution, struct execution_end *end)
{
    const struct manifest *manifest = start->flow->manifest;
    const struct sandbox_limits limits = {
        .memory_pages_max =
            smaller(manifest->memory_mib, service->workspace->memory_mib_max) * PAGES_PER_MIB,
        .cpu_ms = manifest->cpu_ms,
        .wall_deadline_ms = execution->wall_deadline_ms,
        .import_calls_max = manifest->import_calls,
    };
    watch_started(start->watch, execution->instance, manifest->identifier);
    sandbox_run(start->flow->module, &limits, execution, &end->sandbox);
    execution_flush_line(execution);
    judge(execution, end);
    end->has_run = true;
}

bool execute(struct service *service, const struct execution_start *start,
             struct execution *execution, struct execution_end *end, struct error *err)
{
    struct running_entry entry;
    struct log_scope scope;
    int64_t started_ms = clock_monotonic_ms();
    *end = (struct execution_end){.state = INSTANCE_FAILED, .exit_status = 1};
    execution_init(execution, &service->environment, start->flow->manifest);
    set_up(service, start, execution);
    if (!name_instance(start, execution, err) || !choose_filters(service, start, execution, err) ||
        !trace_begin(start, execution, err))
        return false;
    observe_begin(execution, &scope);
    running_add(&service->running, &entry, execution); /* who reads of it in the store can stop it */
    bool has_row, ok = begin(service, start, execution, &has_row, err);
    if (ok)
        run_guest(service, start, execution, end);
    running_remove(&service->running, &entry);
    end->duration_ms = clock_monotonic_ms() - started_ms;
    ok = ok && (finish(service, start, execution, end, err) ||
                stands_unrecorded(start, execution, end, err));
    if (!ok && has_row && end->state != INSTANCE_IN_PROGRESS) /* else it was tried */
        leave_unfinished(service, start, execution, err);
    return observe_end(service, execution, end, &scope, ok);
}

int execution_answer(const struct execution *execution, const struct execution_end *end,
                     struct buf *body, const char **content_type)
{
    *content_type = "application/json";
    bool trapped = end->sandbox.fault != FAULT_NONE;
    /* A flow that said 200 and failed after that has not done what its caller asked for. */
    bool contradicts = end->exit_status == 1 && execution->response_status < 400;
    if (execution->response_status != 0 && !trapped && !contradicts) {
        *content_type = execution->response_type;
        buf_append(body, buf_text(&execution->response), execution->response.size);
        return execution->response_status;
    }
    if (end->state == INSTANCE_COMPLETED)
        return 200;
    bool timed_out = end->sandbox.fault == FAULT_WALL_DEADLINE;
    const struct fault_report fault = {
        .status = timed_out ? 504 : 500,
        .code = execution->fault_code,
        .title = execution->fault_title,
        .detail = buf_text(&execution->fault_detail),
        .instance = execution->instance,
    };
    fault_format(&fault, body);
    return fault.status;
}
