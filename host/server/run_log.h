/* SPDX-License-Identifier: MIT */
/*
 * A run on its way as lines of the log, under its instance's id, beside the one that tells each end
 * (service_tell_ends): where a platform keeps the log and nothing else, this is what remains of a run.
 * On the run's thread.
 */
#ifndef SERVER_RUN_LOG_H
#define SERVER_RUN_LOG_H
#include "flow/flow.h"

struct run_log {
    char instance[INSTANCE_ID_SIZE]; /* of the run itself, not of what it calls; "" before it starts */
    const char *call; /* the platform's id of the call, or NULL */
    bool (*should_stop)(void *context); /* may be NULL */
    void *context;
};

/* Callbacks with log as context; log must outlive the run. */
struct run_watch run_log_watch(struct run_log *log);
#endif
