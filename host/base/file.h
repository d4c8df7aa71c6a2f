/* SPDX-License-Identifier: MIT */
/* Whole small files in and out: configuration, keys, modules. Thread-safe. */
#ifndef BASE_FILE_H
#define BASE_FILE_H
#include "base/buf.h"
#include "base/error.h"

/* Appends the whole regular file to out. ERROR_NOT_FOUND, ERROR_LIMIT (out's ceiling),
 * ERROR_DENIED or ERROR_INTERNAL, each naming the path. */
MUST_USE bool file_read(const char *path, struct buf *out, struct error *err);

/* Replaces path atomically: a temporary file beside it, fsync, rename, fsync of the folder. */
MUST_USE bool file_write(const char *path, const void *bytes, size_t size, unsigned mode,
                         struct error *err);

/* Writes the folder that path lies in to the disk, so that what was created or renamed there stays. False:
 * errno says why. */
MUST_USE bool file_sync_folder(const char *path);

/* Creates the folder and its missing parents with mode 0777 & ~umask; existing ones are fine. */
MUST_USE bool file_make_folder(const char *path, struct error *err);

bool file_exists(const char *path);

/* "folder/name" (one '/' between), or name itself if it is absolute. Caller frees; NULL: no memory. */
char *file_join(const char *folder, const char *name);
#endif
