/* SPDX-License-Identifier: MIT */
/* The store in one SQLite file: opening, starting and finishing instances; see store.h. */
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "store/store_internal.h"

#define BUSY_TIMEOUT_MS 10000 /* another process of this workspace holds the write lock that long */

static const char *const state_names[] = {
    [INSTANCE_IN_PROGRESS] = "IN_PROGRESS",
    [INSTANCE_COMPLETED] = "COMPLETED",
    [INSTANCE_FAILED] = "FAILED",
    [INSTANCE_ABORTED] = "ABORTED",
};

static const char *const statement_texts[STATEMENT_COUNT] = {
    [STATEMENT_START] =
        "INSERT INTO instance (id, flow, flow_name, version, module_digest, trigger, invoked_by,"
        " parent, parameters, state, owner, process, started_ms)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'IN_PROGRESS', ?, ?, ?)",
    [STATEMENT_PAYLOAD] =
        "INSERT INTO payload (instance, which, bytes)"
        " SELECT number, ?2, ?3 FROM instance WHERE id = ?1",
    [STATEMENT_FINISH] =
        "UPDATE instance SET state = ?2, finished_ms = ?3, exit_status = ?4, fault_code = ?5,"
        " fault_title = ?6, fault_detail = ?7, cpu_us = ?8, memory_bytes = ?9, import_calls = ?10,"
        " response_status = ?11 WHERE id = ?1 AND state = 'IN_PROGRESS'",
    [STATEMENT_ACTIVITY] =
        "INSERT INTO activity (instance, import, connection, subject, result, detail, at_ms, bytes,"
        " duration_us) SELECT number, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 FROM instance WHERE id = ?1",
    [STATEMENT_TRACK] =
        "INSERT INTO track (instance, name, value)"
        " SELECT number, ?2, ?3 FROM instance WHERE id = ?1"
        " ON CONFLICT (instance, name) DO UPDATE SET value = excluded.value",
    [STATEMENT_FILE] =
        "INSERT INTO file (instance, name, state, detail, at_ms, size)"
        " SELECT number, ?2, ?3, ?4, ?5, ?6 FROM instance WHERE id = ?1"
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

bool store_fail(sqlite3 *db, int code, struct error *err, const char *what)
{
    const char *reason = db ? sqlite3_errmsg(db) : sqlite3_errstr(code);
    switch (code & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return error_set(err, ERROR_UNAVAILABLE, "%s: another process is writing to it", what);
    case SQLITE_FULL:
        return error_set(err, ERROR_LIMIT, "%s: the disk is full", what);
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return error_set(err, ERROR_DENIED, "%s: %s", what, reason);
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
        return error_set(err, ERROR_INVALID, "%s: not a sluice store, or damaged (%s)", what, reason);
    case SQLITE_CONSTRAINT:
        return error_set(err, ERROR_EXISTS, "%s: %s", what, reason);
    default:
        return error_set(err, ERROR_INTERNAL, "%s: %s", what, reason);
    }
}

/* ---- transactions ------------------------------------------------------------------------------ */

bool store_begin(struct store *store, bool durable, struct error *err)
{
    int code = sqlite3_exec(store->db, durable ? "PRAGMA synchronous = FULL; BEGIN IMMEDIATE"
                                               : "PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE",
                            NULL, NULL, NULL);
    return code == SQLITE_OK || store_fail(store->db, code, err, "cannot write to the store");
}

bool store_commit(struct store *store, struct error *err)
{
    int code = sqlite3_exec(store->db, "COMMIT", NULL, NULL, NULL);
    return code == SQLITE_OK || store_fail(store->db, code, err, "cannot write to the store");
}

void store_rollback(struct store *store)
{
    if (!sqlite3_get_autocommit(store->db)) /* SQLite may have rolled back by itself */
        sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
}

bool store_step(struct store *store, enum statement which, struct error *err)
{
    sqlite3_stmt *statement = store->statements[which];
    int code = sqlite3_step(statement);
    bool ok = code == SQLITE_DONE ||
              store_fail(store->db, code, err, "cannot write to the store");
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return ok;
}

/* ---- instances --------------------------------------------------------------------------------- */

static bool bind(struct store *store, int code, struct error *err)
{
    return code == SQLITE_OK || store_fail(store->db, code, err, "cannot write to the store");
}

static bool write_payload(struct store *store, const char *id, const char *which,
                          const void *bytes, size_t size, struct error *err)
{
    sqlite3_stmt *statement = store->statements[STATEMENT_PAYLOAD];
    if (!bytes || size == 0)
        return true;
    bool ok = bind(store, sqlite3_bind_text(statement, 1, id, -1, SQLITE_STATIC), err) &&
              bind(store, sqlite3_bind_text(statement, 2, which, -1, SQLITE_STATIC), err) &&
              bind(store, sqlite3_bind_blob64(statement, 3, bytes, size, SQLITE_STATIC), err);
    return store_step(store, STATEMENT_PAYLOAD, ok ? err : NULL) && ok;
}

static bool write_start(struct store *store, const struct instance_start *start,
                        struct error *err)
{
    sqlite3_stmt *statement = store->statements[STATEMENT_START];
    const char *const texts[] = {start->id,      start->flow,       start->flow_name,
                                 start->version, start->module_digest, start->trigger,
                                 start->invoked_by, start->parent,  start->parameters};
    int column = 1;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        sqlite3_bind_text(statement, column++, texts[i], -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, column++, store->owner.number);
    sqlite3_bind_int64(statement, column++, getpid());
    sqlite3_bind_int64(statement, column++, start->started_ms);
    return store_step(store, STATEMENT_START, err) &&
           (!start->resubmits ||
            store_link_resubmission(store, start->resubmits, start->id, err)) &&
           write_payload(store, start->id, "input", start->input, start->input_size, err);
}

bool store_instance_start(struct store *store, const struct instance_start *start,
                          struct error *err)
{
    pthread_mutex_lock(&store->database);
    bool begun = store_begin(store, true, err);
    bool ok = begun && write_start(store, start, err) && store_commit(store, err);
    if (begun && !ok)
        store_rollback(store);
    pthread_mutex_unlock(&store->database);
    return ok;
}

/* What the queue had to drop is not passed over in silence. */
static bool write_lost_note(struct store *store, const char *id, int64_t at_ms, struct error *err)
{
    char detail[96];
    sqlite3_stmt *statement = store->statements[STATEMENT_ACTIVITY];
    pthread_mutex_lock(&store->queue);
    uint64_t lost = store->lost_count;
    store->lost_count = 0;
    pthread_mutex_unlock(&store->queue);
    if (lost == 0)
        return true;
    snprintf(detail, sizeof detail, "%llu records of running instances could not be written",
             (unsigned long long)lost);
    sqlite3_bind_text(statement, 1, id, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, "store", -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 5, "limit", -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 6, detail, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 7, at_ms);
    sqlite3_bind_int64(statement, 8, 0);
    sqlite3_bind_int64(statement, 9, 0);
    return store_step(store, STATEMENT_ACTIVITY, err);
}

static bool write_end(struct store *store, const char *id, const struct instance_end *end,
                      struct error *err)
{
    sqlite3_stmt *statement = store->statements[STATEMENT_FINISH];
    sqlite3_bind_text(statement, 1, id, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, instance_state_name(end->state), -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 3, end->finished_ms);
    sqlite3_bind_int(statement, 4, end->exit_status);
    sqlite3_bind_text(statement, 5, end->fault_code, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 6, end->fault_title, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 7, end->fault_detail, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 8, end->cpu_us);
    sqlite3_bind_int64(statement, 9, (int64_t)end->memory_bytes);
    sqlite3_bind_int64(statement, 10, (int64_t)end->import_calls);
    sqlite3_bind_int(statement, 11, end->response_status);
    if (!store_step(store, STATEMENT_FINISH, err))
        return false;
    if (sqlite3_changes(store->db) != 1)
        return error_set(err, ERROR_NOT_FOUND, "instance %s is not in progress", id);
    return write_payload(store, id, "response", end->response, end->response_size, err) &&
           write_lost_note(store, id, end->finished_ms, err);
}

bool store_instance_finish(struct store *store, const char *id, const struct instance_end *end,
                           struct error *err)
{
    pthread_mutex_lock(&store->database);
    struct pending *list = store_queue_take(store);
    bool begun = store_begin(store, true, err);
    bool ok = begun && store_queue_write(store, list, err) && write_end(store, id, end, err) &&
              store_commit(store, err);
    if (begun && !ok)
        store_rollback(store);
    if (ok)
        store_queue_free(list);
    else
        store_queue_return(store, list);
    store_memory_trim(store);
    pthread_mutex_unlock(&store->database);
    return ok;
}

/* ---- what dead processes left ------------------------------------------------------------------ */

#define INTERRUPTED_DETAIL                                                                         \
    "process %lld, which ran it, ended before the flow did (killed, crashed, or the machine "      \
    "stopped); files recorded as transferred are complete, the operation that was going on then "  \
    "may or may not have taken effect; the instance is not resumed: run the flow again"

static bool abort_one(struct store *store, int64_t number, int64_t process, struct error *err)
{
    sqlite3_stmt *statement = NULL;
    char detail[512];
    int code = sqlite3_prepare_v2(
        store->db,
        "UPDATE instance SET state = 'ABORTED', finished_ms = ?, exit_status = 1,"
        " fault_code = 'interrupted', fault_title = 'The process that ran the flow ended',"
        " fault_detail = ? WHERE number = ?",
        -1, &statement, NULL);
    snprintf(detail, sizeof detail, INTERRUPTED_DETAIL, (long long)process);
    sqlite3_bind_int64(statement, 1, clock_wall_ms());
    sqlite3_bind_text(statement, 2, detail, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 3, number);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    bool ok = code == SQLITE_DONE || store_fail(store->db, code, err, "cannot write to the store");
    sqlite3_finalize(statement);
    return ok;
}

static bool abort_orphans(struct store *store, struct error *err)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(
        store->db, "SELECT number, owner, process, id FROM instance WHERE state = 'IN_PROGRESS'", -1,
        &statement, NULL);
    bool ok = true;
    while (ok && code == SQLITE_OK && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        code = SQLITE_OK;
        if (store_owner_lives(&store->owner, sqlite3_column_int64(statement, 1)))
            continue;
        ok = abort_one(store, sqlite3_column_int64(statement, 0),
                       sqlite3_column_int64(statement, 2), err);
        if (ok)
            log_line(LOG_WARNING, (const char *)sqlite3_column_text(statement, 3),
                     "the process that ran this instance ended; marked as aborted");
    }
    if (ok && code != SQLITE_DONE)
        ok = store_fail(store->db, code, err, "cannot read the store");
    sqlite3_finalize(statement);
    return ok;
}

static bool sweep(struct store *store, struct error *err)
{
    bool begun = store_begin(store, true, err);
    bool ok = begun && abort_orphans(store, err) && store_commit(store, err);
    if (begun && !ok)
        store_rollback(store);
    return ok;
}

/* ---- opening and closing ----------------------------------------------------------------------- */

/* Payloads may hold customer data: the file (and with it WAL and shared memory) is the owner's. */
static bool create_private(const char *path, struct error *err)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    if (slash && slash != path) {
        snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
        bool is_new = !file_exists(folder);
        if (!file_make_folder(folder, err))
            return false;
        if (is_new && chmod(folder, 0700) != 0)
            return error_errno(err, ERROR_INTERNAL, errno, "cannot protect '%s'", folder);
    }
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_errno(err, errno == EACCES || errno == EROFS ? ERROR_DENIED : ERROR_INTERNAL,
                           errno, "cannot open the store '%s'", path);
    close(fd);
    return true;
}

static bool open_database(struct store *store, const char *path, struct error *err)
{
    int code = sqlite3_open_v2(path, &store->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (code != SQLITE_OK)
        return store_fail(store->db, code, err, "cannot open the store");
    sqlite3_busy_timeout(store->db, BUSY_TIMEOUT_MS);
    code = sqlite3_exec(store->db,
                        "PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON;"
                        "PRAGMA trusted_schema = OFF; PRAGMA synchronous = FULL",
                        NULL, NULL, NULL);
    return code == SQLITE_OK || store_fail(store->db, code, err, "cannot open the store");
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

static bool open_owner(struct store *store, const char *path, struct error *err)
{
    char lock_path[PATH_MAX];
    snprintf(lock_path, sizeof lock_path, "%s.owners", path);
    return store_owner_open(&store->owner, lock_path, err);
}

static void init_database_mutex(struct store *store)
{
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&store->database, &attributes);
    pthread_mutexattr_destroy(&attributes);
}

bool store_open(struct store **out, const char *path, struct error *err)
{
    if (strlen(path) > PATH_MAX - 16)
        return error_set(err, ERROR_INVALID, "path too long: '%s'", path);
    struct store *store = calloc(1, sizeof *store);
    if (!store)
        return error_set(err, ERROR_LIMIT, "out of memory");
    store->owner.fd = -1;
    init_database_mutex(store);
    store->is_in_memory = strcmp(path, STORE_IN_MEMORY) == 0;
    if ((store->is_in_memory || create_private(path, err)) && open_database(store, path, err) &&
        store_migrate(store->db, err) && prepare_all(store, err) &&
        (store->is_in_memory || open_owner(store, path, err)) && sweep(store, err) &&
        store_queue_open(store, err)) {
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
    store_queue_close(store);
    for (int i = 0; i < STATEMENT_COUNT; i++)
        sqlite3_finalize(store->statements[i]);
    sqlite3_close(store->db);
    store_owner_close(&store->owner);
    pthread_mutex_destroy(&store->database);
    free(store);
}
