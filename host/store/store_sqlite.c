/* SPDX-License-Identifier: MIT */
/* The store in one SQLite file: opening and closing, its statements, its errors. */
#include "store/store.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/store_internal.h"
#include "store/store_reminder.h"
#include "store/store_walk.h"

static const char *const state_names[] = {
    [INSTANCE_IN_PROGRESS] = "IN_PROGRESS",
    [INSTANCE_COMPLETED] = "COMPLETED",
    [INSTANCE_FAILED] = "FAILED",
    [INSTANCE_ABORTED] = "ABORTED",
};

static const char *const statement_texts[STATEMENT_COUNT] = {
    [STATEMENT_BEGIN] = "BEGIN IMMEDIATE",
    [STATEMENT_COMMIT] = "COMMIT",
    [STATEMENT_START] =
        "INSERT INTO instance (id, flow, flow_name, version, module_digest, trigger, invoked_by,"
        " parent, parameters, tracing, trace, span, parent_span, filters, owner, process, started_ms,"
        " durable, call_number, state, fault_code, fault_title, fault_detail, finished_ms, exit_status, cpu_us,"
        " memory_bytes, import_calls, response_status)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [STATEMENT_PAYLOAD] = "INSERT INTO payload (instance, which, bytes) VALUES (?, ?, ?)",
    [STATEMENT_FINISH] =
        "UPDATE instance SET state = ?2, fault_code = ?3, fault_title = ?4, fault_detail = ?5,"
        " finished_ms = ?6, exit_status = ?7, cpu_us = ?8, memory_bytes = ?9, import_calls = ?10,"
        " response_status = ?11 WHERE number = ?1 AND state = 'IN_PROGRESS'",
    [STATEMENT_JOURNAL] =
        "INSERT INTO journal (instance, import, number, request, plan, result)"
        " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (instance, number) DO UPDATE SET"
        " plan = coalesce(excluded.plan, plan), result = coalesce(excluded.result, result)",
    [STATEMENT_DROP_MESSAGE] =
        "DELETE FROM payload WHERE which = 'input' AND instance IN (SELECT number FROM instance"
        " WHERE tracing IS NOT '" STORE_TRACING_DEBUG "' AND NOT durable AND number IN"
        " (SELECT ?1 UNION ALL"
        " SELECT n.number FROM resubmission r JOIN instance n ON n.id = r.origin"
        " WHERE r.instance = ?1))",
    [STATEMENT_REMIND] =
        "INSERT INTO reminder (kind, key, value) VALUES (?, ?, ?)"
        " ON CONFLICT (kind, key) DO UPDATE SET value = excluded.value",
    [STATEMENT_FORGET] = "DELETE FROM reminder WHERE kind = ? AND key = ?",
    [STATEMENT_ACTIVITY] =
        "INSERT INTO activity (instance, import, connection, subject, result, detail, at_ms, bytes,"
        " duration_us, request, response) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [STATEMENT_TRACK] =
        "INSERT INTO track (instance, name, value) VALUES (?, ?, ?)"
        " ON CONFLICT (instance, name) DO UPDATE SET value = excluded.value",
    [STATEMENT_FILE] =
        "INSERT INTO file (instance, name, state, detail, at_ms, size) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (instance, name) DO UPDATE SET state = excluded.state,"
        " detail = excluded.detail, at_ms = excluded.at_ms,"
        " size = CASE WHEN excluded.size > 0 THEN excluded.size ELSE size END",
    [STATEMENT_AUDIT] =
        "INSERT INTO audit (actor, address, action, subject, outcome, detail, at_ms)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
};

const char *instance_state_name(enum instance_state state)
{
    return state_names[state];
}

/* SQLite says "disk I/O error" where there is no room for its shared memory. */
static bool is_out_of_room(sqlite3 *db, int code)
{
    return (code & 0xFF) == SQLITE_FULL ||
           (db && (code & 0xFF) == SQLITE_IOERR &&
            (sqlite3_extended_errcode(db) == SQLITE_IOERR_SHMSIZE || sqlite3_system_errno(db) == ENOSPC));
}

bool store_fail(sqlite3 *db, int code, struct error *err, const char *what)
{
    const char *reason = db ? sqlite3_errmsg(db) : sqlite3_errstr(code);
    if (is_out_of_room(db, code))
        return error_set(err, ERROR_UNAVAILABLE, "%s: the disk is full", what);
    switch (code & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return error_set(err, ERROR_UNAVAILABLE, "%s: another process is writing to it", what);
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return error_set(err, ERROR_DENIED, "%s: %s", what, reason);
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
        return error_set(err, ERROR_INVALID, "%s: not a sluice store, or damaged (%s)", what, reason);
    case SQLITE_CONSTRAINT:
        return error_set(err, ERROR_EXISTS, "%s: %s", what, reason);
    case SQLITE_NOMEM:
        error_out_of_memory(err);
        return error_context(err, "%s", what);
    default:
        return error_set(err, ERROR_INTERNAL, "%s: %s", what, reason);
    }
}

/* ---- opening and closing ----------------------------------------------------------------------- */

/* SQLite counts its memory under a mutex unless it is told not to before its first use: a tenth of what
 * writing costs. */
static void configure_sqlite(void)
{
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

bool store_connect(sqlite3 **out, const char *path, bool is_in_memory, struct error *err)
{
    static pthread_once_t configured = PTHREAD_ONCE_INIT;
    pthread_once(&configured, configure_sqlite);
    int code = sqlite3_open_v2(path, out, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
                               is_in_memory ? "memdb" : NULL);
    if (code != SQLITE_OK)
        return store_fail(*out, code, err, "cannot open the store");
    sqlite3_extended_result_codes(*out, 1);
    sqlite3_busy_timeout(*out, STORE_BUSY_MS);
    code = sqlite3_exec(*out,
                        "PRAGMA auto_vacuum = INCREMENTAL;" /* counts for a new file only */
                        "PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON;"
                        "PRAGMA trusted_schema = OFF; PRAGMA synchronous = FULL;"
                        "PRAGMA cache_size = -8192", /* KiB, at most */
                        NULL, NULL, NULL);
    return code == SQLITE_OK || store_fail(*out, code, err, "cannot open the store");
}

static bool prepare_all(struct store *store, struct error *err)
{
    for (int i = 0; i < STATEMENT_COUNT; i++) {
        int code = sqlite3_prepare_v3(store->db, statement_texts[i], -1, SQLITE_PREPARE_PERSISTENT,
                                      &store->statements[i], NULL);
        if (code != SQLITE_OK)
            return store_fail(store->db, code, err, "cannot prepare the store");
    }
    return true;
}

/* What an earlier process wrote to the log and could not sync may still be in the kernel's memory, where it
 * reads like all the rest, and be gone after a power cut. So all that is in the log goes into the
 * database and is synced there before anything is built upon it. */
static bool secure_log(struct store *store, struct error *err)
{
    int code = sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    return code == SQLITE_OK || code == SQLITE_BUSY || code == SQLITE_LOCKED ||
           store_fail(store->db, code, err, "cannot open the store");
}

/* What processes of one workspace share beside the database. */
static bool open_beside(struct store *store, struct error *err)
{
    char beside[PATH_MAX];
    if (store->is_in_memory)
        return store_owner_open(&store->owner, NULL, err) &&
               store_changes_open(&store->changes, NULL, err);
    snprintf(beside, sizeof beside, "%s.owners", store->path);
    if (!store_owner_open(&store->owner, beside, err))
        return false;
    snprintf(beside, sizeof beside, "%s.changes", store->path);
    return store_changes_open(&store->changes, beside, err);
}

/* Where the database is: the file, or a name that connections of this process share. */
static bool place(struct store *store, const char *path, struct error *err)
{
    static atomic_uint newest;
    char name[32];
    snprintf(name, sizeof name, "/sluice-%u", atomic_fetch_add(&newest, 1));
    store->is_in_memory = strcmp(path, STORE_IN_MEMORY) == 0;
    store->path = strdup(store->is_in_memory ? name : path);
    if (!store->path)
        return error_out_of_memory(err);
    return store->is_in_memory || store_create(path, err);
}

bool store_open(struct store **out, const char *path, struct error *err)
{
    if (strlen(path) > PATH_MAX - 16)
        return error_set(err, ERROR_INVALID, "path too long: '%s'", path);
    struct store *store = calloc(1, sizeof *store);
    if (!store)
        return error_out_of_memory(err);
    store->owner.fd = store->changes.fd = -1;
    pthread_mutex_init(&store->reading, NULL);
    pthread_mutex_init(&store->keeping, NULL);
    pthread_mutex_init(&store->reminding, NULL);
    store_condition_init(&store->keeper_told);
    if (place(store, path, err) &&
        store_connect(&store->db, store->path, store->is_in_memory, err) && secure_log(store, err) &&
        store_migrate(store->db, err) && prepare_all(store, err) && open_beside(store, err) &&
        store_writer_open(store, err) && store_sweep(store, err) &&
        store_reminders_refresh(store, err)) {
        *out = store;
        return true;
    }
    error_context(err, "%s", path);
    store_close(store);
    return false;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    store_keeper_stop(store);
    store_writer_close(store);
    store_readers_close(store);
    for (int i = 0; i < STATEMENT_COUNT; i++)
        sqlite3_finalize(store->statements[i]);
    sqlite3_close(store->db);
    store_owner_close(&store->owner);
    store_changes_close(&store->changes);
    store_reminders_clear(store);
    pthread_mutex_destroy(&store->reminding);
    pthread_mutex_destroy(&store->reading);
    pthread_mutex_destroy(&store->keeping);
    pthread_cond_destroy(&store->keeper_told);
    free(store->path);
    free(store);
}
