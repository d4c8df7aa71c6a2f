/* SPDX-License-Identifier: MIT */
/* Log lines, numbers and spans of executions; see observe.h. */
#include "flow/observe.h"

#include <string.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "flow/trace.h"

static const enum instance_state ends[] = {INSTANCE_COMPLETED, INSTANCE_FAILED, INSTANCE_ABORTED};

void observe_flows(const struct registry *registry)
{
    for (size_t i = 0; i < registry->count; i++) {
        const struct manifest *manifest = registry_flow(registry, i)->manifest;
        for (size_t j = 0; j < sizeof ends / sizeof ends[0]; j++)
            metric_count(METRIC_EXECUTIONS, manifest->identifier, instance_state_name(ends[j]), 0);
        if (strcmp(manifest->trigger_type, "schedule") == 0) {
            metric_count(METRIC_SCHEDULE_RUNS, manifest->identifier, "run", 0);
            metric_count(METRIC_SCHEDULE_RUNS, manifest->identifier, "skipped", 0);
        }
    }
}

void observe_begin(const struct execution *execution, struct log_scope *scope)
{
    log_enter(scope, execution->instance, execution->trace.id);
    metric_add(METRIC_EXECUTIONS_RUNNING, 1);
}

static void count_files(const char *flow, const struct file_counts *files)
{
    const struct {
        const char *state;
        uint64_t count;
    } counts[] = {
        {"found", files->found},
        {"transferred", files->transferred},
        {"not_transferred", files->not_transferred},
        {"postponed", files->postponed},
    };
    for (size_t i = 0; files->found > 0 && i < sizeof counts / sizeof counts[0]; i++)
        metric_count(METRIC_FILES, flow, counts[i].state, (int64_t)counts[i].count);
}

static void count(const struct execution *execution, const struct execution_end *end,
                  int64_t duration_us)
{
    const char *flow = execution->manifest->identifier;
    metric_count(METRIC_EXECUTIONS, flow, instance_state_name(end->state), 1);
    metric_observe(METRIC_EXECUTION_SECONDS, flow, duration_us);
    count_files(flow, &execution->files);
    if (strcmp(execution->trigger, "schedule") == 0)
        metric_count(METRIC_SCHEDULE_RUNS, flow, "run", 1);
}

static int64_t if_any(uint64_t count)
{
    return count > 0 ? (int64_t)count : LOG_NO_VALUE;
}

static void tell(const struct execution *execution, const struct execution_end *end,
                 int64_t duration_us)
{
    const struct file_counts *files = &execution->files;
    bool failed = end->state != INSTANCE_COMPLETED;
    const struct log_field fields[] = {
        {"flow", execution->manifest->identifier, 0},
        {"trigger", execution->trigger, 0},
        {"invoked_by", execution->invoked_by ? execution->invoked_by : "", 0},
        {"parent", execution->caller ? execution->caller->instance : "", 0},
        {"state", instance_state_name(end->state), 0},
        {"exit_status", NULL, end->exit_status},
        {"response_status", NULL, if_any((uint64_t)execution->response_status)},
        {"duration_us", NULL, duration_us},
        {"files_found", NULL, if_any(files->found)},
        {"files_transferred", NULL, if_any(files->transferred)},
        {"files_not_transferred", NULL, if_any(files->not_transferred)},
        {"files_postponed", NULL, if_any(files->postponed)},
        {"bytes", NULL, if_any(execution->bytes)},
        {"fault", failed ? execution->fault_code : "", 0},
        {"fault_title", failed ? execution->fault_title : "", 0},
    };
    log_event(failed ? LOG_WARNING : LOG_INFO, "execution ended", fields,
              sizeof fields / sizeof fields[0]);
}

static void tell_observer(const struct service *service, const struct execution *execution,
                          const struct execution_end *end)
{
    struct run_outcome outcome;
    char traceparent[TRACE_PARENT_SIZE];
    execution_outcome(&outcome, execution, end);
    service->observer.ended(service->observer.context, &(struct run_end){
        .manifest = execution->manifest,
        .outcome = &outcome,
        .traceparent = trace_format(&execution->trace, traceparent),
        .tracestate = execution->trace_state,
        .finished_ms = clock_wall_ms(),
    });
    run_outcome_release(&outcome);
}

bool observe_end(const struct service *service, struct execution *execution,
                 const struct execution_end *end, struct log_scope *scope, bool ok)
{
    int64_t duration_us = (clock_monotonic_ns() - execution->started_ns) / 1000;
    metric_add(METRIC_EXECUTIONS_RUNNING, -1);
    /* What is suspended has not ended, nor has what could not be recorded and goes on later; what is replayed
     * had ended before. */
    if (ok && end->has_run && end->state != INSTANCE_IN_PROGRESS && !execution->is_replay) {
        count(execution, end, duration_us);
        trace_end(execution, end);
        if (service->tells_ends)
            tell(execution, end, duration_us);
        if (execution->caller)
            execution->caller->bytes += execution->bytes;
        else if (service->observer.ended)
            tell_observer(service, execution, end);
    }
    log_leave(scope);
    return ok;
}
