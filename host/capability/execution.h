/* SPDX-License-Identifier: MIT */
/*
 * One execution as the imports see it: what it may do, what it was given, what it holds, what it
 * has answered. Built by the flow layer, used by one thread, released by execution_release.
 */
#ifndef CAPABILITY_EXECUTION_H
#define CAPABILITY_EXECUTION_H
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/trace.h"
#include "capability/handle.h"
#include "capability/log.h"
#include "capability/manifest.h"
#include "capability/opened.h"
#include "capability/wasi.h"
#include "engine/sandbox.h"
#include "store/store.h"
#include "transfer/otlp.h"
#include "transfer/transfer.h"
#include "workspace/workspace.h"

struct execution;
struct filter_cache;
struct filter_set;
struct journal;

/* Runs a flow for flow.call and fills response; implemented by the flow layer. */
typedef bool call_flow_fn(struct execution *caller, const struct connection *connection,
                          const char *flow, const void *body, size_t body_size,
                          const struct remote_file *attachment, struct http_response *response,
                          struct error *err);

/* What all executions of a process share. Immutable. */
struct environment {
    struct workspace *workspace;
    struct store *store;
    struct transfer *transfer;
    struct otlp *otlp; /* NULL: no traces are exported */
    struct filter_cache *filters; /* the modules of customisations; NULL: there can be none */
    call_flow_fn *call_flow;
    void *flows; /* of the flow layer */
};

struct run_watch;

/* The newest import that failed, as flow.fault tells it. */
struct last_failure {
    bool is_set;
    struct error error;
    char import[32];
    char connection[128];
};

struct file_counts {
    uint64_t found, transferred, not_transferred, postponed;
};

struct named_value {
    const char *name, *value;
};

struct execution {
    struct wasi_host wasi; /* first: what its guest's WASI calls find */
    const struct environment *environment;
    const struct manifest *manifest;
    struct execution *caller; /* whose flow.call this is; NULL */
    unsigned depth;           /* 0 for the outermost */
    struct guest *guest;      /* set while an import runs */
    struct filter_set *filters; /* the customisations that it began with; held; NULL: none */
    struct snapshot *snapshot; /* what names mean from its beginning to its end; held */
    atomic_bool is_stopped;    /* somebody asked it to stop */

    char instance[INSTANCE_ID_SIZE];
    struct trace trace;                  /* where it belongs; span is its own */
    char parent_span[TRACE_SPAN_SIZE];   /* "": none */
    const char *trace_state;             /* passed on; in the arena, or the caller's */
    char call_span[TRACE_SPAN_SIZE];     /* of the import that runs, or its own */
    char traceparent[TRACE_PARENT_SIZE]; /* what peers are told now: trace and call_span */
    uint64_t call_count;                 /* of imports that have spans */
    int64_t started_wall_ns, started_ns; /* wall and monotonic clock */
    const char *trigger, *invoked_by;
    enum tracing tracing;     /* how much is recorded */
    int64_t started_ms;       /* wall clock */
    int64_t wall_deadline_ms; /* monotonic */
    const struct named_value *parameters;
    size_t parameter_count;
    const void *input;
    size_t input_size;
    size_t input_read; /* how far stdin was read */
    const struct remote_file *attachment; /* borrowed; NULL: none */
    const struct run_watch *watch;

    struct arena arena;   /* lives as long as the execution */
    struct arena scratch; /* cleared after each import */
    struct handle_table handles;
    struct opened opened;
    struct journal *journal; /* NULL: not journaled; see journal.h */
    bool is_replay;          /* runs on its journal alone, and leaves no trace */
    int64_t call_number;     /* of the caller's call that this execution answers */
    enum fault stop;         /* why it cannot go on; FAULT_NONE: it can */
    char stop_detail[ERROR_MESSAGE_SIZE];
    struct last_failure failure;
    struct file_counts files;
    uint64_t bytes; /* that its calls moved, those of called flows included */
    uint64_t mails;
    struct line_log log; /* what the guest writes */

    int response_status; /* 0: nothing answered */
    char response_type[128];
    struct buf response;
    bool has_fault; /* flow.fail was called */
    char fault_code[64];
    char fault_title[256];
    struct buf fault_detail;
};

#define EXECUTION_ARENA_MAX (16u << 20)
#define EXECUTION_RESPONSE_MAX (8u << 20)
#define EXECUTION_DETAIL_MAX (64u << 10)

/* Prepares the parts that execution_release undoes. The descriptive members and the snapshot (held for
 * it) are the caller's to set. */
void execution_init(struct execution *execution, const struct environment *environment,
                    const struct manifest *manifest);
void execution_release(struct execution *execution);
/* The run that it is part of: itself, or what called it by flow.call, however far up. */
static inline const struct execution *execution_root(const struct execution *execution)
{
    while (execution->caller)
        execution = execution->caller;
    return execution;
}

/* Writes the line that the guest left without a newline to the activity stream. */
void execution_flush_line(struct execution *execution);

/* Sets the fault that ends the execution, unless the guest already set one. */
void execution_fault(struct execution *execution, const char *code, const char *title,
                     const char *detail);
#endif
