/* SPDX-License-Identifier: MIT */
/*
 * Records on their way to the writer: handed in by the threads that run guests, bounded in number and
 * bytes. What happens at the bound: a start waits for room (and its caller with it), what a running
 * instance reports is dropped and counted, an end is taken always.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "store/store_internal.h"
#include "store/store_journal.h"

/* From here on nothing new begins, so that what runs already finds room for what it has to say. */
#define START_MAX (STORE_WAITING_MAX / 4 * 3)
#define START_SIZE_MAX (STORE_WAITING_SIZE_MAX / 4 * 3)

/* A group that grew so large is written without waiting for STORE_GROUP_MS. */
#define GROUP_MAX 8192u
#define GROUP_SIZE_MAX (8u << 20)

static bool no_memory(struct error *err)
{
    return error_set(err, ERROR_LIMIT, "out of memory");
}

static bool say_broken(const struct store *store, struct error *err)
{
    return error_set(err, ERROR_UNAVAILABLE, "%s", store->why_broken.message);
}

static void wait_until(pthread_cond_t *condition, pthread_mutex_t *mutex, int64_t deadline_ms)
{
    const struct timespec until = {.tv_sec = deadline_ms / 1000,
                                   .tv_nsec = (long)(deadline_ms % 1000) * 1000000};
    pthread_cond_timedwait(condition, mutex, &until); /* on CLOCK_MONOTONIC */
}

static int64_t now_ms(void)
{
    struct timespec now; /* that of wait_until, not base/clock's, which tests may replace */
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- instances that run ------------------------------------------------------------------------ */

static struct running **bucket_of(struct store *store, const char *id)
{
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (; *id; id++)
        hash = (hash ^ (unsigned char)*id) * 16777619u;
    return &store->running[hash % RUNNING_BUCKETS];
}

static struct running *find_running(struct store *store, const char *id)
{
    for (struct running *running = *bucket_of(store, id); running; running = running->next)
        if (strcmp(running->id, id) == 0)
            return running->is_ended ? NULL : running;
    return NULL;
}

static bool add_running(struct store *store, struct running *running, struct error *err)
{
    struct running **bucket = bucket_of(store, running->id);
    for (const struct running *other = *bucket; other; other = other->next)
        if (strcmp(other->id, running->id) == 0)
            return error_set(err, ERROR_EXISTS, "an instance has the id %s already", running->id);
    running->next = *bucket;
    *bucket = running;
    return true;
}

static void drop_running(struct store *store, struct running *running)
{
    struct running **at = bucket_of(store, running->id);
    while (*at != running)
        at = &(*at)->next;
    *at = running->next;
    free(running);
}

static struct running *running_new(const struct instance_start *start)
{
    size_t size = strlen(start->id) + 1;
    struct running *running = calloc(1, sizeof *running + size);
    if (!running)
        return NULL;
    running->is_tracked = start->is_tracked && !start->resubmits;
    memcpy(running->id, start->id, size);
    return running;
}

/* ---- handing in -------------------------------------------------------------------------------- */

/* All of these: `queue` is held. */

static bool is_group_full(const struct store *store)
{
    return store->waiting >= GROUP_MAX || store->waiting_size >= GROUP_SIZE_MAX;
}

static void append(struct store *store, struct record *record)
{
    record->queued_ms = now_ms();
    if (store->last)
        store->last->next = record;
    else
        store->first = record;
    bool is_first = store->last == NULL, was_full = is_group_full(store);
    store->last = record;
    store->waiting++;
    store->waiting_size += record->size;
    store->hurried += record->waiter != NULL;
    if (is_first || record->waiter || (!was_full && is_group_full(store)))
        pthread_cond_signal(&store->due);
}

static bool wait_for_room(struct store *store, struct error *err)
{
    int64_t deadline_ms = now_ms() + STORE_ROOM_MS;
    while (store->waiting >= START_MAX || store->waiting_size >= START_SIZE_MAX) {
        if (store->is_broken)
            return say_broken(store, err);
        if (now_ms() >= deadline_ms)
            return error_set(err, ERROR_UNAVAILABLE,
                             "the store cannot keep up: %zu records wait to be written",
                             store->waiting);
        wait_until(&store->settled, &store->queue, deadline_ms);
    }
    return !store->is_broken || say_broken(store, err);
}

static bool wait_for_group(struct store *store, struct waiter *waiter, struct error *err)
{
    while (!waiter->is_settled)
        pthread_cond_wait(&store->settled, &store->queue);
    if (!waiter->ok && err)
        *err = waiter->error;
    return waiter->ok;
}

/* ---- the calls of store.h ---------------------------------------------------------------------- */

static bool start_locked(struct store *store, struct running *running, struct record *record,
                         struct error *err)
{
    struct waiter waiter = {.ok = false};
    if (!wait_for_room(store, err) || !add_running(store, running, err)) {
        free(record);
        free(running);
        return false;
    }
    record->running = running;
    record->waiter = running->is_tracked ? NULL : &waiter;
    append(store, record);
    if (!record->waiter)
        return true;
    bool ok = wait_for_group(store, &waiter, err);
    if (!ok)
        drop_running(store, running);
    return ok;
}

bool store_instance_start(struct store *store, const struct instance_start *start,
                          struct error *err)
{
    const struct record_parts parts = {
        .texts = {start->id, start->flow, start->flow_name, start->version, start->module_digest,
                  start->trigger, start->invoked_by, start->parent, start->parameters,
                  start->resubmits},
        .numbers = {start->started_ms, start->is_durable, start->call_number},
        .bytes = start->input,
        .bytes_size = start->input_size,
    };
    struct record *record = record_new(RECORD_START, &parts);
    struct running *running = running_new(start);
    if (!record || !running) {
        free(record);
        free(running);
        return no_memory(err);
    }
    pthread_mutex_lock(&store->queue);
    bool ok = start_locked(store, running, record, err);
    pthread_mutex_unlock(&store->queue);
    return ok;
}

static bool finish_locked(struct store *store, const char *id, struct record *record,
                          struct error *err)
{
    struct waiter waiter = {.ok = false};
    struct running *running = find_running(store, id);
    bool ok = running ? !store->is_broken || say_broken(store, err)
                      : error_set(err, ERROR_NOT_FOUND, "instance %s is not in progress", id);
    if (!ok) {
        free(record);
        return false;
    }
    running->is_ended = true;
    record->running = running;
    record->waiter = running->is_tracked ? NULL : &waiter;
    append(store, record);
    return !record->waiter || wait_for_group(store, &waiter, err);
}

bool store_instance_finish(struct store *store, const char *id, const struct instance_end *end,
                           struct error *err)
{
    const struct record_parts parts = {
        .texts = {instance_state_name(end->state), end->fault_code, end->fault_title,
                  end->fault_detail},
        .numbers = {end->finished_ms, end->exit_status, end->cpu_us, (int64_t)end->memory_bytes,
                    (int64_t)end->import_calls, end->response_status},
        .bytes = end->response,
        .bytes_size = end->response_size,
    };
    struct record *record = record_new(RECORD_END, &parts);
    if (!record)
        return no_memory(err);
    pthread_mutex_lock(&store->queue);
    bool ok = finish_locked(store, id, record, err);
    pthread_mutex_unlock(&store->queue);
    return ok;
}

/* Takes ownership of record; NULL (no memory) counts as dropped. */
static void report(struct store *store, const char *id, struct record *record)
{
    pthread_mutex_lock(&store->queue);
    struct running *running = find_running(store, id);
    bool has_room =
        store->waiting < STORE_WAITING_MAX && store->waiting_size < STORE_WAITING_SIZE_MAX;
    if (record && running && has_room && !store->is_broken) {
        record->running = running;
        append(store, record);
        record = NULL;
    } else if (running) {
        store->lost++;
    }
    pthread_mutex_unlock(&store->queue);
    free(record);
}

void store_activity(struct store *store, const char *id, const struct activity *activity)
{
    const struct record_parts parts = {
        .texts = {activity->import, activity->connection, activity->subject, activity->result,
                  activity->detail},
        .numbers = {activity->at_ms, (int64_t)activity->bytes, activity->duration_us},
    };
    report(store, id, record_new(RECORD_ACTIVITY, &parts));
}

void store_track(struct store *store, const char *id, const char *name, const char *value)
{
    report(store, id, record_new(RECORD_TRACK, &(struct record_parts){.texts = {name, value}}));
}

void store_file(struct store *store, const char *id, const char *name, const char *state,
                const char *detail, uint64_t size, int64_t at_ms)
{
    const struct record_parts parts = {
        .texts = {name, state, detail},
        .numbers = {at_ms, (int64_t)size},
    };
    report(store, id, record_new(RECORD_FILE, &parts));
}

/* ---- journal ---- */

static struct record *journal_record(const struct journal_record *from)
{
    const void *const blobs[RECORD_JOURNAL_BLOBS] = {from->request, from->plan, from->result};
    const size_t sizes[RECORD_JOURNAL_BLOBS] = {from->request_size, from->plan_size,
                                                from->result_size};
    struct record_parts parts = {.texts = {from->import}, .numbers = {from->number}};
    struct buf bytes;
    buf_init(&bytes, SIZE_MAX / 2);
    for (int i = 0; i < RECORD_JOURNAL_BLOBS; i++) {
        parts.numbers[1 + i] = blobs[i] || i == 0 ? (int64_t)sizes[i] : -1;
        buf_append(&bytes, blobs[i], sizes[i]);
    }
    parts.bytes = bytes.data;
    parts.bytes_size = bytes.size;
    struct record *record = bytes.failed ? NULL : record_new(RECORD_JOURNAL, &parts);
    buf_release(&bytes);
    return record;
}

static void free_list(struct record *list)
{
    while (list) {
        struct record *next = list->next;
        free(list);
        list = next;
    }
}

static struct record *journal_list(const struct journal_record *records, size_t count)
{
    struct record *list = NULL, **end = &list;
    for (size_t i = 0; i < count; i++) {
        *end = journal_record(&records[i]);
        if (!*end) {
            free_list(list);
            return NULL;
        }
        end = &(*end)->next;
    }
    return list;
}

/* Where the queue is full its writer is waited for: these records are never dropped. */
static bool journal_locked(struct store *store, const char *id, struct record *list, bool durable,
                           struct error *err)
{
    struct waiter waiter = {.ok = false};
    struct running *running = find_running(store, id);
    bool ok = running ? !store->is_broken || say_broken(store, err)
                      : error_set(err, ERROR_NOT_FOUND, "instance %s is not in progress here", id);
    if (!ok) {
        free_list(list);
        return false;
    }
    bool waits = durable || store->waiting >= STORE_WAITING_MAX ||
                 store->waiting_size >= STORE_WAITING_SIZE_MAX;
    while (list) {
        struct record *record = list;
        list = record->next;
        record->next = NULL;
        record->running = running;
        record->waiter = waits && !list ? &waiter : NULL;
        append(store, record);
    }
    return !waits || wait_for_group(store, &waiter, err);
}

bool store_journal_write(struct store *store, const char *id, const struct journal_record *records,
                         size_t count, bool durable, struct error *err)
{
    struct record *list = journal_list(records, count);
    if (!list)
        return count == 0 || no_memory(err);
    pthread_mutex_lock(&store->queue);
    bool ok = journal_locked(store, id, list, durable, err);
    pthread_mutex_unlock(&store->queue);
    return ok;
}

bool store_hand_in(struct store *store, const char *id, struct record *record, struct error *err)
{
    if (!record)
        return no_memory(err);
    pthread_mutex_lock(&store->queue);
    bool ok = journal_locked(store, id, record, false, err);
    pthread_mutex_unlock(&store->queue);
    return ok;
}

bool store_adopt(struct store *store, const char *id, int64_t number, struct error *err)
{
    struct running *running = running_new(&(struct instance_start){.id = id});
    if (!running)
        return no_memory(err);
    running->number = number;
    pthread_mutex_lock(&store->queue);
    bool ok = add_running(store, running, err);
    pthread_mutex_unlock(&store->queue);
    if (!ok)
        free(running);
    return ok;
}

void store_disown(struct store *store, const char *id)
{
    pthread_mutex_lock(&store->queue);
    struct running *running = find_running(store, id);
    if (running)
        drop_running(store, running);
    pthread_mutex_unlock(&store->queue);
}

bool store_write(struct store *store, store_write_fn *fn, void *context, struct error *err)
{
    struct waiter waiter = {.fn = fn, .context = context};
    struct record *record = record_new(RECORD_CALL, &(struct record_parts){.bytes = NULL});
    if (!record)
        return no_memory(err);
    record->waiter = &waiter;
    pthread_mutex_lock(&store->queue);
    bool ok = !store->is_broken || say_broken(store, err);
    if (ok) {
        append(store, record);
        ok = wait_for_group(store, &waiter, err);
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

void store_flush(struct store *store)
{
    pthread_mutex_lock(&store->queue);
    bool is_idle = store->waiting == 0 || store->is_broken;
    pthread_mutex_unlock(&store->queue);
    if (!is_idle)
        (void)!store_write(store, do_nothing, NULL, NULL); /* the writer says what went wrong */
}

/* ---- the writer's side ------------------------------------------------------------------------- */

static bool is_due(const struct store *store, int64_t retry_ms)
{
    if (!store->first)
        return false;
    if (store->is_closing || store->is_broken || store->hurried > 0)
        return true;
    return now_ms() >= retry_ms &&
           (is_group_full(store) || now_ms() - store->first->queued_ms >= STORE_GROUP_MS);
}

static void wait_for_due(struct store *store, int64_t retry_ms)
{
    while (!is_due(store, retry_ms) && !(store->is_closing && !store->first)) {
        if (!store->first) {
            pthread_cond_wait(&store->due, &store->queue);
            continue;
        }
        int64_t due_ms = store->first->queued_ms + STORE_GROUP_MS;
        wait_until(&store->due, &store->queue, due_ms > retry_ms ? due_ms : retry_ms);
    }
}

struct record *store_queue_take(struct store *store, int64_t retry_ms)
{
    size_t count = 0, size = 0;
    pthread_mutex_lock(&store->queue);
    wait_for_due(store, retry_ms);
    struct record *list = store->first, *newest = NULL;
    for (struct record *at = list; at && count < GROUP_MAX && size < GROUP_SIZE_MAX; at = at->next) {
        newest = at;
        count++;
        size += at->size;
        store->hurried -= at->waiter != NULL;
    }
    if (newest) {
        store->first = newest->next;
        newest->next = NULL;
        store->writing_since_ms = list->queued_ms;
    }
    if (!store->first)
        store->last = NULL;
    pthread_mutex_unlock(&store->queue);
    return list;
}

static void forget(struct store *store, struct record *record)
{
    store->waiting--;
    store->waiting_size -= record->size;
    free(record);
}

/* Written, or never to be. A start that failed is dropped by who waits for it. */
static void settle_one(struct store *store, struct record *record, enum group_outcome outcome)
{
    struct running *running = record->running;
    if (record->waiter)
        record->waiter->is_settled = true;
    else if (outcome == GROUP_BROKEN)
        store->lost++;
    if (record->kind == RECORD_END) {
        if (outcome == GROUP_COMMITTED && (!record->waiter || record->waiter->ok))
            drop_running(store, running);
        else
            running->is_ended = false; /* may be tried again */
    }
    forget(store, record);
}

void store_queue_settle(struct store *store, struct record *list, enum group_outcome outcome,
                        const struct error *why)
{
    struct record *kept = NULL, **end = &kept, *last = NULL;
    pthread_mutex_lock(&store->queue);
    store->writing_since_ms = 0;
    store->groups += outcome == GROUP_COMMITTED;
    if (outcome == GROUP_BROKEN && !store->is_broken) {
        store->is_broken = true;
        store->why_broken = *why;
    }
    for (struct record *record = list, *next; record; record = next) {
        next = record->next;
        if (record->waiter && outcome != GROUP_COMMITTED) {
            record->waiter->ok = false;
            record->waiter->error = *why;
        }
        if (record->waiter || outcome != GROUP_POSTPONED) {
            settle_one(store, record, outcome);
            continue;
        }
        *end = last = record;
        end = &record->next;
    }
    if (last) { /* back to the front, so that the order stays */
        last->next = store->first;
        store->first = kept;
        if (!store->last)
            store->last = last;
    }
    pthread_cond_broadcast(&store->settled);
    pthread_mutex_unlock(&store->queue);
}

void store_queue_clear(struct store *store)
{
    for (size_t i = 0; i < RUNNING_BUCKETS; i++)
        while (store->running[i])
            drop_running(store, store->running[i]);
}

/* ---- looking at it ----------------------------------------------------------------------------- */

bool store_is_broken(struct store *store, struct error *err)
{
    pthread_mutex_lock(&store->queue);
    bool is_broken = store->is_broken;
    if (is_broken)
        say_broken(store, err);
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
        .lag_ms = oldest_ms ? now_ms() - oldest_ms : 0,
        .groups = store->groups,
        .lost = store->lost,
    };
    pthread_mutex_unlock(&store->queue);
}
