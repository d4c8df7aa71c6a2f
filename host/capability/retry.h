/* SPDX-License-Identifier: MIT */
/*
 * Calls that are tried again. Around every handler, whatever its protocol: a failure that certainly had
 * no effect and may be over in a moment (error.retry) is followed by another attempt, as often and with
 * the pauses that the connection's policy says; the flow sees one result. Every attempt but the last is a
 * row of the activity stream with what came of it and the pause that follows.
 *
 * No attempt begins when half of the time is over that the call had at its beginning: the rest belongs
 * to that attempt and to what comes behind it, the mail and the answer to who waits. Asking the execution
 * to stop ends a pause (ERROR_CANCELLED). What may have had an effect is repeated only where that changes
 * nothing (PUT, DELETE of HTTP); stores and renames in doubt are settled first: see settle.h.
 */
#ifndef CAPABILITY_RETRY_H
#define CAPABILITY_RETRY_H
#include "capability/call.h"

#define RETRY_FEW_MAX 3u /* attempts where the same failure is then believed */

/* Runs the handler until it succeeds or must not be tried again; gives its last result. */
int32_t retry_perform(struct call *call);

/* For handlers whose result is an answer that asks to come back: true if the call will be tried again
 * after it. Then call->error is set, and the handler fails; else the answer is the result. */
bool retry_answer(struct call *call, enum error_retry retry, uint32_t after_ms, int status);

/* Waits; false at once when the execution is being stopped or its time is over. */
bool retry_pause(const struct call *call, int64_t duration_ms);

/* How many attempts a failure is worth, the one that failed included. */
unsigned retry_attempts(const struct retry_policy *policy, enum error_retry retry,
                        bool is_synchronous);

/* The pause behind the attempt with that number (from 1): half of the doubled pause and a random part of
 * the other half, so that those who failed together do not come back together. What the peer asks for
 * (after_ms) is its least, and then comes the random part. */
int64_t retry_pause_ms(const struct retry_policy *policy, unsigned attempt, uint32_t after_ms,
                       uint32_t random);
#endif
