/* SPDX-License-Identifier: MIT */
/* See wasm_reader.h. All reads go through wasm_reader_u8, wasm_reader_skip or wasm_reader_cut. */
#include "engine/wasm_reader.h"

#include <stdarg.h>
#include <stdio.h>

void wasm_reader_init(struct wasm_reader *reader, const void *bytes, size_t size)
{
    *reader = (struct wasm_reader){.start = bytes, .at = bytes};
    reader->end = size > 0 ? reader->at + size : reader->at;
}

size_t wasm_reader_left(const struct wasm_reader *reader)
{
    return reader->failed ? 0 : (size_t)(reader->end - reader->at);
}

bool wasm_reader_fail(struct wasm_reader *reader, const char *format, ...)
{
    if (reader->failed)
        return false;
    va_list args;
    va_start(args, format);
    int size = vsnprintf(reader->reason, sizeof reader->reason, format, args);
    va_end(args);
    if (size >= 0 && (size_t)size < sizeof reader->reason)
        snprintf(reader->reason + size, sizeof reader->reason - (size_t)size, " at offset %zu",
                 (size_t)(reader->at - reader->start));
    reader->failed = true;
    return false;
}

void wasm_reader_cut(struct wasm_reader *reader, uint32_t size, struct wasm_reader *part)
{
    if (size > wasm_reader_left(reader)) {
        wasm_reader_fail(reader, "a part of %u bytes is cut short", size);
        size = 0;
    }
    *part = *reader;
    part->end = part->at + size;
    if (!reader->failed)
        reader->at += size;
}

uint8_t wasm_reader_u8(struct wasm_reader *reader)
{
    if (wasm_reader_left(reader) == 0) {
        wasm_reader_fail(reader, "the module ends too early");
        return 0;
    }
    return *reader->at++;
}

void wasm_reader_skip(struct wasm_reader *reader, size_t size)
{
    if (size > wasm_reader_left(reader))
        wasm_reader_fail(reader, "the module ends too early");
    else
        reader->at += size;
}

/* The bits of an N-bit LEB128 number; is_signed extends the sign to 64 bits. */
static uint64_t read_leb(struct wasm_reader *reader, unsigned bits, bool is_signed)
{
    uint64_t value = 0;
    unsigned shift = 0;
    for (;;) {
        const uint8_t byte = wasm_reader_u8(reader);
        if (reader->failed)
            return 0;
        value |= (uint64_t)(byte & 0x7F) << shift;
        const unsigned used = bits - shift < 7 ? bits - shift : 7;
        if (used < 7) { /* The last byte there may be: its spare bits repeat the sign, or are 0. */
            const bool negative = is_signed && (byte >> (used - 1) & 1);
            const uint8_t spare = (uint8_t)(0x7F & (0x7Fu << used));
            if ((byte & 0x80) || (byte & spare) != (negative ? spare : 0)) {
                wasm_reader_fail(reader, "a number is longer than %u bits", bits);
                return 0;
            }
        }
        shift += 7;
        if (!(byte & 0x80)) {
            if (is_signed && (byte & 0x40) && shift < 64)
                value |= ~(uint64_t)0 << shift;
            return value;
        }
    }
}

uint32_t wasm_reader_u32(struct wasm_reader *reader)
{
    return (uint32_t)read_leb(reader, 32, false);
}

int32_t wasm_reader_s32(struct wasm_reader *reader)
{
    return (int32_t)(uint32_t)read_leb(reader, 32, true);
}

int64_t wasm_reader_s64(struct wasm_reader *reader)
{
    return (int64_t)read_leb(reader, 64, true);
}

struct wasm_name wasm_reader_name(struct wasm_reader *reader)
{
    const uint32_t size = wasm_reader_u32(reader);
    const struct wasm_name name = {(const char *)reader->at, size};
    wasm_reader_skip(reader, size);
    return reader->failed ? (struct wasm_name){"", 0} : name;
}

uint32_t wasm_reader_count(struct wasm_reader *reader, uint32_t count_max, const char *what)
{
    const uint32_t count = wasm_reader_u32(reader);
    if (count > count_max)
        wasm_reader_fail(reader, "%u %s, at most %u are allowed", count, what, count_max);
    else if (count > wasm_reader_left(reader))
        wasm_reader_fail(reader, "%u %s do not fit into their section", count, what);
    return reader->failed ? 0 : count;
}
