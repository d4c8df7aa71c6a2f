/* SPDX-License-Identifier: MIT */
/* The parts of an RRULE value, one after the other, against a table (RFC 5545, 3.3.10). */
#include "flow/recurrence_rule.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "flow/recurrence.h"

#define LIST_VALUES_MAX 60 /* values of one BY... part */
#define PART_SIZE_MAX 255

enum frequency { SECONDLY, MINUTELY, HOURLY, DAILY, WEEKLY, MONTHLY, YEARLY, FREQUENCY_COUNT };
static const char *const frequencies[] = {"SECONDLY", "MINUTELY", "HOURLY", "DAILY",
                                          "WEEKLY",   "MONTHLY",  "YEARLY"};
static const char *const days[] = {"SU", "MO", "TU", "WE", "TH", "FR", "SA"};

enum part { FREQ, INTERVAL, COUNT, UNTIL, WKST, BYDAY, BYSECOND, BYMINUTE, BYHOUR, BYMONTH, BYMONTHDAY,
            BYYEARDAY, BYWEEKNO, BYSETPOS, PART_COUNT };
static const char *const part_names[PART_COUNT] = {
    "FREQ",   "INTERVAL", "COUNT",   "UNTIL",      "WKST",      "BYDAY",    "BYSECOND",
    "BYMINUTE", "BYHOUR", "BYMONTH", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYSETPOS"};
static const struct {
    int min, max;
    bool may_be_negative;
} ranges[PART_COUNT] = {
    [INTERVAL] = {1, RECURRENCE_INTERVAL_MAX, false}, [COUNT] = {1, RECURRENCE_COUNT_MAX, false},
    [BYSECOND] = {0, 59, false},  [BYMINUTE] = {0, 59, false},  [BYHOUR] = {0, 23, false},
    [BYMONTH] = {1, 12, false},   [BYMONTHDAY] = {1, 31, true}, [BYYEARDAY] = {1, 366, true},
    [BYWEEKNO] = {1, 53, true},   [BYSETPOS] = {1, 366, true},
};

/* What has been read of a rule. */
struct reader {
    const char *rule;
    size_t at; /* where the part begins that is being read */
    const char *given[PART_COUNT]; /* points at the values in rule, or NULL */
    size_t counts[PART_COUNT];
    enum frequency frequency;
    unsigned months;   /* bit set of BYMONTH */
    int month_day_min; /* smallest BYMONTHDAY without its sign */
};

static bool complain(const struct reader *reader, struct error *err, const char *format, ...)
    PRINTF_LIKE(3, 4);

static bool complain(const struct reader *reader, struct error *err, const char *format, ...)
{
    char sentence[400];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    return error_set(err, ERROR_INVALID, "character %zu: %s", reader->at + 1, sentence);
}

static int word_index(const char *word, const char *const *words, int count)
{
    for (int i = 0; i < count; i++)
        if (strcmp(word, words[i]) == 0)
            return i;
    return -1;
}

static bool read_number(struct reader *reader, enum part part, const char *text, struct error *err)
{
    int64_t value = 0;
    const char *digits = text;
    if (ranges[part].may_be_negative && (*text == '-' || *text == '+'))
        digits++;
    if (!text_parse_int(digits, ranges[part].min, ranges[part].max, &value))
        return complain(reader, err, "%s=%.40s: expected %s%d to %d", part_names[part], text,
                        ranges[part].may_be_negative ? "plus or minus " : "", ranges[part].min,
                        ranges[part].max);
    if (part == BYMONTH)
        reader->months |= 1u << value;
    if (part == BYMONTHDAY && (!reader->month_day_min || value < reader->month_day_min))
        reader->month_day_min = (int)value;
    return true;
}

/* "MO", "2MO", "-1FR"; numbers only where a month or year is counted through. */
static bool read_day(struct reader *reader, const char *text, struct error *err)
{
    size_t size = strlen(text);
    const char *name = size >= 2 ? text + size - 2 : text;
    char number[8] = "";
    int64_t value;
    if (word_index(name, days, 7) < 0 || size - 2 >= sizeof number)
        return complain(reader, err, "BYDAY=%.40s: expected SU, MO, TU, WE, TH, FR or SA, in rules of "
                                     "months and years with a number before it (-1FR)", text);
    memcpy(number, text, size - 2);
    const char *digits = number + (number[0] == '-' || number[0] == '+');
    if (size > 2 && !text_parse_int(digits, 1, 53, &value))
        return complain(reader, err, "BYDAY=%.40s: expected a number from 1 to 53 before the day", text);
    return size == 2 || reader->frequency >= MONTHLY ||
           complain(reader, err, "BYDAY=%.40s: a number before the day has a meaning only with "
                                 "FREQ=MONTHLY and FREQ=YEARLY", text);
}

static bool read_list(struct reader *reader, enum part part, char *values, struct error *err)
{
    for (char *value = values; value;) {
        char *comma = strchr(value, ',');
        if (comma)
            *comma++ = '\0';
        if (++reader->counts[part] > LIST_VALUES_MAX)
            return complain(reader, err, "%s has more than %d values", part_names[part],
                            LIST_VALUES_MAX);
        if (!(part == BYDAY ? read_day(reader, value, err) : read_number(reader, part, value, err)))
            return false;
        value = comma;
    }
    return true;
}

static bool read_until(const struct reader *reader, const char *value, struct error *err)
{
    size_t digits = strspn(value, "0123456789");
    const char *rest = value + digits;
    bool ok = digits == 8 && *rest == '\0';
    if (digits == 8 && *rest == 'T' && strspn(rest + 1, "0123456789") == 6)
        ok = rest[7] == '\0' || strcmp(rest + 7, "Z") == 0;
    return ok || complain(reader, err, "UNTIL=%.40s: expected 20261231, 20261231T235900 (local) or "
                                       "20261231T235900Z", value);
}

static bool read_value(struct reader *reader, enum part part, char *value, struct error *err)
{
    int index;
    switch (part) {
    case FREQ:
        index = word_index(value, frequencies, FREQUENCY_COUNT);
        if (index < 0)
            return complain(reader, err, "FREQ=%.40s: expected SECONDLY, MINUTELY, HOURLY, DAILY, "
                                         "WEEKLY, MONTHLY or YEARLY", value);
        reader->frequency = (enum frequency)index;
        return true;
    case UNTIL:
        return read_until(reader, value, err);
    case WKST:
        return word_index(value, days, 7) >= 0 ||
               complain(reader, err, "WKST=%.40s: expected SU, MO, TU, WE, TH, FR or SA", value);
    case INTERVAL:
    case COUNT:
        return read_number(reader, part, value, err);
    default:
        return read_list(reader, part, value, err);
    }
}

static bool read_part(struct reader *reader, char *text, struct error *err)
{
    char *equals = strchr(text, '=');
    if (equals)
        *equals = '\0';
    int part = word_index(text, part_names, PART_COUNT);
    if (part < 0 || !equals) {
        const char *nearest = part < 0 ? text_nearest(text, part_names, PART_COUNT) : NULL;
        return complain(reader, err, "'%.40s': expected NAME=VALUE with one of FREQ, INTERVAL, COUNT, "
                        "UNTIL, WKST, BYSECOND, BYMINUTE, BYHOUR, BYDAY, BYMONTHDAY, BYYEARDAY, "
                        "BYWEEKNO, BYMONTH, BYSETPOS%s%s%s", text, nearest ? "; did you mean " : "",
                        nearest ? nearest : "", nearest ? "?" : "");
    }
    if (reader->given[part])
        return complain(reader, err, "%s is given twice", text);
    if (part != FREQ && !reader->given[FREQ])
        return complain(reader, err, "'%s': expected FREQ=... first", text);
    reader->given[part] = reader->rule + reader->at;
    return read_value(reader, (enum part)part, equals + 1, err);
}

/* No month among those that are asked for is as long: it would be looked for until the end of time. */
static bool is_never(const struct reader *reader)
{
    static const int lengths[] = {0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (!reader->given[BYMONTH] || !reader->given[BYMONTHDAY])
        return false;
    for (int month = 1; month <= 12; month++)
        if ((reader->months & 1u << month) && reader->month_day_min <= lengths[month])
            return false;
    return true;
}

static bool check_together(struct reader *reader, struct error *err)
{
    const char *rule = reader->rule;
    if (reader->given[BYWEEKNO] && reader->frequency != YEARLY) {
        reader->at = (size_t)(reader->given[BYWEEKNO] - rule);
        return complain(reader, err, "BYWEEKNO has a meaning only with FREQ=YEARLY");
    }
    if (reader->given[BYYEARDAY] && reader->frequency >= DAILY && reader->frequency != YEARLY) {
        reader->at = (size_t)(reader->given[BYYEARDAY] - rule);
        return complain(reader, err, "BYYEARDAY has no meaning with FREQ=%s",
                        frequencies[reader->frequency]);
    }
    if (reader->given[COUNT] && reader->given[UNTIL]) {
        reader->at = (size_t)(reader->given[COUNT] - rule);
        return complain(reader, err, "COUNT and UNTIL exclude each other");
    }
    if (is_never(reader)) {
        reader->at = (size_t)(reader->given[BYMONTHDAY] - rule);
        return complain(reader, err, "never due: no month of BYMONTH has that day of BYMONTHDAY");
    }
    return true;
}

bool rule_check(const char *rule, struct rule_facts *facts, struct error *err)
{
    struct reader reader = {.rule = rule};
    char part[PART_SIZE_MAX + 1];
    for (;;) {
        size_t size = strcspn(rule + reader.at, ";");
        if (size > PART_SIZE_MAX)
            return complain(&reader, err, "a part has at most %d characters", PART_SIZE_MAX);
        memcpy(part, rule + reader.at, size);
        part[size] = '\0';
        if (!read_part(&reader, part, err))
            return false;
        if (!rule[reader.at + size])
            break;
        reader.at += size + 1;
    }
    facts->has_count = reader.given[COUNT] != NULL;
    facts->is_subdaily = reader.frequency < DAILY;
    facts->under_a_minute = reader.counts[BYSECOND] > 1 ||
                            (reader.frequency == SECONDLY && reader.counts[BYSECOND] != 1);
    for (int i = BYDAY; i < PART_COUNT; i++)
        facts->has_by_part |= reader.given[i] != NULL;
    return check_together(&reader, err);
}
