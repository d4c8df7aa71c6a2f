/* SPDX-License-Identifier: MIT */
/*
 * What attempts left at a target because it could not be removed at the time (the connection was gone, say):
 * temporary files and objects, uploads in parts. It is remembered, and a later run removes it; while the
 * connection is disabled or points to another place (connection_place), it waits.
 */
#ifndef CAPABILITY_LEFTOVER_H
#define CAPABILITY_LEFTOVER_H
#include "capability/call.h"

#define LEFTOVER_TIME_MS 30000    /* for removing one */
#define LEFTOVER_DAYS_MAX 30u     /* so long is one remembered that the server refuses to remove */
#define LEFTOVER_REFUSALS_MAX 16u /* by one connection in one sweep: then the rest of it waits */

/* A transfer_call.leave, of a store whose folder is argument 1; context: the call. */
void leftover_note(void *context, const struct transfer_step *step);

/* Removes what can be removed now; the rest waits for the next time. A connection that cannot be
 * reached is asked once; a refusal is about one of them only. One that is still refused after LEFTOVER_DAYS_MAX
 * is forgotten, and a line in the log names it. Ends early where watch (may be NULL) asks to stop. False: the
 * store failed, or ERROR_LIMIT: no memory. */
MUST_USE bool leftover_sweep(const struct environment *environment, const struct run_watch *watch,
                             struct error *err);
#endif
