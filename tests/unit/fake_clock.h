/* SPDX-License-Identifier: MIT */
/* A clock that goes on only when it is told to, or slept on. */
#ifndef TESTS_FAKE_CLOCK_H
#define TESTS_FAKE_CLOCK_H
#include "base/clock.h"

struct fake_clock {
    int64_t wall_ms, monotonic_ms, slept_ms;
};

static struct fake_clock fake_clock;

static inline int64_t fake_clock_wall_ns(void *context)
{
    return ((struct fake_clock *)context)->wall_ms * 1000000;
}

static inline int64_t fake_clock_monotonic_ns(void *context)
{
    return ((struct fake_clock *)context)->monotonic_ms * 1000000;
}

static inline void fake_clock_go(int64_t duration_ms)
{
    fake_clock.wall_ms += duration_ms;
    fake_clock.monotonic_ms += duration_ms;
}

static inline void fake_clock_sleep(void *context, int64_t duration_ms)
{
    ((struct fake_clock *)context)->slept_ms += duration_ms;
    fake_clock_go(duration_ms);
}

/* From here on base/clock.h shows 2026-11-24T02:37:00Z, and a second of monotonic time. */
static inline void fake_clock_begin(void)
{
    static const struct clock_source source = {fake_clock_wall_ns, fake_clock_monotonic_ns,
                                               fake_clock_sleep, &fake_clock};
    fake_clock = (struct fake_clock){1795487820000, 1000, 0};
    clock_use(&source);
}
#endif
