/* SPDX-License-Identifier: MIT */
/* A run and the record of its due time; see scheduler_job.h. */
#include "flow/scheduler_job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "store/store_schedule.h"

#define JOB_SIZE_MAX (1u << 20)

struct job {
    size_t flow;
    int64_t due_ms; /* 0: asked for */
    struct run_parameter *parameters;
    size_t parameter_count;
    const char *invoked_by; /* NULL: the schedule */
    struct arena arena;     /* of all that it points to */
};

/* ---- life -------------------------------------------------------------------------------------- */

struct job *job_due(size_t flow, int64_t due_ms)
{
    struct job *job = calloc(1, sizeof *job);
    if (!job)
        return NULL;
    *job = (struct job){.flow = flow, .due_ms = due_ms};
    arena_init(&job->arena, JOB_SIZE_MAX);
    return job;
}

void job_free(struct job *job)
{
    if (job)
        arena_clear(&job->arena);
    free(job);
}

static bool fill(struct job *job, const struct run_parameter *parameters, size_t count,
                 const struct actor *actor)
{
    job->invoked_by = arena_copy(&job->arena, actor->name, strlen(actor->name));
    job->parameters = arena_alloc(&job->arena, (count + 1) * sizeof *job->parameters);
    for (size_t i = 0; job->parameters && i < count; i++) {
        const char *name = parameters[i].name, *value = parameters[i].value;
        job->parameters[i].name = arena_copy(&job->arena, name, strlen(name));
        job->parameters[i].value = arena_copy(&job->arena, value, strlen(value));
        if (!job->parameters[i].name || !job->parameters[i].value)
            return false;
    }
    job->parameter_count = count;
    return job->invoked_by && job->parameters;
}

struct job *job_asked(size_t flow, const struct run_parameter *parameters, size_t count,
                      const struct actor *actor)
{
    struct job *job = job_due(flow, 0);
    if (job && fill(job, parameters, count, actor))
        return job;
    job_free(job);
    return NULL;
}

/* ---- the run ----------------------------------------------------------------------------------- */

struct progress {
    struct service *service;
    const struct job *job;
    const char *identifier;
    const atomic_bool *is_cancelled;
};

/* Does nothing for a run that was asked for: its instance says all. */
static void record(const struct progress *progress, const char *outcome, const char *reason,
                   const char *instance)
{
    struct error err = {0};
    const struct schedule_run run = {.flow = progress->identifier, .due_ms = progress->job->due_ms,
                                     .outcome = outcome, .reason = reason, .instance = instance,
                                     .at_ms = clock_wall_ms()};
    if (run.due_ms != 0 &&
        !store_set_schedule_run(service_store(progress->service), &run, &err))
        log_line(LOG_ERROR, instance, "schedule of '%s': cannot record '%s': %s", run.flow, outcome,
                 err.message);
}

static void started(void *context, const char *instance, const char *flow)
{
    const struct progress *progress = context;
    if (strcmp(flow, progress->identifier) == 0) /* flows that it calls are told, too */
        record(progress, "running", NULL, instance);
}

static bool should_stop(void *context)
{
    const struct progress *progress = context;
    return atomic_load(progress->is_cancelled);
}

static const char *outcome_name(int exit_status)
{
    return exit_status == 0 ? "completed" : exit_status == 3 ? "partly done" : "failed";
}

/* It did not begin: because another run goes on, or because something is wrong. */
static void refuse(const struct progress *progress, const struct error *err)
{
    bool overlaps = err->kind == ERROR_EXISTS;
    log_line(overlaps ? LOG_WARNING : LOG_ERROR, NULL, "flow '%s' was not started: %s",
             progress->identifier, err->message);
    record(progress, overlaps ? "skipped" : "failed", err->message, NULL);
}

void job_run(struct service *service, struct job *job, const atomic_bool *is_cancelled)
{
    struct progress progress = {.service = service, .job = job, .is_cancelled = is_cancelled,
                                .identifier = service_manifest(service, job->flow)->identifier};
    const struct run_watch watch = {.context = &progress, .started = started,
                                    .should_stop = should_stop};
    const struct run_request request = {
        .flow = job->flow,
        .trigger = job->invoked_by ? "manual" : "schedule",
        .invoked_by = job->invoked_by ? job->invoked_by : "schedule",
        .parameters = job->parameters,
        .parameter_count = job->parameter_count,
        .watch = &watch,
    };
    struct run_outcome outcome = {.exit_status = 1};
    struct error err = {0};
    if (service_run(service, &request, &outcome, &err))
        record(&progress, outcome_name(outcome.exit_status),
               outcome.fault_title[0] ? outcome.fault_title : NULL, outcome.instance);
    else
        refuse(&progress, &err);
    run_outcome_release(&outcome);
    job_free(job);
}

static void release_claim(struct service *service, const char *flow, int64_t due_ms)
{
    struct error err = {0};
    if (!store_release_schedule(service_store(service), flow, due_ms, &err))
        log_line(LOG_ERROR, NULL, "schedule of '%s': a claim stays until this process ends: %s", flow,
                 err.message);
}

void job_drop(struct service *service, struct job *job)
{
    const char *identifier = service_manifest(service, job->flow)->identifier;
    if (job->invoked_by)
        log_line(LOG_WARNING, NULL, "flow '%s' was not started for '%s': stopping", identifier,
                 job->invoked_by);
    else
        release_claim(service, identifier, job->due_ms);
    job_free(job);
}
