/* SPDX-License-Identifier: MIT */
/* The table of activations; see store_activation.h. */
#include "store/store_activation.h"

#include "store/store_changes.h"
#include "store/store_internal.h"

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
    bool ok = walk_begin(&walk, store, "SELECT flow, version, decision, tracing, actor, at_ms"
                                       " FROM activation ORDER BY flow, version", err);
    bool go_on = ok;
    while (go_on && walk_next(&walk)) {
        const struct activation_record row = {
            .flow = (const char *)sqlite3_column_text(walk.statement, 0),
            .version = (const char *)sqlite3_column_text(walk.statement, 1),
            .decision = (enum decision)sqlite3_column_int(walk.statement, 2),
            .tracing = (const char *)sqlite3_column_text(walk.statement, 3),
            .actor = (const char *)sqlite3_column_text(walk.statement, 4),
            .at_ms = sqlite3_column_int64(walk.statement, 5),
        };
        go_on = fn(context, &row);
    }
    return walk_end(&walk, ok ? err : NULL) && ok;
}
