/* SPDX-License-Identifier: MIT */
/*
 * Dates of mappings, read and written by patterns of the parts below and of characters that stand
 * for themselves. Gregorian, years 0000 to 9999; no table of time zones, offsets only.
 */
#include <string.h>

#include "mapping_run.h"

#define SHOWN_SIZE_MAX 100u
#define OFFSET_MAX (14 * 60) /* minutes; the farthest zone in use */
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum part { YEAR, MONTH, DAY, HOUR, MINUTE, SECOND, MILLISECOND, PART_COUNT };

struct moment {
    int parts[PART_COUNT];
    int offset; /* minutes east of Greenwich */
    bool has_zone;
};

static const struct {
    const char *pattern;
    int least, most;
} kinds[PART_COUNT] = {{"YYYY", 0, 9999}, {"MM", 1, 12}, {"DD", 1, 31}, {"HH", 0, 23},
                       {"MI", 0, 59},     {"SS", 0, 59}, {"FFF", 0, 999}};
static const char zone_pattern[] = "ZZZ";

/* The part that pattern begins with; PART_COUNT: none. */
static enum part part_at(const char *pattern)
{
    unsigned part = 0;
    while (part < PART_COUNT &&
           strncmp(pattern, kinds[part].pattern, strlen(kinds[part].pattern)) != 0)
        part++;
    return (enum part)part;
}

static bool is_zone(const char *pattern)
{
    return strncmp(pattern, zone_pattern, strlen(zone_pattern)) == 0;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

const char *mapping_date_check(const char *pattern)
{
    bool has_part = false;
    while (*pattern) {
        enum part part = part_at(pattern);
        if (part < PART_COUNT || is_zone(pattern)) {
            has_part = true;
            pattern += part < PART_COUNT ? strlen(kinds[part].pattern) : strlen(zone_pattern);
        } else if (is_letter(*pattern) && *pattern != 'T') {
            return "has a letter that is none of YYYY, MM, DD, HH, MI (minutes), SS, FFF "
                   "(milliseconds), ZZZ (zone) and T";
        } else {
            pattern++;
        }
    }
    return has_part ? NULL : "has no part of a date in it";
}

/* ---- reading ------------------------------------------------------------------------------ */

static bool read_digits(const char **at, size_t count, int *value)
{
    *value = 0;
    for (size_t i = 0; i < count; i++, (*at)++) {
        if (**at < '0' || **at > '9')
            return false;
        *value = *value * 10 + (**at - '0');
    }
    return true;
}

static bool read_part(const char **at, enum part part, struct moment *moment)
{
    int *value = &moment->parts[part];
    return read_digits(at, strlen(kinds[part].pattern), value) && *value >= kinds[part].least &&
           *value <= kinds[part].most;
}

/* "Z", "+01:00" or "+0100". */
static bool read_zone(const char **at, struct moment *moment)
{
    int hours = 0, minutes = 0;
    bool is_west = **at == '-';
    moment->has_zone = true;
    if (**at == 'Z') {
        (*at)++;
        return true;
    }
    if (**at != '+' && !is_west)
        return false;
    (*at)++;
    if (!read_digits(at, 2, &hours))
        return false;
    *at += **at == ':';
    if (!read_digits(at, 2, &minutes) || minutes > 59 || hours * 60 + minutes > OFFSET_MAX)
        return false;
    moment->offset = (hours * 60 + minutes) * (is_west ? -1 : 1);
    return true;
}

static bool read_pattern(const char *at, const char *pattern, struct moment *moment)
{
    while (*pattern) {
        enum part part = part_at(pattern);
        if (part < PART_COUNT) {
            if (!read_part(&at, part, moment))
                return false;
            pattern += strlen(kinds[part].pattern);
        } else if (is_zone(pattern)) {
            if (!read_zone(&at, moment))
                return false;
            pattern += strlen(zone_pattern);
        } else if (*at++ != *pattern++) {
            return false;
        }
    }
    return *at == '\0';
}

/* ".5", ",123456": any number of digits, milliseconds are kept. */
static bool read_fraction(const char **at, struct moment *moment)
{
    if (**at != '.' && **at != ',')
        return true;
    const char *digits = ++*at;
    int scale = 100;
    for (; **at >= '0' && **at <= '9'; (*at)++, scale /= 10)
        moment->parts[MILLISECOND] += (**at - '0') * scale;
    return *at > digits;
}

/* ISO 8601: a date, perhaps a time, perhaps a fraction, perhaps a zone. */
static bool read_iso(const char *at, struct moment *moment)
{
    bool ok = read_part(&at, YEAR, moment) && *at++ == '-' && read_part(&at, MONTH, moment) &&
              *at++ == '-' && read_part(&at, DAY, moment);
    if (!ok || !*at)
        return ok;
    ok = (*at == 'T' || *at == ' ') && (at++, read_part(&at, HOUR, moment)) && *at++ == ':' &&
         read_part(&at, MINUTE, moment);
    if (ok && *at == ':')
        ok = (at++, read_part(&at, SECOND, moment)) && read_fraction(&at, moment);
    return ok && (!*at || (read_zone(&at, moment) && !*at));
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && is_leap);
}

static bool read_moment(const char *text, const char *pattern, struct moment *moment)
{
    *moment = (struct moment){.parts = {[YEAR] = 1970, [MONTH] = 1, [DAY] = 1}};
    bool ok = pattern ? read_pattern(text, pattern, moment) : read_iso(text, moment);
    return ok && moment->parts[DAY] <= days_in_month(moment->parts[YEAR], moment->parts[MONTH]);
}

/* ---- writing ------------------------------------------------------------------------------ */

static void move_day(int *parts, int step)
{
    parts[DAY] += step;
    if (parts[DAY] > 0 && parts[DAY] <= days_in_month(parts[YEAR], parts[MONTH]))
        return;
    parts[MONTH] += step;
    if (parts[MONTH] < 1 || parts[MONTH] > 12) {
        parts[YEAR] += step;
        parts[MONTH] = step > 0 ? 1 : 12;
    }
    parts[DAY] = step > 0 ? 1 : days_in_month(parts[YEAR], parts[MONTH]);
}

/* To Greenwich; the offset is less than a day. */
static void move_to_utc(struct moment *moment)
{
    int minutes = moment->parts[HOUR] * 60 + moment->parts[MINUTE] - moment->offset;
    int step = minutes < 0 ? -1 : minutes >= 24 * 60 ? 1 : 0;
    if (step)
        move_day(moment->parts, step);
    minutes -= step * 24 * 60;
    moment->parts[HOUR] = minutes / 60;
    moment->parts[MINUTE] = minutes % 60;
    moment->offset = 0;
}

static void write_zone(const struct moment *moment, struct text *out)
{
    int minutes = moment->offset < 0 ? -moment->offset : moment->offset;
    if (minutes == 0)
        text_add(out, "Z");
    else
        text_add_format(out, "%c%02d:%02d", moment->offset < 0 ? '-' : '+', minutes / 60,
                        minutes % 60);
}

static void write_pattern(const struct moment *moment, const char *pattern, struct text *out)
{
    while (*pattern) {
        enum part part = part_at(pattern);
        if (part < PART_COUNT) {
            int width = (int)strlen(kinds[part].pattern);
            text_add_format(out, "%0*d", width, moment->parts[part]);
            pattern += width;
        } else if (is_zone(pattern)) {
            write_zone(moment, out);
            pattern += strlen(zone_pattern);
        } else {
            text_add_bytes(out, pattern++, 1);
        }
    }
}

bool mapping_date(const char *text, const char *read, const char *write, bool to_utc,
                  struct text *out, struct text *why)
{
    struct moment moment;
    const char *problem = NULL;
    if (!read_moment(text, read, &moment))
        problem = "is no date of the form ";
    else if (!moment.has_zone && (to_utc || strstr(write, zone_pattern)))
        problem = "has no time zone, which the result needs";
    if (!problem && to_utc)
        move_to_utc(&moment);
    if (!problem && (moment.parts[YEAR] < 0 || moment.parts[YEAR] > 9999))
        problem = "is outside of the years 0000 to 9999";
    if (!problem) {
        write_pattern(&moment, write, out);
        return true;
    }
    text_add(why, "\"");
    text_add_printable(why, text, SHOWN_SIZE_MAX);
    text_add_format(why, "\" %s", problem);
    if (problem[strlen(problem) - 1] == ' ')
        text_add(why, read ? read : "YYYY-MM-DD or YYYY-MM-DDTHH:MI:SS (ISO 8601)");
    return false;
}
