/* SPDX-License-Identifier: MIT */
/* A disk that is full for a while, as an instance ends: an end that nobody else would hand in is kept. */
#include <errno.h>
#include <stdatomic.h>

#include "unit/store_support.h"

static atomic_bool is_full;
static sqlite3_syscall_ptr real_pwrite;

static ssize_t write_if_there_is_room(int fd, const void *bytes, size_t size, off_t at)
{
    if (!is_full)
        return ((ssize_t (*)(int, const void *, size_t, off_t))real_pwrite)(fd, bytes, size, at);
    errno = ENOSPC;
    return -1;
}

static struct world begin(void)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    if (!real_pwrite)
        real_pwrite = vfs->xGetSystemCall(vfs, "pwrite64");
    CHECK_EQ_INT(vfs->xSetSystemCall(vfs, "pwrite64", (sqlite3_syscall_ptr)write_if_there_is_room), SQLITE_OK);
    is_full = false;
    return world_make();
}

static size_t waiting(struct store *store)
{
    struct store_load load;
    store_load(store, &load);
    return load.waiting;
}

static void wait_until_written(struct store *store)
{
    is_full = false;
    for (int i = 0; i < 3000 && waiting(store) > 0; i++)
        usleep(10000);
    CHECK_EQ_INT(waiting(store), 0);
}

/* "old1" failed, and "new1" does it again. */
static void begin_resubmission(struct world *world)
{
    const struct instance_start start = {.id = "new1", .flow = "FLOW", .started_ms = 100, .is_tracked = true,
                                         .resubmits = "old1"};
    CHECK_OK(start_instance(world->store, "old1", true, &world->err), &world->err);
    CHECK_OK(finish_instance(world->store, "old1", INSTANCE_FAILED, 5, &world->err), &world->err);
    CHECK_OK(store_instance_start(world->store, &start, &world->err), &world->err);
}

static void the_end_of_a_resubmission_is_kept(void)
{
    struct world world = begin();
    sqlite3 *other = other_open(&world);
    begin_resubmission(&world);
    is_full = true;
    note_activity(world.store, "new1", "before the end");
    CHECK_OK(finish_instance(world.store, "new1", INSTANCE_COMPLETED, 9, &world.err), &world.err);
    CHECK_EQ_INT(waiting(world.store), 2);
    CHECK_EQ_INT(other_ask(other, "SELECT state = 'IN_PROGRESS' FROM instance WHERE id = 'new1'"), 1);
    CHECK_FAILS(finish_instance(world.store, "new1", INSTANCE_COMPLETED, 9, &world.err), &world.err,
                ERROR_NOT_FOUND);
    wait_until_written(world.store);
    CHECK_EQ_INT(other_ask(other, "SELECT state = 'COMPLETED' FROM instance WHERE id = 'new1'"), 1);
    CHECK_EQ_INT(other_ask(other, "SELECT count(*) FROM activity"), 1);
    CHECK_FAILS(store_check_resubmission(world.store, "old1", &world.err), &world.err, ERROR_REFUSED);
    sqlite3_close(other);
    world_release(&world);
}

static void so_is_that_of_one_without_a_journal(void)
{
    struct world world = begin();
    CHECK_OK(start_instance(world.store, "aaaa", false, &world.err), &world.err);
    is_full = true;
    CHECK_OK(finish_instance(world.store, "aaaa", INSTANCE_COMPLETED, 9, &world.err), &world.err);
    wait_until_written(world.store);
    CHECK_EQ_INT(count_state(world.store, "COMPLETED"), 1);
    world_release(&world);
}

static void a_durable_one_hands_its_end_in_again(void)
{
    struct world world = begin();
    const struct instance_start start = {.id = "aaaa", .flow = "FLOW", .started_ms = 100, .is_durable = true};
    CHECK_OK(store_instance_start(world.store, &start, &world.err), &world.err);
    is_full = true;
    CHECK(!finish_instance(world.store, "aaaa", INSTANCE_COMPLETED, 9, &world.err));
    CHECK_CONTAINS(world.err.message, "full");
    CHECK_EQ_INT(waiting(world.store), 0);
    is_full = false;
    CHECK_EQ_INT(count_state(world.store, "IN_PROGRESS"), 1);
    CHECK_OK(finish_instance(world.store, "aaaa", INSTANCE_COMPLETED, 9, &world.err), &world.err);
    CHECK_EQ_INT(count_state(world.store, "COMPLETED"), 1);
    world_release(&world);
}

static void closing_tries_once_more(void)
{
    for (int stays_full = 0; stays_full < 2; stays_full++) {
        struct world world = begin();
        begin_resubmission(&world);
        is_full = true;
        CHECK_OK(finish_instance(world.store, "new1", INSTANCE_COMPLETED, 9, &world.err), &world.err);
        is_full = stays_full;
        store_close(world.store);
        is_full = false;
        world.store = world_open(&world);
        CHECK_EQ_INT(count_state(world.store, stays_full ? "ABORTED" : "COMPLETED"), 1);
        CHECK_EQ_INT(count_state(world.store, "IN_PROGRESS"), 0);
        world_release(&world);
    }
}

CHECK_MAIN(TEST(the_end_of_a_resubmission_is_kept), TEST(so_is_that_of_one_without_a_journal),
           TEST(a_durable_one_hands_its_end_in_again), TEST(closing_tries_once_more))
