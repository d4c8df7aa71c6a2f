/* SPDX-License-Identifier: MIT */
/* Errors as plain memory; see error.h. No allocation on the failing path. */
#include "base/error.h"

#include <stdio.h>
#include <string.h>

static const char *const kind_names[] = {
    [ERROR_NONE] = "none",
    [ERROR_INVALID] = "invalid",
    [ERROR_NOT_FOUND] = "not_found",
    [ERROR_EXISTS] = "exists",
    [ERROR_DENIED] = "denied",
    [ERROR_LIMIT] = "limit",
    [ERROR_UNAVAILABLE] = "unavailable",
    [ERROR_REFUSED] = "refused",
    [ERROR_BROKEN] = "broken",
    [ERROR_UNKNOWN] = "unknown",
    [ERROR_TIMEOUT] = "timeout",
    [ERROR_CANCELLED] = "cancelled",
    [ERROR_UNSUPPORTED] = "unsupported",
    [ERROR_FILTER] = "filter_failed",
    [ERROR_INTERNAL] = "internal",
};

#define KIND_COUNT (sizeof kind_names / sizeof kind_names[0])

/* A cut in the middle of a UTF-8 sequence would make the whole record unprintable as JSON. */
static void trim_partial_utf8(char *text, size_t size)
{
    size_t length = strnlen(text, size);
    size_t start = length;
    while (start > 0 && length - start < 4 && ((unsigned char)text[start - 1] & 0xC0) == 0x80)
        start--;
    if (start == 0 || ((unsigned char)text[start - 1] & 0xC0) != 0xC0)
        return;
    unsigned char lead = (unsigned char)text[start - 1];
    size_t needed = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (length - (start - 1) < needed)
        text[start - 1] = '\0';
}

static void format_message(struct error *err, const char *format, va_list args)
{
    char text[ERROR_MESSAGE_SIZE]; /* arguments may point into err->message */
    int length = vsnprintf(text, sizeof text, format, args);
    memcpy(err->message, text, sizeof text);
    if (length >= (int)sizeof text)
        trim_partial_utf8(err->message, sizeof err->message);
}

bool error_set(struct error *err, enum error_kind kind, const char *format, ...)
{
    if (!err)
        return false;
    va_list args;
    va_start(args, format);
    format_message(err, format, args);
    va_end(args);
    err->kind = kind;
    err->peer_code = 0;
    err->retry = RETRY_NEVER;
    err->retry_after_ms = 0;
    err->is_out_of_memory = false;
    return false;
}

bool error_out_of_memory(struct error *err)
{
    error_set(err, ERROR_LIMIT, "out of memory");
    if (err)
        err->is_out_of_memory = true;
    return false;
}

bool error_errno(struct error *err, enum error_kind kind, int number, const char *format, ...)
{
    if (!err)
        return false;
    struct error what = {0};
    char reason[128];
    va_list args;
    va_start(args, format);
    format_message(&what, format, args);
    va_end(args);
    return error_set(err, kind, "%s: %s", what.message, strerror_r(number, reason, sizeof reason));
}

bool error_context(struct error *err, const char *format, ...)
{
    if (!err)
        return false;
    struct error context = {0};
    va_list args;
    va_start(args, format);
    format_message(&context, format, args);
    va_end(args);
    struct error inner = *err;
    error_set(err, inner.kind, "%s: %s", context.message, inner.message);
    err->peer_code = inner.peer_code;
    err->retry = inner.retry;
    err->retry_after_ms = inner.retry_after_ms;
    err->is_out_of_memory = inner.is_out_of_memory;
    return false;
}

bool error_advise(struct error *err, enum error_retry retry)
{
    if (err)
        err->retry = retry;
    return false;
}

const char *error_kind_name(enum error_kind kind)
{
    return (size_t)kind < KIND_COUNT ? kind_names[kind] : "internal";
}

enum error_kind error_kind_parse(const char *name)
{
    for (size_t i = 0; i < KIND_COUNT; i++)
        if (strcmp(kind_names[i], name) == 0)
            return (enum error_kind)i;
    return ERROR_INTERNAL;
}
