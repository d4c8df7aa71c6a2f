/* SPDX-License-Identifier: MIT */
/* Recurrences as cron expressions of five fields, for platforms that start runs themselves. Pure.
 */
#ifndef FLOW_RECURRENCE_CRON_H
#define FLOW_RECURRENCE_CRON_H
#include "base/buf.h"
#include "base/error.h"
#include "flow/recurrence.h"

/*
 * Gives to each rule joined by '&' in text one line in out: "30 2 * * *\n". The lines are due when
 * the recurrence is, in the same time zone. ERROR_INVALID as recurrence_parse; ERROR_UNSUPPORTED:
 * cron cannot say it, with what it is that cron cannot say. start, end: as in the schedule; cron
 * knows neither.
 */
MUST_USE bool recurrence_cron(const char *text, const char *zone, const char *start,
                              const char *end, struct buf *out, struct error *err);
#endif
