/* SPDX-License-Identifier: MIT */
/* What stands behind handles: how each kind is released, and how it is kept as bytes. */
#ifndef CAPABILITY_OBJECT_H
#define CAPABILITY_OBJECT_H
#include "base/pack.h"
#include "capability/handle.h"
#include "transfer/transfer.h"
#include "workspace/snapshot.h"

/* A listing that a guest walks with file.next. */
struct listing_cursor {
    struct remote_listing listing;
    size_t next;
};

/* handle_release_fn of each kind; the object is a struct remote_file, listing_cursor, http_response
 * from the heap. */
void object_release_file(void *object);
void object_release_listing(void *object);
void object_release_response(void *object);

/* Appends the object of that kind. */
void object_pack(enum handle_kind kind, const void *object, struct buf *out);

/* A new object, or NULL with err set: ERROR_INVALID, the bytes are damaged; ERROR_NOT_FOUND, they name a
 * connection that snapshot does not have. It must be the one that the execution holds: the object points
 * into it, and is compared by that. NULL: connections are left out, so the object can be looked at and not
 * used. The caller releases it with *release. */
void *object_unpack(enum handle_kind kind, struct unpack *in, const struct snapshot *snapshot,
                    handle_release_fn **release, struct error *err);
#endif
