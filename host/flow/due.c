/* SPDX-License-Identifier: MIT */
/* Looking for the newest due time by halving; see due.h. */
#include "flow/due.h"

/* The first time after after_ms; DUE_NEVER if there is none. */
static bool first_after(const struct recurrence *recurrence, int64_t after_ms, int64_t *first_ms,
                        struct error *err)
{
    struct error why = {0};
    if (recurrence_after(recurrence, after_ms, first_ms, &why))
        return true;
    *first_ms = DUE_NEVER;
    if (why.kind != ERROR_NOT_FOUND && err)
        *err = why;
    return why.kind == ERROR_NOT_FOUND;
}

/* Between low, after which something is due by now, and now, after which nothing is. */
static bool find_newest(const struct recurrence *recurrence, int64_t low_ms, int64_t now_ms,
                        int64_t *newest_ms, struct error *err)
{
    int64_t high_ms = now_ms;
    while (high_ms - low_ms > 1000) { /* due times are whole seconds */
        int64_t middle_ms = low_ms + (high_ms - low_ms) / 2, first_ms;
        if (!first_after(recurrence, middle_ms, &first_ms, err))
            return false;
        if (first_ms <= now_ms)
            low_ms = middle_ms;
        else
            high_ms = middle_ms;
    }
    return first_after(recurrence, low_ms, newest_ms, err);
}

bool due_find(const struct recurrence *recurrence, int64_t since_ms, int64_t now_ms,
              struct due *out, struct error *err)
{
    *out = (struct due){.next_ms = DUE_NEVER};
    if (!first_after(recurrence, since_ms > now_ms ? since_ms : now_ms, &out->next_ms, err) ||
        !first_after(recurrence, since_ms, &out->first_ms, err))
        return false;
    out->is_due = out->first_ms <= now_ms;
    return !out->is_due || find_newest(recurrence, since_ms, now_ms, &out->newest_ms, err);
}
