/* SPDX-License-Identifier: MIT */
/*
 * Runs a durable instance again on its own past: its journal answers every call, no peer is asked and
 * nothing is recorded. With the module that it ran with, to look at what happened; with another one, to
 * see where that would have asked for something else.
 */
#ifndef FLOW_REPLAY_H
#define FLOW_REPLAY_H
#include "flow/flow.h"

#define REPLAY_DIFFERENCE_SIZE ERROR_MESSAGE_SIZE

struct replay_report {
    char instance[INSTANCE_ID_SIZE];
    size_t calls, answered; /* in the journal; asked for again */
    bool is_finished;       /* the instance has ended; else its journal ends where its process did */
    bool is_same;           /* every call was asked for again, in order, and it ended the same way: state,
                             * exit status, fault, status and text of the answer, last report of each file */
    bool is_answer_unknown; /* the text of its answer was not kept (tracing other than debug) */
    char difference[REPLAY_DIFFERENCE_SIZE]; /* the first one; "" if is_same */
    struct run_outcome outcome; /* of the replay; the caller calls run_outcome_release */
};

/*
 * id: an instance of a durable flow, whole or its beginning. module: path of the .wasm to try; NULL: the
 * one it ran with. watch sees what the guest writes. ERROR_NOT_FOUND: no such instance, or the module is
 * not kept any more; ERROR_UNSUPPORTED: it has no journal; ERROR_INVALID: the module; ERROR_BROKEN: a record
 * of the journal is damaged or cannot be read, so that it cannot be told whether it is the same.
 */
MUST_USE bool service_replay(struct service *service, const char *id, const char *module,
                             const struct run_watch *watch, struct replay_report *report,
                             struct error *err);
#endif
