/* SPDX-License-Identifier: MIT */
/* Leaves out the files whose entry in the list mentions HOLD; entries are objects without braces inside. */
#include <stdio.h>
#include <string.h>

static char list[200000], entry[8192];

int main(void)
{
    size_t size = fread(list, 1, sizeof list - 1, stdin);
    int count = 0;
    list[size] = '\0';
    putchar('[');
    for (char *at = strchr(list, '{'); at; at = strchr(at, '{')) {
        size_t length = strcspn(at, "}") + 1;
        if (length >= sizeof entry)
            return 1;
        memcpy(entry, at, length);
        entry[length] = '\0';
        if (!strstr(entry, "HOLD"))
            printf("%s%s", count++ ? "," : "", entry);
        else
            fprintf(stderr, "held back: %s\n", entry);
        at += length;
    }
    putchar(']');
    return 0;
}
