/* SPDX-License-Identifier: MIT */
/* Names and draws of mishaps; see mishap.h. */
#include "mishap.h"

#include "world.h"

const char *mishap_name(enum mishap mishap)
{
    static const char *const names[] = {
#define MISHAP_NAME(id, name) [MISHAP_##id] = name,
        MISHAPS(MISHAP_NAME)
#undef MISHAP_NAME
            [MISHAP_NONE] = "nothing",
    };
    return names[mishap];
}

void mishap_count(enum mishap mishap)
{
    world->mishaps[mishap]++;
    trace("~ %s", mishap_name(mishap));
}

static bool is_possible(enum mishap mishap)
{
    return !world->is_calm && world->plan.enabled[mishap];
}

static enum mishap draw(const enum mishap kinds[], unsigned permille)
{
    enum mishap possible[MISHAP_COUNT];
    unsigned count = 0;
    if (world->is_calm || !draw_chance(permille))
        return MISHAP_NONE;
    for (; *kinds != MISHAP_NONE; kinds++)
        if (is_possible(*kinds))
            possible[count++] = *kinds;
    if (count == 0)
        return MISHAP_NONE;
    enum mishap mishap = possible[draw_below(count)];
    mishap_count(mishap);
    return mishap;
}

enum mishap mishap_draw(const enum mishap kinds[])
{
    return draw(kinds, world->plan.mishap_permille);
}

enum mishap mishap_draw_often(const enum mishap kinds[])
{
    unsigned permille = world->plan.mishap_permille * 4;
    return draw(kinds, permille < 500 ? permille : 500);
}

bool mishap_happens(enum mishap mishap, unsigned permille)
{
    if (!is_possible(mishap) ||
        !(mishap < MISHAP_FIRST_LATER ? draw_chance(permille) : draw_later_chance(permille)))
        return false;
    mishap_count(mishap);
    return true;
}

bool mishap_happens_often(enum mishap mishap)
{
    unsigned permille = world->plan.mishap_permille * 4;
    return mishap_happens(mishap, permille < 500 ? permille : 500);
}
