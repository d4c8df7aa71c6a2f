/* SPDX-License-Identifier: MIT */
/* See folder.h. */
#include "capability/folder.h"

/* The next byte that counts, from at on. */
static const char *that_counts(const char *at)
{
    while (at[0] == '/' && (at[1] == '/' || at[1] == '\0'))
        at++;
    return at;
}

void folder_append(const char *folder, struct buf *out)
{
    for (const char *at = that_counts(folder); *at; at = that_counts(at + 1))
        buf_append_char(out, *at);
}

bool folder_is_same(const char *a, const char *b)
{
    for (a = that_counts(a), b = that_counts(b); *a && *a == *b; a = that_counts(a + 1))
        b = that_counts(b + 1);
    return *a == *b;
}
