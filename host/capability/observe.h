/* SPDX-License-Identifier: MIT */
/* What metrics and traces learn of an import call. On the execution's thread. */
#ifndef CAPABILITY_OBSERVE_H
#define CAPABILITY_OBSERVE_H
#include "capability/call.h"

/* Gives a call that has an effect its span, where spans are exported; peers are told of it. */
void observe_call_begin(struct call *call);

/* Counts the call and sends its span. */
void observe_call_end(struct call *call, const struct activity *activity);

/* Whether spans of the execution are exported. */
bool observe_is_traced(const struct execution *execution);
#endif
