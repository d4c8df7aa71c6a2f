/* SPDX-License-Identifier: MIT */
/*
 * One workspace below the folder and the process that serves it. First a short process reads its
 * configuration (`sluice serve --dry-run`) as the tenant's user, so that the supervisor, which may be
 * root, never opens a file of a tenant; then, if nobody else has its address, `sluice serve` is started.
 *
 *     checking --> starting --> running --+--> stopping --> (gone)
 *        |  |         |            |      |
 *        |  |         +------------+--> waiting, for the time of the next start
 *        |  +--> conflict, until who has the address gives it up
 *        +--> wrong, until the configuration changes;  refused, until its folder or user does
 *
 * Belongs to the main thread; time is an argument (clock_monotonic_ms).
 */
#ifndef SUPERVISOR_TENANT_H
#define SUPERVISOR_TENANT_H
#include <limits.h>

#include "supervisor/account.h"
#include "supervisor/workspaces.h"
#include "supervisor/isolation.h"
#include "supervisor/launch.h"
#include "supervisor/relay.h"
#include "supervisor/restart.h"

enum tenant_state {
    TENANT_CHECKING,
    TENANT_STARTING,
    TENANT_RUNNING,
    TENANT_WAITING,
    TENANT_WRONG,
    TENANT_REFUSED,
    TENANT_CONFLICT,
    TENANT_STOPPING,
};
extern const char *const tenant_state_names[]; /* "checking", ... */

#define TENANT_ADDRESS_SIZE 320
#define TENANT_NEVER INT64_MAX

struct tenant {
    struct found_workspace found;
    char folder[PATH_MAX];
    enum tenant_state state;
    char reason[ERROR_MESSAGE_SIZE]; /* of the state; "" where it needs none */
    int64_t since_wall_ms;           /* of the state */
    struct account account;          /* uid etc. of the last start; name "" before */
    struct launched process;
    bool is_server;                  /* process: serve, not its --dry-run */
    bool has_output, has_log;        /* its streams are open */
    struct relay relay;
    struct restart restart;
    char listen[TENANT_ADDRESS_SIZE], url[TENANT_ADDRESS_SIZE];
    uint64_t fingerprint;            /* of the configuration that was last checked */
    int64_t ready_ms;                /* since when it can be called; 0: it cannot */
    int64_t due_ms;                  /* when tenant_due has something to do */
    bool is_gone;                    /* its folder is not there any more: it ends for good */
};

/* The tenants, and what they share. */
struct tenants {
    const char *folder;           /* absolute */
    const char *program;          /* absolute path of this one */
    const char *functions_folder; /* or NULL */
    char *const *environment;     /* the supervisor's */
    struct supervision settings;
    struct isolation isolation;
    struct tenant *items[SUPERVISION_TENANTS_MAX];
    size_t count;
    bool is_stopping;
    bool has_killed;  /* a process did not stop in time */
    bool has_changed; /* a state, since somebody set this to false */
};

/* Adds it, to be started at once. ERROR_LIMIT. */
MUST_USE bool tenant_add(struct tenants *tenants, const struct found_workspace *found, int64_t now_ms,
                         struct error *err);
/* Takes the index-th off the list and frees it; it has no process any more. */
void tenant_remove(struct tenants *tenants, size_t index);

/* Does what is due: a start, or the end of patience with a process. */
void tenant_due(struct tenants *tenants, struct tenant *tenant, int64_t now_ms);

/* Its process has ended with that status of waitpid. */
void tenant_ended(struct tenants *tenants, struct tenant *tenant, int status, int64_t now_ms);

/* Its standard output has something to read, or its log. */
void tenant_read_output(struct tenants *tenants, struct tenant *tenant, int64_t now_ms);
void tenant_read_log(struct tenant *tenant, int64_t now_ms);

/* Asks the process to stop, with a limit; is_gone and is_stopping say what comes then. */
void tenant_stop(struct tenants *tenants, struct tenant *tenant, int64_t now_ms);

/* Looks at one without a process again: at once, or only if its configuration has changed. */
void tenant_retry(struct tenants *tenants, struct tenant *tenant, bool only_changed, int64_t now_ms);
#endif
