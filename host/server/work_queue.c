/* SPDX-License-Identifier: MIT */
/* Ring of items under one mutex; see work_queue.h. */
#include "server/work_queue.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/metrics.h"

struct work_queue {
    struct work_queue_options options;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    void **items; /* ring of waiting_max */
    size_t first, count;
    bool is_closing;
    pthread_t threads[WORK_THREADS_MAX];
    size_t thread_count;
};

static void count(const struct work_queue *queue, enum metric metric, int delta)
{
    if (queue->options.is_counted)
        metric_add(metric, delta);
}

static void *take(struct work_queue *queue)
{
    void *item = NULL;
    pthread_mutex_lock(&queue->mutex);
    while (queue->count == 0 && !queue->is_closing)
        pthread_cond_wait(&queue->changed, &queue->mutex);
    if (queue->count > 0) {
        item = queue->items[queue->first];
        queue->first = (queue->first + 1) % queue->options.waiting_max;
        queue->count--;
        count(queue, METRIC_QUEUE_DEPTH, -1);
    }
    pthread_mutex_unlock(&queue->mutex);
    return item;
}

static void *work(void *context)
{
    struct work_queue *queue = context;
    count(queue, METRIC_WORKERS, 1);
    for (void *item; (item = take(queue)) != NULL;) {
        count(queue, METRIC_WORKERS_BUSY, 1);
        queue->options.run(queue->options.context, item);
        count(queue, METRIC_WORKERS_BUSY, -1);
    }
    count(queue, METRIC_WORKERS, -1);
    if (queue->options.thread_end)
        queue->options.thread_end();
    return NULL;
}

bool work_queue_open(struct work_queue **out, const struct work_queue_options *options,
                     struct error *err)
{
    struct work_queue *queue = calloc(1, sizeof *queue);
    if (!queue)
        return error_set(err, ERROR_LIMIT, "out of memory");
    queue->options = *options;
    pthread_mutex_init(&queue->mutex, NULL);
    pthread_cond_init(&queue->changed, NULL);
    queue->items = calloc(options->waiting_max, sizeof *queue->items);
    if (!queue->items) {
        work_queue_close(queue);
        return error_set(err, ERROR_LIMIT, "out of memory");
    }
    while (queue->thread_count < options->thread_count) {
        int failure = pthread_create(&queue->threads[queue->thread_count], NULL, work, queue);
        if (failure != 0) {
            work_queue_close(queue);
            return error_errno(err, ERROR_INTERNAL, failure, "cannot start a worker thread");
        }
        queue->thread_count++;
    }
    *out = queue;
    return true;
}

bool work_queue_submit(struct work_queue *queue, void *item)
{
    pthread_mutex_lock(&queue->mutex);
    bool fits = !queue->is_closing && queue->count < queue->options.waiting_max;
    if (fits) {
        queue->items[(queue->first + queue->count) % queue->options.waiting_max] = item;
        queue->count++;
        count(queue, METRIC_QUEUE_DEPTH, 1);
        pthread_cond_signal(&queue->changed);
    }
    pthread_mutex_unlock(&queue->mutex);
    if (fits)
        pthread_cond_signal(&queue->changed); /* whoever wakes finds the mutex free */
    return fits;
}

void work_queue_close(struct work_queue *queue)
{
    if (!queue)
        return;
    pthread_mutex_lock(&queue->mutex);
    queue->is_closing = true;
    pthread_cond_broadcast(&queue->changed);
    pthread_mutex_unlock(&queue->mutex);
    for (size_t i = 0; i < queue->thread_count; i++)
        pthread_join(queue->threads[i], NULL);
    pthread_cond_destroy(&queue->changed);
    pthread_mutex_destroy(&queue->mutex);
    free(queue->items);
    free(queue);
}
