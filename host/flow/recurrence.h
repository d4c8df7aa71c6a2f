/* SPDX-License-Identifier: MIT */
/*
 * When a schedule is due: RRULE values of RFC 5545 in an IANA time zone, expanded by libical. Pure:
 * the time is an argument. Immutable once parsed, so threads may share one.
 *
 * Over a change of the clocks: a rule of days and longer keeps the local time; a time that the spring
 * change leaves out is read with the offset before it (02:30 becomes 03:30), one that the autumn
 * change brings twice counts the first time (RFC 5545, 3.3.5). A rule of hours, minutes or seconds
 * without BY... parts keeps its distance in elapsed time; with BY... parts it follows the local
 * clock: what is left out does not happen, what comes twice happens twice.
 */
#ifndef FLOW_RECURRENCE_H
#define FLOW_RECURRENCE_H
#include <stdint.h>

#include "base/error.h"

#define RECURRENCE_TEXT_MAX 1024  /* bytes of the whole text */
#define RECURRENCE_RULES_MAX 5    /* joined by '&', as OIC allows */
#define RECURRENCE_STEPS_MAX 50000 /* occurrences looked at for one answer */
#define RECURRENCE_INTERVAL_MAX 10000
#define RECURRENCE_COUNT_MAX 10000
#define RECURRENCE_WARNING_SIZE 160

struct recurrence;

/*
 * text: "FREQ=DAILY;BYHOUR=2;" and the like, up to five joined by '&', each with or without the final
 * ';'. start, end: local "2026-11-24T06:30" or "...:SS", both inclusive; NULL or "" for none. Without
 * a start, intervals count from Monday 2000-01-03T00:00 local, and COUNT is refused.
 * ERROR_INVALID names the recurrence, the character in it and what was expected; ERROR_LIMIT.
 * warning: what OIC would not take, or "".
 */
MUST_USE bool recurrence_parse(struct recurrence **out, const char *text, const char *zone,
                               const char *start, const char *end,
                               char warning[static RECURRENCE_WARNING_SIZE], struct error *err);
void recurrence_free(struct recurrence *recurrence); /* NULL is fine */

/* ERROR_INVALID if there is no such IANA zone. */
MUST_USE bool recurrence_check_zone(const char *zone, struct error *err);

/* First occurrence strictly after after_ms. ERROR_NOT_FOUND: never again; ERROR_LIMIT: none among the
 * next RECURRENCE_STEPS_MAX candidates. */
MUST_USE bool recurrence_after(const struct recurrence *recurrence, int64_t after_ms,
                               int64_t *due_ms, struct error *err);

/* "2026-11-24T06:30:00+01:00". Returns text. */
#define RECURRENCE_LOCAL_SIZE 32
const char *recurrence_local(const struct recurrence *recurrence, int64_t wall_ms,
                             char text[static RECURRENCE_LOCAL_SIZE]);
#endif
