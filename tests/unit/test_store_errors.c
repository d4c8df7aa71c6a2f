/* SPDX-License-Identifier: MIT */
/* Resubmission, discarding and purging: what is refused, the limit at n and n + 1, batches. */
#include "unit/store_support.h"

static bool begin(struct world *world, const char *id, const char *parent, const char *resubmits)
{
    struct instance_start start = {.id = id, .flow = "FLOW", .parameters = "{}", .started_ms = 100,
                                   .parent = parent, .resubmits = resubmits, .input = "in",
                                   .input_size = 2};
    return store_instance_start(world->store, &start, &world->err);
}

static void end(struct world *world, const char *id, enum instance_state state, int64_t at_ms)
{
    struct instance_end row = {.state = state, .finished_ms = at_ms, .exit_status = 1};
    CHECK_OK(store_instance_finish(world->store, id, &row, &world->err), &world->err);
}

static int count(struct world *world, bool open_errors)
{
    int rows = 0;
    struct store_filter filter = {.open_errors = open_errors};
    CHECK_OK(store_instances(world->store, &filter, count_instance, &rows, &world->err), &world->err);
    return rows;
}

static bool see_links(void *context, const struct instance_row *row)
{
    snprintf(context, 128, "%s %s %d", row->resubmission_of ? row->resubmission_of : "-",
             row->resubmitted_as ? row->resubmitted_as : "-", (int)row->resubmissions);
    return true;
}

static void links_lead_both_ways(void)
{
    struct world world = world_make();
    char links[128];
    CHECK_OK(begin(&world, "old1", NULL, NULL), &world.err);
    CHECK_FAILS(begin(&world, "new0", NULL, "old1"), &world.err, ERROR_REFUSED); /* still running */
    end(&world, "old1", INSTANCE_FAILED, 200);
    CHECK_EQ_INT(count(&world, true), 1);
    CHECK_OK(begin(&world, "new1", NULL, "old1"), &world.err);
    CHECK_FAILS(begin(&world, "new2", NULL, "old1"), &world.err, ERROR_EXISTS);
    CHECK_CONTAINS(world.err.message, "new1");
    CHECK_FAILS(store_discard(world.store, "old1", 1, &world.err), &world.err, ERROR_EXISTS);
    end(&world, "new1", INSTANCE_FAILED, 300);
    CHECK_EQ_INT(count(&world, true), 1);
    CHECK_FAILS(begin(&world, "new2", NULL, "new1"), &world.err, ERROR_REFUSED);
    CHECK_CONTAINS(world.err.message, "name old1");
    CHECK_OK(begin(&world, "new2", NULL, "old1"), &world.err);
    end(&world, "new2", INSTANCE_COMPLETED, 400);
    CHECK_OK(store_instance(world.store, "old1", see_links, links, &world.err), &world.err);
    CHECK_EQ_TEXT(links, "- new2 2");
    CHECK_OK(store_instance(world.store, "new2", see_links, links, &world.err), &world.err);
    CHECK_EQ_TEXT(links, "old1 - 0");
    CHECK_EQ_INT(count(&world, true), 0);
    CHECK_FAILS(begin(&world, "new3", NULL, "old1"), &world.err, ERROR_REFUSED);
    CHECK_FAILS(begin(&world, "new3", NULL, "new2"), &world.err, ERROR_REFUSED);
    CHECK_FAILS(begin(&world, "new3", NULL, "none"), &world.err, ERROR_NOT_FOUND);
    CHECK_EQ_INT(count(&world, false), 3); /* what was refused left nothing behind */
    world_release(&world);
}

static void ten_resubmissions_and_no_more(void)
{
    struct world world = world_make();
    char id[16];
    CHECK_OK(begin(&world, "old1", NULL, NULL), &world.err);
    end(&world, "old1", INSTANCE_ABORTED, 200);
    for (int i = 0; i < STORE_RESUBMISSIONS_MAX; i++) {
        snprintf(id, sizeof id, "new%d", i);
        CHECK_OK(begin(&world, id, NULL, "old1"), &world.err);
        end(&world, id, INSTANCE_FAILED, 300);
    }
    CHECK_FAILS(begin(&world, "more", NULL, "old1"), &world.err, ERROR_LIMIT);
    CHECK_OK(store_discard(world.store, "old1", 500, &world.err), &world.err);
    world_release(&world);
}

static void discarding_is_final(void)
{
    struct world world = world_make();
    CHECK_OK(begin(&world, "old1", NULL, NULL), &world.err);
    CHECK_FAILS(store_discard(world.store, "old1", 1, &world.err), &world.err, ERROR_REFUSED);
    CHECK_OK(begin(&world, "kid1", "old1", NULL), &world.err);
    end(&world, "kid1", INSTANCE_FAILED, 150);
    end(&world, "old1", INSTANCE_FAILED, 200);
    CHECK_FAILS(begin(&world, "new1", NULL, "kid1"), &world.err, ERROR_REFUSED);
    CHECK_CONTAINS(world.err.message, "its caller old1");
    CHECK_OK(store_discard(world.store, "old1", 500, &world.err), &world.err);
    CHECK_FAILS(begin(&world, "new1", NULL, "old1"), &world.err, ERROR_REFUSED);
    CHECK_FAILS(store_discard(world.store, "old1", 501, &world.err), &world.err, ERROR_REFUSED);
    CHECK_EQ_INT(count(&world, true), 0);
    world_release(&world);
}

static void purging_takes_callees_along_and_leaves_what_runs(void)
{
    struct world world = world_make();
    int purged, rows = 0;
    int64_t would;
    CHECK_OK(begin(&world, "old1", NULL, NULL), &world.err);
    CHECK_OK(begin(&world, "kid1", "old1", NULL), &world.err);
    CHECK_OK(begin(&world, "kid2", "old1", NULL), &world.err);
    end(&world, "kid1", INSTANCE_COMPLETED, 110);
    end(&world, "kid2", INSTANCE_COMPLETED, 120);
    end(&world, "old1", INSTANCE_COMPLETED, 130);
    CHECK_OK(begin(&world, "old2", NULL, NULL), &world.err);
    CHECK_OK(begin(&world, "kid3", "old2", NULL), &world.err); /* runs on */
    end(&world, "old2", INSTANCE_COMPLETED, 130);
    CHECK_OK(begin(&world, "run1", NULL, NULL), &world.err);
    CHECK_OK(begin(&world, "new1", NULL, NULL), &world.err);
    end(&world, "new1", INSTANCE_COMPLETED, 1000);
    CHECK_OK(store_purge_count(world.store, 1000, &would, &world.err), &world.err);
    CHECK_EQ_INT(would, 3);
    CHECK_OK(store_purge(world.store, 130, 10, &purged, &world.err), &world.err);
    CHECK_EQ_INT(purged, 0); /* it ended at 130, not before */
    CHECK_OK(store_purge(world.store, 131, 2, &purged, &world.err), &world.err);
    CHECK_EQ_INT(purged, 2); /* the batch's bound: callees first */
    CHECK_OK(store_instance(world.store, "old1", count_instance, &rows, &world.err), &world.err);
    CHECK_FAILS(store_instance(world.store, "kid1", count_instance, &rows, &world.err), &world.err,
                ERROR_NOT_FOUND);
    CHECK_OK(store_purge(world.store, 131, 2, &purged, &world.err), &world.err);
    CHECK_EQ_INT(purged, 1);
    CHECK_OK(store_purge(world.store, 131, 2, &purged, &world.err), &world.err);
    CHECK_EQ_INT(purged, 0);
    CHECK_EQ_INT(count(&world, false), 4);
    world_release(&world);
}

CHECK_MAIN(TEST(links_lead_both_ways), TEST(ten_resubmissions_and_no_more),
           TEST(discarding_is_final), TEST(purging_takes_callees_along_and_leaves_what_runs))
