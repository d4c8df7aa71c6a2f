/* SPDX-License-Identifier: MIT */
/*
 * The thread that waits for due times and claims them; the lanes (lanes.h) run what it claimed. See
 * scheduler.h.
 */
#include "flow/scheduler.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "engine/sandbox.h"
#include "flow/activation.h"
#include "flow/audit.h"
#include "flow/due.h"
#include "flow/lanes.h"
#include "flow/registry.h"
#include "flow/scheduler_job.h"
#include "flow/scheduler_plan.h"
#include "flow/timetable.h"
#include "store/store_changes.h"
#include "store/store_schedule.h"

#define STORE_RETRY_MS 10000 /* after the store could not take a claim */
#define STOP_CANCEL_MS 5000  /* for what was asked to stop */

struct scheduler {
    struct service *service;
    struct scheduler_options options;
    struct lanes *lanes;
    struct store_watch *watch; /* NULL: the options wait */
    pthread_t timer;
    bool timer_runs;
    atomic_bool is_stopping, is_cancelled;
    struct plans plans; /* the timer thread's */
};

/* ---- due times --------------------------------------------------------------------------------- */

/* What is to become of a due time. */
static struct schedule_run judge(struct scheduler *scheduler, const struct plan *plan,
                                 const struct due *due, int64_t now_ms)
{
    struct schedule_run run = {.flow = plan->entry.definition.flow, .due_ms = due->newest_ms,
                               .outcome = "running", .first_ms = due->first_ms,
                               .at_ms = now_ms};
    bool is_late = now_ms - due->newest_ms > SCHEDULER_LATE_MS;
    if (is_late && plan->entry.definition.missed == MISSED_SKIP) {
        run.outcome = "missed";
        run.reason = "nothing was there to start it in time";
    } else if (lanes_state(scheduler->lanes, plan->lane) == LANE_RUNNING) {
        run.outcome = "skipped";
        run.reason = "the run before it was going on";
    } else if (lanes_state(scheduler->lanes, plan->lane) == LANE_WAITING) {
        run.outcome = "skipped";
        run.reason = "the run before it was waiting for a thread";
    }
    return run;
}

static void tell(const struct schedule_run *run)
{
    char due[CLOCK_TEXT_SIZE];
    metric_count(METRIC_SCHEDULE_RUNS, run->flow, "skipped", 1);
    log_line(LOG_WARNING, NULL, "flow '%s', due at %s, was %s: %s", run->flow,
             clock_format_ms(run->due_ms, due), run->outcome, run->reason);
}

/* What has become of a claimed time that does not run after all. */
static void record(struct scheduler *scheduler, struct schedule_run *run, const char *outcome,
                   const char *reason)
{
    struct error err = {0};
    run->outcome = outcome;
    run->reason = reason;
    tell(run);
    if (!store_set_schedule_run(service_store(scheduler->service), run, &err))
        log_line(LOG_ERROR, NULL, "schedule of '%s': %s", run->flow, err.message);
}

/* A claimed time runs, or gives way to a run that was asked for this very moment. */
static void begin(struct scheduler *scheduler, const struct plan *plan, struct schedule_run *run)
{
    struct job *job = job_due(plan->entry.flow, run->due_ms);
    if (!job) {
        record(scheduler, run, "failed", "out of memory");
        return;
    }
    enum lane_state state = lanes_push(scheduler->lanes, plan->lane, job);
    if (state == LANE_STOPPED)
        job_drop(scheduler->service, job);
    else if (state != LANE_IDLE)
        job_free(job);
    if (state == LANE_WAITING || state == LANE_RUNNING)
        record(scheduler, run, "skipped", "another run was asked for");
}

/* Moves since_ms over what is due. False: not now. */
static bool claim(struct scheduler *scheduler, struct plan *plan, const struct due *due,
                  int64_t now_ms, struct error *err)
{
    struct schedule_run run = judge(scheduler, plan, due, now_ms);
    enum schedule_claim result;
    int64_t seen_ms = plan->since_ms;
    if (!store_claim_schedule(service_store(scheduler->service), &run, seen_ms, &result, err))
        return false;
    if (result == CLAIM_LOST)
        return plan_read_since(plan, scheduler->service, err) &&
               (plan->since_ms != seen_ms ||
                error_set(err, ERROR_UNAVAILABLE, "the schedule was changed meanwhile"));
    plan->since_ms = run.due_ms;
    if (result == CLAIM_DONE)
        return true;
    if (run.reason)
        tell(&run);
    else
        begin(scheduler, plan, &run);
    return true;
}

/* After the clock was set back: what has run is known, and the rest is due again. */
static bool rewind_to(struct scheduler *scheduler, struct plan *plan, int64_t now_ms,
                      struct error *err)
{
    log_line(LOG_WARNING, NULL, "flow '%s': the clock was set back by %lld s",
             plan->entry.definition.flow, (long long)(plan->since_ms - now_ms) / 1000);
    if (!store_rewind_schedule(service_store(scheduler->service), plan->entry.definition.flow,
                               plan->since_ms, now_ms, err))
        return false;
    return plan_read_since(plan, scheduler->service, err);
}

/* What was due up to then does not count. An activation that is still to come was made by a clock that has
 * been set back since. */
static int64_t begins_at(const struct plan *plan, int64_t now_ms)
{
    bool counts = plan->active_ms > plan->since_ms && plan->active_ms <= now_ms;
    return counts ? plan->active_ms : plan->since_ms;
}

/* Deals with what is due of one plan. *next_ms: when to look again. */
static bool step(struct scheduler *scheduler, struct plan *plan, int64_t now_ms, int64_t *next_ms,
                 struct error *err)
{
    struct due due;
    *next_ms = DUE_NEVER;
    if (plan->is_stuck)
        return true;
    if (plan->since_ms > now_ms && !rewind_to(scheduler, plan, now_ms, err))
        return false;
    do {
        plan->is_stuck =
            !due_find(plan->entry.recurrence, begins_at(plan, now_ms), now_ms, &due, err);
    } while (!plan->is_stuck && due.is_due && claim(scheduler, plan, &due, now_ms, err));
    if (plan->is_stuck)
        return false;
    *next_ms = due.next_ms;
    return !due.is_due;
}

/* ---- the timer's thread ------------------------------------------------------------------------ */

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* When to look again. */
static int64_t step_all(struct scheduler *scheduler, int64_t now_ms)
{
    int64_t until_ms = STORE_WATCH_FOREVER;
    for (size_t i = 0; i < scheduler->plans.count; i++) {
        struct plan *plan = &scheduler->plans.items[i];
        struct error err = {0};
        int64_t next_ms;
        if (!step(scheduler, plan, now_ms, &next_ms, &err)) {
            log_line(LOG_ERROR, NULL, "schedule of '%s': %s", plan->entry.definition.flow,
                     err.message);
            next_ms = now_ms + STORE_RETRY_MS;
        }
        until_ms = sooner(until_ms, next_ms);
    }
    return until_ms;
}

/* What other processes claimed before they ended is done by those that live. */
static void recover(struct store *store)
{
    struct error err = {0};
    if (!store_recover_schedules(store, &err))
        log_line(LOG_ERROR, NULL, "claims of processes that ended cannot be looked at: %s", err.message);
}

static void *watch_clock(void *context)
{
    struct scheduler *scheduler = context;
    struct store *store = service_store(scheduler->service);
    uint32_t seen = 0;
    bool is_current = false;
    while (!atomic_load(&scheduler->is_stopping)) {
        struct error err = {0};
        recover(store);
        uint32_t changes = store_changes(store);
        if (changes != seen || !is_current) {
            is_current = plans_read(&scheduler->plans, scheduler->service, &err);
            if (!is_current)
                log_line(LOG_ERROR, NULL, "schedules stay as they were: %s", err.message);
            seen = changes;
        }
        int64_t now_ms = clock_wall_ms(), until_ms = step_all(scheduler, now_ms);
        if (!is_current)
            until_ms = sooner(until_ms, now_ms + STORE_RETRY_MS);
        scheduler->options.wait(scheduler->options.context, seen, now_ms, until_ms);
    }
    return NULL;
}

/* ---- life -------------------------------------------------------------------------------------- */

static void run(void *context, void *item)
{
    struct scheduler *scheduler = context;
    job_run(scheduler->service, item, &scheduler->is_cancelled);
}

static void drop(void *context, void *item)
{
    struct scheduler *scheduler = context;
    job_drop(scheduler->service, item);
}

static void wait_on_store(void *context, uint32_t seen, int64_t looked_ms, int64_t until_ms)
{
    store_watch_wait(context, seen, looked_ms, until_ms);
}

static bool open_watch(struct scheduler *scheduler, struct error *err)
{
    if (scheduler->options.wait)
        return true;
    if (!store_watch_open(&scheduler->watch, service_store(scheduler->service), err))
        return false;
    scheduler->options.wait = wait_on_store;
    scheduler->options.context = scheduler->watch;
    return true;
}

static bool start(struct scheduler *scheduler, struct error *err)
{
    const struct lanes_options lanes = {
        .lane_count = REGISTRY_FLOWS_MAX, /* a server may take in more flows */
        .thread_count = scheduler->options.workers,
        .run = run,
        .drop = drop,
        .thread_end = sandbox_thread_release,
        .context = scheduler,
    };
    if (!open_watch(scheduler, err) || !plans_read(&scheduler->plans, scheduler->service, err) ||
        !lanes_open(&scheduler->lanes, &lanes, err))
        return false;
    int failure = pthread_create(&scheduler->timer, NULL, watch_clock, scheduler);
    scheduler->timer_runs = failure == 0;
    return failure == 0 ||
           error_errno(err, ERROR_INTERNAL, failure, "cannot start the scheduler's thread");
}

static void release(struct scheduler *scheduler)
{
    if (scheduler->timer_runs)
        pthread_join(scheduler->timer, NULL);
    lanes_close(scheduler->lanes);
    store_watch_close(scheduler->watch);
    plans_release(&scheduler->plans);
    free(scheduler);
}

bool scheduler_open(struct scheduler **out, struct service *service,
                    const struct scheduler_options *options, struct error *err)
{
    struct scheduler *scheduler = calloc(1, sizeof *scheduler);
    if (!scheduler)
        return error_set(err, ERROR_LIMIT, "out of memory");
    scheduler->service = service;
    scheduler->options = *options;
    if (options->workers == 0)
        scheduler->options.workers = service_workspace(service)->schedule_workers;
    if (!start(scheduler, err)) {
        release(scheduler);
        return false;
    }
    service_set_scheduler(service, scheduler);
    *out = scheduler;
    return true;
}

bool scheduler_reload(struct scheduler *scheduler, struct error *err)
{
    if (!timetable_reload(scheduler->service, err))
        return false;
    store_tell_change(service_store(scheduler->service));
    return true;
}

void scheduler_quiesce(struct scheduler *scheduler)
{
    if (!scheduler || atomic_exchange(&scheduler->is_stopping, true))
        return;
    store_tell_change(service_store(scheduler->service));
    lanes_stop(scheduler->lanes);
}

bool scheduler_close(struct scheduler *scheduler, int64_t deadline_ms)
{
    if (!scheduler)
        return true;
    scheduler_quiesce(scheduler);
    if (!lanes_wait(scheduler->lanes, deadline_ms)) {
        log_line(LOG_WARNING, NULL, "stopping: asking scheduled runs to stop");
        atomic_store(&scheduler->is_cancelled, true);
        if (!lanes_wait(scheduler->lanes, clock_monotonic_ms() + STOP_CANCEL_MS))
            return false;
    }
    service_set_scheduler(scheduler->service, NULL);
    release(scheduler);
    return true;
}

void scheduler_load(struct scheduler *scheduler, size_t *running, size_t *waiting)
{
    *running = *waiting = 0;
    if (scheduler)
        lanes_load(scheduler->lanes, running, waiting);
}

/* ---- runs that are asked for ------------------------------------------------------------------- */

static bool check_now(struct service *service, size_t flow, const struct run_parameter *parameters,
                      size_t count, struct error *err)
{
    const struct manifest *manifest = service_manifest(service, flow);
    const struct run_request request = {.flow = flow, .parameters = parameters,
                                        .parameter_count = count};
    if (manifest_answers(manifest))
        return error_set(err, ERROR_UNSUPPORTED, "flow '%s' is not started by a schedule but by "
                                                 "\"%s\"", manifest->identifier,
                         manifest->trigger_type);
    if (!service_scheduler(service))
        return error_set(err, ERROR_UNSUPPORTED, "no scheduler works in this process");
    return activation_require(service, flow, err) && service_check_run(service, &request, err);
}

static bool run_now(struct service *service, size_t flow, const struct run_parameter *parameters,
                    size_t parameter_count, const struct actor *actor, struct error *err)
{
    if (!check_now(service, flow, parameters, parameter_count, err))
        return false;
    struct job *job = job_asked(flow, parameters, parameter_count, actor);
    if (!job)
        return error_set(err, ERROR_LIMIT, "out of memory");
    enum lane_state state =
        lanes_push(service_scheduler(service)->lanes, scheduler_lane(service, flow), job);
    if (state == LANE_IDLE)
        return true;
    job_free(job);
    if (state == LANE_STOPPED)
        return error_set(err, ERROR_UNAVAILABLE, "the service is stopping");
    return error_set(err, ERROR_EXISTS, "a run of flow '%s' is %s; one run at a time",
                     service_manifest(service, flow)->identifier,
                     state == LANE_RUNNING ? "going on" : "waiting for a thread");
}

bool scheduler_run_now(struct service *service, size_t flow, const struct run_parameter *parameters,
                       size_t parameter_count, const struct actor *actor, struct error *err)
{
    struct error why = {0};
    bool ok = run_now(service, flow, parameters, parameter_count, actor, &why);
    return audit_change(service, actor, "schedule.run", flow, NULL, ok, &why, err);
}
