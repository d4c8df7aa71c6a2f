/* SPDX-License-Identifier: MIT */
/* Instances by what people ask for: each condition alone and together, orders, pages, counts, groups. */
#include "check.h"
#include "store/store.h"
#include "unit/temporary.h"

struct world {
    struct temporary temporary;
    struct store *store;
    struct error err;
    char ids[256]; /* of the newest list: "c b a" */
};

static void begin(struct world *world, const char *id, const char *flow, int64_t started_ms,
                  const char *parent, const char *resubmits)
{
    struct instance_start start = {.id = id, .flow = flow, .flow_name = "Name", .version = "01.00.0000",
                                   .parameters = "{}", .started_ms = started_ms, .parent = parent,
                                   .resubmits = resubmits};
    CHECK_OK(store_instance_start(world->store, &start, &world->err), &world->err);
}

static void end(struct world *world, const char *id, enum instance_state state, int64_t at_ms,
                const char *fault)
{
    struct instance_end row = {.state = state, .finished_ms = at_ms, .fault_code = fault,
                               .fault_title = fault ? "Title" : NULL};
    CHECK_OK(store_instance_finish(world->store, id, &row, &world->err), &world->err);
}

static void call(struct world *world, const char *id, const char *connection, const char *result)
{
    store_activity(world->store, id, &(struct activity){.at_ms = 1, .import = "http.request",
                                                         .connection = connection, .result = result});
}

/* In order of their start: a completed, b failed at "CCS", c failed in between and a child of b, d
 * aborted after "FTP" failed and then worked, e in progress. */
static struct world world_make(void)
{
    struct world world = {.temporary = temporary_make()};
    CHECK_OK(store_open(&world.store, temporary_path(&world.temporary, "state/sluice.db"), &world.err),
             &world.err);
    begin(&world, "a", "ONE", 1000, NULL, NULL);
    store_track(world.store, "a", "first", "x");
    store_track(world.store, "a", "second", "y");
    end(&world, "a", INSTANCE_COMPLETED, 9000, NULL);
    begin(&world, "b", "ONE", 2000, NULL, NULL);
    store_track(world.store, "b", "first", "y");
    call(&world, "b", "FTP", "ok");
    call(&world, "b", "CCS", "unavailable");
    begin(&world, "c", "TWO", 3000, "b", NULL);
    end(&world, "c", INSTANCE_FAILED, 3500, "limit");
    end(&world, "b", INSTANCE_FAILED, 4000, "unavailable");
    begin(&world, "d", "TWO", 5000, NULL, NULL);
    call(&world, "d", "FTP", "timeout");
    call(&world, "d", "CCS", "ok");
    end(&world, "d", INSTANCE_ABORTED, 6000, "cancelled");
    begin(&world, "e", "ONE", 7000, NULL, NULL);
    return world;
}

static void world_release(struct world *world)
{
    store_close(world->store);
    temporary_remove(&world->temporary);
}

static bool add_id(void *context, const struct instance_row *row)
{
    char *ids = context;
    size_t size = strlen(ids);
    snprintf(ids + size, 256 - size, "%s%s", size ? " " : "", row->id);
    return true;
}

/* The list, whose length is the count but for the page. */
static const char *list(struct world *world, struct store_filter filter)
{
    int64_t count = -1, spaces = 0;
    world->ids[0] = '\0';
    CHECK_OK(store_instances(world->store, &filter, add_id, world->ids, &world->err), &world->err);
    CHECK_OK(store_count_instances(world->store, &filter, 100, &count, &world->err), &world->err);
    for (const char *at = world->ids; *at; at++)
        spaces += *at == ' ';
    if (filter.limit == 0 && filter.offset == 0)
        CHECK_EQ_INT(count, world->ids[0] ? spaces + 1 : 0);
    return world->ids;
}

#define LIST(...) list(&world, (struct store_filter){__VA_ARGS__})

static void conditions(void)
{
    struct world world = world_make();
    CHECK_EQ_TEXT(LIST(.flow = NULL), "e d c b a");
    CHECK_EQ_TEXT(LIST(.flow = "ONE"), "e b a");
    CHECK_EQ_TEXT(LIST(.flow = "ONE' OR '1'='1"), "");
    CHECK_EQ_TEXT(LIST(.version = "01.00.0000"), "e d c b a");
    CHECK_EQ_TEXT(LIST(.version = "01"), "");
    CHECK_EQ_TEXT(LIST(.id = "c"), "c");
    CHECK_EQ_TEXT(LIST(.parent = "b"), "c");
    CHECK_EQ_TEXT(LIST(.state = "FAILED"), "c b");
    CHECK_EQ_TEXT(LIST(.state = "ABORTED"), "d");
    CHECK_EQ_TEXT(LIST(.state = "IN_PROGRESS"), "e");
    CHECK_EQ_TEXT(LIST(.from_ms = 3000), "e d c");
    CHECK_EQ_TEXT(LIST(.from_ms = 3001), "e d");
    CHECK_EQ_TEXT(LIST(.to_ms = 2000), "b a");
    CHECK_EQ_TEXT(LIST(.to_ms = 1999), "a");
    CHECK_EQ_TEXT(LIST(.duration_from_ms = 2000), "b a");
    CHECK_EQ_TEXT(LIST(.duration_from_ms = 2001), "a");
    CHECK_EQ_TEXT(LIST(.duration_to_ms = 1000), "d c");
    CHECK_EQ_TEXT(LIST(.updated_from_ms = 4000), "e d b a"); /* what runs is being updated */
    CHECK_EQ_TEXT(LIST(.updated_from_ms = 4001, .updated_to_ms = 9000), "d a");
    CHECK_EQ_TEXT(LIST(.updated_to_ms = 3999), "c");
    CHECK_EQ_TEXT(LIST(.tracking = "y"), "b a");
    CHECK_EQ_TEXT(LIST(.tracking = "y", .tracking_rank = 1), "b");
    CHECK_EQ_TEXT(LIST(.tracking = "y", .tracking_rank = 2), "a");
    CHECK_EQ_TEXT(LIST(.tracking = "y", .tracking_rank = 3), "");
    CHECK_EQ_TEXT(LIST(.top_level_only = true, .flow = "TWO", .from_ms = 1, .to_ms = 8000), "d");
    world_release(&world);
}

static void open_errors(void)
{
    struct world world = world_make();
    CHECK_EQ_TEXT(LIST(.open_errors = true), "d b");
    begin(&world, "f", "ONE", 8000, NULL, "b");
    end(&world, "f", INSTANCE_FAILED, 8500, "unavailable");
    CHECK_EQ_TEXT(LIST(.open_errors = true), "d b"); /* not f, which did b again */
    for (int i = 1; i < STORE_RESUBMISSIONS_MAX; i++) {
        char id[8];
        snprintf(id, sizeof id, "f%d", i);
        CHECK_EQ_TEXT(LIST(.open_errors = true, .recoverable_only = true), "d b");
        begin(&world, id, "ONE", 8000, NULL, "b");
        end(&world, id, INSTANCE_FAILED, 8500, "unavailable");
    }
    CHECK_EQ_TEXT(LIST(.open_errors = true, .recoverable_only = true), "d");
    CHECK_EQ_TEXT(LIST(.open_errors = true, .used_up_only = true), "b");
    CHECK_FAILS(store_check_resubmission(world.store, "b", &world.err), &world.err, ERROR_LIMIT);
    CHECK_OK(store_check_resubmission(world.store, "d", &world.err), &world.err);
    CHECK_FAILS(store_check_resubmission(world.store, "a", &world.err), &world.err, ERROR_REFUSED);
    CHECK_FAILS(store_check_resubmission(world.store, "c", &world.err), &world.err, ERROR_REFUSED);
    CHECK_FAILS(store_check_resubmission(world.store, "nobody", &world.err), &world.err, ERROR_NOT_FOUND);
    begin(&world, "g", "TWO", 9000, NULL, "d");
    CHECK_FAILS(store_check_resubmission(world.store, "d", &world.err), &world.err, ERROR_EXISTS);
    end(&world, "g", INSTANCE_COMPLETED, 9500, NULL);
    CHECK_EQ_TEXT(LIST(.open_errors = true), "b");
    CHECK_OK(store_discard(world.store, "b", 9600, &world.err), &world.err);
    CHECK_EQ_TEXT(LIST(.open_errors = true), "");
    world_release(&world);
}

static void orders_and_pages(void)
{
    struct world world = world_make();
    CHECK_EQ_TEXT(LIST(.order = STORE_BY_UPDATE), "e a d b c");
    CHECK_EQ_TEXT(LIST(.order = STORE_BY_DURATION), "a b d c e");
    CHECK_EQ_TEXT(LIST(.order = STORE_BY_UPDATE, .limit = 2), "e a");
    CHECK_EQ_TEXT(LIST(.order = STORE_BY_UPDATE, .limit = 2, .offset = 1), "a d");
    CHECK_EQ_TEXT(LIST(.order = STORE_BY_UPDATE, .updated_from_ms = 4000), "e a d b");
    CHECK_EQ_TEXT(LIST(.order = STORE_BY_UPDATE, .updated_to_ms = 6000), "d b c");
    CHECK_EQ_TEXT(LIST(.limit = 2, .offset = 4), "a");
    CHECK_EQ_TEXT(LIST(.offset = 5), "");
    int64_t count = -1;
    CHECK_OK(store_count_instances(world.store, &(struct store_filter){.limit = 1, .offset = 2}, 5, &count,
                                   &world.err), &world.err);
    CHECK_EQ_INT(count, 5);
    CHECK_OK(store_count_instances(world.store, &(struct store_filter){.limit = 0}, 4, &count,
                                   &world.err), &world.err);
    CHECK_EQ_INT(count, 4); /* not further than asked for */
    world_release(&world);
}

static bool add_group(void *context, const struct group_row *row)
{
    char *text = context;
    size_t size = strlen(text);
    snprintf(text + size, 256 - size, "%s:%d=%d+%d+%d+%d ", row->key ? row->key : "-", (int)row->total,
             (int)row->completed, (int)row->failed, (int)row->aborted, (int)row->in_progress);
    return true;
}

static void check_groups(struct world *world, struct store_filter filter, enum store_grouping by,
                         const char *expected)
{
    char text[256] = "";
    CHECK_OK(store_groups(world->store, &filter, by, add_group, text, &world->err), &world->err);
    CHECK_EQ_TEXT(text, expected);
}

static void groups(void)
{
    struct world world = world_make();
    const struct store_filter all = {.limit = 0}, errors = {.open_errors = true};
    check_groups(&world, all, STORE_GROUP_FLOW, "ONE:3=1+1+0+1 TWO:2=0+1+1+0 ");
    check_groups(&world, errors, STORE_GROUP_FLOW, "ONE:1=0+1+0+0 TWO:1=0+0+1+0 ");
    check_groups(&world, errors, STORE_GROUP_FAULT, "cancelled:1=0+0+1+0 unavailable:1=0+1+0+0 ");
    check_groups(&world, errors, STORE_GROUP_CONNECTION, "CCS:1=0+1+0+0 FTP:1=0+0+1+0 ");
    check_groups(&world, all, STORE_GROUP_CONNECTION, "-:3=1+1+0+1 CCS:1=0+1+0+0 FTP:1=0+0+1+0 ");
    check_groups(&world, (struct store_filter){.flow = "NOBODY"}, STORE_GROUP_FLOW, "");
    world_release(&world);
}

static void the_connection_that_failed(void)
{
    struct world world = world_make();
    char name[8];
    CHECK_OK(store_failed_connection(world.store, "b", name, sizeof name, &world.err), &world.err);
    CHECK_EQ_TEXT(name, "CCS");
    CHECK_OK(store_failed_connection(world.store, "a", name, sizeof name, &world.err), &world.err);
    CHECK_EQ_TEXT(name, "");
    world_release(&world);
}

static bool add_result(void *context, const struct activity *row)
{
    char *text = context;
    size_t size = strlen(text);
    snprintf(text + size, 64 - size, "%s ", row->result);
    return true;
}

static void pages_of_activities(void)
{
    static const struct {
        bool newest_first;
        int64_t limit, offset;
        const char *expected;
    } cases[] = {
        {false, 0, 0, "ok unavailable "}, {true, 0, 0, "unavailable ok "}, {false, 1, 0, "ok "},
        {false, 1, 1, "unavailable "},    {true, 5, 1, "ok "},             {false, 1, 2, ""},
    };
    struct world world = world_make();
    begin(&world, "page", "ONE", 8000, NULL, NULL);
    call(&world, "page", "FTP", "ok");
    call(&world, "page", "CCS", "unavailable");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[64] = "";
        CHECK_OK(store_activity_page(world.store, "page", cases[i].newest_first, cases[i].limit,
                                     cases[i].offset, add_result, text, &world.err), &world.err);
        CHECK_EQ_TEXT(text, cases[i].expected);
    }
    world_release(&world);
}

CHECK_MAIN(TEST(conditions), TEST(open_errors), TEST(orders_and_pages), TEST(groups),
           TEST(the_connection_that_failed), TEST(pages_of_activities))
