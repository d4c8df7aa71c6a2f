/* SPDX-License-Identifier: MIT */
/*
 * Files that instances need for as long as the store knows them: the module and the customisations that
 * they began with, each under its digest in modules/ of the state folder. A file's time of modification
 * tells when an instance last began with it, by at most KEPT_FILE_STALE_MS too early: so one that is older
 * than the oldest instance, by more than KEPT_FILE_MARGIN_MS, is needed by none. Safe between threads and
 * processes: whoever changes the folder has it locked.
 */
#ifndef WORKSPACE_KEPT_FILE_H
#define WORKSPACE_KEPT_FILE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define KEPT_FILE_FOLDER "modules"
#define KEPT_FILE_STALE_MS 3600000
#define KEPT_FILE_MARGIN_MS 86400000

/* "<state folder>/modules/<digest>.<ending>". Caller frees; NULL: no memory. */
char *kept_file_path(const char *state_folder, const char *digest, const char *ending);

/* Says that an instance is about to begin with the file: it stays for as long as that is in the store,
 * if it gets there within KEPT_FILE_MARGIN_MS less KEPT_FILE_STALE_MS. False: there is no such file.
 * Costs one look, but for once in KEPT_FILE_STALE_MS. */
bool kept_file_use(const char *path);

/* Writes it, as used now; on disk when this returns. The errors of file_write and file_make_folder. */
MUST_USE bool kept_file_write(const char *path, const void *bytes, size_t size, struct error *err);

typedef bool kept_file_needed_fn(void *context, const char *digest, bool *is_needed, struct error *err);
/*
 * Deletes what is older than a store whose oldest instance began at oldest_ms (none: INT64_MAX) by more
 * than the margin, and of which is_needed says, too, that no instance needs it. *deleted: how many files,
 * but for what modules were compiled to ("<digest>.so", and its sum). No folder is fine. ERROR_DENIED,
 * ERROR_INTERNAL, those of is_needed.
 */
MUST_USE bool kept_file_prune(const char *state_folder, int64_t oldest_ms,
                              kept_file_needed_fn *is_needed, void *context, size_t *deleted,
                              struct error *err);
#endif
