/* SPDX-License-Identifier: MIT */
/*
 * The instances that this store started, and what they hand in. What happens where the queue is full: a
 * start waits for room, and its caller with it; what a running instance reports is dropped and counted;
 * an end is always taken, and kept until it is written where nobody would hand it in again.
 */
#include <stdlib.h>
#include <string.h>

#include "base/metrics.h"
#include "base/text.h"
#include "store/store_internal.h"

static bool no_memory(struct error *err)
{
    return error_out_of_memory(err);
}

/* ---- instances that run ------------------------------------------------------------------------ */

static struct running *find(struct store *store, const char *id)
{
    uint32_t hash = (uint32_t)text_hash(id);
    struct running *running = store->running[hash % RUNNING_BUCKETS];
    while (running && (running->hash != hash || strcmp(running->id, id) != 0))
        running = running->next;
    return running;
}

struct running *store_running_find(struct store *store, const char *id)
{
    struct running *running = find(store, id);
    return running && !running->is_ended ? running : NULL;
}

bool store_is_running(struct store *store, const char *id)
{
    pthread_mutex_lock(&store->queue);
    const struct running *running = find(store, id);
    bool is_running = running && !running->is_left;
    pthread_mutex_unlock(&store->queue);
    return is_running;
}

static bool add_running(struct store *store, struct running *running, struct error *err)
{
    struct running **bucket = &store->running[running->hash % RUNNING_BUCKETS];
    if (find(store, running->id))
        return error_set(err, ERROR_EXISTS, "an instance has the id %s already", running->id);
    running->next = *bucket;
    *bucket = running;
    return true;
}

void store_running_drop(struct store *store, struct running *running)
{
    struct running **at = &store->running[running->hash % RUNNING_BUCKETS];
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
    running->hash = (uint32_t)text_hash(start->id);
    running->is_tracked = start->is_tracked && !start->resubmits;
    running->is_durable = start->is_durable;
    running->keeps_message = start->is_durable || (start->tracing &&
                                                   strcmp(start->tracing, STORE_TRACING_DEBUG) == 0);
    memcpy(running->id, start->id, size);
    return running;
}

/* One that was left where the store could not be written. */
static bool take_up(struct store *store, const char *id)
{
    pthread_mutex_lock(&store->queue);
    struct running *running = find(store, id);
    if (running)
        running->is_left = false;
    pthread_mutex_unlock(&store->queue);
    return running != NULL;
}

bool store_adopt(struct store *store, const char *id, int64_t number, struct error *err)
{
    if (take_up(store, id))
        return true;
    struct running *running = running_new(&(struct instance_start){.id = id});
    if (!running)
        return no_memory(err);
    running->number = number;
    running->is_durable = true;
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
    struct running *running = store_running_find(store, id);
    if (running)
        store_running_drop(store, running);
    pthread_mutex_unlock(&store->queue);
}

void store_leave(struct store *store, const char *id)
{
    pthread_mutex_lock(&store->queue);
    struct running *running = store_running_find(store, id);
    if (running)
        running->is_left = true;
    pthread_mutex_unlock(&store->queue);
}

void store_running_clear(struct store *store)
{
    for (size_t i = 0; i < RUNNING_BUCKETS; i++)
        while (store->running[i])
            store_running_drop(store, store->running[i]);
}

/* ---- the calls of store.h ---------------------------------------------------------------------- */

static bool start_locked(struct store *store, struct running *running, struct record *record,
                         struct error *err)
{
    struct waiter waiter = {.ok = false};
    if (!store_queue_make_room(store, err) || !add_running(store, running, err)) {
        free(record);
        free(running);
        return false;
    }
    record->running = running;
    record->waiter = running->is_tracked ? NULL : &waiter;
    store_queue_append(store, record);
    if (!record->waiter)
        return true;
    bool ok = store_queue_await(store, &waiter, err);
    if (!ok)
        store_running_drop(store, running);
    return ok;
}

bool store_instance_start(struct store *store, const struct instance_start *start,
                          struct error *err)
{
    const struct record_parts parts = {
        .texts = {start->id, start->flow, start->flow_name, start->version, start->module_digest,
                  start->trigger, start->invoked_by, start->parent, start->parameters,
                  start->tracing, start->trace, start->span, start->parent_span, start->filters,
                  start->resubmits},
        .numbers = {start->started_ms, start->is_durable, start->call_number},
        .blobs = {{start->input, start->input_size}},
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
    struct running *running = store_running_find(store, id);
    bool ok = running ? !store->is_broken || store_say_broken(store, err)
                      : error_set(err, ERROR_NOT_FOUND, "instance %s is not in progress", id);
    if (!ok) {
        free(record);
        return false;
    }
    running->is_ended = true;
    record->running = running;
    record->waiter = running->is_tracked ? NULL : &waiter;
    store_queue_append(store, record);
    return !record->waiter || store_queue_await(store, &waiter, err);
}

bool store_instance_finish(struct store *store, const char *id, const struct instance_end *end,
                           struct error *err)
{
    const struct record_parts parts = {
        .texts = {instance_state_name(end->state), end->fault_code, end->fault_title,
                  end->fault_detail},
        .numbers = {end->finished_ms, end->exit_status, end->cpu_us, (int64_t)end->memory_bytes,
                    (int64_t)end->import_calls, end->response_status},
        .blobs = {{end->response, end->response_size}},
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
    struct running *running = store_running_find(store, id);
    bool has_room =
        store->waiting < STORE_WAITING_MAX && store->waiting_size < STORE_WAITING_SIZE_MAX;
    if (record && running && has_room && !store->is_broken) {
        record->running = running;
        store_queue_append(store, record);
        record = NULL;
    } else if (running) {
        metric_add(METRIC_STORE_LOST, 1);
        store->lost++;
    }
    pthread_mutex_unlock(&store->queue);
    free(record);
}

/* What a call sent or got. Where much waits already, the call is recorded without. */
static struct record_blob payload(struct store *store, const void *bytes, size_t size)
{
    struct store_load load = {.waiting_size = 0};
    if (bytes && size > 0)
        store_load(store, &load);
    if (load.waiting_size >= STORE_WAITING_SIZE_MAX / 2)
        return (struct record_blob){.bytes = NULL};
    return (struct record_blob){bytes,
                                size < STORE_CALL_PAYLOAD_MAX ? size : STORE_CALL_PAYLOAD_MAX};
}

void store_activity(struct store *store, const char *id, const struct activity *activity)
{
    const struct record_parts parts = {
        .texts = {activity->import, activity->connection, activity->subject, activity->result,
                  activity->detail},
        .numbers = {activity->at_ms, (int64_t)activity->bytes, activity->duration_us},
        .blobs = {payload(store, activity->request, activity->request_size),
                  payload(store, activity->response, activity->response_size)},
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
