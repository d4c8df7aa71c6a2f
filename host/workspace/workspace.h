/* SPDX-License-Identifier: MIT */
/*
 * A workspace: the folder with one tenant's configuration. Loaded whole and checked whole:
 * unknown keys, wrong types and dangling names are errors that name file, line or key and the
 * legal values. Immutable after loading but for its snapshot, which is replaced as a whole.
 */
#ifndef WORKSPACE_WORKSPACE_H
#define WORKSPACE_WORKSPACE_H
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "workspace/snapshot.h"
#include "workspace/telemetry.h"

/* The highest ceilings over what manifests may ask for; of memory it is what the engine maps. */
#define WORKSPACE_MEMORY_MIB_MAX 1024u
#define WORKSPACE_RUN_WALL_S_MAX 604800u

struct schedule_parameter {
    char *name, *value;
};

/* What becomes of the times at which a schedule was due while nothing could start it. */
enum missed_policy {
    MISSED_RUN_ONCE, /* one run makes up for all of them */
    MISSED_SKIP,     /* they are recorded as missed */
};

/* An entry of schedules.json; the recurrence is kept as text here and parsed by the scheduler. */
struct schedule {
    char *flow;
    char *recurrence, *time_zone; /* RRULE values joined by '&', IANA name */
    char *start, *end;            /* local date and time; NULL: open */
    enum missed_policy missed;
    char recurrence_at[48], zone_at[48]; /* "schedules.json:12:23", for complaints */
    struct schedule_parameter *parameters;
    size_t parameter_count;
};

struct schedule_list {
    struct schedule *items;
    size_t count;
};

/* What a flow is that nobody has activated or deactivated. */
enum activation_policy {
    ACTIVATION_AUTOMATIC, /* active */
    ACTIVATION_EXPLICIT,  /* not active, as after an import into Oracle Integration */
};

/* How much of an execution is recorded; each level adds to the one before. */
enum tracing {
    TRACING_PRODUCTION, /* outcome, files, calls that reach beyond the sandbox, what the flow wrote */
    TRACING_AUDIT,      /* what the flow did with its execution: parameters, tracking, files, answer */
    TRACING_DEBUG,      /* every import call; messages, requests and answers */
    TRACING_COUNT,
};
extern const char *const tracing_names[TRACING_COUNT + 1]; /* "production", ...; then NULL */
extern const char *const missed_policy_names[];            /* "run_once", "skip", NULL */

/* "server" of sluice.json. */
struct server_settings {
    char *listen;            /* ADDRESS:PORT */
    char *certificate, *key; /* PEM files, or both NULL */
    uint32_t workers, connections_max; /* 0: what fits the machine or container */
    uint32_t header_s;  /* deadline for the next header of a connection */
    uint32_t request_s; /* for the rest of a request, and for taking an answer */
    uint32_t stall_s;   /* for the next bytes of a file that is received */
    uint32_t stop_s;    /* how long a stop waits for what runs */
    uint32_t account_rate, address_rate; /* requests a second; 0: no limit */
    uint32_t rate_burst_s; /* at once, as many as come in so many seconds */
};

/* What becomes of customisations without a signature of a trusted key. */
enum unsigned_policy {
    UNSIGNED_REFUSE,
    UNSIGNED_ALLOW,
};
#define TRUSTED_KEYS_FOLDER "trusted_keys" /* of the workspace: *.pem */

/* "filters" of sluice.json: what may run, and what one run of a customisation may use. */
struct filter_settings {
    enum unsigned_policy unsigned_ones;
    uint32_t memory_mib;
    uint32_t cpu_ms, wall_s;  /* of a message */
    uint32_t content_cpu_s;   /* of a file; as long as the flow may run */
    uint32_t log_lines;       /* of standard error; the rest is dropped */
    uint64_t output_size_max; /* bytes of a message that comes out */
};

/* Where the store is. */
enum store_place {
    STORE_ON_DISK,
    STORE_MEMORY_ONLY, /* for functions whose caller repeats: gone when the process ends */
};

/* Who lets callers in where a platform stands before the flows (fn, lambda, events of serve). */
enum callers {
    CALLERS_USERS,    /* users.json, as at the other addresses */
    CALLERS_PLATFORM, /* the platform did, and only it can reach us */
};

/* Who starts the flows of schedules.json when they are due. */
enum schedule_starter {
    STARTER_SERVER,   /* `sluice serve` */
    STARTER_PLATFORM, /* what a platform has for that: CronJobs, PingSources, EventBridge */
};

/* How `sluice lambda` answers HTTP events. */
enum lambda_answers {
    ANSWERS_BUFFERED, /* up to 6 MiB */
    ANSWERS_STREAMED, /* for function URLs whose invoke mode is RESPONSE_STREAM */
};

struct workspace {
    char *folder;           /* absolute */
    char *functions_folder; /* compiled flows (*.wasm); default from the installation */
    char *cache_folder;     /* <sha256>.so of those flows */
    char *state_folder;     /* the only folder that is written */
    enum store_place store_place;
    char *store_file;       /* as store_open takes it: sluice.db in state_folder, or ":memory:" */
    char *ca_file;          /* trust anchors where a connection names none; NULL: the system's */
    char *event_sink;       /* URL that gets an event when an execution ends; NULL: none */
    enum callers callers;
    enum schedule_starter starter;
    enum lambda_answers lambda_answers;
    char *base_url;         /* what mails and metadata call this host; "" if not set */
    uint64_t file_size_max; /* bytes; 0: no limit; default 1 GiB */
    uint32_t memory_mib_max, run_wall_s_max; /* ceilings over what manifests ask for */
    uint32_t retention_days;
    uint64_t store_size_max; /* bytes; 0: no limit; default 16 GiB */
    enum activation_policy activation;
    enum tracing tracing; /* of flows for which nothing else was said */
    uint32_t schedule_workers; /* scheduled runs at a time */
    struct server_settings server;
    struct filter_settings filters;
    struct log_settings log;
    struct metrics_settings metrics;
    struct trace_settings traces;
    struct snapshot *snapshot; /* in force; where other threads may change it: workspace_snapshot */
    struct schedule_list schedules;
    pthread_mutex_t current; /* guards the pointer snapshot */
    pthread_mutex_t change;  /* held by whoever makes the next snapshot */
};

/*
 * Loads and checks DIR. Compiled flows are taken from the first of: functions_folder (if not NULL),
 * the environment variable SLUICE_FUNCTIONS, "functions" in sluice.json, the installation.
 * ERROR_NOT_FOUND: no sluice.json there; ERROR_INVALID: "connections.json:12:5: ...".
 * On error nothing is to be released.
 */
MUST_USE bool workspace_open(struct workspace **out, const char *folder,
                             const char *functions_folder, struct error *err);
void workspace_close(struct workspace *workspace); /* NULL is fine */

/* ---- what names mean (workspace_change.c) ---- */

/* The snapshot in force, held for the caller: snapshot_release. Thread-safe. */
struct snapshot *workspace_snapshot(struct workspace *workspace);

/* snapshot_connection and snapshot_lookup of the one in force, for programs in which nobody changes it:
 * borrowed until the next change. */
const struct connection *workspace_connection(const struct workspace *workspace, const char *name,
                                              struct error *err);
const struct lookup *workspace_lookup(const struct workspace *workspace, const char *name,
                                      struct error *err);

/*
 * Changes. Each one writes its file atomically and then puts a new snapshot, read from all files, in
 * force: whatever begins from then on sees it, what runs keeps what it began with. On error nothing is
 * written and the old one stays in force. Thread-safe; changes are made one after the other.
 */

/* Reads connections.json and lookups/ again, as somebody else left them. */
MUST_USE bool workspace_reload(struct workspace *workspace, struct error *err);

enum lookup_put {
    LOOKUP_ADD,     /* ERROR_EXISTS if there is one of that name */
    LOOKUP_REPLACE, /* ERROR_NOT_FOUND if there is none */
    LOOKUP_ANY,
};

/* lookups/<name>.csv. ERROR_INVALID: a name that is none for a file. */
MUST_USE bool workspace_put_lookup(struct workspace *workspace, const struct lookup *lookup,
                                   enum lookup_put how, struct error *err);
/* ERROR_NOT_FOUND. */
MUST_USE bool workspace_delete_lookup(struct workspace *workspace, const char *name,
                                      struct error *err);
/* connections.json: edit gets its text and changes it; false from edit (with err set) changes nothing.
 * ERROR_INVALID as workspace_open, if what it says then cannot be read. */
typedef bool workspace_edit_fn(void *context, struct buf *text, struct error *err);
MUST_USE bool workspace_edit_connections(struct workspace *workspace, workspace_edit_fn *edit,
                                         void *context, struct error *err);

/* Finds the workspace that start (a folder) lies in: the nearest folder upwards with a sluice.json.
 * Caller frees *folder. ERROR_NOT_FOUND says how to make one. */
MUST_USE bool workspace_find(const char *start, char **folder, struct error *err);

/* Writes a new workspace into DIR (created if missing) with comments; refuses (ERROR_EXISTS) to
 * touch a file that exists. On error no file is left that it wrote. */
MUST_USE bool workspace_init(const char *folder, struct error *err);
#endif
