/* SPDX-License-Identifier: MIT */
/*
 * What the files of the SQLite store share. Lock order: database, then queue. Everything that
 * touches `db` or a statement holds `database`; it is recursive, so that a row callback may read.
 */
#ifndef STORE_STORE_INTERNAL_H
#define STORE_STORE_INTERNAL_H
#include <pthread.h>
#include <sqlite3.h>

#include "base/error.h"
#include "store/store.h"
#include "store/store_owner.h"

struct pending; /* an activity, tracking value, file report or audit record that is not written yet */

enum statement {
    STATEMENT_START,
    STATEMENT_PAYLOAD,
    STATEMENT_FINISH,
    STATEMENT_ACTIVITY,
    STATEMENT_TRACK,
    STATEMENT_FILE,
    STATEMENT_AUDIT,
    STATEMENT_COUNT,
};

struct store {
    sqlite3 *db;
    sqlite3_stmt *statements[STATEMENT_COUNT]; /* prepared once, at open */
    struct store_owner owner; /* not open for a store in memory: nobody else can see it */
    bool is_in_memory;
    pthread_mutex_t database;

    pthread_mutex_t queue;
    pthread_cond_t queue_changed;
    struct pending *first, **last; /* in order of arrival */
    size_t pending_count;
    size_t pending_audits;     /* of pending_count */
    uint64_t lost_count;       /* records dropped because the database could not take them */
    uint64_t lost_audit_count; /* audit records dropped so */
    bool is_closing, writer_runs;
    pthread_t writer;
};

/* Converts the newest failure of db. kind by what a caller can do; the sentence names `what`. */
bool store_fail(sqlite3 *db, int code, struct error *err, const char *what);

/* Brings the schema up to date. ERROR_UNSUPPORTED: written by a newer version; nothing changed. */
MUST_USE bool store_migrate(sqlite3 *db, struct error *err);
#define STORE_SCHEMA_VERSION 3

/* BEGIN IMMEDIATE ... COMMIT; durable: whether COMMIT waits for the disk. A failed end rolls back. */
MUST_USE bool store_begin(struct store *store, bool durable, struct error *err);
MUST_USE bool store_commit(struct store *store, struct error *err);
void store_rollback(struct store *store);

/* Runs a prepared statement that gives no rows, then resets it. */
MUST_USE bool store_step(struct store *store, enum statement which, struct error *err);

/* Whether the instance `id` may be resubmitted now, and the link to the new instance that was just
 * inserted; inside its transaction, so that two processes cannot both begin. */
MUST_USE bool store_link_resubmission(struct store *store, const char *id, const char *new_id,
                                      struct error *err);

/* A query being walked. walk_begin locks the database and, as best it can, writes what is pending so
 * that it is seen; walk_end unlocks it, also after a walk_begin that failed. */
struct walk {
    struct store *store;
    sqlite3_stmt *statement;
    int code;
};
MUST_USE bool walk_begin(struct walk *walk, struct store *store, const char *sql, struct error *err);
bool walk_next(struct walk *walk);
bool walk_end(struct walk *walk, struct error *err);

/* ---- store_memory.c ---- */
/* Keeps a store in memory to its size; nothing for one in a file. The caller holds `database`,
 * outside a transaction. */
void store_memory_trim(struct store *store);

/* ---- store_queue.c ---- */
MUST_USE bool store_queue_open(struct store *store, struct error *err);
void store_queue_close(struct store *store); /* stops the writer; writes what is pending */

/* Takes all pending records off the queue; the caller holds `database` and either writes and frees
 * them, or puts them back, so that their order stays. */
struct pending *store_queue_take(struct store *store);
void store_queue_return(struct store *store, struct pending *list);
MUST_USE bool store_queue_write(struct store *store, struct pending *list, struct error *err);
void store_queue_free(struct pending *list);

/* Writes what is pending in a transaction of its own. The caller holds `database`. */
MUST_USE bool store_queue_flush(struct store *store, struct error *err);
#endif
