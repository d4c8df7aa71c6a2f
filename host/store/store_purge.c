/* SPDX-License-Identifier: MIT */
/*
 * Retention: finished instances go in batches, each a short transaction of its own; what hangs on them
 * goes by ON DELETE CASCADE. Leaves first: a batch that ends early leaves no callee without its caller.
 * Audit records, and mails that were sent, dropped or given up, go by their age alone, but for the mails of an
 * instance in progress: it may hand one over again, and its Message-ID must still be there.
 */
#include "store/store_internal.h"
#include "store/store_outbox.h"
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

#define DELETE_AUDITS                                                                              \
    "DELETE FROM audit WHERE number IN"                                                            \
    " (SELECT number FROM audit WHERE at_ms < ?3 ORDER BY at_ms LIMIT ?4)"

#define OLD_MAILS                                                                                  \
    " FROM outbox WHERE finished_ms > 0 AND finished_ms < ?3 AND NOT EXISTS"                       \
    "  (SELECT 1 FROM instance i WHERE i.id = outbox.instance AND i.state = 'IN_PROGRESS')"
#define DELETE_MAILS                                                                               \
    "DELETE FROM outbox WHERE number IN"                                                           \
    " (SELECT number" OLD_MAILS " ORDER BY finished_ms LIMIT ?4)"

static bool delete_rows(struct store *store, const char *sql, int64_t before_ms, int rows_max,
                        int *purged, struct error *err)
{
    if (rows_max == 0)
        return true;
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL);
    sqlite3_bind_int64(statement, 3, before_ms);
    sqlite3_bind_int64(statement, 4, rows_max);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    bool ok = code == SQLITE_DONE || store_fail(store->db, code, err, "cannot purge the store");
    *purged = sqlite3_changes(store->db);
    sqlite3_finalize(statement);
    return ok;
}

/* When the instance ended that is purged next; if there is none, everything is older. */
static bool read_oldest_end(struct store *store, int64_t *ended_ms, struct error *err)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(store->db,
                                  "SELECT finished_ms FROM instance WHERE parent IS NULL"
                                  " AND finished_ms > 0 ORDER BY finished_ms LIMIT 1",
                                  -1, &statement, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    *ended_ms = code == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : INT64_MAX;
    sqlite3_finalize(statement);
    return code == SQLITE_ROW || code == SQLITE_DONE ||
           store_fail(store->db, code, err, "cannot read the store");
}

bool store_write_purge(struct store *store, void *context, struct error *err)
{
    struct purge *purge = context;
    int64_t began_ms = store_now_ms(), rest_before_ms = purge->before_ms;
    bool ok = delete_rows(store,
                          OLD_TREES "DELETE FROM instance WHERE number IN"
                                    " (SELECT number FROM old ORDER BY depth DESC, number LIMIT ?4)",
                          purge->before_ms, purge->instances_max, &purge->instances, err) &&
              (!purge->is_for_size || read_oldest_end(store, &rest_before_ms, err)) &&
              delete_rows(store, DELETE_AUDITS, rest_before_ms, purge->audits_max, &purge->audits,
                          err) &&
              delete_rows(store, DELETE_MAILS, rest_before_ms, purge->mails_max, &purge->mails, err);
    purge->taken_ms = store_now_ms() - began_ms;
    return ok;
}

bool store_purge(struct store *store, int64_t before_ms, int instances_max, int *purged,
                 struct error *err)
{
    struct purge purge = {.before_ms = before_ms, .instances_max = instances_max};
    bool ok = store_write(store, store_write_purge, &purge, err);
    *purged = ok ? purge.instances : 0;
    return ok;
}

bool store_purge_audits(struct store *store, int64_t before_ms, int records_max, int *purged,
                        struct error *err)
{
    struct purge purge = {.before_ms = before_ms, .audits_max = records_max};
    bool ok = store_write(store, store_write_purge, &purge, err);
    *purged = ok ? purge.audits : 0;
    return ok;
}

bool store_outbox_purge(struct store *store, int64_t before_ms, int mails_max, int *purged,
                        struct error *err)
{
    struct purge purge = {.before_ms = before_ms, .mails_max = mails_max};
    bool ok = store_write(store, store_write_purge, &purge, err);
    *purged = ok ? purge.mails : 0;
    return ok;
}

static bool count_rows(struct store *store, const char *sql, int64_t before_ms, int64_t *count,
                       struct error *err)
{
    struct walk walk;
    walk_begin(&walk, store, sql, WALK_ASCENDING, 1);
    walk_bind_number(&walk, 3, before_ms);
    walk_bind_number(&walk, 4, -1);
    *count = walk_next(&walk) ? walk_number(&walk, 1) : 0;
    return walk_end(&walk, err);
}

bool store_purge_count(struct store *store, int64_t before_ms, int64_t *count, struct error *err)
{
    return count_rows(store, OLD_TREES "SELECT 1, count(*) FROM old", before_ms, count, err);
}

bool store_purge_audits_count(struct store *store, int64_t before_ms, int64_t *count,
                              struct error *err)
{
    return count_rows(store, "SELECT 1, count(*) FROM (SELECT 1 FROM audit WHERE at_ms < ?3 LIMIT ?4)",
                      before_ms, count, err);
}

bool store_outbox_purge_count(struct store *store, int64_t before_ms, int64_t *count,
                              struct error *err)
{
    return count_rows(store, "SELECT 1, count(*) FROM (SELECT 1" OLD_MAILS " LIMIT ?4)", before_ms, count,
                      err);
}

bool store_oldest_start(struct store *store, int64_t *oldest_ms, struct error *err)
{
    struct walk walk;
    walk_begin(&walk, store, "SELECT 1, started_ms FROM instance ORDER BY started_ms LIMIT 1",
               WALK_ASCENDING, 1);
    *oldest_ms = walk_next(&walk) ? walk_number(&walk, 1) : INT64_MAX;
    return walk_end(&walk, err);
}

bool store_uses_file(struct store *store, const char *digest, bool *is_used, struct error *err)
{
    struct walk walk;
    walk_begin(&walk, store, "SELECT 1 FROM instance WHERE module_digest = ?3 OR instr(filters, ?3) LIMIT 1",
               WALK_ASCENDING, 1);
    walk_bind_text(&walk, 3, digest);
    *is_used = walk_next(&walk);
    return walk_end(&walk, err);
}
