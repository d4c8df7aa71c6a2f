/* SPDX-License-Identifier: MIT */
/*
 * What a run leaves to be done when it is over, by whichever run comes next: few values, by kind and key,
 * on the disk and in memory. What they mean is their user's business (capability/unmarked.h,
 * capability/leftover.h). Thread-safe, as store.h.
 */
#ifndef STORE_STORE_REMINDER_H
#define STORE_STORE_REMINDER_H
#include "base/error.h"
#include "store/store.h"

#define REMINDERS_MAX 4096 /* of a kind; see store_may_remind */

struct reminder {
    const char *kind, *key;
    const void *value;
    size_t size;
};

/* Cuts a key of the form "connection\nfolder\nname" (no name of these holds a control byte) in its place.
 * False: it has another form. */
bool reminder_split(char *key, char *parts[3]);

/* Whether one more of the kind may be begun: ERROR_LIMIT where REMINDERS_MAX are there and none has this
 * key. To be asked before the work that the reminder is about: once that is done store_remind takes it. */
MUST_USE bool store_may_remind(struct store *store, const char *kind, const char *key,
                               struct error *err);

/* Of an instance in progress here: on the disk before anything that is handed in for it later, the end
 * of the instance included. A value that the key has is replaced. ERROR_NOT_FOUND as store_journal_write. */
MUST_USE bool store_remind(struct store *store, const char *id, const struct reminder *reminder,
                           struct error *err);
/* Likewise: it is done. One that only another process knows of goes, too. */
MUST_USE bool store_forget(struct store *store, const char *id, const char *kind, const char *key,
                           struct error *err);
/* Of no instance; on the disk when it returns. */
MUST_USE bool store_forget_now(struct store *store, const char *kind, const char *key,
                               struct error *err);

/* Calls fn for each of a kind whose key begins with beginning, with copies; a false from it ends the walk. */
typedef bool reminder_fn(void *context, const struct reminder *reminder);
MUST_USE bool store_reminders(struct store *store, const char *kind, const char *beginning,
                              reminder_fn *fn, void *context, struct error *err);

/* Takes over what other processes have written since. */
MUST_USE bool store_reminders_refresh(struct store *store, struct error *err);
#endif
