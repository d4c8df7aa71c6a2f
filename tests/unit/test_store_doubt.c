/* SPDX-License-Identifier: MIT */
/* A COMMIT that fails although all of it has reached the log, and a crash after that: what was said to be on
 * the disk later is what is found there. */
#include <errno.h>

#include "base/buf.h"
#include "base/file.h"
#include "store/store_journal.h"
#include "unit/store_support.h"

#define ID "AAAAbbbbccccddddeeee11"
#define PAGE_SIZE 4096

static bool is_lying;
static sqlite3_syscall_ptr real_pwrite;

/* The last page of a group is written, and then said not to be. */
static ssize_t write_and_say_full(int fd, const void *bytes, size_t size, off_t at)
{
    ssize_t put = ((ssize_t (*)(int, const void *, size_t, off_t))real_pwrite)(fd, bytes, size, at);
    if (!is_lying || size < PAGE_SIZE)
        return put;
    errno = ENOSPC;
    return -1;
}

static bool write_plan(struct world *world, const char *plan)
{
    const struct journal_record record = {.number = 0, .import = "ftp.store", .request = "to", .request_size = 2,
                                          .plan = plan, .plan_size = strlen(plan)};
    return store_journal_write(world->store, ID, &record, 1, true, &world->err);
}

static bool see_plan(void *context, const struct journal_record *record)
{
    buf_append(context, record->plan, record->plan_size);
    return false;
}

static void copy(const struct world *world, const char *from, const char *to)
{
    struct buf bytes;
    struct error err = {0};
    buf_init(&bytes, 16u << 20);
    CHECK_OK(file_read(temporary_path(&world->temporary, from), &bytes, &err), &err);
    CHECK_OK(file_write(temporary_path(&world->temporary, to), bytes.data, bytes.size, 0600, &err), &err);
    buf_release(&bytes);
}

/* As the next process finds it when this one and its shared memory are gone. */
static void check_plan_after_a_crash(const struct world *world, const char *expected)
{
    struct store *store = NULL;
    struct error err = {0};
    struct buf plan;
    buf_init(&plan, 100);
    copy(world, "state/sluice.db", "state/copy.db");
    copy(world, "state/sluice.db-wal", "state/copy.db-wal");
    CHECK_OK(store_open(&store, temporary_path(&world->temporary, "state/copy.db"), &err), &err);
    CHECK_OK(store_journal_read(store, ID, 0, see_plan, &plan, &err), &err);
    CHECK_EQ_TEXT(buf_text(&plan), expected);
    buf_release(&plan);
    store_close(store);
}

static struct world begin(void)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    real_pwrite = vfs->xGetSystemCall(vfs, "pwrite64");
    CHECK_EQ_INT(vfs->xSetSystemCall(vfs, "pwrite64", (sqlite3_syscall_ptr)write_and_say_full), SQLITE_OK);
    struct world world = world_make();
    const struct instance_start start = {.id = ID, .flow = "FLOW", .started_ms = 1, .is_durable = true};
    CHECK_OK(store_instance_start(world.store, &start, &world.err), &world.err);
    CHECK_OK(write_plan(&world, "sending"), &world.err);
    return world;
}

static void what_is_said_after_a_failed_commit_is_found(void)
{
    struct world world = begin();
    is_lying = true;
    CHECK(!write_plan(&world, "publishing"));
    is_lying = false;
    CHECK_OK(write_plan(&world, "sending"), &world.err); /* as it is: nothing changes */
    check_plan_after_a_crash(&world, "sending");
    CHECK_OK(write_plan(&world, "publishing"), &world.err);
    check_plan_after_a_crash(&world, "publishing");
    world_release(&world);
}

CHECK_MAIN(TEST(what_is_said_after_a_failed_commit_is_found))
