/* SPDX-License-Identifier: MIT */
/* See recovery.h. */
#include "flow/recovery.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "flow/kept_module.h"
#include "flow/resume.h"

struct recovery {
    struct service *service;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool is_ended; /* under mutex */
    atomic_bool is_stopping;
};

static bool should_stop(void *context)
{
    const struct recovery *recovery = context;
    return atomic_load(&recovery->is_stopping);
}

static void set_until(struct timespec *until, int64_t duration_ms)
{
    clock_gettime(CLOCK_MONOTONIC, until);
    until->tv_sec += duration_ms / 1000;
    until->tv_nsec += (long)(duration_ms % 1000) * 1000000;
    if (until->tv_nsec >= 1000000000) {
        until->tv_sec++;
        until->tv_nsec -= 1000000000;
    }
}

/* False: it is stopping. */
static bool pause_ms(struct recovery *recovery, int64_t duration_ms)
{
    struct timespec until;
    int code = 0;
    set_until(&until, duration_ms);
    pthread_mutex_lock(&recovery->mutex);
    while (!atomic_load(&recovery->is_stopping) && code == 0)
        code = pthread_cond_timedwait(&recovery->changed, &recovery->mutex, &until);
    pthread_mutex_unlock(&recovery->mutex);
    return !atomic_load(&recovery->is_stopping);
}

/* Once a process: what is kept comes with new versions and customisations, and those come slowly. */
static void prune_modules(struct service *service)
{
    struct error err = {0};
    size_t deleted;
    if (!kept_module_prune(service->workspace, service->store, &deleted, &err))
        log_line(LOG_WARNING, NULL, "modules that no instance needs are still there: %s", err.message);
    else if (deleted > 0)
        log_line(LOG_INFO, NULL, "%zu kept modules were deleted: no instance needs them", deleted);
}

static void *recover(void *context)
{
    struct recovery *recovery = context;
    const struct run_watch watch = {.context = recovery, .should_stop = should_stop};
    size_t left = 0;
    prune_modules(recovery->service);
    do {
        struct error err = {0};
        if (!resume_all(recovery->service, &watch, &left, &err)) {
            log_line(LOG_ERROR, NULL, "unfinished instances cannot be read: %s", err.message);
            left = 1;
        }
        sandbox_thread_release();
    } while (pause_ms(recovery, left > 0 ? RECOVERY_PAUSE_MS : RECOVERY_LOOK_MS));
    pthread_mutex_lock(&recovery->mutex);
    recovery->is_ended = true;
    pthread_cond_broadcast(&recovery->changed);
    pthread_mutex_unlock(&recovery->mutex);
    return NULL;
}

bool recovery_open(struct recovery **out, struct service *service, struct error *err)
{
    pthread_condattr_t attributes;
    struct recovery *recovery = calloc(1, sizeof *recovery);
    if (!recovery)
        return error_set(err, ERROR_LIMIT, "out of memory");
    recovery->service = service;
    pthread_mutex_init(&recovery->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&recovery->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    int failure = pthread_create(&recovery->thread, NULL, recover, recovery);
    if (failure == 0) {
        *out = recovery;
        return true;
    }
    pthread_cond_destroy(&recovery->changed);
    pthread_mutex_destroy(&recovery->mutex);
    free(recovery);
    return error_errno(err, ERROR_INTERNAL, failure, "cannot start a thread");
}

bool recovery_close(struct recovery *recovery, int64_t deadline_ms)
{
    struct timespec until;
    int code = 0;
    if (!recovery)
        return true;
    int64_t left_ms = deadline_ms - clock_monotonic_ms();
    set_until(&until, left_ms > 0 ? left_ms : 0);
    pthread_mutex_lock(&recovery->mutex);
    atomic_store(&recovery->is_stopping, true);
    pthread_cond_broadcast(&recovery->changed);
    while (!recovery->is_ended && code == 0)
        code = pthread_cond_timedwait(&recovery->changed, &recovery->mutex, &until);
    bool is_ended = recovery->is_ended;
    pthread_mutex_unlock(&recovery->mutex);
    if (!is_ended)
        return false;
    pthread_join(recovery->thread, NULL);
    pthread_cond_destroy(&recovery->changed);
    pthread_mutex_destroy(&recovery->mutex);
    free(recovery);
    return true;
}
