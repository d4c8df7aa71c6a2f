/* SPDX-License-Identifier: MIT */
/* See pack.h. */
#include "base/pack.h"

#include <string.h>

#define NUMBER_SIZE 8
#define NO_TEXT UINT64_MAX

void pack_number(struct buf *out, uint64_t value)
{
    unsigned char bytes[NUMBER_SIZE];
    for (size_t i = 0; i < NUMBER_SIZE; i++)
        bytes[i] = (unsigned char)(value >> 8 * i);
    buf_append(out, bytes, sizeof bytes);
}

void pack_bytes(struct buf *out, const void *bytes, size_t size)
{
    pack_number(out, size);
    buf_append(out, bytes, size);
}

void pack_text(struct buf *out, const char *text)
{
    if (text)
        pack_bytes(out, text, strlen(text) + 1);
    else
        pack_number(out, NO_TEXT);
}

void unpack_begin(struct unpack *unpack, const void *bytes, size_t size)
{
    *unpack = (struct unpack){.at = bytes ? bytes : (const void *)"", .left = size};
}

static const unsigned char *take(struct unpack *unpack, uint64_t size)
{
    if (size > unpack->left) {
        unpack->failed = true;
        unpack->left = 0;
        return NULL;
    }
    const unsigned char *at = unpack->at;
    unpack->at += size;
    unpack->left -= (size_t)size;
    return at;
}

uint64_t unpack_number(struct unpack *unpack)
{
    const unsigned char *bytes = take(unpack, NUMBER_SIZE);
    uint64_t value = 0;
    for (size_t i = 0; bytes && i < NUMBER_SIZE; i++)
        value |= (uint64_t)bytes[i] << 8 * i;
    return value;
}

const void *unpack_bytes(struct unpack *unpack, size_t *size)
{
    uint64_t wanted = unpack_number(unpack);
    const void *bytes = take(unpack, wanted);
    *size = bytes ? (size_t)wanted : 0;
    return bytes ? bytes : "";
}

const char *unpack_text(struct unpack *unpack)
{
    uint64_t size = unpack_number(unpack);
    if (size == NO_TEXT)
        return NULL;
    const unsigned char *text = take(unpack, size);
    if (text && size > 0 && memchr(text, '\0', (size_t)size) == text + size - 1)
        return (const char *)text;
    unpack->failed = true;
    return "";
}

bool unpack_end(const struct unpack *unpack)
{
    return !unpack->failed && unpack->left == 0;
}
