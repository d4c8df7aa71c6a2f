/* SPDX-License-Identifier: MIT */
/*
 * libical expands rules in plain local time; what the clocks do then is decided here, by asking the
 * zone only for its offset at an instant. See recurrence.h.
 */
#include "flow/recurrence.h"

#include <libical/ical.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flow/recurrence_rule.h"

#define DAY_S 86400
#define ANCHOR "2000-01-03T00:00"
/* How far a change of the clocks may move what a rule gives; more for days and longer. */
#define SLACK_SUBDAILY_S (3 * 3600)
#define SLACK_S (2 * DAY_S)
#define NEVER INT64_MAX

/* libical reads its zones when they are first asked for, and looks at them without a lock of its own. */
static pthread_mutex_t libical = PTHREAD_MUTEX_INITIALIZER;

struct rule {
    struct icalrecurrencetype rule;
    struct rule_facts facts;
    int64_t until_s; /* UNTIL as an instant; NEVER if none */
};

struct recurrence {
    icaltimezone *zone;
    struct rule rules[RECURRENCE_RULES_MAX];
    size_t count;
    int64_t start_local_s; /* seconds of the local clock since 1970-01-01T00:00 */
    int64_t start_s, end_s; /* instants */
    bool has_start;
};

/* ---- local time and instants ------------------------------------------------------------------- */

static struct icaltimetype fields_of(int64_t seconds)
{
    return icaltime_from_timet_with_zone((time_t)seconds, 0, icaltimezone_get_utc_timezone());
}

static int64_t seconds_of(struct icaltimetype fields)
{
    return (int64_t)icaltime_as_timet_with_zone(fields, icaltimezone_get_utc_timezone());
}

static int offset_at(icaltimezone *zone, int64_t instant_s)
{
    struct icaltimetype fields = fields_of(instant_s);
    return icaltimezone_get_utc_offset_of_utc_time(zone, &fields, NULL);
}

/* The instants at which the clock shows local_s: 0 (left out), 1 or 2 (in order). *shifted: the
 * reading with the offset before, for a time that is left out. */
static int instants_of(icaltimezone *zone, int64_t local_s, int64_t instants[2], int64_t *shifted)
{
    int before = offset_at(zone, local_s - DAY_S), after = offset_at(zone, local_s + DAY_S);
    int count = 0;
    *shifted = local_s - before;
    if (offset_at(zone, local_s - before) == before)
        instants[count++] = local_s - before;
    if (after != before && offset_at(zone, local_s - after) == after)
        instants[count++] = local_s - after;
    return count;
}

static int64_t first_instant(icaltimezone *zone, int64_t local_s)
{
    int64_t instants[2], shifted;
    return instants_of(zone, local_s, instants, &shifted) ? instants[0] : shifted;
}

/* ---- parsing ----------------------------------------------------------------------------------- */

static icaltimezone *find_zone(const char *name)
{
    if (strcmp(name, "UTC") == 0 || strcmp(name, "Etc/UTC") == 0)
        return icaltimezone_get_utc_timezone();
    return icaltimezone_get_builtin_timezone(name);
}

static bool check_zone(const char *zone, struct error *err)
{
    return find_zone(zone) ||
           error_set(err, ERROR_INVALID, "time zone '%.64s' is not known: expected an IANA name such as "
                                         "Europe/Berlin, America/New_York or UTC", zone);
}

bool recurrence_check_zone(const char *zone, struct error *err)
{
    pthread_mutex_lock(&libical);
    bool ok = check_zone(zone, err);
    pthread_mutex_unlock(&libical);
    return ok;
}

static bool read_local(const char *what, const char *text, int64_t *local_s, struct error *err)
{
    int year, month, day, hour, minute, second = 0, used = 0;
    int got = sscanf(text, "%4d-%2d-%2dT%2d:%2d%n:%2d%n", &year, &month, &day, &hour, &minute, &used,
                     &second, &used);
    struct icaltimetype fields = {.year = 0};
    if (got >= 5 && text[used] == '\0') {
        fields = (struct icaltimetype){.year = year, .month = month, .day = day, .hour = hour,
                                       .minute = minute, .second = second};
        struct icaltimetype normal = icaltime_normalize(fields);
        if (year >= 1970 && year <= 2200 && normal.month == month && normal.day == day &&
            normal.hour == hour && normal.minute == minute && normal.second == second) {
            *local_s = seconds_of(fields);
            return true;
        }
    }
    return error_set(err, ERROR_INVALID, "%s '%.40s': expected local date and time from 1970 to 2200 "
                                         "such as 2026-11-24T06:30", what, text);
}

static void take_until(struct recurrence *recurrence, struct rule *rule)
{
    struct icaltimetype until = rule->rule.until;
    rule->until_s = NEVER;
    if (icaltime_is_null_time(until))
        return;
    if (until.is_date) { /* the whole of that day */
        until.is_date = 0;
        until.hour = 23, until.minute = 59, until.second = 59;
    }
    bool is_utc = icaltime_is_utc(until);
    rule->until_s = is_utc ? seconds_of(until) : first_instant(recurrence->zone, seconds_of(until));
    rule->rule.until = icaltime_null_time();
}

static bool add_rule(struct recurrence *recurrence, char *text, struct error *err)
{
    size_t number = recurrence->count + 1, size = strlen(text);
    if (recurrence->count == RECURRENCE_RULES_MAX)
        return error_set(err, ERROR_LIMIT, "more than %d recurrences joined by '&'",
                         RECURRENCE_RULES_MAX);
    struct rule *rule = &recurrence->rules[recurrence->count++];
    if (size > 0 && text[size - 1] == ';')
        text[size - 1] = '\0';
    if (!rule_check(text, &rule->facts, err))
        return error_context(err, "recurrence %zu", number);
    if (rule->facts.has_count && !recurrence->has_start)
        return error_set(err, ERROR_INVALID, "recurrence %zu: COUNT needs a \"start\" to count from",
                         number);
    rule->rule = icalrecurrencetype_from_string(text);
    if (rule->rule.freq == ICAL_NO_RECURRENCE)
        return error_set(err, ERROR_INVALID, "recurrence %zu: '%.100s' is not a valid RRULE value",
                         number, text);
    take_until(recurrence, rule);
    return true;
}

static bool read_rules(struct recurrence *recurrence, const char *text, struct error *err)
{
    char copy[RECURRENCE_TEXT_MAX + 1];
    if (strlen(text) > RECURRENCE_TEXT_MAX)
        return error_set(err, ERROR_LIMIT, "the recurrence has more than %d characters",
                         RECURRENCE_TEXT_MAX);
    snprintf(copy, sizeof copy, "%s", text);
    for (char *rule = copy; rule;) {
        char *next = strchr(rule, '&');
        if (next)
            *next++ = '\0';
        if (!add_rule(recurrence, rule, err))
            return false;
        rule = next;
    }
    return true;
}

static bool read_bounds(struct recurrence *recurrence, const char *start, const char *end,
                        struct error *err)
{
    int64_t end_local_s;
    recurrence->has_start = start && *start;
    if (!read_local("start", recurrence->has_start ? start : ANCHOR, &recurrence->start_local_s, err))
        return false;
    recurrence->start_s = first_instant(recurrence->zone, recurrence->start_local_s);
    recurrence->end_s = NEVER;
    if (!end || !*end)
        return true;
    if (!read_local("end", end, &end_local_s, err))
        return false;
    recurrence->end_s = first_instant(recurrence->zone, end_local_s);
    return recurrence->end_s >= recurrence->start_s ||
           error_set(err, ERROR_INVALID, "end '%.40s' is before the start", end);
}

static void warn(const struct recurrence *recurrence, char warning[static RECURRENCE_WARNING_SIZE])
{
    warning[0] = '\0';
    for (size_t i = 0; i < recurrence->count; i++)
        if (recurrence->rules[i].facts.under_a_minute)
            snprintf(warning, RECURRENCE_WARNING_SIZE,
                     "recurrence %zu is due more often than once a minute, the minimum of Oracle "
                     "Integration", i + 1);
}

static bool parse(struct recurrence **out, const char *text, const char *zone, const char *start,
                  const char *end, char warning[static RECURRENCE_WARNING_SIZE], struct error *err)
{
    warning[0] = '\0';
    if (!check_zone(zone, err))
        return false;
    struct recurrence *recurrence = calloc(1, sizeof *recurrence);
    if (!recurrence)
        return error_set(err, ERROR_LIMIT, "out of memory");
    recurrence->zone = find_zone(zone);
    if (!read_bounds(recurrence, start, end, err) || !read_rules(recurrence, text, err)) {
        recurrence_free(recurrence);
        return false;
    }
    warn(recurrence, warning);
    *out = recurrence;
    return true;
}

bool recurrence_parse(struct recurrence **out, const char *text, const char *zone,
                      const char *start, const char *end,
                      char warning[static RECURRENCE_WARNING_SIZE], struct error *err)
{
    pthread_mutex_lock(&libical);
    bool ok = parse(out, text, zone, start, end, warning, err);
    pthread_mutex_unlock(&libical);
    return ok;
}

void recurrence_free(struct recurrence *recurrence)
{
    free(recurrence);
}

/* ---- looking for the next one ------------------------------------------------------------------ */

/* A rule that keeps its distance in elapsed time, whatever the clocks do. */
static bool is_elapsed(const struct rule *rule)
{
    return rule->facts.is_subdaily && !rule->facts.has_by_part;
}

static int64_t slack_of(const struct rule *rule)
{
    return rule->facts.is_subdaily ? SLACK_SUBDAILY_S : SLACK_S;
}

static int64_t local_of(const struct recurrence *recurrence, int64_t instant_s)
{
    return instant_s + offset_at(recurrence->zone, instant_s);
}

/* The earliest instant after after_s that one expanded time stands for, or NEVER. */
static int64_t instant_after(const struct recurrence *recurrence, const struct rule *rule,
                             int64_t expanded_s, int64_t after_s)
{
    int64_t instants[2], shifted;
    int count = instants_of(recurrence->zone, expanded_s, instants, &shifted);
    if (count == 0 && !rule->facts.is_subdaily) {
        instants[count++] = shifted;
    } else if (count == 2 && !rule->facts.is_subdaily) {
        count = 1;
    }
    for (int i = 0; i < count; i++)
        if (instants[i] > after_s)
            return instants[i];
    return NEVER;
}

/* From one time of a rule of hours, minutes or seconds to the next. */
static int64_t step_of(const struct rule *rule)
{
    int64_t unit_s = rule->rule.freq == ICAL_SECONDLY_RECURRENCE   ? 1
                     : rule->rule.freq == ICAL_MINUTELY_RECURRENCE ? 60
                                                                   : 3600;
    return unit_s * rule->rule.interval;
}

/* libical loses count of an interval of hours, minutes or seconds where a BY... part skips days: for such a
 * rule it expands every one, and those between are left out here. */
static bool is_thinned(const struct rule *rule)
{
    return rule->facts.is_subdaily && rule->facts.has_by_part && rule->rule.interval > 1;
}

static bool is_between(const struct recurrence *recurrence, const struct rule *rule, int64_t local_s)
{
    return is_thinned(rule) && (local_s - recurrence->start_local_s) % step_of(rule) != 0;
}

/* Expanded times come in order, their instants nearly so: a change of the clocks can swap some that
 * are near each other. So the walk goes on until no better one can come. */
static bool search(const struct recurrence *recurrence, const struct rule *rule,
                   icalrecur_iterator *iterator, int64_t after_s, int64_t *best, struct error *err)
{
    int taken = 0;
    for (int steps = 0; steps < RECURRENCE_STEPS_MAX; steps++) {
        struct icaltimetype fields = icalrecur_iterator_next(iterator);
        if (icaltime_is_null_time(fields))
            return true;
        int64_t last_s = seconds_of(fields);
        if (*best != NEVER && last_s > local_of(recurrence, *best) + slack_of(rule))
            return true;
        if (is_between(recurrence, rule, last_s))
            continue;
        if (is_thinned(rule) && rule->facts.has_count && taken++ == rule->rule.count)
            return true;
        int64_t instant = instant_after(recurrence, rule, last_s, after_s);
        if (instant < *best)
            *best = instant;
    }
    return *best != NEVER ||
           error_set(err, ERROR_LIMIT, "nothing due among the next %d times", RECURRENCE_STEPS_MAX);
}

/* Such a rule is arithmetic; libical would walk there second by second. */
static int64_t elapsed_after(const struct recurrence *recurrence, const struct rule *rule,
                             int64_t after_s)
{
    int64_t step_s = step_of(rule), ahead_s = after_s - recurrence->start_s;
    int64_t number = ahead_s < 0 ? 0 : ahead_s / step_s + 1;
    bool is_over = rule->facts.has_count && number >= rule->rule.count;
    return is_over ? NEVER : recurrence->start_s + number * step_s;
}

static bool expand_after(const struct recurrence *recurrence, const struct rule *rule,
                         int64_t after_s, int64_t *best, struct error *err)
{
    int64_t start_s = recurrence->start_local_s;
    int64_t from_s = local_of(recurrence, after_s) - slack_of(rule);
    struct icaltimetype start = fields_of(start_s);
    start.zone = NULL;
    struct icalrecurrencetype expanded = rule->rule;
    if (is_thinned(rule)) {
        expanded.interval = 1;
        expanded.count = 0;
    }
    icalrecur_iterator *iterator = icalrecur_iterator_new(expanded, start);
    if (!iterator)
        return error_set(err, ERROR_INVALID, "the recurrence cannot be expanded");
    if (from_s > start_s && !rule->facts.has_count) {
        struct icaltimetype from = fields_of(from_s);
        from.zone = NULL;
        icalrecur_iterator_set_start(iterator, from);
    }
    *best = NEVER;
    bool ok = search(recurrence, rule, iterator, after_s, best, err);
    icalrecur_iterator_free(iterator);
    return ok;
}

static bool rule_after(const struct recurrence *recurrence, const struct rule *rule,
                       int64_t after_s, int64_t *best, struct error *err)
{
    bool ok = true;
    if (is_elapsed(rule))
        *best = elapsed_after(recurrence, rule, after_s);
    else
        ok = expand_after(recurrence, rule, after_s, best, err);
    if (*best > rule->until_s || *best > recurrence->end_s)
        *best = NEVER;
    return ok;
}

static int64_t floor_seconds(int64_t ms)
{
    return ms >= 0 ? ms / 1000 : -((-ms + 999) / 1000);
}

static bool find_after(const struct recurrence *recurrence, int64_t after_ms, int64_t *due_ms,
                       struct error *err)
{
    int64_t after_s = floor_seconds(after_ms), best = NEVER;
    if (after_s < recurrence->start_s)
        after_s = recurrence->start_s - 1;
    for (size_t i = 0; i < recurrence->count; i++) {
        int64_t instant = NEVER;
        if (!rule_after(recurrence, &recurrence->rules[i], after_s, &instant, err))
            return error_context(err, "recurrence %zu", i + 1);
        if (instant < best)
            best = instant;
    }
    if (best == NEVER)
        return error_set(err, ERROR_NOT_FOUND, "never due again");
    *due_ms = best * 1000;
    return true;
}

bool recurrence_after(const struct recurrence *recurrence, int64_t after_ms, int64_t *due_ms,
                      struct error *err)
{
    pthread_mutex_lock(&libical);
    bool ok = find_after(recurrence, after_ms, due_ms, err);
    pthread_mutex_unlock(&libical);
    return ok;
}

const char *recurrence_local(const struct recurrence *recurrence, int64_t wall_ms,
                             char text[static RECURRENCE_LOCAL_SIZE])
{
    int64_t instant_s = floor_seconds(wall_ms);
    pthread_mutex_lock(&libical);
    int offset = offset_at(recurrence->zone, instant_s);
    pthread_mutex_unlock(&libical);
    int size = offset < 0 ? -offset : offset;
    struct icaltimetype at = fields_of(instant_s + offset);
    snprintf(text, RECURRENCE_LOCAL_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d%c%02d:%02d", at.year % 10000,
             at.month, at.day, at.hour, at.minute, at.second, offset < 0 ? '-' : '+', size / 3600 % 100,
             size / 60 % 60);
    return text;
}
