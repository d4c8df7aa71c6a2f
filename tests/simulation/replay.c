/* SPDX-License-Identifier: MIT */
/* See replay.h. */
#include "replay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capability/journal.h"
#include "flow/kept_module.h"
#include "flow/resume.h"
#include "store/store_journal.h"
#include "world.h"

#define INSTANCES_MAX 64

struct finished {
    char id[INSTANCE_ID_SIZE], state[16];
    int exit_status;
};
struct list {
    struct finished items[INSTANCES_MAX];
    unsigned count;
};

static bool note(void *context, const struct instance_row *row)
{
    struct list *list = context;
    if (row->finished_ms == 0 || row->parent || list->count == INSTANCES_MAX)
        return true;
    struct finished *item = &list->items[list->count++];
    snprintf(item->id, sizeof item->id, "%s", row->id);
    snprintf(item->state, sizeof item->state, "%s", row->state);
    item->exit_status = row->exit_status;
    return true;
}

static void judge(const struct finished *was, const struct execution *execution,
                  const struct execution_end *end)
{
    size_t past, met;
    journal_count(execution->journal, &past, &met);
    check_that(strcmp(instance_state_name(end->state), was->state) == 0,
               "%s was %s, its replay is %s: %s %s", was->id, was->state,
               instance_state_name(end->state), buf_text(&execution->fault_detail),
               execution->stop_detail);
    check_that(end->exit_status == was->exit_status, "%s ended with %d, its replay with %d", was->id,
               was->exit_status, end->exit_status);
    check_that(met == past, "%s: the replay met %zu of %zu calls", was->id, met, past);
    trace("replayed %s: %zu calls", was->id, past);
}

static void replay(struct service *service, const struct finished *item)
{
    struct resume_input input;
    struct flow flow;
    struct execution_end end;
    struct error err = {0};
    struct execution *execution = calloc(1, sizeof *execution);
    bool ok = resume_input_read(&input, service, item->id, &err) &&
              kept_module_open(&flow, service->workspace, input.digest, &err);
    if (ok) {
        ok = resume_run(service, &flow, &input, true, NULL, execution, &end, &err);
        if (ok)
            judge(item, execution, &end);
        execution_release(execution);
        kept_module_close(&flow);
    }
    check_that(ok, "%s cannot be replayed: %s", item->id, err.message);
    resume_input_release(&input);
    free(execution);
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
    const struct store_filter filter = {.top_level_only = true, .limit = INSTANCES_MAX};
    check_that(store_instances(service->store, &filter, note, list, &err), "cannot read the store: %s",
               err.message);
    world->is_replaying = true;
    for (unsigned i = 0; i < list->count; i++)
        if (is_durable(service, list->items[i].id))
            replay(service, &list->items[i]);
    world->is_replaying = false;
    free(list);
}
