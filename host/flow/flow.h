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

size_t service_flow_count(const struct service *service);
/* Manifest and digest of the index-th flow, ordered by identifier, versions of one flow from the
 * oldest. Borrowed. */
const struct manifest *service_manifest(const struct service *service, size_t index);
const char *service_digest(const struct service *service, size_t index);
/* Index of the flow with that identifier, alias or folder name, alone (then the newest version) or as
 * "NAME|VERSION"; ERROR_NOT_FOUND names the nearest, or the versions there are. */
MUST_USE bool service_find(const struct service *service, const char *name, size_t *index,
                           struct error *err);
/* Whether the index-th flow answers at its address. */
bool service_is_active(const struct service *service, size_t index);

#define FLOW_PARAMETER_SIZE_MAX 1024u /* bytes of one value */

struct run_parameter {
    const char *name, *value;
};

struct run_request {
    size_t flow; /* index */
    const char *trigger, *invoked_by; /* "manual", user name */
    const struct run_parameter *parameters;
    size_t parameter_count;
    const void *body; /* the message; NULL: none */
    size_t body_size;
    const char *attachment; /* path of a local file; NULL: none */
    const struct run_watch *watch; /* NULL: nobody watches */
    const char *resubmits; /* full id of the failed instance that is done again; NULL: none. May be
                              refused as store_instance_start says; then nothing ran */
};

struct run_outcome {
    char instance[INSTANCE_ID_SIZE];
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

/*
 * Runs a flow to its end. true: outcome tells how it went. false: it did not begin (an unknown,
 * missing, repeated or malformed parameter, a message or file that the flow does not take:
 * ERROR_INVALID or ERROR_LIMIT; another run of the flow is going on: ERROR_EXISTS; the store
 * failed), or it ended and the store could not record that. A message larger than the manifest's input_bytes is an outcome
 * with status 413; what a message must hold is the guest's to judge.
 */
MUST_USE bool service_run(struct service *service, const struct run_request *request,
                          struct run_outcome *outcome, struct error *err);

/*
 * Goes on with what processes left unfinished when they ended, whichever flow it is: for a server that
 * starts. (A scheduled flow's runs do so by themselves, for that flow.) One instance after the other;
 * goes_on (NULL: always) is asked before each. What cannot go on now, or is taken by another process, stays
 * as it is. False: the store failed.
 */
MUST_USE bool service_resume(struct service *service, bool (*goes_on)(void *context), void *context,
                             struct error *err);
#endif
