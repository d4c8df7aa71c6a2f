/* SPDX-License-Identifier: MIT */
/*
 * Callers that were refused, into the log and the audit trail, so that a flood fills neither: the first
 * refusal of a caller for a reason is recorded at once, those that follow within
 * REFUSALS_WINDOW_MS are counted, and their number is one more record at its end. As many callers as
 * REFUSALS_CALLERS_MAX are told apart in that time; those beyond are counted together. So whatever
 * happens, 2 * REFUSALS_CALLERS_MAX + 1 records come in a window. Thread-safe.
 */
#ifndef SERVER_REFUSALS_H
#define SERVER_REFUSALS_H
#include "base/error.h"

#define REFUSALS_WINDOW_MS 600000
#define REFUSALS_CALLERS_MAX 128u

struct store;
struct refusals;

struct refusal {
    const char *name, *address; /* the caller; name may be "" */
    const char *reason;         /* lives as long as the program */
    const char *method, *path;  /* what was asked for */
    int status;                 /* the answer's */
};

/* store is borrowed. NULL: out of memory. */
struct refusals *refusals_new(struct store *store);
/* Records what is counted and not yet said. NULL is fine. */
void refusals_free(struct refusals *refusals);
void refusals_add(struct refusals *refusals, const struct refusal *refusal);
/* Says what was counted in windows that have ended; call a few times a second. */
void refusals_tick(struct refusals *refusals);
#endif
