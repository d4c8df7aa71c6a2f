/* SPDX-License-Identifier: MIT */
/* What of an RRULE five fields can hold; see recurrence_cron.h. */
#include "flow/recurrence_cron.h"

#include <libical/ical.h>
#include <stdio.h>
#include <string.h>

/* Without a start, rules count from Monday 2000-01-03T00:00 local. */
#define ANCHOR_MONTH_DAY 3
#define ANCHOR_WEEK_DAY "1" /* Monday */

static bool unsupported(struct error *err, const char *what)
{
    return error_set(err, ERROR_UNSUPPORTED, "cron cannot say %s", what);
}

static bool is_given(const short *values)
{
    return values[0] != ICAL_RECURRENCE_ARRAY_MAX;
}

static bool check_parts(const struct icalrecurrencetype *rule, bool has_bounds, struct error *err)
{
    if (has_bounds)
        return unsupported(err, "when a schedule starts or ends");
    if (rule->count > 0 || !icaltime_is_null_time(rule->until))
        return unsupported(err, "COUNT or UNTIL");
    if (is_given(rule->by_set_pos) || is_given(rule->by_week_no) || is_given(rule->by_year_day))
        return unsupported(err, "BYSETPOS, BYWEEKNO or BYYEARDAY");
    if (is_given(rule->by_second) && (rule->by_second[0] != 0 || is_given(rule->by_second + 1)))
        return unsupported(err, "seconds");
    if (rule->freq == ICAL_SECONDLY_RECURRENCE)
        return unsupported(err, "FREQ=SECONDLY");
    for (int i = 0; is_given(rule->by_day + i); i++)
        if (icalrecurrencetype_day_position(rule->by_day[i]) != 0)
            return unsupported(err, "the first or last weekday of a month");
    for (int i = 0; is_given(rule->by_month_day + i); i++)
        if (rule->by_month_day[i] < 0)
            return unsupported(err, "days counted from the end of a month");
    return true;
}

/* cron takes either when both are restricted, a recurrence takes what is both. */
static bool check_days(const struct icalrecurrencetype *rule, struct error *err)
{
    if (is_given(rule->by_month_day) && is_given(rule->by_day))
        return unsupported(err, "BYMONTHDAY together with BYDAY");
    if (rule->freq == ICAL_YEARLY_RECURRENCE && (!is_given(rule->by_month) ||
                                                 !is_given(rule->by_month_day)))
        return unsupported(err, "FREQ=YEARLY without BYMONTH and BYMONTHDAY");
    return true;
}

/* Every n minutes or hours is a step only where n divides the hour or day; and a step of hours
 * follows the local clock, which elapsed time does not. */
static bool check_interval(const struct icalrecurrencetype *rule, const char *zone,
                           struct error *err)
{
    int interval = rule->interval;
    if (interval == 1)
        return true;
    if (rule->freq == ICAL_MINUTELY_RECURRENCE && 60 % interval == 0 && !is_given(rule->by_minute))
        return true;
    bool is_utc = strcmp(zone, "UTC") == 0 || strcmp(zone, "Etc/UTC") == 0;
    if (rule->freq == ICAL_HOURLY_RECURRENCE && 24 % interval == 0 && is_utc &&
        !is_given(rule->by_hour))
        return true;
    return unsupported(err, "this INTERVAL");
}

static void append_list(struct buf *out, const short *values)
{
    for (int i = 0; is_given(values + i); i++)
        buf_printf(out, "%s%d", i ? "," : "", values[i]);
}

/* A field: the values that are given, else every step-th, or one default. */
static void append_field(struct buf *out, const short *values, bool is_every, int step,
                         int otherwise)
{
    if (is_given(values))
        append_list(out, values);
    else if (is_every && step > 1)
        buf_printf(out, "*/%d", step);
    else if (is_every)
        buf_append_char(out, '*');
    else
        buf_printf(out, "%d", otherwise);
}

static void append_week_days(struct buf *out, const struct icalrecurrencetype *rule)
{
    if (!is_given(rule->by_day)) {
        buf_append_text(out, rule->freq == ICAL_WEEKLY_RECURRENCE ? ANCHOR_WEEK_DAY : "*");
        return;
    }
    for (int i = 0; is_given(rule->by_day + i); i++)
        buf_printf(out, "%s%d", i ? "," : "",
                   (int)icalrecurrencetype_day_day_of_week(rule->by_day[i]) - ICAL_SUNDAY_WEEKDAY);
}

static void append_rule(struct buf *out, const struct icalrecurrencetype *rule)
{
    bool by_minute = rule->freq == ICAL_MINUTELY_RECURRENCE;
    bool by_hour = by_minute || rule->freq == ICAL_HOURLY_RECURRENCE;
    bool by_month_day = rule->freq != ICAL_MONTHLY_RECURRENCE || is_given(rule->by_day);
    append_field(out, rule->by_minute, by_minute, by_minute ? rule->interval : 1, 0);
    buf_append_char(out, ' ');
    append_field(out, rule->by_hour, by_hour, by_minute ? 1 : rule->interval, 0);
    buf_append_char(out, ' ');
    append_field(out, rule->by_month_day, by_month_day, 1, ANCHOR_MONTH_DAY);
    buf_append_char(out, ' ');
    append_field(out, rule->by_month, true, 1, 0);
    buf_append_char(out, ' ');
    append_week_days(out, rule);
    buf_append_char(out, '\n');
}

static bool convert(char *text, const char *zone, bool has_bounds, struct buf *out,
                    struct error *err)
{
    size_t size = strlen(text);
    if (size > 0 && text[size - 1] == ';')
        text[size - 1] = '\0';
    struct icalrecurrencetype rule = icalrecurrencetype_from_string(text);
    if (!check_parts(&rule, has_bounds, err) || !check_days(&rule, err) ||
        !check_interval(&rule, zone, err))
        return error_context(err, "'%s'", text);
    append_rule(out, &rule);
    return true;
}

bool recurrence_cron(const char *text, const char *zone, const char *start, const char *end,
                     struct buf *out, struct error *err)
{
    char warning[RECURRENCE_WARNING_SIZE], copy[RECURRENCE_TEXT_MAX + 1];
    struct recurrence *parsed = NULL;
    if (!recurrence_parse(&parsed, text, zone, start, end, warning, err))
        return false;
    recurrence_free(parsed);
    bool has_bounds = (start && *start) || (end && *end);
    snprintf(copy, sizeof copy, "%s", text);
    for (char *rule = copy; rule;) {
        char *next = strchr(rule, '&');
        if (next)
            *next++ = '\0';
        if (!convert(rule, zone, has_bounds, out, err))
            return false;
        rule = next;
    }
    return !out->failed || error_set(err, ERROR_LIMIT, "out of memory");
}
