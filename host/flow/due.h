/* SPDX-License-Identifier: MIT */
/*
 * What is due of a recurrence between the time up to which all is dealt with and now. Pure: both times
 * are arguments, so it does not matter whether hours passed, the process was down, or the clock jumped.
 */
#ifndef FLOW_DUE_H
#define FLOW_DUE_H
#include "flow/recurrence.h"

#define DUE_NEVER INT64_MAX

struct due {
    bool is_due;
    int64_t first_ms, newest_ms; /* since < first <= newest <= now: the ends of what is due */
    int64_t next_ms;             /* the first after now; DUE_NEVER */
};

/* ERROR_LIMIT: as recurrence_after. */
MUST_USE bool due_find(const struct recurrence *recurrence, int64_t since_ms, int64_t now_ms,
                       struct due *out, struct error *err);
#endif
