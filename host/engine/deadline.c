/* SPDX-License-Identifier: MIT */
/* See deadline.h. armed_ns is written by the thread and by its own handler only; the handler is
 * the one that clears it, so a stale value can only lead to one signal too many. */
#include "engine/deadline.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef sigev_notify_thread_id /* glibc 2.36 has no name for it. */
#define sigev_notify_thread_id _sigev_un._tid
#endif

#define NS_PER_S INT64_C(1000000000)

int deadline_signal(void)
{
    return SIGRTMIN + 5; /* glibc keeps the first ones, debuggers and profilers like the next. */
}

static int64_t read_clock(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

int64_t deadline_cpu_ns(void)
{
    return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

int64_t deadline_wall_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

static bool timer_open(struct deadline_timer *timer, clockid_t clock, pid_t tid, struct error *err)
{
    struct sigevent event;
    memset(&event, 0, sizeof event);
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = deadline_signal();
    event.sigev_notify_thread_id = tid;
    *timer = (struct deadline_timer){.clock = clock};
    if (timer_create(clock, &event, &timer->id) != 0)
        return error_errno(err, ERROR_INTERNAL, errno, "cannot create a deadline timer");
    timer->is_open = true;
    return true;
}

static void timer_close(struct deadline_timer *timer)
{
    if (timer->is_open)
        timer_delete(timer->id);
    *timer = (struct deadline_timer){0};
}

bool deadline_open(struct engine_thread *thread, struct error *err)
{
    return timer_open(&thread->cpu_timer, CLOCK_THREAD_CPUTIME_ID, thread->tid, err) &&
           timer_open(&thread->wall_timer, CLOCK_MONOTONIC, thread->tid, err);
}

void deadline_close(struct engine_thread *thread)
{
    timer_close(&thread->cpu_timer);
    timer_close(&thread->wall_timer);
}

static void arm(struct deadline_timer *timer, int64_t deadline_ns)
{
    const int64_t armed_ns = timer->armed_ns;
    if (deadline_ns == INT64_MAX || (armed_ns != 0 && armed_ns <= deadline_ns))
        return;
    if (deadline_ns < 1)
        deadline_ns = 1; /* 0 would disarm. */
    const struct itimerspec when = {
        .it_value = {.tv_sec = deadline_ns / NS_PER_S, .tv_nsec = deadline_ns % NS_PER_S}};
    timer->armed_ns = deadline_ns;
    timer_settime(timer->id, TIMER_ABSTIME, &when, NULL);
}

void deadline_arm(struct engine_thread *thread)
{
    const struct guest *guest = thread->current;
    if (!guest)
        return;
    arm(&thread->cpu_timer, guest->cpu_deadline_ns);
    arm(&thread->wall_timer, guest->wall_deadline_ns);
}

bool deadline_cancelled(const struct engine_thread *thread, unsigned depth)
{
    for (unsigned i = 0; i <= depth; i++) {
        void *host = atomic_load_explicit(&thread->hosts[i], memory_order_relaxed);
        if (host && atomic_load_explicit(&thread->cancelled[i], memory_order_relaxed) == host)
            return true;
    }
    return false;
}

enum fault deadline_due(const struct engine_thread *thread)
{
    const struct guest *guest = thread->current;
    if (!guest)
        return FAULT_NONE;
    if (deadline_cancelled(thread, guest->depth))
        return FAULT_CANCELLED;
    if (guest->cpu_deadline_ns != INT64_MAX && deadline_cpu_ns() >= guest->cpu_deadline_ns)
        return FAULT_CPU_DEADLINE;
    if (guest->wall_deadline_ns != INT64_MAX && deadline_wall_ns() >= guest->wall_deadline_ns)
        return FAULT_WALL_DEADLINE;
    return FAULT_NONE;
}

void deadline_poke(const struct engine_thread *thread)
{
    syscall(SYS_tgkill, getpid(), thread->tid, deadline_signal());
}
