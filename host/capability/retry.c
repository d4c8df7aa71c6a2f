/* SPDX-License-Identifier: MIT */
/* See retry.h. */
#include "capability/retry.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/random.h"
#include "capability/watch.h"

#define PAUSE_STEP_MS 50 /* how late a stop may be noticed */

/* ---- the policy ------------------------------------------------------------------------------ */

unsigned retry_attempts(const struct retry_policy *policy, enum error_retry retry,
                        bool is_synchronous)
{
    static const unsigned most[] = {
        [RETRY_NEVER] = 1, [RETRY_ONCE] = 2, [RETRY_FEW] = RETRY_FEW_MAX, [RETRY_LATER] = UINT32_MAX};
    unsigned wanted = is_synchronous ? policy->attempts_synchronous : policy->attempts;
    unsigned attempts = wanted < most[retry] ? wanted : most[retry];
    return attempts > 0 ? attempts : 1;
}

int64_t retry_pause_ms(const struct retry_policy *policy, unsigned attempt, uint32_t after_ms,
                       uint32_t random)
{
    int64_t whole_ms = policy->pause_ms;
    for (unsigned i = 1; i < attempt && whole_ms < policy->pause_ms_max; i++)
        whole_ms *= 2;
    if (whole_ms > policy->pause_ms_max)
        whole_ms = policy->pause_ms_max;
    int64_t least_ms = after_ms > whole_ms / 2 ? after_ms : whole_ms / 2;
    return least_ms + (whole_ms - whole_ms / 2) * (int64_t)random / UINT32_MAX;
}

/* ---- one call -------------------------------------------------------------------------------- */

/* A file that came with a message can be read once. */
static bool is_used_up(const struct call *call)
{
    for (unsigned i = 0; i < call->import->parameter_count; i++) {
        const struct remote_file *file = call->args[i].object;
        if (call->import->parameters[i].kind == PARAMETER_FILE && file && file->stream &&
            file->stream->is_taken)
            return true;
    }
    return false;
}

/* Whether another attempt follows a failure, and after which pause. */
static bool is_due(struct call *call, enum error_retry retry, uint32_t after_ms)
{
    if (call->execution->stop != FAULT_NONE || is_used_up(call))
        return false;
    const struct retry_policy *policy = &call->connection->retry;
    bool is_synchronous = call->execution->journal == NULL;
    call->attempts = retry_attempts(policy, retry, is_synchronous);
    if (call->attempt >= call->attempts)
        return false;
    call->pause_ms = retry_pause_ms(policy, call->attempt, after_ms, random_number());
    return !call->latest_ms || clock_monotonic_ms() + call->pause_ms < call->latest_ms;
}

bool retry_answer(struct call *call, enum error_retry retry, uint32_t after_ms, int status)
{
    if (!is_due(call, retry, after_ms))
        return false;
    error_set(&call->error, ERROR_UNAVAILABLE, "connection '%s': HTTP status %d",
              call->connection->name, status);
    call->error.retry = retry;
    call->error.retry_after_ms = after_ms;
    call->is_answered = true;
    return true;
}

static bool must_follow(struct call *call, int32_t result)
{
    if (result >= 0 || call->error.kind == ERROR_NONE || (call->is_in_doubt && !call->is_settled))
        return false;
    return call->is_answered || is_due(call, call->error.retry, call->error.retry_after_ms);
}

static void record_attempt(struct call *call, int64_t started_ns, int64_t started_ms)
{
    char detail[ERROR_MESSAGE_SIZE + 80];
    snprintf(detail, sizeof detail, "attempt %u of %u: %s; again in %.1f s", call->attempt,
             call->attempts, call->error.message, (double)call->pause_ms / 1000);
    const struct activity activity = {
        .at_ms = started_ms,
        .duration_us = (clock_monotonic_ns() - started_ns) / 1000,
        .import = call->import->full_name,
        .connection = call->connection->name,
        .subject = call->subject,
        .result = error_kind_name(call->error.kind),
        .detail = detail,
        .bytes = call->bytes,
    };
    store_activity(call->execution->environment->store, call->execution->instance, &activity);
    metric_count(METRIC_RETRIES, activity.result, "", 1);
    watch_line(call->execution->watch, detail);
}

/* What an attempt without effect leaves is no doubt of the next one. */
static void begin_anew(struct call *call)
{
    call->error = (struct error){.kind = ERROR_NONE};
    call->note = NULL;
    call->bytes = 0;
    call->is_answered = call->is_in_doubt = call->has_step = false;
    call->doubt = NULL;
    call->doubt_size = 0;
    call->transfer.doubt = NULL;
    call->attempt++;
}

static void tell_attempts(struct call *call)
{
    struct error last = call->error;
    if (call->attempt == 1 || last.kind == ERROR_NONE || last.is_out_of_memory)
        return;
    error_set(&call->error, last.kind, "%s (tried %u times)", last.message, call->attempt);
    call->error.peer_code = last.peer_code;
}

bool retry_pause(const struct call *call, int64_t duration_ms)
{
    const struct transfer_call *bounds = &call->transfer;
    int64_t until_ms = clock_monotonic_ms() + duration_ms;
    for (;;) {
        int64_t now_ms = clock_monotonic_ms();
        if (bounds->should_stop(bounds->context) ||
            (bounds->deadline_ms && now_ms >= bounds->deadline_ms))
            return false;
        if (now_ms >= until_ms)
            return true;
        int64_t left_ms = until_ms - now_ms;
        clock_sleep_ms(left_ms < PAUSE_STEP_MS ? left_ms : PAUSE_STEP_MS);
    }
}

/* Whoever asked to stop gets that as the reason: a durable execution goes on from here later. */
static int32_t give_up(struct call *call)
{
    struct error last = call->error;
    if (call->transfer.should_stop(call->transfer.context))
        error_set(&call->error, ERROR_CANCELLED, "stopped before another attempt: %s", last.message);
    return call_failed(call);
}

int32_t retry_perform(struct call *call)
{
    if (!call->connection)
        return call->import->handler(call);
    int64_t deadline_ms = call->transfer.deadline_ms, begun_ms = clock_monotonic_ms();
    call->attempt = 1;
    call->latest_ms = deadline_ms ? begun_ms + (deadline_ms - begun_ms) / 2 : 0;
    for (;;) {
        int64_t started_ns = clock_monotonic_ns(), started_ms = clock_wall_ms();
        int32_t result = call->import->handler(call);
        if (!must_follow(call, result)) {
            if (result < 0)
                tell_attempts(call);
            return result;
        }
        record_attempt(call, started_ns, started_ms);
        if (!retry_pause(call, call->pause_ms))
            return give_up(call);
        begin_anew(call);
    }
}
