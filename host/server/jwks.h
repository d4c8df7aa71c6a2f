/* SPDX-License-Identifier: MIT */
/*
 * The public keys of a token service, from a JWK Set (RFC 7517), and the signatures that they verify:
 * RS256 and ES256 of RFC 7518. Immutable once parsed; threads may verify at the same time.
 */
#ifndef SERVER_JWKS_H
#define SERVER_JWKS_H
#include <stddef.h>

#include "base/error.h"

#define JWKS_SIZE_MAX (256u << 10)
#define JWKS_KEYS_MAX 16u /* that can verify; what a token without "kid" costs at most */
#define JWKS_KEY_ID_SIZE_MAX 256u
#define JWKS_RSA_BITS_MIN 2048u /* RFC 7518 3.3 */
#define JWKS_RSA_BITS_MAX 4096u /* what BearSSL verifies with */
#define JWKS_RSA_EXPONENT_SIZE_MAX 4u /* bytes; a longer one makes each verification slow */
#define JWKS_POINT_SIZE 65u           /* 04, x, y of P-256 */
#define JWKS_SIGNATURE_SIZE_MAX (JWKS_RSA_BITS_MAX / 8)

enum jwks_algorithm { JWKS_RS256, JWKS_ES256, JWKS_ALGORITHM_COUNT };

struct jwks_key {
    enum jwks_algorithm algorithm;
    char id[JWKS_KEY_ID_SIZE_MAX + 1]; /* "kid"; "": none */
    unsigned char number[JWKS_RSA_BITS_MAX / 8]; /* RSA: modulus; else the point */
    size_t number_size;
    unsigned char exponent[JWKS_RSA_EXPONENT_SIZE_MAX];
    size_t exponent_size;
};

struct jwks {
    struct jwks_key keys[JWKS_KEYS_MAX];
    size_t count; /* at least 1 */
};

/*
 * Keys for other purposes are passed over, as RFC 7517 5 asks: another "kty", "use", "key_ops", "alg"
 * or curve. ERROR_INVALID: not a JWK Set, damaged, weak or private keys, one "kid" twice, no key left;
 * ERROR_LIMIT: too large, too many. Errors name the key.
 */
MUST_USE bool jwks_parse(struct jwks *out, const char *text, size_t size, const char *name,
                         struct error *err);

/* The algorithm of that name of RFC 7518 3.1; false for every other, "none" and HS256 among them. */
bool jwks_algorithm_parse(const char *name, enum jwks_algorithm *algorithm);

bool jwks_verify(const struct jwks_key *key, const void *text, size_t text_size,
                 const unsigned char *signature, size_t signature_size);
#endif
