/* SPDX-License-Identifier: MIT */
/*
 * What the machine lets this process use, as control groups of version 2 say it (Linux,
 * Documentation/admin-guide/cgroup-v2: "cpu.max", "memory.max"). A limit holds for everything below
 * the group that sets it, so the smallest one on the way up counts. Thread-safe.
 */
#ifndef BASE_CGROUP_H
#define BASE_CGROUP_H
#include <stdint.h>

#define CGROUP_MOUNT "/sys/fs/cgroup"
#define CGROUP_SELF "/proc/self/cgroup"

struct cgroup_limits {
    uint32_t cpu_percent;  /* 100 is one CPU all the time; 0: no limit */
    uint64_t memory_bytes; /* 0: no limit */
};

/* mount: where control groups are mounted; self: the file that names the process's own. A file that
 * is missing or not understood sets no limit. */
void cgroup_read(const char *mount, const char *self, struct cgroup_limits *out);
#endif
