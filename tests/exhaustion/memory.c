/* SPDX-License-Identifier: MIT */
/*
 * The calls for memory. AddressSanitizer's are weak under their usual names, so these win, and reach it
 * under its own names. A function of the C library that returns new memory counts as one call.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "exhaustion.h"
#include "next.h"

void *__interceptor_malloc(size_t size);
void *__interceptor_calloc(size_t count, size_t size);
void *__interceptor_realloc(void *memory, size_t size);
void *__interceptor_reallocarray(void *memory, size_t count, size_t size);
void *__interceptor_aligned_alloc(size_t alignment, size_t size);
int __interceptor_posix_memalign(void **memory, size_t alignment, size_t size);
char *__interceptor_strdup(const char *text);
char *__interceptor_strndup(const char *text, size_t size);
int __interceptor_vasprintf(char **text, const char *format, va_list args);

void *malloc(size_t size)
{
    return EXHAUSTED(EXHAUSTION_MEMORY) ? NULL : __interceptor_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return EXHAUSTED(EXHAUSTION_MEMORY) ? NULL : __interceptor_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
    return size && EXHAUSTED(EXHAUSTION_MEMORY) ? NULL : __interceptor_realloc(memory, size);
}

void *reallocarray(void *memory, size_t count, size_t size)
{
    return count && size && EXHAUSTED(EXHAUSTION_MEMORY)
               ? NULL
               : __interceptor_reallocarray(memory, count, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return EXHAUSTED(EXHAUSTION_MEMORY) ? NULL : __interceptor_aligned_alloc(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size)
{
    return EXHAUSTED(EXHAUSTION_MEMORY) ? ENOMEM
                                        : __interceptor_posix_memalign(memory, alignment, size);
}

char *strdup(const char *text)
{
    return EXHAUSTED(EXHAUSTION_MEMORY) ? NULL : __interceptor_strdup(text);
}

char *strndup(const char *text, size_t size)
{
    return EXHAUSTED(EXHAUSTION_MEMORY) ? NULL : __interceptor_strndup(text, size);
}

static int format_within(char **text, const char *format, va_list args)
{
    exhaustion_enter();
    int length = __interceptor_vasprintf(text, format, args);
    exhaustion_leave();
    return length;
}

int vasprintf(char **text, const char *format, va_list args)
{
    return EXHAUSTED(EXHAUSTION_MEMORY) ? -1 : format_within(text, format, args);
}

int asprintf(char **text, const char *format, ...)
{
    if (EXHAUSTED(EXHAUSTION_MEMORY))
        return -1;
    va_list args;
    va_start(args, format);
    int length = format_within(text, format, args);
    va_end(args);
    return length;
}

char *realpath(const char *path, char *resolved)
{
    if (!resolved && EXHAUSTED(EXHAUSTION_MEMORY))
        return NULL;
    return WITHIN(char *, NEXT(realpath)(path, resolved));
}

ssize_t getdelim(char **line, size_t *capacity, int end, FILE *file)
{
    if (!*line && EXHAUSTED(EXHAUSTION_MEMORY))
        return -1;
    return WITHIN(ssize_t, NEXT(getdelim)(line, capacity, end, file));
}

ssize_t getline(char **line, size_t *capacity, FILE *file)
{
    if (!*line && EXHAUSTED(EXHAUSTION_MEMORY))
        return -1;
    return WITHIN(ssize_t, NEXT(getdelim)(line, capacity, '\n', file));
}

FILE *fdopen(int descriptor, const char *mode)
{
    if (EXHAUSTED(EXHAUSTION_MEMORY))
        return NULL;
    return WITHIN(FILE *, NEXT(fdopen)(descriptor, mode));
}

FILE *open_memstream(char **text, size_t *size)
{
    if (EXHAUSTED(EXHAUSTION_MEMORY))
        return NULL;
    return WITHIN(FILE *, NEXT(open_memstream)(text, size));
}

void *mmap(void *address, size_t size, int protection, int flags, int descriptor, off_t offset)
{
    if (EXHAUSTED(EXHAUSTION_MEMORY))
        return MAP_FAILED;
    return (void *)syscall(SYS_mmap, address, size, protection, flags, descriptor, offset);
}

void *mmap64(void *address, size_t size, int protection, int flags, int descriptor, off_t offset)
    __attribute__((alias("mmap")));

int mprotect(void *address, size_t size, int protection)
{
    return EXHAUSTED(EXHAUSTION_MEMORY) ? -1 : (int)syscall(SYS_mprotect, address, size, protection);
}
