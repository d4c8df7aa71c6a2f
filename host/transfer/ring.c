/* SPDX-License-Identifier: MIT */
/*
 * The ring's two counters only grow; their difference is what is in it. A side waits only on full
 * or empty and is woken only when it waits, the writer when there is work for a while: a flowing
 * stream makes few system calls and few switches between the threads.
 */
#include "transfer/ring.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

bool ring_init(struct ring *ring, size_t size)
{
    *ring = (struct ring){.size = size};
    ring->bytes = malloc(size);
    if (!ring->bytes)
        return false;
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&ring->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&ring->lock, NULL);
    return true;
}

void ring_release(struct ring *ring)
{
    if (!ring->bytes)
        return;
    free(ring->bytes);
    ring->bytes = NULL;
    pthread_cond_destroy(&ring->changed);
    pthread_mutex_destroy(&ring->lock);
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* A quarter free: one buffer of libcurl's in the ring that the pump makes. */
static uint64_t ring_low(const struct ring *ring)
{
    return ring->size - (ring->size + 3) / 4;
}

/* With the lock held. Once full, the writer sleeps until there is room worth waking up for. */
static void wait_for_room(struct ring *ring)
{
    ring->writer_waits = true;
    while (ring->written - ring->taken > ring_low(ring) && !atomic_load(&ring->is_stopped))
        pthread_cond_wait(&ring->changed, &ring->lock);
    ring->writer_waits = false;
}

/* Copies at most room bytes in, up to where the ring turns; gives how many. */
static size_t fill(struct ring *ring, const char *bytes, size_t size, size_t room)
{
    size_t start = (size_t)(ring->written % ring->size); /* only this thread moves written */
    size_t chunk = smaller(smaller(size, room), ring->size - start);
    memcpy(ring->bytes + start, bytes, chunk);
    pthread_mutex_lock(&ring->lock);
    ring->written += chunk;
    if (ring->reader_waits)
        pthread_cond_signal(&ring->changed);
    pthread_mutex_unlock(&ring->lock);
    return chunk;
}

bool ring_write(struct ring *ring, const char *bytes, size_t size)
{
    while (size > 0) {
        pthread_mutex_lock(&ring->lock);
        if (ring->written - ring->taken == ring->size)
            wait_for_room(ring);
        bool is_stopped = atomic_load(&ring->is_stopped);
        size_t room = ring->size - (size_t)(ring->written - ring->taken);
        pthread_mutex_unlock(&ring->lock);
        if (is_stopped)
            return false;
        size_t chunk = fill(ring, bytes, size, room);
        bytes += chunk;
        size -= chunk;
    }
    return true;
}

size_t ring_offer(struct ring *ring, const char *bytes, size_t size)
{
    if (atomic_load(&ring->is_stopped))
        return size;
    pthread_mutex_lock(&ring->lock);
    size_t room = ring->size - (size_t)(ring->written - ring->taken);
    pthread_mutex_unlock(&ring->lock);
    size_t done = fill(ring, bytes, size, room);
    return done < size && done < room ? done + fill(ring, bytes + done, size - done, room - done)
                                      : done;
}

bool ring_park(struct ring *ring, void (*on_room)(void *context), void *context)
{
    pthread_mutex_lock(&ring->lock);
    bool parks = ring->written - ring->taken > ring_low(ring) && !atomic_load(&ring->is_stopped);
    ring->on_room = parks ? on_room : NULL;
    ring->room_context = context;
    pthread_mutex_unlock(&ring->lock);
    return parks;
}

void ring_end(struct ring *ring)
{
    pthread_mutex_lock(&ring->lock);
    ring->is_ended = true;
    pthread_cond_broadcast(&ring->changed);
    pthread_mutex_unlock(&ring->lock);
}

/* With the lock held: what a parked writer is to be told after it is released, or NULL. */
static void (*unpark(struct ring *ring))(void *context)
{
    void (*on_room)(void *context) = ring->on_room;
    ring->on_room = NULL;
    return on_room;
}

static struct timespec deadline_in(int wait_ms)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += wait_ms / 1000;
    at.tv_nsec += (long)(wait_ms % 1000) * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

/* With the lock held: waits while the ring is empty and open. */
static enum ring_outcome wait_for_bytes(struct ring *ring, int wait_ms)
{
    struct timespec at = {0};
    while (ring->written == ring->taken && !ring->is_ended) {
        if (at.tv_sec == 0)
            at = deadline_in(wait_ms);
        ring->reader_waits = true;
        int number = pthread_cond_timedwait(&ring->changed, &ring->lock, &at);
        ring->reader_waits = false;
        if (number != 0)
            break;
    }
    if (ring->written != ring->taken)
        return RING_BYTES;
    return ring->is_ended ? RING_END : RING_WAIT;
}

enum ring_outcome ring_wait(struct ring *ring, int wait_ms)
{
    pthread_mutex_lock(&ring->lock);
    enum ring_outcome outcome = wait_for_bytes(ring, wait_ms);
    pthread_mutex_unlock(&ring->lock);
    return outcome;
}

enum ring_outcome ring_read(struct ring *ring, char *bytes, size_t size, int wait_ms, size_t *got)
{
    pthread_mutex_lock(&ring->lock);
    enum ring_outcome outcome = wait_for_bytes(ring, wait_ms);
    size_t filled = (size_t)(ring->written - ring->taken);
    pthread_mutex_unlock(&ring->lock);
    *got = 0;
    if (outcome != RING_BYTES)
        return outcome;
    size_t start = (size_t)(ring->taken % ring->size); /* only this thread moves taken */
    size_t chunk = smaller(smaller(size, filled), ring->size - start);
    memcpy(bytes, ring->bytes + start, chunk);
    pthread_mutex_lock(&ring->lock);
    ring->taken += chunk;
    bool has_room = ring->written - ring->taken <= ring_low(ring);
    if (ring->writer_waits && has_room)
        pthread_cond_signal(&ring->changed);
    void (*on_room)(void *context) = has_room ? unpark(ring) : NULL;
    pthread_mutex_unlock(&ring->lock);
    if (on_room)
        on_room(ring->room_context);
    *got = chunk;
    return RING_BYTES;
}

bool ring_wait_end(struct ring *ring, int wait_ms)
{
    struct timespec at = deadline_in(wait_ms);
    pthread_mutex_lock(&ring->lock);
    while (!ring->is_ended && pthread_cond_timedwait(&ring->changed, &ring->lock, &at) == 0)
        continue;
    bool is_ended = ring->is_ended;
    pthread_mutex_unlock(&ring->lock);
    return is_ended;
}

void ring_stop(struct ring *ring)
{
    pthread_mutex_lock(&ring->lock);
    atomic_store(&ring->is_stopped, true);
    pthread_cond_broadcast(&ring->changed);
    void (*on_room)(void *context) = unpark(ring);
    pthread_mutex_unlock(&ring->lock);
    if (on_room)
        on_room(ring->room_context);
}
