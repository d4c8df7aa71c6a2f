/* SPDX-License-Identifier: MIT */
/*
 * What tells a record of the journal that was damaged at rest from one that was written: a plan and a result
 * end in a digest over themselves and their place. A database file has no checksums of its own, and a
 * flipped bit in a result would be told to the guest as the truth. It says nothing about who wrote the
 * record: whoever can write to the store can seal. Pure, thread-safe.
 */
#ifndef CAPABILITY_JOURNAL_SEAL_H
#define CAPABILITY_JOURNAL_SEAL_H
#include <bearssl.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

#define JOURNAL_SEAL_SIZE 8 /* bytes; the beginning of a SHA-256 */

enum journal_part { JOURNAL_PLAN, JOURNAL_RESULT };

/* Where a plan or result belongs: bytes at another place are as good as damaged. Borrowed. */
struct journal_place {
    const char *instance;
    int64_t number;
    const char *import;
    const void *request;
    size_t request_size;
};

/* Adds bytes to a digest, their number first: no two lists of parts are the same bytes. */
void journal_digest_bytes(br_sha256_context *digest, const void *bytes, size_t size);

/* Appends the seal to bytes, which are the part's. */
void journal_seal(const struct journal_place *place, enum journal_part part, struct buf *bytes);

/* Whether size bytes end in the seal of what is before it; *size then is that without the seal. */
bool journal_unseal(const struct journal_place *place, enum journal_part part, const void *bytes,
                    size_t *size);
#endif
