/* SPDX-License-Identifier: MIT */
/* The timetable's entries as plans; see scheduler_plan.h. */
#include "flow/scheduler_plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "flow/activation.h"
#include "flow/registry.h"
#include "flow/scheduler.h"
#include "store/store_schedule.h"

struct reading {
    const struct service *service;
    struct plans plans;
    struct error problem; /* of the entry at which the walk stopped */
};

void plans_release(struct plans *plans)
{
    for (size_t i = 0; i < plans->count; i++)
        timetable_entry_release(&plans->items[i].entry);
    free(plans->items);
    *plans = (struct plans){0};
}

size_t scheduler_lane(const struct service *service, size_t flow)
{
    size_t lane = 0;
    while (strcmp(service_manifest(service, lane)->identifier,
                  service_manifest(service, flow)->identifier) != 0)
        lane++;
    return lane;
}

/* since_ms belongs to the rule: a schedule with another one begins anew. */
bool plan_read_since(struct plan *plan, const struct service *service, struct error *err)
{
    const struct schedule *definition = &plan->entry.definition;
    char basis[RECURRENCE_TEXT_MAX + 256];
    snprintf(basis, sizeof basis, "%s %s %s %s", definition->recurrence, definition->time_zone,
             definition->start ? definition->start : "", definition->end ? definition->end : "");
    return store_base_schedule(service_store(service), definition->flow, basis, clock_wall_ms(),
                               SCHEDULER_LATE_MS, &plan->since_ms, err);
}

static bool make_plan(const struct service *service, struct plan *plan, struct error *err)
{
    struct activation activation;
    if (!activation_get(service, plan->entry.flow, &activation, err))
        return false;
    plan->lane = scheduler_lane(service, plan->entry.flow);
    plan->active_ms = activation.at_ms;
    return plan_read_since(plan, service, err);
}

static bool add_plan(void *context, struct timetable_entry *entry)
{
    struct reading *reading = context;
    if (entry->state != SCHEDULE_STARTED || !service_is_active(reading->service, entry->flow))
        return true;
    struct plan *plan = &reading->plans.items[reading->plans.count++];
    plan->entry = *entry;
    *entry = (struct timetable_entry){0};
    return make_plan(reading->service, plan, &reading->problem);
}

bool plans_read(struct plans *plans, const struct service *service, struct error *err)
{
    struct reading reading = {.service = service};
    reading.plans.items = calloc(REGISTRY_FLOWS_MAX, sizeof *reading.plans.items);
    bool ok = reading.plans.items ? timetable_list(service, add_plan, &reading, err)
                                  : error_set(err, ERROR_LIMIT, "out of memory");
    if (ok && reading.problem.kind != ERROR_NONE) {
        ok = false;
        if (err)
            *err = reading.problem;
    }
    if (!ok) {
        plans_release(&reading.plans);
        return false;
    }
    plans_release(plans);
    *plans = reading.plans;
    return true;
}
