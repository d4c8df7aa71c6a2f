/* SPDX-License-Identifier: MIT */
/* Reading the store; see store.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "store/store.h"
#include "store/store_internal.h"
#include "store/store_walk.h"

#define ID_PREFIX_SIZE_MIN 4
#define ID_SIZE_MAX 64
#define SQL_SIZE_MAX 8192

#define INSTANCE_COLUMNS                                                                           \
    "SELECT i.number, i.id, i.flow, i.flow_name, i.version, i.trigger, i.invoked_by, i.parent,"              \
    " i.parameters, i.state, i.module_digest, i.fault_code, i.fault_title, i.fault_detail,"        \
    " i.started_ms, i.finished_ms, i.exit_status, i.response_status, i.cpu_us, i.memory_bytes,"    \
    " i.import_calls,"                                                                             \
    " (SELECT count(*) FROM file f WHERE f.instance = i.number),"                                  \
    " (SELECT count(*) FROM file f WHERE f.instance = i.number AND f.state = 'transferred'),"      \
    " (SELECT count(*) FROM file f WHERE f.instance = i.number AND f.state = 'not_transferred'),"  \
    " (SELECT count(*) FROM file f WHERE f.instance = i.number AND f.state = 'postponed'),"        \
    " (SELECT r.origin FROM resubmission r WHERE r.instance = i.number),"                          \
    " (SELECT n.id FROM resubmission r JOIN instance n ON n.number = r.instance"                   \
    "  WHERE r.origin = i.id ORDER BY r.instance DESC LIMIT 1),"                                   \
    " (SELECT count(*) FROM resubmission r WHERE r.origin = i.id),"                                \
    " (SELECT d.at_ms FROM discarded d WHERE d.instance = i.number), i.durable, i.owner,"          \
    " i.tracing, i.trace, i.span, i.parent_span, i.filters"                                                   \
    " FROM instance i"

/* OIC's word for what an ended process left and another one will go on with. */
static const char *state_of(const struct walk *walk)
{
    const char *state = walk_text(walk, 9);
    bool is_unfinished = strcmp(state, "IN_PROGRESS") == 0 && walk_number(walk, 29) &&
                         !store_owner_lives(&walk->store->owner, walk_number(walk, 30));
    return is_unfinished ? "RECOVERING" : state;
}

static struct instance_row read_instance(const struct walk *walk)
{
    return (struct instance_row){
        .id = walk_text(walk, 1),           .flow = walk_text(walk, 2),
        .flow_name = walk_text(walk, 3),    .version = walk_text(walk, 4),
        .trigger = walk_text(walk, 5),      .invoked_by = walk_text(walk, 6),
        .parent = walk_text(walk, 7),       .parameters = walk_text(walk, 8),
        .state = state_of(walk),        .module_digest = walk_text(walk, 10),
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
        .parent_span = walk_text(walk, 34), .filters = walk_text(walk, 35),
    };
}

#define OPEN_ERRORS                                                                                \
    " AND (i.state IN ('FAILED', 'ABORTED') OR i.fault_code = 'suspended') AND i.parent IS NULL"   \
    " AND NOT EXISTS (SELECT 1 FROM discarded d WHERE d.instance = i.number)"                      \
    " AND NOT EXISTS (SELECT 1 FROM resubmission r WHERE r.instance = i.number)"                   \
    " AND NOT EXISTS (SELECT 1 FROM resubmission r JOIN instance n ON n.number = r.instance"       \
    "   WHERE r.origin = i.id AND n.state = 'COMPLETED')"

/* Only the conditions that were asked for, so that the ones that an index can answer are. */
static void build_query(const struct store_filter *filter, struct buf *sql)
{
    const struct {
        bool is_asked;
        const char *condition;
    } conditions[] = {
        {filter->flow, " AND i.flow = ?3"},
        {filter->state, " AND i.state = ?4"},
        {filter->parent, " AND i.parent = ?5"},
        {filter->trace, " AND i.trace = ?10"},
        {filter->tracking, " AND i.number IN (SELECT instance FROM track WHERE value = ?6)"},
        {filter->from_ms, " AND i.started_ms >= ?7"},
        {filter->to_ms, " AND i.started_ms <= ?8"},
        {filter->top_level_only, " AND i.parent IS NULL"},
        {filter->open_errors, OPEN_ERRORS},
    };
    buf_append_text(sql, INSTANCE_COLUMNS " WHERE i.number < ?1");
    for (size_t i = 0; i < sizeof conditions / sizeof conditions[0]; i++)
        if (conditions[i].is_asked)
            buf_append_text(sql, conditions[i].condition);
    buf_append_text(sql, " ORDER BY i.number DESC LIMIT ?2 OFFSET ?9");
}

bool store_instances(struct store *store, const struct store_filter *filter, instance_row_fn *fn,
                     void *context, struct error *err)
{
    struct walk walk;
    struct buf sql;
    buf_init(&sql, SQL_SIZE_MAX);
    build_query(filter, &sql);
    walk_begin(&walk, store, buf_text(&sql), WALK_DESCENDING, filter->limit);
    walk_bind_text(&walk, 3, filter->flow);
    walk_bind_text(&walk, 4, filter->state);
    walk_bind_text(&walk, 5, filter->parent);
    walk_bind_text(&walk, 6, filter->tracking);
    walk_bind_number(&walk, 7, filter->from_ms);
    walk_bind_number(&walk, 8, filter->to_ms);
    walk_bind_number(&walk, 9, filter->offset);
    walk_bind_text(&walk, 10, filter->trace);
    bool go_on = true;
    while (go_on && walk_next(&walk)) {
        struct instance_row row = read_instance(&walk);
        go_on = fn(context, &row);
        walk_bind_number(&walk, 9, 0); /* further pages begin behind the last row */
    }
    bool ok = walk_end(&walk, err);
    buf_release(&sql);
    return ok;
}

/* ---- one instance ------------------------------------------------------------------------------ */

static bool check_prefix(const char *id, struct error *err)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    size_t size = strlen(id);
    if (size > ID_SIZE_MAX || strspn(id, alphabet) != size)
        return error_set(err, ERROR_INVALID, "'%.80s' is not an instance id", id);
    if (size < ID_PREFIX_SIZE_MIN)
        return error_set(err, ERROR_INVALID,
                         "'%s' is too short: the first %d characters of an instance id or more",
                         id, ID_PREFIX_SIZE_MIN);
    return true;
}

/* The instance's number. Ids are ASCII below '~', so the ones that begin with a prefix lie between it
 * and prefix + "~". */
static bool resolve(struct store *store, const char *id, int64_t *number, struct error *err)
{
    struct walk walk;
    char full[ID_SIZE_MAX + 1] = "", other[ID_SIZE_MAX + 1] = "";
    if (!check_prefix(id, err))
        return false;
    walk_begin(&walk, store, "SELECT number, id FROM instance WHERE id >= ?3 AND id < ?3 || '~'"
                             " ORDER BY id LIMIT ?2", WALK_ASCENDING, 2);
    walk_bind_text(&walk, 3, id);
    if (walk_next(&walk)) {
        *number = walk_number(&walk, 0);
        snprintf(full, sizeof full, "%s", walk_text(&walk, 1));
    }
    if (full[0] && walk_next(&walk))
        snprintf(other, sizeof other, "%s", walk_text(&walk, 1));
    if (!walk_end(&walk, err))
        return false;
    if (!full[0])
        return error_set(err, ERROR_NOT_FOUND, "no instance has the id '%s'", id);
    if (other[0] && strcmp(full, id) != 0)
        return error_set(err, ERROR_INVALID, "'%s' is ambiguous: %s and %s begin with it", id, full,
                         other);
    return true;
}

/* Begins a query whose ?3 is the number of the instance. */
static bool walk_instance(struct walk *walk, struct store *store, const char *id, const char *sql,
                          struct error *err)
{
    int64_t number = 0;
    if (!resolve(store, id, &number, err))
        return false;
    walk_begin(walk, store, sql, WALK_ASCENDING, 0);
    walk_bind_number(walk, 3, number);
    return true;
}

bool store_instance(struct store *store, const char *id, instance_row_fn *fn, void *context,
                    struct error *err)
{
    struct walk walk;
    if (!walk_instance(&walk, store, id, INSTANCE_COLUMNS " WHERE i.number = ?3 AND i.number > ?1", err))
        return false;
    if (walk_next(&walk)) {
        struct instance_row row = read_instance(&walk);
        fn(context, &row);
    }
    return walk_end(&walk, err);
}

bool store_activities(struct store *store, const char *id, activity_row_fn *fn, void *context,
                      struct error *err)
{
    struct walk walk;
    if (!walk_instance(&walk, store, id,
                       "SELECT number, at_ms, duration_us, import, connection, subject, result,"
                       " detail, bytes, request, response FROM activity WHERE instance = ?3 AND number > ?1"
                       " ORDER BY number LIMIT ?2", err))
        return false;
    bool go_on = true;
    while (go_on && walk_next(&walk)) {
        struct activity row = {
            .at_ms = walk_number(&walk, 1),    .duration_us = walk_number(&walk, 2),
            .import = walk_text(&walk, 3),     .connection = walk_text(&walk, 4),
            .subject = walk_text(&walk, 5),    .result = walk_text(&walk, 6),
            .detail = walk_text(&walk, 7),     .bytes = (uint64_t)walk_number(&walk, 8),
            .request = walk_text(&walk, 9),    .request_size = walk_size(&walk, 9),
            .response = walk_text(&walk, 10),  .response_size = walk_size(&walk, 10),
        };
        go_on = fn(context, &row);
    }
    return walk_end(&walk, err);
}

bool store_files(struct store *store, const char *id, file_row_fn *fn, void *context,
                 struct error *err)
{
    struct walk walk;
    if (!walk_instance(&walk, store, id,
                       "SELECT number, name, state, detail, size, at_ms FROM file"
                       " WHERE instance = ?3 AND number > ?1 ORDER BY number LIMIT ?2", err))
        return false;
    bool go_on = true;
    while (go_on && walk_next(&walk)) {
        struct file_row row = {
            .name = walk_text(&walk, 1), .state = walk_text(&walk, 2), .detail = walk_text(&walk, 3),
            .size = (uint64_t)walk_number(&walk, 4), .at_ms = walk_number(&walk, 5),
        };
        go_on = fn(context, &row);
    }
    return walk_end(&walk, err);
}

bool store_tracks(struct store *store, const char *id, track_row_fn *fn, void *context,
                  struct error *err)
{
    struct walk walk;
    if (!walk_instance(&walk, store, id,
                       "SELECT number, name, value FROM track WHERE instance = ?3 AND number > ?1"
                       " ORDER BY number LIMIT ?2", err))
        return false;
    bool go_on = true;
    while (go_on && walk_next(&walk))
        go_on = fn(context, walk_text(&walk, 1), walk_text(&walk, 2));
    return walk_end(&walk, err);
}

bool store_payload(struct store *store, const char *id, const char *which, struct buf *out,
                   struct error *err)
{
    struct walk walk;
    if (!walk_instance(&walk, store, id, "SELECT 1, bytes FROM payload WHERE instance = ?3"
                                         " AND which = ?4", err))
        return false;
    walk_bind_text(&walk, 4, which);
    if (walk_next(&walk))
        buf_append(out, walk_text(&walk, 1), walk_size(&walk, 1));
    if (!walk_end(&walk, err))
        return false;
    return !out->failed || error_set(err, ERROR_LIMIT, "the %s is larger than %zu bytes", which,
                                     out->size_max);
}
