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
    STATEMENT_DROP_MESSAGE,
    STATEMENT_ACTIVITY,
    STATEMENT_TRACK,
    STATEMENT_FILE,
    STATEMENT_AUDIT,
    STATEMENT_COUNT,
};

/* The file of store_changes.h. */
struct store_changes {
    char *path;
    int fd;            /* -1: not open */
    uint32_t *counter; /* mapped */
};

struct store {
    sqlite3 *db;
    sqlite3_stmt *statements[STATEMENT_COUNT]; /* prepared once, at open */
    struct store_owner owner;
    pthread_mutex_t database;
    struct store_changes changes;

    pthread_mutex_t queue;
    pthread_cond_t queue_changed;
    struct pending *first, **last; /* in order of arrival */
    size_t pending_payload; /* bytes of requests and answers in it */
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

/* Runs fn inside a durable transaction that is undone if it returns false, with its error. */
typedef bool store_write_fn(struct store *store, void *context, struct error *err);
MUST_USE bool store_write(struct store *store, store_write_fn *fn, void *context, struct error *err);

/* Runs sql once. types has one letter for each argument: 't' text (NULL is null), 'i' int64_t. For a
 * store_write_fn. */
MUST_USE bool store_execute(struct store *store, struct error *err, const char *sql,
                            const char *types, ...);

/* Runs a prepared statement that gives no rows, then resets it. */
MUST_USE bool store_step(struct store *store, enum statement which, struct error *err);

/* Deletes the message of the instance and that of the one it did again, unless they are debugged. */
MUST_USE bool store_drop_message(struct store *store, const char *id, struct error *err);

/* Whether the instance `id` may be resubmitted now, and the link to the new instance that was just
 * inserted; inside its transaction, so that two processes cannot both begin. */
MUST_USE bool store_link_resubmission(struct store *store, const char *id, const char *new_id,
                                      struct error *err);

/* ---- store_changes.c ---- */
MUST_USE bool store_changes_open(struct store_changes *changes, const char *path, struct error *err);
void store_changes_close(struct store_changes *changes);

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

/* ---- store_query.c ---- */
#define STORE_INSTANCE_COLUMNS                                                                     \
    "SELECT i.id, i.flow, i.flow_name, i.version, i.trigger, i.invoked_by, i.parent,"              \
    " i.parameters, i.state, i.module_digest, i.fault_code, i.fault_title, i.fault_detail,"        \
    " i.started_ms, i.finished_ms, i.exit_status, i.response_status, i.cpu_us, i.memory_bytes,"    \
    " i.import_calls,"                                                                             \
    " (SELECT count(*) FROM file f WHERE f.instance = i.number),"                                  \
    " (SELECT count(*) FROM file f WHERE f.instance = i.number AND f.state = 'transferred'),"      \
    " (SELECT count(*) FROM file f WHERE f.instance = i.number AND f.state = 'not_transferred'),"  \
    " (SELECT count(*) FROM file f WHERE f.instance = i.number AND f.state = 'postponed'),"        \
    " (SELECT r.origin FROM resubmission r WHERE r.instance = i.number),"                          \
    " (SELECT n.id FROM resubmission r JOIN instance n ON n.number = r.instance"                   \
    "  WHERE r.origin = i.id ORDER BY r.instance DESC LIMIT 1),"                                   \
    " (SELECT count(*) FROM resubmission r WHERE r.origin = i.id),"                                \
    " (SELECT d.at_ms FROM discarded d WHERE d.instance = i.number), i.tracing"                    \
    " FROM instance i"
/* The current row of a query over those columns. */
struct instance_row store_read_instance(const struct walk *walk);

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
