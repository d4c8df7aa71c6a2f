/* SPDX-License-Identifier: MIT */
/*
 * OIC's query argument q: {timewindow:'1h', status:'FAILED', code:'X'}. Keys without quotes, values in
 * single or double ones or bare words, blanks anywhere between; a name also between slashes, which means a
 * part of it. Strict: a key that is not legal, or a value that is none for its key, is an error that names
 * it. Pure but for the clock. Thread-safe.
 */
#ifndef SERVER_API_FILTER_H
#define SERVER_API_FILTER_H
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

#define API_FILTER_VALUE_SIZE 512

enum api_filter_key {
    FILTER_TIMEWINDOW,
    FILTER_STARTDATE,
    FILTER_ENDDATE,
    FILTER_CODE,
    FILTER_VERSION,
    FILTER_STATUS,
    FILTER_PRIMARY_VALUE,
    FILTER_SECONDARY_VALUE,
    FILTER_TERTIARY_VALUE,
    FILTER_BUSINESS_ID,
    FILTER_MIN_DURATION,
    FILTER_MAX_DURATION,
    FILTER_INCLUDE_PURGED,
    FILTER_ID,
    FILTER_RECOVERABLE,
    FILTER_NAME,
    FILTER_ACTOR,
    FILTER_ACTION,
    FILTER_KEY_COUNT,
};
#define FILTER(key) (1u << FILTER_##key)
#define FILTER_TIMES (FILTER(TIMEWINDOW) | FILTER(STARTDATE) | FILTER(ENDDATE))
#define FILTER_FLOW (FILTER(CODE) | FILTER(VERSION))
#define FILTER_TRACKING                                                                            \
    (FILTER(PRIMARY_VALUE) | FILTER(SECONDARY_VALUE) | FILTER(TERTIARY_VALUE) | FILTER(BUSINESS_ID))

struct api_filter {
    unsigned given;          /* bit set of the keys */
    bool is_part_of_name;    /* name:/a part/ */
    int64_t from_ms, to_ms;  /* from timewindow or the dates; 0: open */
    int64_t min_duration_ms, max_duration_ms; /* 0: open */
    char values[FILTER_KEY_COUNT][API_FILTER_VALUE_SIZE]; /* as given; "" where not */
};

/*
 * text: NULL or "" for none. legal: bit set of keys. now_ms: wall clock. Without a timewindow and dates,
 * from_ms is one hour before now_ms if the times are legal. retention_ms: what RETENTIONPERIOD means.
 * ERROR_INVALID.
 */
MUST_USE bool api_filter_parse(struct api_filter *out, const char *text, unsigned legal,
                               int64_t now_ms, int64_t retention_ms, struct error *err);

/* The value, or NULL where the key was not given. */
const char *api_filter_value(const struct api_filter *filter, enum api_filter_key key);

/* Whether name is what the key name asks for; all are where it was not given. */
bool api_filter_takes_name(const struct api_filter *filter, const char *name);

/* Whether the key's value, if it was given, is one of words (NULL-terminated, in any case). ERROR_INVALID. */
MUST_USE bool api_filter_check_word(const struct api_filter *filter, enum api_filter_key key,
                                    const char *const *words, struct error *err);

/* "1h", "2d", "RETENTIONPERIOD" to milliseconds; false: it is none. */
bool api_filter_window(const char *text, int64_t retention_ms, int64_t *window_ms);
/* "2026-11-24 02:37:00" (UTC, also with 'T' between or "Z" behind); false: it is none. */
bool api_filter_date(const char *text, int64_t *wall_ms);
#endif
