/* SPDX-License-Identifier: MIT */
/* Who waits for the disk and who does not, what happens where the queue is full, reading meanwhile.
 * Another program that holds the write lock stands for a slow disk. */
#include <pthread.h>

#include "base/buf.h"
#include "unit/store_support.h"

#define LOCK "BEGIN IMMEDIATE"
#define UNLOCK "COMMIT"

static struct store_load load_of(struct store *store)
{
    struct store_load load;
    store_load(store, &load);
    return load;
}

/* ---- waiting ----------------------------------------------------------------------------------- */

static void tracked_instances_do_not_wait_for_the_disk(void)
{
    struct world world = world_make();
    sqlite3 *other = other_open(&world);
    other_run(other, LOCK);
    CHECK_OK(start_instance(world.store, "aaaa", true, &world.err), &world.err);
    note_activity(world.store, "aaaa", "one");
    CHECK_OK(finish_instance(world.store, "aaaa", INSTANCE_COMPLETED, 5, &world.err), &world.err);
    CHECK_OK(start_instance(world.store, "bbbb", true, &world.err), &world.err);
    CHECK_EQ_INT(load_of(world.store).waiting, 4);
    CHECK(load_of(world.store).waiting_size > 0);
    CHECK_FAILS(start_instance(world.store, "bbbb", true, &world.err), &world.err, ERROR_EXISTS);
    CHECK_FAILS(finish_instance(world.store, "aaaa", INSTANCE_FAILED, 5, &world.err), &world.err,
                ERROR_NOT_FOUND);
    CHECK_EQ_INT(other_ask(other, "SELECT count(*) FROM instance"), 0);
    other_run(other, UNLOCK);
    CHECK_EQ_INT(count_state(world.store, "COMPLETED"), 1); /* reading sees it */
    CHECK_EQ_INT(count_state(world.store, "IN_PROGRESS"), 1);
    CHECK_EQ_INT(other_ask(other, "SELECT count(*) FROM payload WHERE which = 'response'"), 1);
    CHECK_EQ_INT(other_ask(other, "SELECT count(*) FROM payload"), 2); /* what completed needs no input */
    CHECK_EQ_INT(load_of(world.store).waiting, 0);
    CHECK_EQ_INT(load_of(world.store).waiting_size, 0);
    CHECK_EQ_INT(load_of(world.store).lag_ms, 0);
    sqlite3_close(other);
    world_release(&world);
}

static void a_tracked_instance_is_written_without_being_asked_for(void)
{
    struct world world = world_make();
    sqlite3 *other = other_open(&world);
    CHECK_OK(start_instance(world.store, "aaaa", true, &world.err), &world.err);
    for (int i = 0; i < 3000 && load_of(world.store).waiting > 0; i++)
        usleep(10000);
    CHECK_EQ_INT(other_ask(other, "SELECT count(*) FROM instance"), 1);
    sqlite3_close(other);
    world_release(&world);
}

static void closing_writes_what_waits(void)
{
    struct world world = world_make();
    CHECK_OK(start_instance(world.store, "aaaa", true, &world.err), &world.err);
    CHECK_OK(finish_instance(world.store, "aaaa", INSTANCE_COMPLETED, 5, &world.err), &world.err);
    store_close(world.store);
    world.store = world_open(&world);
    CHECK_EQ_INT(count_state(world.store, "COMPLETED"), 1);
    world_release(&world);
}

#define THREADS 8

struct starter {
    pthread_t thread;
    struct store *store;
    struct error err;
    char id[16];
    const char *resubmits;
    bool ok;
};

static void *start_durable(void *context)
{
    struct starter *starter = context;
    const struct instance_start start = {.id = starter->id, .flow = "FLOW",
                                         .resubmits = starter->resubmits,
                                         .is_tracked = starter->resubmits != NULL};
    starter->ok = store_instance_start(starter->store, &start, &starter->err);
    return NULL;
}

static void wait_for_waiting(struct store *store, size_t count)
{
    for (int i = 0; i < 3000 && load_of(store).waiting < count; i++)
        usleep(10000);
    CHECK_EQ_INT(load_of(store).waiting, count);
}

static void threads_that_wait_share_one_commit(void)
{
    struct world world = world_make();
    sqlite3 *other = other_open(&world);
    struct starter starters[THREADS];
    uint64_t groups = load_of(world.store).groups;
    other_run(other, LOCK);
    for (int i = 0; i < THREADS; i++) {
        starters[i] = (struct starter){.store = world.store};
        snprintf(starters[i].id, sizeof starters[i].id, "durable%d", i);
        CHECK_EQ_INT(pthread_create(&starters[i].thread, NULL, start_durable, &starters[i]), 0);
    }
    wait_for_waiting(world.store, THREADS);
    other_run(other, UNLOCK);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(starters[i].thread, NULL);
        CHECK_OK(starters[i].ok, &starters[i].err);
    }
    /* The writer had taken the first few; all others went together. */
    CHECK(load_of(world.store).groups - groups <= 2);
    CHECK_EQ_INT(other_ask(other, "SELECT count(*) FROM instance"), THREADS);
    sqlite3_close(other);
    world_release(&world);
}

static void one_that_fails_leaves_the_others_of_its_group_alone(void)
{
    struct world world = world_make();
    sqlite3 *other = other_open(&world);
    struct starter starters[3];
    other_run(other, "INSERT INTO instance (id, flow, state, owner, process, started_ms)"
                     " VALUES ('taken', 'FLOW', 'COMPLETED', 1, 1, 1)");
    static const char *const ids[] = {"before", "taken", "after"};
    other_run(other, LOCK);
    for (size_t i = 0; i < 3; i++) {
        starters[i] = (struct starter){.store = world.store};
        snprintf(starters[i].id, sizeof starters[i].id, "%s", ids[i]);
        CHECK_EQ_INT(pthread_create(&starters[i].thread, NULL, start_durable, &starters[i]), 0);
        wait_for_waiting(world.store, i + 1);
    }
    other_run(other, UNLOCK);
    for (size_t i = 0; i < 3; i++)
        pthread_join(starters[i].thread, NULL);
    CHECK_OK(starters[0].ok, &starters[0].err);
    CHECK_FAILS(starters[1].ok, &starters[1].err, ERROR_EXISTS);
    CHECK_OK(starters[2].ok, &starters[2].err);
    CHECK_EQ_INT(other_ask(other, "SELECT count(*) FROM instance"), 3);
    sqlite3_close(other);
    world_release(&world);
}

/* Two stores at one file are as two processes: each has its own queue and owner. */
static void rules_of_resubmission_hold_between_processes(void)
{
    struct world world = world_make();
    struct store *second = world_open(&world);
    CHECK_OK(start_instance(world.store, "old1", true, &world.err), &world.err);
    CHECK_OK(finish_instance(world.store, "old1", INSTANCE_FAILED, 5, &world.err), &world.err);
    struct starter first = {.store = world.store, .id = "new1", .resubmits = "old1"};
    start_durable(&first);
    CHECK_OK(first.ok, &first.err);
    struct starter again = {.store = second, .id = "new2", .resubmits = "old1"};
    start_durable(&again);
    CHECK_FAILS(again.ok, &again.err, ERROR_EXISTS);
    CHECK_OK(finish_instance(world.store, "new1", INSTANCE_COMPLETED, 6, &world.err), &world.err);
    start_durable(&again);
    CHECK_FAILS(again.ok, &again.err, ERROR_REFUSED);
    CHECK_FAILS(store_discard(second, "old1", 7, &again.err), &again.err, ERROR_REFUSED);
    store_close(second);
    world_release(&world);
}

/* ---- where the queue is full ------------------------------------------------------------------- */

static bool see_last(void *context, const struct activity *row)
{
    struct buf *last = context;
    buf_clear(last);
    buf_printf(last, "%s %s", row->import, row->detail);
    return true;
}

static bool count_activity(void *context, const struct activity *row)
{
    (void)row;
    ++*(int *)context;
    return true;
}

static void records_at_the_bound_and_one_more(void)
{
    struct world world = world_make();
    sqlite3 *other = other_open(&world);
    struct buf last;
    int activities = 0;
    buf_init(&last, 1024);
    CHECK_OK(start_instance(world.store, "aaaa", true, &world.err), &world.err);
    store_close(world.store); /* only to have it written */
    world.store = world_open(&world);
    CHECK_OK(start_instance(world.store, "bbbb", false, &world.err), &world.err);
    other_run(other, LOCK);
    size_t starts_max = STORE_WAITING_MAX / 4 * 3;
    for (size_t i = 0; i < starts_max - 1; i++)
        note_activity(world.store, "bbbb", "x");
    CHECK_OK(start_instance(world.store, "cccc", true, &world.err), &world.err);
    CHECK_FAILS(start_instance(world.store, "dddd", true, &world.err), &world.err, ERROR_UNAVAILABLE);
    CHECK_CONTAINS(world.err.message, "the store cannot keep up: 49152 records wait to be written");
    for (size_t i = starts_max; i < STORE_WAITING_MAX; i++)
        note_activity(world.store, "bbbb", "x");
    CHECK_EQ_INT(load_of(world.store).waiting, STORE_WAITING_MAX);
    CHECK_EQ_INT(load_of(world.store).lost, 0);
    note_activity(world.store, "bbbb", "x");
    CHECK_EQ_INT(load_of(world.store).waiting, STORE_WAITING_MAX);
    CHECK_EQ_INT(load_of(world.store).lost, 1);
    CHECK_OK(finish_instance(world.store, "cccc", INSTANCE_COMPLETED, 9, &world.err), &world.err);
    other_run(other, UNLOCK);
    CHECK_OK(store_activities(world.store, "bbbb", count_activity, &activities, &world.err),
             &world.err);
    CHECK_EQ_INT(activities, STORE_WAITING_MAX - 1); /* and the start of cccc */
    CHECK_OK(store_activities(world.store, "cccc", see_last, &last, &world.err), &world.err);
    CHECK_EQ_TEXT(buf_text(&last), "store 1 records of running instances could not be written");
    buf_release(&last);
    sqlite3_close(other);
    world_release(&world);
}

static void bytes_at_the_bound(void)
{
    enum { PART = 1 << 20 };
    static char detail[PART];
    struct world world = world_make();
    sqlite3 *other = other_open(&world);
    memset(detail, 'x', sizeof detail - 1);
    CHECK_OK(start_instance(world.store, "aaaa", false, &world.err), &world.err);
    other_run(other, LOCK);
    for (int i = 0; i < 100 && load_of(world.store).lost == 0; i++)
        note_activity(world.store, "aaaa", detail);
    CHECK_EQ_INT(load_of(world.store).lost, 1);
    CHECK(load_of(world.store).waiting_size >= STORE_WAITING_SIZE_MAX);
    CHECK(load_of(world.store).waiting_size < STORE_WAITING_SIZE_MAX + 2 * PART);
    CHECK_FAILS(start_instance(world.store, "bbbb", false, &world.err), &world.err, ERROR_UNAVAILABLE);
    other_run(other, UNLOCK);
    CHECK_OK(finish_instance(world.store, "aaaa", INSTANCE_COMPLETED, 9, &world.err), &world.err);
    CHECK_EQ_INT(load_of(world.store).waiting_size, 0);
    sqlite3_close(other);
    world_release(&world);
}

/* ---- reading meanwhile ------------------------------------------------------------------------- */

#define ROWS 300

struct slow_reader {
    struct world *world;
    int rows;
    char bytes[1 << 20];
};

/* A callback that takes its time: meanwhile others write much more than the log may hold. */
static bool write_much(void *context, const struct instance_row *row)
{
    (void)row;
    struct slow_reader *reader = context;
    struct error err = {0};
    if (reader->rows++ > 0)
        return true;
    for (int i = 0; i < 64; i++) {
        char id[16];
        snprintf(id, sizeof id, "much%d", i);
        const struct instance_start start = {.id = id, .flow = "FLOW", .input = reader->bytes,
                                             .input_size = sizeof reader->bytes};
        CHECK_OK(store_instance_start(reader->world->store, &start, &err), &err);
    }
    return true;
}

static void a_slow_reader_holds_up_neither_writers_nor_the_log(void)
{
    static struct slow_reader reader;
    struct world world = world_make();
    struct stat log = {.st_size = 0};
    reader = (struct slow_reader){.world = &world};
    for (int i = 0; i < ROWS; i++) {
        char id[16];
        snprintf(id, sizeof id, "row%05d", i);
        CHECK_OK(start_instance(world.store, id, true, &world.err), &world.err);
    }
    CHECK_OK(store_instances(world.store, &(struct store_filter){0}, write_much, &reader, &world.err),
             &world.err);
    CHECK_EQ_INT(reader.rows, ROWS); /* what came meanwhile is newer than where the walk was */
    CHECK_EQ_INT(stat(temporary_path(&world.temporary, "state/sluice.db-wal"), &log), 0);
    CHECK(log.st_size > 0);
    CHECK(log.st_size < 40 << 20); /* of 64 MiB that were written */
    world_release(&world);
}

static bool stop_at_second(void *context, const struct instance_row *row)
{
    (void)row;
    return ++*(int *)context < 2;
}

static void pages_hold_every_row_once(void)
{
    struct world world = world_make();
    int rows = 0;
    for (int i = 0; i < ROWS; i++) {
        char id[16];
        snprintf(id, sizeof id, "row%05d", i);
        CHECK_OK(start_instance(world.store, id, true, &world.err), &world.err);
    }
    static const struct {
        int64_t limit, offset, expected;
    } cases[] = {{0, 0, 300},   {128, 0, 128}, {129, 0, 129}, {256, 0, 256}, {300, 0, 300},
                 {301, 0, 300}, {0, 1, 299},   {200, 250, 50}, {1, 299, 1},   {1, 300, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct store_filter filter = {.limit = cases[i].limit, .offset = cases[i].offset};
        rows = 0;
        CHECK_OK(store_instances(world.store, &filter, count_instance, &rows, &world.err),
                 &world.err);
        CHECK_EQ_INT(rows, cases[i].expected);
    }
    rows = 0;
    CHECK_OK(store_instances(world.store, &(struct store_filter){0}, stop_at_second, &rows,
                             &world.err), &world.err);
    CHECK_EQ_INT(rows, 2);
    world_release(&world);
}

CHECK_MAIN(TEST(tracked_instances_do_not_wait_for_the_disk),
           TEST(a_tracked_instance_is_written_without_being_asked_for),
           TEST(closing_writes_what_waits), TEST(threads_that_wait_share_one_commit),
           TEST(one_that_fails_leaves_the_others_of_its_group_alone),
           TEST(rules_of_resubmission_hold_between_processes),
           TEST(records_at_the_bound_and_one_more), TEST(bytes_at_the_bound),
           TEST(a_slow_reader_holds_up_neither_writers_nor_the_log),
           TEST(pages_hold_every_row_once))
