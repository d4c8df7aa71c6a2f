/* SPDX-License-Identifier: MIT */
/* Seeds as people write them; see seed.h. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "mishap.h"
#include "seed.h"

#define LATER_COUNT (MISHAP_COUNT - MISHAP_FIRST_LATER)

_Static_assert(LATER_COUNT < 32, "the kinds that came later have a bit each");

bool seed_read(const char *text, struct seed *seed)
{
    char *end;
    *seed = (struct seed){.number = strtoull(text, &end, 10), .later = SEED_LATER_ALL};
    if (end == text)
        return false;
    if (*end == '/') {
        unsigned long kinds = strtoul(end + 1, &end, 10);
        if (kinds < MISHAP_FIRST_LATER || kinds > MISHAP_COUNT)
            return false;
        seed->later = (UINT32_C(1) << (kinds - MISHAP_FIRST_LATER)) - 1;
    }
    while (*end == '+') {
        unsigned long kind = strtoul(end + 1, &end, 10);
        if (kind <= MISHAP_FIRST_LATER || kind > MISHAP_COUNT)
            return false;
        seed->later |= UINT32_C(1) << (kind - 1 - MISHAP_FIRST_LATER);
    }
    return !*end || isspace((unsigned char)*end);
}

const char *seed_text(struct seed seed, char text[static SEED_TEXT_SIZE])
{
    unsigned first = 0;
    while (first < LATER_COUNT && seed.later >> first & 1)
        first++;
    int size = snprintf(text, SEED_TEXT_SIZE, "%llu/%u", (unsigned long long)seed.number,
                        MISHAP_FIRST_LATER + first);
    for (unsigned i = first; i < LATER_COUNT && size < SEED_TEXT_SIZE; i++)
        if (seed.later >> i & 1)
            size += snprintf(text + size, SEED_TEXT_SIZE - (size_t)size, "+%u", MISHAP_FIRST_LATER + i + 1);
    return text;
}
