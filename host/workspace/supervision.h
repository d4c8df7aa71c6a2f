/* SPDX-License-Identifier: MIT */
/*
 * supervise.json: how the workspaces below a folder are run, each by a process of its own
 * (docs/tenants.md). It lies in that folder, belongs to whoever runs the machine, and may be missing:
 * everything has a default.
 */
#ifndef WORKSPACE_SUPERVISION_H
#define WORKSPACE_SUPERVISION_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define SUPERVISION_FILE "supervise.json"
#define SUPERVISION_TENANTS_MAX 256

/* What one tenant's process gets. */
struct tenant_settings {
    char *user;             /* system user; NULL: the owner of the workspace's folder */
    uint64_t memory;        /* bytes that it may write to (RLIMIT_DATA, memory.max) */
    uint64_t address_space; /* bytes that it may reserve (RLIMIT_AS); a sandbox reserves 8 GiB */
    uint64_t file_size;     /* bytes of its largest file (RLIMIT_FSIZE) */
    uint32_t descriptors;   /* RLIMIT_NOFILE */
    uint32_t processes;     /* threads count (RLIMIT_NPROC, pids.max) */
    uint32_t cpu_weight;    /* share of the processors where they are short; 100 is everybody's */
};

struct supervision {
    bool confine;             /* the filter of system calls (server/lockdown.h) */
    int cgroup;               /* enum cgroup_choice */
    uint32_t restart_min_ms, restart_max_ms; /* before the first and the last of several starts */
    uint32_t stable_ms;       /* after which a process that ends is the first again */
    uint32_t stop_ms;         /* how long a stop waits before it kills */
    struct tenant_settings limits; /* of tenants that say nothing else */
    struct named_tenant {
        char *name;
        struct tenant_settings settings;
    } *tenants;
    size_t tenant_count;
};

enum cgroup_choice { CGROUP_AUTO, CGROUP_OFF };

/* Reads folder/supervise.json. ERROR_INVALID "supervise.json:3:5: ..."; ERROR_DENIED: users other than
 * this process's and root can write it. On error nothing is to be released. */
MUST_USE bool supervision_read(struct supervision *out, const char *folder, struct error *err);
void supervision_release(struct supervision *supervision); /* a zeroed one is fine */

/* What the tenant of that name gets; borrowed from supervision. */
const struct tenant_settings *supervision_of(const struct supervision *supervision, const char *name);

/* Whether name can be a tenant's: letters, digits, '-', '_' and '.', not first, at most 64 bytes. */
#define TENANT_NAME_SIZE 65
bool tenant_name_is_legal(const char *name);
#endif
