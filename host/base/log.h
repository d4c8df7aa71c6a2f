/* SPDX-License-Identifier: MIT */
/*
 * The host's own log: one JSON object a line on stderr (or plain text on a terminal).
 * Control bytes in values are escaped, so a value can never start a line of its own.
 * Secrets are kept out by the callers: nothing that came from a secret is ever passed here.
 * Thread-safe: one write(2) per line.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H
#include "base/error.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };

#define LOG_LINE_SIZE_MAX 4096

/* Lines below level are dropped. json: machine-readable lines. fd: where lines go. */
void log_configure(enum log_level level, bool json, int fd);

/* instance may be NULL: the line is not about one execution. */
void log_line(enum log_level level, const char *instance, const char *format, ...) PRINTF_LIKE(3, 4);
#endif
