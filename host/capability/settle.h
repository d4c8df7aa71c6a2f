/* SPDX-License-Identifier: MIT */
/*
 * Stores and renames whose steps go into the journal, and what is done where their outcome is not known:
 * looked at again, with growing pauses, and where that does not help the execution is suspended. A result
 * that cannot be learnt is never guessed. It is looked for at the place only (connection_place) where the step
 * was taken: ERROR_UNKNOWN, and suspended, where the connection points to another one by then.
 */
#ifndef CAPABILITY_SETTLE_H
#define CAPABILITY_SETTLE_H
#include "capability/call.h"

#define SETTLE_PAUSE_MS 500       /* before the second look; doubled before each further one */
#define SETTLE_PAUSE_MS_MAX 8000
#define SETTLE_LOOKS_MAX 8        /* after that the execution is suspended */

/* Performs a store or rename of call; act sets call->error. */
MUST_USE bool settle(struct call *call, bool (*act)(struct call *call, void *context),
                     void *context);
#endif
