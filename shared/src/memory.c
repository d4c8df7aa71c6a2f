/* SPDX-License-Identifier: MIT */
/* Memory; see memory.h. The only file of the library that allocates. */
#include "sluice/memory.h"

#include <stdlib.h>
#include <string.h>

static void *check(void *block)
{
    if (!block)
        memory_end();
    return block;
}

void *memory_new(size_t size)
{
    return check(calloc(1, size ? size : 1));
}

void *memory_resize(void *block, size_t size)
{
    return check(realloc(block, size ? size : 1));
}

char *memory_copy(const char *string)
{
    size_t size = strlen(string) + 1;
    return memcpy(memory_new(size), string, size);
}
