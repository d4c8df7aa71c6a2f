/* SPDX-License-Identifier: MIT */
/* What an earlier process left unfinished: found in pages, and taken over with all that it called. */
#include "store/store_journal.h"

#include "unit/store_support.h"

#define NEVER_AN_OWNER "3" /* as one whose process has ended */

/* Instances NAME-1 to NAME-count. */
static void leave(const struct world *world, const char *name, const char *parent, int count)
{
    sqlite3 *other = other_open(world);
    char sql[512];
    snprintf(sql, sizeof sql,
             "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
             " INSERT INTO instance (id, parent, flow, state, owner, process, started_ms, durable)"
             " SELECT '%s-' || i, %s, 'FLOW', 'IN_PROGRESS', " NEVER_AN_OWNER ", 1, 1, 1 FROM n",
             count, name, parent);
    other_run(other, sql);
    sqlite3_close(other);
}

/* How many the next page has. */
static int next_page(struct store *store, const char *flow, int64_t *after)
{
    int found = 0;
    struct error err = {0};
    CHECK_OK(store_unfinished(store, flow, after, count_instance, &found, &err), &err);
    return found;
}

static void pages_hold_n_and_the_rest_is_in_the_next(void)
{
    for (int over = 0; over < 2; over++) {
        struct world world = world_make();
        int64_t after = 0, other = 0;
        CHECK(start_instance(world.store, "runs", false, &world.err)); /* by this process */
        leave(&world, "left", "NULL", STORE_UNFINISHED_MAX + over);
        leave(&world, "called", "'left-1'", 5);
        CHECK_EQ_INT(next_page(world.store, NULL, &after), STORE_UNFINISHED_MAX);
        CHECK_EQ_INT(next_page(world.store, NULL, &after), over);
        CHECK_EQ_INT(next_page(world.store, NULL, &after), 0);
        CHECK_EQ_INT(next_page(world.store, "OTHER", &other), 0);
        world_release(&world);
    }
}

static void what_was_called_is_taken_over_up_to_the_limit(void)
{
    for (int over = 0; over < 2; over++) {
        struct world world = world_make();
        leave(&world, "root", "NULL", 1);
        leave(&world, "called", "'root-1'", STORE_UNFINISHED_MAX - 1 + over);
        if (over) {
            CHECK_FAILS(store_take_over(world.store, "root-1", &world.err), &world.err, ERROR_LIMIT);
            CHECK_EQ_TEXT(world.err.message, "instance root-1 and what it called are more than 256 "
                                             "unfinished ones");
        } else {
            CHECK_OK(store_take_over(world.store, "root-1", &world.err), &world.err);
        }
        world_release(&world);
    }
}

static void run_sql(const struct world *world, const char *sql)
{
    sqlite3 *other = other_open(world);
    other_run(other, sql);
    sqlite3_close(other);
}

static bool count_activity(void *context, const struct activity *row)
{
    (void)row;
    ++*(int *)context;
    return true;
}

/* Its row still says that this process runs it, and records of it may be in the queue. */
static void what_could_not_be_given_back_is_nobodys_all_the_same(void)
{
    struct world world = world_make();
    int64_t after = 0;
    leave(&world, "root", "NULL", 1);
    leave(&world, "called", "'root-1'", 2);
    CHECK_OK(store_take_over(world.store, "root-1", &world.err), &world.err);
    CHECK_EQ_INT(next_page(world.store, NULL, &after), 0);
    CHECK_FAILS(store_take_over(world.store, "root-1", &world.err), &world.err, ERROR_EXISTS);
    run_sql(&world, "CREATE TRIGGER full BEFORE UPDATE ON instance BEGIN SELECT RAISE(ABORT, 'full'); END");
    CHECK(!store_give_back(world.store, "root-1", "why", &world.err));
    const struct activity activity = {.at_ms = 1, .import = "ftp.list", .result = "ok"};
    store_activity(world.store, "root-1", &activity); /* as what was handed in before and waits yet */
    after = 0;
    CHECK_EQ_INT(next_page(world.store, NULL, &after), 1);
    run_sql(&world, "DROP TRIGGER full");
    CHECK_OK(store_take_over(world.store, "root-1", &world.err), &world.err);
    int written = 0;
    CHECK_OK(store_activities(world.store, "root-1", count_activity, &written, &world.err), &world.err);
    CHECK_EQ_INT(written, 1);
    world_release(&world);
}

static void what_is_open_is_told_whoever_has_it(void)
{
    struct world world = world_make();
    struct store *other = world_open(&world);
    int64_t after = 0;
    CHECK_OK(store_none_open(world.store, "FLOW", &world.err), &world.err);
    leave(&world, "called", "'root-1'", 1);
    CHECK_OK(store_none_open(world.store, "FLOW", &world.err), &world.err);
    leave(&world, "root", "NULL", 1);
    CHECK_OK(store_take_over(other, "root-1", &world.err), &world.err); /* as a process that cannot give it back */
    CHECK_EQ_INT(next_page(world.store, "FLOW", &after), 0);
    CHECK_FAILS(store_none_open(world.store, "FLOW", &world.err), &world.err, ERROR_EXISTS);
    CHECK_CONTAINS(world.err.message, "instance root-1 of flow 'FLOW' is unfinished");
    CHECK_OK(store_none_open(world.store, "OTHER", &world.err), &world.err);
    store_close(other);
    world_release(&world);
}

static bool is_aborted(void *context, const struct instance_row *row)
{
    *(int *)context += strcmp(row->state, "ABORTED") == 0 && strcmp(row->fault_code, "interrupted") == 0 &&
                       strcmp(row->fault_detail, "its module is gone") == 0 && row->finished_ms == 7;
    return true;
}

static void what_is_abandoned_ends_with_what_it_called(void)
{
    struct world world = world_make();
    const struct instance_end end = {.finished_ms = 7, .fault_code = "interrupted",
                                     .fault_title = "It cannot go on", .fault_detail = "its module is gone"};
    int aborted = 0;
    leave(&world, "root", "NULL", 1);
    leave(&world, "called", "'root-1'", 2);
    leave(&world, "deeper", "'called-2'", 1);
    leave(&world, "apart", "NULL", 1);
    CHECK_OK(store_abandon(world.store, "root-1", &end, &world.err), &world.err);
    for (int i = 0; i < 4; i++) {
        static const char *const ids[] = {"root-1", "called-1", "called-2", "deeper-1"};
        CHECK_OK(store_instance(world.store, ids[i], is_aborted, &aborted, &world.err), &world.err);
    }
    CHECK_EQ_INT(aborted, 4);
    CHECK_OK(store_instance(world.store, "apart-1", is_aborted, &aborted, &world.err), &world.err);
    CHECK_EQ_INT(aborted, 4);
    world_release(&world);
}

static int64_t aborted_now(struct world *world)
{
    store_close(world->store);
    world->store = world_open(world);
    sqlite3 *other = other_open(world);
    int64_t count = other_ask(other, "SELECT count(*) FROM instance WHERE state = 'ABORTED'");
    sqlite3_close(other);
    return count;
}

/* As an earlier version left it: nobody would ever go on with it, or purge it. */
static void what_a_flow_called_that_has_ended_is_aborted(void)
{
    struct world world = world_make();
    leave(&world, "root", "NULL", 2);
    leave(&world, "called", "'root-1'", 1);
    leave(&world, "deeper", "'called-1'", 1);
    leave(&world, "waits", "'root-2'", 1);
    leave(&world, "alone", "'purged'", 1);
    CHECK_EQ_INT(aborted_now(&world), 1); /* alone-1 */
    run_sql(&world, "UPDATE instance SET state = 'FAILED', finished_ms = 5 WHERE id = 'root-1'");
    CHECK_EQ_INT(aborted_now(&world), 2);
    CHECK_EQ_INT(aborted_now(&world), 3);
    CHECK_EQ_INT(aborted_now(&world), 3); /* root-2 and waits-1 can go on */
    world_release(&world);
}

CHECK_MAIN(TEST(what_is_open_is_told_whoever_has_it), TEST(what_a_flow_called_that_has_ended_is_aborted),
           TEST(what_could_not_be_given_back_is_nobodys_all_the_same),
           TEST(what_is_abandoned_ends_with_what_it_called),
           TEST(pages_hold_n_and_the_rest_is_in_the_next),
           TEST(what_was_called_is_taken_over_up_to_the_limit))
