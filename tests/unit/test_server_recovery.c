/* SPDX-License-Identifier: MIT */
/* Resubmissions in the background over a stand-in for the flow layer: limits, counts, the end. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "check.h"
#include "server/api_recovery.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int begun, admitted; /* resubmissions that began, and that may end */
static atomic_bool stops;

/* "good" completes, "bad" fails, others are refused; each waits until it may. */
bool service_resubmit(struct service *service, const struct resubmission *resubmission,
                      char original[static INSTANCE_ID_SIZE], struct run_outcome *outcome,
                      struct error *err)
{
    (void)service;
    const char *id = resubmission->id;
    const struct run_watch *watch = resubmission->watch;
    CHECK_EQ_TEXT(resubmission->invoked_by, "somebody");
    CHECK_EQ_TEXT(resubmission->version, "1.23");
    CHECK(resubmission->tracing && *resubmission->tracing == TRACING_AUDIT);
    *outcome = (struct run_outcome){.state = strcmp(id, "good") == 0 ? INSTANCE_COMPLETED
                                                                     : INSTANCE_FAILED};
    snprintf(original, INSTANCE_ID_SIZE, "%s", id);
    pthread_mutex_lock(&mutex);
    int turn = begun++;
    pthread_cond_broadcast(&changed);
    while (turn >= admitted && !watch->should_stop(watch->context))
        pthread_cond_wait(&changed, &mutex);
    pthread_mutex_unlock(&mutex);
    return strcmp(id, "good") == 0 || strcmp(id, "bad") == 0 ||
           error_set(err, ERROR_REFUSED, "not again");
}

void run_outcome_release(struct run_outcome *outcome)
{
    (void)outcome;
}

static bool should_stop(void *context)
{
    (void)context;
    return atomic_load(&stops);
}

static void await_begun(int count)
{
    pthread_mutex_lock(&mutex);
    while (begun < count)
        pthread_cond_wait(&changed, &mutex);
    pthread_mutex_unlock(&mutex);
}

static void admit(int count)
{
    pthread_mutex_lock(&mutex);
    admitted = count;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&mutex);
}

static struct recovery_jobs *start(void)
{
    struct recovery_jobs *recovery = NULL;
    struct error err = {0};
    const struct recovery_jobs_options options = {.should_stop = should_stop};
    begun = admitted = 0;
    atomic_store(&stops, false);
    CHECK_OK(recovery_jobs_open(&recovery, &options, &err), &err);
    return recovery;
}

static bool submit_all(struct recovery_jobs *recovery, char (*ids)[INSTANCE_ID_SIZE], size_t count,
                       char job[static INSTANCE_ID_SIZE], struct error *err)
{
    const enum tracing tracing = TRACING_AUDIT;
    const struct recovery_request request = {
        .ids = ids, .count = count, .user = "somebody", .version = "1.23", .tracing = &tracing};
    return recovery_jobs_submit(recovery, &request, job, err);
}

static bool submit(struct recovery_jobs *recovery, const char *id, size_t count, struct error *err)
{
    static char ids[RECOVERY_IDS_MAX + 1][INSTANCE_ID_SIZE];
    char job[INSTANCE_ID_SIZE] = "";
    for (size_t i = 0; i < count; i++)
        snprintf(ids[i], sizeof ids[i], "%s", id);
    bool ok = submit_all(recovery, ids, count, job, err);
    CHECK(!ok || strlen(job) == INSTANCE_ID_SIZE - 1);
    return ok;
}

struct seen {
    size_t jobs;
    struct recovery_row newest;
    char state[16];
};

static bool see(void *context, const struct recovery_row *row)
{
    struct seen *seen = context;
    if (seen->jobs++ > 0)
        return true;
    seen->newest = *row;
    snprintf(seen->state, sizeof seen->state, "%s", row->state);
    return true;
}

static struct seen look(struct recovery_jobs *recovery)
{
    struct seen seen = {.jobs = 0};
    recovery_jobs_list(recovery, see, &seen);
    return seen;
}

static void results_are_counted(void)
{
    struct recovery_jobs *recovery = start();
    struct error err = {0};
    char ids[4][INSTANCE_ID_SIZE] = {"good", "bad", "other", "good"}, job[INSTANCE_ID_SIZE];
    CHECK_OK(submit_all(recovery, ids, 4, job, &err), &err);
    admit(1);
    await_begun(2); /* the first is over, the second waits */
    struct seen seen = look(recovery);
    CHECK_EQ_TEXT(seen.state, "IN_PROGRESS");
    CHECK_EQ_INT(seen.newest.completed, 1);
    CHECK_EQ_INT(recovery_jobs_busy(recovery), 1);
    admit(4);
    while (recovery_jobs_busy(recovery) > 0)
        sched_yield();
    seen = look(recovery);
    CHECK_EQ_TEXT(seen.state, "COMPLETED");
    CHECK_EQ_INT(seen.newest.total, 4);
    CHECK_EQ_INT(seen.newest.completed, 2);
    CHECK_EQ_INT(seen.newest.failed, 1);
    CHECK_EQ_INT(seen.newest.refused, 1);
    CHECK(seen.newest.finished_ms >= seen.newest.created_ms);
    recovery_jobs_close(recovery);
}

static void waiting_jobs_are_limited(void)
{
    struct recovery_jobs *recovery = start();
    struct error err = {0};
    for (int i = 0; i < RECOVERY_THREADS; i++)
        CHECK_OK(submit(recovery, "good", 1, &err), &err);
    await_begun(RECOVERY_THREADS);
    for (int i = 0; i < RECOVERY_WAITING_MAX; i++)
        CHECK_OK(submit(recovery, "good", 1, &err), &err);
    CHECK_FAILS(submit(recovery, "good", 1, &err), &err, ERROR_LIMIT);
    CHECK_CONTAINS(err.message, "16 recovery jobs wait");
    CHECK_EQ_INT(look(recovery).jobs, RECOVERY_THREADS + RECOVERY_WAITING_MAX);
    CHECK_EQ_TEXT(look(recovery).state, "WAITING");
    admit(RECOVERY_THREADS + RECOVERY_WAITING_MAX);
    recovery_jobs_close(recovery);
}

static void a_job_has_a_size(void)
{
    struct recovery_jobs *recovery = start();
    struct error err = {0};
    admit(RECOVERY_IDS_MAX);
    CHECK_OK(submit(recovery, "good", RECOVERY_IDS_MAX, &err), &err);
    CHECK_FAILS(submit(recovery, "good", RECOVERY_IDS_MAX + 1, &err), &err, ERROR_LIMIT);
    recovery_jobs_close(recovery);
}

static void old_jobs_are_forgotten(void)
{
    struct recovery_jobs *recovery = start();
    struct error err = {0};
    for (int i = 1; i <= RECOVERY_KEPT_MAX + 1; i++) {
        CHECK_OK(submit(recovery, "good", 0, &err), &err);
        while (recovery_jobs_busy(recovery) > 0)
            sched_yield();
        CHECK_EQ_INT(look(recovery).jobs, i < RECOVERY_KEPT_MAX ? i : RECOVERY_KEPT_MAX);
    }
    recovery_jobs_close(recovery);
}

/* What runs is asked to stop, what has not begun is left out. */
static void the_end_does_not_wait_for_the_queue(void)
{
    struct recovery_jobs *recovery = start();
    struct error err = {0};
    for (int i = 0; i < RECOVERY_THREADS + 1; i++)
        CHECK_OK(submit(recovery, "good", 3, &err), &err);
    await_begun(RECOVERY_THREADS);
    atomic_store(&stops, true);
    admit(0); /* wakes them */
    while (recovery_jobs_busy(recovery) > 0)
        sched_yield();
    CHECK_EQ_INT(begun, RECOVERY_THREADS);
    CHECK_EQ_TEXT(look(recovery).state, "ABORTED");
    recovery_jobs_close(recovery);
    recovery_jobs_close(NULL);
}

CHECK_MAIN(TEST(results_are_counted), TEST(waiting_jobs_are_limited), TEST(a_job_has_a_size),
           TEST(old_jobs_are_forgotten), TEST(the_end_does_not_wait_for_the_queue))
