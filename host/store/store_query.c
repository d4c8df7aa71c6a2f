/* SPDX-License-Identifier: MIT */
/*
 * Lists of instances by what people ask for. A query holds only the conditions that were given, so that
 * an index can serve it; values are always bound, never written into the text.
 */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "store/store_internal.h"
#include "store/store_walk.h"

#define SQL_SIZE_MAX 8192
#define FIRST_PARAMETER 3 /* the ones before are the walk's */

/* ---- a row ---------------------------------------------------------------------------------------- */

/* OIC's word for what an ended process left and another one will go on with. */
static const char *state_of(const struct walk *walk)
{
    const char *state = walk_text(walk, 9);
    bool is_unfinished = strcmp(state, "IN_PROGRESS") == 0 && walk_number(walk, 29) &&
                         !store_owner_lives(&walk->store->owner, walk_number(walk, 30));
    return is_unfinished ? "RECOVERING" : state;
}

struct instance_row store_read_instance(const struct walk *walk)
{
    return (struct instance_row){
        .id = walk_text(walk, 1),           .flow = walk_text(walk, 2),
        .flow_name = walk_text(walk, 3),    .version = walk_text(walk, 4),
        .trigger = walk_text(walk, 5),      .invoked_by = walk_text(walk, 6),
        .parent = walk_text(walk, 7),       .parameters = walk_text(walk, 8),
        .state = state_of(walk),            .module_digest = walk_text(walk, 10),
        .fault_code = walk_text(walk, 11),  .fault_title = walk_text(walk, 12),
        .fault_detail = walk_text(walk, 13),
        .started_ms = walk_number(walk, 14), .finished_ms = walk_number(walk, 15),
        .exit_status = (int)walk_number(walk, 16),
        .response_status = (int)walk_number(walk, 17),
        .cpu_us = walk_number(walk, 18),
        .memory_bytes = (uint64_t)walk_number(walk, 19),
        .import_calls = (uint64_t)walk_number(walk, 20),
        .files_found = walk_number(walk, 21), .files_transferred = walk_number(walk, 22),
        .files_not_transferred = walk_number(walk, 23),
        .files_postponed = walk_number(walk, 24),
        .resubmission_of = walk_text(walk, 25), .resubmitted_as = walk_text(walk, 26),
        .resubmissions = walk_number(walk, 27), .discarded_ms = walk_number(walk, 28),
        .is_durable = walk_number(walk, 29) != 0,
        .tracing = walk_text(walk, 31),
        .trace = walk_text(walk, 32), .span = walk_text(walk, 33),
        .parent_span = walk_text(walk, 34),
    };
}

/* ---- the text of a query -------------------------------------------------------------------------- */

struct value {
    const char *text; /* NULL: number */
    int64_t number;
};

struct query {
    struct buf sql;
    struct value values[WALK_PARAMETERS_MAX];
    int count;
    bool has_condition;
};

static void query_init(struct query *query, const char *sql)
{
    *query = (struct query){.count = 0};
    buf_init(&query->sql, SQL_SIZE_MAX);
    buf_append_text(&query->sql, sql);
}

/* Appends sql, whose '?' becomes the next parameter. Gives its number. */
static int append(struct query *query, const char *sql, const char *text, int64_t number)
{
    size_t size = strcspn(sql, "?");
    int parameter = FIRST_PARAMETER + query->count;
    buf_append(&query->sql, sql, size);
    buf_printf(&query->sql, "?%d", parameter);
    buf_append_text(&query->sql, sql + size + 1);
    query->values[query->count++] = (struct value){text, number};
    return parameter;
}

static void join(struct query *query)
{
    buf_append_text(&query->sql, query->has_condition ? " AND " : " WHERE ");
    query->has_condition = true;
}

static void where(struct query *query, const char *condition)
{
    join(query);
    buf_append_text(&query->sql, condition);
}

/* condition has one '?', for value; NULL: it is not asked for. */
static void where_text(struct query *query, const char *condition, const char *value)
{
    if (!value)
        return;
    join(query);
    append(query, condition, value, 0);
}

/* The same for a number; 0: not asked for. */
static void where_number(struct query *query, const char *condition, int64_t value)
{
    if (value == 0)
        return;
    join(query);
    append(query, condition, NULL, value);
}

/* word for word as in the index instance_failed */
#define FAILED "(i.state IN ('FAILED', 'ABORTED') OR i.fault_code = 'suspended')"

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
    where_text(query, "i.number IN (SELECT t.instance FROM track t WHERE t.value = ?", filter->tracking);
    if (filter->tracking_rank > 0)
        append(query, " AND (SELECT count(*) FROM track u WHERE u.instance = t.instance"
                      " AND u.number <= t.number) = ?", NULL, filter->tracking_rank);
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
    where_text(query, "i.trace = ?", filter->trace);
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

static void begin(struct walk *walk, struct store *store, const struct query *query, int64_t limit)
{
    walk_begin(walk, store, buf_text(&query->sql), WALK_DESCENDING, limit);
    for (int i = 0; i < query->count; i++) {
        if (query->values[i].text)
            walk_bind_text(walk, FIRST_PARAMETER + i, query->values[i].text);
        else
            walk_bind_number(walk, FIRST_PARAMETER + i, query->values[i].number);
    }
}

static bool finish(struct walk *walk, struct query *query, struct error *err)
{
    bool ok = walk_end(walk, err);
    buf_release(&query->sql);
    return ok;
}

/* A number that a query counts up to most. */
static bool count(struct store *store, struct query *query, int64_t most, int64_t *out,
                  struct error *err)
{
    struct walk walk;
    append(query, " LIMIT ?)", NULL, most);
    begin(&walk, store, query, 1);
    if (walk_next(&walk))
        *out = walk_number(&walk, 0);
    return finish(&walk, query, err);
}

#define COUNT "SELECT count(*) FROM (SELECT 1 FROM instance i"

struct page {
    instance_row_fn *fn;
    void *context;
    int64_t left, skip; /* rows still to give, to leave out; left below 0: no limit */
    bool is_stopped;
};

/* Newest first: later pages of the walk begin behind the last row. In another order they leave out what
 * was given. */
static bool give(struct store *store, struct query *query, struct page *page, const char *order,
                 struct error *err)
{
    struct walk walk;
    int64_t given = 0;
    if (!order)
        where(query, "i.number < ?1");
    buf_append_text(&query->sql, order ? order : " ORDER BY i.number DESC");
    buf_append_text(&query->sql, " LIMIT ?2");
    int offset = append(query, " OFFSET ?", NULL, page->skip);
    begin(&walk, store, query, page->left > 0 ? page->left : 0);
    while (!page->is_stopped && page->left != 0 && walk_next(&walk)) {
        struct instance_row row = store_read_instance(&walk);
        page->is_stopped = !page->fn(page->context, &row);
        page->left -= page->left > 0;
        walk_bind_number(&walk, offset, order ? page->skip + ++given : 0);
    }
    return finish(&walk, query, err);
}

static void where_running(struct query *query, const struct store_filter *filter)
{
    where(query, "i.state = 'IN_PROGRESS'");
    where_filter(query, filter);
}

/* What runs. Leaves in page what is still to be left out and given of the rest. */
static bool give_running(struct store *store, const struct store_filter *filter, struct page *page,
                         struct error *err)
{
    struct query query;
    int64_t running = 0, skip = page->skip;
    if (skip > 0) {
        query_init(&query, COUNT);
        where_running(&query, filter);
        if (!count(store, &query, skip, &running, err))
            return false;
    }
    query_init(&query, STORE_INSTANCE_COLUMNS);
    where_running(&query, filter);
    bool ok = give(store, &query, page, NULL, err);
    page->skip = skip - running;
    return ok;
}

/* Two queries, because no index puts what has not finished before what finished last. What finishes
 * meanwhile is left out, so that nothing comes twice. */
static bool give_by_update(struct store *store, const struct store_filter *filter,
                           struct page *page, struct error *err)
{
    struct query query;
    int64_t asked_ms = clock_wall_ms();
    if (!filter->updated_to_ms && !give_running(store, filter, page, err))
        return false;
    if (page->is_stopped || page->left == 0)
        return true;
    query_init(&query, STORE_INSTANCE_COLUMNS);
    where(&query, "i.finished_ms > 0");
    where_filter(&query, filter);
    where_number(&query, "i.finished_ms >= ?", filter->updated_from_ms);
    where_number(&query, "i.finished_ms <= ?",
                 filter->updated_to_ms ? filter->updated_to_ms : asked_ms);
    return give(store, &query, page, " ORDER BY i.finished_ms DESC, i.number DESC", err);
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
    return give(store, &query, &page,
                filter->order == STORE_BY_DURATION
                    ? " ORDER BY max(i.finished_ms - i.started_ms, 0) DESC, i.number DESC" : NULL,
                err);
}

bool store_count_instances(struct store *store, const struct store_filter *filter, int64_t most,
                           int64_t *out, struct error *err)
{
    struct query query;
    query_init(&query, COUNT);
    where_filter(&query, filter);
    where_updated(&query, filter);
    return count(store, &query, most, out, err);
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
    [STORE_GROUP_FLOW] = {"SELECT 0, i.flow, i.version, max(i.flow_name)," COUNTS,
                          " GROUP BY i.flow, i.version ORDER BY i.flow, i.version"},
    [STORE_GROUP_FAULT] = {"SELECT 0, i.fault_code, NULL, i.fault_title," COUNTS,
                           " GROUP BY i.fault_code, i.fault_title ORDER BY count(*) DESC, i.fault_code"},
    [STORE_GROUP_CONNECTION] = {"SELECT 0, " FAILED_CONNECTION " AS c, NULL, NULL," COUNTS,
                                " GROUP BY c ORDER BY count(*) DESC, c"},
};

bool store_groups(struct store *store, const struct store_filter *filter, enum store_grouping by,
                  group_row_fn *fn, void *context, struct error *err)
{
    struct walk walk;
    struct query query;
    int64_t given = 0;
    query_init(&query, groupings[by].columns);
    where_filter(&query, filter);
    where_updated(&query, filter);
    buf_append_text(&query.sql, groupings[by].group);
    buf_append_text(&query.sql, " LIMIT ?2");
    int offset = append(&query, " OFFSET ?", NULL, 0);
    begin(&walk, store, &query, 0);
    bool go_on = true;
    while (go_on && walk_next(&walk)) {
        const struct group_row row = {
            .key = walk_text(&walk, 1), .version = walk_text(&walk, 2), .name = walk_text(&walk, 3),
            .total = walk_number(&walk, 4), .completed = walk_number(&walk, 5),
            .failed = walk_number(&walk, 6), .aborted = walk_number(&walk, 7),
            .in_progress = walk_number(&walk, 8), .newest_ms = walk_number(&walk, 9),
        };
        go_on = fn(context, &row);
        walk_bind_number(&walk, offset, ++given);
    }
    return finish(&walk, &query, err);
}

bool store_failed_connection(struct store *store, const char *id, char *name, size_t size,
                             struct error *err)
{
    struct walk walk;
    struct query query;
    query_init(&query, "SELECT 0, " FAILED_CONNECTION " FROM instance i");
    where_text(&query, "i.id = ?", id);
    begin(&walk, store, &query, 1);
    const char *found = walk_next(&walk) ? walk_text(&walk, 1) : NULL;
    snprintf(name, size, "%s", found ? found : "");
    return finish(&walk, &query, err);
}
