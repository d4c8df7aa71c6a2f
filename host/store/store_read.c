/* SPDX-License-Identifier: MIT */
/* Reading the store; see store.h. The database stays locked while a callback runs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "store/store.h"
#include "store/store_internal.h"

#define ID_PREFIX_SIZE_MIN 4
#define ID_SIZE_MAX 64

bool walk_begin(struct walk *walk, struct store *store, const char *sql, struct error *err)
{
    struct error ignored; /* the writer logs and retries; reading works all the same */
    pthread_mutex_lock(&store->database);
    (void)!store_queue_flush(store, &ignored);
    *walk = (struct walk){.store = store};
    walk->code = sqlite3_prepare_v2(store->db, sql, -1, &walk->statement, NULL);
    return walk->code == SQLITE_OK || store_fail(store->db, walk->code, err, "cannot read the store");
}

bool walk_next(struct walk *walk)
{
    walk->code = sqlite3_step(walk->statement);
    return walk->code == SQLITE_ROW;
}

bool walk_end(struct walk *walk, struct error *err)
{
    bool ok = walk->code == SQLITE_DONE || walk->code == SQLITE_ROW || walk->code == SQLITE_OK ||
              store_fail(walk->store->db, walk->code, err, "cannot read the store");
    sqlite3_finalize(walk->statement);
    pthread_mutex_unlock(&walk->store->database);
    return ok;
}

static const char *text(const struct walk *walk, int column)
{
    return (const char *)sqlite3_column_text(walk->statement, column);
}

static int64_t number(const struct walk *walk, int column)
{
    return sqlite3_column_int64(walk->statement, column);
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

/* Ids are ASCII below '~', so the ones that begin with a prefix lie between it and prefix + "~". */
static bool resolve(struct store *store, const char *id, char full[static ID_SIZE_MAX + 1],
                    struct error *err)
{
    struct walk walk;
    char other[ID_SIZE_MAX + 1] = "";
    full[0] = '\0';
    if (!check_prefix(id, err))
        return false;
    bool ok = walk_begin(&walk, store,
                         "SELECT id FROM instance WHERE id >= ?1 AND id < ?1 || '~' ORDER BY id"
                         " LIMIT 2", err);
    sqlite3_bind_text(walk.statement, 1, id, -1, SQLITE_STATIC);
    if (ok && walk_next(&walk))
        snprintf(full, ID_SIZE_MAX + 1, "%s", text(&walk, 0));
    if (ok && full[0] && walk_next(&walk))
        snprintf(other, sizeof other, "%s", text(&walk, 0));
    ok = walk_end(&walk, ok ? err : NULL) && ok;
    if (ok && !full[0])
        return error_set(err, ERROR_NOT_FOUND, "no instance has the id '%s'", id);
    if (ok && other[0] && strcmp(full, id) != 0)
        return error_set(err, ERROR_INVALID, "'%s' is ambiguous: %s and %s begin with it", id, full,
                         other);
    return ok;
}

/* Resolves id and begins a query whose ?1 is the full id. */
static bool walk_instance(struct walk *walk, struct store *store, const char *id, const char *sql,
                          struct error *err)
{
    char full[ID_SIZE_MAX + 1];
    if (!resolve(store, id, full, err))
        return false;
    if (!walk_begin(walk, store, sql, err)) {
        (void)walk_end(walk, NULL); /* err says it already */
        return false;
    }
    sqlite3_bind_text(walk->statement, 1, full, -1, SQLITE_TRANSIENT);
    return true;
}

bool store_instance(struct store *store, const char *id, instance_row_fn *fn, void *context,
                    struct error *err)
{
    struct walk walk;
    if (!walk_instance(&walk, store, id, STORE_INSTANCE_COLUMNS " WHERE i.id = ?1", err))
        return false;
    if (walk_next(&walk)) {
        struct instance_row row = store_read_instance(&walk);
        fn(context, &row);
    }
    return walk_end(&walk, err);
}

#define ACTIVITIES                                                                                 \
    "SELECT a.at_ms, a.duration_us, a.import, a.connection, a.subject, a.result, a.detail,"        \
    " a.bytes, a.request, a.response FROM activity a JOIN instance i ON i.number = a.instance WHERE i.id = ?1 ORDER BY a.number"

bool store_activities(struct store *store, const char *id, activity_row_fn *fn, void *context,
                      struct error *err)
{
    return store_activity_page(store, id, false, 0, 0, fn, context, err);
}

bool store_activity_page(struct store *store, const char *id, bool newest_first, int64_t limit,
                         int64_t offset, activity_row_fn *fn, void *context, struct error *err)
{
    struct walk walk;
    if (!walk_instance(&walk, store, id, newest_first ? ACTIVITIES " DESC LIMIT ?2 OFFSET ?3"
                                                      : ACTIVITIES " LIMIT ?2 OFFSET ?3", err))
        return false;
    sqlite3_bind_int64(walk.statement, 2, limit > 0 ? limit : -1);
    sqlite3_bind_int64(walk.statement, 3, offset);
    bool go_on = true;
    while (go_on && walk_next(&walk)) {
        struct activity row = {
            .at_ms = number(&walk, 0),    .duration_us = number(&walk, 1),
            .import = text(&walk, 2),     .connection = text(&walk, 3),
            .subject = text(&walk, 4),    .result = text(&walk, 5),
            .detail = text(&walk, 6),     .bytes = (uint64_t)number(&walk, 7),
            .request = sqlite3_column_blob(walk.statement, 8),
            .request_size = (size_t)sqlite3_column_bytes(walk.statement, 8),
            .response = sqlite3_column_blob(walk.statement, 9),
            .response_size = (size_t)sqlite3_column_bytes(walk.statement, 9),
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
                       "SELECT f.name, f.state, f.detail, f.size, f.at_ms FROM file f"
                       " JOIN instance i ON i.number = f.instance WHERE i.id = ?1"
                       " ORDER BY f.number", err))
        return false;
    bool go_on = true;
    while (go_on && walk_next(&walk)) {
        struct file_row row = {
            .name = text(&walk, 0), .state = text(&walk, 1), .detail = text(&walk, 2),
            .size = (uint64_t)number(&walk, 3), .at_ms = number(&walk, 4),
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
                       "SELECT t.name, t.value FROM track t JOIN instance i"
                       " ON i.number = t.instance WHERE i.id = ?1 ORDER BY t.number", err))
        return false;
    bool go_on = true;
    while (go_on && walk_next(&walk))
        go_on = fn(context, text(&walk, 0), text(&walk, 1));
    return walk_end(&walk, err);
}

bool store_payload(struct store *store, const char *id, const char *which, struct buf *out,
                   struct error *err)
{
    struct walk walk;
    if (!walk_instance(&walk, store, id,
                       "SELECT p.bytes FROM payload p JOIN instance i ON i.number = p.instance"
                       " WHERE i.id = ?1 AND p.which = ?2", err))
        return false;
    sqlite3_bind_text(walk.statement, 2, which, -1, SQLITE_STATIC);
    if (walk_next(&walk)) {
        const void *bytes = sqlite3_column_blob(walk.statement, 0);
        buf_append(out, bytes, (size_t)sqlite3_column_bytes(walk.statement, 0));
    }
    if (!walk_end(&walk, err))
        return false;
    return !out->failed || error_set(err, ERROR_LIMIT, "the %s is larger than %zu bytes", which,
                                     out->size_max);
}
