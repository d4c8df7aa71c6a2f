/* SPDX-License-Identifier: MIT */
/* See workspaces.h. */
#include "supervisor/workspaces.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define ENTRIES_MAX 10000 /* looked at in one folder of a workspace */
#define EVENTS                                                                                     \
    (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_CLOSE_WRITE | IN_ATTRIB |            \
     IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK)
#define FNV_OFFSET UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME UINT64_C(0x100000001b3)

static const char *const parts[] = {".", "lookups", "certificates", "customizations"};
#define PART_COUNT (sizeof parts / sizeof parts[0])

bool workspaces_check(const char *folder, struct error *err)
{
    struct stat status;
    if (stat(folder, &status) != 0)
        return error_errno(err, ERROR_NOT_FOUND, errno, "folder '%s'", folder);
    if (!S_ISDIR(status.st_mode))
        return error_set(err, ERROR_NOT_FOUND, "'%s' is no folder", folder);
    if ((status.st_uid == 0 || status.st_uid == geteuid()) &&
        (status.st_mode & (S_IWGRP | S_IWOTH)) == 0)
        return true;
    return error_set(err, ERROR_DENIED, "'%s' can be written by others than root and you, who could "
                     "put workspaces there (chown, chmod go-w)", folder);
}

/* ---- which there are --------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct found_workspace *)a)->name, ((const struct found_workspace *)b)->name);
}

static bool is_workspace(int parent, const char *name, struct stat *status)
{
    char path[NAME_MAX + sizeof "/sluice.json"];
    struct stat settings;
    snprintf(path, sizeof path, "%s/sluice.json", name);
    return name[0] != '.' && fstatat(parent, name, status, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISDIR(status->st_mode) && fstatat(parent, path, &settings, AT_SYMLINK_NOFOLLOW) == 0;
}

static void add(struct workspace_list *out, const char *name, const struct stat *status)
{
    if (!tenant_name_is_legal(name)) {
        snprintf(out->odd_name, sizeof out->odd_name, "%s", name);
        return;
    }
    if (out->count == SUPERVISION_TENANTS_MAX) {
        out->is_cut = true;
        return;
    }
    struct found_workspace *item = &out->items[out->count++];
    memcpy(item->name, name, strlen(name) + 1); /* legal: it fits */
    item->device = status->st_dev;
    item->inode = status->st_ino;
}

bool workspaces_list(const char *folder, struct workspace_list *out, struct error *err)
{
    *out = (struct workspace_list){.count = 0};
    DIR *entries = opendir(folder);
    if (!entries)
        return error_errno(err, errno == ENOENT ? ERROR_NOT_FOUND : ERROR_INTERNAL, errno,
                           "folder '%s'", folder);
    struct stat status;
    for (const struct dirent *entry; (entry = readdir(entries));)
        if (is_workspace(dirfd(entries), entry->d_name, &status))
            add(out, entry->d_name, &status);
    closedir(entries);
    qsort(out->items, out->count, sizeof out->items[0], by_name);
    return true;
}

/* ---- whether one has changed ------------------------------------------------------------------- */

static uint64_t mix(uint64_t hash, const void *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ ((const unsigned char *)bytes)[i]) * FNV_PRIME;
    return hash;
}

/* Of a folder neither size nor times count: what happens in it, as in state/, is not configuration. */
static uint64_t entry_hash(const char *name, const struct stat *status)
{
    const bool is_folder = S_ISDIR(status->st_mode);
    const int64_t facts[] = {
        (int64_t)status->st_ino, (int64_t)status->st_mode, (int64_t)status->st_uid,
        (int64_t)status->st_gid,
        is_folder ? 0 : (int64_t)status->st_size,
        is_folder ? 0 : (int64_t)status->st_mtim.tv_sec,
        is_folder ? 0 : (int64_t)status->st_mtim.tv_nsec,
        is_folder ? 0 : (int64_t)status->st_ctim.tv_sec,
        is_folder ? 0 : (int64_t)status->st_ctim.tv_nsec,
    };
    return mix(mix(FNV_OFFSET, name, strlen(name)), facts, sizeof facts);
}

/* The sum does not depend on the order in which a folder is read. */
static uint64_t part_hash(int workspace, const char *part)
{
    const int fd = openat(workspace, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *entries = fd >= 0 ? fdopendir(fd) : NULL;
    uint64_t sum = 0;
    struct stat status;
    if (fd >= 0 && !entries)
        close(fd);
    for (int i = 0; entries && i < ENTRIES_MAX; i++) {
        const struct dirent *entry = readdir(entries);
        if (!entry)
            break;
        if (strcmp(entry->d_name, "..") != 0 &&
            fstatat(dirfd(entries), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0)
            sum += entry_hash(entry->d_name, &status);
    }
    if (entries)
        closedir(entries);
    return sum;
}

uint64_t workspaces_fingerprint(const char *workspace)
{
    const int fd = open(workspace, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    uint64_t hash = FNV_OFFSET;
    if (fd < 0)
        return 0;
    for (size_t i = 0; i < PART_COUNT; i++) {
        const uint64_t sum = part_hash(fd, parts[i]);
        hash = mix(hash, &sum, sizeof sum);
    }
    close(fd);
    char environment[PATH_MAX];
    struct stat status;
    if (snprintf(environment, sizeof environment, "%s.environment", workspace) < PATH_MAX &&
        lstat(environment, &status) == 0)
        hash += entry_hash("environment", &status);
    return hash;
}

/* ---- waking up --------------------------------------------------------------------------------- */

static bool watch_one(int fd, const char *path)
{
    return inotify_add_watch(fd, path, EVENTS) >= 0 || errno == ENOENT || errno == ENOTDIR ||
           errno == EACCES || errno == ELOOP;
}

static bool watch_workspace(int fd, const char *folder, const char *name)
{
    char path[PATH_MAX];
    bool ok = true;
    for (size_t i = 0; i < PART_COUNT; i++)
        if (snprintf(path, sizeof path, "%s/%s/%s", folder, name, parts[i]) < (int)sizeof path)
            ok = watch_one(fd, path) && ok;
    return ok;
}

bool workspaces_watch(int fd, const char *folder)
{
    bool ok = watch_one(fd, folder);
    DIR *entries = opendir(folder);
    for (const struct dirent *entry; entries && (entry = readdir(entries));)
        if (tenant_name_is_legal(entry->d_name))
            ok = watch_workspace(fd, folder, entry->d_name) && ok;
    if (entries)
        closedir(entries);
    return ok;
}
