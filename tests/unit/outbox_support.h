/* SPDX-License-Identifier: MIT */
/* What tests of the outbox share: two handles of one store, short ways to add, claim, settle and list. */
#ifndef TESTS_OUTBOX_SUPPORT_H
#define TESTS_OUTBOX_SUPPORT_H
#include "check.h"
#include "store/store_outbox.h"
#include "unit/temporary.h"

static struct world {
    struct temporary temporary;
    struct store *store, *other; /* two handles count as two processes */
    struct error err;
} world;

static inline const char *path(void)
{
    return temporary_path(&world.temporary, "state/sluice.db");
}

static inline void begin(void)
{
    world = (struct world){.temporary = temporary_make()};
    CHECK_OK(store_open(&world.store, path(), &world.err), &world.err);
    CHECK_OK(store_open(&world.other, path(), &world.err), &world.err);
}

static inline void end(void)
{
    store_close(world.store);
    store_close(world.other);
    temporary_remove(&world.temporary);
}

static inline struct outbox_mail mail_of(const char *message_id, int64_t at_ms)
{
    return (struct outbox_mail){.instance = message_id, .message_id = message_id, .connection = "M",
                                .from = "f@x", .to = "a@x, b@x", .subject = "S", .body = "text",
                                .written_ms = at_ms, .may_be_held = true};
}

static inline bool add(const char *message_id, int64_t at_ms)
{
    const struct outbox_mail mail = mail_of(message_id, at_ms);
    bool is_held;
    CHECK_OK(store_outbox_add(world.store, &mail, &is_held, &world.err), &world.err);
    return is_held;
}

/* ---- looking ---- */

struct seen {
    int count;
    int64_t number, attempts, next_ms, finished_ms, held;
    char message_id[64], state[16], pending[64], error[64], refused[128], body[64], connection[8];
};

static inline void copy(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from ? from : "-");
}

static inline bool see(void *context, const struct outbox_row *row)
{
    struct seen *seen = context;
    seen->count++;
    seen->number = row->number;
    seen->attempts = row->attempts;
    seen->next_ms = row->next_ms;
    seen->finished_ms = row->finished_ms;
    seen->held = row->held;
    copy(seen->message_id, sizeof seen->message_id, row->message_id);
    copy(seen->state, sizeof seen->state, row->state);
    copy(seen->pending, sizeof seen->pending, row->pending);
    copy(seen->error, sizeof seen->error, row->error);
    copy(seen->refused, sizeof seen->refused, row->refused);
    copy(seen->body, sizeof seen->body, row->body);
    copy(seen->connection, sizeof seen->connection, row->connection);
    return true;
}

static inline struct seen list(bool unsent_only)
{
    struct seen seen = {.count = 0};
    const struct outbox_filter filter = {.unsent_only = unsent_only};
    CHECK_OK(store_outbox_list(world.store, &filter, see, &seen, &world.err), &world.err);
    return seen;
}

static inline bool claim(struct store *store, int64_t now_ms, struct seen *seen)
{
    bool found = false;
    *seen = (struct seen){.count = 0};
    CHECK_OK(store_outbox_claim(store, now_ms, see, seen, &found, &world.err), &world.err);
    CHECK_EQ_INT(seen->count, found);
    return found;
}

static inline void settle(struct store *store, struct outbox_result result)
{
    CHECK_OK(store_outbox_settle(store, &result, &world.err), &world.err);
}

static inline int64_t due(int64_t now_ms)
{
    int64_t due_ms = 0;
    CHECK_OK(store_outbox_due(world.store, now_ms, &due_ms, &world.err), &world.err);
    return due_ms;
}
#endif
