/* SPDX-License-Identifier: MIT */
/*
 * WASI (snapshot preview 1) for guests: arguments, clock, randomness, standard streams and exit, and no
 * others: there is no file system and no socket behind them. What the streams are is told by the
 * guest's host (wasi.h). Numbers and layouts: WASI's witx for that snapshot. Every function enters the
 * host, maps guest memory (which may trap) before it holds anything, and leaves. The verifier's list
 * of them is in engine/import_rules.c.
 */
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "capability/wasi.h"

/* These are called by translated modules only; the engine's loader finds them by name. */
#pragma GCC diagnostic ignored "-Wmissing-prototypes"

/* Error numbers of WASI snapshot preview 1. */
enum {
    WASI_OK = 0,
    WASI_BADF = 8,
    WASI_INVAL = 28,
    WASI_IO = 29,
    WASI_NOTSUP = 58,
    WASI_SPIPE = 70,
};

enum { WASI_CLOCK_REALTIME = 0, WASI_CLOCK_MONOTONIC = 1 };

#define WASI_IOVECS_MAX 1024u
/* What one fd_write takes: the same bytes named by many iovecs would else be work without end in one
 * import, where no deadline strikes. More is a short write, as POSIX has them. */
#define WASI_WRITE_MAX 65536u
#define WASI_RANDOM_STEP (1u << 16) /* random bytes between two looks at the deadline */
#define WASI_FILETYPE_CHARACTER_DEVICE 2

static struct wasi_host *enter(struct guest *guest, const char *name)
{
    guest_enter_host(guest, name);
    struct wasi_host *host = guest_host(guest);
    host->calls->enter(host, guest);
    return host;
}

static uint32_t leave(struct guest *guest, uint32_t result)
{
    const struct wasi_host *host = guest_host(guest);
    const char *detail = "";
    enum fault fault = host->calls->stop(host, &detail);
    if (fault != FAULT_NONE)
        guest_trap(guest, fault, detail);
    guest_leave_host(guest);
    return result;
}

static void put_u32(struct guest *guest, uint32_t address, uint32_t value)
{
    memcpy(guest_range(guest, address, sizeof value), &value, sizeof value);
}

static void put_u64(struct guest *guest, uint32_t address, uint64_t value)
{
    memcpy(guest_range(guest, address, sizeof value), &value, sizeof value);
}

uint32_t w2c_wasi__snapshot__preview1_args_sizes_get(struct guest *guest, uint32_t count_address,
                                                     uint32_t size_address)
{
    const struct wasi_host *host = enter(guest, "wasi.args_sizes_get");
    uint32_t size = 0;
    for (uint32_t i = 0; i < host->argument_count; i++)
        size += (uint32_t)strlen(host->arguments[i]) + 1;
    put_u32(guest, count_address, host->argument_count);
    put_u32(guest, size_address, size);
    return leave(guest, WASI_OK);
}

uint32_t w2c_wasi__snapshot__preview1_args_get(struct guest *guest, uint32_t argv_address,
                                               uint32_t text_address)
{
    const struct wasi_host *host = enter(guest, "wasi.args_get");
    for (uint32_t i = 0; i < host->argument_count; i++) {
        uint32_t size = (uint32_t)strlen(host->arguments[i]) + 1;
        put_u32(guest, argv_address + 4 * i, text_address);
        memcpy(guest_range(guest, text_address, size), host->arguments[i], size);
        text_address += size;
    }
    return leave(guest, WASI_OK);
}

/* The environment is empty: settings come from lookups, secrets never come at all. */
uint32_t w2c_wasi__snapshot__preview1_environ_sizes_get(struct guest *guest,
                                                        uint32_t count_address,
                                                        uint32_t size_address)
{
    enter(guest, "wasi.environ_sizes_get");
    put_u32(guest, count_address, 0);
    put_u32(guest, size_address, 0);
    return leave(guest, WASI_OK);
}

uint32_t w2c_wasi__snapshot__preview1_environ_get(struct guest *guest, uint32_t environ_address,
                                                  uint32_t text_address)
{
    (void)environ_address;
    (void)text_address;
    enter(guest, "wasi.environ_get");
    return leave(guest, WASI_OK);
}

uint32_t w2c_wasi__snapshot__preview1_clock_res_get(struct guest *guest, uint32_t id,
                                                    uint32_t address)
{
    enter(guest, "wasi.clock_res_get");
    if (id > WASI_CLOCK_MONOTONIC)
        return leave(guest, WASI_INVAL);
    put_u64(guest, address, 1);
    return leave(guest, WASI_OK);
}

uint32_t w2c_wasi__snapshot__preview1_clock_time_get(struct guest *guest, uint32_t id,
                                                     uint64_t precision, uint32_t address)
{
    (void)precision;
    struct wasi_host *host = enter(guest, "wasi.clock_time_get");
    if (id > WASI_CLOCK_MONOTONIC)
        return leave(guest, WASI_INVAL);
    guest_range(guest, address, sizeof(uint64_t));
    int64_t now = id == WASI_CLOCK_REALTIME ? clock_wall_ns() : clock_monotonic_ns();
    put_u64(guest, address, (uint64_t)host->calls->clock(host, now));
    return leave(guest, WASI_OK);
}

bool wasi_system_random(void *bytes, size_t size)
{
    char *at = bytes;
    while (size > 0) {
        ssize_t got = getrandom(at, size, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return false;
        at += got;
        size -= (size_t)got;
    }
    return true;
}

uint32_t w2c_wasi__snapshot__preview1_random_get(struct guest *guest, uint32_t address,
                                                 uint32_t size)
{
    struct wasi_host *host = enter(guest, "wasi.random_get");
    char *at = guest_range(guest, address, size);
    while (size > 0 && !guest_should_stop(guest)) {
        uint32_t step = size < WASI_RANDOM_STEP ? size : WASI_RANDOM_STEP;
        if (!host->calls->random(host, at, step))
            return leave(guest, WASI_IO);
        at += step;
        size -= step;
    }
    return leave(guest, WASI_OK);
}

struct wasi_iovec {
    uint32_t address, size;
};

/* All ranges are mapped once before the first is used, so that a bad one has no half effect. */
static struct wasi_iovec iovec_at(struct guest *guest, uint32_t iovecs, uint32_t index)
{
    struct wasi_iovec iovec;
    memcpy(&iovec, guest_range(guest, iovecs + index * 8, sizeof iovec), sizeof iovec);
    return iovec;
}

static bool check_iovecs(struct guest *guest, uint32_t iovecs, uint32_t count)
{
    if (count > WASI_IOVECS_MAX)
        return false;
    guest_range(guest, iovecs, count * 8);
    for (uint32_t i = 0; i < count; i++) {
        struct wasi_iovec iovec = iovec_at(guest, iovecs, i);
        guest_range(guest, iovec.address, iovec.size);
    }
    return true;
}

uint32_t w2c_wasi__snapshot__preview1_fd_write(struct guest *guest, uint32_t fd, uint32_t iovecs,
                                               uint32_t count, uint32_t written_address)
{
    struct wasi_host *host = enter(guest, "wasi.fd_write");
    if (fd != 1 && fd != 2)
        return leave(guest, WASI_BADF);
    if (!check_iovecs(guest, iovecs, count))
        return leave(guest, WASI_INVAL);
    guest_range(guest, written_address, 4);
    uint32_t written = 0;
    for (uint32_t i = 0; i < count && written < WASI_WRITE_MAX; i++) {
        struct wasi_iovec iovec = iovec_at(guest, iovecs, i);
        uint32_t room = WASI_WRITE_MAX - written;
        uint32_t size = iovec.size < room ? iovec.size : room;
        if (!host->calls->write(host, fd, guest_range(guest, iovec.address, iovec.size), size))
            return leave(guest, WASI_IO);
        written += size;
    }
    put_u32(guest, written_address, written);
    return leave(guest, WASI_OK);
}

uint32_t w2c_wasi__snapshot__preview1_fd_read(struct guest *guest, uint32_t fd, uint32_t iovecs,
                                              uint32_t count, uint32_t read_address)
{
    struct wasi_host *host = enter(guest, "wasi.fd_read");
    if (fd != 0)
        return leave(guest, WASI_BADF);
    if (!check_iovecs(guest, iovecs, count))
        return leave(guest, WASI_INVAL);
    guest_range(guest, read_address, 4);
    uint32_t total = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct wasi_iovec iovec = iovec_at(guest, iovecs, i);
        size_t got = 0;
        if (iovec.size > 0 &&
            !host->calls->read(host, guest_range(guest, iovec.address, iovec.size), iovec.size, &got))
            return leave(guest, WASI_IO);
        total += (uint32_t)got;
        if (got < iovec.size)
            break;
    }
    put_u32(guest, read_address, total);
    return leave(guest, WASI_OK);
}

uint32_t w2c_wasi__snapshot__preview1_fd_close(struct guest *guest, uint32_t fd)
{
    enter(guest, "wasi.fd_close");
    return leave(guest, fd <= 2 ? WASI_OK : WASI_BADF);
}

uint32_t w2c_wasi__snapshot__preview1_fd_seek(struct guest *guest, uint32_t fd, uint64_t offset,
                                              uint32_t whence, uint32_t result_address)
{
    (void)offset;
    (void)whence;
    (void)result_address;
    enter(guest, "wasi.fd_seek");
    return leave(guest, fd <= 2 ? WASI_SPIPE : WASI_BADF);
}

/* fdstat: u8 file type, u16 flags, u64 rights, u64 inheritable rights: 24 bytes. */
uint32_t w2c_wasi__snapshot__preview1_fd_fdstat_get(struct guest *guest, uint32_t fd,
                                                    uint32_t address)
{
    enter(guest, "wasi.fd_fdstat_get");
    if (fd > 2)
        return leave(guest, WASI_BADF);
    unsigned char *stat = guest_range(guest, address, 24);
    memset(stat, 0, 24);
    stat[0] = WASI_FILETYPE_CHARACTER_DEVICE;
    return leave(guest, WASI_OK);
}

uint32_t w2c_wasi__snapshot__preview1_fd_fdstat_set_flags(struct guest *guest, uint32_t fd,
                                                          uint32_t flags)
{
    (void)flags;
    enter(guest, "wasi.fd_fdstat_set_flags");
    return leave(guest, fd <= 2 ? WASI_NOTSUP : WASI_BADF);
}

/* Start-up code of several languages looks for preopened folders from descriptor 3 on: there is none. */
uint32_t w2c_wasi__snapshot__preview1_fd_prestat_get(struct guest *guest, uint32_t fd,
                                                     uint32_t address)
{
    (void)fd, (void)address;
    enter(guest, "wasi.fd_prestat_get");
    return leave(guest, WASI_BADF);
}

uint32_t w2c_wasi__snapshot__preview1_fd_prestat_dir_name(struct guest *guest, uint32_t fd,
                                                          uint32_t address, uint32_t size)
{
    (void)fd, (void)address, (void)size;
    enter(guest, "wasi.fd_prestat_dir_name");
    return leave(guest, WASI_BADF);
}

uint32_t w2c_wasi__snapshot__preview1_sched_yield(struct guest *guest)
{
    enter(guest, "wasi.sched_yield");
    return leave(guest, WASI_OK);
}

void w2c_wasi__snapshot__preview1_proc_exit(struct guest *guest, uint32_t status)
{
    enter(guest, "wasi.proc_exit");
    guest_exit(guest, (int)status);
}
