/* SPDX-License-Identifier: MIT */
/*
 * Retention: finished instances go in batches, each a short transaction of its own; what hangs on them
 * goes by ON DELETE CASCADE. Leaves first: a batch that ends early leaves no callee without its caller.
 * Audit records go by their age alone.
 */
#include "store/store_internal.h"

/* Everything in trees whose root ended before ?1 and in which nothing runs; ?2: how many roots. */
#define OLD_TREES                                                                                  \
    "WITH RECURSIVE tree (number, id, root, depth, state) AS ("                                    \
    "  SELECT * FROM (SELECT number, id, number, 0, state FROM instance"                           \
    "    WHERE parent IS NULL AND state <> 'IN_PROGRESS' AND finished_ms < ?1"                     \
    "    AND NOT EXISTS (SELECT 1 FROM instance c WHERE c.parent = instance.id"                    \
    "      AND c.state = 'IN_PROGRESS')"                                                           \
    "    ORDER BY finished_ms LIMIT ?2)"                                                           \
    "  UNION ALL SELECT i.number, i.id, t.root, t.depth + 1, i.state"                              \
    "    FROM tree t JOIN instance i ON i.parent = t.id"                                           \
    "), old AS (SELECT number, depth FROM tree WHERE root NOT IN"                                  \
    "  (SELECT root FROM tree WHERE state = 'IN_PROGRESS')) "

static bool run(struct store *store, const char *sql, int64_t before_ms, int64_t limit,
                int64_t *count, struct error *err)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL);
    sqlite3_bind_int64(statement, 1, before_ms);
    sqlite3_bind_int64(statement, 2, limit);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    bool ok = code == SQLITE_DONE || code == SQLITE_ROW ||
              store_fail(store->db, code, err, "cannot purge the store");
    *count = code == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : sqlite3_changes(store->db);
    sqlite3_finalize(statement);
    return ok;
}

/* One batch, a transaction of its own. */
static bool purge(struct store *store, const char *sql, int64_t before_ms, int rows_max, int *purged,
                  struct error *err)
{
    int64_t count = 0;
    pthread_mutex_lock(&store->database);
    bool begun = store_begin(store, true, err);
    bool ok = begun && run(store, sql, before_ms, rows_max, &count, err) && store_commit(store, err);
    if (begun && !ok)
        store_rollback(store);
    pthread_mutex_unlock(&store->database);
    *purged = ok ? (int)count : 0;
    return ok;
}

static bool count_rows(struct store *store, const char *sql, int64_t before_ms, int64_t *count,
                       struct error *err)
{
    pthread_mutex_lock(&store->database);
    bool ok = run(store, sql, before_ms, -1, count, err);
    pthread_mutex_unlock(&store->database);
    return ok;
}

bool store_purge(struct store *store, int64_t before_ms, int instances_max, int *purged,
                 struct error *err)
{
    return purge(store, OLD_TREES "DELETE FROM instance WHERE number IN"
                                  " (SELECT number FROM old ORDER BY depth DESC, number LIMIT ?2)",
                 before_ms, instances_max, purged, err);
}

bool store_purge_count(struct store *store, int64_t before_ms, int64_t *count, struct error *err)
{
    return count_rows(store, OLD_TREES "SELECT count(*) FROM old", before_ms, count, err);
}

bool store_purge_audits(struct store *store, int64_t before_ms, int records_max, int *purged,
                        struct error *err)
{
    return purge(store, "DELETE FROM audit WHERE number IN"
                        " (SELECT number FROM audit WHERE at_ms < ?1 ORDER BY at_ms LIMIT ?2)",
                 before_ms, records_max, purged, err);
}

bool store_purge_audits_count(struct store *store, int64_t before_ms, int64_t *count,
                              struct error *err)
{
    return count_rows(store, "SELECT count(*) FROM (SELECT 1 FROM audit WHERE at_ms < ?1 LIMIT ?2)",
                      before_ms, count, err);
}
