/* SPDX-License-Identifier: MIT */
/*
 * Records of running instances: queued in memory by the threads that run guests, written in groups
 * by one writer thread, so that a guest never waits for the disk and no write transaction stays
 * open during a long transfer. What is queued is written before its instance's end, in the same
 * transaction.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/store_internal.h"

#define GROUP_COUNT 64        /* as many records are written without waiting for the pause's end */
#define GROUP_PAUSE_MS 200    /* how old a record gets before it is written */
#define RETRY_PAUSE_MS 1000   /* after a failed write */
#define PENDING_PAYLOAD_MAX (64u << 20) /* bytes; further calls are recorded without theirs */
#define PENDING_COUNT_MAX 16384 /* more are dropped and counted: the database takes none */

enum pending_kind { PENDING_ACTIVITY, PENDING_TRACK, PENDING_FILE, PENDING_AUDIT };

/* One allocation: texts lie behind the struct. */
struct pending {
    struct pending *next;
    enum pending_kind kind;
    char *id; /* of the instance; audit: the actor */
    int64_t at_ms, duration_us;
    uint64_t bytes;
    void *request, *response;
    size_t request_size, response_size;
    char *texts[5]; /* activity: import, connection, subject, result, detail; audit: address, action,
                       subject, outcome, detail; others: name, value... */
};

static char *place(char **at, const char *text)
{
    if (!text)
        return NULL;
    size_t size = strlen(text) + 1;
    char *copy = memcpy(*at, text, size);
    *at += size;
    return copy;
}

static struct pending *pending_new(enum pending_kind kind, const char *id,
                                   const char *const texts[static 5])
{
    size_t size = strlen(id) + 1;
    for (size_t i = 0; i < 5; i++)
        size += texts[i] ? strlen(texts[i]) + 1 : 0;
    struct pending *pending = calloc(1, sizeof *pending + size);
    if (!pending)
        return NULL;
    char *at = (char *)(pending + 1);
    pending->kind = kind;
    pending->id = place(&at, id);
    for (size_t i = 0; i < 5; i++)
        pending->texts[i] = place(&at, texts[i]);
    return pending;
}

/* Payloads are rare and large: they lie by themselves. */
static void *copy_payload(const void *bytes, size_t size, size_t *copied)
{
    *copied = size < STORE_CALL_PAYLOAD_MAX ? size : STORE_CALL_PAYLOAD_MAX;
    void *copy = bytes && size > 0 ? malloc(*copied) : NULL;
    if (copy)
        memcpy(copy, bytes, *copied);
    return copy;
}

static void pending_free(struct pending *pending)
{
    if (!pending)
        return;
    free(pending->request);
    free(pending->response);
    free(pending);
}

void store_queue_free(struct pending *list)
{
    while (list) {
        struct pending *next = list->next;
        pending_free(list);
        list = next;
    }
}

static size_t payload_size(const struct pending *pending)
{
    return (pending->request ? pending->request_size : 0) +
           (pending->response ? pending->response_size : 0);
}

static void append(struct store *store, struct pending *pending)
{
    if (store->pending_payload + payload_size(pending) > PENDING_PAYLOAD_MAX) {
        free(pending->request);
        free(pending->response);
        pending->request = pending->response = NULL;
    }
    store->pending_payload += payload_size(pending);
    *store->last = pending;
    store->last = &pending->next;
    store->pending_count++;
    store->pending_audits += pending->kind == PENDING_AUDIT;
}

/* is_audit: what could not be allocated is counted, too. */
static void add_or_lose(struct store *store, struct pending *pending, bool is_audit)
{
    pthread_mutex_lock(&store->queue);
    if (!pending || store->pending_count >= PENDING_COUNT_MAX ||
        (is_audit && store->pending_audits >= AUDIT_PENDING_MAX)) {
        ++*(is_audit ? &store->lost_audit_count : &store->lost_count);
        pending_free(pending);
    } else {
        append(store, pending);
        if (store->pending_count == 1 || store->pending_count == GROUP_COUNT)
            pthread_cond_signal(&store->queue_changed);
    }
    pthread_mutex_unlock(&store->queue);
}

static void add(struct store *store, struct pending *pending)
{
    add_or_lose(store, pending, false);
}

void store_activity(struct store *store, const char *id, const struct activity *activity)
{
    const char *const texts[5] = {activity->import, activity->connection, activity->subject,
                                  activity->result, activity->detail};
    struct pending *pending = pending_new(PENDING_ACTIVITY, id, texts);
    if (pending) {
        pending->at_ms = activity->at_ms;
        pending->duration_us = activity->duration_us;
        pending->bytes = activity->bytes;
        pending->request = copy_payload(activity->request, activity->request_size,
                                        &pending->request_size);
        pending->response = copy_payload(activity->response, activity->response_size,
                                         &pending->response_size);
    }
    add(store, pending);
}

void store_track(struct store *store, const char *id, const char *name, const char *value)
{
    const char *const texts[5] = {name, value};
    add(store, pending_new(PENDING_TRACK, id, texts));
}

void store_file(struct store *store, const char *id, const char *name, const char *state,
                const char *detail, uint64_t size, int64_t at_ms)
{
    const char *const texts[5] = {name, state, detail};
    struct pending *pending = pending_new(PENDING_FILE, id, texts);
    if (pending) {
        pending->at_ms = at_ms;
        pending->bytes = size;
    }
    add(store, pending);
}

/* Copies at most AUDIT_TEXT_SIZE_MAX bytes, not half a character of UTF-8. */
static const char *cut(const char *text, char out[static AUDIT_TEXT_SIZE_MAX + 1])
{
    size_t size = text ? strnlen(text, AUDIT_TEXT_SIZE_MAX + 1) : 0;
    if (size > AUDIT_TEXT_SIZE_MAX)
        for (size = AUDIT_TEXT_SIZE_MAX; size > 0 && (text[size] & 0xC0) == 0x80; size--)
            ;
    memcpy(out, text ? text : "", size);
    out[size] = '\0';
    return out;
}

void store_audit(struct store *store, const struct audit_record *record)
{
    char copies[6][AUDIT_TEXT_SIZE_MAX + 1];
    const char *const texts[5] = {cut(record->address, copies[0]), cut(record->action, copies[1]),
                                  cut(record->subject, copies[2]), cut(record->outcome, copies[3]),
                                  record->detail ? cut(record->detail, copies[4]) : NULL};
    struct pending *pending = pending_new(PENDING_AUDIT, cut(record->actor, copies[5]), texts);
    if (pending)
        pending->at_ms = record->at_ms;
    add_or_lose(store, pending, true);
}

/* At most one beyond the limit waits; what is lost meanwhile is told by the next. */
static void append_lost_note(struct store *store)
{
    char detail[64];
    const char *const texts[5] = {"", "audit", "", "lost", detail};
    if (store->lost_audit_count == 0 || store->pending_audits > AUDIT_PENDING_MAX)
        return;
    snprintf(detail, sizeof detail, "%llu records could not be written",
             (unsigned long long)store->lost_audit_count);
    struct pending *note = pending_new(PENDING_AUDIT, "", texts);
    if (!note)
        return;
    note->at_ms = clock_wall_ms();
    store->lost_audit_count = 0;
    append(store, note);
}

struct pending *store_queue_take(struct store *store)
{
    pthread_mutex_lock(&store->queue);
    append_lost_note(store);
    struct pending *list = store->first;
    store->first = NULL;
    store->last = &store->first;
    store->pending_count = 0;
    store->pending_payload = 0;
    store->pending_audits = 0;
    pthread_mutex_unlock(&store->queue);
    return list;
}

void store_queue_return(struct store *store, struct pending *list)
{
    if (!list)
        return;
    size_t count = 1, audits = list->kind == PENDING_AUDIT, payload = payload_size(list);
    struct pending *end = list;
    for (; end->next; end = end->next) {
        count++;
        audits += end->next->kind == PENDING_AUDIT;
        payload += payload_size(end->next);
    }
    pthread_mutex_lock(&store->queue);
    end->next = store->first;
    if (!store->first)
        store->last = &end->next;
    store->first = list;
    store->pending_count += count;
    store->pending_audits += audits;
    store->pending_payload += payload;
    pthread_mutex_unlock(&store->queue);
}

static bool write_one(struct store *store, const struct pending *pending, struct error *err)
{
    static const struct {
        enum statement statement;
        int text_count, number_count;
    } kinds[] = {
        [PENDING_ACTIVITY] = {STATEMENT_ACTIVITY, 5, 3},
        [PENDING_TRACK] = {STATEMENT_TRACK, 2, 0},
        [PENDING_FILE] = {STATEMENT_FILE, 3, 2},
        [PENDING_AUDIT] = {STATEMENT_AUDIT, 5, 1},
    };
    const int64_t numbers[] = {pending->at_ms, (int64_t)pending->bytes, pending->duration_us};
    enum statement which = kinds[pending->kind].statement;
    sqlite3_stmt *statement = store->statements[which];
    int column = 1;
    sqlite3_bind_text(statement, column++, pending->id, -1, SQLITE_STATIC);
    for (int i = 0; i < kinds[pending->kind].text_count; i++)
        sqlite3_bind_text(statement, column++, pending->texts[i], -1, SQLITE_STATIC);
    for (int i = 0; i < kinds[pending->kind].number_count; i++)
        sqlite3_bind_int64(statement, column++, numbers[i]);
    if (pending->request)
        sqlite3_bind_blob64(statement, column, pending->request, pending->request_size, SQLITE_STATIC);
    if (pending->response)
        sqlite3_bind_blob64(statement, column + 1, pending->response, pending->response_size,
                            SQLITE_STATIC);
    return store_step(store, which, err);
}

bool store_queue_write(struct store *store, struct pending *list, struct error *err)
{
    for (const struct pending *pending = list; pending; pending = pending->next)
        if (!write_one(store, pending, err))
            return false;
    return true;
}

bool store_queue_flush(struct store *store, struct error *err)
{
    struct pending *list = store_queue_take(store);
    if (!list)
        return true;
    bool begun = store_begin(store, false, err);
    bool ok = begun && store_queue_write(store, list, err) && store_commit(store, err);
    if (ok) {
        store_queue_free(list);
        return true;
    }
    if (begun)
        store_rollback(store);
    store_queue_return(store, list);
    return false;
}

/* Waits for a first record, then until the group is full or the pause is over. */
static bool wait_for_group(struct store *store, int64_t pause_ms)
{
    struct timespec until;
    pthread_mutex_lock(&store->queue);
    while (!store->is_closing && store->pending_count == 0)
        pthread_cond_wait(&store->queue_changed, &store->queue);
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += pause_ms / 1000;
    until.tv_nsec += (pause_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    int code = 0;
    bool retrying = pause_ms == RETRY_PAUSE_MS;
    while (!store->is_closing && code == 0 && (retrying || store->pending_count < GROUP_COUNT))
        code = pthread_cond_timedwait(&store->queue_changed, &store->queue, &until);
    bool go_on = !store->is_closing;
    pthread_mutex_unlock(&store->queue);
    return go_on;
}

static void *writer_main(void *context)
{
    struct store *store = context;
    int64_t pause_ms = GROUP_PAUSE_MS;
    while (wait_for_group(store, pause_ms)) {
        struct error err = {0};
        pthread_mutex_lock(&store->database);
        bool ok = store_queue_flush(store, &err);
        pthread_mutex_unlock(&store->database);
        if (!ok && pause_ms != RETRY_PAUSE_MS)
            log_line(LOG_ERROR, NULL, "activity cannot be written, trying again: %s", err.message);
        pause_ms = ok ? GROUP_PAUSE_MS : RETRY_PAUSE_MS;
    }
    return NULL;
}

bool store_queue_open(struct store *store, struct error *err)
{
    pthread_condattr_t attributes;
    store->last = &store->first;
    pthread_mutex_init(&store->queue, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&store->queue_changed, &attributes);
    pthread_condattr_destroy(&attributes);
    int number = pthread_create(&store->writer, NULL, writer_main, store);
    store->writer_runs = number == 0;
    return number == 0 || error_errno(err, ERROR_INTERNAL, number, "cannot start the store's writer");
}

void store_queue_close(struct store *store)
{
    struct error err = {0};
    if (!store->last)
        return; /* never opened */
    pthread_mutex_lock(&store->queue);
    store->is_closing = true;
    pthread_cond_signal(&store->queue_changed);
    pthread_mutex_unlock(&store->queue);
    if (store->writer_runs)
        pthread_join(store->writer, NULL);
    pthread_mutex_lock(&store->database);
    if (!store_queue_flush(store, &err))
        log_line(LOG_ERROR, NULL, "activity is lost: %s", err.message);
    pthread_mutex_unlock(&store->database);
    store_queue_free(store_queue_take(store));
    pthread_cond_destroy(&store->queue_changed);
    pthread_mutex_destroy(&store->queue);
}
