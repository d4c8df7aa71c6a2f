/* SPDX-License-Identifier: MIT */
/*
 * Lists of instances by what people ask for. A query holds only the conditions that were given, so that
 * an index can serve it; values are always bound, never written into the text.
 */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "store/store_internal.h"

#define SQL_SIZE_MAX 8192
#define VALUES_MAX 24

/* ---- a row ---------------------------------------------------------------------------------------- */

static const char *text(const struct walk *walk, int column)
{
    return (const char *)sqlite3_column_text(walk->statement, column);
}

static int64_t number(const struct walk *walk, int column)
{
    return sqlite3_column_int64(walk->statement, column);
}

struct instance_row store_read_instance(const struct walk *walk)
{
    return (struct instance_row){
        .id = text(walk, 0),           .flow = text(walk, 1),
        .flow_name = text(walk, 2),    .version = text(walk, 3),
        .trigger = text(walk, 4),      .invoked_by = text(walk, 5),
        .parent = text(walk, 6),       .parameters = text(walk, 7),
        .state = text(walk, 8),        .module_digest = text(walk, 9),
        .fault_code = text(walk, 10),  .fault_title = text(walk, 11),
        .fault_detail = text(walk, 12), .started_ms = number(walk, 13),
        .finished_ms = number(walk, 14), .exit_status = (int)number(walk, 15),
        .response_status = (int)number(walk, 16), .cpu_us = number(walk, 17),
        .memory_bytes = (uint64_t)number(walk, 18), .import_calls = (uint64_t)number(walk, 19),
        .files_found = number(walk, 20), .files_transferred = number(walk, 21),
        .files_not_transferred = number(walk, 22), .files_postponed = number(walk, 23),
        .resubmission_of = text(walk, 24), .resubmitted_as = text(walk, 25),
        .resubmissions = number(walk, 26), .discarded_ms = number(walk, 27),
        .tracing = text(walk, 28),
    };
}

/* ---- the text of a query -------------------------------------------------------------------------- */

struct value {
    const char *text; /* NULL: number */
    int64_t number;
};

struct query {
    struct buf sql;
    struct value values[VALUES_MAX];
    int count;
    bool has_condition;
};

static void query_init(struct query *query, const char *sql)
{
    *query = (struct query){.count = 0};
    buf_init(&query->sql, SQL_SIZE_MAX);
    buf_append_text(&query->sql, sql);
}

static void where(struct query *query, const char *condition)
{
    buf_append_text(&query->sql, query->has_condition ? " AND " : " WHERE ");
    buf_append_text(&query->sql, condition);
    query->has_condition = true;
}

static void push(struct query *query, const char *value, int64_t number)
{
    if (query->count < VALUES_MAX)
        query->values[query->count++] = (struct value){value, number};
}

/* condition has one '?', for value; NULL: it is not asked for. */
static void where_text(struct query *query, const char *condition, const char *value)
{
    if (!value)
        return;
    where(query, condition);
    push(query, value, 0);
}

/* The same for a number; 0: not asked for. */
static void where_number(struct query *query, const char *condition, int64_t value)
{
    if (value == 0)
        return;
    where(query, condition);
    push(query, NULL, value);
}

#define FAILED "i.state IN ('FAILED', 'ABORTED')" /* word for word as in the index instance_failed */

static void where_open_error(struct query *query)
{
    where(query, FAILED " AND i.parent IS NULL"
                 " AND NOT EXISTS (SELECT 1 FROM discarded d WHERE d.instance = i.number)"
                 " AND NOT EXISTS (SELECT 1 FROM resubmission r WHERE r.instance = i.number)"
                 " AND NOT EXISTS (SELECT 1 FROM resubmission r JOIN instance n"
                 "   ON n.number = r.instance WHERE r.origin = i.id AND n.state = 'COMPLETED')");
}

static void where_tracking(struct query *query, const struct store_filter *filter)
{
    if (!filter->tracking)
        return;
    where(query, "EXISTS (SELECT 1 FROM track t WHERE t.instance = i.number AND t.value = ?");
    push(query, filter->tracking, 0);
    if (filter->tracking_rank > 0) {
        buf_append_text(&query->sql, " AND (SELECT count(*) FROM track u WHERE u.instance = t.instance"
                                     " AND u.number <= t.number) = ?");
        push(query, NULL, filter->tracking_rank);
    }
    buf_append_char(&query->sql, ')');
}

static void where_filter(struct query *query, const struct store_filter *filter)
{
    bool is_failure = filter->state && (strcmp(filter->state, "FAILED") == 0 ||
                                        strcmp(filter->state, "ABORTED") == 0);
    where_text(query, "i.flow = ?", filter->flow);
    where_text(query, "i.version = ?", filter->version);
    where_text(query, "i.id = ?", filter->id);
    if (is_failure)
        where(query, FAILED);
    where_text(query, "i.state = ?", filter->state);
    where_text(query, "i.parent = ?", filter->parent);
    where_number(query, "i.started_ms >= ?", filter->from_ms);
    where_number(query, "i.started_ms <= ?", filter->to_ms);
    where_number(query, "i.finished_ms - i.started_ms >= ?", filter->duration_from_ms);
    where_number(query, "i.finished_ms > 0 AND i.finished_ms - i.started_ms <= ?",
                 filter->duration_to_ms);
    where_tracking(query, filter);
    if (filter->top_level_only)
        where(query, "i.parent IS NULL");
    if (filter->open_errors)
        where_open_error(query);
    where_number(query, "(SELECT count(*) FROM resubmission r WHERE r.origin = i.id) >= ?",
                 filter->used_up_only ? STORE_RESUBMISSIONS_MAX : 0);
    where_number(query, "(SELECT count(*) FROM resubmission r WHERE r.origin = i.id) < ?",
                 filter->recoverable_only ? STORE_RESUBMISSIONS_MAX : 0);
}

/* What runs is being updated now. */
static void where_updated(struct query *query, const struct store_filter *filter)
{
    where_number(query, filter->updated_to_ms ? "i.finished_ms >= ?"
                                              : "(i.finished_ms >= ? OR i.finished_ms = 0)",
                 filter->updated_from_ms);
    where_number(query, "i.finished_ms BETWEEN 1 AND ?", filter->updated_to_ms);
}

/* ---- walking -------------------------------------------------------------------------------------- */

static bool begin(struct walk *walk, struct store *store, struct query *query, struct error *err)
{
    bool ok = walk_begin(walk, store, buf_text(&query->sql), err);
    for (int i = 0; ok && i < query->count; i++) {
        const struct value *value = &query->values[i];
        if (value->text)
            sqlite3_bind_text(walk->statement, i + 1, value->text, -1, SQLITE_TRANSIENT);
        else
            sqlite3_bind_int64(walk->statement, i + 1, value->number);
    }
    buf_release(&query->sql);
    return ok;
}

struct page {
    instance_row_fn *fn;
    void *context;
    int64_t left, skip; /* rows still to give, to leave out; left below 0: no limit */
    bool is_stopped;
};

static bool give(struct store *store, struct query *query, struct page *page, struct error *err)
{
    struct walk walk;
    bool ok = begin(&walk, store, query, err);
    while (ok && !page->is_stopped && page->left != 0 && walk_next(&walk)) {
        if (page->skip > 0) {
            page->skip--;
            continue;
        }
        struct instance_row row = store_read_instance(&walk);
        page->is_stopped = !page->fn(page->context, &row);
        page->left -= page->left > 0;
    }
    return walk_end(&walk, ok ? err : NULL) && ok;
}

/* Two queries, because no index puts what has not finished before what finished last. */
static bool give_by_update(struct store *store, const struct store_filter *filter,
                           struct page *page, struct error *err)
{
    struct query query;
    if (!filter->updated_to_ms) {
        query_init(&query, STORE_INSTANCE_COLUMNS);
        where(&query, "i.state = 'IN_PROGRESS'");
        where_filter(&query, filter);
        buf_append_text(&query.sql, " ORDER BY i.number DESC");
        if (!give(store, &query, page, err))
            return false;
    }
    if (page->is_stopped || page->left == 0)
        return true;
    query_init(&query, STORE_INSTANCE_COLUMNS);
    where(&query, "i.finished_ms > 0");
    where_filter(&query, filter);
    where_number(&query, "i.finished_ms >= ?", filter->updated_from_ms);
    where_number(&query, "i.finished_ms <= ?", filter->updated_to_ms);
    buf_append_text(&query.sql, " ORDER BY i.finished_ms DESC, i.number DESC");
    return give(store, &query, page, err);
}

bool store_instances(struct store *store, const struct store_filter *filter, instance_row_fn *fn,
                     void *context, struct error *err)
{
    struct query query;
    struct page page = {.fn = fn, .context = context, .skip = filter->offset,
                        .left = filter->limit > 0 ? filter->limit : -1};
    if (filter->order == STORE_BY_UPDATE)
        return give_by_update(store, filter, &page, err);
    query_init(&query, STORE_INSTANCE_COLUMNS);
    where_filter(&query, filter);
    where_updated(&query, filter);
    buf_append_text(&query.sql, filter->order == STORE_BY_DURATION
                                    ? " ORDER BY max(i.finished_ms - i.started_ms, 0) DESC,"
                                      " i.number DESC"
                                    : " ORDER BY i.number DESC");
    return give(store, &query, &page, err);
}

bool store_count_instances(struct store *store, const struct store_filter *filter, int64_t most,
                           int64_t *count, struct error *err)
{
    struct walk walk;
    struct query query;
    query_init(&query, "SELECT count(*) FROM (SELECT 1 FROM instance i");
    where_filter(&query, filter);
    where_updated(&query, filter);
    buf_append_text(&query.sql, " LIMIT ?)");
    push(&query, NULL, most);
    bool ok = begin(&walk, store, &query, err);
    if (ok && walk_next(&walk))
        *count = number(&walk, 0);
    return walk_end(&walk, ok ? err : NULL) && ok;
}

/* ---- groups --------------------------------------------------------------------------------------- */

#define COUNTS                                                                                     \
    " count(*), sum(i.state = 'COMPLETED'), sum(i.state = 'FAILED'), sum(i.state = 'ABORTED'),"    \
    " sum(i.state = 'IN_PROGRESS'), max(i.started_ms) FROM instance i"

/* The connection of the newest import that failed. */
#define FAILED_CONNECTION                                                                          \
    "(SELECT a.connection FROM activity a WHERE a.instance = i.number AND a.result <> 'ok'"        \
    " AND a.connection IS NOT NULL ORDER BY a.number DESC LIMIT 1)"

static const struct {
    const char *columns, *group;
} groupings[] = {
    [STORE_GROUP_FLOW] = {"SELECT i.flow, i.version, max(i.flow_name)," COUNTS,
                          " GROUP BY i.flow, i.version ORDER BY i.flow, i.version"},
    [STORE_GROUP_FAULT] = {"SELECT i.fault_code, NULL, i.fault_title," COUNTS,
                           " GROUP BY i.fault_code, i.fault_title ORDER BY count(*) DESC, i.fault_code"},
    [STORE_GROUP_CONNECTION] = {"SELECT " FAILED_CONNECTION " AS c, NULL, NULL," COUNTS,
                                " GROUP BY c ORDER BY count(*) DESC, c"},
};

bool store_groups(struct store *store, const struct store_filter *filter, enum store_grouping by,
                  group_row_fn *fn, void *context, struct error *err)
{
    struct walk walk;
    struct query query;
    query_init(&query, groupings[by].columns);
    where_filter(&query, filter);
    where_updated(&query, filter);
    buf_append_text(&query.sql, groupings[by].group);
    bool ok = begin(&walk, store, &query, err);
    bool go_on = ok;
    while (go_on && walk_next(&walk)) {
        const struct group_row row = {
            .key = text(&walk, 0), .version = text(&walk, 1), .name = text(&walk, 2),
            .total = number(&walk, 3), .completed = number(&walk, 4), .failed = number(&walk, 5),
            .aborted = number(&walk, 6), .in_progress = number(&walk, 7),
            .newest_ms = number(&walk, 8),
        };
        go_on = fn(context, &row);
    }
    return walk_end(&walk, ok ? err : NULL) && ok;
}

bool store_failed_connection(struct store *store, const char *id, char *name, size_t size,
                             struct error *err)
{
    struct walk walk;
    struct query query;
    query_init(&query, "SELECT " FAILED_CONNECTION " FROM instance i");
    where_text(&query, "i.id = ?", id);
    bool ok = begin(&walk, store, &query, err);
    const char *found = ok && walk_next(&walk) ? text(&walk, 0) : NULL;
    snprintf(name, size, "%s", found ? found : "");
    return walk_end(&walk, ok ? err : NULL) && ok;
}
