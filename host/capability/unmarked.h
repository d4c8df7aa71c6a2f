/* SPDX-License-Identifier: MIT */
/*
 * Files that arrived at their target and are not marked (renamed) at their source yet. Usually that takes
 * a moment; where the rename fails, a later run finds the file again. It must not send it a second time:
 * what arrived is remembered from the delivery to the rename, by place, name and version of the source.
 * How many are remembered is bounded (REMINDERS_MAX), so what can no longer be found again is forgotten when
 * its folder is listed, and where there is no room nothing is sent.
 * A version is known by its etag, or by size and time. Where a server tells neither, a file of the same name
 * and size is perhaps the same one: it is not sent again until it has been renamed, or seen to be gone. The
 * same holds where it would get another name at the target than another run gave it (a filter with a clock),
 * and where the source's connection points to another place than then (connection_place): what is there
 * neither marks nor forgets what was delivered from the first.
 */
#ifndef CAPABILITY_UNMARKED_H
#define CAPABILITY_UNMARKED_H
#include "capability/call.h"

enum unmarked {
    UNMARKED_NO,      /* nothing is known of it: it is to be sent */
    UNMARKED_SAME,    /* that very version was delivered there before; receipt is that one's */
    UNMARKED_PERHAPS, /* perhaps it was, by another name, from another place, or no time tells whether it is
                         the same: call->error (ERROR_EXISTS) says what to do; ERROR_LIMIT: no memory */
};

/* Of a store (connection, folder, name, file). */
enum unmarked unmarked_find(struct call *call, const struct remote_file *source,
                            struct remote_receipt *receipt);

/* Of a store that is about to begin: whether its delivery can be remembered. False: call->error, which says
 * what to do. One that an earlier process began always may: it may be delivered already. */
MUST_USE bool unmarked_may_note(struct call *call, const struct remote_file *source);

/* It has been delivered. False: call->error; the execution stops, as where its journal cannot be written. */
MUST_USE bool unmarked_note(struct call *call, const struct remote_file *source,
                            const struct remote_receipt *receipt);

/* Of a rename (connection, folder, old name): the source has been marked. */
MUST_USE bool unmarked_done(struct call *call);

/* Of a listing (connection, folder, prefix): what is remembered of its place; packed, for unmarked_listed. */
void unmarked_expect(const struct call *call, struct buf *expected);
/* It succeeded. What was expected and is gone, or has another size, is forgotten; expected is from before
 * the listing began, so that nothing is which came after it. */
void unmarked_listed(const struct call *call, const struct buf *expected,
                     const struct remote_listing *listing);

struct unmarked_file {
    const char *key; /* of it in the store */
    const char *connection, *folder, *name;
    uint64_t size;
    const char *to_connection, *to_folder, *to_name;
    const char *place; /* of connection then (connection_place); NULL: not noted, by an earlier release */
};
/* For people: all that are remembered, in no order; a false from fn ends it. */
typedef bool unmarked_fn(void *context, const struct unmarked_file *file);
MUST_USE bool unmarked_list(struct store *store, unmarked_fn *fn, void *context, struct error *err);
/* It is sent again when a run finds it. Of no instance; on the disk when it returns. */
MUST_USE bool unmarked_forget(struct store *store, const struct unmarked_file *file,
                              struct error *err);
#endif
