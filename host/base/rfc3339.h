/* SPDX-License-Identifier: MIT */
/* Reading "2026-11-24T02:37:00.123Z" and "...+01:00"; clock_format_ms writes it. Thread-safe. */
#ifndef BASE_RFC3339_H
#define BASE_RFC3339_H
#include <stdbool.h>
#include <stdint.h>

/* A date-time of RFC 3339, 5.6, from 1970 on, as milliseconds since then; more digits of a second
 * are cut off, second 60 is the one after it. False: anything else. */
bool rfc3339_parse(const char *text, int64_t *wall_ms);
#endif
