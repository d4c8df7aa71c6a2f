/* SPDX-License-Identifier: MIT */
/* Retention: by age, by size, in the background; what belongs to no instance; space given back. */
#include "base/clock.h"
#include "store/store_outbox.h"
#include "unit/store_support.h"

#define DAY_MS (INT64_C(24) * 3600 * 1000)
#define INPUT_SIZE (64 << 10)
#define MANY 400 /* 25 MiB of input */

static void write_many(struct world *world, int count, int64_t ended_ms)
{
    static char input[INPUT_SIZE];
    for (int i = 0; i < count; i++) {
        char id[32];
        snprintf(id, sizeof id, "many%05d", i);
        const struct instance_start start = {.id = id, .flow = "FLOW", .input = input,
                                             .input_size = sizeof input, .is_tracked = true,
                                             .tracing = STORE_TRACING_DEBUG};
        CHECK_OK(store_instance_start(world->store, &start, &world->err), &world->err);
        CHECK_OK(finish_instance(world->store, id, INSTANCE_COMPLETED, ended_ms + i, &world->err),
                 &world->err);
    }
}

static void what_is_older_goes(void)
{
    struct world world = world_make();
    int64_t now_ms = clock_wall_ms();
    sqlite3 *other = other_open(&world);
    CHECK_OK(start_instance(world.store, "runs", false, &world.err), &world.err);
    write_many(&world, 300, now_ms - 2 * DAY_MS);
    CHECK_OK(start_instance(world.store, "newer", false, &world.err), &world.err);
    CHECK_OK(finish_instance(world.store, "newer", INSTANCE_FAILED, now_ms, &world.err), &world.err);
    const struct store_retention retention = {.age_ms = DAY_MS};
    CHECK_OK(store_trim(world.store, &retention, &world.err), &world.err);
    CHECK_EQ_INT(count_state(world.store, NULL), 2);
    CHECK_EQ_INT(count_state(world.store, "FAILED"), 1);
    CHECK_EQ_INT(count_state(world.store, "IN_PROGRESS"), 1);
    CHECK_EQ_INT(other_ask(other, "SELECT count(*) FROM payload"), 3);
    sqlite3_close(other);
    world_release(&world);
}

static uint64_t used_size(sqlite3 *db)
{
    return (uint64_t)other_ask(db, "SELECT (a.page_count - b.freelist_count) * c.page_size FROM"
                         " pragma_page_count a, pragma_freelist_count b, pragma_page_size c");
}

static void what_ended_first_goes_when_there_is_too_much(void)
{
    struct world world = world_make();
    sqlite3 *other = other_open(&world);
    const struct store_retention retention = {.size_max = 8 << 20};
    write_many(&world, MANY, 1000);
    CHECK_OK(store_trim(world.store, &(struct store_retention){.size_max = 40 << 20}, &world.err),
             &world.err);
    CHECK_EQ_INT(count_state(world.store, NULL), MANY); /* is below that */
    CHECK(used_size(other) > retention.size_max);
    CHECK_OK(store_trim(world.store, &retention, &world.err), &world.err);
    CHECK(used_size(other) <= retention.size_max);
    CHECK(used_size(other) > retention.size_max / 2);
    CHECK_EQ_INT(other_ask(other, "SELECT count(*) = max(finished_ms) - min(finished_ms) + 1 AND"
                                  " max(finished_ms) = 1000 + 399 FROM instance"), 1);
    sqlite3_close(other);
    world_release(&world);
}

static int64_t file_size(const struct world *world)
{
    struct stat status = {.st_size = -1};
    CHECK_EQ_INT(stat(temporary_path(&world->temporary, "state/sluice.db"), &status), 0);
    return status.st_size;
}

static void free_space_is_given_back(void)
{
    struct world world = world_make();
    write_many(&world, MANY, 1000);
    store_close(world.store);
    world.store = world_open(&world);
    CHECK(file_size(&world) > MANY * INPUT_SIZE);
    const struct store_retention retention = {.age_ms = DAY_MS};
    CHECK_OK(store_trim(world.store, &retention, &world.err), &world.err);
    store_close(world.store);
    CHECK(file_size(&world) < MANY * INPUT_SIZE / 2);
    world.store = world_open(&world);
    CHECK_EQ_INT(count_state(world.store, NULL), 0);
    world_release(&world);
}

static int64_t oldest_audit(struct world *world, int64_t *count)
{
    sqlite3 *other = other_open(world);
    int64_t oldest_ms = other_ask(other, "SELECT min(at_ms) FROM audit");
    *count = other_ask(other, "SELECT count(*) FROM audit");
    sqlite3_close(other);
    return oldest_ms;
}

static void audit_goes_by_age_and_for_size_as_far_as_instances(void)
{
    struct world world = world_make();
    int64_t now_ms = clock_wall_ms(), first_ms = now_ms - 100 * DAY_MS - DAY_MS / 2, count;
    for (int i = 0; i < 100; i++)
        store_audit(world.store, &(struct audit_record){.at_ms = first_ms + i * DAY_MS});
    CHECK_OK(store_trim(world.store, &(struct store_retention){.age_ms = 60 * DAY_MS}, &world.err),
             &world.err);
    CHECK_EQ_INT(oldest_audit(&world, &count), first_ms + 41 * DAY_MS);
    write_many(&world, MANY, now_ms - 30 * DAY_MS); /* all within a second */
    CHECK_OK(store_trim(world.store, &(struct store_retention){.size_max = 8 << 20}, &world.err),
             &world.err);
    CHECK_EQ_INT(oldest_audit(&world, &count), first_ms + 71 * DAY_MS);
    CHECK_EQ_INT(count, 29);
    world_release(&world);
}

static void it_is_kept_to_in_the_background(void)
{
    struct world world = world_make();
    struct world elsewhere = {.temporary = world.temporary, .store = world_open(&world)};
    write_many(&world, 100, 1000);
    CHECK_OK(start_instance(elsewhere.store, "orphan", false, &world.err), &world.err);
    store_close(elsewhere.store); /* as a process that ended */
    const struct store_retention retention = {.age_ms = DAY_MS};
    CHECK_OK(store_retain(world.store, &retention, &world.err), &world.err);
    for (int i = 0; i < 3000 && count_state(world.store, "COMPLETED") > 0; i++)
        usleep(10000);
    CHECK_EQ_INT(count_state(world.store, "COMPLETED"), 0);
    CHECK_EQ_INT(count_state(world.store, "ABORTED"), 1);
    world_release(&world);
}

/* It may hand the mail over again: once purged, it would go out a second time. */
static void a_mail_of_what_is_in_progress_stays(void)
{
    struct world world = world_make();
    int purged = -1;
    int64_t would = -1;
    CHECK_OK(start_instance(world.store, "aaaa", false, &world.err), &world.err);
    sqlite3 *other = other_open(&world);
    other_run(other, "INSERT INTO outbox (instance, message_id, connection, sender, recipients, subject, body,"
                     " size, state, written_ms, next_ms, finished_ms) VALUES"
                     " ('aaaa', 'm@x', 'M', 'f@x', 'a@x', 'S', 'text', 4, 'sent', 1, 1, 2)");
    sqlite3_close(other);
    CHECK_OK(store_outbox_purge_count(world.store, 10, &would, &world.err), &world.err);
    CHECK_OK(store_outbox_purge(world.store, 10, 10, &purged, &world.err), &world.err);
    CHECK_EQ_INT(purged + would, 0);
    CHECK_OK(finish_instance(world.store, "aaaa", INSTANCE_COMPLETED, 9, &world.err), &world.err);
    CHECK_OK(store_outbox_purge_count(world.store, 10, &would, &world.err), &world.err);
    CHECK_OK(store_outbox_purge(world.store, 10, 10, &purged, &world.err), &world.err);
    CHECK_EQ_INT(purged, 1);
    CHECK_EQ_INT(would, 1);
    world_release(&world);
}

CHECK_MAIN(TEST(a_mail_of_what_is_in_progress_stays), TEST(what_is_older_goes), TEST(what_ended_first_goes_when_there_is_too_much),
           TEST(free_space_is_given_back), TEST(audit_goes_by_age_and_for_size_as_far_as_instances),
           TEST(it_is_kept_to_in_the_background))
