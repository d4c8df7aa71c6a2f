/* SPDX-License-Identifier: MIT */
/* Stores that older versions left: tests/unit/data/store_schema_N.sql becomes a store, is opened by
 * this version, and has lost nothing. Add a file for each version that was released. */
#include "base/buf.h"
#include "base/file.h"
#include "unit/store_support.h"

static const int versions[] = {1, 2, 3};
#define VERSIONS (sizeof versions / sizeof versions[0])

static void load_fixture(int version, const char *path)
{
    char source[512];
    struct buf sql;
    struct error err = {0};
    sqlite3 *db = NULL;
    buf_init(&sql, 1 << 20);
    snprintf(source, sizeof source, "%s/store_schema_%d.sql", UNIT_DATA, version);
    CHECK_OK(file_read(source, &sql, &err), &err);
    CHECK_EQ_INT(sqlite3_open(path, &db), SQLITE_OK);
    other_run(db, buf_text(&sql));
    sqlite3_close(db);
    buf_release(&sql);
}

/* All rows of all tables of `old`, column by column, are in `main`, but for what was running. */
static void check_rows(sqlite3 *db)
{
    sqlite3_stmt *tables = NULL;
    int count = 0;
    CHECK_EQ_INT(sqlite3_prepare_v2(db,
                                    "SELECT t.name, (SELECT group_concat(quote(name)) FROM"
                                    " pragma_table_info(t.name, 'old')) FROM old.sqlite_schema t"
                                    " WHERE t.type = 'table'", -1, &tables, NULL), SQLITE_OK);
    while (sqlite3_step(tables) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(tables, 0);
        char columns[1024] = "", sql[4096];
        const char *quoted = (const char *)sqlite3_column_text(tables, 1);
        for (size_t i = 0; quoted && quoted[i] && i < sizeof columns - 1; i++)
            columns[i] = quoted[i] == '\'' ? '"' : quoted[i];
        bool is_instance = strcmp(name, "instance") == 0;
        snprintf(sql, sizeof sql,
                 "SELECT count(*) FROM (SELECT %s FROM old.\"%s\"%s EXCEPT SELECT %s FROM main.\"%s\")",
                 columns, name, is_instance ? " WHERE state <> 'IN_PROGRESS'" : "", columns, name);
        CHECK_EQ_INT(other_ask(db, sql), 0);
        snprintf(sql, sizeof sql, "SELECT (SELECT count(*) FROM old.\"%s\") ="
                                  " (SELECT count(*) FROM main.\"%s\")", name, name);
        CHECK_EQ_INT(other_ask(db, sql), 1);
        count++;
    }
    sqlite3_finalize(tables);
    CHECK(count >= 5);
}

static void check_as_new(sqlite3 *db, const struct world *new_world)
{
    char sql[1024];
    CHECK_EQ_INT(other_ask(db, "SELECT integrity_check = 'ok' FROM pragma_integrity_check"), 1);
    CHECK_EQ_INT(other_ask(db, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
    snprintf(sql, sizeof sql, "ATTACH '%s' AS new",
             temporary_path(&new_world->temporary, "state/sluice.db"));
    other_run(db, sql);
    CHECK_EQ_INT(other_ask(db, "PRAGMA main.user_version"), other_ask(db, "PRAGMA new.user_version"));
    static const char *const schemas[][2] = {{"main", "new"}, {"new", "main"}};
    for (size_t i = 0; i < 2; i++) {
        snprintf(sql, sizeof sql,
                 "SELECT count(*) FROM (SELECT name, sql FROM %s.sqlite_schema EXCEPT"
                 " SELECT name, sql FROM %s.sqlite_schema)", schemas[i][0], schemas[i][1]);
        CHECK_EQ_INT(other_ask(db, sql), 0);
    }
}

static bool see_fault(void *context, const struct instance_row *row)
{
    snprintf(context, 128, "%s %s", row->state, row->fault_detail ? row->fault_detail : "-");
    return true;
}

static void upgrade(int version)
{
    struct world world = {.temporary = temporary_make()}, fresh = world_make();
    char sql[1024], seen[128];
    CHECK(mkdir(temporary_path(&world.temporary, "state"), 0700) == 0);
    load_fixture(version, temporary_path(&world.temporary, "state/sluice.db"));
    load_fixture(version, temporary_path(&world.temporary, "old.db"));
    world.store = world_open(&world);
    sqlite3 *db = other_open(&world);
    snprintf(sql, sizeof sql, "ATTACH '%s' AS old", temporary_path(&world.temporary, "old.db"));
    other_run(db, sql);
    check_rows(db);
    check_as_new(db, &fresh);
    CHECK_OK(store_instance(world.store, "AckA", see_fault, seen, &world.err), &world.err);
    CHECK_EQ_TEXT(seen, "FAILED CCS answered status 500 for sync request 00000000000001: „Störung“");
    CHECK_EQ_INT(count_state(world.store, "ABORTED"), version == 1 ? 1 : 2);
    CHECK_OK(start_instance(world.store, "later", false, &world.err), &world.err);
    sqlite3_close(db);
    world_release(&world);
    world_release(&fresh);
}

static void every_older_version_becomes_this_one(void)
{
    for (size_t i = 0; i < VERSIONS; i++)
        upgrade(versions[i]);
}

static void links_of_version_2_still_count(void)
{
    struct world world = {.temporary = temporary_make()};
    CHECK(mkdir(temporary_path(&world.temporary, "state"), 0700) == 0);
    load_fixture(2, temporary_path(&world.temporary, "state/sluice.db"));
    world.store = world_open(&world);
    const struct instance_start start = {.id = "again", .flow = "FLOW",
                                         .resubmits = "AckAAAAAAAAAAAAAAAAAA1"};
    CHECK_FAILS(store_instance_start(world.store, &start, &world.err), &world.err, ERROR_REFUSED);
    CHECK_CONTAINS(world.err.message, "has been done by its resubmission NewEEEEEEEEEEEEEEEEEE5");
    CHECK_FAILS(store_discard(world.store, "DiscFFFFFFFFFFFFFFFFF6", 1, &world.err), &world.err,
                ERROR_REFUSED);
    world_release(&world);
}

/* Something that no version wrote is in the way. */
static void an_upgrade_that_fails_changes_nothing(void)
{
    struct world world = {.temporary = temporary_make()};
    CHECK(mkdir(temporary_path(&world.temporary, "state"), 0700) == 0);
    load_fixture(1, temporary_path(&world.temporary, "state/sluice.db"));
    sqlite3 *db = other_open(&world);
    other_run(db, "CREATE TABLE discarded (x)");
    CHECK_FAILS(store_open(&world.store, temporary_path(&world.temporary, "state/sluice.db"),
                           &world.err), &world.err, ERROR_INTERNAL);
    CHECK_CONTAINS(world.err.message, "discarded already exists");
    CHECK_EQ_INT(other_ask(db, "PRAGMA user_version"), 1);
    CHECK_EQ_INT(other_ask(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'resubmission'"), 0);
    CHECK_EQ_INT(other_ask(db, "SELECT count(*) FROM instance"), 4);
    sqlite3_close(db);
    temporary_remove(&world.temporary);
}

CHECK_MAIN(TEST(every_older_version_becomes_this_one), TEST(links_of_version_2_still_count),
           TEST(an_upgrade_that_fails_changes_nothing))
