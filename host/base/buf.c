/* SPDX-License-Identifier: MIT */
/* Growable bytes with a ceiling; see buf.h for the invariant. */
#include "base/buf.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_init(struct buf *buf, size_t size_max)
{
    *buf = (struct buf){.size_max = size_max};
}

void buf_release(struct buf *buf)
{
    free(buf->data);
    *buf = (struct buf){.size_max = buf->size_max};
}

void buf_clear(struct buf *buf)
{
    buf->size = 0;
    buf->failed = buf->is_full = false;
    if (buf->data)
        buf->data[0] = '\0';
}

/* Makes room for `more` bytes and the NUL; false marks the buffer failed. */
static bool reserve(struct buf *buf, size_t more)
{
    if (buf->failed)
        return false;
    if (more > buf->size_max - buf->size) {
        buf->failed = buf->is_full = true;
        return false;
    }
    size_t needed = buf->size + more + 1;
    if (needed <= buf->capacity)
        return true;
    size_t capacity = buf->capacity ? buf->capacity : 64;
    while (capacity < needed)
        capacity = capacity > SIZE_MAX / 2 ? needed : capacity * 2;
    char *data = realloc(buf->data, capacity);
    if (!data) {
        buf->failed = true;
        return false;
    }
    buf->data = data;
    buf->capacity = capacity;
    return true;
}

void buf_append(struct buf *buf, const void *bytes, size_t size)
{
    if (!reserve(buf, size))
        return;
    if (size > 0)
        memcpy(buf->data + buf->size, bytes, size);
    buf->size += size;
    buf->data[buf->size] = '\0';
}

void buf_append_text(struct buf *buf, const char *text)
{
    buf_append(buf, text, strlen(text));
}

void buf_append_char(struct buf *buf, char byte)
{
    buf_append(buf, &byte, 1);
}

void buf_vprintf(struct buf *buf, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    size_t room = buf->failed || !buf->data ? 0 : buf->capacity - buf->size;
    int length = vsnprintf(room ? buf->data + buf->size : NULL, room, format, args);
    bool fits = length >= 0 && reserve(buf, (size_t)length);
    if (length < 0)
        buf->failed = true;
    if (fits && (size_t)length >= room)
        vsnprintf(buf->data + buf->size, (size_t)length + 1, format, again);
    if (fits)
        buf->size += (size_t)length;
    else if (room > 0)
        buf->data[buf->size] = '\0'; /* what did not fit is not there at all */
    va_end(again);
}

void buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    buf_vprintf(buf, format, args);
    va_end(args);
}

void buf_append_base64(struct buf *buf, const void *bytes, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *in = bytes;
    for (size_t i = 0; i < size; i += 3) {
        size_t left = size - i;
        uint32_t group = (uint32_t)in[i] << 16;
        group |= left > 1 ? (uint32_t)in[i + 1] << 8 : 0;
        group |= left > 2 ? in[i + 2] : 0;
        char out[4] = {digits[group >> 18], digits[group >> 12 & 63],
                       left > 1 ? digits[group >> 6 & 63] : '=', left > 2 ? digits[group & 63] : '='};
        buf_append(buf, out, sizeof out);
    }
}

void buf_append_percent(struct buf *buf, const char *text)
{
    static const char unreserved[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    for (const char *at = text; *at; at++) {
        if (strchr(unreserved, *at))
            buf_append_char(buf, *at);
        else
            buf_printf(buf, "%%%02X", (unsigned char)*at);
    }
}

const char *buf_text(const struct buf *buf)
{
    return buf->data ? buf->data : "";
}

char *buf_take(struct buf *buf, size_t *size)
{
    if (!buf->data)
        buf_append(buf, "", 0);
    char *data = buf->failed ? NULL : buf->data;
    if (size)
        *size = data ? buf->size : 0;
    if (!data)
        free(buf->data);
    *buf = (struct buf){.size_max = buf->size_max};
    return data;
}
