/* SPDX-License-Identifier: MIT */
/*
 * The journal of durable instances, and how an instance whose process ended is taken over by another.
 * Thread-safe, as store.h.
 */
#ifndef STORE_STORE_JOURNAL_H
#define STORE_STORE_JOURNAL_H
#include "store/store.h"

/*
 * The journal of a durable instance: a record a call, in the order of the calls; see
 * capability/journal.h, whose meaning it is. A result or plan that is NULL leaves the record's as it is.
 */
struct journal_record {
    int64_t number; /* 0, 1, ... */
    const char *import;
    const void *request, *plan, *result;
    size_t request_size, plan_size, result_size;
};
/* Writes records in one transaction; nothing that is written later is on the disk without them. durable:
 * they are on the disk when it returns. ERROR_NOT_FOUND: the instance is not in progress, or belongs to
 * another process. */
MUST_USE bool store_journal_write(struct store *store, const char *id,
                                  const struct journal_record *records, size_t count, bool durable,
                                  struct error *err);
/* How many records there are. */
MUST_USE bool store_journal_count(struct store *store, const char *id, int64_t *count,
                                  struct error *err);
/* One record, borrowed until fn returns. ERROR_NOT_FOUND. */
typedef bool journal_record_fn(void *context, const struct journal_record *record);
MUST_USE bool store_journal_read(struct store *store, const char *id, int64_t number,
                                 journal_record_fn *fn, void *context, struct error *err);

/*
 * Durable instances in progress whose process has ended, oldest first, without those that a flow called:
 * their callers resume them. fn gets the next STORE_UNFINISHED_MAX of them behind *after (0: the first), and
 * is not called where there is none; *after is moved behind them. flow NULL: of all flows.
 */
#define STORE_UNFINISHED_MAX 256
MUST_USE bool store_unfinished(struct store *store, const char *flow, int64_t *after,
                               instance_row_fn *fn, void *context, struct error *err);
/* False: ERROR_EXISTS names a durable instance of flow in progress that no flow called, whoever has it. */
MUST_USE bool store_none_open(struct store *store, const char *flow, struct error *err);
/* Takes an unfinished instance and what it called over, so that one process alone resumes it. ERROR_EXISTS:
 * another process has it; ERROR_NOT_FOUND: it is finished; ERROR_LIMIT: it and what it called are more than
 * STORE_UNFINISHED_MAX. */
MUST_USE bool store_take_over(struct store *store, const char *id, struct error *err);
/* Gives it back with the reason why it cannot go on now: it stays unfinished, for whoever resumes it, and
 * shows the fault "suspended" until then. Where that cannot be written, this process, too, takes it for one
 * that nobody runs. */
MUST_USE bool store_give_back(struct store *store, const char *id, const char *reason,
                              struct error *err);
/* The instance that answers call_number of parent's journal: fn is called if there is one. */
MUST_USE bool store_callee(struct store *store, const char *parent, int64_t call_number,
                           instance_row_fn *fn, void *context, struct error *err);
#endif
