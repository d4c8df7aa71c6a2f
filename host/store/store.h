/* SPDX-License-Identifier: MIT */
/*
 * What the host remembers: instances, their activity stream, their files and tracking values.
 * A small interface with SQLite behind it; numbered migrations. Thread-safe. Times are wall-clock
 * milliseconds since 1970.
 *
 * Writing. Whatever is handed in is queued in memory and committed by one writer thread in groups,
 * in order, one fsync a group. Who needs its record on the disk waits for its group, and any number
 * of threads wait for the same one; nobody else waits for the disk. Reading sees what this process
 * handed in before.
 *
 * An fsync that failed is not tried again: the kernel may have dropped the pages, and a second one
 * would claim what is not so. From then on the store is broken: it can be read, every write fails
 * (store_is_broken), and the process should end.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct store;

#define INSTANCE_ID_SIZE 23 /* 22 characters base64url of 128 random bits, and NUL */

/* OIC's words (developer API), kept as text in the store. */
enum instance_state {
    INSTANCE_IN_PROGRESS,
    INSTANCE_COMPLETED,
    INSTANCE_FAILED,
    INSTANCE_ABORTED,
};
const char *instance_state_name(enum instance_state state); /* "IN_PROGRESS", ... */
/* Rows have one more: "RECOVERING", a durable instance in progress whose process has ended. */

/* An execution as it begins. Texts are borrowed during the call. */
struct instance_start {
    const char *id;
    const char *flow, *flow_name, *version; /* identifier, display name, "01.23.3000" */
    const char *module_digest;
    const char *trigger;    /* "manual", "schedule", "rest", "call", "resubmit" */
    const char *invoked_by; /* user or parent flow */
    const char *parent;     /* instance id of the caller, or NULL */
    const char *parameters; /* JSON object text */
    const char *tracing;    /* "production", "audit", STORE_TRACING_DEBUG; may be NULL */
    const void *input;      /* request body; NULL: it is not kept */
    size_t input_size;
    int64_t started_ms;
    const char *resubmits; /* full id of the instance that this one does again, or NULL */
    bool is_tracked; /* recorded in groups; ignored with resubmits, whose rules need the disk */
    bool is_durable;       /* it has a journal: left unfinished, it is not aborted but resumed */
    int64_t call_number;   /* with parent: which call of the parent's journal this one answers */
    const char *trace, *span, *parent_span; /* ids of the distributed trace; parent_span may be NULL */
    const char *filters; /* the customisations that it began with, as text; NULL: none */
};

struct instance_end {
    enum instance_state state;
    int64_t finished_ms;
    int exit_status;
    const char *fault_code, *fault_title, *fault_detail; /* NULL when completed */
    int64_t cpu_us;
    uint64_t memory_bytes;
    uint64_t import_calls;
    int response_status;
    const void *response; /* NULL: it is not kept */
    size_t response_size;
};

/* Of an instance with this level nothing is dropped before it is purged. */
#define STORE_TRACING_DEBUG "debug"

/* One import call, or a line the guest wrote (import "log"). */
struct activity {
    int64_t at_ms;
    int64_t duration_us;
    const char *import;     /* "ftp.store" */
    const char *connection; /* or NULL */
    const char *subject;    /* file, property, mail subject...; or NULL */
    const char *result;     /* "ok" or an error kind name, or a fault name */
    const char *detail;     /* sentence, log text; or NULL */
    uint64_t bytes;
    const void *request, *response; /* what it sent and got, cut at STORE_CALL_PAYLOAD_MAX; or NULL */
    size_t request_size, response_size; /* left out where much waits to be written */
};
#define STORE_CALL_PAYLOAD_MAX (512u << 10) /* bytes, as in Oracle Integration */

/* A path that keeps nothing on any disk: the store is this process's alone and ends with it. When
 * its records take more than STORE_MEMORY_SIZE_MAX bytes, the oldest finished instances go. */
#define STORE_IN_MEMORY ":memory:"
#define STORE_MEMORY_SIZE_MAX (32u << 20)

MUST_USE bool store_open(struct store **out, const char *path, struct error *err);
void store_close(struct store *store); /* NULL is fine; writes what is pending */

/*
 * Durable when it returns, unless it is tracked: then within STORE_GROUP_MS, disk and other writers
 * permitting. Where the queue is nearly full, it waits for room up to STORE_ROOM_MS, then
 * ERROR_UNAVAILABLE; so nothing that began goes unrecorded. ERROR_EXISTS: the id is taken.
 * With resubmits: ERROR_REFUSED (it did not fail, was discarded, has been completed by a resubmission,
 * is one itself, or was called by a flow), ERROR_EXISTS (one is running), ERROR_LIMIT
 * (STORE_RESUBMISSIONS_MAX). Holds for all processes of the workspace.
 */
#define STORE_RESUBMISSIONS_MAX 10
#define STORE_GROUP_MS 100
#define STORE_ROOM_MS 2000
MUST_USE bool store_instance_start(struct store *store, const struct instance_start *start,
                                   struct error *err);

/* Of an instance that this store started; as durable as its start. Where the store cannot be written for
 * now, the end of one without a journal is kept and written once it can be (true), as a tracked one's:
 * nobody would go on with it; that of a durable one fails and may be tried again. Completed, it needs its
 * message no more: that goes, and the one of the instance that it did again. ERROR_NOT_FOUND: there is none
 * in progress. ERROR_UNAVAILABLE: the store is broken. */
MUST_USE bool store_instance_finish(struct store *store, const char *id,
                                    const struct instance_end *end, struct error *err);

/* Of a running instance that this store started. Durable at the latest with the instance's end. Where
 * the queue is full they are dropped, and the end's activity stream says how many. */
void store_activity(struct store *store, const char *id, const struct activity *activity);
void store_track(struct store *store, const char *id, const char *name, const char *value);
/* state: "found", "started", "transferred", "not_transferred", "postponed". */
void store_file(struct store *store, const char *id, const char *name, const char *state,
                const char *detail, uint64_t size, int64_t at_ms);

/* What waits to be written: STORE_WAITING_MAX records or STORE_WAITING_SIZE_MAX bytes at most, a
 * little more while ends are handed in, of which there is one for each running instance. */
#define STORE_WAITING_MAX 65536u
#define STORE_WAITING_SIZE_MAX (64u << 20)
struct store_load {
    size_t waiting, waiting_size; /* records; bytes in memory */
    int64_t lag_ms;               /* age of the oldest; 0: none waits */
    uint64_t groups, lost;        /* since opening: commits, records dropped */
};
void store_load(struct store *store, struct store_load *out);

/* What a process does before it is frozen: waits, for wait_ms at most once what can be written is, until
 * nothing that was handed in waits, and the store neither works nor holds a lock. False: it came to no
 * rest, or writing has failed for good. For one that store_retain works in, it holds between two looks. */
MUST_USE bool store_rest(struct store *store, int64_t wait_ms);

/* Whether writing has failed for good; err (may be NULL) says why. */
bool store_is_broken(struct store *store, struct error *err);

/* Reading. Rows come in pages that are copied out, so however slow a callback is, it holds up neither
 * writers nor the reuse of the log; it may read, too. Rows are borrowed until the callback returns; a
 * false from it stops the walk. */
struct instance_row {
    const char *id, *flow, *flow_name, *version, *trigger, *invoked_by, *parent, *parameters, *state;
    const char *module_digest, *tracing; /* tracing NULL: unknown */
    const char *fault_code, *fault_title, *fault_detail;
    int64_t started_ms, finished_ms; /* finished 0: running */
    int exit_status, response_status;
    int64_t cpu_us;
    uint64_t memory_bytes, import_calls;
    int64_t files_found, files_transferred, files_not_transferred, files_postponed;
    const char *resubmission_of, *resubmitted_as; /* ids; the newest one; or NULL */
    int64_t resubmissions, discarded_ms;          /* how often; 0: not discarded */
    bool is_durable;                              /* it has a journal */
    const char *trace, *span, *parent_span;       /* as in instance_start; NULL: written before 3 */
    const char *filters;                          /* as in instance_start */
};
struct file_row {
    const char *name, *state, *detail;
    uint64_t size;
    int64_t at_ms;
};
enum store_order {
    STORE_BY_START,    /* newest first */
    STORE_BY_UPDATE,   /* what runs, then what finished last */
    STORE_BY_DURATION, /* longest first */
};
struct store_filter {
    const char *flow, *version, *state, *parent, *id; /* NULL: any */
    const char *tracking; /* a tracking value */
    int tracking_rank;    /* of its first, second, third variable; 0: of any */
    const char *trace;    /* the id of a trace: all its instances */
    int64_t from_ms, to_ms; /* when it started; 0: open */
    int64_t updated_from_ms, updated_to_ms; /* when it finished; what runs counts as now; 0: open */
    int64_t duration_from_ms, duration_to_ms; /* of what finished; 0: open */
    int64_t limit, offset; /* limit 0: all */
    bool top_level_only; /* no child instances */
    bool open_errors; /* cannot go on now; or failed or aborted, and neither discarded, nor completed by a
                         resubmission, nor a resubmission itself, nor called by a flow */
    bool recoverable_only, used_up_only; /* resubmitted less than, or as often as, is possible */
    enum store_order order;
};
typedef bool instance_row_fn(void *context, const struct instance_row *row);
typedef bool activity_row_fn(void *context, const struct activity *row);
typedef bool file_row_fn(void *context, const struct file_row *row);
typedef bool track_row_fn(void *context, const char *name, const char *value);

MUST_USE bool store_instances(struct store *store, const struct store_filter *filter,
                              instance_row_fn *fn, void *context, struct error *err);
/* How many they are, counted up to most; limit, offset and order do not count. */
MUST_USE bool store_count_instances(struct store *store, const struct store_filter *filter,
                                    int64_t most, int64_t *count, struct error *err);

/* The same instances counted by what they have in common; limit, offset and order do not count. */
enum store_grouping {
    STORE_GROUP_FLOW,       /* key: identifier, with version and name */
    STORE_GROUP_FAULT,      /* key: code of the fault; name: its title */
    STORE_GROUP_CONNECTION, /* key: connection of the newest import that failed; NULL: none did */
};
struct group_row {
    const char *key, *version, *name; /* NULL where they have no meaning */
    int64_t total, completed, failed, aborted, in_progress;
    int64_t newest_ms; /* the newest start */
};
typedef bool group_row_fn(void *context, const struct group_row *row);
MUST_USE bool store_groups(struct store *store, const struct store_filter *filter,
                           enum store_grouping by, group_row_fn *fn, void *context,
                           struct error *err);

/* The connection of the newest import that failed in the instance of that full id; "" if none did. */
MUST_USE bool store_failed_connection(struct store *store, const char *id, char *name, size_t size,
                                      struct error *err);

/* ERROR_NOT_FOUND; an unambiguous prefix of at least 4 characters is accepted. */
MUST_USE bool store_instance(struct store *store, const char *id, instance_row_fn *fn,
                             void *context, struct error *err);
MUST_USE bool store_activities(struct store *store, const char *id, activity_row_fn *fn,
                               void *context, struct error *err);
/* A part of them. limit 0: all. */
MUST_USE bool store_activity_page(struct store *store, const char *id, bool newest_first,
                                  int64_t limit, int64_t offset, activity_row_fn *fn, void *context,
                                  struct error *err);
MUST_USE bool store_files(struct store *store, const char *id, file_row_fn *fn, void *context,
                          struct error *err);
MUST_USE bool store_tracks(struct store *store, const char *id, track_row_fn *fn, void *context,
                           struct error *err);
/* The request body of an instance, the response, appended to out by name ("input", "response"). */
struct buf;
MUST_USE bool store_payload(struct store *store, const char *id, const char *which, struct buf *out,
                            struct error *err);

/* Whether a resubmission of the instance of that full id could begin now; else why not, as
 * store_instance_start says. ERROR_NOT_FOUND. */
MUST_USE bool store_check_resubmission(struct store *store, const char *id, struct error *err);

/* A failed instance is never to be resubmitted, an unfinished one is given up, and its message goes; final.
 * ERROR_NOT_FOUND, ERROR_REFUSED (it did not fail, or is discarded already), ERROR_EXISTS (a resubmission
 * is running). */
MUST_USE bool store_discard(struct store *store, const char *id, int64_t at_ms, struct error *err);

/* An unfinished instance, and what it called and is unfinished, ends as aborted with end's fault, at its
 * time: nobody can go on with it. It runs nowhere, which the caller has seen to. */
MUST_USE bool store_abandon(struct store *store, const char *id, const struct instance_end *end,
                            struct error *err);

/*
 * Retention. Deletes finished instances that ended before before_ms, with all that hangs on them: at most
 * instances_max (above 0) at a time, callees before their caller, so that nobody waits long for the
 * write lock. *purged: how many; fewer than instances_max: there are no more.
 * A caller goes when all that it called goes with it; what is in progress stays.
 */
MUST_USE bool store_purge(struct store *store, int64_t before_ms, int instances_max, int *purged,
                          struct error *err);
/* How many store_purge would delete in the end. */
MUST_USE bool store_purge_count(struct store *store, int64_t before_ms, int64_t *count,
                                struct error *err);

/* When the oldest instance began; *oldest_ms is INT64_MAX where there is none. */
MUST_USE bool store_oldest_start(struct store *store, int64_t *oldest_ms, struct error *err);
/* Whether an instance began with the module or customisation of that digest. Reads all instances where none
 * did. */
MUST_USE bool store_uses_file(struct store *store, const char *digest, bool *is_used, struct error *err);

struct store_retention {
    int64_t age_ms;    /* 0: however old */
    uint64_t size_max; /* bytes that rows and indexes may take in the database file; 0: no limit */
};
/* Keeps to it from now on, until store_close: a thread of its own looks every ten seconds, and works in
 * short steps with longer pauses. Once per store. It also marks as aborted what processes left that
 * ended meanwhile. */
MUST_USE bool store_retain(struct store *store, const struct store_retention *retention,
                           struct error *err);
/* One look, on this thread: purges instances and audit records by age, then, past size_max, what is oldest,
 * to 95 percent of it. Gives free pages back to the file system where they are more than a quarter of
 * the rest. */
MUST_USE bool store_trim(struct store *store, const struct store_retention *retention,
                         struct error *err);

/* ---- the audit trail: who was refused, and who changed what (store_audit.c) ---- */

struct audit_record {
    int64_t at_ms;
    const char *actor;   /* user or client, as it was named; "" when nobody was */
    const char *address; /* of the peer; "" for the machine itself */
    const char *action;  /* "call", "users.add", "reload", ... */
    const char *subject; /* what it was about: an address, a user, a flow */
    const char *outcome; /* "refused", "done", "failed" */
    const char *detail;  /* sentence, or NULL; never a secret */
};

#define AUDIT_TEXT_SIZE_MAX 512u   /* of each text; longer ones are cut */
#define AUDIT_PENDING_MAX 1024u    /* not yet written; more are dropped, counted, and said in the trail */

/*
 * Records it. Returns at once: written in groups off the caller's thread, at the latest by store_close.
 * Texts are borrowed during the call; NULL is "" (detail: NULL). Records that had to be dropped become
 * one record of action "audit", outcome "lost", as soon as the store can be written again.
 */
void store_audit(struct store *store, const struct audit_record *record);

struct audit_filter {
    const char *actor, *action; /* NULL: any */
    int64_t from_ms, to_ms;     /* 0: open */
    int64_t limit, offset;      /* limit 0: all */
};
typedef bool audit_row_fn(void *context, const struct audit_record *row);

/* Newest first. Rows are borrowed until the callback returns; a false from it stops the walk. */
MUST_USE bool store_audits(struct store *store, const struct audit_filter *filter, audit_row_fn *fn,
                           void *context, struct error *err);
/* How many they are, counted up to most; limit and offset do not count. */
MUST_USE bool store_count_audits(struct store *store, const struct audit_filter *filter,
                                 int64_t most, int64_t *count, struct error *err);

/* Deletes records older than before_ms, at most records_max (above 0) in one transaction. *purged: how
 * many; fewer than records_max: there are no more. */
MUST_USE bool store_purge_audits(struct store *store, int64_t before_ms, int records_max, int *purged,
                                 struct error *err);
/* How many store_purge_audits would delete in the end. */
MUST_USE bool store_purge_audits_count(struct store *store, int64_t before_ms, int64_t *count,
                                       struct error *err);
#endif
