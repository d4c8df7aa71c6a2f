/* SPDX-License-Identifier: MIT */
/*
 * Putting a file into Object Storage whole or not at all, under a name that is free: one PutObject,
 * or an upload in parts above the connection's threshold. Constant memory either way.
 */
#ifndef TRANSFER_OBJECT_STORE_H
#define TRANSFER_OBJECT_STORE_H
#include "transfer/object_http.h"

#define OBJECT_PARTS_MAX 10000u
#define OBJECT_PART_SIZE_MAX (50ull << 30)
#define OBJECT_SIZE_MAX (10ull << 40)
#define OBJECT_THRESHOLD_DEFAULT (128ull << 20) /* the SDKs' own */
#define OBJECT_PART_SIZE_DEFAULT (128ull << 20)
#define OBJECT_PART_ROUNDING (1ull << 20)
#define OBJECT_HELD_SIZE_DEFAULT (16ull << 20) /* memory for one body of a source of unknown size */
#define OBJECT_HELD_SIZE_MAX (256ull << 20)

/* The part size for an object of size bytes: wanted (0: the default), or as much larger as 10,000
 * parts demand, in whole MiB. ERROR_LIMIT: no legal size exists. */
MUST_USE bool object_part_size(uint64_t size, uint64_t wanted, uint64_t *part_size,
                               struct error *err);

/* The part size for a source of unknown size: OBJECT_HELD_SIZE_DEFAULT, less if wanted (0: the default)
 * is less, more if 10,000 parts would not hold size_max (0: no limit) bytes. What does not fit in the
 * end is ERROR_LIMIT and leaves nothing. */
uint64_t object_held_size(uint64_t size_max, uint64_t wanted);

/*
 * content_server.store. A stream is asked for only when the name is free; with policy "number" none
 * that is taken is compared. If the name is taken by an object with the very same bytes (size and MD5),
 * that is success: the same file was delivered before, nothing is written, and the receipt carries
 * that object's etag. Policy "overwrite" always writes, unless the call's doubt is settled by such an object.
 */
MUST_USE bool object_store(struct transfer *transfer, const struct connection *connection,
                           const char *folder, const char *name, const struct remote_file *source,
                           const struct transfer_call *call, struct remote_receipt *receipt,
                           struct error *err);
#endif
