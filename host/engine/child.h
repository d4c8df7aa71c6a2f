/* SPDX-License-Identifier: MIT */
/*
 * Runs a tool that works on hostile input: own process group, clean environment, no network and no
 * writing outside its folder where the kernel can do that (a log line says where it cannot), no
 * inherited descriptors, limits on CPU, memory, file size and wall time, and everything it started
 * killed at the end. Thread-safe; blocks until the tool has ended.
 */
#ifndef ENGINE_CHILD_H
#define ENGINE_CHILD_H
#include <stdint.h>

#include "base/error.h"

struct child_limits {
    uint64_t cpu_s;
    uint64_t data_size;    /* bytes of private writable memory (RLIMIT_DATA) */
    uint64_t address_size; /* bytes of address space (RLIMIT_AS); 0: none */
    uint64_t file_size;    /* bytes of the largest file it may write */
    int64_t wall_ms;
};

/*
 * Runs argv[0] (an absolute path) in folder, which is also its HOME and TMPDIR. Errors begin with
 * `what` and end with the last lines that the tool printed: ERROR_INVALID it failed, ERROR_LIMIT it
 * ran into a limit, ERROR_TIMEOUT wall_ms passed, ERROR_INTERNAL it could not be started.
 */
MUST_USE bool child_run(const char *what, const char *const argv[], const char *folder,
                        const struct child_limits *limits, struct error *err);
#endif
