/* SPDX-License-Identifier: MIT */
/*
 * One execution of one flow: instance row, sandbox, instance finished. Used for runs that are
 * triggered from outside (run.c) and for child flows (child.c).
 */
#ifndef FLOW_EXECUTE_H
#define FLOW_EXECUTE_H
#include "capability/execution.h"
#include "flow/flow.h"
#include "flow/registry.h"
#include "flow/running.h"

struct service {
    struct workspace *workspace;
    struct store *store;
    struct transfer *transfer;
    struct otlp *otlp; /* NULL: no traces are exported */
    struct registry registry;
    struct environment environment;
    struct running running;
    pthread_mutex_t taking_in; /* held by whoever changes the registry */
    struct customisations *customisations;
    struct activation_table *activations;
    struct timetable *timetable;
    struct scheduler *scheduler; /* NULL: none works in this process */
    bool tells_ends; /* each execution that ends gets a line in the log */
    struct run_observer observer; /* ended NULL: nobody */
};

/* What an execution begins with; everything is borrowed until execute returns. */
struct execution_start {
    const struct flow *flow;
    struct execution *caller; /* NULL: triggered from outside */
    const char *trigger, *invoked_by;
    const struct named_value *parameters;
    size_t parameter_count;
    const void *input;
    size_t input_size;
    const struct remote_file *attachment;
    const struct run_watch *watch;
    int64_t deadline_ms; /* this and the next two as in run_request */
    const enum tracing *tracing;
    const char *resubmits;
    const char *resumes;   /* id of the unfinished instance that goes on here; NULL: a new one */
    int64_t started_ms;    /* of resumes */
    bool is_replay;        /* resumes, but only as far as its journal answers; nothing is recorded */
    const char *traceparent, *tracestate; /* as in run_request; of no matter below a caller */
};

/* How it ended; the rest (answer, fault, files) is in the execution. Suspended: INSTANCE_IN_PROGRESS, and
 * execution->stop_detail says why; it is resumed later. */
struct execution_end {
    enum instance_state state;
    int exit_status; /* 0, 1 or 3 */
    struct sandbox_result sandbox;
    int64_t duration_ms;
    bool has_run; /* the guest ran to its end, whether that could be recorded or not */
};

/*
 * Runs start to its end. execution must be released by the caller with execution_release, whatever is
 * returned. false: it could not begin, or its end could not be recorded (the store failed) and a journal lets it
 * or its caller go on later. Without one, what it did stands, recorded or not.
 */
MUST_USE bool execute(struct service *service, const struct execution_start *start,
                      struct execution *execution, struct execution_end *end, struct error *err);

/* Fills what a caller of service_run is told; outcome is set whole. */
void execution_outcome(struct run_outcome *outcome, const struct execution *execution,
                       const struct execution_end *end);

/* The body a caller gets: the guest's own answer, or the fault shape when there is none.
 * Gives the HTTP status. */
int execution_answer(const struct execution *execution, const struct execution_end *end,
                     struct buf *body, const char **content_type);

/* environment.call_flow */
call_flow_fn child_call;
#endif
