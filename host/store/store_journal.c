/* SPDX-License-Identifier: MIT */
/* Reading the journal, and instances whose process ended; see store_journal.h. */
#include "store/store_journal.h"

#include <stdio.h>
#include <string.h>

#include "store/store_internal.h"
#include "store/store_walk.h"

bool store_journal_count(struct store *store, const char *id, int64_t *count, struct error *err)
{
    struct walk walk;
    walk_begin(&walk, store,
               "SELECT j.number FROM journal j WHERE j.instance ="
               " (SELECT number FROM instance WHERE id = ?3) AND j.number < ?1"
               " ORDER BY j.number DESC LIMIT ?2",
               WALK_DESCENDING, 1);
    walk_bind_text(&walk, 3, id);
    *count = walk_next(&walk) ? walk_number(&walk, 0) + 1 : 0;
    return walk_end(&walk, err);
}

/* SQL's NULL is told by a size below 0. */
static const void *blob(const struct walk *walk, int column, size_t *size)
{
    if (walk_number(walk, column + 3) < 0)
        return NULL;
    *size = walk_size(walk, column);
    return *size > 0 ? walk_text(walk, column) : "";
}

bool store_journal_read(struct store *store, const char *id, int64_t number, journal_record_fn *fn,
                        void *context, struct error *err)
{
    struct walk walk;
    walk_begin(&walk, store,
               "SELECT number, import, request, plan, result, length(request),"
               " ifnull(length(plan), -1), ifnull(length(result), -1) FROM journal"
               " WHERE instance = (SELECT number FROM instance WHERE id = ?3) AND number = ?4"
               " AND number > ?1 ORDER BY number LIMIT ?2",
               WALK_ASCENDING, 1);
    walk_bind_text(&walk, 3, id);
    walk_bind_number(&walk, 4, number);
    bool found = walk_next(&walk);
    if (found) {
        const char *import = walk_text(&walk, 1);
        struct journal_record record = {.number = walk_number(&walk, 0),
                                        .import = import ? import : ""}; /* NULL: a damaged store */
        record.request = blob(&walk, 2, &record.request_size);
        record.plan = blob(&walk, 3, &record.plan_size);
        record.result = blob(&walk, 4, &record.result_size);
        fn(context, &record);
    }
    return walk_end(&walk, err) &&
           (found || error_set(err, ERROR_NOT_FOUND, "the journal has no record %lld",
                               (long long)number));
}

/* ---- unfinished instances -------------------------------------------------------------------- */

struct found {
    char ids[STORE_UNFINISHED_MAX][INSTANCE_ID_SIZE];
    size_t count;
};

static void add_found(struct found *found, const char *id)
{
    snprintf(found->ids[found->count++], INSTANCE_ID_SIZE, "%s", id);
}

/* One that is this process's own and not run by it was left, where that could not be recorded. */
static bool is_run(struct store *store, const char *id, int64_t owner)
{
    return store_is_running(store, id) ||
           (owner != store->owner.number && store_owner_lives(&store->owner, owner));
}

bool store_unfinished(struct store *store, const char *flow, int64_t *after, instance_row_fn *fn,
                      void *context, struct error *err)
{
    struct found found = {.count = 0};
    struct walk walk;
    walk_begin(&walk, store,
               "SELECT number, owner, id FROM instance WHERE state = 'IN_PROGRESS' AND durable"
               " AND parent IS NULL AND (?3 IS NULL OR flow = ?3) AND +number > max(?1, ?4)"
               " ORDER BY +number LIMIT ?2",
               WALK_ASCENDING, 0);
    walk_bind_text(&walk, 3, flow);
    walk_bind_number(&walk, 4, *after);
    while (found.count < STORE_UNFINISHED_MAX && walk_next(&walk)) {
        *after = walk_number(&walk, 0);
        if (!is_run(store, walk_text(&walk, 2), walk_number(&walk, 1)))
            add_found(&found, walk_text(&walk, 2));
    }
    bool ok = walk_end(&walk, err);
    for (size_t i = 0; ok && i < found.count; i++)
        ok = store_instance(store, found.ids[i], fn, context, err);
    return ok;
}

bool store_none_open(struct store *store, const char *flow, struct error *err)
{
    char id[INSTANCE_ID_SIZE] = "";
    int64_t process = 0;
    struct walk walk;
    walk_begin(&walk, store,
               "SELECT number, process, id FROM instance WHERE state = 'IN_PROGRESS' AND durable"
               " AND parent IS NULL AND flow = ?3 AND +number > ?1 ORDER BY +number LIMIT ?2",
               WALK_ASCENDING, 1);
    walk_bind_text(&walk, 3, flow);
    if (walk_next(&walk)) {
        process = walk_number(&walk, 1);
        snprintf(id, sizeof id, "%s", walk_text(&walk, 2));
    }
    return walk_end(&walk, err) &&
           (!id[0] || error_set(err, ERROR_EXISTS,
                                "instance %s of flow '%s' is unfinished, and a process that lives (%lld or a "
                                "later one) goes on with it; wait for it, one run at a time",
                                id, flow, (long long)process));
}

/* ---- taking over ----------------------------------------------------------------------------- */

/* The instance and what it called and is unfinished, too. */
#define TREE                                                                                       \
    "WITH RECURSIVE tree (id) AS (SELECT ?1 UNION ALL"                                             \
    "  SELECT i.id FROM tree t JOIN instance i ON i.parent = t.id) "
#define UNFINISHED " WHERE id IN tree AND state = 'IN_PROGRESS' AND durable"

struct taking {
    const char *id;
    const char *reason; /* of giving back; NULL: taken over */
    int64_t owner; /* to be set */
    struct found tree;
    int64_t numbers[STORE_UNFINISHED_MAX];
};

static bool prepare(struct store *store, const char *sql, const char *id, sqlite3_stmt **out,
                    struct error *err)
{
    int code = sqlite3_prepare_v2(store->db, sql, -1, out, NULL);
    if (code != SQLITE_OK)
        return store_fail(store->db, code, err, "cannot prepare the journal");
    sqlite3_bind_text(*out, 1, id, -1, SQLITE_STATIC);
    return true;
}

/* Notes the tree; for the writer's thread. *owner: of its root. */
static bool read_tree(struct store *store, struct taking *taking, int64_t *owner, struct error *err)
{
    sqlite3_stmt *statement = NULL;
    int code = SQLITE_OK;
    *owner = STORE_OWNER_NOBODY;
    taking->tree.count = 0;
    if (!prepare(store, TREE "SELECT id, number, owner FROM instance" UNFINISHED, taking->id,
                 &statement, err))
        return false;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW &&
           taking->tree.count < STORE_UNFINISHED_MAX) {
        const char *id = (const char *)sqlite3_column_text(statement, 0);
        taking->numbers[taking->tree.count] = sqlite3_column_int64(statement, 1);
        add_found(&taking->tree, id);
        if (strcmp(id, taking->id) == 0)
            *owner = sqlite3_column_int64(statement, 2);
    }
    bool ok = code == SQLITE_DONE;
    if (code == SQLITE_ROW)
        error_set(err, ERROR_LIMIT, "instance %s and what it called are more than %d unfinished ones",
                  taking->id, STORE_UNFINISHED_MAX);
    else if (!ok)
        store_fail(store->db, code, err, "cannot read the store");
    sqlite3_finalize(statement);
    return ok;
}

static bool set_owner(struct store *store, const struct taking *taking, struct error *err)
{
    sqlite3_stmt *statement = NULL;
    if (!prepare(store, TREE "UPDATE instance SET owner = ?2,"
                        " fault_code = iif(?3 IS NULL, NULL, 'suspended'),"
                        " fault_title = iif(?3 IS NULL, NULL, 'The execution cannot go on now'),"
                        " fault_detail = ?3" UNFINISHED, taking->id, &statement, err))
        return false;
    sqlite3_bind_int64(statement, 2, taking->owner);
    sqlite3_bind_text(statement, 3, taking->reason, -1, SQLITE_STATIC);
    int code = sqlite3_step(statement);
    bool ok = code == SQLITE_DONE || store_fail(store->db, code, err, "cannot write to the store");
    sqlite3_finalize(statement);
    return ok;
}

static bool take_over(struct store *store, void *context, struct error *err)
{
    struct taking *taking = context;
    int64_t owner;
    if (!read_tree(store, taking, &owner, err))
        return false;
    if (taking->tree.count == 0)
        return error_set(err, ERROR_NOT_FOUND, "instance %s is not unfinished", taking->id);
    if (is_run(store, taking->id, owner))
        return error_set(err, ERROR_EXISTS, "instance %s is run by a process that lives",
                         taking->id);
    return set_owner(store, taking, err);
}

bool store_take_over(struct store *store, const char *id, struct error *err)
{
    struct taking taking = {.id = id, .owner = store->owner.number};
    if (!store_write(store, take_over, &taking, err))
        return false;
    for (size_t i = 0; i < taking.tree.count; i++)
        if (!store_adopt(store, taking.tree.ids[i], taking.numbers[i], err)) {
            while (i-- > 0)
                store_leave(store, taking.tree.ids[i]);
            return false;
        }
    return true;
}

static bool give_back(struct store *store, void *context, struct error *err)
{
    int64_t owner;
    return read_tree(store, context, &owner, err) && set_owner(store, context, err);
}

bool store_give_back(struct store *store, const char *id, const char *reason, struct error *err)
{
    struct taking taking = {.id = id, .reason = reason, .owner = STORE_OWNER_NOBODY};
    bool ok = store_write(store, give_back, &taking, err);
    if (!ok)
        store_leave(store, id);
    for (size_t i = 0; i < taking.tree.count; i++)
        (ok ? store_disown : store_leave)(store, taking.tree.ids[i]);
    return ok;
}

bool store_callee(struct store *store, const char *parent, int64_t call_number, instance_row_fn *fn,
                  void *context, struct error *err)
{
    char id[INSTANCE_ID_SIZE] = "";
    struct walk walk;
    walk_begin(&walk, store,
               "SELECT number, id FROM instance WHERE parent = ?3 AND call_number = ?4 AND durable"
               " AND number > ?1 ORDER BY number LIMIT ?2",
               WALK_ASCENDING, 1);
    walk_bind_text(&walk, 3, parent);
    walk_bind_number(&walk, 4, call_number);
    if (walk_next(&walk))
        snprintf(id, sizeof id, "%s", walk_text(&walk, 1));
    return walk_end(&walk, err) && (!id[0] || store_instance(store, id, fn, context, err));
}
