/* SPDX-License-Identifier: MIT */
/* The audit trail: handed in like the records of instances, with a bound of its own, so that a flood of
 * refusals displaces none of them. store_purge.c deletes what is old. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "store/store_internal.h"
#include "store/store_walk.h"

#define SQL_SIZE_MAX 1024

/* ---- writing ----------------------------------------------------------------------------------- */

/* Copies at most AUDIT_TEXT_SIZE_MAX bytes, not half a character of UTF-8. */
static const char *cut(const char *text, char out[static AUDIT_TEXT_SIZE_MAX + 1])
{
    size_t size = text ? strnlen(text, AUDIT_TEXT_SIZE_MAX + 1) : 0;
    if (size > AUDIT_TEXT_SIZE_MAX)
        for (size = AUDIT_TEXT_SIZE_MAX; size > 0 && (text[size] & 0xC0) == 0x80; size--)
            ;
    memcpy(out, text ? text : "", size);
    out[size] = '\0';
    return out;
}

void store_audit(struct store *store, const struct audit_record *record)
{
    char copies[6][AUDIT_TEXT_SIZE_MAX + 1];
    const struct record_parts parts = {
        .texts = {cut(record->actor, copies[0]), cut(record->address, copies[1]),
                  cut(record->action, copies[2]), cut(record->subject, copies[3]),
                  cut(record->outcome, copies[4]),
                  record->detail ? cut(record->detail, copies[5]) : NULL},
        .numbers = {record->at_ms},
    };
    struct record *line = record_new(RECORD_AUDIT, &parts);
    pthread_mutex_lock(&store->queue);
    if (line && store->audits_waiting < AUDIT_PENDING_MAX && !store->is_broken) {
        store_queue_append(store, line);
        line = NULL;
    } else {
        store->lost_audits++;
    }
    pthread_mutex_unlock(&store->queue);
    free(line);
}

/* At most one beyond the limit waits; what is lost meanwhile is told by the next. */
struct record *store_audit_lost_note(struct store *store)
{
    char detail[64];
    if (store->lost_audits == 0 || store->audits_waiting > AUDIT_PENDING_MAX || store->is_broken)
        return NULL;
    snprintf(detail, sizeof detail, "%llu records could not be written",
             (unsigned long long)store->lost_audits);
    const struct record_parts parts = {
        .texts = {"", "", "audit", "", "lost", detail},
        .numbers = {clock_wall_ms()},
    };
    struct record *note = record_new(RECORD_AUDIT, &parts);
    if (note)
        store->lost_audits = 0;
    return note;
}

/* ---- reading ----------------------------------------------------------------------------------- */

static void add_conditions(const struct audit_filter *filter, struct buf *sql)
{
    const struct {
        bool is_asked;
        const char *condition;
    } conditions[] = {
        {filter->actor, " AND actor = ?3"},
        {filter->action, " AND action = ?4"},
        {filter->from_ms, " AND at_ms >= ?5"},
        {filter->to_ms, " AND at_ms <= ?6"},
    };
    for (size_t i = 0; i < sizeof conditions / sizeof conditions[0]; i++)
        if (conditions[i].is_asked)
            buf_append_text(sql, conditions[i].condition);
}

/* last: the value of ?7. */
static void begin(struct walk *walk, struct store *store, const struct audit_filter *filter,
                  const struct buf *sql, int64_t limit, int64_t last)
{
    walk_begin(walk, store, buf_text(sql), WALK_DESCENDING, limit);
    walk_bind_text(walk, 3, filter->actor);
    walk_bind_text(walk, 4, filter->action);
    walk_bind_number(walk, 5, filter->from_ms);
    walk_bind_number(walk, 6, filter->to_ms);
    walk_bind_number(walk, 7, last);
}

bool store_audits(struct store *store, const struct audit_filter *filter, audit_row_fn *fn,
                  void *context, struct error *err)
{
    struct walk walk;
    struct buf sql;
    buf_init(&sql, SQL_SIZE_MAX);
    buf_append_text(&sql, "SELECT number, at_ms, actor, address, action, subject, outcome, detail"
                          " FROM audit WHERE number < ?1");
    add_conditions(filter, &sql);
    buf_append_text(&sql, " ORDER BY number DESC LIMIT ?2 OFFSET ?7");
    begin(&walk, store, filter, &sql, filter->limit, filter->offset);
    bool go_on = true;
    while (go_on && walk_next(&walk)) {
        const struct audit_record row = {
            .at_ms = walk_number(&walk, 1),
            .actor = walk_text(&walk, 2),   .address = walk_text(&walk, 3),
            .action = walk_text(&walk, 4),  .subject = walk_text(&walk, 5),
            .outcome = walk_text(&walk, 6), .detail = walk_text(&walk, 7),
        };
        go_on = fn(context, &row);
        walk_bind_number(&walk, 7, 0); /* further pages begin behind the last row */
    }
    bool ok = walk_end(&walk, err);
    buf_release(&sql);
    return ok;
}

bool store_count_audits(struct store *store, const struct audit_filter *filter, int64_t most,
                        int64_t *count, struct error *err)
{
    struct walk walk;
    struct buf sql;
    buf_init(&sql, SQL_SIZE_MAX);
    buf_append_text(&sql, "SELECT count(*) FROM (SELECT 1 FROM audit WHERE number < ?1");
    add_conditions(filter, &sql);
    buf_append_text(&sql, " LIMIT ?7)");
    begin(&walk, store, filter, &sql, 1, most);
    if (walk_next(&walk))
        *count = walk_number(&walk, 0);
    bool ok = walk_end(&walk, err);
    buf_release(&sql);
    return ok;
}
