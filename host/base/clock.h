/* SPDX-License-Identifier: MIT */
/*
 * Time as a parameter. Code asks this clock; tests put their own in its place.
 * Units are in the names: _ms, _us, _ns, _s. Thread-safe as long as the source is set once.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H
#include <stddef.h>
#include <stdint.h>

struct clock_source {
    int64_t (*wall_ns)(void *context);      /* nanoseconds since 1970-01-01T00:00:00Z */
    int64_t (*monotonic_ns)(void *context); /* never goes back; origin unspecified */
    void (*sleep_ms)(void *context, int64_t duration_ms);
    void *context;
};

/* Replaces the source for the whole process; NULL restores the system's. For tests, before threads. */
void clock_use(const struct clock_source *source);

int64_t clock_wall_ns(void);
int64_t clock_wall_ms(void);
int64_t clock_monotonic_ns(void);
int64_t clock_monotonic_ms(void);
void clock_sleep_ms(int64_t duration_ms);

#define CLOCK_TEXT_SIZE 32

/* "2026-11-24T02:37:00.123Z". Returns text. */
const char *clock_format_ms(int64_t wall_ms, char text[static CLOCK_TEXT_SIZE]);

/* "Tue, 24 Nov 2026 02:37:00 GMT" (RFC 9110 IMF-fixdate), whatever the locale. Returns text. */
const char *clock_format_http(int64_t wall_s, char text[static CLOCK_TEXT_SIZE]);

/* "Tue, 24 Nov 2026 02:37:00 +0000" (RFC 5322). Returns text. */
const char *clock_format_mail(int64_t wall_s, char text[static CLOCK_TEXT_SIZE]);
#endif
