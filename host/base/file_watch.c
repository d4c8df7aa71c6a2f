/* SPDX-License-Identifier: MIT */
/* Paths with the stamps that they had; see file_watch.h. */
#include "base/file_watch.h"

#include <stdlib.h>
#include <string.h>

bool file_watch_add(struct file_watch *watch, const char *path, struct error *err)
{
    if (!path)
        return true;
    if (watch->count == FILE_WATCH_MAX)
        return error_set(err, ERROR_LIMIT, "more than %u files to watch", FILE_WATCH_MAX);
    char *copy = strdup(path);
    if (!copy)
        return error_set(err, ERROR_LIMIT, "out of memory");
    watch->paths[watch->count] = copy;
    watch->stamps[watch->count++] = file_stamp_of(copy);
    return true;
}

bool file_watch_changed(struct file_watch *watch)
{
    bool has_changed = false;
    for (size_t i = 0; i < watch->count; i++) {
        struct file_stamp stamp = file_stamp_of(watch->paths[i]);
        has_changed |= !file_stamp_same(&stamp, &watch->stamps[i]);
        watch->stamps[i] = stamp;
    }
    return has_changed;
}

void file_watch_release(struct file_watch *watch)
{
    for (size_t i = 0; i < watch->count; i++)
        free(watch->paths[i]);
    *watch = (struct file_watch){0};
}
