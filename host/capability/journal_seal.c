/* SPDX-License-Identifier: MIT */
/* See journal_seal.h. */
#include "capability/journal_seal.h"

#include <string.h>

void journal_digest_bytes(br_sha256_context *digest, const void *bytes, size_t size)
{
    const uint64_t prefix = size;
    br_sha256_update(digest, &prefix, sizeof prefix);
    if (size > 0)
        br_sha256_update(digest, bytes, size);
}

static void digest_part(const struct journal_place *place, enum journal_part part,
                        const void *bytes, size_t size, unsigned char out[static br_sha256_SIZE])
{
    const int64_t numbers[] = {place->number, part};
    br_sha256_context digest;
    br_sha256_init(&digest);
    br_sha256_update(&digest, numbers, sizeof numbers);
    journal_digest_bytes(&digest, place->instance, strlen(place->instance));
    journal_digest_bytes(&digest, place->import, strlen(place->import));
    journal_digest_bytes(&digest, place->request, place->request_size);
    journal_digest_bytes(&digest, bytes, size);
    br_sha256_out(&digest, out);
}

void journal_seal(const struct journal_place *place, enum journal_part part, struct buf *bytes)
{
    unsigned char digest[br_sha256_SIZE];
    digest_part(place, part, bytes->data, bytes->size, digest);
    buf_append(bytes, digest, JOURNAL_SEAL_SIZE);
}

bool journal_unseal(const struct journal_place *place, enum journal_part part, const void *bytes,
                    size_t *size)
{
    unsigned char digest[br_sha256_SIZE];
    if (*size < JOURNAL_SEAL_SIZE)
        return false;
    size_t content = *size - JOURNAL_SEAL_SIZE;
    digest_part(place, part, bytes, content, digest);
    if (memcmp(digest, (const char *)bytes + content, JOURNAL_SEAL_SIZE) != 0)
        return false;
    *size = content;
    return true;
}
