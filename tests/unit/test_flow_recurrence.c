/* SPDX-License-Identifier: MIT */
/* When schedules are due: fixed instants, both changes of the clocks, limits at n and n + 1. */
#include "flow/recurrence.h"

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

/* The first `count` due times after `after`, as "06:30 07:30": "DDTHH:MM" of UTC each. */
static const char *due(const char *rule, const char *zone, const char *after, int count)
{
    static char text[512];
    char warning[RECURRENCE_WARNING_SIZE], one[CLOCK_TEXT_SIZE];
    struct error err = {0};
    struct recurrence *recurrence = NULL;
    int64_t at = instant(after);
    text[0] = '\0';
    CHECK_OK(recurrence_parse(&recurrence, rule, zone, NULL, NULL, warning, &err), &err);
    if (!recurrence)
        return "";
    for (int i = 0; i < count && recurrence_after(recurrence, at, &at, &err); i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%.11s", i ? " " : "",
                 clock_format_ms(at, one) + 5);
    recurrence_free(recurrence);
    return text;
}

#define NEW_YORK "America/New_York"
#define BERLIN "Europe/Berlin"

static void a_daily_rule_keeps_the_local_time(void)
{
    CHECK_EQ_TEXT(due("FREQ=DAILY;BYHOUR=6;BYMINUTE=30", "UTC", "2026-11-24T06:30:00Z", 2),
                  "11-25T06:30 11-26T06:30");
    CHECK_EQ_TEXT(due("FREQ=DAILY;BYHOUR=6;BYMINUTE=30;", NEW_YORK, "2026-03-07T00:00:00Z", 3),
                  "03-07T11:30 03-08T10:30 03-09T10:30");
    CHECK_EQ_TEXT(due("FREQ=DAILY;BYHOUR=6;BYMINUTE=30;", BERLIN, "2026-10-24T00:00:00Z", 3),
                  "10-24T04:30 10-25T05:30 10-26T05:30");
}

static void a_time_that_spring_leaves_out_comes_with_the_old_offset(void)
{
    /* 02:30 does not exist on 8 March 2026 in New York: 03:30 EDT, on 29 March in Berlin: 03:30 CEST */
    CHECK_EQ_TEXT(due("FREQ=DAILY;BYHOUR=2;BYMINUTE=30", NEW_YORK, "2026-03-07T00:00:00Z", 3),
                  "03-07T07:30 03-08T07:30 03-09T06:30");
    CHECK_EQ_TEXT(due("FREQ=DAILY;BYHOUR=2;BYMINUTE=30", BERLIN, "2026-03-28T00:00:00Z", 3),
                  "03-28T01:30 03-29T01:30 03-30T00:30");
}

static void a_time_that_autumn_brings_twice_counts_once(void)
{
    CHECK_EQ_TEXT(due("FREQ=DAILY;BYHOUR=1;BYMINUTE=30", NEW_YORK, "2026-10-31T00:00:00Z", 3),
                  "10-31T05:30 11-01T05:30 11-02T06:30");
    CHECK_EQ_TEXT(due("FREQ=DAILY;BYHOUR=2;BYMINUTE=30", BERLIN, "2026-10-24T00:00:00Z", 3),
                  "10-24T00:30 10-25T00:30 10-26T01:30");
}

static void short_distances_are_elapsed_time(void)
{
    CHECK_EQ_TEXT(due("FREQ=MINUTELY;INTERVAL=20", NEW_YORK, "2026-11-01T05:40:00Z", 5),
                  "11-01T06:00 11-01T06:20 11-01T06:40 11-01T07:00 11-01T07:20");
    CHECK_EQ_TEXT(due("FREQ=HOURLY", BERLIN, "2026-03-29T00:00:00Z", 3),
                  "03-29T01:00 03-29T02:00 03-29T03:00");
    CHECK_EQ_TEXT(due("FREQ=HOURLY", BERLIN, "2026-10-25T00:00:00Z", 3),
                  "10-25T01:00 10-25T02:00 10-25T03:00");
}

static void hours_of_the_clock_follow_the_clock(void)
{
    CHECK_EQ_TEXT(due("FREQ=MINUTELY;INTERVAL=30;BYHOUR=2", BERLIN, "2026-10-24T22:00:00Z", 5),
                  "10-25T00:00 10-25T00:30 10-25T01:00 10-25T01:30 10-26T01:00");
    CHECK_EQ_TEXT(due("FREQ=MINUTELY;INTERVAL=30;BYHOUR=2", BERLIN, "2026-03-28T22:00:00Z", 2),
                  "03-30T00:00 03-30T00:30");
}

static void intervals_count_on_over_days_that_are_left_out(void)
{
    /* Every 87 minutes from Monday 2000-01-03T00:00 on: 14,142,285 minutes later, and so on. */
    CHECK_EQ_TEXT(due("FREQ=MINUTELY;INTERVAL=87;BYDAY=MO", "UTC", "2026-11-18T00:00:00Z", 2),
                  "11-23T00:45 11-23T02:12");
    CHECK_EQ_TEXT(due("FREQ=MINUTELY;INTERVAL=87;BYDAY=MO", "UTC", "2026-11-23T02:11:00Z", 1),
                  "11-23T02:12");
}

static void weeks_months_and_several_rules(void)
{
    CHECK_EQ_TEXT(due("FREQ=WEEKLY;BYDAY=MO;BYHOUR=15;BYMINUTE=30", "UTC", "2026-11-24T00:00:00Z", 2),
                  "11-30T15:30 12-07T15:30");
    CHECK_EQ_TEXT(due("FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=6", "UTC", "2026-11-24T00:00:00Z", 2),
                  "11-27T06:00 12-25T06:00");
    CHECK_EQ_TEXT(due("FREQ=MONTHLY;BYMONTHDAY=31;BYHOUR=6", "UTC", "2026-11-24T00:00:00Z", 3),
                  "12-31T06:00 01-31T06:00 03-31T06:00");
    CHECK_EQ_TEXT(due("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", "UTC", "2026-11-24T00:00:00Z", 1),
                  "02-29T00:00");
    CHECK_EQ_TEXT(due("FREQ=DAILY;BYHOUR=6;&FREQ=DAILY;BYHOUR=18;", "UTC", "2026-11-24T07:00:00Z", 3),
                  "11-24T18:00 11-25T06:00 11-25T18:00");
}

static bool parse(const char *text, const char *zone, const char *start, const char *end,
                  struct recurrence **out, char *warning, struct error *err)
{
    char ignored[RECURRENCE_WARNING_SIZE];
    *out = NULL;
    return recurrence_parse(out, text, zone, start, end, warning ? warning : ignored, err);
}

static void start_end_count_and_until(void)
{
    struct recurrence *recurrence;
    struct error err = {0};
    int64_t at = 0;
    CHECK_OK(parse("FREQ=DAILY;INTERVAL=2", BERLIN, "2026-11-24T06:30", "2026-11-26T06:30", &recurrence,
                   NULL, &err), &err);
    CHECK_OK(recurrence_after(recurrence, 0, &at, &err), &err);
    CHECK_EQ_INT(at, instant("2026-11-24T05:30:00Z"));
    CHECK_OK(recurrence_after(recurrence, at, &at, &err), &err);
    CHECK_EQ_INT(at, instant("2026-11-26T05:30:00Z"));
    char text[RECURRENCE_LOCAL_SIZE];
    CHECK_EQ_TEXT(recurrence_local(recurrence, at, text), "2026-11-26T06:30:00+01:00");
    CHECK_FAILS(recurrence_after(recurrence, at, &at, &err), &err, ERROR_NOT_FOUND);
    recurrence_free(recurrence);
    CHECK_OK(parse("FREQ=DAILY;COUNT=2", "UTC", "2026-11-24T06:30", NULL, &recurrence, NULL, &err),
             &err);
    CHECK_OK(recurrence_after(recurrence, instant("2026-11-24T06:30:00Z"), &at, &err), &err);
    CHECK_EQ_INT(at, instant("2026-11-25T06:30:00Z"));
    CHECK_FAILS(recurrence_after(recurrence, at, &at, &err), &err, ERROR_NOT_FOUND);
    recurrence_free(recurrence);
    CHECK_OK(parse("FREQ=DAILY;BYHOUR=6;UNTIL=20261125", "UTC", NULL, NULL, &recurrence, NULL, &err),
             &err);
    CHECK_OK(recurrence_after(recurrence, instant("2026-11-24T06:00:00Z"), &at, &err), &err);
    CHECK_EQ_INT(at, instant("2026-11-25T06:00:00Z"));
    CHECK_FAILS(recurrence_after(recurrence, at, &at, &err), &err, ERROR_NOT_FOUND);
    recurrence_free(recurrence);
}

static void errors_say_what_and_where(void)
{
    static const struct {
        const char *text, *part;
    } cases[] = {
        {"FREQ=DAYLY", "recurrence 1: character 1: FREQ=DAYLY: expected SECONDLY"},
        {"FREQ=DAILY;BYHOUR=24", "character 12: BYHOUR=24: expected 0 to 23"},
        {"FREQ=DAILY;&FREQ=WEEKLY;BYDAY=MX", "recurrence 2: character 13: BYDAY=MX"},
        {"FREQ=DAILY;BYHOURS=2", "did you mean BYHOUR?"},
        {"FREQ=DAILY;BYHOUR=2;BYHOUR=3", "BYHOUR is given twice"},
        {"BYHOUR=2;FREQ=DAILY", "expected FREQ=... first"},
        {"FREQ=DAILY;COUNT=3", "COUNT needs a \"start\""},
        {"FREQ=DAILY;UNTIL=tomorrow", "UNTIL=tomorrow: expected 20261231"},
        {"FREQ=DAILY;;BYHOUR=2", "character 12: '': expected NAME=VALUE"},
        {"FREQ=DAILY;BYDAY=2MO", "only with FREQ=MONTHLY"},
        {"FREQ=MINUTELY;BYMONTH=2;BYMONTHDAY=30", "never due"},
        {"FREQ=DAILY&", "recurrence 2: character 1"},
        {"FREQ=DAILY;INTERVAL=0", "INTERVAL=0: expected 1 to 10000"},
        {"FREQ=DAILY;INTERVAL=10001", "INTERVAL=10001: expected 1 to 10000"},
    };
    struct recurrence *recurrence;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error err = {0};
        CHECK_FAILS(parse(cases[i].text, "UTC", NULL, NULL, &recurrence, NULL, &err), &err,
                    ERROR_INVALID);
        CHECK_CONTAINS(err.message, cases[i].part);
        recurrence_free(recurrence);
    }
    struct error err = {0};
    CHECK_FAILS(parse("FREQ=DAILY", "Europe/Berlni", NULL, NULL, &recurrence, NULL, &err), &err,
                ERROR_INVALID);
    CHECK_CONTAINS(err.message, "'Europe/Berlni' is not known");
    CHECK_FAILS(parse("FREQ=DAILY", "UTC", "2026-02-30T00:00", NULL, &recurrence, NULL, &err), &err,
                ERROR_INVALID);
    CHECK_CONTAINS(err.message, "start '2026-02-30T00:00'");
    CHECK_FAILS(parse("FREQ=DAILY", "UTC", "2026-02-28T00:00", "2026-02-27T00:00", &recurrence, NULL,
                      &err), &err, ERROR_INVALID);
}

static void limits_hold_at_n_and_n_plus_1(void)
{
    struct recurrence *recurrence;
    struct error err = {0};
    static const char five[] = "FREQ=DAILY&FREQ=DAILY&FREQ=DAILY&FREQ=DAILY&FREQ=DAILY";
    char text[RECURRENCE_TEXT_MAX + 16];
    CHECK_OK(parse(five, "UTC", NULL, NULL, &recurrence, NULL, &err), &err);
    recurrence_free(recurrence);
    snprintf(text, sizeof text, "%s&FREQ=DAILY", five);
    CHECK_FAILS(parse(text, "UTC", NULL, NULL, &recurrence, NULL, &err), &err, ERROR_LIMIT);
    CHECK_EQ_INT(RECURRENCE_RULES_MAX, 5);
    static const struct {
        const char *format;
        int max;
    } numbers[] = {{"FREQ=DAILY;INTERVAL=%d", RECURRENCE_INTERVAL_MAX},
                   {"FREQ=DAILY;COUNT=%d", RECURRENCE_COUNT_MAX}};
    for (size_t i = 0; i < 2; i++) {
        snprintf(text, sizeof text, numbers[i].format, numbers[i].max);
        CHECK_OK(parse(text, "UTC", "2026-11-24T00:00", NULL, &recurrence, NULL, &err), &err);
        recurrence_free(recurrence);
        snprintf(text, sizeof text, numbers[i].format, numbers[i].max + 1);
        CHECK_FAILS(parse(text, "UTC", "2026-11-24T00:00", NULL, &recurrence, NULL, &err), &err,
                    ERROR_INVALID);
        CHECK_CONTAINS(err.message, "=10001: expected 1 to 10000");
    }
    text[0] = '\0';
    for (int i = 0; i < 5; i++) { /* 5 * 204 + 4 characters */
        snprintf(text + strlen(text), sizeof text - strlen(text), "%sFREQ=DAILY;WKST=MO;BYSECOND=00",
                 i ? "&" : "");
        for (int j = 1; j < 59; j++)
            snprintf(text + strlen(text), sizeof text - strlen(text), ",%02d", j);
    }
    CHECK_EQ_INT(strlen(text), RECURRENCE_TEXT_MAX);
    CHECK_OK(parse(text, "UTC", NULL, NULL, &recurrence, NULL, &err), &err);
    recurrence_free(recurrence);
    snprintf(text + RECURRENCE_TEXT_MAX, 2, ";");
    CHECK_FAILS(parse(text, "UTC", NULL, NULL, &recurrence, NULL, &err), &err, ERROR_LIMIT);
    recurrence_free(recurrence);
}

static void the_search_ends(void)
{
    struct recurrence *recurrence;
    struct error err = {0};
    int64_t at;
    /* COUNT forbids skipping ahead: the steps between start and now are bounded */
    CHECK_OK(parse("FREQ=SECONDLY;COUNT=10000", "UTC", "2026-11-24T00:00", NULL, &recurrence, NULL,
                   &err), &err);
    CHECK_OK(recurrence_after(recurrence, instant("2026-11-24T02:46:38Z"), &at, &err), &err);
    CHECK_EQ_INT(at, instant("2026-11-24T02:46:39Z"));
    CHECK_FAILS(recurrence_after(recurrence, at, &at, &err), &err, ERROR_NOT_FOUND);
    recurrence_free(recurrence);
    CHECK_OK(parse("FREQ=SECONDLY;BYHOUR=6", "UTC", NULL, NULL, &recurrence, NULL, &err), &err);
    CHECK_OK(recurrence_after(recurrence, instant("2026-11-24T07:00:00Z"), &at, &err), &err);
    CHECK_EQ_INT(at, instant("2026-11-25T06:00:00Z"));
    recurrence_free(recurrence);
}

static void more_than_once_a_minute_is_warned_of(void)
{
    struct recurrence *recurrence;
    struct error err = {0};
    char warning[RECURRENCE_WARNING_SIZE];
    static const char *const often[] = {"FREQ=SECONDLY", "FREQ=MINUTELY;BYSECOND=0,30",
                                        "FREQ=DAILY&FREQ=SECONDLY;INTERVAL=59"};
    for (size_t i = 0; i < 3; i++) {
        CHECK_OK(parse(often[i], "UTC", NULL, NULL, &recurrence, warning, &err), &err);
        CHECK_CONTAINS(warning, "once a minute");
        recurrence_free(recurrence);
    }
    CHECK_OK(parse("FREQ=MINUTELY", "UTC", NULL, NULL, &recurrence, warning, &err), &err);
    CHECK_EQ_TEXT(warning, "");
    recurrence_free(recurrence);
}

CHECK_MAIN(TEST(a_daily_rule_keeps_the_local_time),
           TEST(a_time_that_spring_leaves_out_comes_with_the_old_offset),
           TEST(a_time_that_autumn_brings_twice_counts_once),
           TEST(short_distances_are_elapsed_time),
           TEST(hours_of_the_clock_follow_the_clock),
           TEST(intervals_count_on_over_days_that_are_left_out),
           TEST(weeks_months_and_several_rules),
           TEST(start_end_count_and_until),
           TEST(errors_say_what_and_where),
           TEST(limits_hold_at_n_and_n_plus_1),
           TEST(the_search_ends),
           TEST(more_than_once_a_minute_is_warned_of))
