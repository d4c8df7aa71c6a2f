/* SPDX-License-Identifier: MIT */
/*
 * Connections and lookups as they were at one moment. Immutable and counted: a running server puts a
 * new snapshot in the place of the old one, and whoever holds the old one goes on with it to its end,
 * so nobody ever sees half of a change. Holding and releasing are thread-safe.
 */
#ifndef WORKSPACE_SNAPSHOT_H
#define WORKSPACE_SNAPSHOT_H
#include <stdatomic.h>
#include <stddef.h>

#include "base/error.h"
#include "workspace/connection.h"
#include "workspace/lookup.h"

#define LOOKUPS_MAX 64

struct snapshot {
    struct connection *connections; /* in the order of connections.json */
    size_t connection_count;
    struct lookup *lookups; /* ordered by name */
    size_t lookup_count;
    atomic_size_t holders;
};

/* What is to be read differently from what lies in the folder. Members may be NULL. */
struct snapshot_change {
    const char *lookup;      /* this lookup is ... */
    const struct buf *rows;  /* ... this CSV text, whether there is a file or not; NULL: left out */
    const char *connections; /* text instead of connections.json */
};

/*
 * Reads folder's connections.json and lookups/, all of it or nothing; the caller holds *out. Connections
 * that verify a server's certificate and name no trust anchors take those of ca_file; it and change may
 * be NULL. ERROR_NOT_FOUND, ERROR_INVALID ("lookups/X.csv:12: ..."), ERROR_LIMIT.
 */
MUST_USE bool snapshot_read(struct snapshot **out, const char *folder, const char *ca_file,
                            const struct snapshot_change *change, struct error *err);
struct snapshot *snapshot_hold(struct snapshot *snapshot); /* returns it */
void snapshot_release(struct snapshot *snapshot);          /* NULL is fine */

/* The connection of that exact name; ERROR_NOT_FOUND names the nearest one, or says that it is
 * disabled. Borrowed from snapshot. */
const struct connection *snapshot_connection(const struct snapshot *snapshot, const char *name,
                                             struct error *err);

/* Whether a connection has that name, be it disabled. */
bool snapshot_knows_connection(const struct snapshot *snapshot, const char *name);

/* The lookup of that name, or NULL with ERROR_NOT_FOUND and the nearest. Borrowed from snapshot. */
const struct lookup *snapshot_lookup(const struct snapshot *snapshot, const char *name,
                                     struct error *err);

/* The folder, or "namespace/bucket", that the lookups name for a content server, appended to out: listing
 * it proves permission. False: none is known. */
bool snapshot_folder_of(const struct snapshot *snapshot, const struct connection *connection,
                        struct buf *out);
#endif
