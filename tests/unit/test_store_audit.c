/* SPDX-License-Identifier: MIT */
/* The audit trail: what is kept, in what order, cut and dropped at which limit, and purged when. */
#include <sqlite3.h>

#include "check.h"
#include "store/store.h"
#include "unit/temporary.h"

struct world {
    struct temporary temporary;
    struct store *store;
    struct error err;
};

static struct world world_make(void)
{
    struct world world = {.temporary = temporary_make()};
    CHECK_OK(store_open(&world.store, temporary_path(&world.temporary, "sluice.db"), &world.err),
             &world.err);
    return world;
}

static void world_release(struct world *world)
{
    store_close(world->store);
    temporary_remove(&world->temporary);
}

static void record(struct world *world, int64_t at_ms, const char *actor, const char *action)
{
    store_audit(world->store, &(struct audit_record){.at_ms = at_ms, .actor = actor, .action = action,
                                                     .outcome = "refused"});
}

struct seen {
    int count, stop_at;
    char text[1024]; /* "actor action at_ms|..." */
    char detail[64];
    size_t subject_size;
};

static bool see(void *context, const struct audit_record *row)
{
    struct seen *seen = context;
    size_t size = strlen(seen->text);
    snprintf(seen->text + size, sizeof seen->text - size, "%.20s %.20s %lld|", row->actor,
             row->action, (long long)row->at_ms);
    snprintf(seen->detail, sizeof seen->detail, "%.60s", row->detail ? row->detail : "-");
    seen->subject_size = strlen(row->subject);
    return ++seen->count != seen->stop_at;
}

static struct seen read_all(struct world *world, struct audit_filter filter)
{
    struct seen seen = {0};
    CHECK_OK(store_audits(world->store, &filter, see, &seen, &world->err), &world->err);
    return seen;
}

static void filters_choose(void)
{
    struct world world = world_make();
    record(&world, 100, "ann", "call");
    record(&world, 200, "bob", "call");
    record(&world, 300, "ann", "reload");
    record(&world, 400, NULL, "call");
    static const struct {
        struct audit_filter filter;
        const char *expected;
    } cases[] = {
        {{0}, " call 400|ann reload 300|bob call 200|ann call 100|"},
        {{.actor = "ann"}, "ann reload 300|ann call 100|"},
        {{.actor = ""}, " call 400|"},
        {{.action = "reload"}, "ann reload 300|"},
        {{.from_ms = 200, .to_ms = 300}, "ann reload 300|bob call 200|"},
        {{.limit = 1}, " call 400|"},
        {{.limit = 2, .offset = 1}, "ann reload 300|bob call 200|"},
        {{.actor = "nobody"}, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        CHECK_EQ_TEXT(read_all(&world, cases[i].filter).text, cases[i].expected);
    struct seen seen = {.stop_at = 2};
    CHECK_OK(store_audits(world.store, &(struct audit_filter){0}, see, &seen, &world.err), &world.err);
    CHECK_EQ_INT(seen.count, 2);
    world_release(&world);
}

static void what_is_pending_is_written_at_close(void)
{
    struct world world = world_make();
    record(&world, 100, "ann", "call");
    store_close(world.store);
    CHECK_OK(store_open(&world.store, temporary_path(&world.temporary, "sluice.db"), &world.err),
             &world.err);
    struct seen seen = read_all(&world, (struct audit_filter){0});
    CHECK_EQ_TEXT(seen.text, "ann call 100|");
    CHECK_EQ_TEXT(seen.detail, "-");
    world_release(&world);
}

static void texts_are_cut_between_characters(void)
{
    struct world world = world_make();
    char text[AUDIT_TEXT_SIZE_MAX + 3];
    memset(text, 'x', sizeof text);
    text[AUDIT_TEXT_SIZE_MAX] = '\0';
    store_audit(world.store, &(struct audit_record){.subject = text, .action = "call"});
    CHECK_EQ_INT(read_all(&world, (struct audit_filter){0}).subject_size, AUDIT_TEXT_SIZE_MAX);
    memcpy(text + AUDIT_TEXT_SIZE_MAX - 1, "\xC3\xA9", 3); /* the last character would be half */
    store_audit(world.store, &(struct audit_record){.subject = text, .action = "cut"});
    CHECK_EQ_INT(read_all(&world, (struct audit_filter){.action = "cut"}).subject_size,
                 AUDIT_TEXT_SIZE_MAX - 1);
    world_release(&world);
}

static bool add_lost(void *context, const struct audit_record *row)
{
    int lost = 0;
    CHECK_EQ_TEXT(row->outcome, "lost");
    CHECK_EQ_INT(sscanf(row->detail, "%d records could not be written", &lost), 1);
    *(int *)context += lost;
    return true;
}

/* Another connection holds the write lock: nothing can be written, and the queue's limit is reached. */
static void what_is_dropped_is_counted_and_said(void)
{
    struct world world = world_make();
    sqlite3 *other = NULL;
    CHECK_EQ_INT(sqlite3_open(temporary_path(&world.temporary, "sluice.db"), &other), SQLITE_OK);
    CHECK_EQ_INT(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    for (unsigned i = 0; i < AUDIT_PENDING_MAX; i++)
        record(&world, 1 + i, "ann", "call");
    /* The writer may have taken those off the queue and be waiting for the lock. */
    for (unsigned i = 0; i < AUDIT_PENDING_MAX + 7; i++)
        record(&world, 5000 + i, "bob", "call");
    CHECK_EQ_INT(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(other);
    int ann = read_all(&world, (struct audit_filter){.actor = "ann"}).count;
    int bob = read_all(&world, (struct audit_filter){.actor = "bob"}).count;
    int lost = 0;
    CHECK_OK(store_audits(world.store, &(struct audit_filter){.action = "audit"}, add_lost, &lost,
                          &world.err), &world.err);
    CHECK_EQ_INT(ann, AUDIT_PENDING_MAX);
    CHECK(bob <= (int)AUDIT_PENDING_MAX);
    CHECK_EQ_INT(ann + bob + lost, 2 * AUDIT_PENDING_MAX + 7);
    CHECK(lost >= 7);
    world_release(&world);
}

static void old_records_are_purged_in_batches(void)
{
    struct world world = world_make();
    int64_t count;
    int purged;
    for (int i = 0; i < 5; i++)
        record(&world, 100 + i, "ann", "call");
    read_all(&world, (struct audit_filter){0}); /* writes what is pending */
    CHECK_OK(store_purge_audits_count(world.store, 104, &count, &world.err), &world.err);
    CHECK_EQ_INT(count, 4);
    CHECK_OK(store_purge_audits(world.store, 104, 3, &purged, &world.err), &world.err);
    CHECK_EQ_INT(purged, 3);
    CHECK_OK(store_purge_audits(world.store, 104, 3, &purged, &world.err), &world.err);
    CHECK_EQ_INT(purged, 1);
    CHECK_EQ_TEXT(read_all(&world, (struct audit_filter){0}).text, "ann call 104|");
    world_release(&world);
}

CHECK_MAIN(TEST(filters_choose), TEST(what_is_pending_is_written_at_close),
           TEST(texts_are_cut_between_characters), TEST(what_is_dropped_is_counted_and_said),
           TEST(old_records_are_purged_in_batches))
