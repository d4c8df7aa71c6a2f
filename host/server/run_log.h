/* SPDX-License-Identifier: MIT */
/*
 * A run as lines of the log, under its instance's id: where a platform keeps the log and nothing
 * else, this is what remains of a run. On the run's thread.
 */
#ifndef SERVER_RUN_LOG_H
#define SERVER_RUN_LOG_H
#include "flow/flow.h"

struct run_log {
    char instance[INSTANCE_ID_SIZE]; /* of the run itself, not of what it calls; "" before it starts */
    bool (*should_stop)(void *context); /* may be NULL */
    void *context;
};

/* Callbacks with log as context; log must outlive the run. */
struct run_watch run_log_watch(struct run_log *log);
/* The line that tells the end: info, or warning unless all was done. */
void run_log_end(const struct manifest *manifest, const struct run_outcome *outcome);
#endif
