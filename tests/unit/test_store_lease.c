/* SPDX-License-Identifier: MIT */
/* Files of a folder belong to one instance in progress at a time. */
#include "store/store_lease.h"

#include <string.h>

#include "unit/store_support.h"

#define PLACE "ftp://u@ccs:21\n/out"

static bool take(struct world *world, const char *instance, const char *place, const char *prefix,
                 struct lease_holder *holder)
{
    return store_lease_take(world->store, &(struct lease){place, prefix, instance}, holder, &world->err);
}

static void takes(struct world *world, const char *instance, const char *place, const char *prefix)
{
    struct lease_holder holder;
    CHECK_OK(take(world, instance, place, prefix, &holder), &world->err);
    CHECK_EQ_TEXT(holder.instance, "");
}

static void finds(struct world *world, const char *instance, const char *prefix, const char *other)
{
    struct lease_holder holder;
    CHECK_FAILS(take(world, instance, PLACE, prefix, &holder), &world->err, ERROR_EXISTS);
    CHECK_EQ_TEXT(holder.instance, other);
    CHECK_EQ_TEXT(holder.flow, "FLOW");
}

static int64_t count_leases(struct world *world)
{
    sqlite3 *other = other_open(world);
    int64_t count = other_ask(other, "SELECT count(*) FROM lease");
    sqlite3_close(other);
    return count;
}

static void start(struct world *world, const char *id)
{
    CHECK_OK(start_instance(world->store, id, false, &world->err), &world->err);
}

static void end(struct world *world, const char *id)
{
    CHECK_OK(finish_instance(world->store, id, INSTANCE_COMPLETED, 200, &world->err), &world->err);
}

static void one_instance_has_what_begins_alike(void)
{
    struct world world = world_make();
    start(&world, "first");
    start(&world, "second");
    takes(&world, "first", PLACE, "C1-");
    takes(&world, "first", PLACE, "C1-"); /* again */
    finds(&world, "second", "C1-", "first");
    finds(&world, "second", "C1-EXTRA", "first");
    finds(&world, "second", "C", "first");
    finds(&world, "second", "", "first");
    takes(&world, "second", PLACE, "C2-");
    takes(&world, "second", PLACE, "c1-");
    takes(&world, "second", PLACE "/x", "C1-");
    takes(&world, "second", "ftp://u@dacs:21\n/out", "");
    finds(&world, "first", "C2-1", "second");
    world_release(&world);
}

static void it_is_free_when_the_instance_has_ended(void)
{
    struct world world = world_make();
    start(&world, "first");
    start(&world, "second");
    takes(&world, "first", PLACE, "C1-");
    takes(&world, "first", PLACE, "C2-");
    finds(&world, "second", "C1-", "first");
    end(&world, "first");
    takes(&world, "second", PLACE, "C1-");
    CHECK_EQ_INT(count_leases(&world), 1); /* what has ended leaves nothing behind */
    world_release(&world);
}

static void what_was_interrupted_keeps_it(void)
{
    struct world world = world_make();
    start(&world, "first");
    takes(&world, "first", PLACE, "C1-");
    store_close(world.store);
    sqlite3 *other = other_open(&world);
    other_run(other, "UPDATE instance SET durable = 1, state = 'IN_PROGRESS'");
    sqlite3_close(other);
    world.store = world_open(&world);
    start(&world, "second");
    finds(&world, "second", "C1-", "first");
    world_release(&world);
}

CHECK_MAIN(TEST(one_instance_has_what_begins_alike), TEST(it_is_free_when_the_instance_has_ended),
           TEST(what_was_interrupted_keeps_it))
