/* SPDX-License-Identifier: MIT */
/*
 * Starts flows when their schedules are due (timetable.h), in a process that serves. One thread waits
 * for the next due time, or for word that a schedule changed; runs go on threads of their own.
 *
 * What holds, also between processes and over crashes:
 *   - a due time is claimed in the store before its run begins, so no two processes start it twice;
 *   - one run of a flow at a time: a time that comes due meanwhile is recorded as skipped, with the reason;
 *   - of several due times that have passed (the process was down, the machine slept, the clock was set
 *     forward), the newest stands for all; if it is older than SCHEDULER_LATE_MS, the schedule's
 *     "missed" decides whether it runs. The default is run_once: extract files wait at the source, and one
 *     run takes them all;
 *   - a clock that is set back repeats nothing that has run (as far as the record of
 *     STORE_SCHEDULE_RUNS_MAX times a flow reaches), and what had not run is due again.
 * Thread-safe.
 */
#ifndef FLOW_SCHEDULER_H
#define FLOW_SCHEDULER_H
#include "flow/flow.h"

#define SCHEDULER_LATE_MS 60000

struct scheduler;

struct scheduler_options {
    size_t workers; /* runs at a time; 0: "schedule_workers" of sluice.json */
    /* As store_watch_wait. NULL: that. Tests that own the clock own this, too. */
    void (*wait)(void *context, uint32_t seen, int64_t looked_ms, int64_t until_ms);
    void *context;
};

/* Reads the timetable and begins. ERROR_INVALID: a schedule is not usable. service must outlive it. */
MUST_USE bool scheduler_open(struct scheduler **out, struct service *service,
                             const struct scheduler_options *options, struct error *err);

/* schedules.json again (SIGHUP). On error nothing is changed. */
MUST_USE bool scheduler_reload(struct scheduler *scheduler, struct error *err);

/* Begins no more runs. For a stop that first waits for something else. NULL is fine. */
void scheduler_quiesce(struct scheduler *scheduler);

/*
 * Quiesces, waits until deadline_ms (clock_monotonic_ms) for what runs, then asks it to stop and gives
 * that a few seconds. False: something did not stop; nothing is released, the process may only end.
 * NULL is fine.
 */
MUST_USE bool scheduler_close(struct scheduler *scheduler, int64_t deadline_ms);

/*
 * Runs a scheduled flow once, beside its schedule, with other parameters than the schedule's; those not
 * given are the schedule's. Returns when that is accepted; the run is an instance of trigger "manual".
 * ERROR_INVALID, ERROR_LIMIT: the parameters; ERROR_EXISTS: a run of it goes on or waits here;
 * ERROR_REFUSED: not active; ERROR_UNSUPPORTED: the flow is not started by a schedule, or no scheduler
 * works in this process; ERROR_UNAVAILABLE: it is stopping.
 */
MUST_USE bool scheduler_run_now(struct service *service, size_t flow,
                                const struct run_parameter *parameters, size_t parameter_count,
                                const struct actor *actor, struct error *err);

/* Runs that go on and that wait for a thread, for metrics. NULL: none. */
void scheduler_load(struct scheduler *scheduler, size_t *running, size_t *waiting);
#endif
