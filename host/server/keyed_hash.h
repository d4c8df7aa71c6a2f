/* SPDX-License-Identifier: MIT */
/*
 * HMAC-SHA-256 under a key that is made at start and known to nobody: what stands for a secret in
 * memory, and the place of a caller in a table, which an attacker therefore cannot choose.
 * Immutable once made; thread-safe. By Nettle, which uses the processor's own instructions: a token of
 * 1.6 KB takes 2 us, where BearSSL takes 10.
 */
#ifndef SERVER_KEYED_HASH_H
#define SERVER_KEYED_HASH_H
#include <nettle/hmac.h>
#include <stdint.h>

#include "base/error.h"

#define KEYED_HASH_SIZE SHA256_DIGEST_SIZE

struct keyed_hash {
    struct hmac_sha256_ctx start; /* the key taken in, nothing hashed */
};

/* ERROR_INTERNAL: no randomness. */
MUST_USE bool keyed_hash_init(struct keyed_hash *hash, struct error *err);
void keyed_hash_release(struct keyed_hash *hash); /* wipes the key */

/* Over count texts, each with its NUL. The first one says what for, so that no two uses meet. */
void keyed_hash(const struct keyed_hash *hash, const char *const *texts, size_t count,
                unsigned char out[static KEYED_HASH_SIZE]);

/* Its first 64 bits, never 0: a place in a table. */
uint64_t keyed_hash_place(const struct keyed_hash *hash, const char *const *texts, size_t count);
#endif
