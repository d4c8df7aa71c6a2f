/* SPDX-License-Identifier: MIT */
/* See account.h. */
#include "supervisor/account.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>


#define ENTRY_SIZE 4096

static bool take_groups(struct account *out, const char *name, struct error *err)
{
    int count = ACCOUNT_GROUPS_MAX;
    if (getgrouplist(name, out->gid, out->groups, &count) < 0)
        return error_set(err, ERROR_LIMIT, "user '%s' is in more than %d groups", name,
                         ACCOUNT_GROUPS_MAX);
    out->group_count = (size_t)count;
    return true;
}

static bool take_entry(struct account *out, const struct passwd *entry, struct error *err)
{
    out->uid = entry->pw_uid;
    out->gid = entry->pw_gid;
    snprintf(out->name, sizeof out->name, "%s", entry->pw_name);
    return take_groups(out, entry->pw_name, err);
}

/* A user that no entry names has the group of its folder, and no other. */
static bool take_owner(struct account *out, const struct stat *folder, struct error *err)
{
    char texts[ENTRY_SIZE];
    struct passwd entry, *found = NULL;
    if (getpwuid_r(folder->st_uid, &entry, texts, sizeof texts, &found) == 0 && found)
        return take_entry(out, found, err);
    out->uid = folder->st_uid;
    out->gid = out->groups[0] = folder->st_gid;
    out->group_count = 1;
    snprintf(out->name, sizeof out->name, "uid %u", (unsigned)folder->st_uid);
    return true;
}

static bool take_named(struct account *out, const char *user, struct error *err)
{
    char texts[ENTRY_SIZE];
    struct passwd entry, *found = NULL;
    if (getpwnam_r(user, &entry, texts, sizeof texts, &found) != 0 || !found)
        return error_set(err, ERROR_NOT_FOUND, "there is no user '%.64s' (\"user\" in supervise.json)",
                         user);
    return take_entry(out, found, err);
}

bool account_find(struct account *out, const char *user, const char *folder, struct error *err)
{
    struct stat status;
    const uid_t own = geteuid();
    *out = (struct account){.must_change = own == 0};
    if (lstat(folder, &status) != 0)
        return error_errno(err, ERROR_NOT_FOUND, errno, "cannot look at '%s'", folder);
    if (own != 0)
        status.st_uid = own;
    if (!(user ? take_named(out, user, err) : take_owner(out, &status, err)))
        return false;
    if (own != 0 && out->uid != own)
        return error_set(err, ERROR_DENIED, "only root can run it as user '%s' (\"user\" in "
                         "supervise.json)", out->name);
    if (own == 0 && (out->uid == 0 || out->gid == 0))
        return error_set(err, ERROR_DENIED, "it would run as %s: give the folder to a user of its own "
                         "(chown), or name one: \"user\" in supervise.json",
                         out->uid == 0 ? "root" : "a user whose group is root's");
    return true;
}
