/* SPDX-License-Identifier: MIT */
/*
 * What processes left in progress that ended before their flows did, and that nobody goes on with: marked as
 * aborted. Of what is durable that is what a flow called that has ended without it.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/store_internal.h"
#include "store/store_walk.h"

#define ORPHANS_MAX 64 /* in one transaction */

#define INTERRUPTED_DETAIL                                                                         \
    "process %lld, which ran it, ended before the flow did (killed, crashed, or the machine "      \
    "stopped); files recorded as transferred are complete, the operation that was going on then "  \
    "may or may not have taken effect; the instance is not resumed: run the flow again"

#define CALLER_DETAIL                                                                              \
    "process %lld, which ran it, ended before the flow did, and the flow that called it has ended " \
    "since: nobody goes on with it"

struct orphan {
    int64_t number, process;
    bool is_durable;
    char id[INSTANCE_ID_SIZE];
};

struct orphans {
    struct orphan list[ORPHANS_MAX];
    size_t count;
};

/* Reading comes first: most who open a store have nothing to write here. */
static bool find_orphans(struct store *store, struct orphans *out, struct error *err)
{
    struct walk walk;
    out->count = 0;
    walk_begin(&walk, store,
               "SELECT i.number, i.owner, i.process, i.id, i.durable FROM instance i"
               " WHERE i.state = 'IN_PROGRESS' AND +i.number > ?1 AND (NOT i.durable OR i.parent IS NOT NULL"
               "  AND NOT EXISTS (SELECT 1 FROM instance c WHERE c.id = i.parent AND c.state = 'IN_PROGRESS'))"
               " ORDER BY +i.number LIMIT ?2",
               WALK_ASCENDING, 0);
    while (out->count < ORPHANS_MAX && walk_next(&walk)) {
        if (store_owner_lives(&store->owner, walk_number(&walk, 1)))
            continue;
        struct orphan *orphan = &out->list[out->count++];
        orphan->number = walk_number(&walk, 0);
        orphan->process = walk_number(&walk, 2);
        orphan->is_durable = walk_number(&walk, 4) != 0;
        snprintf(orphan->id, sizeof orphan->id, "%s", walk_text(&walk, 3));
    }
    return walk_end(&walk, err);
}

static bool abort_one(struct store *store, const struct orphan *orphan, struct error *err)
{
    sqlite3_stmt *statement = NULL;
    char detail[512];
    int code = sqlite3_prepare_v2(
        store->db,
        "UPDATE instance SET state = 'ABORTED', finished_ms = ?, exit_status = 1,"
        " fault_code = 'interrupted', fault_title = 'The process that ran the flow ended',"
        " fault_detail = ? WHERE number = ? AND state = 'IN_PROGRESS'",
        -1, &statement, NULL);
    snprintf(detail, sizeof detail, orphan->is_durable ? CALLER_DETAIL : INTERRUPTED_DETAIL,
             (long long)orphan->process);
    sqlite3_bind_int64(statement, 1, clock_wall_ms());
    sqlite3_bind_text(statement, 2, detail, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 3, orphan->number);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    bool ok = code == SQLITE_DONE || store_fail(store->db, code, err, "cannot write to the store");
    sqlite3_finalize(statement);
    return ok;
}

static bool abort_all(struct store *store, void *context, struct error *err)
{
    const struct orphans *orphans = context;
    for (size_t i = 0; i < orphans->count; i++)
        if (!abort_one(store, &orphans->list[i], err))
            return false;
    return true;
}

bool store_sweep(struct store *store, struct error *err)
{
    struct orphans orphans;
    do {
        if (!find_orphans(store, &orphans, err))
            return false;
        if (orphans.count > 0 && !store_write(store, abort_all, &orphans, err))
            return false;
        for (size_t i = 0; i < orphans.count; i++)
            log_line(LOG_WARNING, orphans.list[i].id,
                     "the process that ran this instance ended; marked as aborted");
    } while (orphans.count == ORPHANS_MAX);
    return true;
}
