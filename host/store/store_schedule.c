/* SPDX-License-Identifier: MIT */
/* The tables of schedules and of their due times; see store_schedule.h. */
#include "store/store_schedule.h"

#include <string.h>

#include "store/store_changes.h"
#include "store/store_internal.h"

static const char *text(const struct walk *walk, int column)
{
    return (const char *)sqlite3_column_text(walk->statement, column);
}

static int64_t number(const struct walk *walk, int column)
{
    return sqlite3_column_int64(walk->statement, column);
}

/* ---- schedules --------------------------------------------------------------------------------- */

bool store_schedules(struct store *store, schedule_row_fn *fn, void *context, struct error *err)
{
    struct walk walk;
    bool ok = walk_begin(&walk, store,
                         "SELECT flow, state, definition, basis, since_ms, actor, changed_ms"
                         " FROM schedule ORDER BY flow", err);
    bool go_on = ok;
    while (go_on && walk_next(&walk)) {
        const struct schedule_row row = {
            .flow = text(&walk, 0), .state = text(&walk, 1), .definition = text(&walk, 2),
            .basis = text(&walk, 3), .since_ms = number(&walk, 4), .actor = text(&walk, 5),
            .changed_ms = number(&walk, 6),
        };
        go_on = fn(context, &row);
    }
    return walk_end(&walk, ok ? err : NULL) && ok;
}

static bool write_decision(struct store *store, void *context, struct error *err)
{
    const struct schedule_decision *decision = context;
    return store_execute(store, err,
                         "INSERT INTO schedule (flow, state, definition, since_ms, actor, changed_ms)"
                         " VALUES (?1, coalesce(?2, 'started'), ?4, ?6, ?5, ?6)"
                         " ON CONFLICT (flow) DO UPDATE SET state = coalesce(?2, state),"
                         " definition = CASE WHEN ?3 THEN ?4 ELSE definition END,"
                         " basis = NULL, since_ms = ?6, actor = ?5, changed_ms = ?6", "ttitti",
                         decision->flow, decision->state, (int64_t)decision->defines,
                         decision->definition, decision->actor, decision->at_ms);
}

bool store_decide_schedule(struct store *store, const struct schedule_decision *decision,
                           struct error *err)
{
    struct schedule_decision copy = *decision;
    if (!store_write(store, write_decision, &copy, err))
        return false;
    store_tell_change(store);
    return true;
}

struct base {
    const char *flow, *basis;
    int64_t now_ms, late_ms, *since_ms;
};

static bool read_since(struct store *store, const struct base *base, struct error *err)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(store->db, "SELECT since_ms FROM schedule WHERE flow = ?", -1,
                                  &statement, NULL);
    sqlite3_bind_text(statement, 1, base->flow, -1, SQLITE_STATIC);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    if (code == SQLITE_ROW)
        *base->since_ms = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return code == SQLITE_ROW || store_fail(store->db, code, err, "cannot read the store");
}

static bool write_base(struct store *store, void *context, struct error *err)
{
    const struct base *base = context;
    return store_execute(store, err,
                         "INSERT INTO schedule (flow, state, basis, since_ms, actor, changed_ms)"
                         " VALUES (?1, 'started', ?2, ?3, '', 0)"
                         " ON CONFLICT (flow) DO UPDATE SET basis = ?2,"
                         " since_ms = CASE WHEN basis <> ?2 THEN max(since_ms, ?4) ELSE since_ms END"
                         " WHERE basis IS NOT ?2", "ttii", base->flow, base->basis, base->now_ms,
                         base->now_ms - base->late_ms) &&
           read_since(store, base, err);
}

bool store_base_schedule(struct store *store, const char *flow, const char *basis, int64_t now_ms,
                         int64_t late_ms, int64_t *since_ms, struct error *err)
{
    struct base base = {flow, basis, now_ms, late_ms, since_ms};
    return store_write(store, write_base, &base, err);
}

struct rewind {
    const char *flow;
    int64_t seen_ms, to_ms;
};

static bool write_rewind(struct store *store, void *context, struct error *err)
{
    const struct rewind *rewind = context;
    return store_execute(store, err,
                         "UPDATE schedule SET since_ms = ? WHERE flow = ? AND since_ms = ?", "iti",
                         rewind->to_ms, rewind->flow, rewind->seen_ms);
}

bool store_rewind_schedule(struct store *store, const char *flow, int64_t seen_ms, int64_t to_ms,
                           struct error *err)
{
    struct rewind rewind = {flow, seen_ms, to_ms};
    return store_write(store, write_rewind, &rewind, err);
}

/* ---- due times --------------------------------------------------------------------------------- */

struct claim {
    const struct schedule_run *run;
    int64_t seen_ms;
    enum schedule_claim *result;
};

static bool is_done(struct store *store, const struct schedule_run *run, bool *done,
                    struct error *err)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(store->db,
                                  "SELECT 1 FROM schedule_run WHERE flow = ? AND due_ms = ?"
                                  " AND outcome <> 'missed'", -1, &statement, NULL);
    sqlite3_bind_text(statement, 1, run->flow, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 2, run->due_ms);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    *done = code == SQLITE_ROW;
    sqlite3_finalize(statement);
    return code == SQLITE_ROW || code == SQLITE_DONE ||
           store_fail(store->db, code, err, "cannot read the store");
}

static bool record_run(struct store *store, const struct schedule_run *run, struct error *err)
{
    return store_execute(store, err,
                         "INSERT OR REPLACE INTO schedule_run (flow, due_ms, outcome, reason, instance,"
                         " first_ms, owner, at_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", "titttiii",
                         run->flow, run->due_ms, run->outcome, run->reason, run->instance,
                         run->first_ms, store->owner.number, run->at_ms) &&
           store_execute(store, err,
                         "DELETE FROM schedule_run WHERE flow = ?1 AND number <= (SELECT number"
                         " FROM schedule_run WHERE flow = ?1 ORDER BY number DESC LIMIT 1 OFFSET ?2)",
                         "ti", run->flow, (int64_t)STORE_SCHEDULE_RUNS_MAX);
}

static bool write_claim(struct store *store, void *context, struct error *err)
{
    const struct claim *claim = context;
    const struct schedule_run *run = claim->run;
    bool done;
    if (!store_execute(store, err,
                       "UPDATE schedule SET since_ms = ? WHERE flow = ? AND since_ms = ?"
                       " AND state = 'started'", "iti", run->due_ms, run->flow, claim->seen_ms))
        return false;
    *claim->result = CLAIM_LOST;
    if (sqlite3_changes(store->db) != 1)
        return true;
    if (!is_done(store, run, &done, err))
        return false;
    *claim->result = done ? CLAIM_DONE : CLAIM_WON;
    return done || record_run(store, run, err);
}

bool store_claim_schedule(struct store *store, const struct schedule_run *run, int64_t seen_ms,
                          enum schedule_claim *result, struct error *err)
{
    struct claim claim = {run, seen_ms, result};
    return store_write(store, write_claim, &claim, err);
}

static bool write_run(struct store *store, void *context, struct error *err)
{
    const struct schedule_run *run = context;
    return store_execute(store, err,
                         "UPDATE schedule_run SET outcome = ?, reason = coalesce(?, reason),"
                         " instance = coalesce(?, instance), at_ms = ?"
                         " WHERE flow = ? AND due_ms = ?", "tttiti", run->outcome, run->reason,
                         run->instance, run->at_ms, run->flow, run->due_ms);
}

bool store_set_schedule_run(struct store *store, const struct schedule_run *run, struct error *err)
{
    struct schedule_run copy = *run;
    return store_write(store, write_run, &copy, err);
}

static bool is_dead(const struct store *store, int64_t owner)
{
    return !store_owner_lives(&store->owner, owner);
}

bool store_schedule_runs(struct store *store, const char *flow, int64_t limit, schedule_run_fn *fn,
                         void *context, struct error *err)
{
    struct walk walk;
    bool ok = walk_begin(&walk, store,
                         "SELECT flow, due_ms, outcome, reason, instance, first_ms, at_ms, owner"
                         " FROM schedule_run WHERE ?1 IS NULL OR flow = ?1"
                         " ORDER BY number DESC LIMIT ?2", err);
    sqlite3_bind_text(walk.statement, 1, flow, -1, SQLITE_STATIC);
    sqlite3_bind_int64(walk.statement, 2, limit);
    bool go_on = ok;
    while (go_on && walk_next(&walk)) {
        struct schedule_run run = {
            .flow = text(&walk, 0), .due_ms = number(&walk, 1), .outcome = text(&walk, 2),
            .reason = text(&walk, 3), .instance = text(&walk, 4), .first_ms = number(&walk, 5),
            .at_ms = number(&walk, 6),
        };
        if (strcmp(run.outcome, "running") == 0 && is_dead(store, number(&walk, 7)))
            run.outcome = "interrupted";
        go_on = fn(context, &run);
    }
    return walk_end(&walk, ok ? err : NULL) && ok;
}

/* ---- claims that came to nothing ---------------------------------------------------------------- */

struct claimed {
    const char *flow;
    int64_t due_ms;
};

static bool release(struct store *store, void *context, struct error *err)
{
    const struct claimed *claimed = context;
    return store_execute(store, err, "UPDATE schedule SET since_ms = min(since_ms, ? - 1)"
                                     " WHERE flow = ?", "it", claimed->due_ms, claimed->flow) &&
           store_execute(store, err, "DELETE FROM schedule_run WHERE flow = ? AND due_ms = ?"
                                     " AND outcome = 'running' AND instance IS NULL", "ti",
                         claimed->flow, claimed->due_ms);
}

bool store_release_schedule(struct store *store, const char *flow, int64_t due_ms, struct error *err)
{
    struct claimed claimed = {flow, due_ms};
    if (!store_write(store, release, &claimed, err))
        return false;
    store_tell_change(store);
    return true;
}

static bool recover(struct store *store, void *context, struct error *err)
{
    sqlite3_stmt *statement = NULL;
    bool ok = true;
    (void)context;
    int code = sqlite3_prepare_v2(store->db,
                                  "SELECT owner, flow, due_ms, instance IS NULL, number"
                                  " FROM schedule_run WHERE outcome = 'running'", -1, &statement, NULL);
    while (ok && code == SQLITE_OK && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        code = SQLITE_OK;
        struct claimed claimed = {(const char *)sqlite3_column_text(statement, 1),
                                  sqlite3_column_int64(statement, 2)};
        if (!is_dead(store, sqlite3_column_int64(statement, 0)))
            continue;
        ok = sqlite3_column_int(statement, 3)
                 ? release(store, &claimed, err)
                 : store_execute(store, err, "UPDATE schedule_run SET outcome = 'interrupted'"
                                             " WHERE number = ?", "i",
                                 sqlite3_column_int64(statement, 4));
    }
    if (ok && code != SQLITE_DONE)
        ok = store_fail(store->db, code, err, "cannot read the store");
    sqlite3_finalize(statement);
    return ok;
}

bool store_recover_schedules(struct store *store, struct error *err)
{
    struct walk walk;
    bool ok = walk_begin(&walk, store, "SELECT owner FROM schedule_run WHERE outcome = 'running'", err);
    bool found = false;
    while (ok && !found && walk_next(&walk))
        found = is_dead(store, number(&walk, 0));
    ok = walk_end(&walk, ok ? err : NULL) && ok;
    if (!ok || !found)
        return ok;
    if (!store_write(store, recover, NULL, err))
        return false;
    store_tell_change(store);
    return true;
}
