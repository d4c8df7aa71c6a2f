/* SPDX-License-Identifier: MIT */
/* Reading the audit trail; see store.h. store_queue.c writes it, store_purge.c deletes what is old. */
#include "store/store_internal.h"

static const char *text(const struct walk *walk, int column)
{
    return (const char *)sqlite3_column_text(walk->statement, column);
}

#define CONDITIONS                                                                                 \
    " FROM audit WHERE (?1 IS NULL OR actor = ?1) AND (?2 IS NULL OR action = ?2)"                 \
    " AND (?3 = 0 OR at_ms >= ?3) AND (?4 = 0 OR at_ms <= ?4)"

static void bind(const struct walk *walk, const struct audit_filter *filter, int64_t limit,
                 int64_t offset)
{
    sqlite3_bind_text(walk->statement, 1, filter->actor, -1, SQLITE_STATIC);
    sqlite3_bind_text(walk->statement, 2, filter->action, -1, SQLITE_STATIC);
    sqlite3_bind_int64(walk->statement, 3, filter->from_ms);
    sqlite3_bind_int64(walk->statement, 4, filter->to_ms);
    sqlite3_bind_int64(walk->statement, 5, limit);
    sqlite3_bind_int64(walk->statement, 6, offset);
}

bool store_audits(struct store *store, const struct audit_filter *filter, audit_row_fn *fn,
                  void *context, struct error *err)
{
    struct walk walk;
    bool ok = walk_begin(&walk, store,
                         "SELECT at_ms, actor, address, action, subject, outcome, detail" CONDITIONS
                         " ORDER BY number DESC LIMIT ?5 OFFSET ?6", err);
    bind(&walk, filter, filter->limit > 0 ? filter->limit : -1, filter->offset);
    bool go_on = ok;
    while (go_on && walk_next(&walk)) {
        const struct audit_record row = {
            .at_ms = sqlite3_column_int64(walk.statement, 0),
            .actor = text(&walk, 1), .address = text(&walk, 2), .action = text(&walk, 3),
            .subject = text(&walk, 4), .outcome = text(&walk, 5), .detail = text(&walk, 6),
        };
        go_on = fn(context, &row);
    }
    return walk_end(&walk, ok ? err : NULL) && ok;
}

bool store_count_audits(struct store *store, const struct audit_filter *filter, int64_t most,
                        int64_t *count, struct error *err)
{
    struct walk walk;
    bool ok = walk_begin(&walk, store, "SELECT count(*) FROM (SELECT 1" CONDITIONS " LIMIT ?5)", err);
    bind(&walk, filter, most, 0);
    if (ok && walk_next(&walk))
        *count = sqlite3_column_int64(walk.statement, 0);
    return walk_end(&walk, ok ? err : NULL) && ok;
}
