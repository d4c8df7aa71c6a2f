/* SPDX-License-Identifier: MIT */
/*
 * Work in lanes: one item at a time waits or runs in each, on a bounded number of threads, in the order
 * of arrival. So work that may not overlap with itself needs no lock of its own, and what waits is
 * bounded by the number of lanes. Thread-safe.
 */
#ifndef FLOW_LANES_H
#define FLOW_LANES_H
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define LANES_THREADS_MAX 64u

struct lanes;

enum lane_state { LANE_IDLE, LANE_WAITING, LANE_RUNNING, LANE_STOPPED /* all are */ };

struct lanes_options {
    size_t lane_count;
    size_t thread_count; /* 1 to LANES_THREADS_MAX */
    void (*run)(void *context, void *item); /* owns item from then on */
    void (*drop)(void *context, void *item); /* instead of run, for what still waits at a stop */
    void (*thread_end)(void); /* on each thread before it ends; NULL: nothing */
    void *context;
};

MUST_USE bool lanes_open(struct lanes **out, const struct lanes_options *options, struct error *err);

/* LANE_IDLE: item was taken. Else what is in its way. */
MUST_USE enum lane_state lanes_push(struct lanes *lanes, size_t lane, void *item);

enum lane_state lanes_state(struct lanes *lanes, size_t lane);
void lanes_load(struct lanes *lanes, size_t *running, size_t *waiting);

/* Takes nothing more; drops what waits. */
void lanes_stop(struct lanes *lanes);
/* Whether nothing runs any more, or not by deadline_ms (clock_monotonic_ms). */
MUST_USE bool lanes_wait(struct lanes *lanes, int64_t deadline_ms);
/* Stops, waits for what runs however long it takes, releases. NULL is fine. */
void lanes_close(struct lanes *lanes);
#endif
