/* SPDX-License-Identifier: MIT */
/* The table of activations; see store_activation.h. */
#include "store/store_activation.h"

#include "store/store_changes.h"
#include "store/store_internal.h"

bool store_set_activations(struct store *store, const struct activation_record *records,
                           size_t count, struct error *err)
{
    pthread_mutex_lock(&store->database);
    bool begun = store_begin(store, true, err), ok = begun;
    for (const struct activation_record *one = records; ok && one < records + count; one++)
        ok = store_execute(store, err,
                           "INSERT OR REPLACE INTO activation"
                           " (flow, version, decision, tracing, actor, at_ms)"
                           " VALUES (?, ?, ?, ?, ?, ?)", "ttitti", one->flow, one->version,
                           (int64_t)one->decision, one->tracing, one->actor, one->at_ms);
    ok = begun && store_end(store, ok, err);
    pthread_mutex_unlock(&store->database);
    if (ok)
        store_tell_change(store);
    return ok;
}

bool store_activations(struct store *store, activation_row_fn *fn, void *context, struct error *err)
{
    sqlite3_stmt *statement = NULL;
    bool go_on = true;
    pthread_mutex_lock(&store->database);
    int code = sqlite3_prepare_v2(store->db,
                                  "SELECT flow, version, decision, tracing, actor, at_ms"
                                  " FROM activation ORDER BY flow, version", -1, &statement, NULL);
    while (code == SQLITE_OK && go_on && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        code = SQLITE_OK;
        const struct activation_record row = {
            .flow = (const char *)sqlite3_column_text(statement, 0),
            .version = (const char *)sqlite3_column_text(statement, 1),
            .decision = (enum decision)sqlite3_column_int(statement, 2),
            .tracing = (const char *)sqlite3_column_text(statement, 3),
            .actor = (const char *)sqlite3_column_text(statement, 4),
            .at_ms = sqlite3_column_int64(statement, 5),
        };
        go_on = fn(context, &row);
    }
    bool ok = code == SQLITE_DONE || code == SQLITE_OK ||
              store_fail(store->db, code, err, "cannot read the store");
    sqlite3_finalize(statement);
    pthread_mutex_unlock(&store->database);
    return ok;
}
