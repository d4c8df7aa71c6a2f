/* SPDX-License-Identifier: MIT */
/*
 * Files that arrived at their target and are not marked (renamed) at their source yet. Usually that takes
 * a moment; where the rename fails, a later run finds the file again. It must not send it a second time:
 * what arrived is remembered from the delivery to the rename, by place, name and version of the source.
 * A version is known by its etag, or by size and time. Where a server tells neither, a file of the same name
 * and size is perhaps the same one: it is not sent again until it has been renamed, or seen to be gone.
 */
#ifndef CAPABILITY_UNMARKED_H
#define CAPABILITY_UNMARKED_H
#include "capability/call.h"

enum unmarked {
    UNMARKED_NO,      /* nothing is known of it: it is to be sent */
    UNMARKED_SAME,    /* that very version was delivered there before; receipt is that one's */
    UNMARKED_PERHAPS, /* a file of that name and size was, and no time tells whether it is the same:
                         call->error (ERROR_EXISTS) says what to do */
};

/* Of a store (connection, folder, name, file). */
enum unmarked unmarked_find(struct call *call, const struct remote_file *source,
                            struct remote_receipt *receipt);

/* It has been delivered. False: call->error; the execution stops, as where its journal cannot be written. */
MUST_USE bool unmarked_note(struct call *call, const struct remote_file *source,
                            const struct remote_receipt *receipt);

/* Of a rename (connection, folder, old name): the source has been marked. */
MUST_USE bool unmarked_done(struct call *call);

/* Of a listing (connection, folder, prefix): files without a version that are gone are forgotten, so that
 * others may come under their names. */
void unmarked_listed(const struct call *call, const struct remote_listing *listing);
#endif
