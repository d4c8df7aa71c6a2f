/* SPDX-License-Identifier: MIT */
/* Journal records on their way to the writer; see store_journal.h. */
#include <stdlib.h>

#include "store/store_internal.h"
#include "store/store_journal.h"

static struct record *journal_record(const struct journal_record *from)
{
    const struct record_parts parts = {
        .texts = {from->import},
        .numbers = {from->number},
        .blobs = {{from->request, from->request_size},
                  {from->plan, from->plan_size},
                  {from->result, from->result_size}},
    };
    return record_new(RECORD_JOURNAL, &parts);
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
    struct running *running = store_running_find(store, id);
    bool ok = running ? !store->is_broken || store_say_broken(store, err)
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
        store_queue_append(store, record);
    }
    return !waits || store_queue_await(store, &waiter, err);
}

bool store_journal_write(struct store *store, const char *id, const struct journal_record *records,
                         size_t count, bool durable, struct error *err)
{
    struct record *list = journal_list(records, count);
    if (!list)
        return count == 0 || error_out_of_memory(err);
    pthread_mutex_lock(&store->queue);
    bool ok = journal_locked(store, id, list, durable, err);
    pthread_mutex_unlock(&store->queue);
    return ok;
}

bool store_hand_in(struct store *store, const char *id, struct record *record, struct error *err)
{
    if (!record)
        return error_out_of_memory(err);
    pthread_mutex_lock(&store->queue);
    bool ok = journal_locked(store, id, record, false, err);
    pthread_mutex_unlock(&store->queue);
    return ok;
}
