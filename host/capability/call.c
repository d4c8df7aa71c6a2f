/* SPDX-License-Identifier: MIT */
/* The one path of every import: check, grant, handle, record. See call.h. */
#include "capability/call.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "capability/filter_stream.h"
#include "capability/journal.h"
#include "capability/observe.h"
#include "capability/retry.h"
#include "capability/watch.h"

/* ---- status and results -------------------------------------------------------------------- */

static int32_t status_of(enum error_kind kind)
{
    static const int32_t statuses[] = {
        [ERROR_NONE] = SLUICE_INTERNAL,
        [ERROR_INVALID] = SLUICE_INVALID,
        [ERROR_NOT_FOUND] = SLUICE_NOT_FOUND,
        [ERROR_EXISTS] = SLUICE_EXISTS,
        [ERROR_DENIED] = SLUICE_DENIED,
        [ERROR_LIMIT] = SLUICE_LIMIT,
        [ERROR_UNAVAILABLE] = SLUICE_UNAVAILABLE,
        [ERROR_REFUSED] = SLUICE_REFUSED,
        [ERROR_BROKEN] = SLUICE_BROKEN,
        [ERROR_UNKNOWN] = SLUICE_UNKNOWN,
        [ERROR_TIMEOUT] = SLUICE_TIMEOUT,
        [ERROR_CANCELLED] = SLUICE_CANCELLED,
        [ERROR_UNSUPPORTED] = SLUICE_UNSUPPORTED,
        [ERROR_FILTER] = SLUICE_FILTER,
        [ERROR_INTERNAL] = SLUICE_INTERNAL,
    };
    return statuses[kind];
}

int32_t call_failed(const struct call *call)
{
    return status_of(call->error.kind);
}

int32_t call_put(const struct argument *out, const void *bytes, size_t size)
{
    size_t written = size < out->size ? size : out->size;
    if (written > 0)
        memcpy(out->out, bytes, written);
    return (int32_t)size;
}

int32_t call_put_text(const struct argument *out, const char *text)
{
    return call_put(out, text, strlen(text));
}

int32_t call_out_of_memory(struct call *call)
{
    error_out_of_memory(&call->error);
    return call_failed(call);
}

int32_t call_open_handle(struct call *call, enum handle_kind kind, void *object,
                         handle_release_fn *release)
{
    int32_t handle = handle_open(&call->execution->handles, kind, object, release);
    if (handle == 0) {
        if (release)
            release(object);
        error_set(&call->error, ERROR_LIMIT, "more than %u open handles: close what is no longer needed",
                  SLUICE_HANDLES_MAX);
        return call_failed(call);
    }
    if (kind == HANDLE_FILE && !opened_note(&call->execution->opened, object)) {
        handle_close(&call->execution->handles, (uint32_t)handle);
        return call_out_of_memory(call);
    }
    call->opened = kind;
    return handle;
}

/* ---- arguments ------------------------------------------------------------------------------ */

static unsigned words_of(enum parameter_kind kind)
{
    return kind == PARAMETER_TEXT || kind == PARAMETER_BYTES || kind == PARAMETER_OUT ? 2 : 1;
}

/* Turns words into pointers. The only part that may trap, so it comes before anything is held. */
static void map_arguments(struct guest *guest, struct call *call, const uint32_t words[])
{
    for (unsigned i = 0; i < call->import->parameter_count; i++) {
        enum parameter_kind kind = call->import->parameters[i].kind;
        struct argument *arg = &call->args[i];
        arg->number = words[0];
        if (words_of(kind) == 2) {
            arg->size = words[1];
            arg->out = guest_range(guest, words[0], words[1]);
            arg->text = arg->out;
        } else if (kind == PARAMETER_INFO) {
            arg->size = sizeof(struct sluice_file_info);
            arg->out = guest_range(guest, words[0], arg->size);
        }
        words += words_of(kind);
    }
}

/* A text that is refused is "" from here on: what the guest has there need not end. */
static bool check_text(struct call *call, struct argument *arg, const char *name)
{
    const char *bytes = arg->text;
    arg->text = "";
    if (arg->size > SLUICE_TEXT_SIZE_MAX)
        return error_set(&call->error, ERROR_LIMIT, "argument '%s' is longer than %u bytes", name,
                         SLUICE_TEXT_SIZE_MAX);
    if (!text_is_utf8(bytes, arg->size))
        return error_set(&call->error, ERROR_INVALID, "argument '%s' is not UTF-8 text", name);
    const char *copy = arena_copy(&call->execution->scratch, bytes, arg->size);
    arg->text = copy ? copy : "";
    return copy || error_out_of_memory(&call->error);
}

static bool check_handle(struct call *call, struct argument *arg, enum handle_kind kind)
{
    if (kind == HANDLE_FILE && arg->number == 0)
        return true;
    arg->object = handle_get(&call->execution->handles, arg->number, kind);
    return arg->object != NULL;
}

static int32_t bad_handle(struct call *call, const char *name)
{
    error_set(&call->error, ERROR_INVALID,
              "argument '%s' is not an open handle of the kind that \"%s\" takes", name,
              call->import->full_name);
    return SLUICE_BAD_HANDLE;
}

static int32_t check_arguments(struct call *call)
{
    for (unsigned i = 0; i < call->import->parameter_count; i++) {
        const struct parameter *parameter = &call->import->parameters[i];
        struct argument *arg = &call->args[i];
        bool ok = true;
        switch (parameter->kind) {
        case PARAMETER_TEXT:
            if (!check_text(call, arg, parameter->name))
                return call_failed(call);
            break;
        case PARAMETER_BYTES:
            if (arg->size > SLUICE_BYTES_SIZE_MAX) {
                error_set(&call->error, ERROR_LIMIT, "argument '%s' is longer than %u bytes",
                          parameter->name, SLUICE_BYTES_SIZE_MAX);
                return call_failed(call);
            }
            break;
        case PARAMETER_FILE:
            ok = check_handle(call, arg, HANDLE_FILE);
            break;
        case PARAMETER_LISTING:
            ok = check_handle(call, arg, HANDLE_LISTING);
            break;
        case PARAMETER_RESPONSE:
            ok = check_handle(call, arg, HANDLE_RESPONSE);
            break;
        case PARAMETER_OUT:
        case PARAMETER_INFO:
        case PARAMETER_HANDLE:
        case PARAMETER_NUMBER:
            break;
        }
        if (!ok)
            return bad_handle(call, parameter->name);
    }
    return SLUICE_OK;
}

/* ---- grants --------------------------------------------------------------------------------- */

static bool names_connection(const struct import *import)
{
    return import->parameter_count > 0 && strcmp(import->parameters[0].name, "connection") == 0;
}

/* Every import whose first parameter is a connection is checked here and nowhere else. What must be
 * granted is the import's name; for flow.call it is the flow that is called. */
static bool check_grant(struct call *call)
{
    const struct import *import = call->import;
    if (!names_connection(import))
        return true;
    const struct execution *execution = call->execution;
    const char *connection = call->args[0].text;
    bool is_flow_call = import == &imports[IMPORT_flow_call];
    const char *operation = is_flow_call ? call->args[1].text : import->name;
    if (!manifest_allows(execution->manifest, import->capability, connection, operation,
                         &call->error))
        return false;
    call->connection = snapshot_connection(execution->snapshot, connection, &call->error);
    return call->connection != NULL;
}

/* ---- the call's bounds and its record -------------------------------------------------------- */

static bool should_stop(void *context)
{
    struct call *call = context;
    return guest_should_stop(call->execution->guest) || watch_should_stop(call->execution->watch) ||
           atomic_load_explicit(&call->execution->is_stopped, memory_order_relaxed);
}

static void on_progress(void *context, uint64_t done, uint64_t total)
{
    struct call *call = context;
    call->bytes = done;
    watch_bytes(call->execution->watch, call->subject, done, total);
}

static struct remote_stream *filter_file(void *context, const struct remote_file *file,
                                         struct remote_stream *input, struct error *err)
{
    const struct call *call = context;
    return filter_stream_open(call->execution, file, input, err);
}

static void set_bounds(struct guest *guest, struct call *call)
{
    struct execution *execution = call->execution;
    int64_t left_ms = guest_time_left_ms(guest);
    int64_t deadline_ms = left_ms < 0 ? 0 : clock_monotonic_ms() + left_ms;
    int64_t outer_ms = execution->wall_deadline_ms;
    bool outer_first = outer_ms && (!deadline_ms || outer_ms < deadline_ms);
    call->transfer = (struct transfer_call){
        .deadline_ms = outer_first ? outer_ms : deadline_ms,
        .should_stop = should_stop,
        .progress = on_progress,
        .filter = filter_file,
        .context = call,
        .file_size_max = execution->environment->workspace->file_size_max,
        .instance = execution->instance,
        .traceparent = execution->traceparent,
        .tracestate = execution->trace_state,
        .is_settled = &call->is_settled,
    };
}

static void remember_failure(struct call *call)
{
    struct last_failure *failure = &call->execution->failure;
    failure->is_set = true;
    failure->error = call->error;
    snprintf(failure->import, sizeof failure->import, "%s", call->import->full_name);
    snprintf(failure->connection, sizeof failure->connection, "%s",
             names_connection(call->import) ? call->args[0].text : "");
}

/* The end of a listing or "no fault yet" is an answer: a handler that failed has set the error. */
static bool has_failed(const struct call *call, int32_t result)
{
    return result < 0 && call->error.kind != ERROR_NONE;
}

/* Calls that only look into the execution itself or into settings are worth a row if they fail or the level
 * asks for them: at audit what the flow did with its execution, at debug every look at what it holds. What
 * the journal answered has its row already. */
static bool is_worth_a_row(const struct call *call, bool failed)
{
    enum tracing tracing = call->execution->tracing;
    bool is_about_flow = strcmp(call->import->capability, "flow") == 0;
    if (call->is_from_journal)
        return false;
    return failed || call->import->effect > SLUICE_EFFECT_SETTING || tracing == TRACING_DEBUG ||
           (tracing == TRACING_AUDIT && is_about_flow);
}

/* What a call that reaches beyond the sandbox sent and got, and the messages at extension points. */
static void add_payloads(const struct call *call, int32_t result, struct activity *activity)
{
    bool is_message = call->import == &imports[IMPORT_flow_extend];
    if (call->execution->tracing != TRACING_DEBUG ||
        (call->import->effect <= SLUICE_EFFECT_SETTING && !is_message))
        return;
    for (unsigned i = 0; i < call->import->parameter_count; i++) {
        if (call->import->parameters[i].kind == PARAMETER_BYTES) {
            activity->request = call->args[i].text;
            activity->request_size = call->args[i].size;
        }
    }
    const struct http_response *response =
        result > 0 ? handle_get(&call->execution->handles, (uint32_t)result, HANDLE_RESPONSE) : NULL;
    if (response) {
        activity->response = response->body.data;
        activity->response_size = response->body.size;
    }
}

static void record(struct call *call, int32_t result, int64_t started_ns, int64_t started_ms)
{
    bool failed = has_failed(call, result);
    if (!is_worth_a_row(call, failed))
        return;
    struct activity activity = {
        .at_ms = started_ms,
        .duration_us = (clock_monotonic_ns() - started_ns) / 1000,
        .import = call->import->full_name,
        .connection = call->connection ? call->connection->name : NULL,
        .subject = call->subject,
        .result = !failed                         ? "ok"
                  : result == SLUICE_BAD_HANDLE ? "bad_handle"
                                                  : error_kind_name(call->error.kind),
        .detail = failed ? call->error.message : call->note,
        .bytes = call->bytes,
    };
    add_payloads(call, result, &activity);
    store_activity(call->execution->environment->store, call->execution->instance, &activity);
    observe_call_end(call, &activity);
}

static int32_t perform_now(struct guest *guest, struct call *call)
{
    if (!check_grant(call))
        return call_failed(call);
    set_bounds(guest, call);
    return retry_perform(call);
}

/* Memory that was wanting once is there at a replay, so neither may the guest be told, nor may it be the call's
 * result for good: all goes on later. Without a journal there is no later. */
static void wait_for_memory(struct call *call, int32_t result)
{
    if (has_failed(call, result) && call->error.is_out_of_memory && call->execution->journal &&
        call->execution->stop == FAULT_NONE)
        journal_suspend(call);
}

static int32_t perform(struct guest *guest, struct call *call)
{
    int32_t status = check_arguments(call);
    wait_for_memory(call, status);
    if (status != SLUICE_OK)
        return status;
    for (unsigned i = 0; i < call->import->parameter_count && !call->subject; i++)
        if (call->import->parameters[i].kind == PARAMETER_TEXT &&
            strcmp(call->import->parameters[i].name, "connection") != 0)
            call->subject = call->args[i].text;
    int32_t result;
    if (journal_answers(call, &result))
        return result;
    const bool was_in_doubt = call->is_in_doubt;
    result = perform_now(guest, call);
    if (was_in_doubt && !call->is_settled && has_failed(call, result))
        journal_suspend(call); /* a connection that is disabled now, say: what came of it is still not known */
    wait_for_memory(call, result);
    journal_result(call, result);
    return result;
}

uint32_t import_call(struct guest *guest, enum import_id id, const uint32_t words[])
{
    guest_enter_host(guest, imports[id].full_name);
    struct call call = {.execution = guest_host(guest), .import = &imports[id]};
    if (atomic_load_explicit(&call.execution->is_stopped, memory_order_relaxed))
        guest_trap(guest, FAULT_CANCELLED, "");
    map_arguments(guest, &call, words);
    call.execution->guest = guest;
    bool is_timed = imports[id].effect > SLUICE_EFFECT_SETTING;
    int64_t started_ns = is_timed ? clock_monotonic_ns() : 0;
    int64_t started_ms = clock_wall_ms();
    observe_call_begin(&call);
    int64_t cpu_left_ns = is_timed ? guest_pause_cpu(guest) : INT64_MAX;
    int32_t result = perform(guest, &call);
    guest_resume_cpu(guest, cpu_left_ns);
    if (has_failed(&call, result))
        remember_failure(&call);
    record(&call, result, is_timed ? started_ns : clock_monotonic_ns(), started_ms);
    arena_clear(&call.execution->scratch);
    if (call.execution->stop != FAULT_NONE)
        guest_trap(guest, call.execution->stop, call.execution->stop_detail);
    guest_leave_host(guest);
    return (uint32_t)result;
}
