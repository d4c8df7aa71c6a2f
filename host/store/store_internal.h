/* SPDX-License-Identifier: MIT */
/*
 * What the files of the SQLite store share. `db` and the statements belong to the writer thread
 * (store_writer.c) and, before it runs and after it ended, to who opens and closes the store. Other
 * threads write by handing in records or calls (store_queue.c) and read through connections of their
 * own (store_walk.h). Lock order: none is taken while another is held.
 */
#ifndef STORE_STORE_INTERNAL_H
#define STORE_STORE_INTERNAL_H
#include <pthread.h>
#include <sqlite3.h>

#include "base/error.h"
#include "store/store.h"
#include "store/store_owner.h"
#include "store/store_record.h"

enum statement {
    STATEMENT_BEGIN,
    STATEMENT_COMMIT,
    STATEMENT_START,
    STATEMENT_PAYLOAD,
    STATEMENT_FINISH,
    STATEMENT_DROP_MESSAGE,
    STATEMENT_ACTIVITY,
    STATEMENT_TRACK,
    STATEMENT_FILE,
    STATEMENT_AUDIT,
    STATEMENT_JOURNAL,
    STATEMENT_REMIND,
    STATEMENT_FORGET,
    STATEMENT_COUNT,
};

#define RUNNING_BUCKETS 4096u

struct reader;
struct kept_reminder;

/* The file of store_changes.h. */
struct store_changes {
    char *path;
    int fd;            /* -1: not open */
    uint32_t *counter; /* mapped */
};

struct store {
    char *path;
    bool is_in_memory;
    struct store_owner owner;
    struct store_changes changes;

    /* the writer's */
    sqlite3 *db;
    sqlite3_stmt *statements[STATEMENT_COUNT]; /* prepared once, at open */
    int log_pages, log_pages_checked;          /* in the write-ahead log; at the newest checkpoint */
    bool is_in_doubt;                          /* the newest group failed, and may lie in the log all the same */
    uint64_t lost_told, lost_telling;          /* of `lost`, in the activity streams */

    pthread_mutex_t queue;  /* guards what follows, up to the readers */
    pthread_cond_t due;     /* the writer waits: for a record, a full group, somebody in a hurry */
    pthread_cond_t settled; /* others wait: for their group, for room */
    struct record *first, *last;
    size_t waiting, waiting_size; /* those of the group that is being written included */
    size_t hurried;               /* records that somebody waits for, not yet taken */
    size_t audits_waiting;        /* of waiting */
    uint64_t groups, lost;
    uint64_t lost_audits; /* not yet told in the trail */
    int64_t pause_ms;         /* how long the next group waits for more */
    int64_t writing_since_ms; /* when the oldest record of the group was handed in; 0: none */
    struct running *running[RUNNING_BUCKETS];
    bool is_broken, is_closing, writer_runs;
    bool is_resting; /* the writer waits for a first record and holds nothing */
    struct error why_broken;
    pthread_t writer;

    pthread_mutex_t reading; /* guards idle */
    struct reader *idle;

    struct store_retention retention;
    bool keeper_runs;
    pthread_t keeper;
    pthread_mutex_t keeping; /* guards keeper_stops */
    pthread_cond_t keeper_told;
    bool keeper_stops;
    pthread_mutex_t reminding; /* guards the reminders, and that what is handed in is what they say; the
                                  writer never takes it: it may be waited for while it is held */
    struct kept_reminder *reminders;
};

/* Converts the newest failure of db. kind by what a caller can do; the sentence names `what`. */
bool store_fail(sqlite3 *db, int code, struct error *err, const char *what);

/* A connection, set up as all of ours are: write-ahead log, waits STORE_BUSY_MS for another process. */
#define STORE_BUSY_MS 10000
MUST_USE bool store_connect(sqlite3 **out, const char *path, bool is_in_memory, struct error *err);

/* Makes the store if there is none at path; store_create.c. Its files (the log and shared memory with them)
 * are readable by their owner alone. */
MUST_USE bool store_create(const char *path, struct error *err);

/* Brings the schema up to date. ERROR_UNSUPPORTED: written by a newer version; nothing changed. */
MUST_USE bool store_migrate(sqlite3 *db, struct error *err);
/* Writes a word of the database as it is, so that a transaction changes a page. */
MUST_USE bool store_touch(sqlite3 *db, struct error *err);
#define STORE_SCHEMA_VERSION 4

/* ---- store_queue.c, store_writer.c: writing ---- */

MUST_USE bool store_writer_open(struct store *store, struct error *err);
void store_writer_close(struct store *store); /* writes what is pending, ends the thread */

/*
 * Runs fn on the writer's thread inside the transaction of a group, returns when that is on the disk.
 * fn alone is undone if it returns false, with its error. It uses store->db and calls nothing of
 * store.h. ERROR_UNAVAILABLE: the store is broken; else as fn, or why the group was not committed.
 */
MUST_USE bool store_write(struct store *store, store_write_fn *fn, void *context, struct error *err);

/* The instance in row `number` counts as one that this store started, from here on or no more. */
MUST_USE bool store_adopt(struct store *store, const char *id, int64_t number, struct error *err);
void store_disown(struct store *store, const char *id);
/* The same where what was handed in of it may not be written yet: it is nobody's until it is adopted. */
void store_leave(struct store *store, const char *id);

/* For a store_write_fn: runs sql once. types has one letter for each argument: 't' text (NULL is null),
 * 'i' int64_t. */
MUST_USE bool store_execute(struct store *store, struct error *err, const char *sql,
                            const char *types, ...);
/* Hands in a record of an instance in progress here that is never dropped; waits for room, not for the disk.
 * Takes ownership; NULL: out of memory. Errors as store_journal_write. */
MUST_USE bool store_hand_in(struct store *store, const char *id, struct record *record,
                            struct error *err);

void store_reminders_clear(struct store *store);

/* Returns when all that was handed in before is committed, or cannot be: false. err may be NULL. */
bool store_flush(struct store *store, struct error *err);

/* Handing in; of these the caller holds `queue`, which the two that wait let go of meanwhile. */
void store_queue_append(struct store *store, struct record *record); /* takes ownership */
MUST_USE bool store_queue_make_room(struct store *store, struct error *err); /* as a start does */
MUST_USE bool store_queue_await(struct store *store, struct waiter *waiter, struct error *err);
bool store_say_broken(const struct store *store, struct error *err); /* returns false */

/* Waits until a group is due, but where nobody waits for it not before retry_ms (store_now_ms), and
 * takes it off the queue. Its records count as waiting until they are settled. NULL: the store is
 * being closed and nothing is left. */
struct record *store_queue_take(struct store *store, int64_t retry_ms);

/* What became of a group: who waited is told, records are freed or, postponed, put back in front. */
enum group_outcome {
    GROUP_COMMITTED,
    GROUP_POSTPONED, /* who waited gets the error, but for an end that nobody else would hand in; that and the
                        rest are tried again */
    GROUP_BROKEN,    /* so is the store from now on */
};
void store_queue_settle(struct store *store, struct record *list, enum group_outcome outcome,
                        const struct error *why);

/* One that has not ended, or NULL; `queue` is held. */
struct running *store_running_find(struct store *store, const char *id);
/* Whether this process runs the instance, or has handed in an end that is not written yet. */
bool store_is_running(struct store *store, const char *id);
void store_running_drop(struct store *store, struct running *running); /* `queue` is held */
void store_running_clear(struct store *store);                         /* the writer has ended */

/* Runs a prepared statement that gives no rows, then resets it. */
MUST_USE bool store_step(struct store *store, enum statement which, struct error *err);

/* Deletes the message of the instance and that of the one it did again, unless they are debugged. */
MUST_USE bool store_drop_message(struct store *store, int64_t number, struct error *err);

/* ---- store_wait.c: conditions that wait until a moment of store_now_ms ---- */

int64_t store_now_ms(void);
void store_condition_init(pthread_cond_t *condition);
void store_wait(pthread_cond_t *condition, pthread_mutex_t *mutex, int64_t until_ms);

/* ---- store_changes.c ---- */

/* path NULL: known to this process alone. */
MUST_USE bool store_changes_open(struct store_changes *changes, const char *path, struct error *err);
void store_changes_close(struct store_changes *changes);

/* ---- store_audit.c ---- */

/* Where audit records were dropped and there is room to say so: the record that does, else NULL. `queue` is
 * held. */
struct record *store_audit_lost_note(struct store *store);

/* ---- store_outbox_read.c ---- */

struct outbox_row;

/* One mail; fn is called with nothing locked. ERROR_NOT_FOUND. */
MUST_USE bool store_outbox_read(struct store *store, int64_t number,
                                bool (*fn)(void *context, const struct outbox_row *row),
                                void *context, struct error *err);

/* ---- store_purge.c, store_keeper.c, store_sweep.c, store_resubmit.c ---- */

/* A step of retention, as a call for store_write. */
struct purge {
    int64_t before_ms;                /* instances, audit records and mails that are older */
    int instances_max, audits_max, mails_max; /* 0: none */
    bool is_for_size;                 /* audit records and mails only as far as instances go back */
    int instances, audits, mails;     /* deleted */
    int64_t taken_ms;                 /* on the writer's thread, the commit not counted */
};
store_write_fn store_write_purge;

void store_keeper_stop(struct store *store); /* and waits for its end */

/* ---- store_memory.c ---- */

/* Keeps a store in memory to its size; nothing for one in a file. On the writer's thread, outside a
 * transaction. */
void store_memory_trim(struct store *store);

/* Marks as aborted what processes that are gone left in progress. */
MUST_USE bool store_sweep(struct store *store, struct error *err);

/* Whether the instance `id` may be resubmitted now, and the link to the new instance `number` that was
 * just inserted; inside its transaction, so that two processes cannot both begin. */
MUST_USE bool store_link_resubmission(struct store *store, const char *id, int64_t number,
                                      struct error *err);
#endif
