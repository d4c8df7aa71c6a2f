/* SPDX-License-Identifier: MIT */
/* Which distributed trace an execution belongs to. On the execution's thread. */
#ifndef FLOW_TRACE_H
#define FLOW_TRACE_H
#include "flow/execute.h"

/*
 * Gives execution its ids: below the call of its caller, below the traceparent that came with the
 * request if that is valid, or in a new trace. The sampled flag is the caller's; a new trace is sampled
 * as "sample_one_in" says, and not at all where none are exported. ERROR_INTERNAL: no randomness.
 */
MUST_USE bool trace_begin(const struct execution_start *start, struct execution *execution,
                          struct error *err);

/* Sends the execution's span, if spans are exported and it is sampled. */
void trace_end(const struct execution *execution, const struct execution_end *end);
#endif
