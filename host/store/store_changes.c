/* SPDX-License-Identifier: MIT */
/*
 * The counter lies in a mapped file; a change of the file's times, which inotify reports, wakes whoever
 * waits. A timer on the system's clock that is cancelled when that clock is set does the rest. See
 * store_changes.h.
 */
#include "store/store_changes.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/store_internal.h"

#define LOOK_MS 200                       /* where the system has no notices left to give */
#define FAR_MS (INT64_C(7258118400) * 1000) /* 2200: a timer for ever would not notice a set clock */

uint32_t store_changes(const struct store *store)
{
    return __atomic_load_n(store->changes.counter, __ATOMIC_ACQUIRE);
}

void store_tell_change(struct store *store)
{
    __atomic_fetch_add(store->changes.counter, 1, __ATOMIC_RELEASE);
    if (futimens(store->changes.fd, NULL) != 0)
        log_line(LOG_ERROR, NULL, "other processes learn of a change late: %s", strerror(errno));
}

/* ---- waiting ----------------------------------------------------------------------------------- */

struct store_watch {
    struct store *store;
    int timer, notices; /* notices -1: there are none */
};

/* -1, and errno: there are no notices of that file. */
static int open_notices(const char *path)
{
    int notices = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (notices < 0 || inotify_add_watch(notices, path, IN_ATTRIB) >= 0)
        return notices;
    const int why = errno;
    close(notices);
    errno = why;
    return -1;
}

bool store_watch_open(struct store_watch **out, struct store *store, struct error *err)
{
    struct store_watch *watch = calloc(1, sizeof *watch);
    if (!watch)
        return error_out_of_memory(err);
    *watch = (struct store_watch){
        .store = store,
        .timer = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK),
        .notices = -1,
    };
    if (watch->timer < 0) {
        error_errno(err, ERROR_INTERNAL, errno, "timerfd_create");
        store_watch_close(watch);
        return false;
    }
    watch->notices = open_notices(store->changes.path);
    if (watch->notices < 0)
        log_line(LOG_WARNING, NULL, "changes by other processes are looked for five times a second, as the system "
                                    "gives no notice of them (see fs.inotify.max_user_watches and "
                                    "max_user_instances): %s",
                 strerror(errno));
    *out = watch;
    return true;
}

void store_watch_close(struct store_watch *watch)
{
    if (!watch)
        return;
    if (watch->timer >= 0)
        close(watch->timer);
    if (watch->notices >= 0)
        close(watch->notices);
    free(watch);
}

static void set_timer(struct store_watch *watch, int64_t until_ms)
{
    int64_t at_ms = until_ms < FAR_MS ? until_ms : FAR_MS;
    struct itimerspec until = {.it_value = {.tv_sec = (time_t)(at_ms / 1000),
                                            .tv_nsec = (long)(at_ms % 1000) * 1000000}};
    timerfd_settime(watch->timer, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &until, NULL);
}

static void drain(int fd)
{
    char events[4096];
    while (fd >= 0 && read(fd, events, sizeof events) > 0)
        ;
}

void store_watch_wait(struct store_watch *watch, uint32_t seen, int64_t looked_ms, int64_t until_ms)
{
    struct pollfd events[] = {{.fd = watch->timer, .events = POLLIN},
                              {.fd = watch->notices, .events = POLLIN}};
    set_timer(watch, until_ms);
    if (store_changes(watch->store) == seen && clock_wall_ms() >= looked_ms)
        poll(events, 2, watch->notices < 0 ? LOOK_MS : -1);
    drain(watch->timer);
    drain(watch->notices);
}

/* ---- the file ---------------------------------------------------------------------------------- */

bool store_changes_open(struct store_changes *changes, const char *path, struct error *err)
{
    size_t size = sizeof *changes->counter;
    void *page = MAP_FAILED;
    char own[32];
    changes->fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)
                       : memfd_create("sluice.changes", MFD_CLOEXEC);
    snprintf(own, sizeof own, "/proc/self/fd/%d", changes->fd);
    changes->path = strdup(path ? path : own);
    if (changes->fd >= 0 && ftruncate(changes->fd, (off_t)size) == 0)
        page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, changes->fd, 0);
    if (page == MAP_FAILED)
        return error_errno(err, errno == EACCES ? ERROR_DENIED : ERROR_INTERNAL, errno,
                           "cannot open '%s'", path ? path : "a file in memory");
    changes->counter = page;
    return changes->path || error_out_of_memory(err);
}

void store_changes_close(struct store_changes *changes)
{
    if (changes->counter)
        munmap(changes->counter, sizeof *changes->counter);
    if (changes->fd >= 0)
        close(changes->fd);
    free(changes->path);
    *changes = (struct store_changes){.fd = -1};
}
