/* SPDX-License-Identifier: MIT */
/* Records on their way to the writer, and what became of them; see store_internal.h. */
#include <stdlib.h>

#include "base/log.h"
#include "base/metrics.h"
#include "store/store_internal.h"

/* How long a group waits for more follows from how large the last one was: a few instances an hour are
 * seen by other processes at once, thousands a second share a commit. */
#define PAUSE_MIN_MS 5
#define PAUSE_RECORDS 8 /* a millisecond for as many */

/* A group that grew so large is written without waiting. */
#define GROUP_MAX 8192u
#define GROUP_SIZE_MAX (8u << 20)

/* From here on nothing new begins, so that what runs already finds room for what it has to say. */
#define START_MAX (STORE_WAITING_MAX / 4 * 3)
#define START_SIZE_MAX (STORE_WAITING_SIZE_MAX / 4 * 3)

bool store_say_broken(const struct store *store, struct error *err)
{
    return error_set(err, ERROR_UNAVAILABLE, "%s", store->why_broken.message);
}

/* ---- handing in -------------------------------------------------------------------------------- */

static bool is_group_full(const struct store *store)
{
    return store->waiting >= GROUP_MAX || store->waiting_size >= GROUP_SIZE_MAX;
}

/* After each change of the queue. */
static void tell_lag(const struct store *store)
{
    int64_t oldest_ms = store->writing_since_ms ? store->writing_since_ms
                        : store->first          ? store->first->queued_ms
                                                : 0;
    metric_set(METRIC_STORE_PENDING, (int64_t)store->waiting);
    metric_set(METRIC_STORE_OLDEST, oldest_ms * 1000);
}

void store_queue_append(struct store *store, struct record *record)
{
    record->queued_ms = store_now_ms();
    if (store->last)
        store->last->next = record;
    else
        store->first = record;
    bool is_first = store->last == NULL, was_full = is_group_full(store);
    store->last = record;
    store->waiting++;
    store->waiting_size += record->size;
    store->audits_waiting += record->kind == RECORD_AUDIT;
    store->hurried += record->waiter != NULL;
    if (is_first || record->waiter || (!was_full && is_group_full(store)))
        pthread_cond_signal(&store->due);
    tell_lag(store);
}

bool store_queue_make_room(struct store *store, struct error *err)
{
    int64_t deadline_ms = store_now_ms() + STORE_ROOM_MS;
    while (store->waiting >= START_MAX || store->waiting_size >= START_SIZE_MAX) {
        if (store->is_broken)
            return store_say_broken(store, err);
        if (store_now_ms() >= deadline_ms)
            return error_set(err, ERROR_UNAVAILABLE,
                             "the store cannot keep up: %zu records wait to be written",
                             store->waiting);
        store_wait(&store->settled, &store->queue, deadline_ms);
    }
    return !store->is_broken || store_say_broken(store, err);
}

bool store_queue_await(struct store *store, struct waiter *waiter, struct error *err)
{
    while (!waiter->is_settled)
        pthread_cond_wait(&store->settled, &store->queue);
    if (!waiter->ok && err)
        *err = waiter->error;
    return waiter->ok;
}

bool store_write(struct store *store, store_write_fn *fn, void *context, struct error *err)
{
    struct waiter waiter = {.fn = fn, .context = context};
    struct record *record = record_new(RECORD_CALL, &(struct record_parts){.texts = {NULL}});
    if (!record)
        return error_out_of_memory(err);
    record->waiter = &waiter;
    pthread_mutex_lock(&store->queue);
    bool ok = !store->is_broken || store_say_broken(store, err);
    if (ok) {
        store_queue_append(store, record);
        ok = store_queue_await(store, &waiter, err);
    } else {
        free(record);
    }
    pthread_mutex_unlock(&store->queue);
    return ok;
}

static bool do_nothing(struct store *store, void *context, struct error *err)
{
    (void)store, (void)context, (void)err;
    return true;
}

bool store_flush(struct store *store, struct error *err)
{
    pthread_mutex_lock(&store->queue);
    bool is_idle = store->waiting == 0 && !store->is_broken;
    pthread_mutex_unlock(&store->queue);
    return is_idle || store_write(store, do_nothing, NULL, err);
}

bool store_rest(struct store *store, int64_t wait_ms)
{
    int64_t until_ms = store_now_ms() + wait_ms;
    (void)store_flush(store, NULL); /* the writer says what went wrong */
    pthread_mutex_lock(&store->queue);
    while (!(store->is_resting && !store->first) && store_now_ms() < until_ms)
        store_wait(&store->settled, &store->queue, until_ms);
    bool rests = store->is_resting && !store->first && !store->is_broken;
    pthread_mutex_unlock(&store->queue);
    return rests;
}

/* ---- the writer's side ------------------------------------------------------------------------- */

static bool is_due(const struct store *store, int64_t retry_ms)
{
    if (!store->first)
        return false;
    if (store->is_closing || store->is_broken || store->hurried > 0)
        return true;
    return store_now_ms() >= retry_ms &&
           (is_group_full(store) || store_now_ms() - store->first->queued_ms >= store->pause_ms);
}

static void wait_for_due(struct store *store, int64_t retry_ms)
{
    while (!is_due(store, retry_ms) && !(store->is_closing && !store->first)) {
        if (!store->first) {
            store->is_resting = true;
            pthread_cond_broadcast(&store->settled);
            pthread_cond_wait(&store->due, &store->queue);
            store->is_resting = false;
            continue;
        }
        int64_t due_ms = store->first->queued_ms + store->pause_ms;
        store_wait(&store->due, &store->queue, due_ms > retry_ms ? due_ms : retry_ms);
    }
}

/* Cuts off behind the records that make a full group. */
static struct record *take_part(struct store *store)
{
    struct record *list = store->first, *newest = list;
    size_t count = 1, size = list->size;
    store->hurried -= list->waiter != NULL;
    while (newest->next && count < GROUP_MAX && size < GROUP_SIZE_MAX) {
        newest = newest->next;
        count++;
        size += newest->size;
        store->hurried -= newest->waiter != NULL;
    }
    store->first = newest->next;
    newest->next = NULL;
    if (!store->first)
        store->last = NULL;
    return list;
}

static struct record *take_all(struct store *store)
{
    struct record *list = store->first;
    store->first = store->last = NULL;
    store->hurried = 0;
    return list;
}

static int64_t pause_for(size_t records)
{
    size_t pause_ms = records / PAUSE_RECORDS;
    return pause_ms < PAUSE_MIN_MS     ? PAUSE_MIN_MS
           : pause_ms < STORE_GROUP_MS ? (int64_t)pause_ms
                                       : STORE_GROUP_MS;
}

struct record *store_queue_take(struct store *store, int64_t retry_ms)
{
    pthread_mutex_lock(&store->queue);
    wait_for_due(store, retry_ms);
    store->pause_ms = pause_for(store->waiting);
    struct record *note = store_audit_lost_note(store);
    if (note)
        store_queue_append(store, note);
    struct record *list = NULL;
    if (store->first)
        list = is_group_full(store) ? take_part(store) : take_all(store);
    store->writing_since_ms = list ? list->queued_ms : 0;
    pthread_mutex_unlock(&store->queue);
    return list;
}

/* Written, or never to be. A start that failed is dropped by who waits for it. */
static void settle_one(struct store *store, struct record *record, enum group_outcome outcome)
{
    struct running *running = record->running;
    if (record->waiter)
        record->waiter->is_settled = true;
    else if (outcome == GROUP_BROKEN)
        ++*(record->kind == RECORD_AUDIT ? &store->lost_audits : &store->lost);
    if (record->kind == RECORD_END) {
        if (outcome == GROUP_COMMITTED && (!record->waiter || record->waiter->ok))
            store_running_drop(store, running);
        else
            running->is_ended = false; /* may be tried again */
    }
    store->waiting--;
    store->waiting_size -= record->size;
    store->audits_waiting -= record->kind == RECORD_AUDIT;
}

static void tell_waiter(struct record *record, enum group_outcome outcome, const struct error *why)
{
    if (!record->waiter || outcome == GROUP_COMMITTED)
        return;
    record->waiter->ok = false;
    record->waiter->error = *why;
}

/* An end that nobody would hand in again is kept, too: who waited for it waits no longer. */
static bool is_kept(struct record *record, enum group_outcome outcome)
{
    if (outcome != GROUP_POSTPONED)
        return false;
    if (record->waiter && record->kind == RECORD_END && !record->running->is_durable) {
        record->waiter->is_settled = record->waiter->ok = true;
        record->waiter = NULL;
    }
    return !record->waiter;
}

/* Who handed it in was told that it would be written. */
static void tell_lost_end(const struct record *record, const struct error *why)
{
    if (record->kind == RECORD_END && !record->waiter && !record->running->is_tracked)
        log_line(LOG_ERROR, record->running->id, "the end could not be recorded: %s", why->message);
}

void store_queue_settle(struct store *store, struct record *list, enum group_outcome outcome,
                        const struct error *why)
{
    struct record *kept = NULL, **end = &kept, *last = NULL, *done = NULL;
    pthread_mutex_lock(&store->queue);
    store->writing_since_ms = 0;
    store->groups += outcome == GROUP_COMMITTED;
    if (outcome == GROUP_BROKEN && !store->is_broken) {
        store->is_broken = true;
        store->why_broken = *why;
    }
    for (struct record *record = list, *next; record; record = next) {
        next = record->next;
        tell_waiter(record, outcome, why);
        if (is_kept(record, outcome)) {
            *end = last = record;
            end = &record->next;
            continue;
        }
        settle_one(store, record, outcome);
        record->next = done;
        done = record;
    }
    if (last) { /* back to the front, so that the order stays */
        last->next = store->first;
        store->first = kept;
        if (!store->last)
            store->last = last;
    }
    tell_lag(store);
    pthread_cond_broadcast(&store->settled);
    pthread_mutex_unlock(&store->queue);
    while (done) {
        struct record *next = done->next;
        if (outcome == GROUP_BROKEN)
            tell_lost_end(done, why);
        free(done);
        done = next;
    }
}

/* ---- looking at it ----------------------------------------------------------------------------- */

bool store_is_broken(struct store *store, struct error *err)
{
    pthread_mutex_lock(&store->queue);
    bool is_broken = store->is_broken;
    if (is_broken)
        store_say_broken(store, err);
    pthread_mutex_unlock(&store->queue);
    return is_broken;
}

void store_load(struct store *store, struct store_load *out)
{
    pthread_mutex_lock(&store->queue);
    int64_t oldest_ms = store->writing_since_ms ? store->writing_since_ms
                        : store->first          ? store->first->queued_ms
                                                : 0;
    *out = (struct store_load){
        .waiting = store->waiting,
        .waiting_size = store->waiting_size,
        .lag_ms = oldest_ms ? store_now_ms() - oldest_ms : 0,
        .groups = store->groups,
        .lost = store->lost,
    };
    pthread_mutex_unlock(&store->queue);
}
