/* SPDX-License-Identifier: MIT */
/* The process's clock and the three ways this project writes a time down. See clock.h. */
#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

static int64_t system_ns(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int64_t system_wall_ns(void *context)
{
    (void)context;
    return system_ns(CLOCK_REALTIME);
}

static int64_t system_monotonic_ns(void *context)
{
    (void)context;
    return system_ns(CLOCK_MONOTONIC);
}

static void system_sleep_ms(void *context, int64_t duration_ms)
{
    (void)context;
    struct timespec left = {.tv_sec = (time_t)(duration_ms / 1000),
                            .tv_nsec = (long)(duration_ms % 1000) * 1000000};
    while (duration_ms > 0 && nanosleep(&left, &left) != 0 && errno == EINTR)
        ;
}

static const struct clock_source system_source = {
    .wall_ns = system_wall_ns,
    .monotonic_ns = system_monotonic_ns,
    .sleep_ms = system_sleep_ms,
};

static struct clock_source source = {
    .wall_ns = system_wall_ns,
    .monotonic_ns = system_monotonic_ns,
    .sleep_ms = system_sleep_ms,
};

void clock_use(const struct clock_source *replacement)
{
    source = replacement ? *replacement : system_source;
}

int64_t clock_wall_ns(void)
{
    return source.wall_ns(source.context);
}

int64_t clock_wall_ms(void)
{
    return clock_wall_ns() / 1000000;
}

int64_t clock_monotonic_ns(void)
{
    return source.monotonic_ns(source.context);
}

int64_t clock_monotonic_ms(void)
{
    return clock_monotonic_ns() / 1000000;
}

void clock_sleep_ms(int64_t duration_ms)
{
    source.sleep_ms(source.context, duration_ms);
}

static const char *const day_names[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char *const month_names[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

const char *clock_format_ms(int64_t wall_ms, char text[static CLOCK_TEXT_SIZE])
{
    struct tm utc;
    time_t seconds = (time_t)(wall_ms / 1000);
    gmtime_r(&seconds, &utc);
    size_t length = strftime(text, CLOCK_TEXT_SIZE, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(text + length, CLOCK_TEXT_SIZE - length, ".%03dZ", (int)(wall_ms % 1000));
    return text;
}

static const char *format_names(int64_t wall_s, const char *zone, char *text)
{
    struct tm utc;
    time_t seconds = (time_t)wall_s;
    gmtime_r(&seconds, &utc);
    snprintf(text, CLOCK_TEXT_SIZE, "%s, %02u %s %04u %02u:%02u:%02u %s", day_names[utc.tm_wday],
             (unsigned)utc.tm_mday % 100, month_names[utc.tm_mon],
             (unsigned)(utc.tm_year + 1900) % 10000, (unsigned)utc.tm_hour % 100,
             (unsigned)utc.tm_min % 100, (unsigned)utc.tm_sec % 100, zone);
    return text;
}

const char *clock_format_http(int64_t wall_s, char text[static CLOCK_TEXT_SIZE])
{
    return format_names(wall_s, "GMT", text);
}

const char *clock_format_mail(int64_t wall_s, char text[static CLOCK_TEXT_SIZE])
{
    return format_names(wall_s, "+0000", text);
}
