/* SPDX-License-Identifier: MIT */
/* Many mails alike become one summary. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "unit/outbox_support.h"

static void a_storm_becomes_one_summary(void)
{
    char id[32];
    begin();
    for (int i = 0; i < STORE_OUTBOX_ALIKE_MAX; i++) {
        snprintf(id, sizeof id, "m%d", i);
        CHECK(!add(id, 1000 + i));
    }
    for (int i = 0; i < 200; i++) {
        snprintf(id, sizeof id, "held%d-", i);
        CHECK(add(id, 5000 + i));
    }
    struct seen seen = list(true);
    CHECK_EQ_INT(seen.count, STORE_OUTBOX_ALIKE_MAX + 1);
    CHECK_EQ_INT(seen.held, 200);
    CHECK_EQ_INT(seen.next_ms, 1000 + STORE_OUTBOX_ALIKE_MS);
    struct outbox_mail other = mail_of("other", 9000);
    bool is_held = true;
    other.subject = "T";
    CHECK_OK(store_outbox_add(world.store, &other, &is_held, &world.err), &world.err);
    CHECK(!is_held);
    other = mail_of("never", 9000);
    other.may_be_held = false;
    is_held = true;
    CHECK_OK(store_outbox_add(world.store, &other, &is_held, &world.err), &world.err);
    CHECK(!is_held);
    end();
}

static bool see_whole(void *context, const struct outbox_row *row)
{
    if (row->held > 0)
        buf_append_text(context, row->body);
    return true;
}

static void a_summary_names_instances_once_and_up_to_a_limit(void)
{
    char id[32];
    struct buf body;
    begin();
    buf_init(&body, 1u << 20);
    for (int i = 0; i < STORE_OUTBOX_ALIKE_MAX; i++) {
        snprintf(id, sizeof id, "m%d-", i);
        add(id, 1000);
    }
    for (int i = 0; i < STORE_OUTBOX_TOLD_MAX + 5; i++) {
        struct outbox_mail mail = mail_of(id, 1795487820000);
        bool is_held;
        snprintf(id, sizeof id, "held%d-", i);
        mail.written_ms = 2000;
        CHECK_OK(store_outbox_add(world.store, &mail, &is_held, &world.err), &world.err);
        struct outbox_mail again = mail;
        again.message_id = "again";
        if (i == 1)
            CHECK_OK(store_outbox_add(world.store, &again, &is_held, &world.err), &world.err);
    }
    CHECK_EQ_INT(list(true).held, STORE_OUTBOX_TOLD_MAX + 5);
    const struct outbox_filter all = {.limit = 0};
    CHECK_OK(store_outbox_list(world.store, &all, see_whole, &body, &world.err), &world.err);
    size_t lines = 0;
    for (const char *at = buf_text(&body); (at = strchr(at, '\n')); at++)
        lines++;
    CHECK_EQ_INT(lines, STORE_OUTBOX_TOLD_MAX);
    CHECK_CONTAINS(buf_text(&body), "1970-01-01T00:00:02.000Z  held1-\n");
    buf_release(&body);
    end();
}

/* At 1000: further ones of that hour are held back. */
static void send_all_that_may_go(void)
{
    struct seen seen;
    char id[32];
    for (int i = 0; i < STORE_OUTBOX_ALIKE_MAX; i++) {
        snprintf(id, sizeof id, "m%d", i);
        add(id, 1000);
        CHECK(claim(world.store, 1000, &seen));
        settle(world.store,
               (struct outbox_result){.number = seen.number, .outcome = OUTBOX_SENT, .at_ms = 1000});
    }
}

static void after_a_summary_a_new_one_begins(void)
{
    struct seen seen;
    begin();
    send_all_that_may_go();
    CHECK(add("held", 2000));
    CHECK(!claim(world.store, 1000 + STORE_OUTBOX_ALIKE_MS - 1, &seen));
    CHECK(claim(world.store, 1000 + STORE_OUTBOX_ALIKE_MS, &seen));
    CHECK_EQ_INT(seen.held, 1);
    CHECK(add("held2", 3000)); /* while the first one is under way */
    seen = list(true);
    CHECK_EQ_INT(seen.held, 1);
    CHECK_EQ_TEXT(seen.message_id, "held2");
    settle(world.store, (struct outbox_result){.number = seen.number - 1, .outcome = OUTBOX_SENT,
                                               .at_ms = 1000 + STORE_OUTBOX_ALIKE_MS});
    CHECK(claim(world.store, 1000 + STORE_OUTBOX_ALIKE_MS, &seen));
    CHECK_EQ_TEXT(seen.message_id, "held2");
    CHECK(!add("fresh", 1000 + STORE_OUTBOX_ALIKE_MS)); /* the hour of the first ones is over */
    end();
}

/* A run that was killed before it knew that its mail was taken hands it in again. */
static void what_a_summary_told_is_not_told_again(void)
{
    struct seen seen;
    char id[32];
    begin();
    send_all_that_may_go();
    for (int i = 0; i < 2; i++) {
        snprintf(id, sizeof id, "held%d", i);
        const struct instance_start start = {.id = id, .flow = "FLOW", .parameters = "{}", .started_ms = 1};
        CHECK_OK(store_instance_start(world.store, &start, &world.err), &world.err);
        CHECK(add(id, 2000));
    }
    CHECK(claim(world.store, 1000 + STORE_OUTBOX_ALIKE_MS, &seen));
    CHECK_EQ_INT(seen.held, 2);
    CHECK(add("held1", 2000)); /* while it is under way, and when it is sent */
    settle(world.store, (struct outbox_result){.number = seen.number, .outcome = OUTBOX_SENT,
                                               .at_ms = 1000 + STORE_OUTBOX_ALIKE_MS});
    CHECK(add("held0", 2000));
    CHECK(add("held1", 2000));
    CHECK_EQ_INT(list(false).count, STORE_OUTBOX_ALIKE_MAX + 1);
    CHECK(!claim(world.store, 1000 + 2 * STORE_OUTBOX_ALIKE_MS, &seen));
    end();
}

CHECK_MAIN(TEST(a_storm_becomes_one_summary),
           TEST(a_summary_names_instances_once_and_up_to_a_limit),
           TEST(after_a_summary_a_new_one_begins),
           TEST(what_a_summary_told_is_not_told_again))
