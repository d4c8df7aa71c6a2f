/* SPDX-License-Identifier: MIT */
/* One format, read strictly; see rfc3339.h. */
#include "base/rfc3339.h"

#include <stddef.h>
#include <string.h>
#include <time.h>

/* Reads text against pattern: 'd' is a digit whose value is added to the next number (numbers end
 * where the digits do), anything else stands for itself. */
static const char *read_pattern(const char *text, const char *pattern, int *numbers)
{
    int count = -1;
    char before = ' ';
    for (; *pattern; pattern++, text++) {
        if (*pattern == 'd') {
            if (*text < '0' || *text > '9')
                return NULL;
            if (before != 'd')
                numbers[++count] = 0;
            numbers[count] = numbers[count] * 10 + (*text - '0');
        } else if (*text != *pattern && !(*pattern == 'T' && *text == 't')) {
            return NULL;
        }
        before = *pattern;
    }
    return text;
}

static const char *read_fraction(const char *text, int64_t *ms)
{
    static const int weights[] = {100, 10, 1};
    *ms = 0;
    if (*text != '.')
        return text;
    size_t count = strspn(text + 1, "0123456789");
    for (size_t i = 0; i < count && i < 3; i++)
        *ms += weights[i] * (text[1 + i] - '0');
    return count > 0 ? text + 1 + count : NULL;
}

static bool read_offset(const char *text, int64_t *offset_s)
{
    int numbers[2];
    *offset_s = 0;
    if ((*text == 'Z' || *text == 'z') && text[1] == '\0')
        return true;
    if (*text != '+' && *text != '-')
        return false;
    const char *end = read_pattern(text + 1, "dd:dd", numbers);
    if (!end || *end || numbers[0] > 23 || numbers[1] > 59)
        return false;
    *offset_s = (int64_t)(numbers[0] * 60 + numbers[1]) * (*text == '-' ? -60 : 60);
    return true;
}

bool rfc3339_parse(const char *text, int64_t *wall_ms)
{
    int numbers[6];
    int64_t ms, offset_s;
    const char *at = read_pattern(text, "dddd-dd-ddTdd:dd:dd", numbers);
    at = at ? read_fraction(at, &ms) : NULL;
    if (!at || !read_offset(at, &offset_s) || numbers[0] < 1970 || numbers[3] > 23 ||
        numbers[4] > 59 || numbers[5] > 60)
        return false;
    struct tm fields = {
        .tm_year = numbers[0] - 1900, .tm_mon = numbers[1] - 1, .tm_mday = numbers[2],
        .tm_hour = numbers[3], .tm_min = numbers[4]};
    int64_t seconds = timegm(&fields);
    if (fields.tm_mon != numbers[1] - 1 || fields.tm_mday != numbers[2]) /* 30 February */
        return false;
    *wall_ms = (seconds + numbers[5] - offset_s) * 1000 + ms;
    return *wall_ms >= 0;
}
