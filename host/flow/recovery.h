/* SPDX-License-Identifier: MIT */
/*
 * In a process that serves: goes on with what ended processes left unfinished, and with what this one has
 * to leave, at once and again and again. One thread of its own; thread-safe.
 */
#ifndef FLOW_RECOVERY_H
#define FLOW_RECOVERY_H
#include "flow/flow.h"

#define RECOVERY_LOOK_MS 10000  /* between two looks */
#define RECOVERY_PAUSE_MS 30000 /* the same while something cannot go on */

struct recovery;

/* service must outlive it. */
MUST_USE bool recovery_open(struct recovery **out, struct service *service, struct error *err);

/* Asks what it runs to stop (it stays unfinished) and waits for that until deadline_ms
 * (clock_monotonic_ms). False: it did not stop; nothing is released. NULL is fine. */
MUST_USE bool recovery_close(struct recovery *recovery, int64_t deadline_ms);
#endif
