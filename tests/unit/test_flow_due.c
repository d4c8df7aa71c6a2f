/* SPDX-License-Identifier: MIT */
/* What is due between two moments: windows that were missed, changes of the clocks, limits. */
#include "flow/due.h"

#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "check.h"

static int64_t instant(const char *text)
{
    struct tm fields = {0};
    strptime(text, "%Y-%m-%dT%H:%M:%SZ", &fields);
    return (int64_t)timegm(&fields) * 1000;
}

/* "first..newest next", or "- next" where nothing is due; times as DDTHH:MM:SS. */
static const char *found(const char *rule, const char *zone, const char *since, const char *now)
{
    static char text[128];
    char warning[RECURRENCE_WARNING_SIZE], one[CLOCK_TEXT_SIZE], two[CLOCK_TEXT_SIZE];
    struct error err = {0};
    struct recurrence *recurrence = NULL;
    struct due due;
    CHECK_OK(recurrence_parse(&recurrence, rule, zone, NULL, NULL, warning, &err), &err);
    if (!recurrence)
        return "";
    CHECK_OK(due_find(recurrence, instant(since), instant(now), &due, &err), &err);
    int size = due.is_due ? snprintf(text, sizeof text, "%.11s..%.11s",
                                     clock_format_ms(due.first_ms, one) + 8,
                                     clock_format_ms(due.newest_ms, two) + 8)
                          : snprintf(text, sizeof text, "-");
    snprintf(text + size, sizeof text - (size_t)size, " %.11s",
             due.next_ms == DUE_NEVER ? "-" : clock_format_ms(due.next_ms, one) + 8);
    recurrence_free(recurrence);
    return text;
}

static void nothing_is_due_before_its_time(void)
{
    CHECK_EQ_TEXT(found("FREQ=DAILY;BYHOUR=2", "UTC", "2026-11-24T02:00:00Z", "2026-11-25T01:59:59Z"),
                  "- 25T02:00:00");
    CHECK_EQ_TEXT(found("FREQ=DAILY;BYHOUR=2", "UTC", "2026-11-24T02:00:00Z", "2026-11-25T02:00:00Z"),
                  "25T02:00:00..25T02:00:00 26T02:00:00");
    CHECK_EQ_TEXT(found("FREQ=DAILY;BYHOUR=2", "UTC", "2026-11-24T01:59:59Z", "2026-11-24T02:00:00Z"),
                  "24T02:00:00..24T02:00:00 25T02:00:00");
}

static void a_moment_before_is_not_due_again(void)
{
    CHECK_EQ_TEXT(found("FREQ=DAILY;BYHOUR=2", "UTC", "2026-11-24T02:00:00Z", "2026-11-24T02:00:00Z"),
                  "- 25T02:00:00");
    CHECK_EQ_TEXT(found("FREQ=DAILY;BYHOUR=2", "UTC", "2026-11-24T02:00:00Z", "2026-11-20T00:00:00Z"),
                  "- 25T02:00:00");
}

static void the_newest_stands_for_those_that_passed(void)
{
    CHECK_EQ_TEXT(found("FREQ=DAILY;BYHOUR=2", "UTC", "2026-11-01T02:00:00Z", "2026-11-24T12:00:00Z"),
                  "02T02:00:00..24T02:00:00 25T02:00:00");
    CHECK_EQ_TEXT(found("FREQ=MINUTELY;INTERVAL=10", "UTC", "2026-11-24T00:00:00Z",
                        "2026-11-24T01:05:00Z"), "24T00:10:00..24T01:00:00 24T01:10:00");
    CHECK_EQ_TEXT(found("FREQ=SECONDLY", "UTC", "2026-11-24T00:00:00Z", "2026-11-24T00:00:09Z"),
                  "24T00:00:01..24T00:00:09 24T00:00:10");
}

static void gaps_are_jumped_over(void)
{
    CHECK_EQ_TEXT(found("FREQ=MINUTELY;BYHOUR=2", "UTC", "2026-11-20T00:00:00Z",
                        "2026-11-24T23:00:00Z"), "20T02:00:00..24T02:59:00 25T02:00:00");
    CHECK_EQ_TEXT(found("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", "UTC", "2026-11-20T00:00:00Z",
                        "2030-01-01T00:00:00Z"), "29T00:00:00..29T00:00:00 29T00:00:00");
}

static void a_clock_that_changes_makes_one_time_of_two(void)
{
    /* 01:30 comes twice on 1 November 2026 in New York, and counts at 05:30 UTC */
    CHECK_EQ_TEXT(found("FREQ=DAILY;BYHOUR=1;BYMINUTE=30", "America/New_York",
                        "2026-10-31T05:30:00Z", "2026-11-01T06:30:00Z"),
                  "01T05:30:00..01T05:30:00 02T06:30:00");
    /* 02:30 does not come on 29 March 2026 in Berlin, and is read as 03:30, 01:30 UTC */
    CHECK_EQ_TEXT(found("FREQ=DAILY;BYHOUR=2;BYMINUTE=30", "Europe/Berlin",
                        "2026-03-28T01:30:00Z", "2026-03-30T00:29:59Z"),
                  "29T01:30:00..29T01:30:00 30T00:30:00");
}

static void what_has_ended_is_never_due(void)
{
    struct recurrence *recurrence = NULL;
    char warning[RECURRENCE_WARNING_SIZE];
    struct error err = {0};
    struct due due;
    CHECK_OK(recurrence_parse(&recurrence, "FREQ=DAILY", "UTC", "2026-11-01T00:00", "2026-11-03T00:00",
                              warning, &err), &err);
    CHECK_OK(due_find(recurrence, instant("2026-11-01T12:00:00Z"), instant("2027-01-01T00:00:00Z"),
                      &due, &err), &err);
    CHECK(due.is_due);
    CHECK_EQ_INT(due.newest_ms, instant("2026-11-03T00:00:00Z"));
    CHECK_EQ_INT(due.first_ms, instant("2026-11-02T00:00:00Z"));
    CHECK(due.next_ms == DUE_NEVER);
    CHECK_OK(due_find(recurrence, instant("2026-11-03T00:00:00Z"), instant("2027-01-01T00:00:00Z"),
                      &due, &err), &err);
    CHECK(!due.is_due);
    recurrence_free(recurrence);
}

CHECK_MAIN(TEST(nothing_is_due_before_its_time), TEST(a_moment_before_is_not_due_again),
           TEST(the_newest_stands_for_those_that_passed), TEST(gaps_are_jumped_over),
           TEST(a_clock_that_changes_makes_one_time_of_two), TEST(what_has_ended_is_never_due))
