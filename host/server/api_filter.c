/* SPDX-License-Identifier: MIT */
/* A small scanner and a table of keys; see api_filter.h. */
#include "server/api_filter.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/buf.h"
#include "base/text.h"

#define KEY_SIZE 64
#define HOUR_MS 3600000ll
#define DURATION_MAX_MS (366 * 24 * HOUR_MS)

static const char *const names[FILTER_KEY_COUNT] = {
    [FILTER_TIMEWINDOW] = "timewindow",
    [FILTER_STARTDATE] = "startdate",
    [FILTER_ENDDATE] = "enddate",
    [FILTER_CODE] = "code",
    [FILTER_VERSION] = "version",
    [FILTER_STATUS] = "status",
    [FILTER_PRIMARY_VALUE] = "primaryValue",
    [FILTER_SECONDARY_VALUE] = "secondaryValue",
    [FILTER_TERTIARY_VALUE] = "tertiaryValue",
    [FILTER_BUSINESS_ID] = "businessIDValue",
    [FILTER_MIN_DURATION] = "minDuration",
    [FILTER_MAX_DURATION] = "maxDuration",
    [FILTER_INCLUDE_PURGED] = "includePurged",
    [FILTER_ID] = "id",
    [FILTER_RECOVERABLE] = "recoverable",
    [FILTER_NAME] = "name",
    [FILTER_ACTOR] = "actor",
    [FILTER_ACTION] = "action",
};

static const struct window {
    const char *name;
    int64_t ms;
} windows[] = {
    {"1h", HOUR_MS},      {"6h", 6 * HOUR_MS},  {"1d", 24 * HOUR_MS},
    {"2d", 48 * HOUR_MS}, {"3d", 72 * HOUR_MS}, {"RETENTIONPERIOD", 0},
};

bool api_filter_window(const char *text, int64_t retention_ms, int64_t *window_ms)
{
    for (size_t i = 0; i < sizeof windows / sizeof windows[0]; i++) {
        if (strcasecmp(windows[i].name, text) == 0) {
            *window_ms = windows[i].ms ? windows[i].ms : retention_ms;
            return true;
        }
    }
    return false;
}

bool api_filter_date(const char *text, int64_t *wall_ms)
{
    static const char *const forms[] = {"%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S"};
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct tm when = {0};
        const char *end = strptime(text, forms[i], &when);
        int day = when.tm_mday; /* the thirty-first of February would become a day in March */
        if (end && (!*end || strcmp(end, "Z") == 0)) {
            *wall_ms = (int64_t)timegm(&when) * 1000;
            return *wall_ms > 0 && when.tm_mday == day;
        }
    }
    return false;
}

const char *api_filter_value(const struct api_filter *filter, enum api_filter_key key)
{
    return filter->given & (1u << key) ? filter->values[key] : NULL;
}

bool api_filter_takes_name(const struct api_filter *filter, const char *name)
{
    const char *asked = api_filter_value(filter, FILTER_NAME);
    return !asked ||
           (filter->is_part_of_name ? strcasestr(name, asked) != NULL : strcmp(name, asked) == 0);
}

/* ---- scanning --------------------------------------------------------------------------------------- */

static const char *skip_blank(const char *at)
{
    return at + strspn(at, " \t\r\n");
}

static bool expected(const char *text, const char *at, const char *what, struct error *err)
{
    return error_set(err, ERROR_INVALID, "q: expected %s at character %zu (\"%.20s\"); the form is "
                     "{timewindow:'1h', code:'X'}", what, (size_t)(at - text) + 1, at);
}

/* A run of letters, digits and what names and versions hold. */
static size_t word_size(const char *at)
{
    size_t size = 0;
    while (isalnum((unsigned char)at[size]) || (at[size] && strchr("_-.|", at[size])))
        size++;
    return size;
}

static bool scan_key(const char *text, const char **at, char key[KEY_SIZE], struct error *err)
{
    char quote = **at == '\'' || **at == '"' ? **at : '\0';
    const char *start = *at + (quote != '\0');
    size_t size = word_size(start);
    if (size == 0 || size >= KEY_SIZE || (quote && start[size] != quote))
        return expected(text, *at, "a key", err);
    memcpy(key, start, size);
    key[size] = '\0';
    *at = skip_blank(start + size + (quote != '\0'));
    if (**at != ':')
        return expected(text, *at, "':'", err);
    *at = skip_blank(*at + 1);
    return true;
}

/* slash: '/' where it may stand for a quote, else a quote. */
static bool scan_value(const char *text, const char **at, const char *key, char slash,
                       char value[API_FILTER_VALUE_SIZE], struct error *err)
{
    char quote = **at == '\'' || **at == '"' || **at == slash ? **at : '\0';
    const char *start = *at + (quote != '\0');
    const char *end = quote ? strchr(start, quote) : start + word_size(start);
    if (!end || (!quote && end == start))
        return expected(text, *at, quote ? "a closing quote" : "a value", err);
    size_t size = (size_t)(end - start);
    if (size >= API_FILTER_VALUE_SIZE)
        return error_set(err, ERROR_INVALID, "q: the value of '%s' is longer than %d bytes", key,
                         API_FILTER_VALUE_SIZE - 1);
    memcpy(value, start, size);
    value[size] = '\0';
    *at = skip_blank(end + (quote != '\0'));
    return true;
}

/* ---- keys -------------------------------------------------------------------------------------------- */

static bool unknown_key(const char *key, unsigned legal, struct error *err)
{
    const char *candidates[FILTER_KEY_COUNT];
    size_t count = 0;
    struct buf list;
    buf_init(&list, ERROR_MESSAGE_SIZE);
    for (unsigned i = 0; i < FILTER_KEY_COUNT; i++) {
        if (!(legal & (1u << i)))
            continue;
        buf_printf(&list, "%s%s", count ? ", " : "", names[i]);
        candidates[count++] = names[i];
    }
    const char *nearest = text_nearest(key, candidates, count);
    error_set(err, ERROR_INVALID, "q: key '%s' is not known here%s%s%s; legal are %s", key,
              nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "",
              buf_text(&list));
    buf_release(&list);
    return false;
}

static bool find_key(const char *key, unsigned legal, unsigned *found)
{
    for (unsigned i = 0; i < FILTER_KEY_COUNT; i++) {
        if ((legal & (1u << i)) && strcasecmp(names[i], key) == 0) {
            *found = i;
            return true;
        }
    }
    return false;
}

static bool scan_pair(struct api_filter *out, const char *text, const char **at, unsigned legal,
                      struct error *err)
{
    char key[KEY_SIZE];
    unsigned found;
    if (!scan_key(text, at, key, err))
        return false;
    if (!find_key(key, legal, &found))
        return unknown_key(key, legal, err);
    if (out->given & (1u << found))
        return error_set(err, ERROR_INVALID, "q: key '%s' is given twice", key);
    out->given |= 1u << found;
    if (found == FILTER_NAME)
        out->is_part_of_name = **at == '/';
    return scan_value(text, at, key, found == FILTER_NAME ? '/' : '\'', out->values[found], err);
}

static bool scan(struct api_filter *out, const char *text, unsigned legal, struct error *err)
{
    const char *at = skip_blank(text);
    if (*at != '{')
        return expected(text, at, "'{'", err);
    at = skip_blank(at + 1);
    while (*at != '}') {
        if (!scan_pair(out, text, &at, legal, err))
            return false;
        if (*at == ',')
            at = skip_blank(at + 1);
        else if (*at != '}')
            return expected(text, at, "',' or '}'", err);
    }
    at = skip_blank(at + 1);
    return !*at || expected(text, at, "nothing more", err);
}

/* ---- values ------------------------------------------------------------------------------------------ */

static bool bad_value(const struct api_filter *filter, enum api_filter_key key, const char *wanted,
                      struct error *err)
{
    return error_set(err, ERROR_INVALID, "q: %s '%.64s': expected %s", names[key],
                     filter->values[key], wanted);
}

static bool read_date(const struct api_filter *filter, enum api_filter_key key, int64_t *wall_ms,
                      struct error *err)
{
    const char *text = api_filter_value(filter, key);
    return !text || api_filter_date(text, wall_ms) ||
           bad_value(filter, key, "a date and time in UTC such as 2026-11-24 02:37:00", err);
}

static bool read_times(struct api_filter *filter, unsigned legal, int64_t now_ms,
                       int64_t retention_ms, struct error *err)
{
    int64_t window_ms = HOUR_MS;
    const char *window = api_filter_value(filter, FILTER_TIMEWINDOW);
    bool has_dates = filter->given & (FILTER(STARTDATE) | FILTER(ENDDATE));
    if (window && !api_filter_window(window, retention_ms, &window_ms))
        return bad_value(filter, FILTER_TIMEWINDOW, "1h, 6h, 1d, 2d, 3d or RETENTIONPERIOD", err);
    if (window && has_dates)
        return error_set(err, ERROR_INVALID, "q: give timewindow, or startdate and enddate, not both");
    if ((legal & FILTER(TIMEWINDOW)) && !has_dates)
        filter->from_ms = now_ms > window_ms ? now_ms - window_ms : 0;
    if (!read_date(filter, FILTER_STARTDATE, &filter->from_ms, err) ||
        !read_date(filter, FILTER_ENDDATE, &filter->to_ms, err))
        return false;
    if (filter->to_ms && filter->from_ms > filter->to_ms)
        return error_set(err, ERROR_INVALID, "q: startdate is after enddate");
    return true;
}

static bool read_duration(const struct api_filter *filter, enum api_filter_key key, int64_t *ms,
                          struct error *err)
{
    const char *text = api_filter_value(filter, key);
    return !text || text_parse_int(text, 0, DURATION_MAX_MS, ms) ||
           bad_value(filter, key, "a whole number of milliseconds", err);
}

static bool read_word(const struct api_filter *filter, enum api_filter_key key,
                      const char *const *words, const char *wanted, struct error *err)
{
    const char *text = api_filter_value(filter, key);
    for (size_t i = 0; text && words[i]; i++)
        if (strcasecmp(words[i], text) == 0)
            return true;
    return !text || bad_value(filter, key, wanted, err);
}

static bool read_values(struct api_filter *filter, struct error *err)
{
    static const char *const purged[] = {"yes", "no", NULL};
    static const char *const flags[] = {"true", "false", NULL};
    return read_duration(filter, FILTER_MIN_DURATION, &filter->min_duration_ms, err) &&
           read_duration(filter, FILTER_MAX_DURATION, &filter->max_duration_ms, err) &&
           read_word(filter, FILTER_INCLUDE_PURGED, purged,
                     "yes or no (what was purged is gone either way)", err) &&
           read_word(filter, FILTER_RECOVERABLE, flags, "true or false", err);
}

bool api_filter_check_word(const struct api_filter *filter, enum api_filter_key key,
                           const char *const *words, struct error *err)
{
    char wanted[256] = "";
    for (size_t i = 0; words[i]; i++) {
        size_t size = strlen(wanted);
        snprintf(wanted + size, sizeof wanted - size, "%s%s", i ? ", " : "", words[i]);
    }
    return read_word(filter, key, words, wanted, err);
}

bool api_filter_parse(struct api_filter *out, const char *text, unsigned legal, int64_t now_ms,
                      int64_t retention_ms, struct error *err)
{
    *out = (struct api_filter){.given = 0};
    if (text && *skip_blank(text) && !scan(out, text, legal, err))
        return false;
    return read_times(out, legal, now_ms, retention_ms, err) && read_values(out, err);
}
