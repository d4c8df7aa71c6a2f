/* SPDX-License-Identifier: MIT */
/* The ring between two threads, and streams from local files. */
#include "transfer/ring.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "check.h"
#include "temporary.h"
#include "file_stream.h"
#include "transfer/content_server.h"

#define STREAM_SIZE (3u << 20)

static unsigned char byte_at(uint64_t at)
{
    return (unsigned char)(at * 2654435761u >> 13);
}

struct writer {
    struct ring *ring;
    bool was_stopped;
};

static void *write_stream(void *context)
{
    struct writer *writer = context;
    char chunk[4099];
    for (uint64_t at = 0; at < STREAM_SIZE && !writer->was_stopped;) {
        size_t size = 1 + (size_t)(at * 31 % sizeof chunk);
        if (size > STREAM_SIZE - at)
            size = (size_t)(STREAM_SIZE - at);
        for (size_t i = 0; i < size; i++)
            chunk[i] = (char)byte_at(at + i);
        writer->was_stopped = !ring_write(writer->ring, chunk, size);
        at += size;
    }
    ring_end(writer->ring);
    return NULL;
}

/* Reads until the end or limit bytes; gives the count of right bytes. */
static uint64_t read_stream(struct ring *ring, uint64_t limit)
{
    char chunk[3001];
    uint64_t at = 0;
    for (size_t got; at < limit;) {
        enum ring_outcome outcome = ring_read(ring, chunk, sizeof chunk, 5000, &got);
        if (outcome != RING_BYTES)
            break;
        for (size_t i = 0; i < got; i++, at++)
            if ((unsigned char)chunk[i] != byte_at(at))
                return at;
    }
    return at;
}

static void run_ring(size_t ring_size, uint64_t limit, bool expect_stop)
{
    struct ring ring;
    struct writer writer = {.ring = &ring};
    pthread_t thread;
    CHECK(ring_init(&ring, ring_size));
    CHECK_EQ_INT(pthread_create(&thread, NULL, write_stream, &writer), 0);
    uint64_t right = read_stream(&ring, limit);
    if (limit >= STREAM_SIZE) {
        CHECK_EQ_INT(right, STREAM_SIZE);
        CHECK(ring_wait_end(&ring, 5000));
    } else {
        CHECK(right >= limit);
        ring_stop(&ring);
    }
    pthread_join(thread, NULL);
    CHECK_EQ_INT(writer.was_stopped, expect_stop);
    ring_release(&ring);
}

static void test_ring_carries_a_stream(void)
{
    static const size_t sizes[] = {64, 4096, 65536, STREAM_SIZE, STREAM_SIZE + 1};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        run_ring(sizes[i], UINT64_MAX, false);
}

static void test_reader_that_leaves_frees_the_writer(void)
{
    run_ring(4096, 10000, true);
}

static void test_ring_waits_bounded(void)
{
    struct ring ring;
    char byte;
    size_t got;
    CHECK(ring_init(&ring, 1));
    CHECK_EQ_INT(ring_wait(&ring, 1), RING_WAIT);
    CHECK_EQ_INT(ring_read(&ring, &byte, 1, 1, &got), RING_WAIT);
    CHECK(!ring_wait_end(&ring, 1));
    CHECK(ring_write(&ring, "x", 1)); /* exactly full: does not wait */
    CHECK_EQ_INT(ring_wait(&ring, 1), RING_BYTES);
    ring_end(&ring);
    CHECK_EQ_INT(ring_read(&ring, &byte, 1, 1, &got), RING_BYTES);
    CHECK_EQ_INT(byte, 'x');
    CHECK_EQ_INT(ring_read(&ring, &byte, 1, 1, &got), RING_END);
    ring_release(&ring);
}

/* A writer that offers instead of waiting: its turn comes when on_room is called. */
struct offering {
    struct ring ring;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool has_room;
    unsigned parked;
};

static void tell_room(void *context)
{
    struct offering *offering = context;
    pthread_mutex_lock(&offering->lock);
    offering->has_room = true;
    pthread_cond_signal(&offering->changed);
    pthread_mutex_unlock(&offering->lock);
}

static void park(struct offering *offering)
{
    offering->has_room = false;
    if (!ring_park(&offering->ring, tell_room, offering))
        return;
    offering->parked++;
    pthread_mutex_lock(&offering->lock);
    while (!offering->has_room)
        pthread_cond_wait(&offering->changed, &offering->lock);
    pthread_mutex_unlock(&offering->lock);
}

static void *offer_stream(void *context)
{
    struct offering *offering = context;
    char chunk[4099];
    for (uint64_t at = 0; at < STREAM_SIZE;) {
        size_t size = sizeof chunk < STREAM_SIZE - at ? sizeof chunk : (size_t)(STREAM_SIZE - at);
        for (size_t i = 0; i < size; i++)
            chunk[i] = (char)byte_at(at + i);
        for (size_t done = 0; done < size;) {
            done += ring_offer(&offering->ring, chunk + done, size - done);
            if (done < size)
                park(offering);
        }
        at += size;
    }
    ring_end(&offering->ring);
    return NULL;
}

static void test_offers_carry_a_stream_and_end_with_its_reader(void)
{
    static const size_t sizes[] = {64, 4099, 65536, STREAM_SIZE};
    for (size_t i = 0; i < 2 * sizeof sizes / sizeof sizes[0]; i++) {
        struct offering offering = {.lock = PTHREAD_MUTEX_INITIALIZER,
                                    .changed = PTHREAD_COND_INITIALIZER};
        pthread_t thread;
        uint64_t limit = i % 2 ? UINT64_MAX : 10000;
        CHECK(ring_init(&offering.ring, sizes[i / 2]));
        CHECK_EQ_INT(pthread_create(&thread, NULL, offer_stream, &offering), 0);
        uint64_t right = read_stream(&offering.ring, limit);
        CHECK(limit == UINT64_MAX ? right == STREAM_SIZE : right >= limit);
        ring_stop(&offering.ring);
        pthread_join(thread, NULL);
        CHECK(offering.parked == 0 || sizes[i / 2] < STREAM_SIZE);
        ring_release(&offering.ring);
    }
}

struct local {
    char path[64];
    struct remote_file file;
    struct pump *pump;
};

static void local_open(struct local *local, size_t size, const struct transfer_call *call)
{
    struct error err;
    struct source source;
    temporary_name(local->path, sizeof local->path);
    int fd = mkstemp(local->path);
    char *bytes = calloc(size + 1, 1);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (char)byte_at(i);
    CHECK(write(fd, bytes, size) == (ssize_t)size);
    free(bytes);
    close(fd);
    CHECK_OK(remote_open_local(local->path, &local->file, &err), &err);
    CHECK_EQ_INT(local->file.info.size, size);
    CHECK_OK(remote_read(NULL, &local->file, call, &source, &err), &err);
    local->pump = pump_open(&source, call, &err);
    CHECK(local->pump != NULL);
}

static void local_close(struct local *local)
{
    pump_close(local->pump);
    remote_file_release(&local->file);
    unlink(local->path);
}

static size_t drain(struct pump *pump)
{
    char chunk[1000];
    size_t total = 0, got;
    while ((got = pump_read(chunk, 1, sizeof chunk, pump)) > 0 && got != CURL_READFUNC_ABORT)
        for (size_t i = 0; i < got; i++, total++)
            if ((unsigned char)chunk[i] != byte_at(total))
                return 0;
    return total;
}

static void test_local_file_is_read_whole(void)
{
    static const size_t sizes[] = {0, 1, 999, 1000, 1001, STREAM_SIZE};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct local local;
        struct error err;
        local_open(&local, sizes[i], NULL);
        CHECK_EQ_INT(drain(local.pump), sizes[i]);
        CHECK_EQ_INT(pump_taken(local.pump), sizes[i]);
        CHECK_OK(pump_finish(local.pump, &err), &err);
        local_close(&local);
    }
}

static void test_local_file_that_shrinks_or_grows(void)
{
    struct local local;
    struct error err;
    char chunk[16];
    local_open(&local, 100, NULL);
    CHECK_EQ_INT(truncate(local.path, 50), 0);
    drain(local.pump);
    CHECK_FAILS(pump_finish(local.pump, &err), &err, ERROR_BROKEN);
    local_close(&local);
    local_open(&local, 100, NULL);
    CHECK_EQ_INT(truncate(local.path, 101), 0);
    CHECK_EQ_INT(drain(local.pump), 100);
    CHECK_FAILS(pump_finish(local.pump, &err), &err, ERROR_BROKEN);
    local_close(&local);
    local_open(&local, 100, NULL);
    CHECK_EQ_INT(pump_read(chunk, 1, sizeof chunk, local.pump), sizeof chunk);
    CHECK_FAILS(pump_finish(local.pump, &err), &err, ERROR_BROKEN); /* not all was taken */
    local_close(&local);
}

static void count_calls(void *context, uint64_t done, uint64_t total)
{
    uint64_t *last = context;
    CHECK(done >= *last && done <= total);
    *last = done;
}

static void test_progress_ends_at_the_size(void)
{
    uint64_t last = 0;
    struct transfer_call call = {.progress = count_calls, .context = &last};
    struct local local;
    local_open(&local, 5000, &call);
    drain(local.pump);
    CHECK_EQ_INT(last, 5000);
    local_close(&local);
}

struct streamed {
    struct file_stream stream;
    struct local local;
};

/* A file of size bytes, as a stream that says it has told bytes and is cut after cut_at. */
static void stream_open(struct streamed *streamed, size_t size, uint64_t told, uint64_t cut_at,
                        const struct transfer_call *call)
{
    struct error err;
    struct source source;
    struct local *local = &streamed->local;
    local_open(local, size, NULL);
    pump_close(local->pump);
    remote_file_release(&local->file);
    CHECK_OK(file_stream_open(&streamed->stream, local->path, told, cut_at, &local->file, &err), &err);
    CHECK_OK(remote_read(NULL, &local->file, call, &source, &err), &err);
    local->pump = pump_open(&source, call, &err);
    CHECK(local->pump != NULL);
}

static void stream_close(struct streamed *streamed)
{
    local_close(&streamed->local);
    file_stream_close(&streamed->stream);
}

static void test_stream_is_read_to_its_end(void)
{
    static const size_t sizes[] = {0, 1, 999, 1000, 1001, STREAM_SIZE};
    for (size_t i = 0; i < 2 * sizeof sizes / sizeof sizes[0]; i++) {
        struct streamed streamed;
        struct error err;
        size_t size = sizes[i / 2];
        stream_open(&streamed, size, i % 2 ? size : REMOTE_SIZE_UNKNOWN, FILE_STREAM_WHOLE, NULL);
        CHECK_EQ_INT(drain(streamed.local.pump), size);
        CHECK_EQ_INT(pump_taken(streamed.local.pump), size);
        CHECK_OK(pump_finish(streamed.local.pump, &err), &err);
        stream_close(&streamed);
    }
}

static void test_stream_that_is_cut_short_or_long(void)
{
    static const struct {
        uint64_t told, cut_at;
    } cases[] = {
        {REMOTE_SIZE_UNKNOWN, 0}, {REMOTE_SIZE_UNKNOWN, 2999}, {REMOTE_SIZE_UNKNOWN, 3000}, {3000, 3000},
        {3001, FILE_STREAM_WHOLE}, {2999, FILE_STREAM_WHOLE}, {0, FILE_STREAM_WHOLE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct streamed streamed;
        struct error err;
        stream_open(&streamed, 3000, cases[i].told, cases[i].cut_at, NULL);
        drain(streamed.local.pump);
        CHECK_FAILS(pump_finish(streamed.local.pump, &err), &err, ERROR_BROKEN);
        stream_close(&streamed);
    }
}

static void test_stream_must_be_taken_whole(void)
{
    struct streamed streamed;
    struct error err;
    char chunk[10];
    for (uint64_t told = 3000; told > 0; told = told == 3000 ? REMOTE_SIZE_UNKNOWN : 0) {
        stream_open(&streamed, 3000, told, FILE_STREAM_WHOLE, NULL);
        CHECK(pump_read(chunk, 1, sizeof chunk, streamed.local.pump) > 0);
        CHECK_FAILS(pump_finish(streamed.local.pump, &err), &err, ERROR_BROKEN);
        stream_close(&streamed);
    }
}

static void test_stream_ends_at_file_size_max(void)
{
    struct transfer_call call = {.file_size_max = 3000};
    for (size_t extra = 0; extra < 2; extra++) {
        struct streamed streamed;
        struct error err = {0};
        stream_open(&streamed, 3000 + extra, REMOTE_SIZE_UNKNOWN, FILE_STREAM_WHOLE, &call);
        drain(streamed.local.pump);
        bool ok = pump_finish(streamed.local.pump, &err);
        CHECK_EQ_INT(ok ? ERROR_NONE : err.kind, extra ? ERROR_LIMIT : ERROR_NONE);
        stream_close(&streamed);
    }
}

static bool stop_now(void *context)
{
    (void)context;
    return true;
}

static void test_stream_can_be_stopped_and_is_read_once(void)
{
    struct transfer_call call = {.should_stop = stop_now};
    struct streamed streamed;
    struct source source;
    struct error err;
    stream_open(&streamed, 1u << 20, REMOTE_SIZE_UNKNOWN, FILE_STREAM_WHOLE, &call);
    drain(streamed.local.pump);
    CHECK_FAILS(pump_finish(streamed.local.pump, &err), &err, ERROR_CANCELLED);
    CHECK_FAILS(remote_read(NULL, &streamed.local.file, NULL, &source, &err), &err, ERROR_INVALID);
    stream_close(&streamed);
}

static void test_local_file_must_be_plain(void)
{
    struct remote_file file;
    struct error err;
    CHECK_FAILS(remote_open_local("/", &file, &err), &err, ERROR_INVALID);
    CHECK_FAILS(remote_open_local("/nonexistent", &file, &err), &err, ERROR_NOT_FOUND);
}

CHECK_MAIN(TEST(test_ring_carries_a_stream), TEST(test_reader_that_leaves_frees_the_writer),
           TEST(test_ring_waits_bounded), TEST(test_offers_carry_a_stream_and_end_with_its_reader),
           TEST(test_local_file_is_read_whole),
           TEST(test_local_file_that_shrinks_or_grows), TEST(test_progress_ends_at_the_size),
           TEST(test_stream_is_read_to_its_end), TEST(test_stream_that_is_cut_short_or_long),
           TEST(test_stream_must_be_taken_whole), TEST(test_stream_ends_at_file_size_max),
           TEST(test_stream_can_be_stopped_and_is_read_once), TEST(test_local_file_must_be_plain))
