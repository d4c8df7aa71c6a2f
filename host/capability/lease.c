/* SPDX-License-Identifier: MIT */
/* See lease.h. */
#include "capability/lease.h"

#include "capability/folder.h"
#include "capability/journal.h"
#include "store/store_lease.h"
#include "store/store_reminder.h"

#define PLACE_SIZE_MAX (CONNECTION_PLACE_SIZE_MAX + (16u << 10))

static void name_place(const struct call *call, struct buf *place)
{
    buf_init(place, PLACE_SIZE_MAX);
    connection_place(call->connection, place);
    buf_append_char(place, '\n');
    folder_append(call->args[1].text, place);
}

static bool refuse(struct call *call, const struct lease_holder *holder)
{
    error_set(&call->error, ERROR_EXISTS,
              "instance %s of flow '%s' is at work on files of '%.200s' that begin with '%.100s', or was "
              "interrupted there, and has to end first: 'sluice serve' or the next run of that flow goes on "
              "with it, 'sluice discard %s' gives it up; flows that run at the same time need folders or "
              "prefixes of their own",
              holder->instance, holder->flow, call->args[1].text, call->args[2].text, holder->instance);
    return error_advise(&call->error, RETRY_NEVER);
}

/* What keeps the store from being written passes. */
static bool wait_for_store(struct call *call)
{
    journal_suspend(call);
    return false;
}

static bool take(struct call *call, const struct execution *run, const char *place)
{
    struct store *store = run->environment->store;
    struct lease_holder holder;
    const struct lease lease = {place, call->args[2].text, run->instance};
    if (store_lease_take(store, &lease, &holder, &call->error))
        return store_reminders_refresh(store, &call->error) || wait_for_store(call);
    return holder.instance[0] ? refuse(call, &holder) : wait_for_store(call);
}

bool lease_take(struct call *call)
{
    const struct execution *run = execution_root(call->execution);
    struct buf place;
    if (!call->execution->journal || manifest_answers(run->manifest))
        return true;
    name_place(call, &place);
    bool ok = place.failed ? error_out_of_memory(&call->error)
                           : take(call, run, buf_text(&place));
    buf_release(&place);
    return ok;
}
