/* SPDX-License-Identifier: MIT */
/*
 * Resubmissions in the background, one after the other, by a few threads of their own, so that no
 * thread that answers requests waits for them. A job is a list of instances; OIC calls it a recovery
 * job. Jobs live in memory: what had not begun when the server ended stays in the list of errors.
 * Thread-safe.
 */
#ifndef SERVER_API_RECOVERY_H
#define SERVER_API_RECOVERY_H
#include "flow/flow.h"

#define RECOVERY_THREADS 2
#define RECOVERY_IDS_MAX 1000    /* instances of one job */
#define RECOVERY_WAITING_MAX 16  /* jobs that wait for a thread */
#define RECOVERY_KEPT_MAX 100    /* jobs that are remembered, newest first */
#define RECOVERY_USER_SIZE 128
#define RECOVERY_VERSION_SIZE 64

struct recovery_jobs;

struct recovery_jobs_options {
    struct service *service;            /* borrowed */
    bool (*should_stop)(void *context); /* asks runs that go on to stop; NULL: never */
    void *context;
};

MUST_USE bool recovery_jobs_open(struct recovery_jobs **out, const struct recovery_jobs_options *options,
                            struct error *err);
/* Leaves out what has not begun, waits for what runs. NULL is fine. */
void recovery_jobs_close(struct recovery_jobs *recovery);
/* Jobs that wait or run; once asked to stop no more than what runs. NULL is fine. */
size_t recovery_jobs_busy(struct recovery_jobs *recovery);

struct recovery_request {
    char (*ids)[INSTANCE_ID_SIZE]; /* full ids */
    size_t count;                  /* at most RECOVERY_IDS_MAX */
    const char *user;
    const char *version;           /* as in struct resubmission */
    const enum tracing *tracing;   /* NULL: as is set for each flow */
};
/* What request points to is copied. job gets the job's id. ERROR_LIMIT: too many jobs wait. */
MUST_USE bool recovery_jobs_submit(struct recovery_jobs *recovery, const struct recovery_request *request,
                              char job[static INSTANCE_ID_SIZE], struct error *err);

struct recovery_row {
    const char *id, *user;
    const char *state; /* "WAITING", "IN_PROGRESS", "COMPLETED", "ABORTED" (left out the rest) */
    int64_t created_ms, finished_ms; /* finished 0: not yet */
    size_t total, completed, failed, refused;
};
/* A copy whose texts are borrowed during the call; a false from fn stops the walk. */
typedef bool recovery_row_fn(void *context, const struct recovery_row *row);
void recovery_jobs_list(struct recovery_jobs *recovery, recovery_row_fn *fn, void *context);
#endif
