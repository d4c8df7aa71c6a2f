/* SPDX-License-Identifier: MIT */
/* Whole small files; see file.h. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool open_error(struct error *err, int number, const char *verb, const char *path)
{
    enum error_kind kind = number == ENOENT || number == ENOTDIR ? ERROR_NOT_FOUND
                           : number == EACCES || number == EPERM ? ERROR_DENIED
                                                                 : ERROR_INTERNAL;
    return error_errno(err, kind, number, "cannot %s '%s'", verb, path);
}

static bool read_all(int fd, const char *path, struct buf *out, struct error *err)
{
    char chunk[16384];
    for (;;) {
        ssize_t got = read(fd, chunk, sizeof chunk);
        if (got == 0)
            return true;
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return open_error(err, errno, "read", path);
        buf_append(out, chunk, (size_t)got);
        if (out->failed)
            return error_set(err, ERROR_LIMIT, "'%s' is larger than %zu bytes", path, out->size_max);
    }
}

bool file_read(const char *path, struct buf *out, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return open_error(err, errno, "open", path);
    struct stat status;
    bool ok = fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
    if (!ok)
        error_set(err, ERROR_INVALID, "'%s' is not a regular file", path);
    ok = ok && read_all(fd, path, out, err);
    close(fd);
    return ok;
}

static bool write_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t put = write(fd, bytes, size);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return false;
        bytes += put;
        size -= (size_t)put;
    }
    return true;
}

bool file_sync_folder(const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) : 0;
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(length ? length : 1) : 1,
             slash ? path : ".");
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool ok = fsync(fd) == 0;
    close(fd);
    return ok;
}

bool file_write(const char *path, const void *bytes, size_t size, unsigned mode, struct error *err)
{
    char temporary[PATH_MAX];
    int length = snprintf(temporary, sizeof temporary, "%s.XXXXXX", path);
    if (length < 0 || length >= (int)sizeof temporary)
        return error_set(err, ERROR_INVALID, "path too long: '%s'", path);
    int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return open_error(err, errno, "create a file beside", path);
    bool ok = write_all(fd, bytes, size) && fchmod(fd, mode) == 0 && fsync(fd) == 0;
    int number = errno;
    close(fd);
    if (ok && (rename(temporary, path) != 0 || !file_sync_folder(path))) {
        number = errno;
        ok = false;
    }
    if (ok)
        return true;
    unlink(temporary);
    return open_error(err, number, "write", path);
}

bool file_make_folder(const char *path, struct error *err)
{
    char partial[PATH_MAX];
    int length = snprintf(partial, sizeof partial, "%s/", path);
    if (length < 0 || length >= (int)sizeof partial)
        return error_set(err, ERROR_INVALID, "path too long: '%s'", path);
    for (char *slash = strchr(partial + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(partial, 0777) != 0 && errno != EEXIST)
            return open_error(err, errno, "create folder", partial);
        *slash = '/';
    }
    return true;
}

bool file_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

char *file_join(const char *folder, const char *name)
{
    char *path;
    const char *separator = folder[0] && folder[strlen(folder) - 1] == '/' ? "" : "/";
    if (name[0] == '/')
        return strdup(name);
    return asprintf(&path, "%s%s%s", folder, separator, name) < 0 ? NULL : path;
}
