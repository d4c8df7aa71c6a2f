/* SPDX-License-Identifier: MIT */
/* Writing a new workspace: nothing that exists is touched, looked at before the first byte. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "workspace/template.h"
#include "workspace/workspace.h"

static bool check_free(const char *folder, struct error *err)
{
    for (size_t i = 0; i < template_file_count; i++) {
        char *path = file_join(folder, template_files[i].name);
        if (!path)
            return error_set(err, ERROR_LIMIT, "out of memory");
        bool taken = file_exists(path);
        free(path);
        if (taken)
            return error_set(err, ERROR_EXISTS, "'%s' already has a file %s; nothing was written",
                             folder, template_files[i].name);
    }
    return true;
}

/* O_EXCL: a file that appeared since check_free is not overwritten either. */
static bool write_new(const char *path, const struct template_file *file, struct error *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0)
        return error_errno(err, errno == EEXIST ? ERROR_EXISTS : ERROR_DENIED, errno,
                           "cannot create '%s'", path);
    size_t done = 0;
    while (done < file->size) {
        ssize_t put = write(fd, file->bytes + done, file->size - done);
        if (put < 0 && errno != EINTR)
            break;
        done += put > 0 ? (size_t)put : 0;
    }
    bool ok = done == file->size && fsync(fd) == 0;
    int number = errno;
    if (close(fd) != 0 && ok) {
        number = errno;
        ok = false;
    }
    if (!ok)
        unlink(path);
    return ok || error_errno(err, ERROR_INTERNAL, number, "cannot write '%s'", path);
}

/* Those of the first count files that this run has written: a next one is to find its place free. */
static void take_back(const char *folder, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char *path = file_join(folder, template_files[i].name);
        if (path)
            unlink(path);
        free(path);
    }
}

static bool make_folder(const char *folder, const char *name, struct error *err)
{
    char *path = file_join(folder, name);
    bool ok = path ? file_make_folder(path, err) : error_set(err, ERROR_LIMIT, "out of memory");
    free(path);
    return ok;
}

bool workspace_init(const char *folder, struct error *err)
{
    if (!check_free(folder, err) || !make_folder(folder, "lookups", err) ||
        !make_folder(folder, "certificates", err))
        return false;
    for (size_t i = 0; i < template_file_count; i++) {
        char *path = file_join(folder, template_files[i].name);
        bool ok = path ? write_new(path, &template_files[i], err)
                       : error_set(err, ERROR_LIMIT, "out of memory");
        free(path);
        if (!ok) {
            take_back(folder, i);
            return false;
        }
    }
    return true;
}
