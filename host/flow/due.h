/* SPDX-License-Identifier: MIT */
/*
 * What is due of a recurrence between the time up to which all is dealt with and now. Pure: both times
 * are arguments, so it does not matter whether hours passed, the process was down, or the clock jumped.
 */
#ifndef FLOW_DUE_H
#define FLOW_DUE_H
#include "flow/recurrence.h"

#define DUE_NEVER INT64_MAX
#define DUE_PASSED_MAX 1000 /* passed-over times are counted up to here */

struct due {
    bool is_due;         /* since < newest_ms <= now */
    int64_t newest_ms;   /* the newest time that is due */
    int64_t passed_over; /* earlier ones that are due, too; DUE_PASSED_MAX: so many or more */
    int64_t next_ms;     /* the first after now; DUE_NEVER */
};

/* ERROR_LIMIT: as recurrence_after. */
MUST_USE bool due_find(const struct recurrence *recurrence, int64_t since_ms, int64_t now_ms,
                       struct due *out, struct error *err);
#endif
