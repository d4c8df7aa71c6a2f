/* SPDX-License-Identifier: MIT */
/*
 * CPU and wall deadlines by one timer signal per thread. A signal only means "look at the clock":
 * late and stray ones do no harm. Timers stay armed across executions and are set again only for
 * an earlier time, so a short execution under a long limit makes no timer call at all.
 */
#ifndef ENGINE_DEADLINE_H
#define ENGINE_DEADLINE_H
#include "engine/thread.h"

int deadline_signal(void); /* the signal's number */

MUST_USE bool deadline_open(struct engine_thread *thread, struct error *err);
void deadline_close(struct engine_thread *thread);

/* Makes sure that the timers fire in time for thread->current. Call after current was set. */
void deadline_arm(struct engine_thread *thread);

/* Why the current execution must stop now, or FAULT_NONE. Async-signal-safe. */
enum fault deadline_due(const struct engine_thread *thread);

/* Whether the execution at depth, or one that it runs inside, was cancelled. Async-signal-safe. */
bool deadline_cancelled(const struct engine_thread *thread, unsigned depth);

/* Makes another thread look at the clock and at cancellations now. */
void deadline_poke(const struct engine_thread *thread);

int64_t deadline_cpu_ns(void);  /* CPU time of the calling thread */
int64_t deadline_wall_ns(void); /* CLOCK_MONOTONIC, whatever clock_use replaced */
#endif
