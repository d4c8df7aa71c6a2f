/* SPDX-License-Identifier: MIT */
/*
 * The outbox: mails that flows handed over and that are still to be delivered, and what became of the
 * others. Whoever delivers claims one at a time; a claim ends with its process, however that ends, so
 * that no mail is sent by two at once and none is lost. Thread-safe, as store.h, but for claims: one
 * thread of a store delivers.
 *
 * A storm is not let through: of mails with the same connection, recipients and subject that may be held
 * back STORE_OUTBOX_ALIKE_MAX go out within STORE_OUTBOX_ALIKE_MS; the others are told of in one summary at
 * the end of that time.
 *
 * Times are those of the wall clock, which may be set meanwhile: see STORE_OUTBOX_AHEAD_MS.
 */
#ifndef STORE_STORE_OUTBOX_H
#define STORE_STORE_OUTBOX_H
#include "store/store.h"

#define STORE_OUTBOX_WAITING_MAX 10000u            /* mails that wait */
#define STORE_OUTBOX_SIZE_MAX ((int64_t)256 << 20) /* bytes of their bodies */
#define STORE_OUTBOX_ALIKE_MAX 20
#define STORE_OUTBOX_ALIKE_MS 3600000
/* What is due further ahead than any pause and the hour of a summary reach was put there by a clock that
 * has been set back since: it is due now. Twice as far, so that a clock that is put right by a little
 * changes nothing. */
#define STORE_OUTBOX_AHEAD_MS ((int64_t)2 * STORE_OUTBOX_ALIKE_MS)
#define STORE_OUTBOX_TOLD_MAX 100 /* instances that a summary names; the rest is counted */

struct outbox_mail {
    const char *instance;   /* that wrote it */
    const char *message_id; /* the same for the same notice, however often it is handed over */
    const char *connection, *from, *to, *subject, *body;
    int64_t written_ms;
    bool may_be_held;
};

/* On the disk when it returns. A Message-ID that is there already is success and changes nothing. *is_held:
 * it is told of in a summary, once for each instance. ERROR_LIMIT: the outbox is full; ERROR_UNAVAILABLE:
 * the store could not be written. err is not NULL. */
MUST_USE bool store_outbox_add(struct store *store, const struct outbox_mail *mail, bool *is_held,
                               struct error *err);

struct outbox_row {
    int64_t number; /* how people call it */
    const char *instance, *message_id, *connection, *from, *to, *subject, *body;
    const char *pending; /* recipients that are left, comma separated; NULL: all */
    const char *state;   /* "waiting", "sent", "given_up", "dropped" */
    const char *error;   /* of the newest attempt; NULL: none, or it went well */
    const char *refused; /* "address: the server's words\n", of recipients that never get it; or "" */
    int64_t attempts, written_ms;
    int64_t next_ms;     /* waiting: when it is tried next */
    int64_t finished_ms; /* else */
    int64_t held;        /* a summary: how many mails it stands for; body then has a line for each told of */
};
typedef bool outbox_row_fn(void *context, const struct outbox_row *row);

/* Claims the mail that is due longest and counts an attempt; fn is called once, with nothing locked.
 * *found false: none is due. */
MUST_USE bool store_outbox_claim(struct store *store, int64_t now_ms, outbox_row_fn *fn,
                                 void *context, bool *found, struct error *err);

enum outbox_outcome { OUTBOX_SENT, OUTBOX_LATER, OUTBOX_GIVEN_UP };

struct outbox_result {
    int64_t number; /* of the mail that was claimed */
    enum outbox_outcome outcome;
    int64_t at_ms; /* when it ended; OUTBOX_LATER: when it is tried next */
    const char *pending, *error; /* as in outbox_row; NULL: pending stays as it is */
    const char *refused; /* is added to the row's; may be NULL */
    bool is_about_server; /* OUTBOX_LATER: every mail of the connection waits at least as long */
};
/* The end of a claim. */
MUST_USE bool store_outbox_settle(struct store *store, const struct outbox_result *result,
                                  struct error *err);

/* When the next mail is due; INT64_MAX: none waits. Of one that a living process has claimed it is a
 * while from now: that process may die with it. */
#define STORE_OUTBOX_LOOK_MS 60000
MUST_USE bool store_outbox_due(struct store *store, int64_t now_ms, int64_t *due_ms,
                               struct error *err);

struct outbox_filter {
    const char *instance; /* of this one and all that it called; NULL: any */
    bool unsent_only;     /* waiting and given up */
    int64_t limit;        /* 0: none */
};
/* Oldest first. */
MUST_USE bool store_outbox_list(struct store *store, const struct outbox_filter *filter,
                                outbox_row_fn *fn, void *context, struct error *err);

struct outbox_count {
    int64_t waiting, given_up;
};
MUST_USE bool store_outbox_count(struct store *store, struct outbox_count *out, struct error *err);

/* Makes a mail that waits or was given up due now; where all are asked again nobody is refused any more.
 * number 0: all that wait. ERROR_NOT_FOUND: there is no such one; ERROR_REFUSED: it was sent or dropped. */
MUST_USE bool store_outbox_retry(struct store *store, int64_t number, int64_t now_ms,
                                 struct error *err);
/* It is never sent. Errors as store_outbox_retry; ERROR_EXISTS: a process is sending it. */
MUST_USE bool store_outbox_drop(struct store *store, int64_t number, int64_t now_ms,
                                struct error *err);

/* Deletes at most mails_max mails that ended before before_ms and whose instance is not in progress.
 * *purged: how many. */
MUST_USE bool store_outbox_purge(struct store *store, int64_t before_ms, int mails_max, int *purged,
                                 struct error *err);
/* How many store_outbox_purge would delete in the end. */
MUST_USE bool store_outbox_purge_count(struct store *store, int64_t before_ms, int64_t *count,
                                       struct error *err);

/* A descriptor that becomes readable when any process changes what is due; closed by the caller.
 * store_outbox_heard reads what there is. */
MUST_USE bool store_outbox_watch(struct store *store, int *fd, struct error *err);
void store_outbox_heard(int fd);
#endif
