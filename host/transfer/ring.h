/* SPDX-License-Identifier: MIT */
/*
 * A ring of bytes between exactly one writing and one reading thread. Both block: the writer while
 * the ring is full, the reader while it is empty; or the writer, if it must not, offers bytes and
 * parks. Copying happens outside the lock.
 */
#ifndef TRANSFER_RING_H
#define TRANSFER_RING_H
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring {
    pthread_mutex_t lock; /* guards the counters and flags */
    pthread_cond_t changed;
    char *bytes;
    size_t size;
    uint64_t written, taken; /* counters over the life of the ring; written - taken <= size */
    bool writer_waits, reader_waits;
    void (*on_room)(void *context); /* of a parked writer; else NULL */
    void *room_context;
    bool is_ended;          /* the writer is done: after the rest there is nothing */
    atomic_bool is_stopped; /* the reader is gone: the writer gives up */
};

enum ring_outcome { RING_BYTES, RING_END, RING_WAIT };

/* false: no memory. size > 0. */
bool ring_init(struct ring *ring, size_t size);
void ring_release(struct ring *ring); /* a zeroed ring is fine */

/* Writer: copies all bytes in; false when the reader stopped. */
bool ring_write(struct ring *ring, const char *bytes, size_t size);
void ring_end(struct ring *ring); /* no more bytes */

/* A writer that must not wait: copies in what fits, and gives how much; all, when the reader
 * stopped. */
size_t ring_offer(struct ring *ring, const char *bytes, size_t size);

/* Such a writer, when not all was taken. True: on_room is called once, by the reader's thread, as soon
 * as a quarter is free or the reader stops. False: that is so already. */
bool ring_park(struct ring *ring, void (*on_room)(void *context), void *context);

/* Reader: RING_BYTES and *got in 1..size; RING_END; RING_WAIT: nothing came within wait_ms. */
enum ring_outcome ring_read(struct ring *ring, char *bytes, size_t size, int wait_ms, size_t *got);

/* Reader: waits until there are bytes or the end. RING_BYTES, RING_END or RING_WAIT as above. */
enum ring_outcome ring_wait(struct ring *ring, int wait_ms);

/* Reader: waits for the end without taking bytes; false: not within wait_ms. */
bool ring_wait_end(struct ring *ring, int wait_ms);
void ring_stop(struct ring *ring);
#endif
