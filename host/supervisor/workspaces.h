/* SPDX-License-Identifier: MIT */
/*
 * The folder of workspaces, as the supervisor sees it: which workspaces there are, whether one has
 * changed, and a descriptor that wakes up when something in it does. A workspace is a folder with a legal
 * name that holds a sluice.json; links are not followed. Belongs to the main thread.
 */
#ifndef SUPERVISOR_WORKSPACES_H
#define SUPERVISOR_WORKSPACES_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "workspace/supervision.h"

/* What is told apart: a folder that was moved away and another in its place are two. */
struct found_workspace {
    char name[TENANT_NAME_SIZE];
    uint64_t device, inode;
};

struct workspace_list {
    struct found_workspace items[SUPERVISION_TENANTS_MAX];
    size_t count;
    bool is_cut;             /* there are more */
    char odd_name[256];      /* a folder with a sluice.json whose name is not legal; "" if there is none */
};

/* ERROR_DENIED: somebody else could put workspaces there. ERROR_NOT_FOUND. */
MUST_USE bool workspaces_check(const char *folder, struct error *err);

/* By name. ERROR_NOT_FOUND, ERROR_INTERNAL. */
MUST_USE bool workspaces_list(const char *folder, struct workspace_list *out, struct error *err);

/* A number that changes when a file of the workspace's configuration does: names, owners, modes, sizes and
 * times of what lies in it, in lookups, certificates and customizations, and of <workspace>.environment; 0
 * where it cannot be read. */
uint64_t workspaces_fingerprint(const char *workspace);

/* Watches folder, and below it whatever could become or belongs to a workspace, as far as that is not
 * watched yet. fd: of inotify. False: not all can be watched. */
bool workspaces_watch(int fd, const char *folder);
#endif
