/* SPDX-License-Identifier: MIT */
/*
 * Growable bytes with a ceiling demanded at birth, so that no buffer grows without limit.
 * Invariant: data is NULL or holds size bytes followed by one NUL that size does not count.
 * Failure is sticky: after an append that would pass the ceiling (or out of memory) `failed` is
 * true, later appends do nothing, and one test at the end suffices. `is_full` tells the two apart, for
 * want of memory passes and the ceiling stays. Not thread-safe.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H
#include <stdbool.h>
#include <stddef.h>
#include <stdarg.h>

#include "base/error.h"

struct buf {
    char *data;
    size_t size;
    size_t capacity; /* bytes allocated, the NUL included */
    size_t size_max; /* ceiling on size */
    bool failed;
    bool is_full; /* failed, and that at the ceiling */
};

void buf_init(struct buf *buf, size_t size_max);
void buf_release(struct buf *buf); /* a zeroed or released buf is fine */
void buf_clear(struct buf *buf);   /* size 0, not failed; keeps memory and ceiling */

void buf_append(struct buf *buf, const void *bytes, size_t size);
void buf_append_text(struct buf *buf, const char *text);
void buf_append_char(struct buf *buf, char byte);
void buf_printf(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);
void buf_vprintf(struct buf *buf, const char *format, va_list args) PRINTF_LIKE(2, 0);
void buf_append_base64(struct buf *buf, const void *bytes, size_t size);
void buf_append_percent(struct buf *buf, const char *text); /* RFC 3986: all but unreserved, '/' too */

/* It failed, and not at its ceiling. */
static inline bool buf_is_out_of_memory(const struct buf *buf)
{
    return buf->failed && !buf->is_full;
}

/* The content as a C string; "" for an empty one. Borrowed until the next change. */
const char *buf_text(const struct buf *buf);

/* Moves the content out (caller frees; never NULL unless failed) and leaves buf empty. */
char *buf_take(struct buf *buf, size_t *size);
#endif
