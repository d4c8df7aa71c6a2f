/* SPDX-License-Identifier: MIT */
/* A handful of files, and whether one of them has changed since somebody asked. Not thread-safe. */
#ifndef BASE_FILE_WATCH_H
#define BASE_FILE_WATCH_H
#include <stddef.h>

#include "base/error.h"
#include "base/file_stamp.h"

#define FILE_WATCH_MAX 8u

struct file_watch {
    char *paths[FILE_WATCH_MAX];
    struct file_stamp stamps[FILE_WATCH_MAX];
    size_t count;
};

/* Watches path from its present state on; a file that is missing is watched for its coming. NULL is
 * fine. ERROR_LIMIT: more than FILE_WATCH_MAX. */
MUST_USE bool file_watch_add(struct file_watch *watch, const char *path, struct error *err);
/* Whether a file has changed, come or gone since the last question or its addition. */
bool file_watch_changed(struct file_watch *watch);
void file_watch_release(struct file_watch *watch); /* zeroed is fine */
#endif
