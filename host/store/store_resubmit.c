/* SPDX-License-Identifier: MIT */
/*
 * What may be done about a failed instance, and the links between it and what did it again. The rules
 * are checked inside the write transaction that acts on them: they hold between processes.
 */
#include <stdio.h>
#include <string.h>

#include "store/store_internal.h"
#include "store/store_walk.h"

/* What the rules look at. */
struct standing {
    char id[INSTANCE_ID_SIZE], state[16], parent[INSTANCE_ID_SIZE], origin[INSTANCE_ID_SIZE];
    char running[INSTANCE_ID_SIZE], completed[INSTANCE_ID_SIZE];
    int64_t number, count;
    bool is_discarded, is_unfinished;
};

/* instance: the parameter that its id is bound to. */
#define STANDING(instance)                                                                         \
    "SELECT i.number, i.id, i.state, i.parent,"                                                    \
    " (SELECT origin FROM resubmission WHERE instance = i.number),"                                \
    " (SELECT n.id FROM resubmission r JOIN instance n ON n.number = r.instance"                   \
    "  WHERE r.origin = i.id AND n.state = 'IN_PROGRESS' LIMIT 1),"                                \
    " (SELECT n.id FROM resubmission r JOIN instance n ON n.number = r.instance"                   \
    "  WHERE r.origin = i.id AND n.state = 'COMPLETED' LIMIT 1),"                                  \
    " (SELECT count(*) FROM resubmission WHERE origin = i.id),"                                    \
    " EXISTS (SELECT 1 FROM discarded WHERE instance = i.number),"                                 \
    " i.durable AND i.state = 'IN_PROGRESS', i.owner"                                              \
    " FROM instance i WHERE i.id = " instance

#define STANDING_COLUMNS 11
#define IS_TEXT(column) ((column) >= 1 && (column) <= 6)

/* A row of that, wherever it was read. */
struct standing_row {
    const char *texts[STANDING_COLUMNS];
    int64_t numbers[STANDING_COLUMNS];
};

static void copy(const char *text, char *out, size_t size)
{
    snprintf(out, size, "%s", text ? text : "");
}

static void take_standing(const struct store *store, const struct standing_row *row,
                          struct standing *out)
{
    out->number = row->numbers[0];
    copy(row->texts[1], out->id, sizeof out->id);
    copy(row->texts[2], out->state, sizeof out->state);
    copy(row->texts[3], out->parent, sizeof out->parent);
    copy(row->texts[4], out->origin, sizeof out->origin);
    copy(row->texts[5], out->running, sizeof out->running);
    copy(row->texts[6], out->completed, sizeof out->completed);
    out->count = row->numbers[7];
    out->is_discarded = row->numbers[8] != 0;
    out->is_unfinished = row->numbers[9] && !store_owner_lives(&store->owner, row->numbers[10]);
}

static bool not_found(const char *id, struct error *err)
{
    return error_set(err, ERROR_NOT_FOUND, "no instance has the id '%s'", id);
}

/* On the writer's thread. */
static bool read_standing(struct store *store, const char *id, struct standing *out,
                          struct error *err)
{
    struct standing_row row = {.numbers = {0}};
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(store->db, STANDING("?1"), -1, &statement, NULL);
    sqlite3_bind_text(statement, 1, id, -1, SQLITE_STATIC);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    for (int i = 0; code == SQLITE_ROW && i < STANDING_COLUMNS; i++) {
        if (IS_TEXT(i))
            row.texts[i] = (const char *)sqlite3_column_text(statement, i);
        else
            row.numbers[i] = sqlite3_column_int64(statement, i);
    }
    if (code == SQLITE_ROW)
        take_standing(store, &row, out);
    sqlite3_finalize(statement);
    if (code == SQLITE_DONE)
        return not_found(id, err);
    return code == SQLITE_ROW || store_fail(store->db, code, err, "cannot read the store");
}

/* What holds for resubmitting and for discarding. */
static bool check_failed(const struct standing *is, struct error *err)
{
    if (is->is_discarded)
        return error_set(err, ERROR_REFUSED, "instance %s was discarded; that is final", is->id);
    if (strcmp(is->state, "FAILED") != 0 && strcmp(is->state, "ABORTED") != 0)
        return error_set(err, ERROR_REFUSED, "instance %s did not fail: it is %s", is->id, is->state);
    if (is->origin[0])
        return error_set(err, ERROR_REFUSED, "instance %s is itself a resubmission: name %s", is->id,
                         is->origin);
    if (is->parent[0])
        return error_set(err, ERROR_REFUSED, "instance %s was called by a flow: name its caller %s",
                         is->id, is->parent);
    if (is->running[0])
        return error_set(err, ERROR_EXISTS, "instance %s is being resubmitted as %s; wait for it",
                         is->id, is->running);
    if (is->completed[0])
        return error_set(err, ERROR_REFUSED, "instance %s has been done by its resubmission %s",
                         is->id, is->completed);
    return true;
}

/* Runs an INSERT of a number and, as ?2, a text or a time. */
static bool insert(struct store *store, const char *sql, int64_t number, const char *text,
                   int64_t at_ms, struct error *err)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL);
    sqlite3_bind_int64(statement, 1, number);
    if (text)
        sqlite3_bind_text(statement, 2, text, -1, SQLITE_STATIC);
    else
        sqlite3_bind_int64(statement, 2, at_ms);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    bool ok = code == SQLITE_DONE || store_fail(store->db, code, err, "cannot write to the store");
    sqlite3_finalize(statement);
    return ok;
}

static bool check_resubmission(const struct standing *is, struct error *err)
{
    return check_failed(is, err) &&
           (is->count < STORE_RESUBMISSIONS_MAX ||
            error_set(err, ERROR_LIMIT, "instance %s was resubmitted %d times, which is the most; start "
                      "the flow anew or discard it", is->id, STORE_RESUBMISSIONS_MAX));
}

bool store_check_resubmission(struct store *store, const char *id, struct error *err)
{
    struct walk walk;
    struct standing standing = {.number = 0};
    struct standing_row row = {.numbers = {0}};
    walk_begin(&walk, store, STANDING("?3"), WALK_ASCENDING, 1);
    walk_bind_text(&walk, 3, id);
    if (walk_next(&walk)) {
        for (int i = 0; i < STANDING_COLUMNS; i++) {
            row.texts[i] = walk_text(&walk, i);
            row.numbers[i] = walk_number(&walk, i);
        }
        take_standing(store, &row, &standing);
    }
    if (!walk_end(&walk, err))
        return false;
    return standing.id[0] ? check_resubmission(&standing, err) : not_found(id, err);
}

bool store_link_resubmission(struct store *store, const char *id, int64_t number,
                             struct error *err)
{
    struct standing standing = {.number = 0};
    return read_standing(store, id, &standing, err) && check_resubmission(&standing, err) &&
           insert(store, "INSERT INTO resubmission (instance, origin) VALUES (?1, ?2)", number,
                  standing.id, 0, err);
}

struct ending {
    const char *id;
    const struct instance_end *end; /* time and fault */
};

/* An unfinished instance is given up: nobody goes on with it. */
static bool give_up(struct store *store, void *context, struct error *err)
{
    const struct ending *ending = context;
    static const char sql[] =
        "WITH RECURSIVE tree (id) AS (SELECT ?1 UNION ALL"
        "  SELECT i.id FROM tree t JOIN instance i ON i.parent = t.id)"
        " UPDATE instance SET state = 'ABORTED', finished_ms = ?2, exit_status = 1,"
        " fault_code = ?3, fault_title = ?4, fault_detail = ifnull(?5, fault_detail)"
        " WHERE id IN tree AND state = 'IN_PROGRESS' AND durable";
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL);
    sqlite3_bind_text(statement, 1, ending->id, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 2, ending->end->finished_ms);
    sqlite3_bind_text(statement, 3, ending->end->fault_code, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 4, ending->end->fault_title, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 5, ending->end->fault_detail, -1, SQLITE_STATIC);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    bool ok = code == SQLITE_DONE || store_fail(store->db, code, err, "cannot write to the store");
    sqlite3_finalize(statement);
    return ok;
}

bool store_abandon(struct store *store, const char *id, const struct instance_end *end,
                   struct error *err)
{
    struct ending ending = {id, end};
    return store_write(store, give_up, &ending, err);
}

static bool write_discard(struct store *store, void *context, struct error *err)
{
    struct ending *ending = context;
    struct standing standing = {.number = 0};
    if (!read_standing(store, ending->id, &standing, err))
        return false;
    if (standing.is_unfinished && !standing.parent[0] &&
        (!give_up(store, ending, err) || !read_standing(store, ending->id, &standing, err)))
        return false;
    return check_failed(&standing, err) &&
           insert(store, "INSERT INTO discarded (instance, at_ms) VALUES (?1, ?2)", standing.number,
                  NULL, ending->end->finished_ms, err) &&
           store_drop_message(store, standing.number, err);
}

bool store_discard(struct store *store, const char *id, int64_t at_ms, struct error *err)
{
    const struct instance_end end = {
        .finished_ms = at_ms,
        .fault_code = "given_up",
        .fault_title = "Somebody decided not to go on with it",
    };
    struct ending ending = {id, &end};
    return store_write(store, write_discard, &ending, err);
}
