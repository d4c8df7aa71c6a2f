/* SPDX-License-Identifier: MIT */
/*
 * For LD_PRELOAD: a socket that takes nothing of a request at first. The $FAIL_SEND_AT-th send() that begins with
 * "POST /" fails with EAGAIN (the next one goes through), or with EPIPE where $FAIL_SEND_BROKEN is set.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static atomic_int seen;

static int fails(const void *bytes, size_t size)
{
    const char *at = getenv("FAIL_SEND_AT");
    if (!at || size < 6 || memcmp(bytes, "POST /", 6) != 0)
        return 0;
    return atomic_fetch_add(&seen, 1) + 1 == strtol(at, NULL, 10);
}

ssize_t send(int socket, const void *bytes, size_t size, int flags)
{
    ssize_t (*real)(int, const void *, size_t, int);
    *(void **)&real = dlsym(RTLD_NEXT, "send");
    if (!fails(bytes, size))
        return real(socket, bytes, size, flags);
    errno = getenv("FAIL_SEND_BROKEN") ? EPIPE : EAGAIN;
    return -1;
}
