/* SPDX-License-Identifier: MIT */
/*
 * What attempts left at a target because it could not be removed at the time (the connection was gone, say):
 * temporary files and objects, uploads in parts. It is remembered, and a later run removes it; while the
 * connection points to another place (connection_place), it waits.
 */
#ifndef CAPABILITY_LEFTOVER_H
#define CAPABILITY_LEFTOVER_H
#include "capability/call.h"

#define LEFTOVER_TIME_MS 30000 /* for removing one */

/* A transfer_call.leave, of a store whose folder is argument 1; context: the call. */
void leftover_note(void *context, const struct transfer_step *step);

/* Removes what can be removed now; the rest waits for the next time. A connection that fails is asked once.
 * False: the store failed. */
MUST_USE bool leftover_sweep(const struct environment *environment, struct error *err);
#endif
