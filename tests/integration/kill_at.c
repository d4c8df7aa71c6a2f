/* SPDX-License-Identifier: MIT */
/*
 * Preloaded into a program under test: counts its effects on the outside (bytes to a socket, writes and
 * syncs of a file, connections, renames) and kills the process at one of them, as a power cut would.
 *   KILL_AT     which one, from 1; 0: none
 *   KILL_WHEN   "before" the effect, or "after" it
 *   KILL_COUNT  file that the number of effects is written to when the program ends by itself
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static atomic_long effects;
static long kill_at;
static bool is_after;

__attribute__((constructor)) static void begin(void)
{
    const char *at = getenv("KILL_AT"), *when = getenv("KILL_WHEN");
    kill_at = at ? strtol(at, NULL, 10) : 0;
    is_after = when && strcmp(when, "after") == 0;
}

__attribute__((destructor)) static void end(void)
{
    const char *path = getenv("KILL_COUNT");
    FILE *file = path ? fopen(path, "w") : NULL;
    if (file) {
        fprintf(file, "%ld\n", atomic_load(&effects));
        fclose(file);
    }
}

static void strike(void)
{
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

/* Whether this effect is the last one. */
static bool is_struck(void)
{
    bool is_this = atomic_fetch_add(&effects, 1) + 1 == kill_at;
    if (is_this && !is_after)
        strike();
    return is_this;
}

#define REAL(name, type)                                                                           \
    static type *real;                                                                             \
    if (!real)                                                                                     \
        *(void **)&real = dlsym(RTLD_NEXT, #name);

#define EFFECT(result_type, name, parameters, arguments)                                           \
    typedef result_type name##_fn parameters;                                                      \
    result_type name parameters;                                                                   \
    result_type name parameters                                                                    \
    {                                                                                              \
        REAL(name, name##_fn)                                                                      \
        bool is_last = is_struck();                                                                \
        result_type result = real arguments;                                                       \
        if (is_last)                                                                               \
            strike();                                                                              \
        return result;                                                                             \
    }

EFFECT(ssize_t, send, (int fd, const void *bytes, size_t size, int flags), (fd, bytes, size, flags))
EFFECT(int, connect, (int fd, const struct sockaddr *address, socklen_t size), (fd, address, size))
EFFECT(ssize_t, pwrite64, (int fd, const void *bytes, size_t size, off64_t at), (fd, bytes, size, at))
EFFECT(int, fdatasync, (int fd), (fd))
EFFECT(int, fsync, (int fd), (fd))
EFFECT(int, rename, (const char *from, const char *to), (from, to))

/* OpenSSL's sockets write with write(2), as everything else does: only sockets count here. */
typedef ssize_t write_fn(int fd, const void *bytes, size_t size);

ssize_t write(int fd, const void *bytes, size_t size)
{
    REAL(write, write_fn)
    struct stat about;
    if (fstat(fd, &about) != 0 || !S_ISSOCK(about.st_mode))
        return real(fd, bytes, size);
    bool is_last = is_struck();
    ssize_t result = real(fd, bytes, size);
    if (is_last)
        strike();
    return result;
}
