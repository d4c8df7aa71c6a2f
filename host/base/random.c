/* SPDX-License-Identifier: MIT */
/* See random.h. */
#include "base/random.h"

#include <stddef.h>
#include <sys/random.h>

static uint32_t system_number(void *context)
{
    (void)context;
    uint32_t number;
    return getrandom(&number, sizeof number, 0) == (ssize_t)sizeof number ? number : 0;
}

static const struct random_source system_source = {.number = system_number};
static struct random_source source = {.number = system_number};

void random_use(const struct random_source *replacement)
{
    source = replacement ? *replacement : system_source;
}

uint32_t random_number(void)
{
    return source.number(source.context);
}
