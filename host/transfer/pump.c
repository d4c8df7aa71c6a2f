/* SPDX-License-Identifier: MIT */
/*
 * The stream between one source and its sinks. Two threads where a request's answer is larger than
 * the ring: the source performs in its own, everything else (sink, progress, should_stop) stays in the
 * caller's. The source's verdict is written before the ring's end and read after it, so the ring's
 * lock orders the two.
 */
#include "transfer/pump.h"

#include <bearssl.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "transfer/ring.h"

#define STREAM_BUFFER_SIZE                                                                         \
    (256L << 10)        /* libcurl's buffers: more brings nothing on 10 GbE or loopback */
#define WAIT_STEP_MS 50 /* how late a stop may be noticed while the source is silent */
#define PROGRESS_INTERVAL_MS 100

struct pump {
    struct source source;
    const struct transfer_call *call;
    struct ring ring;
    pthread_t thread;
    bool has_thread;
    uint64_t received; /* bytes from the source; the source's side only, as md5_received */
    br_md5_context md5_received; /* where the source's digest is known */
    bool source_ok;
    struct error source_err;
    uint64_t taken; /* bytes that sinks have taken; the sink's side only, as all below */
    uint64_t left;  /* bytes that the sink at hand still gets */
    bool is_ended;  /* a stream's end was seen */
    bool has_failed;
    struct error err; /* why pump_read aborted */
    br_md5_context *md5;
    int64_t reported_ms;
};

void source_release(struct source *source)
{
    if (source->handle)
        pool_release(source->transfer, source->handle);
    source->handle = NULL;
    if (source->release)
        source->release(source->context);
    source->release = NULL;
    if (source->fd >= 0)
        close(source->fd);
    source->fd = -1;
    if (source->stream && source->stream->close)
        source->stream->close(source->stream);
    source->stream = NULL;
}

/* ---- the source's side ----------------------------------------------------------------------- */

static bool source_error(const struct source *source, enum error_kind kind, struct error *err,
                         const char *what)
{
    if (source->handle)
        return connection_error(source->handle->connection, err, kind, "file '%s': %s",
                                source->file->name, what);
    return error_set(err, kind, "file '%s': %s", source->file->name, what);
}

static size_t pump_write(char *bytes, size_t size, size_t count, void *context)
{
    struct pump *pump = context;
    size *= count;
    bool goes_on = true;
    if (pump->source.divert && pump->source.divert(&pump->source, bytes, size, &goes_on))
        return goes_on ? size : 0;
    if (size > pump->source.size - pump->received) {
        source_error(&pump->source, ERROR_BROKEN, &pump->source_err,
                     "it is larger than when it was looked at: still being written");
        return 0;
    }
    pump->received += size;
    if (pump->source.file->digest)
        br_md5_update(&pump->md5_received, bytes, size);
    return ring_write(&pump->ring, bytes, size) ? size : 0;
}

/* The server told what the file's MD5 is. */
static bool check_digest(struct pump *pump, struct error *err)
{
    unsigned char md5[br_md5_SIZE];
    struct buf text;
    if (!pump->source.file->digest)
        return true;
    br_md5_out(&pump->md5_received, md5);
    buf_init(&text, 2 * br_md5_SIZE);
    buf_append_base64(&text, md5, sizeof md5);
    bool is_same = strcmp(buf_text(&text), pump->source.file->digest) == 0;
    buf_release(&text);
    if (is_same)
        return true;
    source_error(&pump->source, ERROR_BROKEN, err,
                 "its bytes were damaged on the way: their MD5 is not the one that the server tells");
    return error_advise(err, RETRY_LATER);
}

static bool source_perform(struct pump *pump)
{
    struct source *source = &pump->source;
    struct error *err = &pump->source_err;
    CURL *easy = source->handle->easy;
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, pump_write);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, pump);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, STREAM_BUFFER_SIZE);
    br_md5_init(&pump->md5_received);
    CURLcode code = handle_perform(source->handle);
    if (err->kind != ERROR_NONE)
        return false; /* pump_write has said why */
    if (source->check ? !source->check(source, code, err)
                      : code != CURLE_OK && !handle_fail(source->handle, code, err))
        return false;
    if (pump->received < source->size) {
        source_error(source, ERROR_BROKEN, err,
                     "fewer bytes came than its size: the transfer was cut");
        return error_advise(err, RETRY_LATER);
    }
    return check_digest(pump, err);
}

static void source_run(struct pump *pump)
{
    pump->source_ok = source_perform(pump);
    ring_end(&pump->ring);
}

static void *source_thread(void *context)
{
    source_run(context);
    return NULL;
}

/* Signals belong to the host's own threads: this one takes none. */
static bool source_start_thread(struct pump *pump, struct error *err)
{
    sigset_t all, before;
    sigfillset(&all);
    pump->source.handle->call = NULL; /* the caller's thread watches, and says so here: */
    pump->source.handle->abandoned = &pump->ring.is_stopped;
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int number = pthread_create(&pump->thread, NULL, source_thread, pump);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (number != 0)
        return error_errno(err, ERROR_INTERNAL, number, "cannot start a thread for a transfer");
    pump->has_thread = true;
    return true;
}

/* ---- the sink's side ------------------------------------------------------------------------- */

/* So that nothing is created at the target before the source has begun to deliver. */
static bool pump_await_start(struct pump *pump, struct error *err)
{
    enum ring_outcome outcome;
    while ((outcome = ring_wait(&pump->ring, WAIT_STEP_MS)) == RING_WAIT)
        if (!call_goes_on(pump->call, err))
            return false;
    if (outcome == RING_END && !pump->source_ok) {
        *err = pump->source_err;
        return false;
    }
    return true;
}

static bool pump_start(struct pump *pump, struct error *err)
{
    struct source *source = &pump->source;
    if (!source->handle)
        return true; /* local files and streams are read as they are needed */
    bool fits = source->size <= PUMP_RING_SIZE;
    size_t ring_size = fits ? (size_t)source->size : PUMP_RING_SIZE;
    if (!ring_init(&pump->ring, ring_size ? ring_size : 1))
        return error_set(err, ERROR_INTERNAL, "out of memory for a transfer buffer");
    if (!fits)
        return source_start_thread(pump, err) && pump_await_start(pump, err);
    source_run(pump);
    if (!pump->source_ok)
        *err = pump->source_err;
    return pump->source_ok;
}

struct pump *pump_open(struct source *source, const struct transfer_call *call, struct error *err)
{
    struct error ignored;
    struct pump *pump = calloc(1, sizeof *pump);
    if (!pump) {
        source_release(source);
        error_set(err, ERROR_INTERNAL, "out of memory for a transfer");
        return NULL;
    }
    pump->source = *source;
    pump->call = call;
    pump->left = UINT64_MAX;
    *source = (struct source){.fd = -1};
    if (pump_start(pump, err ? err : &ignored))
        return pump;
    pump_close(pump);
    return NULL;
}

static bool pump_fail(struct pump *pump, const struct error *err)
{
    if (!pump->has_failed)
        pump->err = *err;
    pump->has_failed = true;
    return false;
}

static bool pump_read_local(struct pump *pump, char *buffer, size_t size, size_t *got)
{
    struct error err;
    uint64_t rest = pump->source.size - pump->taken;
    ssize_t count = 0;
    if (rest > 0)
        do
            count = read(pump->source.fd, buffer, size < rest ? size : (size_t)rest);
        while (count < 0 && errno == EINTR);
    if (count < 0) {
        error_errno(&err, ERROR_INTERNAL, errno, "cannot read '%s'", pump->source.file->name);
        return pump_fail(pump, &err);
    }
    if (count == 0 && rest > 0) {
        source_error(&pump->source, ERROR_BROKEN, &err, "it became shorter while it was read");
        return pump_fail(pump, &err);
    }
    *got = (size_t)count;
    return true;
}

/* got more bytes arrived; sizes that were told to nobody before are judged here. */
static bool stream_accept(struct pump *pump, size_t got)
{
    struct error err;
    const struct source *source = &pump->source;
    uint64_t now = pump->taken + got, limit = pump->call ? pump->call->file_size_max : 0;
    char may[TEXT_SIZE_SIZE];
    if (now > source->size)
        source_error(source, ERROR_BROKEN, &err, "it is larger than its message said");
    else if (limit && now > limit)
        error_set(&err, ERROR_LIMIT, "file '%s' is larger than file_size_max (%s) allows",
                  source->file->name, text_format_size(limit, may));
    else
        return true;
    return pump_fail(pump, &err);
}

static bool stream_end(struct pump *pump)
{
    struct error err;
    pump->is_ended = true;
    if (pump->source.size == REMOTE_SIZE_UNKNOWN || pump->taken == pump->source.size)
        return true;
    source_error(&pump->source, ERROR_BROKEN, &err, "it is shorter than its message said");
    return pump_fail(pump, &err);
}

/* *got is 0 at the end. */
static bool pump_read_stream(struct pump *pump, char *buffer, size_t size, size_t *got)
{
    struct error err;
    struct remote_stream *stream = pump->source.stream;
    *got = 0;
    while (!pump->is_ended) {
        switch (stream->read(stream->context, buffer, size, WAIT_STEP_MS, got, &err)) {
        case STREAM_BYTES:
            return stream_accept(pump, *got);
        case STREAM_END:
            return stream_end(pump);
        case STREAM_FAILED:
            return pump_fail(pump, &err);
        case STREAM_WAIT:
            if (!call_goes_on(pump->call, &err))
                return pump_fail(pump, &err);
        }
    }
    return true;
}

static bool pump_read_ring(struct pump *pump, char *buffer, size_t size, size_t *got)
{
    struct error err;
    for (;;) {
        switch (ring_read(&pump->ring, buffer, size, WAIT_STEP_MS, got)) {
        case RING_BYTES:
            return true;
        case RING_END:
            return pump->source_ok || pump_fail(pump, &pump->source_err);
        case RING_WAIT:
            if (!call_goes_on(pump->call, &err))
                return pump_fail(pump, &err);
        }
    }
}

static void pump_report(struct pump *pump)
{
    if (!pump->call || !pump->call->progress)
        return;
    int64_t now_ms = clock_monotonic_ms();
    if (pump->taken < pump->source.size && now_ms - pump->reported_ms < PROGRESS_INTERVAL_MS)
        return;
    bool is_known = pump->source.size != REMOTE_SIZE_UNKNOWN;
    pump->reported_ms = now_ms;
    pump->call->progress(pump->call->context, pump->taken, is_known ? pump->source.size : 0);
}

size_t pump_read(char *buffer, size_t size, size_t count, void *context)
{
    struct pump *pump = context;
    size *= count;
    if (size > pump->left)
        size = (size_t)pump->left;
    if (size == 0)
        return 0;
    size_t got = 0;
    bool ok = pump->source.handle   ? pump_read_ring(pump, buffer, size, &got)
              : pump->source.stream ? pump_read_stream(pump, buffer, size, &got)
                                    : pump_read_local(pump, buffer, size, &got);
    if (!ok)
        return CURL_READFUNC_ABORT;
    if (pump->md5)
        br_md5_update(pump->md5, buffer, got);
    pump->taken += got;
    pump->left -= got;
    pump_report(pump);
    return got;
}

bool pump_send(struct pump *pump, struct handle *sink, uint64_t size, CURLcode *code,
               unsigned char digest[PUMP_DIGEST_SIZE], struct error *err)
{
    br_md5_context md5;
    br_md5_init(&md5);
    pump->md5 = digest ? &md5 : NULL;
    pump->left = size;
    curl_easy_setopt(sink->easy, CURLOPT_READFUNCTION, pump_read);
    curl_easy_setopt(sink->easy, CURLOPT_READDATA, pump);
    curl_easy_setopt(sink->easy, CURLOPT_INFILESIZE_LARGE,
                     size == REMOTE_SIZE_UNKNOWN ? (curl_off_t)-1 : (curl_off_t)size);
    curl_easy_setopt(sink->easy, CURLOPT_UPLOAD_BUFFERSIZE, STREAM_BUFFER_SIZE);
    *code = handle_perform(sink);
    pump->md5 = NULL;
    pump->left = UINT64_MAX;
    if (digest)
        br_md5_out(&md5, digest);
    if (!pump->has_failed)
        return true;
    if (err)
        *err = pump->err;
    return false;
}

uint64_t pump_taken(const struct pump *pump)
{
    return pump->taken;
}

static bool local_finish(const struct pump *pump, struct error *err)
{
    struct stat now;
    if (fstat(pump->source.fd, &now) != 0)
        return error_errno(err, ERROR_INTERNAL, errno, "cannot look at '%s'",
                           pump->source.file->name);
    if ((uint64_t)now.st_size != pump->source.size ||
        (int64_t)now.st_mtime != pump->source.file->info.modified_s)
        return source_error(&pump->source, ERROR_BROKEN, err, "it changed while it was read");
    return true;
}

/* Nothing may come any more, but the end. */
static void stream_await_end(struct pump *pump)
{
    char byte;
    size_t got;
    if (pump_read_stream(pump, &byte, 1, &got) && got > 0) {
        source_error(&pump->source, ERROR_BROKEN, &pump->err,
                     "the target ended before it had taken the whole file");
        pump->has_failed = true;
    }
}

bool pump_finish(struct pump *pump, struct error *err)
{
    if (pump->source.stream && !pump->has_failed)
        stream_await_end(pump);
    if (pump->has_failed) {
        if (err)
            *err = pump->err;
        return false;
    }
    if (pump->source.stream)
        return true;
    if (pump->taken < pump->source.size) {
        source_error(&pump->source, ERROR_BROKEN, err,
                     "the target ended before it had taken the whole file");
        return error_advise(err, RETRY_LATER);
    }
    if (!pump->source.handle)
        return local_finish(pump, err);
    while (!ring_wait_end(&pump->ring, WAIT_STEP_MS))
        if (!call_goes_on(pump->call, err))
            return false;
    if (!pump->source_ok && err)
        *err = pump->source_err;
    return pump->source_ok;
}

void pump_close(struct pump *pump)
{
    if (!pump)
        return;
    if (pump->has_thread) {
        ring_stop(&pump->ring);
        pthread_join(pump->thread, NULL);
    }
    source_release(&pump->source);
    ring_release(&pump->ring);
    free(pump);
}
