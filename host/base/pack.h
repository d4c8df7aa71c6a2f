/* SPDX-License-Identifier: MIT */
/*
 * Values in a row of bytes, for records that only this program reads again: numbers as 8 bytes little
 * endian, bytes and text behind their size. A reader trusts nothing: what does not fit makes it
 * fail, and a failed reader gives zeros and "" from there on, so that one test at the end suffices.
 * Not thread-safe.
 */
#ifndef BASE_PACK_H
#define BASE_PACK_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

void pack_number(struct buf *out, uint64_t value);
void pack_bytes(struct buf *out, const void *bytes, size_t size);
void pack_text(struct buf *out, const char *text); /* NULL is kept apart from "" */

struct unpack {
    const unsigned char *at;
    size_t left;
    bool failed;
};

void unpack_begin(struct unpack *unpack, const void *bytes, size_t size);
uint64_t unpack_number(struct unpack *unpack);
/* Borrowed from the bytes that are read. */
const void *unpack_bytes(struct unpack *unpack, size_t *size);
/* Ends in NUL inside the bytes that are read; NULL if NULL was packed. Borrowed. */
const char *unpack_text(struct unpack *unpack);
/* Nothing failed and nothing is left. */
bool unpack_end(const struct unpack *unpack);
#endif
