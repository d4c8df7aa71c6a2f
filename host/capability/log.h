/* SPDX-License-Identifier: MIT */
/*
 * What a guest writes for people, line by line into the activity stream of its instance (import "log").
 * A line longer than LOG_LINE_MAX is cut; after lines_max lines the rest is dropped with one row that
 * says so. Control bytes and invalid UTF-8 are replaced. Used by one thread.
 */
#ifndef CAPABILITY_LOG_H
#define CAPABILITY_LOG_H
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define LOG_LINE_MAX 4096u

struct line_log {
    struct buf line; /* what was written since the last newline */
    uint64_t lines, lines_max;
    /* result is "ok", or "limit" for the row that says so. */
    void (*write)(void *context, const char *result, const char *text);
    void *context;
};

void line_log_init(struct line_log *log, uint64_t lines_max,
                   void (*write)(void *context, const char *result, const char *text),
                   void *context);
void line_log_release(struct line_log *log);

void line_log_add(struct line_log *log, const char *bytes, size_t size);
void line_log_flush(struct line_log *log); /* the line that was left without a newline */
#endif
