/* SPDX-License-Identifier: MIT */
/*
 * The service of one workspace: its flows, connections, store, and the way one execution takes
 * (trigger -> instance -> sandbox -> answer). The only struct that knows all layers below.
 */
#ifndef FLOW_FLOW_H
#define FLOW_FLOW_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "capability/manifest.h"
#include "capability/watch.h"
#include "store/store.h"
#include "transfer/transfer.h"
#include "workspace/workspace.h"

struct service;

/* Opens store and transfer in the workspace's state folder and reads every module of its functions
 * folder. Takes ownership of workspace (also on failure). */
MUST_USE bool service_open(struct service **out, struct workspace *workspace, struct error *err);
void service_close(struct service *service); /* NULL is fine; no run may be going on */

struct workspace *service_workspace(const struct service *service);
struct store *service_store(const struct service *service);
struct transfer *service_transfer(const struct service *service);

/* Each execution that ends gets a line in the log from here on. Before other threads run. */
void service_tell_ends(struct service *service);

/* What a process does before it is frozen: what executions left behind is written, and sent to the trace
 * collector, and nothing works on. Waits for wait_ms, about. False: something is left. */
bool service_rest(struct service *service, int64_t wait_ms);

size_t service_flow_count(const struct service *service);
/* Manifest and digest of the index-th flow, ordered by identifier, versions of one flow from the
 * oldest. Borrowed. */
const struct manifest *service_manifest(const struct service *service, size_t index);
const char *service_digest(const struct service *service, size_t index);
/* Name of its module's file, without folder and ".wasm", path of that file, and of what is compiled from it. */
const char *service_module_name(const struct service *service, size_t index);
const char *service_module_path(const struct service *service, size_t index);
const char *service_library(const struct service *service, size_t index);
/* Index of the flow with that identifier, alias or folder name, alone (then the newest version) or as
 * "NAME|VERSION"; ERROR_NOT_FOUND names the nearest, or the versions there are. */
MUST_USE bool service_find(const struct service *service, const char *name, size_t *index,
                           struct error *err);
/* Whether the index-th flow may run now; see activation.h. Costs a few loads from memory. */
bool service_is_active(const struct service *service, size_t index);

/* Who changes something: a user or client and the address of the peer, "" on this machine. */
struct actor {
    const char *name, *address;
};

/* A customisation that is in force, borrowed during the call. */
struct service_customisation {
    const char *flow, *name; /* identifier; of its file: "message.10-mask.wasm" */
    const char *path, *digest; /* of that file */
    bool is_mapping;         /* the library is that of the module which applies mappings */
    const char *library;     /* what was compiled; NULL: it cannot be used, and problem says why */
    const char *problem;
};
typedef bool service_customisation_fn(void *context, const struct service_customisation *one,
                                      struct error *err);
/* Opens those of the index-th flow and calls fn with each, until one returns false; so does this, then.
 * The errors of customisation_list_read. */
MUST_USE bool service_customisations(const struct service *service, size_t index,
                                     service_customisation_fn *fn, void *context, struct error *err);

/* Parts that the files of this layer keep with the service. */
struct activation_table *service_activations(const struct service *service);
struct timetable *service_timetable(const struct service *service);
struct scheduler *service_scheduler(const struct service *service); /* NULL: none works here */
void service_set_scheduler(struct service *service, struct scheduler *scheduler);

/* The file of the index-th flow's module, appended to out as it was when it was read. ERROR_REFUSED: it
 * is another one by now. */
MUST_USE bool service_read_module(const struct service *service, size_t index, struct buf *out,
                                  struct error *err);

enum module_put {
    MODULE_ADD,     /* ERROR_EXISTS if that version is there */
    MODULE_REPLACE, /* ERROR_NOT_FOUND if it is not */
};
/*
 * Takes a module into the workspace's own functions folder and into this process: a new flow, a version
 * newer than those there are, or other bytes for a version that is not active. It is verified and
 * compiled first, and not active before somebody activates it. The very bytes that are there are taken
 * without a change. *index: where it stands. ERROR_INVALID: verifier, manifest, a name that means another
 * flow; ERROR_REFUSED: active, older than a version that is there, or the functions folder is not the
 * workspace's own; ERROR_LIMIT. Other processes of the workspace see it when they start. Thread-safe.
 */
MUST_USE bool service_put_module(struct service *service, const struct buf *bytes,
                                 enum module_put how, const struct actor *actor, size_t *index,
                                 struct error *err);

#define FLOW_PARAMETER_SIZE_MAX 1024u /* bytes of one value */

struct run_parameter {
    const char *name, *value;
};

struct run_request {
    size_t flow; /* index */
    const char *trigger, *invoked_by; /* "manual", user name */
    const struct run_parameter *parameters;
    size_t parameter_count;
    bool without_schedule; /* parameters not given are the flow's defaults, not first its schedule's */
    const void *body; /* the message; NULL: none */
    size_t body_size;
    const char *attachment; /* path of a local file; NULL: none */
    struct remote_stream *stream; /* or a file that is still arriving; NULL: none */
    uint64_t stream_size; /* what that must come to, or REMOTE_SIZE_UNKNOWN */
    const struct run_watch *watch; /* NULL: nobody watches */
    int64_t deadline_ms; /* clock_monotonic_ms() by which the caller wants its answer; 0: the flow's
                            own limits alone. Past it the sandbox is stopped: fault wall_deadline */
    const enum tracing *tracing;   /* how much is recorded; NULL: as is set for the flow */
    const char *resubmits; /* full id of the failed instance that is done again; NULL: none. May be
                              refused as store_instance_start says; then nothing ran */
    const char *traceparent, *tracestate; /* W3C Trace Context of whoever asks; NULL: none. What is not
                                             valid begins a new trace */
};

struct run_outcome {
    char instance[INSTANCE_ID_SIZE];
    char trace[33]; /* the id of its trace */
    enum instance_state state;
    int exit_status; /* 0 done, 1 failed, 3 partly done: the process statuses of `sluice run` */
    int response_status; /* 0: the flow answered nothing */
    char response_type[128];
    struct buf response;
    char fault_code[64];
    char fault_title[256];
    struct buf fault_detail;
    uint64_t files_found, files_transferred, files_not_transferred, files_postponed;
    int64_t duration_ms;
};
void run_outcome_release(struct run_outcome *outcome);

/* An execution that was not called by another one and has ended. Borrowed during the call. */
struct run_end {
    const struct manifest *manifest;
    const struct run_outcome *outcome;
    const char *traceparent, *tracestate; /* of the execution; tracestate NULL: none */
    int64_t finished_ms; /* wall clock */
};

/* Who is told of each end, on the execution's thread: ended must not block. One at most; set before
 * other threads run. observer is copied. */
struct run_observer {
    void *context;
    void (*ended)(void *context, const struct run_end *end);
};
void service_observe(struct service *service, const struct run_observer *observer);

/*
 * Runs a flow to its end. true: outcome tells how it went. false: it did not begin (the flow is not
 * active: ERROR_REFUSED; an unknown, missing, repeated or malformed parameter, a message or file that
 * the flow does not take: ERROR_INVALID or ERROR_LIMIT; another run of it is going on: ERROR_EXISTS; the
 * store failed), or it ended and the store could not record that. A message larger than the manifest's
 * input_bytes is an outcome with status 413; what a message must hold is the guest's to judge.
 */
MUST_USE bool service_run(struct service *service, const struct run_request *request,
                          struct run_outcome *outcome, struct error *err);

/* Goes on with what ended processes left unfinished of that flow, each for as long as deadline_ms (as in
 * run_request) lets it; for processes in which nothing else does (recovery.h). Scheduled flows do it
 * themselves before each run. What cannot go on now is a line in the log. */
void service_resume(struct service *service, size_t flow, const struct run_watch *watch,
                    int64_t deadline_ms);
struct resubmission {
    const char *id;      /* may be a prefix, as for store_instance */
    const char *version; /* of the flow, that does it; NULL: the one that the instance was of */
    const char *invoked_by;
    const struct run_watch *watch; /* as in run_request */
    const enum tracing *tracing;
};

/*
 * Does a failed or aborted instance again, as a new one that names it, with the message and the
 * parameters that it had. original_id gets the full id as soon as it is known. Returns as service_run
 * does; ERROR_NOT_FOUND: no such instance; ERROR_REFUSED: the version is not there or not active; what
 * store_instance_start refuses.
 */
MUST_USE bool service_resubmit(struct service *service, const struct resubmission *resubmission,
                               char original_id[static INSTANCE_ID_SIZE],
                               struct run_outcome *outcome, struct error *err);

/* What service_resubmit would refuse, before it reads the message. id: full; version as in struct
 * resubmission. */
MUST_USE bool service_check_resubmission(const struct service *service, const char *id,
                                         const char *version, struct error *err);

/* Asks the execution of that full id to stop, with what it called; it ends as ABORTED soon after, unless
 * it ends by itself before. False: it does not go on in this process. Thread-safe. */
bool service_stop_instance(struct service *service, const char *instance);

/* What service_run would refuse before it begins, except for another run that goes on. */
MUST_USE bool service_check_run(const struct service *service, const struct run_request *request,
                                struct error *err);
#endif
