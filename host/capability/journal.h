/* SPDX-License-Identifier: MIT */
/*
 * What one durable execution asked of the host and what it got, in order. A guest is deterministic once
 * its imports are fixed, so this is enough to rebuild it: after a crash the module runs again, the
 * journal answers until it ends, the one operation in doubt is settled by looking, and the execution
 * goes on.
 *
 * What goes to the disk when, by the effect that abi.h gives an import:
 *   NONE     nothing: the execution itself answers, the same way each time.
 *   SETTING, READ   the result, some time before the next change: lost, it is asked for again.
 *   CHANGE   a step before its effect (journal_announce); the result, handed in when it is known.
 * The clock and randomness are journaled likewise. The store keeps the order of what it is given, so a
 * step on the disk means that all before it is there, too.
 *
 * Used by the thread of its execution. The store's records are trusted as little as any other input: each
 * plan and result is sealed (journal_seal.h), and one that was damaged at rest is never told to the guest.
 */
#ifndef CAPABILITY_JOURNAL_H
#define CAPABILITY_JOURNAL_H
#include "capability/call.h"

#define JOURNAL_SIZE_MAX (64u << 20)  /* bytes of the results of one execution */
#define JOURNAL_UNWRITTEN_MAX (256u << 10) /* bytes that wait for the next write */
#define JOURNAL_SEED_SIZE 32

enum journal_mode {
    JOURNAL_RECORD, /* a new execution, or one that is resumed */
    JOURNAL_REPLAY, /* answers from the past only: no peer is asked, nothing is written */
};

struct journal;

/* Looks at what the store has of instance. store and instance are borrowed. */
MUST_USE bool journal_open(struct journal **out, struct store *store, const char *instance,
                           enum journal_mode mode, struct error *err);
void journal_close(struct journal *journal); /* NULL is fine; what is unwritten is dropped */

/* Writes what is unwritten; the instance's end, written next, makes it durable. */
MUST_USE bool journal_flush(struct journal *journal, struct error *err);

/* Whether calls are still answered from the past: then nothing is shown or recorded twice. NULL: no. */
bool journal_is_replaying(const struct journal *journal);
/* How many calls were journaled before, and how many have been met by now. */
void journal_count(const struct journal *journal, size_t *past, size_t *met);
/* Of a replay: all of the past was met and found whole, and what was asked for then has no answer in it. */
bool journal_is_over(const struct journal *journal);

/*
 * Around a handler. journal_answers: true where the past answers (result, call->error, OUT arguments and
 * handle are as they were), or where the execution cannot go on. Else the call is to be performed;
 * call->is_in_doubt says that an earlier attempt left no result, and call->doubt what it announced.
 * journal_result then keeps what came of it. Both do nothing for what is not journaled.
 * An execution that cannot go on has execution->stop set, and the caller ends the guest: the module asked
 * for something else than in the past (FAULT_DIVERGED); the past of a replay ended, a record is damaged,
 * the store failed, a doubt could not be settled, or its call failed before that, or there was no memory to
 * read, pack or keep what was asked and answered (FAULT_SUSPENDED); its results are more than JOURNAL_SIZE_MAX,
 * or one is too long to be kept (FAULT_JOURNAL_LIMIT). What was not packed whole is not kept at all, so that
 * the call is asked again, or in doubt.
 */
bool journal_answers(struct call *call, int32_t *result);
void journal_result(struct call *call, int32_t result);

enum journal_when {
    JOURNAL_IN_ORDER, /* before anything that is written later */
    JOURNAL_ON_DISK,  /* when the call returns true */
};

/* For handlers of effect CHANGE, before the effect: plan is what settles it if no result follows; of
 * several the last counts. Without a journal it does nothing. False: call->error and stop are set. */
MUST_USE bool journal_announce(struct call *call, const void *plan, size_t size,
                               enum journal_when when);

/* The doubt cannot be settled now: the execution stops and is resumed later. call->error says why. */
void journal_suspend(struct call *call);

/* The number of the call that is performed now; the same at every replay. */
int64_t journal_number(const struct journal *journal);

/* What the past says that was read from the clock, else now, which is recorded. */
int64_t journal_clock(struct execution *execution, int64_t now);
/* Bytes that are the same at every replay. False: the execution cannot go on. */
bool journal_random(struct execution *execution, void *bytes, size_t size);
#endif
