/* SPDX-License-Identifier: MIT */
/* For LD_PRELOAD, what a disk may do to the store. fdatasync fails with EIO as long as the file $FAIL_SYNC exists,
 * as on a disk that has gone bad; pwrite with ENOSPC as long as the file $FAIL_WRITE does, as on a full one. */
#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static int is_asked_for(const char *name)
{
    const char *path = getenv(name);
    return path && access(path, F_OK) == 0;
}

int fdatasync(int fd)
{
    if (is_asked_for("FAIL_SYNC")) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fdatasync, fd);
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t at)
{
    if (is_asked_for("FAIL_WRITE")) {
        errno = ENOSPC;
        return -1;
    }
    return syscall(SYS_pwrite64, fd, bytes, size, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off_t at)
{
    return pwrite(fd, bytes, size, at);
}
