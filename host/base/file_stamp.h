/* SPDX-License-Identifier: MIT */
/*
 * Whether a file is still the one that was read: changed in place, replaced by a rename, or a
 * symbolic link on the way that leads elsewhere now (as mounted Kubernetes secrets do it). A look
 * costs one system call, so it is taken at use instead of by a thread that watches. Thread-safe.
 */
#ifndef BASE_FILE_STAMP_H
#define BASE_FILE_STAMP_H
#include <stdbool.h>
#include <stdint.h>

struct file_stamp {
    uint64_t device, inode, size;
    int64_t changed_ns, modified_ns;
};

/* Links are followed. A path that leads nowhere has the zeroed stamp. */
struct file_stamp file_stamp_of(const char *path);
bool file_stamp_same(const struct file_stamp *a, const struct file_stamp *b);
#endif
