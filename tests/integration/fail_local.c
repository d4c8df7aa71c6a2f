/* SPDX-License-Identifier: MIT */
/*
 * For LD_PRELOAD, what a machine may be short of for a moment. The $FAIL_CALLOC-th request for a zeroed piece
 * of memory of a page or more fails, and the file $FAIL_CALLOC_TOLD says that it came to that. There is no
 * room for a new file that is put in its place whole as long as the file $FAIL_ROOM exists.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#define PIECE_MIN 4096u
#define PIECE_MAX (64u << 10) /* what is larger is a table of a library */

extern void *__libc_calloc(size_t count, size_t size);

static atomic_int seen;

void *calloc(size_t count, size_t size)
{
    const char *number = getenv("FAIL_CALLOC"), *told = getenv("FAIL_CALLOC_TOLD");
    if (!number || !told || count != 1 || size < PIECE_MIN || size > PIECE_MAX ||
        atomic_fetch_add(&seen, 1) + 1 != strtol(number, NULL, 10))
        return __libc_calloc(count, size);
    close(open(told, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    errno = ENOMEM;
    return NULL;
}

int mkostemp(char *name, int flags)
{
    const char *path = getenv("FAIL_ROOM");
    if (path && access(path, F_OK) == 0) {
        errno = ENOSPC;
        return -1;
    }
    return mkostemps(name, 0, flags);
}
