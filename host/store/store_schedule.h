/* SPDX-License-Identifier: MIT */
/*
 * What is remembered of schedules: what people decided, up to when due times are dealt with, and what
 * became of them. Decisions are told to all processes (store_changes.h). Thread-safe.
 */
#ifndef STORE_STORE_SCHEDULE_H
#define STORE_STORE_SCHEDULE_H
#include "store/store.h"

#define STORE_SCHEDULE_RUNS_MAX 1000 /* due times remembered of one flow */

struct schedule_row {
    const char *flow;       /* identifier */
    const char *state;      /* "started", "stopped", "paused" */
    const char *definition; /* JSON text, or NULL: as schedules.json says */
    const char *basis;      /* the rule that since_ms belongs to; NULL: none yet */
    int64_t since_ms;       /* what was due up to then is dealt with */
    const char *actor;      /* who decided last; "": nobody */
    int64_t changed_ms;
};

typedef bool schedule_row_fn(void *context, const struct schedule_row *row);
MUST_USE bool store_schedules(struct store *store, schedule_row_fn *fn, void *context,
                              struct error *err);

struct schedule_decision {
    const char *flow;
    const char *state;      /* NULL: as it is; "started" where nothing is known */
    bool defines;           /* definition counts */
    const char *definition; /* NULL: as schedules.json says */
    const char *actor;
    int64_t at_ms; /* also the new since_ms: what was due before is not made up for */
};
MUST_USE bool store_decide_schedule(struct store *store, const struct schedule_decision *decision,
                                    struct error *err);

/* Ties a schedule to its rule and gives since_ms: now_ms for one that is new; for one that had another rule
 * at least now_ms - late_ms, so that what the new one has in times long past does not count as missed. */
MUST_USE bool store_base_schedule(struct store *store, const char *flow, const char *basis,
                                  int64_t now_ms, int64_t late_ms, int64_t *since_ms,
                                  struct error *err);

/* Sets since_ms back, unless it is not seen_ms any more: the clock was set back. */
MUST_USE bool store_rewind_schedule(struct store *store, const char *flow, int64_t seen_ms,
                                    int64_t to_ms, struct error *err);

/* ---- due times ---- */

/* outcome: "running", "completed", "partly done", "failed", "skipped" (another run went on, or it could
 * not begin), "missed" (nothing was there to start it), "interrupted" (its process ended). */
struct schedule_run {
    const char *flow;
    int64_t due_ms;
    const char *outcome, *reason, *instance; /* NULL where there is none */
    int64_t first_ms; /* of the due times that this one stands for; due_ms where it is the only one */
    int64_t at_ms;                           /* of the newest change */
};

enum schedule_claim {
    CLAIM_WON,
    CLAIM_LOST, /* another process was first, or the schedule was changed or stopped */
    CLAIM_DONE, /* that time had its run before the clock was set back */
};

/* Claims run->due_ms for this process: since_ms moves from seen_ms to it, and the run is recorded, in one
 * durable transaction. A time that was recorded as missed may be claimed again. */
MUST_USE bool store_claim_schedule(struct store *store, const struct schedule_run *run,
                                   int64_t seen_ms, enum schedule_claim *result, struct error *err);

/* What became of a claimed time; instance, reason NULL: as they are. */
MUST_USE bool store_set_schedule_run(struct store *store, const struct schedule_run *run,
                                     struct error *err);

/* Undoes a claim whose run did not begin: the time is due again, for whoever comes first. */
MUST_USE bool store_release_schedule(struct store *store, const char *flow, int64_t due_ms,
                                     struct error *err);

/* Newest first; flow NULL: of all. */
typedef bool schedule_run_fn(void *context, const struct schedule_run *run);
MUST_USE bool store_schedule_runs(struct store *store, const char *flow, int64_t limit,
                                  schedule_run_fn *fn, void *context, struct error *err);

/* Times that were claimed by processes that have ended since: with an instance they are "interrupted",
 * without one they are released. Costs little where there are none. */
MUST_USE bool store_recover_schedules(struct store *store, struct error *err);
#endif
