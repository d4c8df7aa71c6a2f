/* SPDX-License-Identifier: MIT */
/* Parses answers of Object Storage; see object_listing.h. */
#include "transfer/object_listing.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "transfer/content_server.h"

#define SIZE_EXACT_MAX 9007199254740992.0 /* 2^53: what a JSON number of cJSON carries exactly */

static bool append_object(const cJSON *object, struct remote_listing *out, struct error *err)
{
    const char *name = json_text(object, "name");
    const cJSON *size = cJSON_GetObjectItemCaseSensitive(object, "size");
    const char *modified = json_text(object, "timeModified");
    out->understood++;
    if (name && name[0] && name[strlen(name) - 1] == '/')
        return true;
    if (!name || !name[0] || strlen(name) > OBJECT_NAME_SIZE_MAX || !cJSON_IsNumber(size) ||
        size->valuedouble < 0 || size->valuedouble > SIZE_EXACT_MAX) {
        out->understood--;
        listing_note_unparsed(out, name ? name : "", name ? strlen(name) : 0);
        return true;
    }
    const struct sluice_file_info info = {
        .size = (uint64_t)size->valuedouble,
        .modified_s = modified ? object_time_parse(modified) : 0,
    };
    return listing_add(out, name, strlen(name), &info, err);
}

static bool append_page(const cJSON *page, struct remote_listing *out, struct buf *next,
                        struct error *err)
{
    const cJSON *objects = cJSON_GetObjectItemCaseSensitive(page, "objects");
    const cJSON *following = cJSON_GetObjectItemCaseSensitive(page, "nextStartWith");
    bool has_next = following && !cJSON_IsNull(following);
    if (!cJSON_IsArray(objects) || (has_next && !cJSON_IsString(following)))
        return error_set(err, ERROR_BROKEN, "the answer is not a listing of objects");
    const cJSON *object;
    cJSON_ArrayForEach(object, objects)
        if (!append_object(object, out, err))
            return false;
    buf_clear(next);
    buf_append_text(next, has_next ? following->valuestring : "");
    return !next->failed ||
           error_set(err, ERROR_BROKEN, "nextStartWith is longer than a name can be");
}

bool object_listing_append(const char *text, size_t size, struct remote_listing *out,
                           struct buf *next, struct error *err)
{
    struct error why = {0};
    cJSON *page = json_parse(text, size, "listing", JSON_STRICT, &why);
    if (!page)
        return error_set(err, why.kind == ERROR_LIMIT ? ERROR_LIMIT : ERROR_BROKEN,
                         "the listing cannot be read: %s", why.message);
    bool ok = append_page(page, out, next, err);
    cJSON_Delete(page);
    return ok;
}

/* ---- times ---- */

/* Days since 1970-01-01 of a date of the proleptic Gregorian calendar. */
static int64_t days_from_civil(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
           719468;
}

/* Reads exactly count digits; advances. */
static bool digits(const char **at, int count, int64_t min, int64_t max, int64_t *value)
{
    *value = 0;
    for (int i = 0; i < count; i++, (*at)++) {
        if (!isdigit((unsigned char)**at))
            return false;
        *value = *value * 10 + (**at - '0');
    }
    return *value >= min && *value <= max;
}

static bool literal(const char **at, char byte)
{
    if (**at != byte)
        return false;
    (*at)++;
    return true;
}

static bool clock_time(const char **at, int64_t *seconds)
{
    int64_t hour, minute, second;
    if (!digits(at, 2, 0, 23, &hour) || !literal(at, ':') || !digits(at, 2, 0, 59, &minute) ||
        !literal(at, ':') || !digits(at, 2, 0, 60, &second))
        return false;
    *seconds = hour * 3600 + minute * 60 + second;
    return true;
}

static bool zone(const char **at, int64_t *offset_s)
{
    *offset_s = 0;
    if (literal(at, 'Z') || literal(at, 'z'))
        return **at == '\0';
    int64_t sign = **at == '-' ? -1 : 1, hours, minutes;
    if ((!literal(at, '+') && !literal(at, '-')) || !digits(at, 2, 0, 23, &hours) ||
        !literal(at, ':') || !digits(at, 2, 0, 59, &minutes))
        return false;
    *offset_s = sign * (hours * 3600 + minutes * 60);
    return **at == '\0';
}

int64_t object_time_parse(const char *text)
{
    int64_t year, month, day, seconds, offset_s;
    if (!digits(&text, 4, 1970, 9999, &year) || !literal(&text, '-') ||
        !digits(&text, 2, 1, 12, &month) || !literal(&text, '-') ||
        !digits(&text, 2, 1, 31, &day) || (!literal(&text, 'T') && !literal(&text, 't')) ||
        !clock_time(&text, &seconds))
        return 0;
    if (literal(&text, '.'))
        text += strspn(text, "0123456789");
    if (!zone(&text, &offset_s))
        return 0;
    return days_from_civil(year, month, day) * 86400 + seconds - offset_s;
}

int64_t object_http_date_parse(const char *text)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    int64_t day, year, seconds;
    const char *comma = strchr(text, ',');
    if (!comma || comma[1] != ' ')
        return 0;
    text = comma + 2;
    if (!digits(&text, 2, 1, 31, &day) || !literal(&text, ' ') || strlen(text) < 4)
        return 0;
    char name[4] = {text[0], text[1], text[2], '\0'};
    const char *month = strstr(months, name);
    text += 3;
    if (!month || (month - months) % 3 != 0 || !literal(&text, ' ') ||
        !digits(&text, 4, 1970, 9999, &year) || !literal(&text, ' ') ||
        !clock_time(&text, &seconds) || strcmp(text, " GMT") != 0)
        return 0;
    return days_from_civil(year, (month - months) / 3 + 1, day) * 86400 + seconds;
}

/* ---- errors and names ---- */

#define ERROR_TEXT_SIZE_MAX 300

/* At most size_max bytes, cut between characters. */
static void append_printable(struct buf *out, const char *text, size_t size_max)
{
    size_t size = strnlen(text, size_max);
    while (size > 0 && ((unsigned char)text[size] & 0xC0) == 0x80)
        size--;
    for (size_t i = 0; i < size; i++)
        buf_append_char(out, (unsigned char)text[i] < 0x20 || text[i] == 0x7F ? ' ' : text[i]);
}

void object_error_text(const struct buf *body, struct buf *out)
{
    struct error ignored;
    cJSON *value = json_parse(buf_text(body), body->size, "answer", JSON_STRICT, &ignored);
    const char *code = json_text(value, "code"), *message = json_text(value, "message");
    if (code) {
        append_printable(out, code, 60);
        buf_append_text(out, message ? ": " : "");
    }
    if (message)
        append_printable(out, message, ERROR_TEXT_SIZE_MAX - 62);
    else if (!code && text_is_utf8(buf_text(body), body->size))
        append_printable(out, buf_text(body), ERROR_TEXT_SIZE_MAX);
    cJSON_Delete(value);
}

bool object_check_name(const char *name, struct error *err)
{
    size_t size = strlen(name);
    if (size == 0 || size > OBJECT_NAME_SIZE_MAX)
        return error_set(err, ERROR_INVALID, "an object's name holds 1 to %u bytes, not %zu",
                         OBJECT_NAME_SIZE_MAX, size);
    if (!text_is_utf8(name, size) || text_has_control(name))
        return error_set(err, ERROR_INVALID,
                         "an object's name is UTF-8 text without control bytes");
    return true;
}
