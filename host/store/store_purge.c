/* SPDX-License-Identifier: MIT */
/*
 * Retention: finished instances go in batches, each a short transaction of its own; what hangs on them
 * goes by ON DELETE CASCADE. Leaves first: a batch that ends early leaves no callee without its caller.
 */
#include "store/store_internal.h"
#include "store/store_walk.h"

/* Everything in trees whose root ended before ?3 and in which nothing runs; ?4: how many roots. */
#define OLD_TREES                                                                                  \
    "WITH RECURSIVE tree (number, id, root, depth, state) AS ("                                    \
    "  SELECT * FROM (SELECT number, id, number, 0, state FROM instance"                           \
    "    WHERE parent IS NULL AND state <> 'IN_PROGRESS' AND finished_ms < ?3"                     \
    "    AND NOT EXISTS (SELECT 1 FROM instance c WHERE c.parent = instance.id"                    \
    "      AND c.state = 'IN_PROGRESS')"                                                           \
    "    ORDER BY finished_ms LIMIT ?4)"                                                           \
    "  UNION ALL SELECT i.number, i.id, t.root, t.depth + 1, i.state"                              \
    "    FROM tree t JOIN instance i ON i.parent = t.id"                                           \
    "), old AS (SELECT number, depth FROM tree WHERE root NOT IN"                                  \
    "  (SELECT root FROM tree WHERE state = 'IN_PROGRESS')) "

struct purge {
    int64_t before_ms, instances_max, purged;
};

static bool write_purge(struct store *store, void *context, struct error *err)
{
    struct purge *purge = context;
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(
        store->db, OLD_TREES "DELETE FROM instance WHERE number IN"
                             " (SELECT number FROM old ORDER BY depth DESC, number LIMIT ?4)",
        -1, &statement, NULL);
    sqlite3_bind_int64(statement, 3, purge->before_ms);
    sqlite3_bind_int64(statement, 4, purge->instances_max);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    bool ok = code == SQLITE_DONE || store_fail(store->db, code, err, "cannot purge the store");
    purge->purged = sqlite3_changes(store->db);
    sqlite3_finalize(statement);
    return ok;
}

bool store_purge(struct store *store, int64_t before_ms, int instances_max, int *purged,
                 struct error *err)
{
    struct purge purge = {.before_ms = before_ms, .instances_max = instances_max};
    bool ok = store_write(store, write_purge, &purge, err);
    *purged = ok ? (int)purge.purged : 0;
    return ok;
}

bool store_purge_count(struct store *store, int64_t before_ms, int64_t *count, struct error *err)
{
    struct walk walk;
    walk_begin(&walk, store, OLD_TREES "SELECT 1, count(*) FROM old", WALK_ASCENDING, 1);
    walk_bind_number(&walk, 3, before_ms);
    walk_bind_number(&walk, 4, -1);
    *count = walk_next(&walk) ? walk_number(&walk, 1) : 0;
    return walk_end(&walk, err);
}
