/* SPDX-License-Identifier: MIT */
/*
 * The writer thread: the only one that writes to the database. Takes what waits, writes it in one
 * transaction, tells who waited, and then, now and again, takes the log back into the database.
 */
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "store/store_internal.h"

#define RETRY_MS 1000 /* after a group that could not be committed */

/* The log is taken back into the database when it has grown by as many pages (16 MiB), and when
 * readers of other programs hold on to it, once it is as large (256 MiB), they are waited for. */
#define LOG_PAGES 4096
#define LOG_PAGES_MAX 65536
#define READERS_WAIT_MS 250

/* ---- transactions ------------------------------------------------------------------------------ */

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

/* What a failure means for the group; GROUP_COMMITTED: it concerns the one record alone. */
static enum group_outcome outcome_of(int code)
{
    switch (code) {
    case SQLITE_IOERR_FSYNC:
    case SQLITE_IOERR_DIR_FSYNC:
    case SQLITE_IOERR_READ:
    case SQLITE_IOERR_SHORT_READ:
    case SQLITE_IOERR_DATA:
    case SQLITE_IOERR_CORRUPTFS:
        return GROUP_BROKEN;
    default:
        break;
    }
    switch (code & 0xFF) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return GROUP_BROKEN;
    case SQLITE_IOERR:
    case SQLITE_FULL:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_NOMEM:
    case SQLITE_INTERRUPT:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PROTOCOL:
        return GROUP_POSTPONED;
    default:
        return GROUP_COMMITTED;
    }
}

/* ---- a group ----------------------------------------------------------------------------------- */

static bool savepoint(struct store *store, const char *sql, struct error *err)
{
    int code = sqlite3_exec(store->db, sql, NULL, NULL, NULL);
    return code == SQLITE_OK || store_fail(store->db, code, err, "cannot write to the store");
}

/* Somebody learns what became of it, so it is done as a whole or not at all. */
static bool write_awaited(struct store *store, struct record *record)
{
    struct waiter *waiter = record->waiter;
    waiter->ok = savepoint(store, "SAVEPOINT record", &waiter->error) &&
                 record_write(store, record, &waiter->error) &&
                 savepoint(store, "RELEASE record", &waiter->error);
    return waiter->ok;
}

static bool write_one(struct store *store, struct record *record, enum group_outcome *outcome,
                      struct error *err)
{
    bool ok = record->waiter ? write_awaited(store, record) : record_write(store, record, err);
    if (ok)
        return true;
    *outcome = outcome_of(sqlite3_extended_errcode(store->db));
    if (record->waiter)
        *err = record->waiter->error;
    bool is_relied_on = record->kind == RECORD_JOURNAL || record->kind == RECORD_REMIND ||
                        record->kind == RECORD_FORGET;
    if (is_relied_on && *outcome == GROUP_COMMITTED)
        *outcome = GROUP_BROKEN;
    if (*outcome != GROUP_COMMITTED)
        return false;
    if (record->waiter)
        return savepoint(store, "ROLLBACK TO record; RELEASE record", err);
    log_line(LOG_ERROR, record->running ? record->running->id : NULL,
             "a record could not be written: %s", err->message);
    return true;
}

static bool commit(struct store *store, struct error *err)
{
    int64_t begun_ns = clock_monotonic_ns();
    bool ok = store_step(store, STATEMENT_COMMIT, err);
    int64_t taken_us = (clock_monotonic_ns() - begun_ns) / 1000;
    metric_observe(METRIC_STORE_COMMIT_SECONDS, "", taken_us);
    metric_set(METRIC_STORE_LAST_COMMIT, taken_us);
    return ok;
}

/* A COMMIT may fail when all of it lies in the log already: behind what SQLite counts, but whoever recovers the
 * log after a crash finds it. The next group is written over it; where that one changes nothing, SQLite would
 * write nothing, and what is said to be on the disk would not be what is found there. */
static bool write_over(struct store *store, struct error *err)
{
    return !store->is_in_doubt || store_touch(store->db, err);
}

static enum group_outcome write_group(struct store *store, struct record *list, struct error *err)
{
    enum group_outcome outcome = GROUP_COMMITTED;
    record_prepare(list);
    store->lost_telling = store->lost_told;
    bool ok = store_step(store, STATEMENT_BEGIN, err) && write_over(store, err);
    for (struct record *record = list; ok && record; record = record->next)
        ok = write_one(store, record, &outcome, err);
    ok = ok && commit(store, err);
    store->is_in_doubt = !ok;
    if (ok) {
        store->lost_told = store->lost_telling;
        return GROUP_COMMITTED;
    }
    if (outcome == GROUP_COMMITTED)
        outcome = outcome_of(sqlite3_extended_errcode(store->db));
    if (!sqlite3_get_autocommit(store->db)) /* SQLite may have rolled back by itself */
        sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    return outcome == GROUP_COMMITTED ? GROUP_POSTPONED : outcome;
}

/* ---- the log ----------------------------------------------------------------------------------- */

static int on_log(void *context, sqlite3 *db, const char *name, int pages)
{
    (void)db, (void)name;
    struct store *store = context;
    store->log_pages = pages;
    return SQLITE_OK;
}

/* Without waiting for anybody; and where that did not help for long, with. */
static int take_back(struct store *store)
{
    int code = sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    if (store->log_pages < LOG_PAGES_MAX || (code != SQLITE_OK && code != SQLITE_BUSY))
        return code;
    sqlite3_busy_timeout(store->db, READERS_WAIT_MS);
    code = sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_RESTART, NULL, NULL);
    sqlite3_busy_timeout(store->db, STORE_BUSY_MS);
    if (code == SQLITE_BUSY)
        log_line(LOG_WARNING, NULL, "the store's log has %d MiB: another program holds on to it",
                 store->log_pages / 256);
    return code;
}

/* A checkpoint whose fsync failed leaves it open what the database holds: no better than a commit's. */
static enum group_outcome keep_log_small(struct store *store, struct error *err)
{
    if (store->log_pages < store->log_pages_checked) /* it began anew */
        store->log_pages_checked = 0;
    if (store->log_pages - store->log_pages_checked < LOG_PAGES)
        return GROUP_COMMITTED;
    store->log_pages_checked = store->log_pages;
    int code = take_back(store);
    if (code == SQLITE_OK || outcome_of(sqlite3_extended_errcode(store->db)) != GROUP_BROKEN)
        return GROUP_COMMITTED;
    store_fail(store->db, code, err, "cannot write to the store");
    return GROUP_BROKEN;
}

/* ---- the thread -------------------------------------------------------------------------------- */

static bool is_closing(struct store *store)
{
    pthread_mutex_lock(&store->queue);
    bool closing = store->is_closing;
    pthread_mutex_unlock(&store->queue);
    return closing;
}

/* SQLite would take the log back on closing: nothing is to be claimed of pages that may be lost. */
static void break_store(struct store *store, struct record *list, struct error *err)
{
    error_context(err, "the store is broken and takes nothing more until the program is started anew");
    err->kind = ERROR_UNAVAILABLE;
    log_line(LOG_ERROR, NULL, "%s", err->message);
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    store_queue_settle(store, list, GROUP_BROKEN, err);
}

/* Returns when to go on at the earliest. */
static int64_t write_and_settle(struct store *store, struct record *list, int64_t retry_ms)
{
    struct error err = {0};
    if (store_is_broken(store, &err)) {
        store_queue_settle(store, list, GROUP_BROKEN, &err);
        return 0;
    }
    enum group_outcome outcome = write_group(store, list, &err);
    if (outcome == GROUP_BROKEN) {
        break_store(store, list, &err);
    } else if (outcome == GROUP_COMMITTED) {
        store_queue_settle(store, list, outcome, &err);
        store_memory_trim(store);
        if (keep_log_small(store, &err) == GROUP_BROKEN)
            break_store(store, NULL, &err);
    } else if (is_closing(store)) {
        log_line(LOG_ERROR, NULL, "what was not written yet is lost: %s", err.message);
        store_queue_settle(store, list, GROUP_BROKEN, &err);
    } else {
        if (retry_ms == 0)
            log_line(LOG_ERROR, NULL, "the store cannot be written, trying again: %s", err.message);
        store_queue_settle(store, list, outcome, &err);
        return store_now_ms() + RETRY_MS;
    }
    return 0;
}

static void *writer_main(void *context)
{
    struct store *store = context;
    struct record *list;
    int64_t retry_ms = 0;
    while ((list = store_queue_take(store, retry_ms)) != NULL)
        retry_ms = write_and_settle(store, list, retry_ms);
    return NULL;
}

bool store_writer_open(struct store *store, struct error *err)
{
    pthread_mutex_init(&store->queue, NULL);
    store_condition_init(&store->due);
    store_condition_init(&store->settled);
    sqlite3_wal_hook(store->db, on_log, store); /* in place of SQLite's own checkpoint in a COMMIT */
    int number = pthread_create(&store->writer, NULL, writer_main, store);
    store->writer_runs = number == 0;
    return number == 0 || error_errno(err, ERROR_INTERNAL, number, "cannot start the store's writer");
}

void store_writer_close(struct store *store)
{
    if (!store->writer_runs)
        return;
    pthread_mutex_lock(&store->queue);
    store->is_closing = true;
    pthread_cond_signal(&store->due);
    pthread_mutex_unlock(&store->queue);
    pthread_join(store->writer, NULL);
    store_running_clear(store);
    pthread_cond_destroy(&store->due);
    pthread_cond_destroy(&store->settled);
    pthread_mutex_destroy(&store->queue);
}
