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

CHECK_MAIN(TEST(pages_hold_n_and_the_rest_is_in_the_next),
           TEST(what_was_called_is_taken_over_up_to_the_limit))
