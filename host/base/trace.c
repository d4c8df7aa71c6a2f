/* SPDX-License-Identifier: MIT */
/* The two header fields of W3C Trace Context; see trace.h. */
#include "base/trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_SIZE_MAX 256
#define KEY_TENANT_SIZE_MAX 241 /* before the '@' of a key with two parts */
#define KEY_SYSTEM_SIZE_MAX 14  /* behind it */
#define VALUE_SIZE_MAX 256
#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"

/* ---- traceparent ------------------------------------------------------------------------------- */

/* Copies size hexadecimal digits, lower case, followed by end. */
static bool take_hex(const char **at, size_t size, char end, char *out)
{
    if (strspn(*at, DIGITS "abcdef") < size || (end && (*at)[size] != end))
        return false;
    memcpy(out, *at, size);
    out[size] = '\0';
    *at += size + (end != '\0');
    return true;
}

static bool is_zero(const char *digits)
{
    return digits[strspn(digits, "0")] == '\0';
}

bool trace_parse(const char *traceparent, struct trace *out)
{
    const char *at = traceparent;
    char version[3], flags[3];
    *out = (struct trace){.is_sampled = false};
    bool ok = take_hex(&at, 2, '-', version) && strcmp(version, "ff") != 0 &&
              take_hex(&at, TRACE_ID_SIZE - 1, '-', out->id) && !is_zero(out->id) &&
              take_hex(&at, TRACE_SPAN_SIZE - 1, '-', out->span) && !is_zero(out->span) &&
              take_hex(&at, 2, '\0', flags) &&
              (*at == '\0' || (*at == '-' && strcmp(version, "00") != 0));
    if (!ok) {
        *out = (struct trace){.is_sampled = false};
        return false;
    }
    out->is_sampled = strtoul(flags, NULL, 16) & 1;
    return true;
}

const char *trace_format(const struct trace *trace, char text[static TRACE_PARENT_SIZE])
{
    snprintf(text, TRACE_PARENT_SIZE, "00-%s-%s-%s", trace->id, trace->span,
             trace->is_sampled ? "01" : "00");
    return text;
}

/* ---- tracestate -------------------------------------------------------------------------------- */

struct member {
    const char *text;
    size_t size, key_size;
    bool is_left_out;
};

struct members {
    struct member list[TRACE_STATE_MEMBERS_MAX];
    size_t count;
};

/* The key that text begins with, up to '='; 0: none of a legal form. */
static size_t key_size_of(const char *text)
{
    size_t first = strspn(text, LOWER DIGITS "_-*/"), system = 0;
    if (text[first] == '@') {
        const char *name = text + first + 1;
        system = strchr(LOWER, name[0]) && name[0] ? strspn(name, LOWER DIGITS "_-*/") : 0;
        if (system == 0 || system > KEY_SYSTEM_SIZE_MAX || first > KEY_TENANT_SIZE_MAX ||
            first == 0 || !strchr(LOWER DIGITS, text[0]))
            return 0;
        first += 1 + system;
    } else if (first == 0 || first > KEY_SIZE_MAX || !strchr(LOWER, text[0])) {
        return 0;
    }
    return text[first] == '=' ? first : 0;
}

/* 1 to 256 printable characters without ',' and '=', the last one no space. */
static bool is_value(const char *text, size_t size)
{
    if (size == 0 || size > VALUE_SIZE_MAX || text[size - 1] == ' ')
        return false;
    for (size_t i = 0; i < size; i++)
        if (text[i] < 0x20 || text[i] > 0x7E || text[i] == '=')
            return false;
    return true;
}

static bool add_member(struct members *members, const char *text, size_t size)
{
    size_t key_size = key_size_of(text);
    if (members->count == TRACE_STATE_MEMBERS_MAX || key_size == 0 || key_size >= size ||
        !is_value(text + key_size + 1, size - key_size - 1))
        return false;
    for (size_t i = 0; i < members->count; i++)
        if (members->list[i].key_size == key_size &&
            memcmp(members->list[i].text, text, key_size) == 0)
            return false;
    members->list[members->count++] = (struct member){text, size, key_size, false};
    return true;
}

static bool split(const char *text, struct members *members)
{
    while (*text) {
        size_t size = strcspn(text, ",");
        const char *next = text + size + (text[size] == ',');
        while (size > 0 && (text[size - 1] == ' ' || text[size - 1] == '\t'))
            size--;
        size_t blank = strspn(text, " \t");
        if (blank < size && !add_member(members, text + blank, size - blank))
            return false; /* an empty member is legal */
        text = next;
    }
    return true;
}

static size_t joined_size(const struct members *members)
{
    size_t size = 0;
    for (size_t i = 0; i < members->count; i++)
        if (!members->list[i].is_left_out)
            size += members->list[i].size + (size > 0);
    return size;
}

/* Leaves out from the end what is larger than size_min, until the rest fits. */
static void shorten(struct members *members, size_t size_min)
{
    for (size_t i = members->count; i > 0 && joined_size(members) >= TRACE_STATE_SIZE; i--)
        if (members->list[i - 1].size > size_min)
            members->list[i - 1].is_left_out = true;
}

bool trace_state_take(const char *tracestate, char out[static TRACE_STATE_SIZE])
{
    struct members members = {.count = 0};
    size_t size = 0;
    out[0] = '\0';
    if (!split(tracestate, &members))
        return false;
    shorten(&members, TRACE_STATE_MEMBER_LONG);
    shorten(&members, 0);
    for (size_t i = 0; i < members.count; i++) {
        const struct member *member = &members.list[i];
        if (member->is_left_out)
            continue;
        if (size > 0)
            out[size++] = ',';
        memcpy(out + size, member->text, member->size);
        size += member->size;
    }
    out[size] = '\0';
    return true;
}

/* ---- ids --------------------------------------------------------------------------------------- */

void trace_make_id(const uint64_t random[static 2], char *id, int size)
{
    snprintf(id, (size_t)size, "%016" PRIx64 "%016" PRIx64, random[0], random[1]);
    if (is_zero(id))
        id[0] = '1';
}

/* A bijection of 64 bits (the finaliser of SplitMix64), so siblings never meet. */
static uint64_t mix(uint64_t value)
{
    value = (value ^ value >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    value = (value ^ value >> 27) * UINT64_C(0x94D049BB133111EB);
    return value ^ value >> 31;
}

void trace_child_span(const char *span, uint64_t number, char child[static TRACE_SPAN_SIZE])
{
    uint64_t value = strtoull(span, NULL, 16);
    if (number > 0)
        value = mix(value + number * UINT64_C(0x9E3779B97F4A7C15));
    snprintf(child, TRACE_SPAN_SIZE, "%016" PRIx64, value ? value : 1);
}
