/* SPDX-License-Identifier: MIT */
/* Schedules, due times and activation in the store, between the processes that share it. */
#include "store/store_schedule.h"

#include <pthread.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/store_activation.h"
#include "store/store_changes.h"
#include "temporary.h"

static struct temporary folder;

static struct store *open_store(void)
{
    struct store *store = NULL;
    struct error err = {0};
    CHECK_OK(store_open(&store, temporary_path(&folder, "sluice.db"), &err), &err);
    return store;
}

/* ---- due times --------------------------------------------------------------------------------- */

static bool count_run(void *context, const struct schedule_run *run)
{
    (void)run;
    ++*(int *)context;
    return true;
}

static int runs_of(struct store *store, const char *flow)
{
    struct error err = {0};
    int count = 0;
    CHECK_OK(store_schedule_runs(store, flow, -1, count_run, &count, &err), &err);
    return count;
}

static int64_t base_of(struct store *store, const char *flow, const char *basis, int64_t now_ms)
{
    struct error err = {0};
    int64_t since_ms = -1;
    CHECK_OK(store_base_schedule(store, flow, basis, now_ms, 500, &since_ms, &err), &err);
    return since_ms;
}

static enum schedule_claim claim(struct store *store, int64_t seen_ms, int64_t due_ms,
                                 const char *outcome)
{
    const struct schedule_run run = {.flow = "F", .due_ms = due_ms, .first_ms = due_ms,
                                     .outcome = outcome};
    enum schedule_claim result = CLAIM_LOST;
    struct error err = {0};
    CHECK_OK(store_claim_schedule(store, &run, seen_ms, &result, &err), &err);
    return result;
}

static void a_due_time_is_claimed_once(void)
{
    folder = temporary_make();
    struct store *one = open_store(), *two = open_store();
    CHECK_EQ_INT(base_of(one, "F", "rule", 1000), 1000);
    CHECK_EQ_INT(base_of(two, "F", "rule", 9000), 1000);
    CHECK_EQ_INT(claim(one, 1000, 2000, "running"), CLAIM_WON);
    CHECK_EQ_INT(claim(two, 1000, 2000, "running"), CLAIM_LOST);
    CHECK_EQ_INT(base_of(two, "F", "rule", 9000), 2000);
    CHECK_EQ_INT(claim(two, 2000, 3000, "missed"), CLAIM_WON);
    struct error err = {0};
    CHECK_OK(store_rewind_schedule(one, "F", 3000, 1500, &err), &err);
    CHECK_EQ_INT(claim(one, 1500, 2000, "running"), CLAIM_DONE);
    CHECK_EQ_INT(claim(one, 2000, 3000, "running"), CLAIM_WON); /* what was missed may come */
    CHECK_EQ_INT(runs_of(two, "F"), 2);
    CHECK_EQ_INT(base_of(two, "F", "another rule", 3500), 3000);
    CHECK_EQ_INT(base_of(two, "F", "rule", 3501), 3001);
    CHECK_EQ_INT(base_of(two, "F", "another rule", 9000), 8500);
    store_close(one);
    store_close(two);
    temporary_remove(&folder);
}

static void a_stopped_schedule_is_not_claimed(void)
{
    folder = temporary_make();
    struct store *store = open_store();
    struct error err = {0};
    struct schedule_decision decision = {.flow = "F", .state = "stopped", .actor = "ann", .at_ms = 1000};
    CHECK_OK(store_decide_schedule(store, &decision, &err), &err);
    CHECK_EQ_INT(claim(store, 1000, 2000, "running"), CLAIM_LOST);
    decision.state = "started";
    CHECK_OK(store_decide_schedule(store, &decision, &err), &err);
    CHECK_EQ_INT(base_of(store, "F", "rule", 5000), 1000); /* from the decision on */
    CHECK_EQ_INT(claim(store, 1000, 2000, "running"), CLAIM_WON);
    store_close(store);
    temporary_remove(&folder);
}

static void so_many_due_times_are_remembered(void)
{
    folder = temporary_make();
    struct store *store = open_store();
    int64_t since_ms = base_of(store, "F", "rule", 0);
    for (int i = 1; i <= STORE_SCHEDULE_RUNS_MAX + 1; i++) {
        CHECK(claim(store, since_ms, i * 1000, "skipped") == CLAIM_WON);
        since_ms = i * 1000;
        if (i >= STORE_SCHEDULE_RUNS_MAX - 1)
            CHECK_EQ_INT(runs_of(store, "F"), i < STORE_SCHEDULE_RUNS_MAX ? i
                                                                          : STORE_SCHEDULE_RUNS_MAX);
    }
    CHECK_EQ_INT(runs_of(store, NULL), STORE_SCHEDULE_RUNS_MAX);
    CHECK_EQ_INT(runs_of(store, "G"), 0);
    store_close(store);
    temporary_remove(&folder);
}

/* ---- activation -------------------------------------------------------------------------------- */

static bool take_activation(void *context, const struct activation_record *row)
{
    char *text = context;
    snprintf(text + strlen(text), 256 - strlen(text), "%s|%s %d %s %s; ", row->flow, row->version,
             (int)row->decision, row->tracing ? row->tracing : "-", row->actor);
    return true;
}

static void the_newest_decision_holds(void)
{
    folder = temporary_make();
    struct store *one = open_store(), *two = open_store();
    struct error err = {0};
    char text[256] = "";
    const struct activation_record records[] = {
        {.flow = "F", .version = "01.00.0000", .decision = DECISION_INACTIVE, .actor = "ann", .at_ms = 1},
        {.flow = "F", .version = "01.00.0001", .decision = DECISION_ACTIVE, .tracing = "debug",
         .actor = "ann", .at_ms = 1},
        {.flow = "F", .version = "01.00.0000", .decision = DECISION_NONE, .tracing = "audit",
         .actor = "bob", .at_ms = 2},
    };
    uint32_t before = store_changes(two);
    CHECK_OK(store_set_activations(one, records, 3, &err), &err);
    CHECK(store_changes(two) != before);
    CHECK_OK(store_activations(two, take_activation, text, &err), &err);
    CHECK_EQ_TEXT(text, "F|01.00.0000 2 audit bob; F|01.00.0001 1 debug ann; ");
    store_close(one);
    store_close(two);
    temporary_remove(&folder);
}

/* ---- waiting ----------------------------------------------------------------------------------- */

static void *tell(void *store)
{
    store_tell_change(store);
    return NULL;
}

/* Whoever waits at `one` hears what is told at `two`. */
static void expect_waits_to_end(struct store *one, struct store *two)
{
    struct store_watch *watch = NULL;
    struct error err = {0};
    pthread_t thread;
    CHECK_OK(store_watch_open(&watch, one, &err), &err);
    if (!watch)
        return;
    int64_t now_ms = clock_wall_ms();
    for (int i = 0; i < 20; i++) {
        uint32_t seen = store_changes(one);
        CHECK(pthread_create(&thread, NULL, tell, two) == 0);
        while (store_changes(one) == seen) /* a wait may end early */
            store_watch_wait(watch, seen, now_ms, STORE_WATCH_FOREVER);
        pthread_join(thread, NULL);
    }
    uint32_t seen = store_changes(one);
    store_watch_wait(watch, seen - 1, now_ms, STORE_WATCH_FOREVER);          /* was told before */
    store_watch_wait(watch, seen, now_ms, now_ms - 1);                       /* the time has come */
    store_watch_wait(watch, seen, now_ms + 3600000, STORE_WATCH_FOREVER);    /* set back meanwhile */
    int64_t until_ms = clock_wall_ms() + 20;
    while (clock_wall_ms() < until_ms)
        store_watch_wait(watch, seen, now_ms, until_ms);
    store_watch_close(watch);
}

static void a_wait_ends_when_something_happens(void)
{
    folder = temporary_make();
    struct store *one = open_store(), *two = open_store(), *memory = NULL;
    struct error err = {0};
    expect_waits_to_end(one, two);
    CHECK_OK(store_open(&memory, STORE_IN_MEMORY, &err), &err);
    expect_waits_to_end(memory, memory);
    store_close(memory);
    store_close(one);
    store_close(two);
    temporary_remove(&folder);
}

/* As where all watches of the system are taken: a wait looks by itself. */
static void a_wait_without_notices_ends_too(void)
{
    folder = temporary_make();
    struct store *one = open_store(), *two = open_store();
    CHECK_EQ_INT(unlink(temporary_path(&folder, "sluice.db.changes")), 0);
    expect_waits_to_end(one, two);
    store_close(one);
    store_close(two);
    temporary_remove(&folder);
}

CHECK_MAIN(TEST(a_due_time_is_claimed_once), TEST(a_stopped_schedule_is_not_claimed),
           TEST(so_many_due_times_are_remembered), TEST(the_newest_decision_holds),
           TEST(a_wait_ends_when_something_happens), TEST(a_wait_without_notices_ends_too))
