/* SPDX-License-Identifier: MIT */
/*
 * How tenants' shares of the machine are kept apart, with what this machine has:
 *
 *   cgroup     a cgroup (version 2) of its own for each: cpu.weight, memory.max, pids.max. Taken where
 *              the supervisor is alone in its own cgroup and may divide it, as under systemd with
 *              Delegate=yes and in a container whose first process it is.
 *   autogroup  else, where the kernel shares the processors out by session: each tenant is one.
 *   nice       else only by niceness; a tenant with more threads then gets more.
 *
 * Limits of the process (memory that it may write to, descriptors, size of a file, with its own user
 * threads) hold in all of them. Belongs to the main thread.
 */
#ifndef SUPERVISOR_ISOLATION_H
#define SUPERVISOR_ISOLATION_H
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "workspace/supervision.h"

enum cpu_share { CPU_SHARE_CGROUP, CPU_SHARE_AUTOGROUP, CPU_SHARE_NICE };
extern const char *const cpu_share_names[]; /* "cgroup", "autogroup", "nice" */

struct isolation {
    enum cpu_share cpu;
    bool memory_by_cgroup, processes_by_cgroup;
    char cgroup[PATH_MAX]; /* our own, with the tenants' below it; "" without cgroups */
    char why_no_cgroup[256]; /* "" with them */
};

/* Finds out what there is, and moves this process into a cgroup below its own if it divides that. */
void isolation_open(struct isolation *out, enum cgroup_choice choice);

/* The same for a hierarchy whose root is mounted at root, and own our place in it ("/a/b"). */
void isolation_open_at(struct isolation *out, const char *root, const char *own);

/* Makes the tenant's cgroup and sets its limits; without cgroups nothing. ERROR_INTERNAL. */
MUST_USE bool isolation_prepare(const struct isolation *isolation, const char *tenant,
                                const struct tenant_settings *limits, struct error *err);
/* Path of the file into which a process of the tenant writes "0" to be in its cgroup; "" for none. */
void isolation_entrance(const struct isolation *isolation, const char *tenant, char path[PATH_MAX]);
/* Ends what is left in it, and removes it. */
void isolation_remove(const struct isolation *isolation, const char *tenant);

/* Niceness that stands for a weight: 100 is 0, each step is a quarter more or less, as in the kernel. */
int isolation_nice(uint32_t cpu_weight);
#endif
