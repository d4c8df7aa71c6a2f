/* SPDX-License-Identifier: MIT */
/*
 * Memory that is there or ends the execution: nothing here returns NULL. Blocks may be given to
 * free(), or left to the end of the execution.
 */
#ifndef SLUICE_MEMORY_H
#define SLUICE_MEMORY_H
#include <stddef.h>

/* Zeroed or resized memory. */
void *memory_new(size_t size);
void *memory_resize(void *block, size_t size);
char *memory_copy(const char *string);

/* What the functions above do when memory has run out. Flows tell the host (memory_end.c); a
 * filter, which may call nothing of the host, says it on stderr (tools/filter_memory.c). */
_Noreturn void memory_end(void);
#endif
