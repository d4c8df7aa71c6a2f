/* SPDX-License-Identifier: MIT */
/* What a replay reports of files, against what its instance did. */
#include <stdlib.h>

#include "flow/replay_files.h"
#include "sluice/abi.h"
#include "store_support.h"

#define COUNT 300

static struct replay_files files;
static char difference[ERROR_MESSAGE_SIZE];

static void report(struct store *store, const char *name, const char *state, const char *detail)
{
    store_file(store, "instance-one", name, state, detail, 1, 1);
}

/* Names in no order, each reported twice, as a run does: all found, then one after the other. */
static struct world ran(void)
{
    struct world world = world_make();
    char name[32];
    CHECK_OK(start_instance(world.store, "instance-one", true, &world.err), &world.err);
    for (int i = 0; i < COUNT; i++) {
        snprintf(name, sizeof name, "%d", i * 7 % COUNT);
        report(world.store, name, "found", "");
    }
    for (int i = 0; i < COUNT; i++) {
        snprintf(name, sizeof name, "%d", i * 7 % COUNT);
        report(world.store, name, i % 2 ? "transferred" : "postponed", i % 2 ? "" : "It is still being written.");
    }
    CHECK_OK(finish_instance(world.store, "instance-one", INSTANCE_COMPLETED, 200, &world.err), &world.err);
    return world;
}

static void run_again(int found, int ended)
{
    char name[32];
    replay_files_init(&files);
    for (int i = 0; i < found; i++) {
        snprintf(name, sizeof name, "%d", i * 7 % COUNT);
        replay_files_take(&files, name, SLUICE_FILE_FOUND, NULL);
    }
    for (int i = 0; i < ended; i++) {
        snprintf(name, sizeof name, "%d", i * 7 % COUNT);
        replay_files_take(&files, name, i % 2 ? SLUICE_FILE_TRANSFERRED : SLUICE_FILE_POSTPONED,
                          i % 2 ? "" : "It is still being written.");
    }
}

static void compare(struct world *world, const char *expected)
{
    CHECK_OK(replay_files_compare(&files, world->store, "instance-one", difference, &world->err), &world->err);
    CHECK_EQ_TEXT(difference, expected);
    replay_files_release(&files);
}

static void the_last_report_of_each_name_counts(void)
{
    struct world world = ran();
    run_again(COUNT, COUNT);
    compare(&world, "");
    run_again(COUNT, COUNT);
    replay_files_take(&files, "21", SLUICE_FILE_STARTED, "");
    replay_files_take(&files, "21", SLUICE_FILE_TRANSFERRED, "");
    compare(&world, "");
    run_again(COUNT, COUNT);
    replay_files_take(&files, "21", SLUICE_FILE_STARTED, "");
    compare(&world, "file '21': then transferred '', now started ''");
    run_again(COUNT, COUNT);
    replay_files_take(&files, "14", SLUICE_FILE_POSTPONED, "It is still written.");
    compare(&world, "file '14': then postponed 'It is still being written.', now postponed 'It is still written.'");
    world_release(&world);
}

static void a_file_too_many_or_too_few(void)
{
    struct world world = ran();
    run_again(COUNT, COUNT);
    replay_files_take(&files, "more", SLUICE_FILE_FOUND, "");
    compare(&world, "file 'more' is reported now (found), and was not then");
    run_again(0, COUNT - 1);
    compare(&world, "file '293' was reported then (transferred), and is not now");
    run_again(0, 0);
    compare(&world, "file '0' was reported then (postponed), and is not now");
    world_release(&world);
}

static void reports_at_the_limit(void)
{
    struct world world = ran();
    char *detail = calloc(1, REPLAY_FILES_SIZE_MAX);
    CHECK(detail != NULL);
    for (size_t over = 0; over <= 1; over++) {
        replay_files_init(&files);
        replay_files_take(&files, "0", SLUICE_FILE_POSTPONED, "");
        size_t of_one = files.text.size + files.reports.size;
        size_t size = REPLAY_FILES_SIZE_MAX - 2 * of_one + over;
        memset(detail, 'x', size);
        replay_files_take(&files, "0", SLUICE_FILE_POSTPONED, detail);
        if (over == 0)
            CHECK_OK(replay_files_compare(&files, world.store, "instance-one", difference, &world.err), &world.err);
        else
            CHECK_FAILS(replay_files_compare(&files, world.store, "instance-one", difference, &world.err),
                        &world.err, ERROR_LIMIT);
        replay_files_release(&files);
    }
    free(detail);
    world_release(&world);
}

CHECK_MAIN(TEST(the_last_report_of_each_name_counts), TEST(a_file_too_many_or_too_few),
           TEST(reports_at_the_limit))
