/* SPDX-License-Identifier: MIT */
/* See folder.h. */
#include "capability/folder.h"

#include <string.h>

/* The next byte that counts, from at on; the first one of an absolute folder does. */
static const char *that_counts(const char *at)
{
    while (at[0] == '/' && (at[1] == '/' || at[1] == '\0'))
        at++;
    return at;
}

static const char *first(const char *folder)
{
    return folder[0] == '/' ? folder : that_counts(folder);
}

static const char *next(const char *at)
{
    return that_counts(at + 1 + (at[0] == '/' ? strspn(at + 1, "/") : 0));
}

void folder_append(const char *folder, struct buf *out)
{
    for (const char *at = first(folder); *at; at = next(at))
        buf_append_char(out, *at);
}

bool folder_is_same(const char *a, const char *b)
{
    for (a = first(a), b = first(b); *a && *a == *b; a = next(a))
        b = next(b);
    return *a == *b;
}
