/* SPDX-License-Identifier: MIT */
/* See replay.h. */
#include "replay.h"

#include <stdio.h>
#include <stdlib.h>

#include "flow/execute.h"
#include "flow/replay.h"
#include "store/store_journal.h"
#include "world.h"

#define INSTANCES_MAX 256

struct list {
    char ids[INSTANCES_MAX][INSTANCE_ID_SIZE];
    unsigned count;
};

static bool note(void *context, const struct instance_row *row)
{
    struct list *list = context;
    if (row->finished_ms != 0 && list->count < INSTANCES_MAX)
        snprintf(list->ids[list->count++], INSTANCE_ID_SIZE, "%s", row->id);
    return true;
}

static void replay(struct service *service, const char *id)
{
    struct replay_report report;
    struct error err = {0};
    bool ok = service_replay(service, id, NULL, NULL, &report, &err);
    check_that(ok, "%s cannot be replayed: %s", id, err.message);
    check_that(!ok || (report.is_same && report.answered == report.calls),
               "%s: the replay met %zu of %zu calls: %s", id, report.answered, report.calls,
               report.difference);
    trace("replayed %s: %zu calls", id, report.calls);
    run_outcome_release(&report.outcome);
}

static bool is_durable(struct service *service, const char *id)
{
    int64_t count = 0;
    struct error err = {0};
    return store_journal_count(service->store, id, &count, &err) && count > 0;
}

void replay_all(struct service *service)
{
    struct list *list = calloc(1, sizeof *list);
    struct error err = {0};
    const struct store_filter filter = {.limit = INSTANCES_MAX};
    check_that(store_instances(service->store, &filter, note, list, &err), "cannot read the store: %s",
               err.message);
    world->is_replaying = true;
    for (unsigned i = 0; i < list->count; i++)
        if (is_durable(service, list->ids[i]))
            replay(service, list->ids[i]);
    world->is_replaying = false;
    free(list);
}
