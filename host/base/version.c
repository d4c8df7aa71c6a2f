/* SPDX-License-Identifier: MIT */
/* Version numbers; see version.h. */
#include "base/version.h"

#include <string.h>

/* Reads one number at *at, and leaves *at behind it. */
static bool parse_part(const char *text, size_t size, size_t *at, unsigned *value)
{
    size_t start = *at;
    *value = 0;
    for (; *at < size && text[*at] >= '0' && text[*at] <= '9'; ++*at) {
        if (*at - start == VERSION_DIGITS_MAX)
            return false;
        *value = *value * 10 + (unsigned)(text[*at] - '0');
    }
    return *at > start;
}

bool version_parse(const char *text, size_t size, struct version *out)
{
    *out = (struct version){.count = 0};
    for (size_t at = 0; out->count < VERSION_PARTS_MAX; at++) {
        if (!parse_part(text, size, &at, &out->parts[out->count++]))
            return false;
        if (at == size)
            return out->count >= 2;
        if (text[at] != '.')
            return false;
    }
    return false;
}

int version_compare(const struct version *a, const struct version *b)
{
    for (size_t i = 0; i < VERSION_PARTS_MAX; i++)
        if (a->parts[i] != b->parts[i])
            return a->parts[i] < b->parts[i] ? -1 : 1;
    return 0;
}

bool version_covers(const struct version *asked, const struct version *version)
{
    return memcmp(asked->parts, version->parts, asked->count * sizeof asked->parts[0]) == 0;
}
