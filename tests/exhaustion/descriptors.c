/* SPDX-License-Identifier: MIT */
/*
 * The calls that make a descriptor, and a thread. Those of the kernel are made here without the C library,
 * so that both names of one call (open, open64) are one function. A call that also takes memory, like
 * fopen, counts as both.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "exhaustion.h"
#include "next.h"

#define DESCRIPTOR(call) (EXHAUSTED(EXHAUSTION_DESCRIPTORS) ? -1 : (int)(call))
#define BOTH (EXHAUSTED(EXHAUSTION_DESCRIPTORS) || EXHAUSTED(EXHAUSTION_MEMORY))

int __interceptor_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                                 void *(*run)(void *), void *context);

int open(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(args, mode_t) : 0;
    va_end(args);
    return DESCRIPTOR(syscall(SYS_openat, AT_FDCWD, path, flags, mode));
}

int openat(int folder, const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(args, mode_t) : 0;
    va_end(args);
    return DESCRIPTOR(syscall(SYS_openat, folder, path, flags, mode));
}

int open64(const char *path, int flags, ...) __attribute__((alias("open")));
int openat64(int folder, const char *path, int flags, ...) __attribute__((alias("openat")));

int fcntl(int descriptor, int command, ...)
{
    va_list args;
    va_start(args, command);
    unsigned long value = va_arg(args, unsigned long);
    va_end(args);
    bool makes = command == F_DUPFD || command == F_DUPFD_CLOEXEC;
    if (makes && EXHAUSTED(EXHAUSTION_DESCRIPTORS))
        return -1;
    return (int)syscall(SYS_fcntl, descriptor, command, value);
}

int fcntl64(int descriptor, int command, ...) __attribute__((alias("fcntl")));

int dup(int descriptor)
{
    return DESCRIPTOR(syscall(SYS_dup, descriptor));
}

int pipe2(int ends[2], int flags)
{
    return DESCRIPTOR(syscall(SYS_pipe2, ends, flags));
}

int pipe(int ends[2])
{
    return DESCRIPTOR(syscall(SYS_pipe2, ends, 0));
}

int socket(int domain, int type, int protocol)
{
    return DESCRIPTOR(syscall(SYS_socket, domain, type, protocol));
}

int socketpair(int domain, int type, int protocol, int ends[2])
{
    return DESCRIPTOR(syscall(SYS_socketpair, domain, type, protocol, ends));
}

int accept4(int listener, struct sockaddr *address, socklen_t *size, int flags)
{
    return DESCRIPTOR(NEXT(accept4)(listener, address, size, flags));
}

int accept(int listener, struct sockaddr *address, socklen_t *size)
{
    return DESCRIPTOR(NEXT(accept)(listener, address, size));
}

int eventfd(unsigned value, int flags)
{
    return DESCRIPTOR(syscall(SYS_eventfd2, value, flags));
}

int timerfd_create(int clock, int flags)
{
    return DESCRIPTOR(syscall(SYS_timerfd_create, clock, flags));
}

int epoll_create1(int flags)
{
    return DESCRIPTOR(syscall(SYS_epoll_create1, flags));
}

int epoll_create(int size)
{
    (void)size;
    return DESCRIPTOR(syscall(SYS_epoll_create1, 0));
}

int memfd_create(const char *name, unsigned flags)
{
    return DESCRIPTOR(syscall(SYS_memfd_create, name, flags));
}

int inotify_init1(int flags)
{
    return DESCRIPTOR(syscall(SYS_inotify_init1, flags));
}

int mkostemp(char *path, int flags)
{
    return DESCRIPTOR(NEXT(mkostemp)(path, flags));
}

int mkstemp(char *path)
{
    return DESCRIPTOR(NEXT(mkstemp)(path));
}

FILE *fopen(const char *path, const char *mode)
{
    return BOTH ? NULL : WITHIN(FILE *, NEXT(fopen)(path, mode));
}

FILE *fopen64(const char *path, const char *mode) __attribute__((alias("fopen")));

DIR *opendir(const char *path)
{
    return BOTH ? NULL : WITHIN(DIR *, NEXT(opendir)(path));
}

DIR *fdopendir(int descriptor)
{
    return EXHAUSTED(EXHAUSTION_MEMORY) ? NULL : WITHIN(DIR *, NEXT(fdopendir)(descriptor));
}

int scandir(const char *path, struct dirent ***entries, int (*filter)(const struct dirent *),
            int (*order)(const struct dirent **, const struct dirent **))
{
    return BOTH ? -1 : WITHIN(int, NEXT(scandir)(path, entries, filter, order));
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                   void *context)
{
    if (EXHAUSTED(EXHAUSTION_THREADS))
        return EAGAIN;
    return __interceptor_pthread_create(thread, attributes, run, context);
}
