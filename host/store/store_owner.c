/* SPDX-License-Identifier: MIT */
/* Owners as open-file-description locks; see store_owner.h. */
#include "store/store_owner.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#define NUMBER_MASK ((INT64_C(1) << 62) - 1) /* a file offset */
#define ATTEMPTS_MAX 8

static struct flock byte_lock(int64_t number)
{
    return (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = number, .l_len = 1};
}

static bool take_number(struct store_owner *owner, const char *path, struct error *err)
{
    for (int attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
        int64_t random;
        if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
            return error_errno(err, ERROR_INTERNAL, errno, "getrandom");
        owner->number = (random & NUMBER_MASK) | 1;
        struct flock lock = byte_lock(owner->number);
        if (fcntl(owner->fd, F_OFD_SETLK, &lock) == 0)
            return true;
        if (errno != EAGAIN && errno != EACCES)
            return error_errno(err, ERROR_INTERNAL, errno,
                               "cannot lock '%s': the state folder needs a file system with locks",
                               path);
    }
    return error_set(err, ERROR_INTERNAL, "no free owner number in '%s'", path);
}

bool store_owner_open(struct store_owner *owner, const char *path, struct error *err)
{
    const char *name = path ? path : "a file in memory";
    owner->fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600)
                     : memfd_create("sluice.owners", MFD_CLOEXEC);
    if (owner->fd < 0)
        return error_errno(err, errno == EACCES ? ERROR_DENIED : ERROR_INTERNAL, errno,
                           "cannot open '%s'", name);
    if (take_number(owner, name, err))
        return true;
    store_owner_close(owner);
    return false;
}

void store_owner_close(struct store_owner *owner)
{
    if (owner->fd >= 0)
        close(owner->fd); /* drops the lock */
    owner->fd = -1;
}

bool store_owner_lives(const struct store_owner *owner, int64_t number)
{
    if (number == owner->number || number == STORE_OWNER_NOBODY)
        return number != STORE_OWNER_NOBODY;
    struct flock lock = byte_lock(number);
    return fcntl(owner->fd, F_OFD_GETLK, &lock) != 0 || lock.l_type != F_UNLCK;
}
