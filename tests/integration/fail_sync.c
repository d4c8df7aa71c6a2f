/* SPDX-License-Identifier: MIT */
/* For LD_PRELOAD: fdatasync fails with EIO as long as the file $FAIL_SYNC exists, as on a disk that has
 * gone bad. */
#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

int fdatasync(int fd)
{
    const char *path = getenv("FAIL_SYNC");
    if (path && access(path, F_OK) == 0) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fdatasync, fd);
}
