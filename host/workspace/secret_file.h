/* SPDX-License-Identifier: MIT */
/*
 * Secrets and keys that come in over the API: each in a file of its own in the workspace's folder
 * secrets/ (mode 0700), mode 0600, under a name that is never used again. connections.json names the
 * file; an execution that began before a change still finds the one it was told. Thread-safe.
 */
#ifndef WORKSPACE_SECRET_FILE_H
#define WORKSPACE_SECRET_FILE_H
#include <stddef.h>

#include "base/error.h"

#define SECRET_FILE_SIZE 256 /* of a path relative to the workspace */

/* Writes bytes for owner ("OU_FTP_CCS.password": no '/', not empty). path gets "secrets/<owner>.<random>". */
MUST_USE bool secret_file_write(const char *folder, const char *owner, const void *bytes,
                                size_t size, char path[static SECRET_FILE_SIZE], struct error *err);

/* Removes one that nothing names. path as secret_file_write gave it. */
void secret_file_remove(const char *folder, const char *path);

/* Removes owner's files but the two named ones: the one in force, and the one that was in force before,
 * which running executions may still read. NULL or a path elsewhere: none. */
void secret_file_tidy(const char *folder, const char *owner, const char *now, const char *before);
#endif
