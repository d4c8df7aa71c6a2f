/* SPDX-License-Identifier: MIT */
/*
 * See filter_stream.h. A stage's verdict is written by its thread before the ring's end and read after
 * it, so the ring's lock orders the two.
 */
#include "capability/filter_stream.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "capability/filter_cache.h"
#include "capability/filter_run.h"
#include "transfer/ring.h"

#define RING_SIZE (1u << 20)
#define WAIT_STEP_MS 50 /* how late a stop may be noticed while the source is silent */
#define DRAIN_SIZE 65536u

struct stage {
    struct filter_run run; /* first: the guest's host */
    struct remote_stream out;
    struct remote_stream *in; /* closed with the stage, if it is another stage's */
    const struct execution *execution;
    struct filter_site site;
    struct filter filter;
    struct filter_line line;
    struct ring ring;
    pthread_t thread;
    bool has_thread, input_ended;
    atomic_bool is_closed;
    bool ok;
    struct error err; /* why not ok */
};

/* ---- the stage's thread ------------------------------------------------------------------------------ */

static bool read_stage(struct filter_run *run, void *bytes, size_t size, size_t *got)
{
    struct stage *stage = (struct stage *)run;
    *got = 0;
    while (!stage->input_ended) {
        if (atomic_load(&stage->is_closed))
            return error_set(&run->error, ERROR_CANCELLED, "the transfer is over");
        switch (stage->in->read(stage->in->context, bytes, size, WAIT_STEP_MS, got, &run->error)) {
        case STREAM_BYTES:
            return true;
        case STREAM_END:
            stage->input_ended = true;
            break;
        case STREAM_FAILED:
            return false;
        case STREAM_WAIT:
            break;
        }
    }
    return true;
}

static bool write_stage(struct filter_run *run, const void *bytes, size_t size)
{
    return ring_write(&((struct stage *)run)->ring, bytes, size) ||
           error_set(&run->error, ERROR_CANCELLED, "the transfer is over");
}

/* What a filter left unread is read, because only then is it known that the file was whole. */
static bool drain(struct stage *stage, struct error *err)
{
    size_t got = 0;
    char *buffer = malloc(DRAIN_SIZE);
    bool ok = buffer || error_set(err, ERROR_LIMIT, "out of memory");
    while (ok && !stage->input_ended)
        if (!read_stage(&stage->run, buffer, DRAIN_SIZE, &got)) {
            *err = stage->run.error;
            ok = false;
        }
    free(buffer);
    return ok;
}

static void *stage_thread(void *context)
{
    struct stage *stage = context;
    int64_t started_ns = clock_monotonic_ns();
    stage->ok = filter_run_perform(&stage->run, &stage->err) && drain(stage, &stage->err);
    filter_record(stage->execution, &stage->filter, started_ns, stage->run.bytes_in,
                  stage->run.bytes_out, stage->ok ? NULL : &stage->err);
    sandbox_thread_release();
    ring_end(&stage->ring);
    return NULL;
}

/* Signals belong to the host's own threads, but for those that the sandbox lives by. */
static bool start_thread(struct stage *stage, struct error *err)
{
    sigset_t most, before;
    const int own[] = {SIGSEGV, SIGBUS, SIGFPE, SIGRTMIN + 5};
    sigfillset(&most);
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        sigdelset(&most, own[i]);
    pthread_sigmask(SIG_SETMASK, &most, &before);
    int number = pthread_create(&stage->thread, NULL, stage_thread, stage);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    stage->has_thread = number == 0;
    return stage->has_thread ||
           error_errno(err, ERROR_INTERNAL, number, "cannot start a thread for a filter");
}

/* ---- the reader's side ---------------------------------------------------------------------------------- */

static enum stream_outcome read_out(void *context, char *buffer, size_t size, int wait_ms,
                                    size_t *got, struct error *err)
{
    struct stage *stage = context;
    switch (ring_read(&stage->ring, buffer, size, wait_ms, got)) {
    case RING_BYTES:
        return STREAM_BYTES;
    case RING_WAIT:
        return STREAM_WAIT;
    case RING_END:
        break;
    }
    if (!stage->ok && err)
        *err = stage->err;
    return stage->ok ? STREAM_END : STREAM_FAILED;
}

static void join(struct stage *stage)
{
    struct timespec at;
    int number;
    do { /* a cancellation that comes before the sandbox has begun is lost */
        sandbox_cancel(&stage->run);
        clock_gettime(CLOCK_REALTIME, &at);
        at.tv_nsec += WAIT_STEP_MS * 1000000L;
        at.tv_sec += at.tv_nsec / 1000000000L;
        at.tv_nsec %= 1000000000L;
        number = pthread_timedjoin_np(stage->thread, NULL, &at);
    } while (number == ETIMEDOUT);
}

/* From the last stage to the first: one that waits for the stage before it looks at is_closed. */
static void close_stage(struct remote_stream *stream)
{
    struct stage *stage = stream->context;
    atomic_store(&stage->is_closed, true);
    if (stage->has_thread) {
        ring_stop(&stage->ring);
        join(stage);
    }
    if (stage->in && stage->in->close)
        stage->in->close(stage->in);
    ring_release(&stage->ring);
    free(stage);
}

/* ---- opening ---------------------------------------------------------------------------------------- */

static void tell_line(void *context, const struct filter *filter, const char *result,
                      const char *text)
{
    const struct execution *execution = context;
    const struct activity activity = {.at_ms = clock_wall_ms(),
                                      .import = "log",
                                      .subject = filter->name,
                                      .result = result,
                                      .detail = text};
    store_activity(execution->environment->store, execution->instance, &activity);
}

struct filter_site filter_site_of(struct execution *execution, const char *flow)
{
    return (struct filter_site){
        .flow = flow,
        .limits = &execution->environment->workspace->filters,
        .deadline_ms = execution->wall_deadline_ms,
        .manifest = execution->manifest,
        .snapshot = execution->snapshot,
        .tell = tell_line,
        .context = execution,
    };
}

void filter_record(const struct execution *execution, const struct filter *filter,
                   int64_t started_ns, uint64_t bytes_in, uint64_t bytes_out,
                   const struct error *err)
{
    char moved[96];
    int64_t duration_us = (clock_monotonic_ns() - started_ns) / 1000;
    snprintf(moved, sizeof moved, "extension point '%.30s': %llu bytes in, %llu out", filter->point,
             (unsigned long long)bytes_in, (unsigned long long)bytes_out);
    const struct activity activity = {
        .at_ms = clock_wall_ms() - duration_us / 1000,
        .duration_us = duration_us,
        .import = "filter",
        .subject = filter->name,
        .result = err ? error_kind_name(err->kind) : "ok",
        .detail = err ? err->message : moved,
        .bytes = bytes_out,
    };
    store_activity(execution->environment->store, execution->instance, &activity);
}

/* The stage behind in. On NULL, in is still the caller's. */
static struct stage *open_stage(struct execution *execution, const struct filter_line *line,
                                struct remote_stream *in, struct error *err)
{
    struct stage *stage = calloc(1, sizeof *stage);
    if (!stage || !ring_init(&stage->ring, RING_SIZE)) {
        free(stage);
        error_set(err, ERROR_INTERNAL, "out of memory for a filter");
        return NULL;
    }
    /* The words are copied, so what pointed at them in line points at the copy. */
    stage->line = *line;
    stage->filter.point = stage->line.words + (line->point - line->words);
    stage->filter.name = stage->line.words + (line->name - line->words);
    stage->execution = execution;
    stage->site = filter_site_of(execution, stage->line.words);
    if (!filter_cache_find(execution->environment->filters, line->digest, &stage->filter))
        stage->filter.module = NULL; /* its run fails and says why */
    stage->run = (struct filter_run){.site = &stage->site,
                                     .filter = &stage->filter,
                                     .read = read_stage,
                                     .write = write_stage,
                                     .is_stream = true};
    stage->out = (struct remote_stream){.read = read_out, .context = stage, .close = close_stage};
    stage->in = in;
    if (start_thread(stage, err))
        return stage;
    stage->in = NULL;
    close_stage(&stage->out);
    return NULL;
}

struct remote_stream *filter_stream_open(struct execution *execution,
                                         const struct remote_file *file,
                                         struct remote_stream *input, struct error *err)
{
    const char *text = file->filters;
    struct remote_stream *last = input;
    struct filter_line line;
    struct stage *stage = NULL;
    int count = 0;
    bool ok = execution->environment->filters ||
              error_set(err, ERROR_UNSUPPORTED, "file '%s' cannot be filtered here", file->name);
    while (ok && filter_line_next(&text, &line)) {
        ok = ++count <= FILTER_CHAIN_MAX ||
             error_set(err, ERROR_LIMIT, "more than %d filters for one file", FILTER_CHAIN_MAX);
        stage = ok ? open_stage(execution, &line, last, err) : NULL;
        ok = stage != NULL;
        last = ok ? &stage->out : last;
    }
    if (ok && (*text || count == 0))
        ok = error_set(err, ERROR_INVALID, "the filters of file '%s' are damaged", file->name);
    if (ok)
        return last;
    if (last != input && last->close)
        last->close(last);
    return NULL;
}
