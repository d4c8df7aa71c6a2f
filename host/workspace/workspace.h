/* SPDX-License-Identifier: MIT */
/*
 * A workspace: the folder with one tenant's configuration. Loaded whole and checked whole:
 * unknown keys, wrong types and dangling names are errors that name file, line or key and the
 * legal values. Immutable after loading; a changed lookup is saved to its file and seen by whoever
 * opens the workspace next.
 */
#ifndef WORKSPACE_WORKSPACE_H
#define WORKSPACE_WORKSPACE_H
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "workspace/connection.h"
#include "workspace/lookup.h"

struct schedule_parameter {
    char *name, *value;
};

/* An entry of schedules.json; the recurrence is kept as text here and parsed by the scheduler. */
struct schedule {
    char *flow;
    char *recurrence, *time_zone; /* RRULE values joined by '&', IANA name */
    char *start, *end;            /* local date and time; NULL: open */
    char recurrence_at[48], zone_at[48]; /* "schedules.json:12:23", for complaints */
    struct schedule_parameter *parameters;
    size_t parameter_count;
};

/* "server" of sluice.json. */
struct server_settings {
    char *listen;            /* ADDRESS:PORT */
    char *certificate, *key; /* PEM files, or both NULL */
    uint32_t workers, connections_max; /* 0: what fits the machine or container */
    uint32_t request_s; /* deadline for a whole request, and for taking an answer */
    uint32_t stop_s;    /* how long a stop waits for what runs */
    uint32_t account_rate, address_rate; /* requests a second; 0: no limit */
    uint32_t rate_burst_s; /* at once, as many as come in so many seconds */
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
    enum lambda_answers lambda_answers;
    char *base_url;         /* what mails and metadata call this host; "" if not set */
    uint64_t file_size_max; /* bytes; 0: no limit; default 1 GiB */
    uint32_t memory_mib_max, run_wall_s_max; /* ceilings over what manifests ask for */
    uint32_t retention_days;
    struct server_settings server;
    struct connection *connections;
    size_t connection_count;
    struct lookup *lookups;
    size_t lookup_count;
    struct schedule *schedules;
    size_t schedule_count;
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

/* The connection of that exact name; ERROR_NOT_FOUND names the nearest one, or says that it is
 * disabled. Borrowed. */
const struct connection *workspace_connection(const struct workspace *workspace, const char *name,
                                              struct error *err);

/* The lookup of that name, or NULL with ERROR_NOT_FOUND and the nearest. Borrowed. */
const struct lookup *workspace_lookup(const struct workspace *workspace, const char *name,
                                      struct error *err);

/* Replaces lookups/<name>.csv atomically. */
MUST_USE bool workspace_save_lookup(const struct workspace *workspace, const struct lookup *lookup,
                                    struct error *err);

/* Finds the workspace that start (a folder) lies in: the nearest folder upwards with a sluice.json.
 * Caller frees *folder. ERROR_NOT_FOUND says how to make one. */
MUST_USE bool workspace_find(const char *start, char **folder, struct error *err);

/* Writes a new workspace into DIR (created if missing) with comments; refuses (ERROR_EXISTS) to
 * touch a file that exists. */
MUST_USE bool workspace_init(const char *folder, struct error *err);
#endif
