/* SPDX-License-Identifier: MIT */
/* A zip file made in memory. Thread-safe. */
#ifndef SERVER_ARCHIVE_H
#define SERVER_ARCHIVE_H
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

struct archive_file {
    const char *name; /* of the entry: ASCII, no folder */
    const void *bytes;
    size_t size;
};

/* Appends an archive of the files, all dated wall_s, to out. ERROR_LIMIT: memory or out's ceiling. */
MUST_USE bool archive_write(const struct archive_file *files, size_t count, int64_t wall_s,
                            struct buf *out, struct error *err);
#endif
