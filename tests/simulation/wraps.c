/* SPDX-License-Identifier: MIT */
/*
 * Time, randomness and a few things more that the host asks the system for, and what it logs; see schedule.h. In the
 * parent, which has no world yet or judges one, the system answers.
 */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/types.h>
#include <time.h>

#include "base/log.h"
#include "others.h"
#include "schedule.h"
#include "world.h"

#define CPU_STEP_NS 20000 /* CPU time that a thread is told to have used since it last asked */
#define PID_OF_HOST 4242  /* the same at every replay */

int __real_clock_gettime(clockid_t id, struct timespec *now);

static void fill_time(struct timespec *now, int64_t ns)
{
    now->tv_sec = (time_t)(ns / NS_PER_S);
    now->tv_nsec = (long)(ns % NS_PER_S);
}

int __wrap_clock_gettime(clockid_t id, struct timespec *now);
int __wrap_clock_gettime(clockid_t id, struct timespec *now)
{
    static _Thread_local int64_t cpu_ns;
    if (!world)
        return __real_clock_gettime(id, now);
    switch (id) {
    case CLOCK_REALTIME:
        fill_time(now, world_wall_ns() + world->skew_ns);
        return 0;
    case CLOCK_MONOTONIC:
        fill_time(now, world->now_ns);
        return 0;
    case CLOCK_THREAD_CPUTIME_ID:
        fill_time(now, cpu_ns += CPU_STEP_NS);
        return 0;
    default:
        return __real_clock_gettime(id, now);
    }
}

int __wrap_nanosleep(const struct timespec *duration, struct timespec *left);
int __wrap_nanosleep(const struct timespec *duration, struct timespec *left)
{
    (void)left;
    schedule_sleep_ns((int64_t)duration->tv_sec * NS_PER_S + duration->tv_nsec);
    return 0;
}

ssize_t __wrap_getrandom(void *bytes, size_t size, unsigned flags);
ssize_t __wrap_getrandom(void *bytes, size_t size, unsigned flags)
{
    (void)flags;
    for (size_t i = 0; i < size; i += 8) {
        uint64_t bits = draw_bits();
        memcpy((char *)bytes + i, &bits, size - i < 8 ? size - i : 8);
    }
    return (ssize_t)size;
}

pid_t __wrap_getpid(void);
pid_t __wrap_getpid(void)
{
    return PID_OF_HOST + world->running;
}

/* Guests are stopped by the kernel's timers on real clocks; here the world's clock says when, and the
 * host looks at it at each import. */
int __wrap_timer_create(clockid_t clock, struct sigevent *event, timer_t *timer);
int __wrap_timer_create(clockid_t clock, struct sigevent *event, timer_t *timer)
{
    (void)clock, (void)event;
    *timer = NULL;
    return 0;
}

int __wrap_timer_settime(timer_t timer, int flags, const struct itimerspec *when,
                         struct itimerspec *before);
int __wrap_timer_settime(timer_t timer, int flags, const struct itimerspec *when,
                         struct itimerspec *before)
{
    (void)timer, (void)flags, (void)when, (void)before;
    return 0;
}

int __wrap_timer_delete(timer_t timer);
int __wrap_timer_delete(timer_t timer)
{
    (void)timer;
    return 0;
}

void __real_log_line(enum log_level level, const char *instance, const char *format, ...);
void __wrap_log_line(enum log_level level, const char *instance, const char *format, ...) PRINTF_LIKE(3, 4);
void __wrap_log_line(enum log_level level, const char *instance, const char *format, ...)
{
    char line[4096];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    __real_log_line(level, instance, "%s", line);
    if (world)
        others_read_log(line);
}
