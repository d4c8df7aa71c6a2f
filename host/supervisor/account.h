/* SPDX-License-Identifier: MIT */
/*
 * As which user a tenant's process runs: started by root, the one that supervise.json names, else the
 * owner of the workspace's folder, and never root; started by anybody else, as that one.
 */
#ifndef SUPERVISOR_ACCOUNT_H
#define SUPERVISOR_ACCOUNT_H
#include <sys/types.h>

#include "base/error.h"

#define ACCOUNT_GROUPS_MAX 64
#define ACCOUNT_NAME_SIZE 64

struct account {
    uid_t uid;
    gid_t gid;
    gid_t groups[ACCOUNT_GROUPS_MAX];
    size_t group_count;
    char name[ACCOUNT_NAME_SIZE]; /* "uid 1234" for a user without a name */
    bool must_change;             /* this process is root and the account is not */
};

/* user: of supervise.json, or NULL. ERROR_NOT_FOUND: no such user. ERROR_DENIED: it would be root, or
 * only root could do it. ERROR_LIMIT: too many groups. */
MUST_USE bool account_find(struct account *out, const char *user, const char *folder,
                           struct error *err);
#endif
