/* SPDX-License-Identifier: MIT */
/* A futex in a mapped file; see store_changes.h. */
#include "store/store_changes.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <limits.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "store/store_internal.h"

uint32_t store_changes(const struct store *store)
{
    return __atomic_load_n(store->changes, __ATOMIC_ACQUIRE);
}

void store_tell_change(struct store *store)
{
    __atomic_fetch_add(store->changes, 1, __ATOMIC_RELEASE);
    syscall(SYS_futex, store->changes, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

/* FUTEX_WAIT_BITSET takes an absolute time; on the real-time clock it follows that clock's changes. */
void store_wait_change(struct store *store, uint32_t seen, int64_t until_ms)
{
    struct timespec until = {.tv_sec = (time_t)(until_ms / 1000),
                             .tv_nsec = (long)(until_ms % 1000) * 1000000};
    syscall(SYS_futex, store->changes, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, seen,
            until_ms == STORE_WAIT_FOREVER ? NULL : &until, NULL, FUTEX_BITSET_MATCH_ANY);
}

bool store_changes_open(struct store *store, const char *path, struct error *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    void *page = MAP_FAILED;
    if (fd >= 0 && ftruncate(fd, sizeof *store->changes) == 0)
        page = mmap(NULL, sizeof *store->changes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    int number = errno;
    if (fd >= 0)
        close(fd);
    if (page == MAP_FAILED)
        return error_errno(err, number == EACCES ? ERROR_DENIED : ERROR_INTERNAL, number,
                           "cannot open '%s'", path);
    store->changes = page;
    return true;
}

void store_changes_close(struct store *store)
{
    if (store->changes)
        munmap(store->changes, sizeof *store->changes);
    store->changes = NULL;
}
