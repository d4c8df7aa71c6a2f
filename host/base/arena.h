/* SPDX-License-Identifier: MIT */
/*
 * Everything that one execution holds: memory and cleanups, released together, newest first.
 * A trap jumps over host frames without running their clean-up code, so whatever an import
 * acquires is tied to the execution's arena at once. Not thread-safe.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H
#include <stddef.h>

#include "base/error.h"

struct arena_block;

struct arena {
    struct arena_block *newest; /* memory and deferred calls in one list, newest first */
    size_t size;                /* bytes handed out */
    size_t size_max;            /* ceiling on size; arena_alloc past it returns NULL */
};

typedef void arena_cleanup_fn(void *context);

void arena_init(struct arena *arena, size_t size_max);

/* Runs the deferred calls newest first, frees all memory; the arena may be used again. */
void arena_clear(struct arena *arena);

/* Zeroed memory, aligned for any type; NULL past the ceiling or out of memory. */
void *arena_alloc(struct arena *arena, size_t size);

/* A copy of size bytes with a NUL behind them; NULL as arena_alloc. */
char *arena_copy(struct arena *arena, const void *bytes, size_t size);

/* fn(context) will run at arena_clear, unless taken back. false (and fn not run): no memory. */
MUST_USE bool arena_defer(struct arena *arena, arena_cleanup_fn *fn, void *context);

/* Takes back the newest deferred call with this fn and context; false if there is none. */
bool arena_undefer(struct arena *arena, arena_cleanup_fn *fn, void *context);
#endif
