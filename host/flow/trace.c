/* SPDX-License-Identifier: MIT */
/* The place of an execution in a trace, and its span; see trace.h. */
#include "flow/trace.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "capability/observe.h"

static void below_caller(struct execution *execution, const struct execution *caller)
{
    execution->trace = caller->trace;
    execution->trace_state = caller->trace_state;
    memcpy(execution->parent_span, caller->call_span, sizeof execution->parent_span);
}

/* A tracestate that breaks the rules is left out alone; without a valid traceparent it says nothing. */
static bool below_request(struct execution *execution, const struct execution_start *start)
{
    char state[TRACE_STATE_SIZE];
    if (!start->traceparent || !trace_parse(start->traceparent, &execution->trace))
        return false;
    memcpy(execution->parent_span, execution->trace.span, sizeof execution->parent_span);
    if (start->tracestate && trace_state_take(start->tracestate, state))
        execution->trace_state = arena_copy(&execution->arena, state, strlen(state));
    return true;
}

static void begin_trace(struct execution *execution, const uint64_t random[static 2])
{
    const struct environment *environment = execution->environment;
    uint32_t one_in = environment->workspace->traces.sample_one_in;
    trace_make_id(random, execution->trace.id, TRACE_ID_SIZE);
    execution->trace.is_sampled = environment->otlp && one_in > 0 && random[1] % one_in == 0;
}

bool trace_begin(const struct execution_start *start, struct execution *execution,
                 struct error *err)
{
    uint64_t random[4];
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        return error_errno(err, ERROR_INTERNAL, errno, "no randomness for a trace's ids");
    if (start->caller)
        below_caller(execution, start->caller);
    else if (!below_request(execution, start))
        begin_trace(execution, random);
    trace_make_id(random + 2, execution->trace.span, TRACE_SPAN_SIZE);
    memcpy(execution->call_span, execution->trace.span, sizeof execution->call_span);
    trace_format(&execution->trace, execution->traceparent);
    execution->started_wall_ns = clock_wall_ns();
    execution->started_ns = clock_monotonic_ns();
    return true;
}

/* ---- the span ---------------------------------------------------------------------------------- */

/* OpenTelemetry's words for what started a function. */
static const char *faas_trigger(const char *trigger)
{
    if (strcmp(trigger, "rest") == 0)
        return "http";
    return strcmp(trigger, "schedule") == 0 ? "timer" : "other";
}

static void send_span(const struct execution *execution, const struct execution_end *end)
{
    const struct manifest *manifest = execution->manifest;
    bool failed = end->state != INSTANCE_COMPLETED;
    const struct otlp_attribute attributes[] = {
        {"sluice.instance", execution->instance, 0},
        {"sluice.flow", manifest->identifier, 0},
        {"sluice.flow.version", manifest->version, 0},
        {"sluice.trigger", execution->trigger, 0},
        {"sluice.state", instance_state_name(end->state), 0},
        {"sluice.files.found", NULL, (int64_t)execution->files.found},
        {"sluice.files.transferred", NULL, (int64_t)execution->files.transferred},
        {"sluice.bytes", NULL, (int64_t)execution->bytes},
        {"faas.trigger", faas_trigger(execution->trigger), 0},
        {"faas.invocation_id", execution->instance, 0},
        {"error.type", failed ? execution->fault_code : "", 0},
    };
    const struct otlp_span span = {
        .trace = execution->trace.id,
        .span = execution->trace.span,
        .parent = execution->parent_span,
        .state = execution->trace_state,
        .name = manifest->identifier,
        .kind = strcmp(execution->trigger, "rest") == 0 ? OTLP_SERVER : OTLP_INTERNAL,
        .start_ns = execution->started_wall_ns,
        .end_ns = execution->started_wall_ns + (clock_monotonic_ns() - execution->started_ns),
        .has_failed = failed,
        .message = failed ? execution->fault_title : NULL,
        .attributes = attributes,
        .attribute_count = sizeof attributes / sizeof attributes[0],
    };
    otlp_send(execution->environment->otlp, &span);
}

void trace_end(const struct execution *execution, const struct execution_end *end)
{
    if (observe_is_traced(execution))
        send_span(execution, end);
}
