/* SPDX-License-Identifier: MIT */
/* How a filter ends when memory has run out. */
#include <stdio.h>
#include <stdlib.h>

#include "sluice/memory.h"

_Noreturn void memory_end(void)
{
    fputs("out of memory: the message or the mapping is too large for this filter\n", stderr);
    exit(1);
}
