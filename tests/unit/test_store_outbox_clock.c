/* SPDX-License-Identifier: MIT */
/* The outbox where the wall clock was set: what is due, what is alike, what is held back. */
#include <stdio.h>

#include "store/store_outbox.h"
#include "unit/store_support.h"

static bool add(struct world *world, const char *message_id, int64_t at_ms)
{
    const struct outbox_mail mail = {.instance = message_id, .message_id = message_id,
                                     .connection = "M", .from = "f@x", .to = "a@x", .subject = "S",
                                     .body = "text", .written_ms = at_ms, .may_be_held = true};
    bool is_held;
    CHECK_OK(store_outbox_add(world->store, &mail, &is_held, &world->err), &world->err);
    return is_held;
}

struct seen {
    int count;
    int64_t number, attempts, next_ms;
};

static bool see(void *context, const struct outbox_row *row)
{
    struct seen *seen = context;
    *seen = (struct seen){seen->count + 1, row->number, row->attempts, row->next_ms};
    return true;
}

static struct seen list_unsent(struct world *world)
{
    struct seen seen = {.count = 0};
    const struct outbox_filter filter = {.unsent_only = true};
    CHECK_OK(store_outbox_list(world->store, &filter, see, &seen, &world->err), &world->err);
    return seen;
}

static bool claim(struct world *world, int64_t now_ms, struct seen *seen)
{
    bool found = false;
    *seen = (struct seen){.count = 0};
    CHECK_OK(store_outbox_claim(world->store, now_ms, see, seen, &found, &world->err), &world->err);
    return found;
}

static void settle(struct world *world, struct outbox_result result)
{
    CHECK_OK(store_outbox_settle(world->store, &result, &world->err), &world->err);
}

static int64_t due(struct world *world, int64_t now_ms)
{
    int64_t due_ms = 0;
    CHECK_OK(store_outbox_due(world->store, now_ms, &due_ms, &world->err), &world->err);
    return due_ms;
}

#define YEAR_MS (INT64_C(365) * 24 * 3600000)

/* Written, or put off, while the clock was ahead. */
static void it_holds_up_nothing(void)
{
    const int64_t now_ms = 2 * YEAR_MS, ahead_ms = now_ms + YEAR_MS;
    struct seen seen;
    struct world world = world_make();
    add(&world, "far", now_ms + STORE_OUTBOX_AHEAD_MS + 1);
    CHECK_EQ_INT(due(&world, now_ms), now_ms);
    CHECK(claim(&world, now_ms, &seen));
    settle(&world, (struct outbox_result){.number = seen.number, .outcome = OUTBOX_LATER,
                                          .at_ms = ahead_ms, .error = "no"});
    CHECK(claim(&world, now_ms, &seen));
    CHECK_EQ_INT(seen.attempts, 2);
    add(&world, "alike", ahead_ms);
    settle(&world, (struct outbox_result){.number = seen.number, .outcome = OUTBOX_LATER,
                                          .at_ms = now_ms + 5000, .error = "no",
                                          .is_about_server = true});
    CHECK(!claim(&world, now_ms + 4999, &seen)); /* the other waits as long */
    CHECK_EQ_INT(due(&world, now_ms), now_ms + 5000);
    world_release(&world);
    world = world_make();
    add(&world, "near", now_ms + STORE_OUTBOX_AHEAD_MS);
    CHECK_EQ_INT(due(&world, now_ms), now_ms + STORE_OUTBOX_AHEAD_MS);
    CHECK(!claim(&world, now_ms, &seen));
    world_release(&world);
}

/* Mails of the wrong hour are none of the last hour, and hold back none for years. */
static void it_makes_no_storm(void)
{
    const int64_t now_ms = 2 * YEAR_MS;
    struct seen seen;
    char id[16];
    struct world world = world_make();
    for (int i = 0; i < STORE_OUTBOX_ALIKE_MAX; i++) {
        snprintf(id, sizeof id, "ahead%d", i);
        CHECK(!add(&world, id, now_ms + YEAR_MS + i));
    }
    CHECK(add(&world, "held", now_ms + YEAR_MS + 100));
    while (claim(&world, now_ms, &seen))
        settle(&world, (struct outbox_result){.number = seen.number, .outcome = OUTBOX_SENT,
                                                   .at_ms = now_ms});
    CHECK_EQ_INT(list_unsent(&world).count, 0); /* the summary is gone, too */
    CHECK(!add(&world, "fresh", now_ms));
    for (int i = 1; i < STORE_OUTBOX_ALIKE_MAX; i++) {
        snprintf(id, sizeof id, "now%d", i);
        CHECK(!add(&world, id, now_ms + 60000));
    }
    CHECK(add(&world, "more", now_ms + 1000)); /* the clock was set back by a little */
    CHECK_EQ_INT(list_unsent(&world).next_ms, now_ms + STORE_OUTBOX_ALIKE_MS);
    world_release(&world);
}

CHECK_MAIN(TEST(it_holds_up_nothing), TEST(it_makes_no_storm))
