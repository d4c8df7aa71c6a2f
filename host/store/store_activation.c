/* SPDX-License-Identifier: MIT */
/* The table of activations; see store_activation.h. */
#include "store/store_activation.h"

#include "store/store_changes.h"
#include "store/store_internal.h"
#include "store/store_walk.h"

struct records {
    const struct activation_record *items;
    size_t count;
};

static bool write_all(struct store *store, void *context, struct error *err)
{
    const struct records *records = context;
    bool ok = true;
    for (size_t i = 0; ok && i < records->count; i++) {
        const struct activation_record *one = &records->items[i];
        ok = store_execute(store, err,
                           "INSERT OR REPLACE INTO activation"
                           " (flow, version, decision, tracing, actor, at_ms)"
                           " VALUES (?, ?, ?, ?, ?, ?)", "ttitti", one->flow, one->version,
                           (int64_t)one->decision, one->tracing, one->actor, one->at_ms);
    }
    return ok;
}

bool store_set_activations(struct store *store, const struct activation_record *records,
                           size_t count, struct error *err)
{
    struct records all = {records, count};
    if (!store_write(store, write_all, &all, err))
        return false;
    store_tell_change(store);
    return true;
}

bool store_activations(struct store *store, activation_row_fn *fn, void *context, struct error *err)
{
    struct walk walk;
    walk_begin(&walk, store,
               "SELECT * FROM (SELECT row_number() OVER (ORDER BY flow, version) AS row, flow, version,"
               " decision, tracing, actor, at_ms FROM activation) WHERE row > ?1 ORDER BY row LIMIT ?2",
               WALK_ASCENDING, 0);
    bool go_on = true;
    while (go_on && walk_next(&walk)) {
        const struct activation_record row = {
            .flow = walk_text(&walk, 1), .version = walk_text(&walk, 2),
            .decision = (enum decision)walk_number(&walk, 3),
            .tracing = walk_text(&walk, 4), .actor = walk_text(&walk, 5),
            .at_ms = walk_number(&walk, 6),
        };
        go_on = fn(context, &row);
    }
    return walk_end(&walk, err);
}
