/* SPDX-License-Identifier: MIT */
/* Goes on with what processes left unfinished when they ended, and runs the past again. */
#ifndef FLOW_RESUME_H
#define FLOW_RESUME_H
#include "flow/execute.h"

/* What an instance began with, as the store tells it. */
struct resume_input {
    char id[INSTANCE_ID_SIZE], digest[80], flow[MANIFEST_NAME_SIZE_MAX + 1];
    char trigger[32], invoked_by[128], parent[INSTANCE_ID_SIZE];
    int64_t started_ms;
    int64_t deadline_ms; /* as in run_request, of what resumes it; 0 once read */
    bool is_finished;
    struct buf parameters; /* JSON object */
    struct buf input;
};
MUST_USE bool resume_input_read(struct resume_input *out, struct service *service, const char *id,
                                struct error *err);
void resume_input_release(struct resume_input *input); /* a zeroed one is fine */

/* Runs the instance of input with flow's module, to its end or as far as can be; execution is released
 * by the caller whatever is returned. is_replay: nothing but its journal is asked. */
MUST_USE bool resume_run(struct service *service, const struct flow *flow,
                         const struct resume_input *input, bool is_replay,
                         const struct run_watch *watch, struct execution *execution,
                         struct execution_end *end, struct error *err);

/*
 * Resumes every unfinished instance of the flow with that identifier. False: one of them cannot go on
 * now (ERROR_UNAVAILABLE names it and why), or the store failed. An instance that never can (its module
 * is lost) is ended with the fault that says so, and with it what it called. For a flow of which one run
 * at a time goes on, the caller holds its lock.
 */
MUST_USE bool resume_flow(struct service *service, const char *identifier,
                          const struct run_watch *watch, int64_t deadline_ms, struct error *err);

/* The same for all flows, where no run of the flow goes on. What cannot go on now is a line in the log.
 * *left: how many. */
MUST_USE bool resume_all(struct service *service, const struct run_watch *watch, size_t *left,
                         struct error *err);
#endif
