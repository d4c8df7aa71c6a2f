/* SPDX-License-Identifier: MIT */
/*
 * What waits to be written: one record for a start, an activity, a tracking value, a file report, an
 * end, a line of the audit trail, or a call of a function that writes by itself. Internal to the store.
 */
#ifndef STORE_STORE_RECORD_H
#define STORE_STORE_RECORD_H
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct store;
typedef bool store_write_fn(struct store *store, void *context, struct error *err);

enum record_kind {
    RECORD_START,
    RECORD_ACTIVITY,
    RECORD_TRACK,
    RECORD_FILE,
    RECORD_JOURNAL, /* never passed over: what follows relies on it; likewise these two */
    RECORD_REMIND,
    RECORD_FORGET,
    RECORD_END,
    RECORD_AUDIT,
    RECORD_CALL,
};

#define RECORD_TEXTS_MAX 15
#define RECORD_NUMBERS_MAX 6
#define RECORD_BLOBS_MAX 3

/* An instance that this store started and whose end is not written yet. */
struct running {
    struct running *next; /* in its bucket */
    uint32_t hash;        /* of its id */
    bool is_tracked;      /* nobody waits for its start and end */
    bool is_durable;      /* somebody goes on with it where its end was not written */
    bool keeps_message;   /* when it has completed */
    bool is_ended;        /* its end was handed in */
    bool is_left;         /* nobody runs it; records of it may still be in the queue */

    /* the writer's */
    int64_t number;           /* its row; 0: not written */
    const struct record *end; /* in the group being written, else NULL */
    bool is_whole;            /* start and end were one row of this group */
    char id[];
};

/* Somebody who waits for a record. Lives on that thread's stack. */
struct waiter {
    store_write_fn *fn; /* RECORD_CALL */
    void *context;
    bool is_settled, ok;
    struct error error;
};

/* input; response; request and response of a call; request, plan and result in the journal. NULL: none. */
struct record_blob {
    const void *bytes;
    size_t size;
};

/* One allocation: texts and blobs lie behind the struct. */
struct record {
    struct record *next;
    enum record_kind kind;
    size_t size; /* of the allocation */
    int64_t queued_ms;
    struct running *running; /* NULL: RECORD_AUDIT, RECORD_CALL */
    struct waiter *waiter;   /* NULL: nobody waits */
    const char *texts[RECORD_TEXTS_MAX];
    int64_t numbers[RECORD_NUMBERS_MAX];
    struct record_blob blobs[RECORD_BLOBS_MAX];
};

/* What a record is made of. NULL texts stay NULL. */
struct record_parts {
    const char *texts[RECORD_TEXTS_MAX];
    int64_t numbers[RECORD_NUMBERS_MAX];
    struct record_blob blobs[RECORD_BLOBS_MAX];
};

/* NULL: no memory. Freed with free(). */
struct record *record_new(enum record_kind kind, const struct record_parts *parts);

/* Before a group is written: which ends lie in it, so that an instance that began and ended within it
 * is one row written once. */
void record_prepare(struct record *list);

/* Writes the record inside the writer's transaction. Records of an instance whose start could not be
 * written are passed over. */
MUST_USE bool record_write(struct store *store, struct record *record, struct error *err);
#endif
