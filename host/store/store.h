/* SPDX-License-Identifier: MIT */
/*
 * What the host remembers: instances, their activity stream, their files and tracking values.
 * A small interface with SQLite behind it (store_sqlite.c); numbered migrations. Thread-safe.
 * Times are wall-clock milliseconds since 1970.
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

/* An execution as it begins. Texts are borrowed during the call. */
struct instance_start {
    const char *id;
    const char *flow, *flow_name, *version; /* identifier, display name, "01.23.3000" */
    const char *module_digest;
    const char *trigger;    /* "manual", "schedule", "rest", "call", "resubmit" */
    const char *invoked_by; /* user or parent flow */
    const char *parent;     /* instance id of the caller, or NULL */
    const char *parameters; /* JSON object text */
    const void *input;      /* request body */
    size_t input_size;
    int64_t started_ms;
    const char *resubmits; /* full id of the instance that this one does again, or NULL */
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
    const void *response;
    size_t response_size;
};

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
};

/* A path that keeps nothing on any disk: the store is this process's alone and ends with it. When
 * its records take more than STORE_MEMORY_SIZE_MAX bytes, the oldest finished instances go. */
#define STORE_IN_MEMORY ":memory:"
#define STORE_MEMORY_SIZE_MAX (32u << 20)

MUST_USE bool store_open(struct store **out, const char *path, struct error *err);
void store_close(struct store *store); /* NULL is fine; writes what is pending */

/* Durable when it returns. With resubmits: ERROR_REFUSED (it did not fail, was discarded, has been
 * completed by a resubmission, is one itself, or was called by a flow), ERROR_EXISTS (one is running),
 * ERROR_LIMIT (STORE_RESUBMISSIONS_MAX). Holds for all processes of the workspace. */
#define STORE_RESUBMISSIONS_MAX 10
MUST_USE bool store_instance_start(struct store *store, const struct instance_start *start,
                                   struct error *err);
MUST_USE bool store_instance_finish(struct store *store, const char *id,
                                    const struct instance_end *end, struct error *err);

/* Written in groups, durable at the latest with the instance's end. */
void store_activity(struct store *store, const char *id, const struct activity *activity);
void store_track(struct store *store, const char *id, const char *name, const char *value);
/* state: "found", "started", "transferred", "not_transferred", "postponed". */
void store_file(struct store *store, const char *id, const char *name, const char *state,
                const char *detail, uint64_t size, int64_t at_ms);

/* Reading. Rows are borrowed until the callback returns; a false from it stops the walk. */
struct instance_row {
    const char *id, *flow, *flow_name, *version, *trigger, *invoked_by, *parent, *parameters, *state;
    const char *module_digest;
    const char *fault_code, *fault_title, *fault_detail;
    int64_t started_ms, finished_ms; /* finished 0: running */
    int exit_status, response_status;
    int64_t cpu_us;
    uint64_t memory_bytes, import_calls;
    int64_t files_found, files_transferred, files_not_transferred, files_postponed;
    const char *resubmission_of, *resubmitted_as; /* ids; the newest one; or NULL */
    int64_t resubmissions, discarded_ms;          /* how often; 0: not discarded */
};
struct file_row {
    const char *name, *state, *detail;
    uint64_t size;
    int64_t at_ms;
};
struct store_filter {
    const char *flow, *state, *parent; /* NULL: any */
    const char *tracking; /* a tracking value */
    int64_t from_ms, to_ms; /* 0: open */
    int64_t limit, offset;
    bool top_level_only; /* no child instances */
    bool open_errors; /* failed or aborted, and neither discarded, nor completed by a resubmission, nor
                         a resubmission itself, nor called by a flow */
};
typedef bool instance_row_fn(void *context, const struct instance_row *row);
typedef bool activity_row_fn(void *context, const struct activity *row);
typedef bool file_row_fn(void *context, const struct file_row *row);
typedef bool track_row_fn(void *context, const char *name, const char *value);

MUST_USE bool store_instances(struct store *store, const struct store_filter *filter,
                              instance_row_fn *fn, void *context, struct error *err);
/* ERROR_NOT_FOUND; an unambiguous prefix of at least 4 characters is accepted. */
MUST_USE bool store_instance(struct store *store, const char *id, instance_row_fn *fn,
                             void *context, struct error *err);
MUST_USE bool store_activities(struct store *store, const char *id, activity_row_fn *fn,
                               void *context, struct error *err);
MUST_USE bool store_files(struct store *store, const char *id, file_row_fn *fn, void *context,
                          struct error *err);
MUST_USE bool store_tracks(struct store *store, const char *id, track_row_fn *fn, void *context,
                           struct error *err);
/* The request body of an instance, the response, appended to out by name ("input", "response"). */
struct buf;
MUST_USE bool store_payload(struct store *store, const char *id, const char *which, struct buf *out,
                            struct error *err);

/* A failed instance is never to be resubmitted; final. ERROR_NOT_FOUND, ERROR_REFUSED (it did not fail,
 * or is discarded already), ERROR_EXISTS (a resubmission is running). */
MUST_USE bool store_discard(struct store *store, const char *id, int64_t at_ms, struct error *err);

/*
 * Deletes finished instances that ended before before_ms, with all that hangs on them: at most
 * instances_max (above 0) in one transaction, callees before their caller, so that nobody waits long for
 * the write lock. *purged: how many; fewer than instances_max: there are no more.
 * A caller goes when all that it called goes with it; what is in progress stays.
 */
MUST_USE bool store_purge(struct store *store, int64_t before_ms, int instances_max, int *purged,
                          struct error *err);
/* How many store_purge would delete in the end. */
MUST_USE bool store_purge_count(struct store *store, int64_t before_ms, int64_t *count,
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

/* Deletes records older than before_ms, at most records_max (above 0) in one transaction. *purged: how
 * many; fewer than records_max: there are no more. */
MUST_USE bool store_purge_audits(struct store *store, int64_t before_ms, int records_max, int *purged,
                                 struct error *err);
/* How many store_purge_audits would delete in the end. */
MUST_USE bool store_purge_audits_count(struct store *store, int64_t before_ms, int64_t *count,
                                       struct error *err);
#endif
