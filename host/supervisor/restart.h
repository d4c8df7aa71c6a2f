/* SPDX-License-Identifier: MIT */
/* How long to wait before a process that ended is started again: twice as long each time, up to a limit;
 * one that ran long enough counts as the first. Pure; time is an argument. */
#ifndef SUPERVISOR_RESTART_H
#define SUPERVISOR_RESTART_H
#include <stdint.h>

#include "workspace/supervision.h"

struct restart {
    uint32_t wait_ms; /* before the last start; 0: none so far */
    uint64_t count;   /* of starts after an end */
};

/* After an end; ran_ms: how long the process could be called, 0 if it never could. */
uint32_t restart_wait_ms(struct restart *restart, const struct supervision *supervision, int64_t ran_ms);

/* As if it had never been started. */
void restart_forget(struct restart *restart);
#endif
