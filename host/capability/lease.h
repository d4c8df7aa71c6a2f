/* SPDX-License-Identifier: MIT */
/*
 * Runs of flows that move files never overlap, whichever flows they are: a clone beside its original, or a
 * second flow over the same folder. One run of a flow at a time is flow/run_lock.h's; this is for the files.
 */
#ifndef CAPABILITY_LEASE_H
#define CAPABILITY_LEASE_H
#include "capability/call.h"

/* Before a listing (connection, folder, prefix) of a journaled execution that is started by a schedule or by
 * hand: from now on until the run has ended these files are its own, and what others delivered and could not
 * mark is known. Nothing of it for other executions. False: call->error is set: ERROR_EXISTS, another run is
 * at work on them, named with its flow; ERROR_LIMIT, no memory; or the execution was suspended. */
MUST_USE bool lease_take(struct call *call);
#endif
