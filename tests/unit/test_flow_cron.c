/* SPDX-License-Identifier: MIT */
/* Recurrences as cron expressions: the same times, held against the recurrence itself. */
#include "flow/recurrence_cron.h"

#include <stdlib.h>
#include <time.h>

#include "check.h"

static bool convert(const char *text, const char *zone, const char *start, struct buf *out,
                    struct error *err)
{
    buf_release(out);
    buf_init(out, 4096);
    return recurrence_cron(text, zone, start, NULL, out, err);
}

static const struct {
    const char *text, *zone, *lines; /* lines NULL: cron cannot say it */
} cases[] = {
    {"FREQ=DAILY;BYHOUR=2;BYMINUTE=30", "Europe/Berlin", "30 2 * * *\n"},
    {"FREQ=DAILY", "UTC", "0 0 * * *\n"},
    {"FREQ=MINUTELY", "UTC", "* * * * *\n"},
    {"FREQ=MINUTELY;INTERVAL=10;", "Europe/Berlin", "*/10 * * * *\n"},
    {"FREQ=MINUTELY;BYHOUR=6,18;BYDAY=MO,FR", "UTC", "* 6,18 * * 1,5\n"},
    {"FREQ=HOURLY", "America/New_York", "0 * * * *\n"},
    {"FREQ=HOURLY;BYMINUTE=5,35", "UTC", "5,35 * * * *\n"},
    {"FREQ=HOURLY;INTERVAL=6", "UTC", "0 */6 * * *\n"},
    {"FREQ=WEEKLY;BYDAY=SU,TH;BYHOUR=6", "UTC", "0 6 * * 4,0\n"},
    {"FREQ=WEEKLY", "UTC", "0 0 * * 1\n"},
    {"FREQ=MONTHLY;BYMONTHDAY=1,15;BYHOUR=4", "UTC", "0 4 1,15 * *\n"},
    {"FREQ=MONTHLY", "UTC", "0 0 3 * *\n"},
    {"FREQ=MONTHLY;BYDAY=MO", "UTC", "0 0 * * 1\n"},
    {"FREQ=DAILY;BYMONTH=1,7;BYHOUR=1", "UTC", "0 1 * 1,7 *\n"},
    {"FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=31", "UTC", "0 0 31 12 *\n"},
    {"FREQ=DAILY;BYHOUR=6&FREQ=DAILY;BYHOUR=18;BYMINUTE=30", "UTC", "0 6 * * *\n30 18 * * *\n"},
    {"FREQ=HOURLY;INTERVAL=6", "Europe/Berlin", NULL},
    {"FREQ=HOURLY;INTERVAL=5", "UTC", NULL},
    {"FREQ=MINUTELY;INTERVAL=7", "UTC", NULL},
    {"FREQ=MINUTELY;INTERVAL=90", "UTC", NULL},
    {"FREQ=DAILY;INTERVAL=2", "UTC", NULL},
    {"FREQ=WEEKLY;INTERVAL=2;BYDAY=MO", "UTC", NULL},
    {"FREQ=MONTHLY;BYDAY=-1FR", "UTC", NULL},
    {"FREQ=MONTHLY;BYMONTHDAY=-1", "UTC", NULL},
    {"FREQ=MONTHLY;BYMONTHDAY=13;BYDAY=FR", "UTC", NULL},
    {"FREQ=YEARLY", "UTC", NULL},
    {"FREQ=SECONDLY", "UTC", NULL},
    {"FREQ=DAILY;UNTIL=20300101T000000Z", "UTC", NULL},
    {"FREQ=DAILY;BYHOUR=6&FREQ=MONTHLY;BYDAY=1MO", "UTC", NULL},
};
#define CASE_COUNT (sizeof cases / sizeof cases[0])

static void rules_become_lines_or_are_refused(void)
{
    struct buf out = {0};
    for (size_t i = 0; i < CASE_COUNT; i++) {
        struct error err = {0};
        bool ok = convert(cases[i].text, cases[i].zone, NULL, &out, &err);
        if (ok != (cases[i].lines != NULL))
            fprintf(stderr, "%s: %s\n", cases[i].text, err.message);
        CHECK_EQ_INT(ok, cases[i].lines != NULL);
        if (ok)
            CHECK_EQ_TEXT(buf_text(&out), cases[i].lines);
        else
            CHECK_EQ_TEXT(error_kind_name(err.kind), "unsupported");
    }
    buf_release(&out);
}

static void reasons_are_given(void)
{
    struct buf out = {0};
    struct error err = {0};
    CHECK(!convert("FREQ=MONTHLY;BYDAY=-1FR", "UTC", NULL, &out, &err));
    CHECK_EQ_TEXT(err.message,
                  "'FREQ=MONTHLY;BYDAY=-1FR': cron cannot say the first or last weekday of a "
                  "month");
    CHECK_FAILS(convert("FREQ=DAILY", "UTC", "2026-11-24T06:30", &out, &err), &err, ERROR_UNSUPPORTED);
    CHECK_CONTAINS(err.message, "when a schedule starts or ends");
    CHECK_FAILS(convert("FREQ=OFTEN", "UTC", NULL, &out, &err), &err, ERROR_INVALID);
    buf_release(&out);
}

/* ---- a second opinion: what cron(8) would do with a line, in UTC ---- */

static bool field_has(const char *field, int value)
{
    if (field[0] == '*')
        return field[1] != '/' || value % strtol(field + 2, NULL, 10) == 0;
    for (const char *at = field; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
        if ((int)strtol(at, NULL, 10) == value)
            return true;
    return false;
}

static bool lines_are_due(const char *lines, int64_t wall_s)
{
    time_t seconds = (time_t)wall_s;
    struct tm at;
    gmtime_r(&seconds, &at);
    const int values[5] = {at.tm_min, at.tm_hour, at.tm_mday, at.tm_mon + 1, at.tm_wday};
    char copy[256], *state = NULL;
    snprintf(copy, sizeof copy, "%s", lines);
    for (char *line = strtok_r(copy, "\n", &state); line; line = strtok_r(NULL, "\n", &state)) {
        char *inner = NULL, *field = strtok_r(line, " ", &inner);
        bool due = true;
        for (int i = 0; i < 5 && field; i++, field = strtok_r(NULL, " ", &inner))
            due = due && field_has(field, values[i]);
        if (due)
            return true;
    }
    return false;
}

#define DUES_MAX 150

/* Minute by minute over six weeks around a new year, or as far as DUES_MAX times go. */
static void lines_are_due_when_the_recurrence_is(void)
{
    const int64_t begin_s = 1795478400, end_s = begin_s + 42 * 86400; /* 2026-11-24 */
    for (size_t i = 0; i < CASE_COUNT; i++) {
        char warning[RECURRENCE_WARNING_SIZE];
        struct recurrence *recurrence = NULL;
        struct error err = {0};
        int64_t due_ms = 0;
        if (!cases[i].lines || strcmp(cases[i].zone, "UTC") != 0)
            continue;
        CHECK_OK(recurrence_parse(&recurrence, cases[i].text, "UTC", NULL, NULL, warning, &err), &err);
        if (!recurrence_after(recurrence, begin_s * 1000 - 1, &due_ms, &err))
            due_ms = INT64_MAX;
        long differences = 0, dues = 0;
        for (int64_t at = begin_s; at < end_s && dues < DUES_MAX; at += 60) {
            bool due = due_ms == at * 1000;
            dues += due;
            differences += due != lines_are_due(cases[i].lines, at);
            if (due && !recurrence_after(recurrence, due_ms, &due_ms, &err))
                due_ms = INT64_MAX;
        }
        if (differences)
            fprintf(stderr, "%s\n", cases[i].text);
        CHECK_EQ_INT(differences, 0);
        recurrence_free(recurrence);
    }
}

CHECK_MAIN(TEST(rules_become_lines_or_are_refused), TEST(reasons_are_given),
           TEST(lines_are_due_when_the_recurrence_is))
