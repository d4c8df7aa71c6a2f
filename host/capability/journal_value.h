/* SPDX-License-Identifier: MIT */
/*
 * A call as bytes: what was asked and what came of it (result, error, OUT
 * arguments, the object behind a new handle). Pure, thread-safe; reads hostile bytes.
 */
#ifndef CAPABILITY_JOURNAL_VALUE_H
#define CAPABILITY_JOURNAL_VALUE_H
#include "capability/call.h"

#define JOURNAL_DIGEST_SIZE 32
#define JOURNAL_SHOWN_MAX 512u /* bytes of the readable part of a request */

/* Appends what was asked: SHA-256 over the import's name and the arguments that the guest chose (handles
 * count by number), then the arguments as a person reads them, cut at JOURNAL_SHOWN_MAX. */
void journal_value_request(const struct call *call, struct buf *out);

/* Appends result and everything that the handler left. */
void journal_value_pack(const struct call *call, int32_t result, struct buf *out);

/* Does what the handler once did: writes OUT arguments, opens the handle, sets call->error. snapshot as in
 * object_unpack. False: why says what is wrong with the bytes, ERROR_NOT_FOUND that a connection is
 * missing. */
MUST_USE bool journal_value_unpack(struct call *call, const void *bytes, size_t size,
                                   const struct snapshot *snapshot, int32_t *result,
                                   struct error *why);
#endif
