/* SPDX-License-Identifier: MIT */
/* See kept_file.h. */
#include "workspace/kept_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"

char *kept_file_path(const char *state_folder, const char *digest, const char *ending)
{
    char *path = NULL;
    return asprintf(&path, "%s/" KEPT_FILE_FOLDER "/%s.%s", state_folder, digest, ending) < 0 ? NULL : path;
}

static int64_t modified_ms(const struct stat *status)
{
    return (int64_t)status->st_mtim.tv_sec * 1000 + status->st_mtim.tv_nsec / 1000000;
}

/* The folder that path lies in, locked in that way until it is closed. -1: errno. */
static int lock_folder_of(const char *path, int how)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    int length = snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
    if (length >= (int)sizeof folder) {
        errno = ENAMETOOLONG;
        return -1;
    }
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0 && flock(fd, how) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* By this program's clock, which is the one that instances begin by. */
static bool mark_as_used(const char *path)
{
    int64_t now_ms = clock_wall_ms();
    struct timespec now = {.tv_sec = now_ms / 1000, .tv_nsec = now_ms % 1000 * 1000000};
    return utimensat(AT_FDCWD, path, (struct timespec[]){now, now}, 0) == 0;
}

bool kept_file_use(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return false;
    if (modified_ms(&status) >= clock_wall_ms() - KEPT_FILE_STALE_MS)
        return true;
    int folder = lock_folder_of(path, LOCK_SH);
    bool is_marked = folder >= 0 && mark_as_used(path);
    if (folder >= 0)
        close(folder);
    return is_marked;
}

/* Nobody else can write to it. The folder itself is on disk, too, before anything relies on what is in it. */
static bool make_folder_of(const char *path, struct error *err)
{
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(path, '/') - path), path);
    if (file_exists(folder))
        return true;
    if (!file_make_folder(folder, err))
        return false;
    if (chmod(folder, 0700) != 0)
        return error_errno(err, ERROR_INTERNAL, errno, "cannot protect '%s'", folder);
    return file_sync_folder(folder) ||
           error_errno(err, ERROR_INTERNAL, errno, "cannot write folder '%s' to the disk", folder);
}

bool kept_file_write(const char *path, const void *bytes, size_t size, struct error *err)
{
    if (!make_folder_of(path, err))
        return false;
    int folder = lock_folder_of(path, LOCK_SH);
    if (folder < 0)
        return error_errno(err, ERROR_INTERNAL, errno, "cannot lock the folder of '%s'", path);
    bool ok = file_write(path, bytes, size, 0600, err);
    if (ok && !mark_as_used(path))
        ok = error_errno(err, ERROR_INTERNAL, errno, "cannot set the time of '%s'", path);
    close(folder);
    return ok;
}

/* ---- pruning ------------------------------------------------------------------------------------ */

struct prune {
    const char *folder; /* for messages */
    int64_t before_ms;  /* what was used since then stays */
    kept_file_needed_fn *is_needed;
    void *context;
    size_t deleted;
};

static bool is_old(int folder, const char *name, int64_t before_ms)
{
    struct stat status;
    return fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(status.st_mode) &&
           modified_ms(&status) < before_ms;
}

static bool prune_one(struct prune *prune, int folder, const char *name, struct error *err)
{
    char digest[256];
    bool is_needed = true;
    snprintf(digest, sizeof digest, "%.*s", (int)strcspn(name, "."), name);
    if (!prune->is_needed(prune->context, digest, &is_needed, err))
        return false;
    if (is_needed)
        return true;
    if (unlinkat(folder, name, 0) != 0)
        return error_errno(err, errno == EACCES || errno == EPERM ? ERROR_DENIED : ERROR_INTERNAL,
                           errno, "cannot delete '%s/" KEPT_FILE_FOLDER "/%s'", prune->folder, name);
    prune->deleted += strstr(name, ".so") == NULL;
    return true;
}

/* Takes the locked folder over. */
static bool prune_all(struct prune *prune, int folder, struct error *err)
{
    const struct dirent *entry;
    bool ok = true;
    DIR *listing = fdopendir(folder);
    if (!listing) {
        error_errno(err, ERROR_INTERNAL, errno, "cannot list '%s/" KEPT_FILE_FOLDER "'", prune->folder);
        close(folder);
        return false;
    }
    while (ok && (entry = readdir(listing)))
        ok = !is_old(folder, entry->d_name, prune->before_ms) ||
             prune_one(prune, folder, entry->d_name, err);
    closedir(listing);
    return ok;
}

bool kept_file_prune(const char *state_folder, int64_t oldest_ms, kept_file_needed_fn *is_needed,
                     void *context, size_t *deleted, struct error *err)
{
    int64_t now_ms = clock_wall_ms();
    struct prune prune = {
        .folder = state_folder, .is_needed = is_needed, .context = context,
        .before_ms = (oldest_ms < now_ms ? oldest_ms : now_ms) - KEPT_FILE_MARGIN_MS};
    char *path = kept_file_path(state_folder, "", "");
    *deleted = 0;
    if (!path)
        return error_set(err, ERROR_LIMIT, "out of memory");
    int folder = lock_folder_of(path, LOCK_EX);
    free(path);
    if (folder < 0)
        return errno == ENOENT || error_errno(err, ERROR_INTERNAL, errno,
                                              "cannot lock '%s/" KEPT_FILE_FOLDER "'", state_folder);
    bool ok = prune_all(&prune, folder, err);
    *deleted = prune.deleted;
    return ok;
}
