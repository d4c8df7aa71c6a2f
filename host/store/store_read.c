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
    if (!walk_instance(&walk, store, id, STORE_INSTANCE_COLUMNS
                       " WHERE i.number = ?3 AND i.number > ?1", err))
        return false;
    if (walk_next(&walk)) {
        struct instance_row row = store_read_instance(&walk);
        fn(context, &row);
    }
    return walk_end(&walk, err);
}

#define ACTIVITIES                                                                                 \
    "SELECT number, at_ms, duration_us, import, connection, subject, result, detail, bytes,"       \
    " request, response FROM activity WHERE instance = ?3"

bool store_activities(struct store *store, const char *id, activity_row_fn *fn, void *context,
                      struct error *err)
{
    return store_activity_page(store, id, false, 0, 0, fn, context, err);
}

bool store_activity_page(struct store *store, const char *id, bool newest_first, int64_t limit,
                         int64_t offset, activity_row_fn *fn, void *context, struct error *err)
{
    struct walk walk;
    int64_t number = 0;
    if (!resolve(store, id, &number, err))
        return false;
    walk_begin(&walk, store,
               newest_first ? ACTIVITIES " AND number < ?1 ORDER BY number DESC LIMIT ?2 OFFSET ?4"
                            : ACTIVITIES " AND number > ?1 ORDER BY number LIMIT ?2 OFFSET ?4",
               newest_first ? WALK_DESCENDING : WALK_ASCENDING, limit);
    walk_bind_number(&walk, 3, number);
    walk_bind_number(&walk, 4, offset);
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
        walk_bind_number(&walk, 4, 0); /* further pages begin behind the last row */
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
