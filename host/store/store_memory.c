/* SPDX-License-Identifier: MIT */
/* A store in memory does not grow for ever: see STORE_MEMORY_SIZE_MAX in store.h. */
#include "base/log.h"
#include "store/store_internal.h"

#define TRIM_STEP 16 /* instances, and as many audit records, in one transaction */

static int64_t pragma_number(struct store *store, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    int64_t number = 0;
    if (sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        number = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return number;
}

/* Pages that deletions freed are used again, so they do not count. */
static int64_t used_bytes(struct store *store)
{
    return (pragma_number(store, "PRAGMA page_count") -
            pragma_number(store, "PRAGMA freelist_count")) *
           pragma_number(store, "PRAGMA page_size");
}

static bool purge_oldest(struct store *store, struct purge *purge, struct error *err)
{
    *purge = (struct purge){.before_ms = INT64_MAX, .instances_max = TRIM_STEP,
                            .audits_max = TRIM_STEP, .is_for_size = true};
    bool ok = store_step(store, STATEMENT_BEGIN, err) && store_write_purge(store, purge, err) &&
              store_step(store, STATEMENT_COMMIT, err);
    if (!sqlite3_get_autocommit(store->db))
        sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    return ok;
}

void store_memory_trim(struct store *store)
{
    struct purge purge = {.instances = 1};
    struct error err = {0};
    while (store->is_in_memory && purge.instances + purge.audits > 0 &&
           used_bytes(store) > STORE_MEMORY_SIZE_MAX) {
        if (!purge_oldest(store, &purge, &err)) {
            log_line(LOG_WARNING, NULL, "the store in memory grows: %s", err.message);
            return;
        }
    }
}
