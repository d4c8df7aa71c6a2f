/* SPDX-License-Identifier: MIT */
/* A list of waiting lanes and the threads that empty it; see lanes.h. */
#include "flow/lanes.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"

struct lane {
    enum lane_state state;
    void *item;
    struct lane *next; /* that waits */
};

struct lanes {
    struct lanes_options options;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct lane *first, **last;
    size_t running, waiting;
    bool is_stopped;
    pthread_t threads[LANES_THREADS_MAX];
    size_t thread_count;
    struct lane lanes[];
};

static struct lane *take(struct lanes *lanes)
{
    struct lane *lane = NULL;
    pthread_mutex_lock(&lanes->mutex);
    while (!lanes->first && !lanes->is_stopped)
        pthread_cond_wait(&lanes->changed, &lanes->mutex);
    if (!lanes->is_stopped) {
        lane = lanes->first;
        lanes->first = lane->next;
        if (!lanes->first)
            lanes->last = &lanes->first;
        lane->state = LANE_RUNNING;
        lanes->waiting--;
        lanes->running++;
    }
    pthread_mutex_unlock(&lanes->mutex);
    return lane;
}

static void give_back(struct lanes *lanes, struct lane *lane)
{
    pthread_mutex_lock(&lanes->mutex);
    lane->state = LANE_IDLE;
    lanes->running--;
    pthread_cond_broadcast(&lanes->changed);
    pthread_mutex_unlock(&lanes->mutex);
}

static void *work(void *context)
{
    struct lanes *lanes = context;
    for (struct lane *lane; (lane = take(lanes)) != NULL;) {
        lanes->options.run(lanes->options.context, lane->item);
        give_back(lanes, lane);
    }
    if (lanes->options.thread_end)
        lanes->options.thread_end();
    return NULL;
}

static void init_condition(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

bool lanes_open(struct lanes **out, const struct lanes_options *options, struct error *err)
{
    struct lanes *lanes = calloc(1, sizeof *lanes + options->lane_count * sizeof lanes->lanes[0]);
    if (!lanes)
        return error_set(err, ERROR_LIMIT, "out of memory");
    lanes->options = *options;
    lanes->last = &lanes->first;
    pthread_mutex_init(&lanes->mutex, NULL);
    init_condition(&lanes->changed);
    while (lanes->thread_count < options->thread_count) {
        int failure = pthread_create(&lanes->threads[lanes->thread_count], NULL, work, lanes);
        if (failure != 0) {
            lanes_close(lanes);
            return error_errno(err, ERROR_INTERNAL, failure, "cannot start a thread for schedules");
        }
        lanes->thread_count++;
    }
    *out = lanes;
    return true;
}

enum lane_state lanes_push(struct lanes *lanes, size_t index, void *item)
{
    struct lane *lane = &lanes->lanes[index];
    pthread_mutex_lock(&lanes->mutex);
    enum lane_state state = lanes->is_stopped ? LANE_STOPPED : lane->state;
    if (state == LANE_IDLE) {
        *lane = (struct lane){.state = LANE_WAITING, .item = item};
        *lanes->last = lane;
        lanes->last = &lane->next;
        lanes->waiting++;
        pthread_cond_broadcast(&lanes->changed); /* whoever waits for the end waits here, too */
    }
    pthread_mutex_unlock(&lanes->mutex);
    return state;
}

enum lane_state lanes_state(struct lanes *lanes, size_t lane)
{
    pthread_mutex_lock(&lanes->mutex);
    enum lane_state state = lanes->is_stopped ? LANE_STOPPED : lanes->lanes[lane].state;
    pthread_mutex_unlock(&lanes->mutex);
    return state;
}

void lanes_load(struct lanes *lanes, size_t *running, size_t *waiting)
{
    pthread_mutex_lock(&lanes->mutex);
    *running = lanes->running;
    *waiting = lanes->waiting;
    pthread_mutex_unlock(&lanes->mutex);
}

void lanes_stop(struct lanes *lanes)
{
    pthread_mutex_lock(&lanes->mutex);
    struct lane *waiting = lanes->first;
    lanes->first = NULL;
    lanes->last = &lanes->first;
    lanes->waiting = 0;
    lanes->is_stopped = true;
    pthread_cond_broadcast(&lanes->changed);
    pthread_mutex_unlock(&lanes->mutex);
    for (; waiting; waiting = waiting->next)
        lanes->options.drop(lanes->options.context, waiting->item);
}

bool lanes_wait(struct lanes *lanes, int64_t deadline_ms)
{
    struct timespec until;
    int64_t left_ms = deadline_ms - clock_monotonic_ms();
    clock_gettime(CLOCK_MONOTONIC, &until);
    if (left_ms > 0) {
        until.tv_sec += (time_t)(left_ms / 1000);
        until.tv_nsec += (long)(left_ms % 1000) * 1000000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
    }
    int code = 0;
    pthread_mutex_lock(&lanes->mutex);
    while (lanes->running > 0 && code == 0)
        code = pthread_cond_timedwait(&lanes->changed, &lanes->mutex, &until);
    bool is_idle = lanes->running == 0;
    pthread_mutex_unlock(&lanes->mutex);
    return is_idle;
}

void lanes_close(struct lanes *lanes)
{
    if (!lanes)
        return;
    lanes_stop(lanes);
    for (size_t i = 0; i < lanes->thread_count; i++)
        pthread_join(lanes->threads[i], NULL);
    pthread_cond_destroy(&lanes->changed);
    pthread_mutex_destroy(&lanes->mutex);
    free(lanes);
}
