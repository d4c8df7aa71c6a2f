/* SPDX-License-Identifier: MIT */
/*
 * What may be done about a failed instance, and the links between it and what did it again. The rules
 * are checked inside the write transaction that acts on them: they hold between processes.
 */
#include <stdio.h>
#include <string.h>

#include "store/store_internal.h"

/* What the rules look at. */
struct standing {
    char id[INSTANCE_ID_SIZE], state[16], parent[INSTANCE_ID_SIZE], origin[INSTANCE_ID_SIZE];
    char running[INSTANCE_ID_SIZE], completed[INSTANCE_ID_SIZE];
    int64_t number, count;
    bool is_discarded;
};

static void copy(sqlite3_stmt *statement, int column, char *out, size_t size)
{
    const char *text = (const char *)sqlite3_column_text(statement, column);
    snprintf(out, size, "%s", text ? text : "");
}

static bool read_standing(struct store *store, const char *id, struct standing *out,
                          struct error *err)
{
    static const char sql[] =
        "SELECT i.number, i.id, i.state, i.parent,"
        " (SELECT origin FROM resubmission WHERE instance = i.number),"
        " (SELECT n.id FROM resubmission r JOIN instance n ON n.number = r.instance"
        "  WHERE r.origin = i.id AND n.state = 'IN_PROGRESS' LIMIT 1),"
        " (SELECT n.id FROM resubmission r JOIN instance n ON n.number = r.instance"
        "  WHERE r.origin = i.id AND n.state = 'COMPLETED' LIMIT 1),"
        " (SELECT count(*) FROM resubmission WHERE origin = i.id),"
        " EXISTS (SELECT 1 FROM discarded WHERE instance = i.number)"
        " FROM instance i WHERE i.id = ?1";
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL);
    sqlite3_bind_text(statement, 1, id, -1, SQLITE_STATIC);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    if (code == SQLITE_ROW) {
        out->number = sqlite3_column_int64(statement, 0);
        copy(statement, 1, out->id, sizeof out->id);
        copy(statement, 2, out->state, sizeof out->state);
        copy(statement, 3, out->parent, sizeof out->parent);
        copy(statement, 4, out->origin, sizeof out->origin);
        copy(statement, 5, out->running, sizeof out->running);
        copy(statement, 6, out->completed, sizeof out->completed);
        out->count = sqlite3_column_int64(statement, 7);
        out->is_discarded = sqlite3_column_int(statement, 8);
    }
    sqlite3_finalize(statement);
    if (code == SQLITE_DONE)
        return error_set(err, ERROR_NOT_FOUND, "no instance has the id '%s'", id);
    return code == SQLITE_ROW || store_fail(store->db, code, err, "cannot read the store");
}

/* What holds for resubmitting and for discarding. */
static bool check_failed(const struct standing *is, struct error *err)
{
    if (is->is_discarded)
        return error_set(err, ERROR_REFUSED, "instance %s was discarded; that is final", is->id);
    if (strcmp(is->state, "FAILED") != 0 && strcmp(is->state, "ABORTED") != 0)
        return error_set(err, ERROR_REFUSED, "instance %s did not fail: it is %s", is->id, is->state);
    if (is->origin[0])
        return error_set(err, ERROR_REFUSED, "instance %s is itself a resubmission: name %s", is->id,
                         is->origin);
    if (is->parent[0])
        return error_set(err, ERROR_REFUSED, "instance %s was called by a flow: name its caller %s",
                         is->id, is->parent);
    if (is->running[0])
        return error_set(err, ERROR_EXISTS, "instance %s is being resubmitted as %s; wait for it",
                         is->id, is->running);
    if (is->completed[0])
        return error_set(err, ERROR_REFUSED, "instance %s has been done by its resubmission %s",
                         is->id, is->completed);
    return true;
}

/* Runs a statement of an id or number and an id or time. */
static bool write_pair(struct store *store, const char *sql, int64_t number, const char *text,
                       const char *new_id, int64_t at_ms, struct error *err)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL);
    if (new_id)
        sqlite3_bind_text(statement, 1, new_id, -1, SQLITE_STATIC);
    else
        sqlite3_bind_int64(statement, 1, number);
    if (text)
        sqlite3_bind_text(statement, 2, text, -1, SQLITE_STATIC);
    else
        sqlite3_bind_int64(statement, 2, at_ms);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    bool ok = code == SQLITE_DONE || store_fail(store->db, code, err, "cannot write to the store");
    sqlite3_finalize(statement);
    return ok;
}

static bool check_resubmission(struct store *store, const char *id, struct standing *standing,
                               struct error *err)
{
    if (!read_standing(store, id, standing, err) || !check_failed(standing, err))
        return false;
    if (standing->count >= STORE_RESUBMISSIONS_MAX)
        return error_set(err, ERROR_LIMIT,
                         "instance %s was resubmitted %d times, which is the most; start the flow anew "
                         "or discard it", id, STORE_RESUBMISSIONS_MAX);
    return true;
}

bool store_check_resubmission(struct store *store, const char *id, struct error *err)
{
    struct standing standing = {.number = 0};
    pthread_mutex_lock(&store->database);
    bool ok = check_resubmission(store, id, &standing, err);
    pthread_mutex_unlock(&store->database);
    return ok;
}

bool store_link_resubmission(struct store *store, const char *id, const char *new_id,
                             struct error *err)
{
    struct standing standing = {.number = 0};
    return check_resubmission(store, id, &standing, err) && write_pair(store, "INSERT INTO resubmission (instance, origin)"
                             " SELECT number, ?2 FROM instance WHERE id = ?1",
                      0, standing.id, new_id, 0, err);
}

static bool discard(struct store *store, const char *id, int64_t at_ms, struct error *err)
{
    struct standing standing = {.number = 0};
    return read_standing(store, id, &standing, err) && check_failed(&standing, err) &&
           write_pair(store, "INSERT INTO discarded (instance, at_ms) VALUES (?1, ?2)",
                      standing.number, NULL, NULL, at_ms, err) &&
           store_drop_message(store, standing.id, err);
}

bool store_discard(struct store *store, const char *id, int64_t at_ms, struct error *err)
{
    pthread_mutex_lock(&store->database);
    bool begun = store_begin(store, true, err);
    bool ok = begun && discard(store, id, at_ms, err) && store_commit(store, err);
    if (begun && !ok)
        store_rollback(store);
    pthread_mutex_unlock(&store->database);
    return ok;
}
