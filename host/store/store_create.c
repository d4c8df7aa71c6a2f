/* SPDX-License-Identifier: MIT */
/*
 * A new store: made whole beside its place, synced, then put there, so that neither a crash nor a disk that
 * fails half-way leaves something that is no store. One process at a time makes it.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "store/store_internal.h"

#define WAIT_STEP_MS 20

static bool make_folder(const char *path, struct error *err)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    if (!slash || slash == path)
        return true;
    snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
    bool is_new = !file_exists(folder);
    if (!file_make_folder(folder, err))
        return false;
    return !is_new || chmod(folder, 0700) == 0 ||
           error_errno(err, ERROR_INTERNAL, errno, "cannot protect '%s'", folder);
}

/* An empty file is no store yet. */
static bool is_there(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && about.st_size > 0;
}

/* Owners hold odd bytes (store_owner.c); byte 0 is for this. */
static int lock_creation(const char *path, struct error *err)
{
    char lock_path[PATH_MAX];
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1};
    int64_t until_ms = clock_monotonic_ms() + STORE_BUSY_MS;
    snprintf(lock_path, sizeof lock_path, "%s.owners", path);
    int fd = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    while (fd >= 0 && fcntl(fd, F_OFD_SETLK, &lock) != 0) {
        bool is_taken = errno == EAGAIN || errno == EACCES;
        if (is_taken && clock_monotonic_ms() < until_ms) {
            clock_sleep_ms(WAIT_STEP_MS);
            continue;
        }
        error_errno(err, is_taken ? ERROR_UNAVAILABLE : ERROR_INTERNAL, errno, "cannot lock '%s'",
                    lock_path);
        close(fd);
        return -1;
    }
    if (fd < 0)
        error_errno(err, errno == EACCES || errno == EROFS ? ERROR_DENIED : ERROR_INTERNAL, errno,
                    "cannot open the store '%s'", path);
    return fd;
}

/* Everything in the database file and on the disk: closing would not say whether that went well. */
static bool settle(sqlite3 *db, struct error *err)
{
    int code = sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    return code == SQLITE_OK || store_fail(db, code, err, "cannot make the store");
}

static bool make_at(const char *path, struct error *err)
{
    sqlite3 *db = NULL;
    bool ok = store_connect(&db, path, false, err) && store_migrate(db, err) && settle(db, err);
    sqlite3_close(db);
    return ok;
}

/* The files of the database at path, as far as they are there. */
static void remove_files(const char *path)
{
    static const char *const tails[] = {"", "-wal", "-shm", "-journal"};
    char name[PATH_MAX];
    for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
        snprintf(name, sizeof name, "%s%s", path, tails[i]);
        unlink(name);
    }
}

static bool put_in_place(const char *made, const char *path, struct error *err)
{
    int fd = open(made, O_RDWR | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0 && rename(made, path) == 0 && file_sync_folder(path);
    int number = errno;
    if (fd >= 0)
        close(fd);
    return ok || error_errno(err, ERROR_INTERNAL, number, "cannot make the store '%s'", path);
}

static bool create(const char *path, struct error *err)
{
    char made[PATH_MAX];
    snprintf(made, sizeof made, "%s.new", path);
    remove_files(made); /* of a process that ended while it was at it */
    int fd = open(made, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600); /* payloads are the owner's */
    if (fd < 0)
        return error_errno(err, errno == EACCES || errno == EROFS ? ERROR_DENIED : ERROR_INTERNAL,
                           errno, "cannot open the store '%s'", path);
    close(fd);
    bool ok = make_at(made, err) && put_in_place(made, path, err);
    if (!ok)
        remove_files(made);
    return ok;
}

bool store_create(const char *path, struct error *err)
{
    if (is_there(path))
        return true;
    int lock = make_folder(path, err) ? lock_creation(path, err) : -1;
    if (lock < 0)
        return false;
    bool ok = is_there(path) || create(path, err);
    close(lock);
    return ok;
}
