/* SPDX-License-Identifier: MIT */
/*
 * Retention in the background: what is older than its time goes, and where the store holds more than
 * it may, what ended first. In steps of a few milliseconds on the writer's thread, with pauses that are
 * longer than the steps, so that nobody who waits for the disk waits for this.
 */
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/store_internal.h"
#include "store/store_walk.h"

#define ROUND_MS 10000
#define STEP_MS 20     /* a step that kept the writer busy for longer is followed by smaller ones */
#define STEP_MIN 4     /* instances, and as many audit records and mails */
#define STEP_MAX 1024
#define STEP_MAX_FOR_SIZE 64 /* so that little more goes than has to */
#define PAUSE_FACTOR 2 /* how much longer than a step the pause after it is */

#define SIZE_AFTER 95 /* percent of size_max that are left when it was passed */

/* Free pages are used again. They go back to the file system, so many in a step, where they are more
 * than a quarter of the rest and eight MiB. */
#define FREE_PAGES_MIN 2048
#define PAGES_STEP 256

struct size {
    uint64_t used, free, page; /* pages; bytes of one */
};

struct trim {
    struct store *store;
    const struct store_retention *retention;
    int step;
};

/* ---- steps ------------------------------------------------------------------------------------- */

static bool is_told_to_stop(struct store *store, int64_t pause_ms)
{
    int64_t until_ms = store_now_ms() + pause_ms;
    pthread_mutex_lock(&store->keeping);
    while (!store->keeper_stops && store_now_ms() < until_ms)
        store_wait(&store->keeper_told, &store->keeping, until_ms);
    bool stops = store->keeper_stops;
    pthread_mutex_unlock(&store->keeping);
    return stops;
}

/* The next step's size from how long this one kept the writer busy. false: stop. */
static bool pause_after(struct trim *trim, int64_t busy_ms)
{
    if (busy_ms > STEP_MS && trim->step > STEP_MIN)
        trim->step /= 2;
    else if (busy_ms < STEP_MS / 2 && trim->step < STEP_MAX)
        trim->step *= 2;
    return !is_told_to_stop(trim->store, busy_ms * PAUSE_FACTOR + 1);
}

/* Deletes at most a step; *is_done: there is no more. */
static bool purge_step(struct trim *trim, int64_t before_ms, bool is_for_size, bool *is_done,
                       struct error *err)
{
    struct purge purge = {.before_ms = before_ms, .instances_max = trim->step,
                          .audits_max = trim->step, .mails_max = trim->step,
                          .is_for_size = is_for_size};
    if (!store_write(trim->store, store_write_purge, &purge, err))
        return false;
    *is_done = purge.instances < trim->step && purge.audits < trim->step && purge.mails < trim->step;
    if (!pause_after(trim, purge.taken_ms))
        *is_done = true;
    return true;
}

static bool purge_by_age(struct trim *trim, struct error *err)
{
    int64_t before_ms = clock_wall_ms() - trim->retention->age_ms;
    bool is_done = trim->retention->age_ms == 0;
    while (!is_done)
        if (!purge_step(trim, before_ms, false, &is_done, err))
            return false;
    return true;
}

/* ---- size -------------------------------------------------------------------------------------- */

static bool measure(struct store *store, struct size *out, struct error *err)
{
    struct walk walk;
    walk_begin(&walk, store, "SELECT 1, a.page_count, b.freelist_count, c.page_size"
                             " FROM pragma_page_count a, pragma_freelist_count b, pragma_page_size c",
               WALK_ASCENDING, 1);
    *out = (struct size){.page = 1};
    if (walk_next(&walk)) {
        out->free = (uint64_t)walk_number(&walk, 2);
        out->used = (uint64_t)walk_number(&walk, 1) - out->free;
        out->page = (uint64_t)walk_number(&walk, 3);
    }
    return walk_end(&walk, err);
}

static bool purge_by_size(struct trim *trim, struct error *err)
{
    uint64_t size_max = trim->retention->size_max;
    struct size size;
    if (size_max == 0)
        return true;
    if (!measure(trim->store, &size, err))
        return false;
    bool is_done = size.used * size.page <= size_max;
    if (!is_done)
        log_line(LOG_INFO, NULL, "the store holds more than store_size_max: the oldest goes");
    while (!is_done) {
        if (trim->step > STEP_MAX_FOR_SIZE)
            trim->step = STEP_MAX_FOR_SIZE;
        if (!purge_step(trim, INT64_MAX, true, &is_done, err) || !measure(trim->store, &size, err))
            return false;
        is_done = is_done || size.used * size.page <= size_max / 100 * SIZE_AFTER;
    }
    return true;
}

static bool write_vacuum(struct store *store, void *context, struct error *err)
{
    (void)context;
    char sql[48];
    snprintf(sql, sizeof sql, "PRAGMA incremental_vacuum(%d)", PAGES_STEP);
    int code = sqlite3_exec(store->db, sql, NULL, NULL, NULL);
    return code == SQLITE_OK || store_fail(store->db, code, err, "cannot purge the store");
}

/* Stores that were made before schema 3 only use free pages again: a VACUUM alone could change that. */
static bool give_back(struct trim *trim, struct error *err)
{
    struct size size, before = {.free = UINT64_MAX};
    for (;;) {
        if (!measure(trim->store, &size, err))
            return false;
        if (size.free <= FREE_PAGES_MIN || size.free <= size.used / 4 || size.free >= before.free)
            return true;
        before = size;
        int64_t began_ms = store_now_ms();
        if (!store_write(trim->store, write_vacuum, NULL, err))
            return false;
        if (is_told_to_stop(trim->store, (store_now_ms() - began_ms) * PAUSE_FACTOR))
            return true;
    }
}

/* ---- rounds ------------------------------------------------------------------------------------ */

bool store_trim(struct store *store, const struct store_retention *retention, struct error *err)
{
    struct trim trim = {.store = store, .retention = retention, .step = STEP_MIN};
    return purge_by_age(&trim, err) && purge_by_size(&trim, err) && give_back(&trim, err);
}

static void *keeper_main(void *context)
{
    struct store *store = context;
    bool has_failed = false;
    do {
        struct error err = {0};
        bool ok = store_sweep(store, &err) && store_trim(store, &store->retention, &err);
        if (!ok && !has_failed && !store_is_broken(store, NULL))
            log_line(LOG_WARNING, NULL, "retention has to wait: %s", err.message);
        has_failed = !ok;
    } while (!is_told_to_stop(store, ROUND_MS));
    return NULL;
}

bool store_retain(struct store *store, const struct store_retention *retention, struct error *err)
{
    store->retention = *retention;
    int number = pthread_create(&store->keeper, NULL, keeper_main, store);
    store->keeper_runs = number == 0;
    return number == 0 || error_errno(err, ERROR_INTERNAL, number, "cannot start the store's keeper");
}

void store_keeper_stop(struct store *store)
{
    pthread_mutex_lock(&store->keeping);
    store->keeper_stops = true;
    pthread_cond_signal(&store->keeper_told);
    pthread_mutex_unlock(&store->keeping);
    if (store->keeper_runs)
        pthread_join(store->keeper, NULL);
}
