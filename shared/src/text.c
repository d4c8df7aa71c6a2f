/* SPDX-License-Identifier: MIT */
/* Growable text; see text.h. */
#include "sluice/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sluice/memory.h"

#define TEXT_CAPACITY_MIN 64
#define FORMAT_ROOM 256

const char *text_string(const struct text *text)
{
    return text->data ? text->data : "";
}

void text_release(struct text *text)
{
    free(text->data);
    *text = (struct text){0};
}

void text_clear(struct text *text)
{
    text->size = 0;
    if (text->data)
        text->data[0] = '\0';
}

void text_set(struct text *text, const char *string)
{
    text_clear(text);
    text_add(text, string);
}

void text_add(struct text *text, const char *string)
{
    text_add_bytes(text, string, strlen(string));
}

void text_room(struct text *text, size_t size)
{
    size_t needed = text->size + size + 1;
    if (needed < size)
        memory_end();
    if (needed <= text->capacity)
        return;
    size_t capacity = text->capacity * 2;
    if (capacity < needed)
        capacity = needed;
    if (capacity < TEXT_CAPACITY_MIN)
        capacity = TEXT_CAPACITY_MIN;
    text->data = memory_resize(text->data, capacity);
    text->data[text->size] = '\0';
    text->capacity = capacity;
}

void text_add_bytes(struct text *text, const void *bytes, size_t size)
{
    text_room(text, size);
    if (size > 0)
        memcpy(text->data + text->size, bytes, size);
    text->size += size;
    text->data[text->size] = '\0';
}

void text_add_format(struct text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    text_add_arguments(text, format, args);
    va_end(args);
}

void text_add_arguments(struct text *text, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    char small[FORMAT_ROOM]; /* most results fit, so that formatting once is enough */
    int length = vsnprintf(small, sizeof small, format, args);
    if (length > 0 && (size_t)length < sizeof small) {
        text_add_bytes(text, small, (size_t)length);
    } else if (length > 0) {
        text_room(text, (size_t)length);
        vsnprintf(text->data + text->size, (size_t)length + 1, format, again);
        text->size += (size_t)length;
    }
    va_end(again);
}

void text_add_count(struct text *text, uint64_t number)
{
    char digits[32];
    size_t at = sizeof digits;
    unsigned written = 0;
    do {
        if (written > 0 && written % 3 == 0)
            digits[--at] = ',';
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
        written++;
    } while (number > 0);
    text_add_bytes(text, digits + at, sizeof digits - at);
}

bool text_must_repeat(struct text *text, int32_t result)
{
    if (result <= 0) {
        text_clear(text);
        return false;
    }
    text->size = 0; /* what arrived is kept */
    if ((size_t)result >= text->capacity) {
        text_room(text, (size_t)result);
        return true;
    }
    text->size = (size_t)result;
    text->data[text->size] = '\0';
    return false;
}

/* Bytes of the well-formed sequence at the beginning of text; 0: there is none. Table 3-7 of the
 * Unicode standard. */
static size_t sequence_size(const unsigned char *at, size_t size)
{
    if (at[0] < 0x80)
        return 1;
    size_t needed = at[0] >= 0xF0 ? 4 : at[0] >= 0xE0 ? 3 : 2;
    if (at[0] < 0xC2 || at[0] > 0xF4 || size < needed)
        return 0;
    unsigned char low = at[0] == 0xE0 ? 0xA0 : at[0] == 0xF0 ? 0x90 : 0x80;
    unsigned char high = at[0] == 0xED ? 0x9F : at[0] == 0xF4 ? 0x8F : 0xBF;
    if (at[1] < low || at[1] > high)
        return 0;
    for (size_t i = 2; i < needed; i++)
        if ((at[i] & 0xC0) != 0x80)
            return 0;
    return needed;
}

bool utf8_is_valid(const char *bytes, size_t size)
{
    const unsigned char *at = (const unsigned char *)bytes;
    while (size > 0) {
        size_t step = sequence_size(at, size);
        if (step == 0)
            return false;
        at += step;
        size -= step;
    }
    return true;
}

size_t utf8_prefix(const char *string, size_t units_max)
{
    const unsigned char *at = (const unsigned char *)string;
    size_t size = 0, left = strlen(string), units = 0;
    while (left > 0) {
        size_t step = sequence_size(at + size, left);
        if (step == 0)
            break;
        units += step == 4 ? 2 : 1; /* beyond U+FFFF: a surrogate pair */
        if (units > units_max)
            break;
        size += step;
        left -= step;
    }
    return size;
}

void text_add_printable(struct text *text, const char *string, size_t size_max)
{
    const unsigned char *at = (const unsigned char *)string;
    size_t left = strlen(string), added = 0;
    while (left > 0) {
        size_t step = sequence_size(at, left);
        bool shown = step > 1 || (step == 1 && at[0] >= 0x20 && at[0] != 0x7F);
        size_t size = shown ? step : 1;
        if (added + size > size_max) {
            text_add(text, "...");
            return;
        }
        text_add_bytes(text, shown ? (const char *)at : "?", size);
        added += size;
        at += size;
        left -= size;
    }
}

void text_cut(struct text *text, size_t size_max)
{
    if (text->size <= size_max)
        return;
    size_t size = size_max;
    while (size > 0 && ((unsigned char)text->data[size] & 0xC0) == 0x80)
        size--;
    text->size = size;
    text->data[size] = '\0';
}

/* Characters of a word: every byte that does not continue a UTF-8 sequence. */
static unsigned width_of(const char *word, size_t size)
{
    unsigned width = 0;
    for (size_t i = 0; i < size; i++)
        width += ((unsigned char)word[i] & 0xC0) != 0x80;
    return width;
}

void text_add_wrapped(struct text *text, const char *string, unsigned indent, unsigned columns)
{
    unsigned column = 0;
    for (const char *at = string; *at;) {
        size_t size = strcspn(at, " \n");
        unsigned width = width_of(at, size);
        if (width > 0) {
            if (column > 0 && column + 1 + width > columns) {
                text_add(text, "\n");
                column = 0;
            }
            if (column == 0)
                text_add_format(text, "%*s", (int)indent, "");
            else
                text_add(text, " ");
            column = (column == 0 ? indent : column + 1) + width;
            text_add_bytes(text, at, size);
        }
        at += size;
        if (*at == '\n') {
            text_add(text, "\n");
            column = 0;
        }
        at += *at != '\0';
    }
    if (column > 0)
        text_add(text, "\n");
}

static int fold(char c)
{
    return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : (unsigned char)c;
}

static bool counts_in_names(char c)
{
    int folded = fold(c);
    return (folded >= 'a' && folded <= 'z') || (c >= '0' && c <= '9') || folded > 0x7F;
}

bool name_is_same(const char *a, const char *b)
{
    for (;;) {
        while (*a && !counts_in_names(*a))
            a++;
        while (*b && !counts_in_names(*b))
            b++;
        if (!*a || !*b)
            return *a == *b;
        if (fold(*a++) != fold(*b++))
            return false;
    }
}

bool word_is_same(const char *a, const char *b)
{
    while (*a && fold(*a) == fold(*b)) {
        a++;
        b++;
    }
    return *a == *b;
}
