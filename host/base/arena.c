/* SPDX-License-Identifier: MIT */
/* One list of blocks; a block is memory or a deferred call. See arena.h. */
#include "base/arena.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

struct arena_block {
    struct arena_block *older;
    arena_cleanup_fn *cleanup; /* NULL: plain memory, or taken back */
    void *context;
    alignas(max_align_t) char bytes[];
};

void arena_init(struct arena *arena, size_t size_max)
{
    *arena = (struct arena){.size_max = size_max};
}

void arena_clear(struct arena *arena)
{
    while (arena->newest) {
        struct arena_block *block = arena->newest;
        arena->newest = block->older;
        if (block->cleanup)
            block->cleanup(block->context);
        free(block);
    }
    arena->size = 0;
}

static struct arena_block *push(struct arena *arena, size_t size)
{
    if (size > arena->size_max - arena->size)
        return NULL;
    struct arena_block *block = calloc(1, sizeof *block + size);
    if (!block)
        return NULL;
    block->older = arena->newest;
    arena->newest = block;
    arena->size += size;
    return block;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    struct arena_block *block = push(arena, size);
    return block ? block->bytes : NULL;
}

char *arena_copy(struct arena *arena, const void *bytes, size_t size)
{
    if (size >= arena->size_max)
        return NULL;
    char *copy = arena_alloc(arena, size + 1);
    if (copy && size > 0)
        memcpy(copy, bytes, size);
    return copy;
}

bool arena_defer(struct arena *arena, arena_cleanup_fn *fn, void *context)
{
    struct arena_block *block = push(arena, 0);
    if (!block)
        return false;
    block->cleanup = fn;
    block->context = context;
    return true;
}

bool arena_undefer(struct arena *arena, arena_cleanup_fn *fn, void *context)
{
    for (struct arena_block *block = arena->newest; block; block = block->older) {
        if (block->cleanup == fn && block->context == context) {
            block->cleanup = NULL;
            return true;
        }
    }
    return false;
}
