/* SPDX-License-Identifier: MIT */
/* flock(2) on state/locks/<flow>.lock; see run_lock.h. */
#include "flow/run_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/file.h"

static int open_lock_file(const char *state_folder, const char *flow, struct error *err)
{
    char *folder = file_join(state_folder, "locks"), *path = NULL;
    int fd = -1;
    if (!folder || asprintf(&path, "%s/%s.lock", folder, flow) < 0)
        error_set(err, ERROR_LIMIT, "out of memory");
    else if (file_make_folder(folder, err)) {
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
            error_errno(err, ERROR_INTERNAL, errno, "cannot open lock file '%s'", path);
    }
    free(folder);
    free(path);
    return fd;
}

static void name_holder(int fd, const char *flow, struct error *err)
{
    char holder[32] = "";
    ssize_t size = pread(fd, holder, sizeof holder - 1, 0);
    holder[size > 0 ? strcspn(holder, "\n") : 0] = '\0';
    error_set(err, ERROR_EXISTS,
              "another run of flow '%s' is going on%s%s; wait for it, one run at a time", flow,
              holder[0] ? " in process " : "", holder);
}

bool run_lock_take(const char *state_folder, const char *flow, int *out, struct error *err)
{
    int fd = open_lock_file(state_folder, flow, err);
    if (fd < 0)
        return false;
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK)
            name_holder(fd, flow, err);
        else
            error_errno(err, ERROR_INTERNAL, errno, "cannot take the lock of flow '%s'", flow);
        close(fd);
        return false;
    }
    char holder[32];
    int size = snprintf(holder, sizeof holder, "%d\n", (int)getpid());
    if (ftruncate(fd, 0) != 0 || pwrite(fd, holder, (size_t)size, 0) != size) {
        error_errno(err, ERROR_INTERNAL, errno, "cannot write the lock file of flow '%s'", flow);
        close(fd);
        return false;
    }
    *out = fd;
    return true;
}

void run_lock_release(int fd)
{
    if (fd >= 0)
        close(fd);
}
