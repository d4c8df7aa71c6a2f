/* SPDX-License-Identifier: MIT */
/* A bounded queue and the threads that empty it in order. Thread-safe. */
#ifndef SERVER_WORK_QUEUE_H
#define SERVER_WORK_QUEUE_H
#include <stddef.h>

#include "base/error.h"

#define WORK_THREADS_MAX 256u

struct work_queue;

struct work_queue_options {
    size_t thread_count; /* 1 to WORK_THREADS_MAX */
    size_t waiting_max;  /* items that may wait for a thread */
    void (*run)(void *context, void *item);
    void (*thread_end)(void); /* on each thread before it ends; NULL: nothing */
    void *context;
    bool is_counted; /* in the metrics of workers */
};

MUST_USE bool work_queue_open(struct work_queue **out, const struct work_queue_options *options,
                              struct error *err);
/* False: waiting_max items wait already, or the queue is closing. */
MUST_USE bool work_queue_submit(struct work_queue *queue, void *item);
/* Runs what waits, then ends the threads. NULL is fine. */
void work_queue_close(struct work_queue *queue);
#endif
