/* SPDX-License-Identifier: MIT */
/* The tables of schedules and of their due times; see store_schedule.h. */
#include "store/store_schedule.h"

#include <string.h>

#include "store/store_changes.h"
#include "store/store_internal.h"

static const char *text(sqlite3_stmt *statement, int column)
{
    return (const char *)sqlite3_column_text(statement, column);
}

static bool begin(struct store *store, struct error *err)
{
    pthread_mutex_lock(&store->database);
    if (store_begin(store, true, err))
        return true;
    pthread_mutex_unlock(&store->database);
    return false;
}

static bool end(struct store *store, bool ok, struct error *err)
{
    ok = store_end(store, ok, err);
    pthread_mutex_unlock(&store->database);
    return ok;
}

/* Whether a walk came to its end, or was stopped by its callback. */
static bool finish_walk(struct store *store, sqlite3_stmt *statement, int code, struct error *err)
{
    bool ok = code == SQLITE_DONE || code == SQLITE_OK ||
              store_fail(store->db, code, err, "cannot read the store");
    sqlite3_finalize(statement);
    pthread_mutex_unlock(&store->database);
    return ok;
}

/* ---- schedules --------------------------------------------------------------------------------- */

bool store_schedules(struct store *store, schedule_row_fn *fn, void *context, struct error *err)
{
    sqlite3_stmt *statement = NULL;
    bool go_on = true;
    pthread_mutex_lock(&store->database);
    int code = sqlite3_prepare_v2(store->db,
                                  "SELECT flow, state, definition, basis, since_ms, actor, changed_ms"
                                  " FROM schedule ORDER BY flow", -1, &statement, NULL);
    while (code == SQLITE_OK && go_on && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        code = SQLITE_OK;
        const struct schedule_row row = {
            .flow = text(statement, 0),
            .state = text(statement, 1),
            .definition = text(statement, 2),
            .basis = text(statement, 3),
            .since_ms = sqlite3_column_int64(statement, 4),
            .actor = text(statement, 5),
            .changed_ms = sqlite3_column_int64(statement, 6),
        };
        go_on = fn(context, &row);
    }
    return finish_walk(store, statement, code, err);
}

bool store_decide_schedule(struct store *store, const struct schedule_decision *decision,
                           struct error *err)
{
    static const char sql[] =
        "INSERT INTO schedule (flow, state, definition, since_ms, actor, changed_ms)"
        " VALUES (?1, coalesce(?2, 'started'), ?4, ?6, ?5, ?6)"
        " ON CONFLICT (flow) DO UPDATE SET state = coalesce(?2, state),"
        " definition = CASE WHEN ?3 THEN ?4 ELSE definition END,"
        " basis = NULL, since_ms = ?6, actor = ?5, changed_ms = ?6";
    if (!begin(store, err))
        return false;
    bool ok = store_execute(store, err, sql, "ttitti", decision->flow, decision->state,
                            (int64_t)decision->defines, decision->definition, decision->actor,
                            decision->at_ms);
    if (!end(store, ok, err))
        return false;
    store_tell_change(store);
    return true;
}

static bool read_since(struct store *store, const char *flow, int64_t *since_ms, struct error *err)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(store->db, "SELECT since_ms FROM schedule WHERE flow = ?", -1,
                                  &statement, NULL);
    sqlite3_bind_text(statement, 1, flow, -1, SQLITE_STATIC);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    if (code == SQLITE_ROW)
        *since_ms = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return code == SQLITE_ROW || store_fail(store->db, code, err, "cannot read the store");
}

bool store_base_schedule(struct store *store, const char *flow, const char *basis, int64_t now_ms,
                         int64_t *since_ms, struct error *err)
{
    static const char sql[] =
        "INSERT INTO schedule (flow, state, basis, since_ms, actor, changed_ms)"
        " VALUES (?1, 'started', ?2, ?3, '', 0)"
        " ON CONFLICT (flow) DO UPDATE SET"
        " since_ms = CASE WHEN basis <> ?2 THEN ?3 ELSE since_ms END, basis = ?2"
        " WHERE basis IS NOT ?2";
    if (!begin(store, err))
        return false;
    bool ok = store_execute(store, err, sql, "tti", flow, basis, now_ms) &&
              read_since(store, flow, since_ms, err);
    return end(store, ok, err);
}

bool store_rewind_schedule(struct store *store, const char *flow, int64_t seen_ms, int64_t to_ms,
                           struct error *err)
{
    if (!begin(store, err))
        return false;
    bool ok = store_execute(store, err,
                            "UPDATE schedule SET since_ms = ? WHERE flow = ? AND since_ms = ?", "iti",
                            to_ms, flow, seen_ms);
    return end(store, ok, err);
}

/* ---- due times --------------------------------------------------------------------------------- */

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
                         " passed_over, owner, at_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", "titttiii",
                         run->flow, run->due_ms, run->outcome, run->reason, run->instance,
                         run->passed_over, store->owner.number, run->at_ms) &&
           store_execute(store, err,
                         "DELETE FROM schedule_run WHERE flow = ?1 AND number <= (SELECT number"
                         " FROM schedule_run WHERE flow = ?1 ORDER BY number DESC LIMIT 1 OFFSET ?2)",
                         "ti", run->flow, (int64_t)STORE_SCHEDULE_RUNS_MAX);
}

static bool claim(struct store *store, const struct schedule_run *run, int64_t seen_ms,
                  enum schedule_claim *result, struct error *err)
{
    bool done;
    if (!store_execute(store, err,
                       "UPDATE schedule SET since_ms = ? WHERE flow = ? AND since_ms = ?"
                       " AND state = 'started'", "iti", run->due_ms, run->flow, seen_ms))
        return false;
    *result = CLAIM_LOST;
    if (sqlite3_changes(store->db) != 1)
        return true;
    if (!is_done(store, run, &done, err))
        return false;
    *result = done ? CLAIM_DONE : CLAIM_WON;
    return done || record_run(store, run, err);
}

bool store_claim_schedule(struct store *store, const struct schedule_run *run, int64_t seen_ms,
                          enum schedule_claim *result, struct error *err)
{
    if (!begin(store, err))
        return false;
    return end(store, claim(store, run, seen_ms, result, err), err);
}

bool store_set_schedule_run(struct store *store, const struct schedule_run *run, struct error *err)
{
    if (!begin(store, err))
        return false;
    bool ok = store_execute(store, err,
                            "UPDATE schedule_run SET outcome = ?, reason = coalesce(?, reason),"
                            " instance = coalesce(?, instance), at_ms = ?"
                            " WHERE flow = ? AND due_ms = ?", "tttiti", run->outcome, run->reason,
                            run->instance, run->at_ms, run->flow, run->due_ms);
    return end(store, ok, err);
}

bool store_schedule_runs(struct store *store, const char *flow, int64_t limit, schedule_run_fn *fn,
                         void *context, struct error *err)
{
    sqlite3_stmt *statement = NULL;
    bool go_on = true;
    pthread_mutex_lock(&store->database);
    int code = sqlite3_prepare_v2(store->db,
                                  "SELECT flow, due_ms, outcome, reason, instance, passed_over, at_ms,"
                                  " owner FROM schedule_run WHERE ?1 IS NULL OR flow = ?1"
                                  " ORDER BY number DESC LIMIT ?2", -1, &statement, NULL);
    sqlite3_bind_text(statement, 1, flow, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 2, limit);
    while (code == SQLITE_OK && go_on && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        code = SQLITE_OK;
        struct schedule_run run = {
            .flow = text(statement, 0),
            .due_ms = sqlite3_column_int64(statement, 1),
            .outcome = text(statement, 2),
            .reason = text(statement, 3),
            .instance = text(statement, 4),
            .passed_over = sqlite3_column_int64(statement, 5),
            .at_ms = sqlite3_column_int64(statement, 6),
        };
        if (strcmp(run.outcome, "running") == 0 &&
            !store_owner_lives(&store->owner, sqlite3_column_int64(statement, 7)))
            run.outcome = "interrupted";
        go_on = fn(context, &run);
    }
    return finish_walk(store, statement, code, err);
}

/* ---- what dead processes left ------------------------------------------------------------------ */

/* A claim without an instance is undone: the time is due again, as one that was missed. */
static bool give_back(struct store *store, int64_t number, struct error *err)
{
    return store_execute(store, err,
                         "UPDATE schedule SET since_ms = min(since_ms, (SELECT due_ms - 1 FROM"
                         " schedule_run WHERE number = ?1)) WHERE flow = (SELECT flow FROM"
                         " schedule_run WHERE number = ?1)", "i", number) &&
           store_execute(store, err, "DELETE FROM schedule_run WHERE number = ?", "i", number);
}

static bool recover(struct store *store, struct error *err)
{
    sqlite3_stmt *statement = NULL;
    bool ok = true;
    int code = sqlite3_prepare_v2(store->db,
                                  "SELECT number, owner, instance IS NULL FROM schedule_run"
                                  " WHERE outcome = 'running'", -1, &statement, NULL);
    while (ok && code == SQLITE_OK && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        code = SQLITE_OK;
        int64_t number = sqlite3_column_int64(statement, 0);
        if (store_owner_lives(&store->owner, sqlite3_column_int64(statement, 1)))
            continue;
        ok = sqlite3_column_int(statement, 2)
                 ? give_back(store, number, err)
                 : store_execute(store, err, "UPDATE schedule_run SET outcome = 'interrupted'"
                                             " WHERE number = ?", "i", number);
    }
    if (ok && code != SQLITE_DONE)
        ok = store_fail(store->db, code, err, "cannot read the store");
    sqlite3_finalize(statement);
    return ok;
}

bool store_recover_schedules(struct store *store, struct error *err)
{
    if (!begin(store, err))
        return false;
    return end(store, recover(store, err), err);
}
