/* SPDX-License-Identifier: MIT */
/* Where finished lines go; behind log.h, and for log.c alone. Thread-safe. */
#ifndef BASE_LOG_SINK_H
#define BASE_LOG_SINK_H
#include "base/log.h"

/* fd is borrowed; a file that log_open opened is closed. */
void log_sink_use(int fd);

#define LOG_SINK_LINE_MAX (64u << 10) /* bytes of one line */

/* line ends in '\n' and has at most LOG_SINK_LINE_MAX bytes. instance: "" if it is about none. An urgent
 * line is written at once; others may wait LOG_SINK_PAUSE_MS, so that many are written together. */
#define LOG_SINK_PAUSE_MS 20
void log_sink_put(int64_t at_ms, const char *instance, const char *line, size_t size, bool is_urgent);

/* Counts a line that no memory was left to make. */
void log_sink_lose(void);

/* Puts the line that tells how many were lost; false: out of memory. Implemented by log.c. */
bool log_put_lost(uint64_t lost);
#endif
