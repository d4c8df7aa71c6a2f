/* SPDX-License-Identifier: MIT */
/*
 * What stands behind the WASI calls of a guest. A guest's host (guest_host) begins with a struct
 * wasi_host: that of a flow is its struct execution, that of a customisation its struct filter_run.
 */
#ifndef CAPABILITY_WASI_H
#define CAPABILITY_WASI_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/sandbox.h"

#define WASI_ARGUMENTS_MAX 3

struct wasi_host;

/* Between guest_enter_host and guest_leave_host, by the guest's thread. */
struct wasi_calls {
    /* Called first. */
    void (*enter)(struct wasi_host *host, struct guest *guest);
    /* Called last: why the guest is to be ended, with *detail; FAULT_NONE: it goes on. */
    enum fault (*stop)(const struct wasi_host *host, const char **detail);
    /* What the guest is told instead of now (ns). */
    int64_t (*clock)(struct wasi_host *host, int64_t now);
    /* At most 64 KiB. False: there is no randomness. */
    bool (*random)(struct wasi_host *host, void *bytes, size_t size);
    /* The next bytes of standard input, 1 to size of them; *got 0: its end. False: it failed. */
    bool (*read)(struct wasi_host *host, void *bytes, size_t size, size_t *got);
    /* All of it to descriptor 1 or 2. False: it failed. */
    bool (*write)(struct wasi_host *host, uint32_t fd, const void *bytes, size_t size);
};

struct wasi_host {
    const struct wasi_calls *calls;
    const char *arguments[WASI_ARGUMENTS_MAX]; /* argv; borrowed */
    uint32_t argument_count;
};

/* Random bytes of the system. False: there are none. */
bool wasi_system_random(void *bytes, size_t size);
#endif
