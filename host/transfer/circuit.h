/* SPDX-License-Identifier: MIT */
/*
 * A circuit per connection, shared by all executions of a process. Closed, it lets everything through.
 * After circuit_failures failures in a row (struct retry_policy) it is open: whoever asks is refused at
 * once, so that a peer that is away holds up nobody and is not knocked at. After circuit_open_ms it is
 * half open: one probe is let through; its first answer closes the circuit, what becomes of it without one opens
 * it again. Changes are lines in the log.
 *
 * What counts is whether the peer gives answers: no connection, a lost one, silence, and words that say
 * "overloaded" are failures; every other word, be it a refusal, is an answer.
 *
 * Thread-safe. While all is well it costs an atomic load. Time is base/clock.h's.
 */
#ifndef TRANSFER_CIRCUIT_H
#define TRANSFER_CIRCUIT_H
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "workspace/connection.h"

enum circuit_state { CIRCUIT_CLOSED, CIRCUIT_OPEN, CIRCUIT_HALF_OPEN };

enum circuit_outcome {
    CIRCUIT_NOTHING, /* nobody was asked, or we gave up ourselves: nothing was learnt */
    CIRCUIT_ANSWERED,
    CIRCUIT_FAILED,
};

#define CIRCUIT_WHY_SIZE 200

struct circuit_view {
    const char *connection; /* borrowed from the circuit */
    enum circuit_state state;
    unsigned failures;         /* in a row, up to now */
    int64_t since_ms, until_ms; /* wall clock; of one that is not closed */
    char why[CIRCUIT_WHY_SIZE]; /* the newest failure; "" if the last outcome was an answer */
};

struct circuit;

struct circuit *circuit_new(const char *connection); /* NULL: no memory */
void circuit_free(struct circuit *circuit);          /* NULL is fine */
const char *circuit_connection(const struct circuit *circuit);

/* definition: of the connection as it is now (struct connection). When it is another than before, somebody
 * has changed the address or the login: what was learnt counts no more, and the circuit is closed. */
void circuit_define(struct circuit *circuit, uint64_t definition);

/* False: ERROR_UNAVAILABLE that says since when and until when. *is_probe goes back to circuit_report,
 * which must follow every admission; a probe that was reported is none any more. */
MUST_USE bool circuit_admit(struct circuit *circuit, bool *is_probe, struct error *err);

/* definition: of the connection as the call used it; of an earlier one nothing counts any more. why: of a
 * failure; printable, without secrets. */
void circuit_report(struct circuit *circuit, const struct retry_policy *policy, uint64_t definition,
                    enum circuit_outcome outcome, bool is_probe, const char *why);

void circuit_look(struct circuit *circuit, struct circuit_view *out);

/* Shows every connection that was used in this process, in no order; a false from fn ends it. fn is
 * called with nothing locked. */
struct transfer;
typedef bool circuit_row_fn(void *context, const struct circuit_view *view);
void transfer_circuits(struct transfer *transfer, circuit_row_fn *fn, void *context);
#endif
