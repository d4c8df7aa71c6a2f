/* SPDX-License-Identifier: MIT */
#include "base/clock.h"
#include "check.h"

static void times_are_written_in_three_ways(void)
{
    char text[CLOCK_TEXT_SIZE];
    CHECK_EQ_TEXT(clock_format_ms(1709210096123, text), "2024-02-29T12:34:56.123Z");
    CHECK_EQ_TEXT(clock_format_http(784111777, text), "Sun, 06 Nov 1994 08:49:37 GMT");
    CHECK_EQ_TEXT(clock_format_mail(784111777, text), "Sun, 06 Nov 1994 08:49:37 +0000");
}

static int64_t fake_wall_ns(void *context)
{
    return *(int64_t *)context;
}

static int64_t fake_monotonic_ns(void *context)
{
    return *(int64_t *)context + 7000000;
}

static void fake_sleep_ms(void *context, int64_t duration_ms)
{
    *(int64_t *)context += duration_ms * 1000000;
}

static void tests_own_the_clock(void)
{
    int64_t now_ns = 5000000000;
    const struct clock_source fake = {fake_wall_ns, fake_monotonic_ns, fake_sleep_ms, &now_ns};
    clock_use(&fake);
    CHECK_EQ_INT(clock_wall_ms(), 5000);
    clock_sleep_ms(250);
    CHECK_EQ_INT(clock_wall_ms(), 5250);
    CHECK_EQ_INT(clock_monotonic_ms(), 5257);
    clock_use(NULL);
    CHECK(clock_wall_ms() > 1700000000000);
}

CHECK_MAIN(TEST(times_are_written_in_three_ways), TEST(tests_own_the_clock))
