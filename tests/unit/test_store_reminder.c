/* SPDX-License-Identifier: MIT */
/* What runs leave to be done: kept beyond the store, told to other processes, bounded. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "store/store_reminder.h"
#include "unit/store_support.h"

#define KIND "leftover"

struct race {
    struct store *store;
    atomic_bool is_over;
};

static bool keep(struct store *store, const char *key, const char *value, struct error *err)
{
    const struct reminder reminder = {KIND, key, value, strlen(value)};
    return store_remind(store, "one", &reminder, err);
}

struct wanted {
    const char *key;
    struct buf value;
    bool is_found;
};

static bool take(void *context, const struct reminder *reminder)
{
    struct wanted *wanted = context;
    if (strcmp(reminder->key, wanted->key) != 0)
        return true;
    wanted->is_found = true;
    buf_append(&wanted->value, reminder->value, reminder->size);
    return false;
}

static struct wanted want(struct store *store, const char *kind, const char *key)
{
    struct wanted wanted = {.key = key};
    struct error err = {0};
    buf_init(&wanted.value, 100);
    CHECK_OK(store_reminders(store, kind, key, take, &wanted, &err), &err);
    return wanted;
}

static bool is_there(struct store *store, const char *kind, const char *key)
{
    struct wanted wanted = want(store, kind, key);
    buf_release(&wanted.value);
    return wanted.is_found;
}

static void check_value(struct store *store, const char *key, const char *expected)
{
    struct wanted wanted = want(store, KIND, key);
    CHECK_EQ_TEXT(wanted.is_found ? buf_text(&wanted.value) : "(none)", expected ? expected : "(none)");
    buf_release(&wanted.value);
}

static struct world begin(void)
{
    struct world world = world_make();
    CHECK_OK(start_instance(world.store, "one", false, &world.err), &world.err);
    return world;
}

static void it_outlives_the_store(void)
{
    struct world world = begin();
    CHECK_OK(keep(world.store, "a", "first", &world.err), &world.err);
    CHECK_OK(keep(world.store, "b", "", &world.err), &world.err);
    CHECK_OK(keep(world.store, "a", "second", &world.err), &world.err); /* replaces */
    check_value(world.store, "a", "second");
    store_close(world.store);
    world.store = world_open(&world);
    check_value(world.store, "a", "second");
    check_value(world.store, "b", "");
    check_value(world.store, "c", NULL);
    CHECK(!is_there(world.store, "other", "a"));
    world_release(&world);
}

static void what_is_done_is_forgotten(void)
{
    struct world world = begin();
    CHECK_OK(keep(world.store, "a", "x", &world.err), &world.err);
    CHECK_OK(keep(world.store, "b", "x", &world.err), &world.err);
    CHECK_OK(store_forget(world.store, "one", KIND, "a", &world.err), &world.err);
    CHECK_OK(store_forget(world.store, "one", KIND, "never", &world.err), &world.err);
    CHECK_OK(store_forget_now(world.store, KIND, "b", &world.err), &world.err);
    check_value(world.store, "a", NULL);
    store_close(world.store);
    world.store = world_open(&world);
    check_value(world.store, "a", NULL);
    check_value(world.store, "b", NULL);
    world_release(&world);
}

static void it_belongs_to_an_instance_in_progress(void)
{
    struct world world = begin();
    const struct reminder reminder = {KIND, "a", "x", 1};
    CHECK_FAILS(store_remind(world.store, "none", &reminder, &world.err), &world.err, ERROR_NOT_FOUND);
    world_release(&world);
}

static bool count(void *context, const struct reminder *reminder)
{
    int *left = context;
    CHECK_EQ_TEXT(reminder->kind, KIND);
    return --*left > 0;
}

static void another_process_hears_of_it(void)
{
    struct world world = begin();
    struct store *other = world_open(&world);
    int left = 10;
    CHECK_OK(keep(world.store, "a", "x", &world.err), &world.err);
    CHECK_OK(keep(world.store, "b", "x", &world.err), &world.err);
    CHECK_OK(store_reminders_refresh(world.store, &world.err), &world.err); /* nothing on its way is lost */
    check_value(world.store, "a", "x");
    check_value(other, "a", NULL);
    CHECK_OK(store_reminders_refresh(other, &world.err), &world.err);
    check_value(other, "a", "x");
    CHECK_OK(store_reminders(other, KIND, "", count, &left, &world.err), &world.err);
    CHECK_EQ_INT(left, 8);
    CHECK_OK(store_reminders(other, KIND, "b", count, &left, &world.err), &world.err);
    CHECK_EQ_INT(left, 7);
    CHECK_OK(store_reminders(other, KIND, "bb", count, &left, &world.err), &world.err);
    CHECK_EQ_INT(left, 7);
    left = 1;
    CHECK_OK(store_reminders(other, KIND, "", count, &left, &world.err), &world.err);
    CHECK_EQ_INT(left, 0);
    CHECK_OK(store_forget_now(other, KIND, "a", &world.err), &world.err);
    CHECK_OK(store_reminders_refresh(world.store, &world.err), &world.err);
    check_value(world.store, "a", NULL);
    store_close(other);
    world_release(&world);
}

static void what_another_process_wrote_since_is_forgotten_too(void)
{
    struct world world = begin();
    struct store *other = world_open(&world);
    CHECK_OK(start_instance(other, "two", false, &world.err), &world.err);
    CHECK_OK(keep(world.store, "a", "x", &world.err), &world.err);
    CHECK_OK(store_reminders_refresh(world.store, &world.err), &world.err); /* it is on the disk */
    check_value(other, "a", NULL);
    CHECK_OK(store_forget(other, "two", KIND, "a", &world.err), &world.err);
    CHECK_OK(store_reminders_refresh(other, &world.err), &world.err);
    CHECK_OK(store_reminders_refresh(world.store, &world.err), &world.err);
    check_value(world.store, "a", NULL);
    store_close(other);
    world_release(&world);
}

static void it_is_bounded(void)
{
    struct world world = begin();
    char key[16];
    for (int i = 0; i < REMINDERS_MAX; i++) {
        snprintf(key, sizeof key, "%d", i);
        CHECK_OK(store_may_remind(world.store, KIND, key, &world.err), &world.err);
        CHECK_OK(keep(world.store, key, "x", &world.err), &world.err);
    }
    CHECK_FAILS(store_may_remind(world.store, KIND, "more", &world.err), &world.err, ERROR_LIMIT);
    CHECK_OK(store_may_remind(world.store, KIND, "7", &world.err), &world.err); /* it replaces */
    CHECK_OK(store_may_remind(world.store, "other", "more", &world.err), &world.err);
    CHECK_OK(store_forget(world.store, "one", KIND, "7", &world.err), &world.err);
    CHECK_OK(store_may_remind(world.store, KIND, "more", &world.err), &world.err);
    CHECK_OK(keep(world.store, "7", "x", &world.err), &world.err); /* begun before it was full */
    CHECK_OK(keep(world.store, "more", "x", &world.err), &world.err);
    CHECK_OK(store_reminders_refresh(world.store, &world.err), &world.err);
    check_value(world.store, "0", "x");
    check_value(world.store, "more", "x");
    world_release(&world);
}

#ifdef __SANITIZE_ADDRESS__
#define SANITIZED 1
#elif defined(__has_feature)
#define SANITIZED __has_feature(address_sanitizer)
#else
#define SANITIZED 0
#endif
#define ROUNDS (SANITIZED ? 1000 : 3000) /* each takes ten times as long there */

static void *refresh(void *context)
{
    struct race *race = context;
    struct error err = {0};
    while (!atomic_load(&race->is_over))
        CHECK_OK(store_reminders_refresh(race->store, &err), &err);
    return NULL;
}

/* A table that is read while something is handed in must not make that forgotten, or known again. */
static void what_is_handed_in_survives_a_look_at_the_table(void)
{
    struct world world = begin();
    struct race race = {.store = world.store};
    pthread_t thread;
    int lost = 0, risen = 0;
    CHECK_EQ_INT(pthread_create(&thread, NULL, refresh, &race), 0);
    for (int i = 0; i < ROUNDS; i++) {
        CHECK_OK(keep(world.store, "a", "x", &world.err), &world.err);
        sched_yield();
        lost += !is_there(world.store, KIND, "a");
        CHECK_OK(store_forget(world.store, "one", KIND, "a", &world.err), &world.err);
        sched_yield();
        risen += is_there(world.store, KIND, "a");
    }
    atomic_store(&race.is_over, true);
    pthread_join(thread, NULL);
    CHECK_EQ_INT(lost, 0);
    CHECK_EQ_INT(risen, 0);
    store_close(world.store);
    world.store = world_open(&world);
    check_value(world.store, "a", NULL);
    world_release(&world);
}

/* A process that ended while it made the store leaves one that is no store, beside its place. */
static void a_store_that_was_half_made_is_made_anew(void)
{
    struct world world = {.temporary = temporary_make()};
    struct stat about;
    CHECK_EQ_INT(mkdir(temporary_path(&world.temporary, "state"), 0700), 0);
    temporary_write(&world.temporary, "state/sluice.db.new", "half");
    temporary_write(&world.temporary, "state/sluice.db", "");
    world.store = world_open(&world);
    CHECK(stat(temporary_path(&world.temporary, "state/sluice.db.new"), &about) != 0);
    CHECK_OK(start_instance(world.store, "one", false, &world.err), &world.err);
    world_release(&world);
}

CHECK_MAIN(TEST(it_outlives_the_store), TEST(what_is_done_is_forgotten),
           TEST(it_belongs_to_an_instance_in_progress), TEST(another_process_hears_of_it),
           TEST(what_another_process_wrote_since_is_forgotten_too), TEST(it_is_bounded),
           TEST(what_is_handed_in_survives_a_look_at_the_table),
           TEST(a_store_that_was_half_made_is_made_anew))
