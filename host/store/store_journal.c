/* SPDX-License-Identifier: MIT */
/* Journal records and unfinished instances; see store_journal.h. */
#include "store/store_journal.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "store/store_internal.h"

/* A statement over an instance that this process runs; more arguments are bound by the caller. */
static bool prepare(struct store *store, const char *sql, const char *id, sqlite3_stmt **out,
                    struct error *err)
{
    int code = sqlite3_prepare_v2(store->db, sql, -1, out, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_bind_text(*out, 1, id, -1, SQLITE_STATIC);
    if (code == SQLITE_OK)
        return true;
    sqlite3_finalize(*out);
    *out = NULL;
    return store_fail(store->db, code, err, "cannot prepare the journal");
}

static bool step(struct store *store, sqlite3_stmt *statement, struct error *err)
{
    int code = sqlite3_step(statement);
    bool ok = code == SQLITE_DONE || store_fail(store->db, code, err, "cannot write the journal");
    sqlite3_finalize(statement);
    return ok;
}

/* ---- writing --------------------------------------------------------------------------------- */

static bool write_record(struct store *store, const char *id, const struct journal_record *record,
                         struct error *err)
{
    static const char sql[] =
        "INSERT INTO journal (instance, number, import, request, plan, result)"
        " SELECT number, ?2, ?3, ?4, ?5, ?6 FROM instance"
        " WHERE id = ?1 AND state = 'IN_PROGRESS' AND owner = ?7"
        " ON CONFLICT (instance, number) DO UPDATE SET plan = coalesce(excluded.plan, plan),"
        " result = coalesce(excluded.result, result)";
    sqlite3_stmt *statement;
    if (!prepare(store, sql, id, &statement, err))
        return false;
    sqlite3_bind_int64(statement, 2, record->number);
    sqlite3_bind_text(statement, 3, record->import, -1, SQLITE_STATIC);
    sqlite3_bind_blob64(statement, 4, record->request ? record->request : "", record->request_size,
                        SQLITE_STATIC);
    sqlite3_bind_blob64(statement, 5, record->plan, record->plan_size, SQLITE_STATIC);
    sqlite3_bind_blob64(statement, 6, record->result, record->result_size, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 7, store->owner.number);
    if (!step(store, statement, err))
        return false;
    return sqlite3_changes(store->db) == 1 ||
           error_set(err, ERROR_NOT_FOUND, "instance %s is not in progress here", id);
}

bool store_journal_write(struct store *store, const char *id, const struct journal_record *records,
                         size_t count, bool durable, struct error *err)
{
    pthread_mutex_lock(&store->database);
    bool begun = store_begin(store, durable, err), ok = begun;
    for (size_t i = 0; ok && i < count; i++)
        ok = write_record(store, id, &records[i], err);
    ok = ok && store_commit(store, err);
    if (begun && !ok)
        store_rollback(store);
    pthread_mutex_unlock(&store->database);
    return ok;
}

/* ---- reading --------------------------------------------------------------------------------- */

bool store_journal_count(struct store *store, const char *id, int64_t *count, struct error *err)
{
    sqlite3_stmt *statement;
    pthread_mutex_lock(&store->database);
    bool ok = prepare(store, "SELECT coalesce(max(j.number) + 1, 0) FROM journal j"
                             " JOIN instance i ON i.number = j.instance WHERE i.id = ?1",
                      id, &statement, err);
    if (ok) {
        int code = sqlite3_step(statement);
        ok = code == SQLITE_ROW || store_fail(store->db, code, err, "cannot read the journal");
        *count = ok ? sqlite3_column_int64(statement, 0) : 0;
        sqlite3_finalize(statement);
    }
    pthread_mutex_unlock(&store->database);
    return ok;
}

/* NULL in the table stays NULL; an empty value does not become it. */
static const void *column_bytes(sqlite3_stmt *statement, int column, size_t *size)
{
    *size = (size_t)sqlite3_column_bytes(statement, column);
    if (sqlite3_column_type(statement, column) == SQLITE_NULL)
        return NULL;
    return *size > 0 ? sqlite3_column_blob(statement, column) : "";
}

bool store_journal_read(struct store *store, const char *id, int64_t number, journal_record_fn *fn,
                        void *context, struct error *err)
{
    static const char sql[] = "SELECT j.import, j.request, j.plan, j.result FROM journal j"
                              " JOIN instance i ON i.number = j.instance"
                              " WHERE i.id = ?1 AND j.number = ?2";
    sqlite3_stmt *statement;
    pthread_mutex_lock(&store->database);
    bool ok = prepare(store, sql, id, &statement, err);
    if (ok) {
        struct journal_record record = {.number = number};
        sqlite3_bind_int64(statement, 2, number);
        int code = sqlite3_step(statement);
        if (code == SQLITE_ROW) {
            record.import = (const char *)sqlite3_column_text(statement, 0);
            record.request = column_bytes(statement, 1, &record.request_size);
            record.plan = column_bytes(statement, 2, &record.plan_size);
            record.result = column_bytes(statement, 3, &record.result_size);
            fn(context, &record);
        } else if (code == SQLITE_DONE) {
            ok = error_set(err, ERROR_NOT_FOUND, "the journal has no record %lld",
                           (long long)number);
        } else {
            ok = store_fail(store->db, code, err, "cannot read the journal");
        }
        sqlite3_finalize(statement);
    }
    pthread_mutex_unlock(&store->database);
    return ok;
}

/* ---- unfinished instances -------------------------------------------------------------------- */

/* Ids of at most instances_max; the rows are then read like any others. */
struct found {
    char ids[STORE_UNFINISHED_MAX][INSTANCE_ID_SIZE];
    size_t count;
};

static bool find_unfinished(struct store *store, const char *flow, struct found *found,
                            struct error *err)
{
    sqlite3_stmt *statement;
    pthread_mutex_lock(&store->database);
    bool ok = prepare(store, "SELECT id, owner FROM instance WHERE state = 'IN_PROGRESS' AND durable"
                             " AND parent IS NULL AND (?1 IS NULL OR flow = ?1) ORDER BY number",
                      flow, &statement, err);
    int code = SQLITE_OK;
    while (ok && found->count < STORE_UNFINISHED_MAX &&
           (code = sqlite3_step(statement)) == SQLITE_ROW) {
        if (!store_owner_lives(&store->owner, sqlite3_column_int64(statement, 1)))
            snprintf(found->ids[found->count++], INSTANCE_ID_SIZE, "%s",
                     (const char *)sqlite3_column_text(statement, 0));
    }
    if (ok && code != SQLITE_DONE && code != SQLITE_ROW && code != SQLITE_OK)
        ok = store_fail(store->db, code, err, "cannot read the store");
    sqlite3_finalize(ok || statement ? statement : NULL);
    pthread_mutex_unlock(&store->database);
    return ok;
}

bool store_unfinished(struct store *store, const char *flow, instance_row_fn *fn, void *context,
                      struct error *err)
{
    struct found found = {.count = 0};
    bool ok = find_unfinished(store, flow, &found, err);
    for (size_t i = 0; ok && i < found.count; i++)
        ok = store_instance(store, found.ids[i], fn, context, err);
    return ok;
}

/* Sets the owner of an unfinished instance and of what it called, inside a transaction. */
static bool set_owner(struct store *store, const char *id, int64_t owner, struct error *err)
{
    static const char sql[] =
        "WITH RECURSIVE tree (id) AS (SELECT ?1 UNION ALL"
        "  SELECT i.id FROM tree t JOIN instance i ON i.parent = t.id)"
        "UPDATE instance SET owner = ?2 WHERE id IN tree AND state = 'IN_PROGRESS' AND durable";
    sqlite3_stmt *statement;
    if (!prepare(store, sql, id, &statement, err))
        return false;
    sqlite3_bind_int64(statement, 2, owner);
    return step(store, statement, err);
}

static bool read_owner(struct store *store, const char *id, int64_t *owner, struct error *err)
{
    sqlite3_stmt *statement;
    if (!prepare(store, "SELECT owner FROM instance WHERE id = ?1 AND state = 'IN_PROGRESS'"
                        " AND durable", id, &statement, err))
        return false;
    int code = sqlite3_step(statement);
    *owner = code == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
    sqlite3_finalize(statement);
    return code == SQLITE_ROW || (code == SQLITE_DONE
        ? error_set(err, ERROR_NOT_FOUND, "instance %s is not unfinished", id)
        : store_fail(store->db, code, err, "cannot read the store"));
}

static bool take_over(struct store *store, const char *id, struct error *err)
{
    int64_t owner;
    if (!read_owner(store, id, &owner, err))
        return false;
    if (owner != store->owner.number && store_owner_lives(&store->owner, owner))
        return error_set(err, ERROR_EXISTS, "instance %s is run by another process", id);
    return set_owner(store, id, store->owner.number, err);
}

static bool in_transaction(struct store *store, const char *id,
                           bool (*act)(struct store *, const char *, struct error *),
                           struct error *err)
{
    pthread_mutex_lock(&store->database);
    bool begun = store_begin(store, true, err);
    bool ok = begun && act(store, id, err) && store_commit(store, err);
    if (begun && !ok)
        store_rollback(store);
    pthread_mutex_unlock(&store->database);
    return ok;
}

bool store_take_over(struct store *store, const char *id, struct error *err)
{
    return in_transaction(store, id, take_over, err);
}

static bool give_back(struct store *store, const char *id, struct error *err)
{
    return set_owner(store, id, STORE_OWNER_NOBODY, err);
}

bool store_give_back(struct store *store, const char *id, struct error *err)
{
    return in_transaction(store, id, give_back, err);
}

bool store_callee(struct store *store, const char *parent, int64_t call_number, instance_row_fn *fn,
                  void *context, struct error *err)
{
    char id[INSTANCE_ID_SIZE] = "";
    sqlite3_stmt *statement;
    pthread_mutex_lock(&store->database);
    bool ok = prepare(store, "SELECT id FROM instance WHERE parent = ?1 AND call_number = ?2", parent,
                      &statement, err);
    if (ok) {
        sqlite3_bind_int64(statement, 2, call_number);
        int code = sqlite3_step(statement);
        if (code == SQLITE_ROW)
            snprintf(id, sizeof id, "%s", (const char *)sqlite3_column_text(statement, 0));
        ok = code == SQLITE_ROW || code == SQLITE_DONE ||
             store_fail(store->db, code, err, "cannot read the store");
        sqlite3_finalize(statement);
    }
    pthread_mutex_unlock(&store->database);
    return ok && (!id[0] || store_instance(store, id, fn, context, err));
}
