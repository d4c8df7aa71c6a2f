/* SPDX-License-Identifier: MIT */
/* An execution's beginning and end, and what its guest's WASI calls find: see execution.h, wasi.h. Standard
 * input is the message; what is written goes line by line to the activity stream. */
#include "capability/execution.h"

#include <string.h>

#include "base/clock.h"
#include "capability/filter.h"
#include "capability/journal.h"
#include "capability/watch.h"

static void enter(struct wasi_host *host, struct guest *guest)
{
    ((struct execution *)host)->guest = guest;
}

static enum fault stop(const struct wasi_host *host, const char **detail)
{
    const struct execution *execution = (const struct execution *)host;
    *detail = execution->stop_detail;
    return execution->stop;
}

static int64_t tell_time(struct wasi_host *host, int64_t now)
{
    return journal_clock((struct execution *)host, now);
}

static bool give_random(struct wasi_host *host, void *bytes, size_t size)
{
    struct execution *execution = (struct execution *)host;
    return execution->journal ? journal_random(execution, bytes, size)
                              : wasi_system_random(bytes, size);
}

static bool read_message(struct wasi_host *host, void *bytes, size_t size, size_t *got)
{
    struct execution *execution = (struct execution *)host;
    size_t left = execution->input_size - execution->input_read;
    *got = size < left ? size : left;
    if (*got > 0)
        memcpy(bytes, (const char *)execution->input + execution->input_read, *got);
    execution->input_read += *got;
    return true;
}

static bool write_line(struct wasi_host *host, uint32_t fd, const void *bytes, size_t size)
{
    (void)fd;
    line_log_add(&((struct execution *)host)->log, bytes, size);
    return true;
}

static const struct wasi_calls flow_calls = {
    .enter = enter,
    .stop = stop,
    .clock = tell_time,
    .random = give_random,
    .read = read_message,
    .write = write_line,
};

static void write_row(void *context, const char *result, const char *text)
{
    struct execution *execution = context;
    const struct activity activity = {
        .at_ms = clock_wall_ms(), .import = "log", .result = result, .detail = text};
    if (!journal_is_replaying(execution->journal))
        store_activity(execution->environment->store, execution->instance, &activity);
    watch_line(execution->watch, text);
}

void execution_flush_line(struct execution *execution)
{
    line_log_flush(&execution->log);
}

void execution_init(struct execution *execution, const struct environment *environment,
                    const struct manifest *manifest)
{
    *execution = (struct execution){
        .wasi = {.calls = &flow_calls, .arguments = {manifest->identifier}, .argument_count = 1},
        .environment = environment,
        .manifest = manifest,
    };
    arena_init(&execution->arena, EXECUTION_ARENA_MAX);
    arena_init(&execution->scratch, EXECUTION_ARENA_MAX);
    line_log_init(&execution->log, manifest->log_lines, write_row, execution);
    buf_init(&execution->response, EXECUTION_RESPONSE_MAX);
    buf_init(&execution->fault_detail, EXECUTION_DETAIL_MAX);
}

void execution_release(struct execution *execution)
{
    journal_close(execution->journal);
    handle_close_all(&execution->handles);
    opened_release(&execution->opened);
    arena_clear(&execution->scratch);
    arena_clear(&execution->arena);
    line_log_release(&execution->log);
    buf_release(&execution->response);
    buf_release(&execution->fault_detail);
    filter_set_release(execution->filters);
    snapshot_release(execution->snapshot); /* last: handles point into it */
}
