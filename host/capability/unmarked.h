/* SPDX-License-Identifier: MIT */
/*
 * Files that arrived at their target and are not marked (renamed) at their source yet. Usually that takes
 * a moment; where the rename fails, a later run finds the file again. It must not send it a second time:
 * what arrived is remembered from the delivery to the rename, by place, name and version of the source.
 * A version is known by its etag, or by size and time; where a server tells neither, nothing is
 * remembered.
 */
#ifndef CAPABILITY_UNMARKED_H
#define CAPABILITY_UNMARKED_H
#include "capability/call.h"

/* Of a store (connection, folder, name, file): whether that very version was delivered there before, and
 * with what receipt. */
bool unmarked_find(const struct call *call, const struct remote_file *source,
                   struct remote_receipt *receipt);

/* It has been delivered. False: call->error; the execution stops, as where its journal cannot be written. */
MUST_USE bool unmarked_note(struct call *call, const struct remote_file *source,
                            const struct remote_receipt *receipt);

/* Of a rename (connection, folder, old name): the source has been marked. */
MUST_USE bool unmarked_done(struct call *call);
#endif
