/* SPDX-License-Identifier: MIT */
/*
 * Parsers of listing lines. Pure. A Unix line is recognised by its permissions and by the first
 * "size, date, time" in it, so that owners, groups and link counts may be there or not.
 */
#include "transfer/ftp_listing.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"

#define TOKENS_MAX 12 /* permissions, links, owner, group, size, date in up to three, and spare */
#define DAY_S 86400

struct token {
    const char *bytes;
    size_t size;
};

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

/* All of the token is a decimal number that fits. */
static bool token_number(struct token token, uint64_t max, uint64_t *value)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < token.size; i++) {
        if (!is_digit(token.bytes[i]))
            return false;
        uint64_t digit = (uint64_t)(token.bytes[i] - '0');
        if (sum > (UINT64_MAX - digit) / 10)
            return false;
        sum = sum * 10 + digit;
    }
    *value = sum;
    return token.size > 0 && sum <= max;
}

/* ---- dates ----------------------------------------------------------------------------------- */

struct date {
    uint64_t year, month, day, hour, minute, second; /* month 0: not known */
};

/* Days since 1970-01-01 of a date in the proleptic Gregorian calendar. */
static int64_t days_from_civil(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static bool date_is_valid(const struct date *date)
{
    return date->year >= 1970 && date->year <= 9999 && date->month >= 1 && date->month <= 12 &&
           date->day >= 1 && date->day <= 31 && date->hour <= 23 && date->minute <= 59 &&
           date->second <= 60;
}

/* 0 for a date that is none: "not told". */
static int64_t date_seconds(const struct date *date)
{
    if (!date_is_valid(date))
        return 0;
    int64_t days = days_from_civil((int64_t)date->year, (int64_t)date->month, (int64_t)date->day);
    return days * DAY_S + (int64_t)(date->hour * 3600 + date->minute * 60 + date->second);
}

static uint64_t year_of(int64_t now_s)
{
    uint64_t year = 1970;
    while (year < 9999 && days_from_civil((int64_t)year + 1, 1, 1) * DAY_S <= now_s)
        year++;
    return year;
}

/* "Nov 24 02:00" is of this year, or of the last one if that would lie in the future. */
static int64_t date_seconds_this_year(struct date *date, int64_t now_s)
{
    date->year = year_of(now_s);
    int64_t seconds = date_seconds(date);
    if (seconds > now_s + DAY_S) {
        date->year--;
        seconds = date_seconds(date);
    }
    return seconds;
}

/* "02:37" or "02:37:59". */
static bool token_time(struct token token, struct date *date)
{
    const char *colon = memchr(token.bytes, ':', token.size);
    if (!colon)
        return false;
    struct token hour = {token.bytes, (size_t)(colon - token.bytes)};
    struct token minute = {colon + 1, token.size - hour.size - 1};
    struct token second = {"0", 1};
    const char *more = memchr(minute.bytes, ':', minute.size);
    if (more) {
        second = (struct token){more + 1, minute.size - (size_t)(more - minute.bytes) - 1};
        minute.size = (size_t)(more - minute.bytes);
    }
    return hour.size <= 2 && token_number(hour, 23, &date->hour) &&
           token_number(minute, 59, &date->minute) && token_number(second, 60, &date->second);
}

/* English month names give the month; other words are taken for a month of another language. */
static bool token_month(struct token token, struct date *date)
{
    static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";
    if (token.size == 0 || token.size > 12 || is_digit(token.bytes[0]))
        return false;
    for (size_t i = 0; i < token.size; i++)
        if (memchr(":,;/\\", token.bytes[i], 5))
            return false;
    date->month = 0;
    for (uint64_t month = 0; month < 12 && token.size == 3; month++)
        if (strncasecmp(token.bytes, names + month * 3, 3) == 0)
            date->month = month + 1;
    return true;
}

/* "2026-11-24". */
static bool token_iso_date(struct token token, struct date *date)
{
    return token.size == 10 && token.bytes[4] == '-' && token.bytes[7] == '-' &&
           token_number((struct token){token.bytes, 4}, 9999, &date->year) &&
           token_number((struct token){token.bytes + 5, 2}, 12, &date->month) &&
           token_number((struct token){token.bytes + 8, 2}, 31, &date->day);
}

/* ---- Unix ------------------------------------------------------------------------------------ */

static size_t split(const char *line, size_t size, struct token tokens[static TOKENS_MAX])
{
    size_t count = 0;
    for (size_t at = 0; at < size && count < TOKENS_MAX;) {
        while (at < size && is_blank(line[at]))
            at++;
        size_t start = at;
        while (at < size && !is_blank(line[at]))
            at++;
        if (at > start)
            tokens[count++] = (struct token){line + start, at - start};
    }
    return count;
}

static bool token_permissions(struct token token)
{
    if (token.size < 10 || !memchr("-dlbcpsDC", token.bytes[0], 9))
        return false;
    for (size_t i = 1; i < 10; i++)
        if (!memchr("rwxsStTlL-", token.bytes[i], 10))
            return false;
    return token.size == 10 || (token.size == 11 && memchr("+.@", token.bytes[10], 3));
}

/* Date and time in tokens: gives the number of tokens that they take, 0 if they are none. */
static size_t tokens_date(const struct token *tokens, size_t count, int64_t now_s, int64_t *seconds)
{
    struct date date = {0};
    if (count >= 2 && token_iso_date(tokens[0], &date) && token_time(tokens[1], &date)) {
        *seconds = date_seconds(&date);
        return 2;
    }
    if (count < 3)
        return 0;
    bool month_first = token_month(tokens[0], &date) && token_number(tokens[1], 31, &date.day);
    bool day_first =
        !month_first && token_number(tokens[0], 31, &date.day) && token_month(tokens[1], &date);
    if ((!month_first && !day_first) || date.day == 0)
        return 0;
    if (token_time(tokens[2], &date))
        *seconds = date.month ? date_seconds_this_year(&date, now_s) : 0;
    else if (tokens[2].size == 4 && token_number(tokens[2], 9999, &date.year) && date.year >= 1970)
        *seconds = date_seconds(&date);
    else
        return 0;
    return 3;
}

static bool is_total(const struct token *tokens, size_t count)
{
    uint64_t ignored;
    return count == 2 && tokens[0].size == 5 && strncasecmp(tokens[0].bytes, "total", 5) == 0 &&
           token_number(tokens[1], UINT64_MAX, &ignored);
}

static enum listing_line parse_unix(const char *line, size_t size, const struct token *tokens,
                                    size_t count, int64_t now_s, struct listing_name *name,
                                    struct sluice_file_info *info)
{
    /* Device files have "major, minor" for a size: their type alone decides. */
    if (!memchr("-l", tokens[0].bytes[0], 2))
        return LINE_OTHER;
    for (size_t i = 2; i < count; i++) {
        if (!token_number(tokens[i], UINT64_MAX, &info->size))
            continue;
        size_t used = tokens_date(tokens + i + 1, count - i - 1, now_s, &info->modified_s);
        if (used == 0)
            continue;
        const struct token *last = &tokens[i + used];
        size_t start = (size_t)(last->bytes + last->size - line) + 1; /* one blank, then the name */
        if (start >= size)
            return LINE_UNPARSED;
        *name = (struct listing_name){line + start, size - start};
        return tokens[0].bytes[0] == '-' ? LINE_FILE : LINE_OTHER;
    }
    return LINE_UNPARSED;
}

/* ---- DOS ------------------------------------------------------------------------------------- */

/* "11-24-26" or "11-24-2026". */
static bool token_dos_date(struct token token, struct date *date)
{
    if ((token.size != 8 && token.size != 10) || token.bytes[2] != '-' || token.bytes[5] != '-')
        return false;
    if (!token_number((struct token){token.bytes, 2}, 12, &date->month) ||
        !token_number((struct token){token.bytes + 3, 2}, 31, &date->day) ||
        !token_number((struct token){token.bytes + 6, token.size - 6}, 9999, &date->year))
        return false;
    if (token.size == 8)
        date->year += date->year < 70 ? 2000 : 1900;
    return true;
}

/* "02:37AM", "14:37"; the AM or PM may be a token of its own: *used counts it. */
static bool tokens_dos_time(const struct token *tokens, struct date *date, size_t *used)
{
    struct token time = tokens[0], half = tokens[1];
    *used = 1;
    if (time.size > 2 && strncasecmp(time.bytes + time.size - 1, "m", 1) == 0) {
        half = (struct token){time.bytes + time.size - 2, 2};
        time.size -= 2;
    } else if (half.size == 2 && strncasecmp(half.bytes + 1, "m", 1) == 0) {
        *used = 2;
    } else {
        return token_time(time, date);
    }
    bool is_pm = strncasecmp(half.bytes, "p", 1) == 0;
    if ((!is_pm && strncasecmp(half.bytes, "a", 1) != 0) || !token_time(time, date) ||
        date->hour > 12)
        return false;
    date->hour = date->hour % 12 + (is_pm ? 12 : 0);
    return true;
}

static enum listing_line parse_dos(const char *line, size_t size, const struct token *tokens,
                                   size_t count, struct listing_name *name,
                                   struct sluice_file_info *info)
{
    struct date date = {0};
    size_t used;
    if (count < 4 || !token_dos_date(tokens[0], &date) ||
        !tokens_dos_time(tokens + 1, &date, &used) || count < used + 3)
        return LINE_UNPARSED;
    struct token what = tokens[1 + used];
    if (what.bytes[0] == '<') /* <DIR>, <JUNCTION>, <SYMLINK> */
        return LINE_OTHER;
    if (!token_number(what, UINT64_MAX, &info->size))
        return LINE_UNPARSED;
    info->modified_s = date_seconds(&date);
    size_t start = (size_t)(what.bytes + what.size - line) + 1;
    *name = (struct listing_name){line + start, size - start};
    return LINE_FILE;
}

static enum listing_line parse_list(const char *line, size_t size, int64_t now_s,
                                    struct listing_name *name, struct sluice_file_info *info)
{
    struct token tokens[TOKENS_MAX];
    size_t count = split(line, size, tokens);
    if (count == 0 || is_total(tokens, count))
        return LINE_NOTHING;
    if (token_permissions(tokens[0]))
        return parse_unix(line, size, tokens, count, now_s, name, info);
    return parse_dos(line, size, tokens, count, name, info);
}

/* ---- MLSD ------------------------------------------------------------------------------------ */

/* "20261124023700" with an optional fraction (RFC 3659 section 2.3), always UTC. */
int64_t listing_parse_time(const char *text, size_t size)
{
    struct date date = {0};
    if (size < 14 || (size > 14 && text[14] != '.'))
        return 0;
    bool ok = token_number((struct token){text, 4}, 9999, &date.year) &&
              token_number((struct token){text + 4, 2}, 12, &date.month) &&
              token_number((struct token){text + 6, 2}, 31, &date.day) &&
              token_number((struct token){text + 8, 2}, 23, &date.hour) &&
              token_number((struct token){text + 10, 2}, 59, &date.minute) &&
              token_number((struct token){text + 12, 2}, 60, &date.second);
    return ok ? date_seconds(&date) : 0;
}

static bool is_fact(const char *fact, size_t size, const char *key)
{
    return size > strlen(key) && strncasecmp(fact, key, strlen(key)) == 0;
}

static bool is_value(const char *fact, size_t size, const char *text)
{
    return size == strlen(text) && strncasecmp(fact, text, size) == 0;
}

static enum listing_line parse_mlsd(const char *line, size_t size, struct listing_name *name,
                                    struct sluice_file_info *info)
{
    enum listing_line kind = LINE_UNPARSED;
    bool has_size = false;
    if (size > 0 && line[0] == ' ') { /* some servers indent lines, as in the answer to MLST */
        line++;
        size--;
    }
    for (;;) {
        if (size == 0)
            return LINE_UNPARSED;
        if (line[0] == ' ') /* the facts have ended; the rest is the name, blanks and all */
            break;
        const char *end = memchr(line, ';', size);
        if (!end)
            return LINE_UNPARSED;
        size_t length = (size_t)(end - line);
        if (is_fact(line, length, "type="))
            kind = is_value(line + 5, length - 5, "file") ? LINE_FILE : LINE_OTHER;
        else if (is_fact(line, length, "size=")) {
            if (!token_number((struct token){line + 5, length - 5}, UINT64_MAX, &info->size))
                return LINE_UNPARSED;
            has_size = true;
        } else if (is_fact(line, length, "modify="))
            info->modified_s = listing_parse_time(line + 7, length - 7);
        line = end + 1;
        size -= length + 1;
    }
    if (size < 2)
        return LINE_UNPARSED;
    *name = (struct listing_name){line + 1, size - 1};
    info->flags = has_size ? 0 : SLUICE_FILE_SIZE_UNKNOWN;
    return kind;
}

enum listing_line listing_parse(enum listing_format format, const char *line, size_t size,
                                int64_t now_s, struct listing_name *name,
                                struct sluice_file_info *info)
{
    *name = (struct listing_name){line, 0};
    *info = (struct sluice_file_info){0};
    if (size == 0)
        return LINE_NOTHING;
    if (format == LISTING_MLSD)
        return parse_mlsd(line, size, name, info);
    return parse_list(line, size, now_s, name, info);
}

/* ---- the stream ------------------------------------------------------------------------------ */

void listing_stream_init(struct listing_stream *stream, enum listing_format format,
                         const char *prefix, int64_t now_s, struct remote_listing *out)
{
    stream->format = format;
    stream->prefix = prefix;
    stream->now_s = now_s;
    stream->out = out;
    stream->received = 0;
    stream->line_size = 0;
    stream->line_is_long = false;
}

static bool stream_line(struct listing_stream *stream, struct error *err)
{
    struct listing_name name;
    struct sluice_file_info info;
    size_t size = stream->line_size;
    if (size > 0 && stream->line[size - 1] == '\r')
        size--;
    enum listing_line kind = LINE_UNPARSED;
    if (!stream->line_is_long)
        kind = listing_parse(stream->format, stream->line, size, stream->now_s, &name, &info);
    if (kind == LINE_UNPARSED)
        listing_note_unparsed(stream->out, stream->line, size);
    stream->out->understood += kind == LINE_FILE || kind == LINE_OTHER;
    stream->line_size = 0;
    stream->line_is_long = false;
    if (kind != LINE_FILE)
        return true;
    size_t prefix_size = strlen(stream->prefix);
    if (name.size < prefix_size || memcmp(name.bytes, stream->prefix, prefix_size) != 0)
        return true;
    return listing_add(stream->out, name.bytes, name.size, &info, err);
}

static void stream_collect(struct listing_stream *stream, const char *bytes, size_t size)
{
    if (size > sizeof stream->line - stream->line_size) {
        stream->line_is_long = true;
        size = sizeof stream->line - stream->line_size;
    }
    memcpy(stream->line + stream->line_size, bytes, size);
    stream->line_size += size;
}

bool listing_stream_feed(struct listing_stream *stream, const char *bytes, size_t size,
                         struct error *err)
{
    stream->received += size;
    if (stream->received > LISTING_BYTES_MAX)
        return error_set(err, ERROR_LIMIT, "the listing has more than %u bytes", LISTING_BYTES_MAX);
    while (size > 0) {
        const char *end = memchr(bytes, '\n', size);
        size_t length = end ? (size_t)(end - bytes) : size;
        stream_collect(stream, bytes, length);
        if (!end)
            return true;
        if (!stream_line(stream, err))
            return false;
        bytes = end + 1;
        size -= length + 1;
    }
    return true;
}

bool listing_stream_finish(struct listing_stream *stream, struct error *err)
{
    if (stream->line_size > 0 || stream->line_is_long) {
        error_set(err, ERROR_BROKEN, "the listing was cut in the middle of a line");
        return error_advise(err, RETRY_LATER);
    }
    return true;
}
