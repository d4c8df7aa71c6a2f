/* SPDX-License-Identifier: MIT */
/*
 * The ring of recent lines and the thread that writes them; see log.h. Positions count bytes since the
 * start and never go back: entries from `tail` to `head` are kept, those from `next` on are to be
 * written. An entry is a header and its line; both may wrap.
 */
#include "base/log_sink.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/metrics.h"

#define INSTANCE_SIZE 32
#define CHUNK_SIZE LOG_SINK_LINE_MAX /* written at once */
#define DIRECT_WAIT_MS 1000    /* without the thread: for a descriptor that somebody made non-blocking */

struct entry {
    int64_t at_ms;
    uint32_t size; /* of the line */
    char instance[INSTANCE_SIZE];
};

static struct {
    pthread_mutex_t mutex; /* all below but fd, which only the main thread changes */
    pthread_cond_t changed;
    char *ring; /* NULL: lines are written directly */
    uint64_t tail, next, head;
    uint64_t lost, told;
    bool is_waiting; /* the thread waits for a first line */
    bool is_urgent;  /* and then for more of them, unless this is set */
    bool is_closing, is_idle;
    pthread_t thread;
    int fd;
    char *path; /* of log_open, or NULL: then fd is borrowed */
} sink = {.mutex = PTHREAD_MUTEX_INITIALIZER, .fd = STDERR_FILENO, .is_idle = true};

/* ---- descriptor -------------------------------------------------------------------------------- */

void log_sink_use(int fd)
{
    if (sink.path)
        close(sink.fd);
    free(sink.path);
    sink.path = NULL;
    sink.fd = fd;
}

static int open_file(const char *path, struct error *err)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
    if (fd < 0)
        error_errno(err, errno == ENOENT ? ERROR_NOT_FOUND : ERROR_DENIED, errno,
                    "cannot open the log file '%s'", path);
    return fd;
}

bool log_open(const char *path, struct error *err)
{
    char *copy = strdup(path);
    int fd = copy ? open_file(path, err) : -1;
    if (!copy)
        return error_set(err, ERROR_LIMIT, "out of memory");
    if (fd < 0) {
        free(copy);
        return false;
    }
    log_sink_use(fd);
    sink.path = copy;
    return true;
}

/* dup2 puts the new file in the old one's place at one stroke, whoever is writing just now. */
bool log_reopen(struct error *err)
{
    int fd = sink.path ? open_file(sink.path, err) : -1;
    if (fd < 0)
        return !sink.path;
    bool ok = dup2(fd, sink.fd) >= 0 ||
              error_errno(err, ERROR_INTERNAL, errno, "cannot change to the log file '%s'", sink.path);
    close(fd);
    return ok;
}

/* wait_ms: as poll(2) takes it. False: not all was written. */
static bool write_all(const char *bytes, size_t size, int wait_ms)
{
    while (size > 0) {
        ssize_t written = write(sink.fd, bytes, size);
        if (written < 0 && errno == EAGAIN) {
            struct pollfd ready = {.fd = sink.fd, .events = POLLOUT};
            if (poll(&ready, 1, wait_ms) == 0)
                return false;
        } else if (written < 0 && errno != EINTR) {
            return false;
        } else if (written > 0) {
            bytes += written;
            size -= (size_t)written;
        }
    }
    return true;
}

/* ---- ring; under the mutex --------------------------------------------------------------------- */

static void ring_write(uint64_t at, const void *bytes, size_t size)
{
    size_t begin = at % LOG_RING_SIZE, room = LOG_RING_SIZE - begin;
    size_t first = size < room ? size : room;
    memcpy(sink.ring + begin, bytes, first);
    memcpy(sink.ring, (const char *)bytes + first, size - first);
}

static void ring_read(uint64_t at, void *bytes, size_t size)
{
    size_t begin = at % LOG_RING_SIZE, room = LOG_RING_SIZE - begin;
    size_t first = size < room ? size : room;
    memcpy(bytes, sink.ring + begin, first);
    memcpy((char *)bytes + first, sink.ring, size - first);
}

/* Forgets the oldest line; one that was not written is lost. */
static void drop_oldest(void)
{
    struct entry entry;
    ring_read(sink.tail, &entry, sizeof entry);
    bool is_unwritten = sink.tail == sink.next;
    sink.tail += sizeof entry + entry.size;
    if (is_unwritten) {
        sink.next = sink.tail;
        sink.lost++;
        metric_add(METRIC_LOG_LOST, 1);
    }
}

static void ring_put(const struct entry *entry, const char *line, bool is_urgent)
{
    size_t size = sizeof *entry + entry->size;
    while (sink.head + size - sink.tail > LOG_RING_SIZE)
        drop_oldest();
    ring_write(sink.head, entry, sizeof *entry);
    ring_write(sink.head + sizeof *entry, line, entry->size);
    sink.head += size;
    bool wakes = sink.is_waiting || (is_urgent && !sink.is_urgent);
    sink.is_waiting = false;
    sink.is_urgent = sink.is_urgent || is_urgent;
    if (wakes)
        pthread_cond_broadcast(&sink.changed);
}

/* Moves whole lines that are to be written into chunk; gives their bytes. */
static size_t ring_take(char chunk[static CHUNK_SIZE], uint64_t *lines)
{
    size_t size = 0;
    for (*lines = 0; sink.next < sink.head; ++*lines) {
        struct entry entry;
        ring_read(sink.next, &entry, sizeof entry);
        if (entry.size > CHUNK_SIZE - size)
            break;
        ring_read(sink.next + sizeof entry, chunk + size, entry.size);
        size += entry.size;
        sink.next += sizeof entry + entry.size;
    }
    return size;
}

void log_sink_put(int64_t at_ms, const char *instance, const char *line, size_t size, bool is_urgent)
{
    struct entry entry = {.at_ms = at_ms, .size = (uint32_t)size};
    strncat(entry.instance, instance, INSTANCE_SIZE - 1);
    pthread_mutex_lock(&sink.mutex);
    bool is_direct = !sink.ring;
    if (!is_direct)
        ring_put(&entry, line, is_urgent);
    pthread_mutex_unlock(&sink.mutex);
    if (is_direct)
        write_all(line, size, DIRECT_WAIT_MS);
}

/* ---- thread ------------------------------------------------------------------------------------ */

static struct timespec after_ms(int64_t wait_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += wait_ms / 1000;
    until.tv_nsec += wait_ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    return until;
}

/* Waits for lines; the number of those lost since it was last told is in *lost. False: closing. */
static bool wait_for_lines(uint64_t *lost)
{
    while (sink.next == sink.head && !sink.is_closing) {
        sink.is_idle = sink.is_waiting = true;
        pthread_cond_broadcast(&sink.changed);
        pthread_cond_wait(&sink.changed, &sink.mutex);
    }
    sink.is_idle = sink.is_waiting = false;
    const struct timespec until = after_ms(LOG_SINK_PAUSE_MS);
    while (!sink.is_urgent && !sink.is_closing && sink.head - sink.next < CHUNK_SIZE &&
           pthread_cond_timedwait(&sink.changed, &sink.mutex, &until) == 0)
        ;
    sink.is_urgent = false;
    *lost = sink.lost - sink.told;
    sink.told = sink.lost;
    return sink.next < sink.head;
}

void log_sink_lose(void)
{
    pthread_mutex_lock(&sink.mutex);
    sink.lost++;
    pthread_mutex_unlock(&sink.mutex);
    metric_add(METRIC_LOG_LOST, 1);
}

static void tell_lost(uint64_t lost)
{
    if (lost == 0 || log_put_lost(lost))
        return;
    pthread_mutex_lock(&sink.mutex);
    sink.told -= lost; /* with those that are lost next */
    pthread_mutex_unlock(&sink.mutex);
}

static void *write_lines(void *context)
{
    char *chunk = context;
    uint64_t lost = 0, lines = 0;
    pthread_mutex_lock(&sink.mutex);
    while (wait_for_lines(&lost)) {
        size_t size = ring_take(chunk, &lines);
        pthread_mutex_unlock(&sink.mutex);
        tell_lost(lost);
        bool ok = write_all(chunk, size, -1);
        pthread_mutex_lock(&sink.mutex);
        if (!ok) {
            sink.lost += lines;
            metric_add(METRIC_LOG_LOST, (int64_t)lines);
            sink.told += lines; /* whoever could be told does not read */
        }
    }
    sink.is_idle = true;
    pthread_cond_broadcast(&sink.changed);
    pthread_mutex_unlock(&sink.mutex);
    free(chunk);
    return NULL;
}

static bool start_thread(struct error *err)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&sink.changed, &attributes);
    pthread_condattr_destroy(&attributes);
    char *chunk = malloc(CHUNK_SIZE);
    if (!chunk)
        return error_set(err, ERROR_LIMIT, "out of memory");
    int number = pthread_create(&sink.thread, NULL, write_lines, chunk);
    if (number == 0)
        return true;
    free(chunk);
    return error_errno(err, ERROR_INTERNAL, number, "cannot start the log's thread");
}

bool log_start(struct error *err)
{
    sink.ring = malloc(LOG_RING_SIZE);
    if (!sink.ring)
        return error_set(err, ERROR_LIMIT, "out of memory");
    sink.tail = sink.next = sink.head = sink.lost = sink.told = 0;
    sink.is_closing = false;
    if (start_thread(err))
        return true;
    free(sink.ring);
    sink.ring = NULL;
    return false;
}

static bool wait_until_idle(int64_t wait_ms)
{
    const struct timespec until = after_ms(wait_ms);
    int code = 0;
    while (code == 0 && !(sink.is_idle && sink.next == sink.head))
        code = pthread_cond_timedwait(&sink.changed, &sink.mutex, &until);
    return code == 0;
}

bool log_stop(int64_t wait_ms)
{
    if (!sink.ring)
        return true;
    pthread_mutex_lock(&sink.mutex);
    bool is_written = wait_until_idle(wait_ms);
    sink.is_closing = is_written;
    pthread_cond_broadcast(&sink.changed);
    pthread_mutex_unlock(&sink.mutex);
    if (!is_written)
        return false;
    pthread_join(sink.thread, NULL);
    pthread_mutex_lock(&sink.mutex);
    free(sink.ring);
    sink.ring = NULL;
    pthread_mutex_unlock(&sink.mutex);
    pthread_cond_destroy(&sink.changed);
    return true;
}

/* ---- reading ----------------------------------------------------------------------------------- */

static bool is_wanted(const struct log_filter *filter, const struct entry *entry)
{
    return (filter->from_ms == 0 || entry->at_ms >= filter->from_ms) &&
           (filter->to_ms == 0 || entry->at_ms <= filter->to_ms) &&
           (!filter->instance || strncmp(filter->instance, entry->instance, INSTANCE_SIZE) == 0);
}

void log_recent(const struct log_filter *filter, struct buf *out)
{
    char *line = malloc(CHUNK_SIZE);
    out->failed = out->failed || !line;
    pthread_mutex_lock(&sink.mutex);
    for (uint64_t at = sink.tail; line && sink.ring && at < sink.head;) {
        struct entry entry;
        ring_read(at, &entry, sizeof entry);
        if (is_wanted(filter, &entry)) {
            ring_read(at + sizeof entry, line, entry.size);
            buf_append(out, line, entry.size);
        }
        at += sizeof entry + entry.size;
    }
    pthread_mutex_unlock(&sink.mutex);
    free(line);
}

uint64_t log_lost(void)
{
    pthread_mutex_lock(&sink.mutex);
    uint64_t lost = sink.lost;
    pthread_mutex_unlock(&sink.mutex);
    return lost;
}
