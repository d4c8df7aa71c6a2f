/* SPDX-License-Identifier: MIT */
/* What a scheduler has to start: the schedules that are started, of flows that are active. One thread. */
#ifndef FLOW_SCHEDULER_PLAN_H
#define FLOW_SCHEDULER_PLAN_H
#include "flow/timetable.h"

struct plan {
    struct timetable_entry entry;
    size_t lane;       /* as scheduler_lane says */
    int64_t since_ms;  /* as the store has it */
    int64_t active_ms; /* when the flow was activated: what was due before does not count */
    bool is_stuck;     /* its rule gives nothing in reach; said once */
};

struct plans {
    struct plan *items;
    size_t count;
};

/* Reads them from the timetable; on error they stay as they were. */
MUST_USE bool plans_read(struct plans *plans, const struct service *service, struct error *err);
void plans_release(struct plans *plans); /* zeroed is fine */

/* since_ms again, as another process may have left it. */
MUST_USE bool plan_read_since(struct plan *plan, const struct service *service, struct error *err);

/* One lane for all versions of a flow: the index of the first. */
size_t scheduler_lane(const struct service *service, size_t flow);
#endif
