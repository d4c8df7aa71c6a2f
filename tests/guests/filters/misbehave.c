/* SPDX-License-Identifier: MIT */
/*
 * Filters that go wrong, one per value of WRONG: what the host must tell apart and survive.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SAYS_NO 1
#define TRAPS 2
#define SPINS 3
#define BABBLES 4   /* gives what is no JSON and no name */
#define FLOODS 5    /* gives without end */
#define HALF 6      /* gives half of it, then says no */
#define HOGS 7      /* takes all memory */
#define LEAVES 8    /* reads nothing and says that all is well */
#define CHATTERS 9  /* writes 5,000 lines to standard error, then copies */

static char block[65536];

static ssize_t copy(size_t size)
{
    ssize_t got = read(0, block, size < sizeof block ? size : sizeof block);
    if (got > 0 && write(1, block, (size_t)got) != got)
        exit(9);
    return got;
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 8;
    switch (WRONG) {
    case SAYS_NO:
        fprintf(stderr, "%s at %s of %s: no\n", argv[0], argv[1], argv[2]);
        return 3;
    case TRAPS:
        __builtin_trap();
    case SPINS:
        for (volatile unsigned i = 0;; i++)
            ;
    case BABBLES:
        puts("../{");
        return 0;
    case FLOODS:
        while (write(1, block, sizeof block) > 0)
            ;
        return 0;
    case HALF:
        copy(1000);
        return 1;
    case HOGS: {
        char *volatile taken;
        while ((taken = malloc(1 << 20)))
            taken[0] = 1;
        fputs("out of memory\n", stderr);
        abort();
    }
    case LEAVES:
        return 0;
    case CHATTERS:
        for (int i = 0; i < 5000; i++)
            fprintf(stderr, "line %d\n", i);
        while (copy(sizeof block) > 0)
            ;
        return 0;
    }
    return 7;
}
