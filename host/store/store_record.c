/* SPDX-License-Identifier: MIT */
/* Records and the rows they become; see store_record.h. */
#include "store/store_record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/store_internal.h"

#define NOT_WRITTEN (-1) /* running->number: its start was refused, so is all that belongs to it */

/* ---- making ------------------------------------------------------------------------------------ */

static const char *place(char **at, const char *text)
{
    if (!text)
        return NULL;
    size_t size = strlen(text) + 1;
    const char *copy = memcpy(*at, text, size);
    *at += size;
    return copy;
}

struct record *record_new(enum record_kind kind, const struct record_parts *parts)
{
    size_t size = sizeof(struct record);
    for (size_t i = 0; i < RECORD_TEXTS_MAX; i++)
        size += parts->texts[i] ? strlen(parts->texts[i]) + 1 : 0;
    for (size_t i = 0; i < RECORD_BLOBS_MAX; i++)
        size += parts->blobs[i].bytes ? parts->blobs[i].size : 0;
    struct record *record = malloc(size);
    if (!record)
        return NULL;
    *record = (struct record){.kind = kind, .size = size};
    memcpy(record->numbers, parts->numbers, sizeof record->numbers);
    char *at = (char *)(record + 1);
    for (size_t i = 0; i < RECORD_TEXTS_MAX; i++)
        record->texts[i] = place(&at, parts->texts[i]);
    for (size_t i = 0; i < RECORD_BLOBS_MAX; i++) {
        if (!parts->blobs[i].bytes || parts->blobs[i].size == 0)
            continue;
        record->blobs[i].size = parts->blobs[i].size;
        record->blobs[i].bytes = memcpy(at, parts->blobs[i].bytes, parts->blobs[i].size);
        at += parts->blobs[i].size;
    }
    return record;
}

/* ---- binding ----------------------------------------------------------------------------------- */

static int bind_texts(sqlite3_stmt *statement, int column, const char *const texts[], size_t count)
{
    for (size_t i = 0; i < count; i++)
        sqlite3_bind_text(statement, column++, texts[i], -1, SQLITE_STATIC);
    return column;
}

static int bind_numbers(sqlite3_stmt *statement, int column, const int64_t numbers[], size_t count)
{
    for (size_t i = 0; i < count; i++)
        sqlite3_bind_int64(statement, column++, numbers[i]);
    return column;
}

static void bind_blobs(sqlite3_stmt *statement, int column, const struct record_blob blobs[],
                       size_t count)
{
    for (size_t i = 0; i < count; i++, column++)
        if (blobs[i].bytes)
            sqlite3_bind_blob64(statement, column, blobs[i].bytes, blobs[i].size, SQLITE_STATIC);
}

static bool write_payload(struct store *store, const struct record *record, const char *which,
                          struct error *err)
{
    if (!record->blobs[0].bytes)
        return true;
    sqlite3_stmt *statement = store->statements[STATEMENT_PAYLOAD];
    sqlite3_bind_int64(statement, 1, record->running->number);
    sqlite3_bind_text(statement, 2, which, -1, SQLITE_STATIC);
    bind_blobs(statement, 3, record->blobs, 1);
    return store_step(store, STATEMENT_PAYLOAD, err);
}

/* ---- start and end ----------------------------------------------------------------------------- */

#define START_TEXTS 14
#define START_RESUBMITS 14 /* the text behind them */
#define START_NUMBERS 3    /* started, durable, number of the parent's call */
#define END_TEXTS 4       /* state, fault code, title, detail */
#define END_NUMBERS 6

void record_prepare(struct record *list)
{
    for (struct record *record = list; record; record = record->next)
        if (record->kind == RECORD_START)
            record->running->end = NULL;
    for (struct record *record = list; record; record = record->next)
        if (record->kind == RECORD_END) {
            record->running->end = record;
            record->running->is_whole = false;
        }
}

/* A completed instance needs its message no more, unless its journal can be replayed with it. */
static bool drops_message(const struct record *end)
{
    return end && !end->running->keeps_message &&
           strcmp(end->texts[0], instance_state_name(INSTANCE_COMPLETED)) == 0;
}

static bool write_start(struct store *store, struct record *record, struct error *err)
{
    static const char *const in_progress[END_TEXTS] = {"IN_PROGRESS"};
    static const int64_t nothing[END_NUMBERS] = {0};
    struct running *running = record->running;
    sqlite3_stmt *statement = store->statements[STATEMENT_START];
    const struct record *end = running->end;
    int column = bind_texts(statement, 1, record->texts, START_TEXTS);
    sqlite3_bind_int64(statement, column++, store->owner.number);
    sqlite3_bind_int64(statement, column++, getpid());
    column = bind_numbers(statement, column, record->numbers, START_NUMBERS);
    column = bind_texts(statement, column, end ? end->texts : in_progress, END_TEXTS);
    bind_numbers(statement, column, end ? end->numbers : nothing, END_NUMBERS);
    running->number = NOT_WRITTEN;
    if (!store_step(store, STATEMENT_START, err))
        return false;
    int64_t number = sqlite3_last_insert_rowid(store->db);
    const char *resubmits = record->texts[START_RESUBMITS];
    if (resubmits && !store_link_resubmission(store, resubmits, number, err))
        return false;
    running->number = number;
    running->is_whole = end != NULL;
    return drops_message(end) || write_payload(store, record, "input", err);
}

bool store_drop_message(struct store *store, int64_t number, struct error *err)
{
    sqlite3_bind_int64(store->statements[STATEMENT_DROP_MESSAGE], 1, number);
    return store_step(store, STATEMENT_DROP_MESSAGE, err);
}

/* What the queue had to drop is not passed over in silence. */
static bool write_lost_note(struct store *store, const struct record *end, struct error *err)
{
    struct store_load load;
    store_load(store, &load);
    uint64_t lost = load.lost - store->lost_telling;
    if (lost == 0)
        return true;
    store->lost_telling = load.lost;
    char detail[96];
    snprintf(detail, sizeof detail, "%llu records of running instances could not be written",
             (unsigned long long)lost);
    sqlite3_stmt *statement = store->statements[STATEMENT_ACTIVITY];
    const char *const texts[] = {"store", NULL, NULL, "limit", detail};
    const int64_t numbers[] = {end->numbers[0], 0, 0};
    sqlite3_bind_int64(statement, 1, end->running->number);
    bind_numbers(statement, bind_texts(statement, 2, texts, 5), numbers, 3);
    return store_step(store, STATEMENT_ACTIVITY, err);
}

static bool finish_row(struct store *store, const struct record *end, struct error *err)
{
    sqlite3_stmt *statement = store->statements[STATEMENT_FINISH];
    sqlite3_bind_int64(statement, 1, end->running->number);
    bind_numbers(statement, bind_texts(statement, 2, end->texts, END_TEXTS), end->numbers, END_NUMBERS);
    if (!store_step(store, STATEMENT_FINISH, err))
        return false;
    if (sqlite3_changes(store->db) != 1)
        return error_set(err, ERROR_NOT_FOUND, "instance %s is not in progress", end->running->id);
    return !drops_message(end) || store_drop_message(store, end->running->number, err);
}

static bool write_end(struct store *store, struct record *record, struct error *err)
{
    return (record->running->is_whole || finish_row(store, record, err)) &&
           write_payload(store, record, "response", err) && write_lost_note(store, record, err);
}

/* ---- the rest ---------------------------------------------------------------------------------- */

static bool write_row(struct store *store, const struct record *record, struct error *err)
{
    static const struct {
        enum statement statement;
        size_t texts, numbers, blobs;
    } kinds[] = {
        [RECORD_ACTIVITY] = {STATEMENT_ACTIVITY, 5, 3, 2},
        [RECORD_TRACK] = {STATEMENT_TRACK, 2, 0, 0},
        [RECORD_FILE] = {STATEMENT_FILE, 3, 2, 0},
        [RECORD_AUDIT] = {STATEMENT_AUDIT, 6, 1, 0},
    };
    enum statement which = kinds[record->kind].statement;
    sqlite3_stmt *statement = store->statements[which];
    int column = 1;
    if (record->running)
        sqlite3_bind_int64(statement, column++, record->running->number);
    column = bind_texts(statement, column, record->texts, kinds[record->kind].texts);
    column = bind_numbers(statement, column, record->numbers, kinds[record->kind].numbers);
    bind_blobs(statement, column, record->blobs, kinds[record->kind].blobs);
    return store_step(store, which, err);
}

static bool write_journal(struct store *store, const struct record *record, struct error *err)
{
    sqlite3_stmt *statement = store->statements[STATEMENT_JOURNAL];
    if (record->running->number == NOT_WRITTEN)
        return error_set(err, ERROR_INTERNAL, "instance %s was not written", record->running->id);
    sqlite3_bind_int64(statement, 1, record->running->number);
    int column = bind_numbers(statement, bind_texts(statement, 2, record->texts, 1),
                              record->numbers, 1);
    sqlite3_bind_zeroblob(statement, column, 0); /* a request may be empty, never missing */
    bind_blobs(statement, column, record->blobs, RECORD_BLOBS_MAX);
    return store_step(store, STATEMENT_JOURNAL, err);
}

/* Kind and key; a value to keep, or none. */
static bool write_reminder(struct store *store, const struct record *record, struct error *err)
{
    bool keeps = record->kind == RECORD_REMIND;
    enum statement which = keeps ? STATEMENT_REMIND : STATEMENT_FORGET;
    sqlite3_stmt *statement = store->statements[which];
    int column = bind_texts(statement, 1, record->texts, 2);
    if (keeps) {
        sqlite3_bind_zeroblob(statement, column, 0); /* a value may be empty, never missing */
        bind_blobs(statement, column, record->blobs, 1);
    }
    return store_step(store, which, err);
}

bool record_write(struct store *store, struct record *record, struct error *err)
{
    if (record->kind == RECORD_CALL)
        return record->waiter->fn(store, record->waiter->context, err);
    if (record->kind == RECORD_START)
        return write_start(store, record, err);
    if (record->kind == RECORD_JOURNAL)
        return write_journal(store, record, err);
    if (record->kind == RECORD_REMIND || record->kind == RECORD_FORGET)
        return write_reminder(store, record, err);
    if (record->running && record->running->number == NOT_WRITTEN)
        return true;
    return record->kind == RECORD_END ? write_end(store, record, err)
                                      : write_row(store, record, err);
}
