/* SPDX-License-Identifier: MIT */
/* One run that the scheduler begins, because it is due or because somebody asked for it. */
#ifndef FLOW_SCHEDULER_JOB_H
#define FLOW_SCHEDULER_JOB_H
#include <stdatomic.h>

#include "flow/flow.h"

struct job;

/* For a due time that this process has claimed. NULL: out of memory. */
struct job *job_due(size_t flow, int64_t due_ms);
/* For actor, with copies of parameters. NULL: out of memory. */
struct job *job_asked(size_t flow, const struct run_parameter *parameters, size_t count,
                      const struct actor *actor);

/* Runs it to its end and records what became of it; asks it to stop once *is_cancelled. Frees job. */
void job_run(struct service *service, struct job *job, const atomic_bool *is_cancelled);
/* Instead of job_run: it does not begin. A claimed time is due again. */
void job_drop(struct service *service, struct job *job);
void job_free(struct job *job); /* NULL is fine */
#endif
