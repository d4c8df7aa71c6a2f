/* SPDX-License-Identifier: MIT */
/* Jobs in a list, newest first, worked off through a queue; see api_recovery.h. */
#include "server/api_recovery.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/log.h"
#include "engine/sandbox.h"
#include "server/work_queue.h"

enum job_state { JOB_WAITING, JOB_RUNNING, JOB_DONE, JOB_CUT };

struct job {
    struct job *next;
    struct recovery_jobs *recovery;
    char id[INSTANCE_ID_SIZE], user[RECOVERY_USER_SIZE];
    char version[RECOVERY_VERSION_SIZE]; /* "": that of each instance */
    enum job_state state;
    bool is_traced;
    enum tracing tracing; /* if so: at that level */
    int64_t created_ms, finished_ms;
    size_t total, completed, failed, refused;
    char (*ids)[INSTANCE_ID_SIZE];
};

struct recovery_jobs {
    struct recovery_jobs_options options;
    struct work_queue *queue;
    pthread_mutex_t mutex; /* the list and what its jobs say */
    struct job *jobs;
    size_t count;
    atomic_size_t busy;
    atomic_bool is_closing;
};

static void job_free(struct job *job)
{
    free(job->ids);
    free(job);
}

/* ---- on a thread of the queue ---- */

static bool should_stop(void *context)
{
    const struct recovery_jobs *recovery = context;
    return recovery->options.should_stop &&
           recovery->options.should_stop(recovery->options.context);
}

static void resubmit(struct job *job, const char *id)
{
    struct recovery_jobs *recovery = job->recovery;
    const struct run_watch watch = {.context = recovery, .should_stop = should_stop};
    char original[INSTANCE_ID_SIZE];
    struct run_outcome outcome;
    struct error err = {0};
    const struct resubmission resubmission = {
        .id = id,
        .version = job->version[0] ? job->version : NULL,
        .invoked_by = job->user,
        .watch = &watch,
        .tracing = job->is_traced ? &job->tracing : NULL,
    };
    bool ran = service_resubmit(recovery->options.service, &resubmission, original, &outcome, &err);
    if (!ran)
        log_line(LOG_WARNING, id, "not resubmitted: %s", err.message);
    pthread_mutex_lock(&recovery->mutex);
    job->refused += !ran;
    job->completed += ran && outcome.state == INSTANCE_COMPLETED;
    job->failed += ran && outcome.state != INSTANCE_COMPLETED;
    pthread_mutex_unlock(&recovery->mutex);
    run_outcome_release(&outcome);
}

static void set_state(struct job *job, enum job_state state, int64_t finished_ms)
{
    pthread_mutex_lock(&job->recovery->mutex);
    job->state = state;
    job->finished_ms = finished_ms;
    pthread_mutex_unlock(&job->recovery->mutex);
}

static void run_job(void *context, void *item)
{
    struct recovery_jobs *recovery = context;
    struct job *job = item;
    size_t done = 0;
    set_state(job, JOB_RUNNING, 0);
    while (done < job->total && !atomic_load(&recovery->is_closing) && !should_stop(recovery))
        resubmit(job, job->ids[done++]);
    if (done < job->total)
        log_line(LOG_WARNING, NULL, "recovery job %s: %zu of %zu instances were not begun", job->id,
                 job->total - done, job->total);
    set_state(job, done < job->total ? JOB_CUT : JOB_DONE, clock_wall_ms());
    atomic_fetch_sub(&recovery->busy, 1);
}

/* ---- life ---- */

bool recovery_jobs_open(struct recovery_jobs **out, const struct recovery_jobs_options *options, struct error *err)
{
    struct recovery_jobs *recovery = calloc(1, sizeof *recovery);
    if (!recovery)
        return error_set(err, ERROR_LIMIT, "out of memory");
    recovery->options = *options;
    pthread_mutex_init(&recovery->mutex, NULL);
    const struct work_queue_options queue = {
        .thread_count = RECOVERY_THREADS,
        .waiting_max = RECOVERY_WAITING_MAX,
        .run = run_job,
        .thread_end = sandbox_thread_release,
        .context = recovery,
    };
    if (!work_queue_open(&recovery->queue, &queue, err)) {
        recovery_jobs_close(recovery);
        return false;
    }
    *out = recovery;
    return true;
}

void recovery_jobs_close(struct recovery_jobs *recovery)
{
    if (!recovery)
        return;
    atomic_store(&recovery->is_closing, true);
    work_queue_close(recovery->queue);
    for (struct job *job = recovery->jobs, *next; job; job = next) {
        next = job->next;
        job_free(job);
    }
    pthread_mutex_destroy(&recovery->mutex);
    free(recovery);
}

size_t recovery_jobs_busy(struct recovery_jobs *recovery)
{
    return recovery ? atomic_load(&recovery->busy) : 0;
}

/* ---- submitting ---- */

static bool make_id(char id[static INSTANCE_ID_SIZE], struct error *err)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char random[(INSTANCE_ID_SIZE - 1) / 2];
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        return error_errno(err, ERROR_INTERNAL, errno, "no randomness for a job's id");
    for (size_t i = 0; i < sizeof random; i++) {
        id[2 * i] = digits[random[i] >> 4];
        id[2 * i + 1] = digits[random[i] & 15];
    }
    id[2 * sizeof random] = '\0';
    return true;
}

static struct job *job_new(struct recovery_jobs *recovery, const struct recovery_request *request,
                           struct error *err)
{
    struct job *job = calloc(1, sizeof *job);
    if (job)
        job->ids = calloc(request->count + 1, sizeof *job->ids);
    if (!job || !job->ids) {
        free(job);
        error_set(err, ERROR_LIMIT, "out of memory");
        return NULL;
    }
    job->recovery = recovery;
    job->total = request->count;
    job->created_ms = clock_wall_ms();
    memcpy(job->ids, request->ids, request->count * sizeof *request->ids);
    snprintf(job->user, sizeof job->user, "%s", request->user);
    snprintf(job->version, sizeof job->version, "%s", request->version ? request->version : "");
    job->is_traced = request->tracing != NULL;
    if (job->is_traced)
        job->tracing = *request->tracing;
    return job;
}

/* Forgets the oldest one that is over. The caller holds the mutex. */
static void forget_one(struct recovery_jobs *recovery)
{
    struct job **oldest = NULL;
    for (struct job **link = &recovery->jobs; *link; link = &(*link)->next)
        if ((*link)->finished_ms)
            oldest = link;
    if (!oldest)
        return;
    struct job *job = *oldest;
    *oldest = job->next;
    recovery->count--;
    job_free(job);
}

static bool enlist(struct recovery_jobs *recovery, struct job *job, struct error *err)
{
    atomic_fetch_add(&recovery->busy, 1);
    if (!work_queue_submit(recovery->queue, job)) {
        atomic_fetch_sub(&recovery->busy, 1);
        return error_set(err, ERROR_LIMIT, "%d recovery jobs wait already; try again later",
                         RECOVERY_WAITING_MAX);
    }
    job->next = recovery->jobs;
    recovery->jobs = job;
    if (++recovery->count > RECOVERY_KEPT_MAX)
        forget_one(recovery);
    return true;
}

bool recovery_jobs_submit(struct recovery_jobs *recovery, const struct recovery_request *request,
                     char id[static INSTANCE_ID_SIZE], struct error *err)
{
    if (request->count > RECOVERY_IDS_MAX)
        return error_set(err, ERROR_LIMIT, "%zu instances: one job takes at most %d",
                         request->count, RECOVERY_IDS_MAX);
    struct job *job = job_new(recovery, request, err);
    if (!job || !make_id(job->id, err)) {
        if (job)
            job_free(job);
        return false;
    }
    memcpy(id, job->id, INSTANCE_ID_SIZE);
    /* Under the mutex: the job may be over, but not forgotten, before it is in the list. */
    pthread_mutex_lock(&recovery->mutex);
    bool ok = enlist(recovery, job, err);
    pthread_mutex_unlock(&recovery->mutex);
    if (!ok)
        job_free(job);
    return ok;
}

void recovery_jobs_list(struct recovery_jobs *recovery, recovery_row_fn *fn, void *context)
{
    static const char *const states[] = {[JOB_WAITING] = "WAITING", [JOB_RUNNING] = "IN_PROGRESS",
                                         [JOB_DONE] = "COMPLETED", [JOB_CUT] = "ABORTED"};
    bool go_on = true;
    pthread_mutex_lock(&recovery->mutex);
    for (const struct job *job = recovery->jobs; job && go_on; job = job->next) {
        const struct recovery_row row = {
            .id = job->id, .user = job->user, .state = states[job->state],
            .created_ms = job->created_ms, .finished_ms = job->finished_ms, .total = job->total,
            .completed = job->completed, .failed = job->failed, .refused = job->refused,
        };
        go_on = fn(context, &row);
    }
    pthread_mutex_unlock(&recovery->mutex);
}
