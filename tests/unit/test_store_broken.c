/* SPDX-License-Identifier: MIT */
/* An fsync that fails: whoever waits is told, nothing is tried again, nothing is written any more. */
#include <errno.h>
#include <stdatomic.h>
#include <sys/syscall.h>

#include "base/buf.h"
#include "unit/store_support.h"

/* SQLite's fsync, in place of the C library's: the one that is chosen fails. */
static atomic_int calls, failing; /* how many there were; which one fails, 0: none */

int fdatasync(int fd)
{
    int call = atomic_fetch_add(&calls, 1) + 1;
    if (call == atomic_load(&failing)) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fdatasync, fd);
}

static void fail_after(int further)
{
    atomic_store(&failing, atomic_load(&calls) + further + 1);
}

static void check_broken(struct world *world)
{
    struct error err = {0};
    CHECK(store_is_broken(world->store, &err));
    CHECK_CONTAINS(err.message, "the store is broken and takes nothing more until the program is "
                                "started anew: cannot write to the store: disk I/O error");
    CHECK_FAILS(start_instance(world->store, "next", false, &err), &err, ERROR_UNAVAILABLE);
    CHECK_CONTAINS(err.message, "the store is broken");
    CHECK_FAILS(start_instance(world->store, "next", true, &err), &err, ERROR_UNAVAILABLE);
    CHECK_FAILS(store_discard(world->store, "none", 1, &err), &err, ERROR_UNAVAILABLE);
}

static void a_durable_flow_does_not_begin(void)
{
    struct world world = world_make();
    CHECK_OK(start_instance(world.store, "good", false, &world.err), &world.err);
    CHECK(!store_is_broken(world.store, NULL));
    fail_after(0);
    CHECK_FAILS(start_instance(world.store, "late", false, &world.err), &world.err, ERROR_UNAVAILABLE);
    int before = atomic_load(&calls);
    check_broken(&world);
    CHECK_FAILS(finish_instance(world.store, "good", INSTANCE_COMPLETED, 9, &world.err), &world.err,
                ERROR_UNAVAILABLE);
    CHECK_EQ_INT(count_state(world.store, "IN_PROGRESS"), 1); /* reading goes on */
    CHECK_EQ_INT(atomic_load(&calls), before);                /* nothing was tried again */
    store_close(world.store);
    CHECK_EQ_INT(atomic_load(&calls), before);
    world.store = world_open(&world); /* the program started anew */
    CHECK_OK(start_instance(world.store, "next", false, &world.err), &world.err);
    world_release(&world);
}

static void what_is_tracked_is_counted_as_lost(void)
{
    struct world world = world_make();
    struct store_load load;
    fail_after(0);
    CHECK_OK(start_instance(world.store, "aaaa", true, &world.err), &world.err);
    note_activity(world.store, "aaaa", "x");
    CHECK_EQ_INT(count_state(world.store, "IN_PROGRESS"), 0); /* waits for the group */
    check_broken(&world);
    store_load(world.store, &load);
    CHECK_EQ_INT(load.lost, 2);
    CHECK_EQ_INT(load.waiting, 0);
    CHECK_EQ_INT(load.waiting_size, 0);
    note_activity(world.store, "aaaa", "x");
    CHECK_FAILS(finish_instance(world.store, "aaaa", INSTANCE_COMPLETED, 9, &world.err), &world.err,
                ERROR_UNAVAILABLE);
    world_release(&world);
}

/* Enough for the log to be taken back into the database: how many fsyncs, that of the commit first. */
static void write_much(struct world *world, const char *id)
{
    static char big[20 << 20];
    const struct instance_start start = {.id = id, .flow = "FLOW", .input = big,
                                         .input_size = sizeof big};
    CHECK_OK(store_instance_start(world->store, &start, &world->err), &world->err);
}

static void wait_for_calls(int count)
{
    for (int i = 0; i < 3000 && atomic_load(&calls) < count; i++)
        usleep(10000);
}

static void taking_the_log_back_counts_as_well(void)
{
    struct world world = world_make();
    int before = atomic_load(&calls);
    write_much(&world, "first");
    store_close(world.store); /* after the log was taken back */
    int needed = atomic_load(&calls) - before;
    temporary_remove(&world.temporary);

    world = world_make();
    before = atomic_load(&calls);
    fail_after(needed - 1);
    write_much(&world, "first"); /* is on the disk: the log holds it */
    wait_for_calls(before + needed);
    CHECK_EQ_INT(atomic_load(&calls), before + needed);
    for (int i = 0; i < 3000 && !store_is_broken(world.store, NULL); i++)
        usleep(10000);
    check_broken(&world);
    CHECK_EQ_INT(count_state(world.store, "IN_PROGRESS"), 1);
    store_close(world.store);
    world.store = world_open(&world);
    CHECK_EQ_INT(count_state(world.store, "ABORTED"), 1);
    world_release(&world);
}

CHECK_MAIN(TEST(a_durable_flow_does_not_begin), TEST(what_is_tracked_is_counted_as_lost),
           TEST(taking_the_log_back_counts_as_well))
