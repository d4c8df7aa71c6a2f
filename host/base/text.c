/* SPDX-License-Identifier: MIT */
/* Pure text helpers; see text.h. */
#include "base/text.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Length of the well-formed sequence at bytes, or 0. Table 3-7 of the Unicode standard. */
static size_t utf8_sequence(const unsigned char *bytes, size_t size)
{
    unsigned char lead = bytes[0];
    if (lead == 0)
        return 0;
    if (lead < 0x80)
        return 1;
    size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || length > size)
        return 0;
    unsigned char low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    unsigned char high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    if (bytes[1] < low || bytes[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if ((bytes[i] & 0xC0) != 0x80)
            return 0;
    return length;
}

bool text_is_utf8(const char *bytes, size_t size)
{
    const unsigned char *at = (const unsigned char *)bytes;
    while (size > 0) {
        size_t length = utf8_sequence(at, size);
        if (length == 0)
            return false;
        at += length;
        size -= length;
    }
    return true;
}

bool text_has_control(const char *text)
{
    for (const unsigned char *at = (const unsigned char *)text; *at; at++)
        if (*at < 0x20 || *at == 0x7F)
            return true;
    return false;
}

static int next_significant(const char **at)
{
    while (**at) {
        unsigned char byte = (unsigned char)*(*at)++;
        if (byte >= 0x80 || isdigit(byte))
            return byte;
        if (isalpha(byte))
            return tolower(byte);
    }
    return 0;
}

bool text_same_name(const char *a, const char *b)
{
    int left, right;
    do {
        left = next_significant(&a);
        right = next_significant(&b);
    } while (left && left == right);
    return left == right;
}

#define NEAREST_LENGTH_MAX 127

static size_t edit_distance(const char *a, const char *b)
{
    size_t row[NEAREST_LENGTH_MAX + 1];
    size_t b_length = strlen(b);
    for (size_t j = 0; j <= b_length; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            int same = tolower((unsigned char)a[i - 1]) == tolower((unsigned char)b[j - 1]);
            size_t best = diagonal + (same ? 0 : 1);
            diagonal = row[j];
            best = row[j] + 1 < best ? row[j] + 1 : best;
            row[j] = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
        }
    }
    return row[b_length];
}

const char *text_nearest(const char *wanted, const char *const *candidates, size_t count)
{
    const char *nearest = NULL;
    size_t best = strlen(wanted) / 3 + 2;
    if (strlen(wanted) > NEAREST_LENGTH_MAX)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        if (strlen(candidates[i]) > NEAREST_LENGTH_MAX)
            continue;
        size_t distance = edit_distance(wanted, candidates[i]);
        if (distance < best) {
            best = distance;
            nearest = candidates[i];
        }
    }
    return nearest;
}

bool text_parse_size(const char *text, uint64_t *bytes)
{
    static const struct {
        const char *name;
        uint64_t factor;
    } units[] = {
        {"", 1},           {"B", 1},
        {"kB", 1000},      {"MB", 1000000},
        {"GB", 1000000000}, {"KiB", 1ull << 10},
        {"MiB", 1ull << 20}, {"GiB", 1ull << 30},
        {"TiB", 1ull << 40},
    };
    if (!isdigit((unsigned char)*text))
        return false;
    char *end;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    while (*end == ' ')
        end++;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcasecmp(end, units[i].name) == 0 && errno == 0)
            return !__builtin_mul_overflow((uint64_t)number, units[i].factor, bytes);
    }
    return false;
}

bool text_parse_int(const char *text, int64_t min, int64_t max, int64_t *value)
{
    const char *digits = *text == '-' ? text + 1 : text;
    if (!isdigit((unsigned char)*digits))
        return false;
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (errno != 0 || *end != '\0' || number < min || number > max)
        return false;
    *value = number;
    return true;
}

static int hex_digit(char byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    int letter = tolower((unsigned char)byte);
    return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

bool text_decode_percent(const char *text, bool plus, char *out, size_t out_size)
{
    size_t size = 0;
    for (; *text; text++) {
        char byte = plus && *text == '+' ? ' ' : *text;
        if (byte == '%') {
            int high = hex_digit(text[1]), low = high < 0 ? -1 : hex_digit(text[2]);
            if (low < 0)
                return false;
            byte = (char)(high << 4 | low);
            text += 2;
        }
        if (size + 1 >= out_size)
            return false;
        out[size++] = byte;
    }
    if (out_size == 0)
        return false;
    out[size] = '\0';
    return text_is_utf8(out, size) && !text_has_control(out);
}

static int base64_digit(char byte, enum base64 form)
{
    if (byte >= 'A' && byte <= 'Z')
        return byte - 'A';
    if (byte >= 'a' && byte <= 'z')
        return byte - 'a' + 26;
    if (byte >= '0' && byte <= '9')
        return byte - '0' + 52;
    if (byte == (form == BASE64_URL ? '-' : '+'))
        return 62;
    return byte == (form == BASE64_URL ? '_' : '/') ? 63 : -1;
}

bool text_decode_base64(const char *text, size_t size, enum base64 form, void *out, size_t room,
                        size_t *out_size)
{
    unsigned char *at = out;
    unsigned bits = 0, held = 0;
    size_t digits = size, filled = 0;
    if (form == BASE64_PADDED) {
        if (size % 4 != 0)
            return false;
        while (digits > 0 && size - digits < 2 && text[digits - 1] == '=')
            digits--;
    }
    if (digits % 4 == 1)
        return false;
    for (size_t i = 0; i < digits; i++) {
        int digit = base64_digit(text[i], form);
        if (digit < 0)
            return false;
        bits = (bits << 6 | (unsigned)digit) & 0xFFFF;
        held += 6;
        if (held < 8)
            continue;
        if (filled == room)
            return false;
        held -= 8;
        at[filled++] = (unsigned char)(bits >> held & 0xFF);
    }
    *out_size = filled;
    return (bits & ((1u << held) - 1)) == 0;
}

bool text_is_json_type(const char *content_type)
{
    size_t size = strcspn(content_type, "; \t");
    return (size == 16 && strncasecmp(content_type, "application/json", size) == 0) ||
           (size == 9 && strncasecmp(content_type, "text/json", size) == 0) ||
           (size > 5 && strncasecmp(content_type + size - 5, "+json", 5) == 0);
}

const char *text_format_size(uint64_t bytes, char text[static TEXT_SIZE_SIZE])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double amount = (double)bytes;
    size_t unit = 0;
    while (amount >= 1024 && unit + 1 < sizeof units / sizeof units[0]) {
        amount /= 1024;
        unit++;
    }
    snprintf(text, TEXT_SIZE_SIZE, unit == 0 ? "%.0f %s" : "%.1f %s", amount, units[unit]);
    return text;
}

bool text_same_secret(const char *a, size_t a_size, const char *b, size_t b_size)
{
    volatile unsigned char difference = a_size == b_size ? 0 : 1;
    size_t size = a_size < b_size ? a_size : b_size;
    for (size_t i = 0; i < size; i++)
        difference = (unsigned char)(difference | ((unsigned char)a[i] ^ (unsigned char)b[i]));
    return difference == 0;
}

uint64_t text_hash(const char *text)
{
    uint64_t hash = 14695981039346656037u;
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 1099511628211u;
    return hash;
}
