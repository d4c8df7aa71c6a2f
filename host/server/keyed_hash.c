/* SPDX-License-Identifier: MIT */
/* See keyed_hash.h. */
#include "server/keyed_hash.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

bool keyed_hash_init(struct keyed_hash *hash, struct error *err)
{
    unsigned char key[KEYED_HASH_SIZE];
    if (getrandom(key, sizeof key, 0) != (ssize_t)sizeof key)
        return error_errno(err, ERROR_INTERNAL, errno, "no randomness for the server's key");
    hmac_sha256_set_key(&hash->start, sizeof key, key);
    explicit_bzero(key, sizeof key);
    return true;
}

void keyed_hash_release(struct keyed_hash *hash)
{
    explicit_bzero(hash, sizeof *hash);
}

void keyed_hash(const struct keyed_hash *hash, const char *const *texts, size_t count,
                unsigned char out[static KEYED_HASH_SIZE])
{
    struct hmac_sha256_ctx hmac = hash->start;
    for (size_t i = 0; i < count; i++)
        hmac_sha256_update(&hmac, strlen(texts[i]) + 1, (const uint8_t *)texts[i]);
    hmac_sha256_digest(&hmac, KEYED_HASH_SIZE, out);
}

uint64_t keyed_hash_place(const struct keyed_hash *hash, const char *const *texts, size_t count)
{
    unsigned char out[KEYED_HASH_SIZE];
    uint64_t place;
    keyed_hash(hash, texts, count, out);
    memcpy(&place, out, sizeof place);
    return place ? place : 1;
}
