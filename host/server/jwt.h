/* SPDX-License-Identifier: MIT */
/*
 * Access tokens: signed JWTs (RFC 7519 in the compact form of RFC 7515), checked as RFC 8725 and RFC
 * 9068 advise. Algorithm and key come from here, never from the token: "jwk", "jku", "x5u", "x5c" and
 * "x5t" in it are not looked at. Pure: no files, no clock. Thread-safe.
 */
#ifndef SERVER_JWT_H
#define SERVER_JWT_H
#include <stdint.h>

#include "base/json.h"
#include "server/jwks.h"

#define JWT_SIZE_MAX 16384u /* bytes of a token */

enum jwt_verdict {
    JWT_GOOD,
    JWT_MALFORMED,   /* not three parts of canonical base64url, not JSON, a member twice, no "alg" */
    JWT_OVERSIZED,   /* over JWT_SIZE_MAX */
    JWT_ALGORITHM,   /* "alg" is not RS256 or ES256 */
    JWT_CRITICAL,    /* "crit": demands an extension, and none is known here */
    JWT_TYPE,        /* "typ" or "tok_type" says that it is no access token */
    JWT_KEY_UNKNOWN, /* no key of that algorithm and "kid" */
    JWT_SIGNATURE,   /* no fitting key made the signature */
    JWT_CLAIMS,      /* a claim is missing or of the wrong type */
    JWT_ISSUER,
    JWT_AUDIENCE,
    JWT_EXPIRED,
    JWT_EARLY, /* before "nbf" or "iat" */
};

struct jwt_expectation {
    const struct jwks *keys;
    const char *issuer, *audience; /* compared byte by byte */
    int64_t clock_skew_s;          /* how far the clocks may be apart */
    bool at_jwt_only;              /* "typ" must be "at+jwt", as RFC 9068 4 demands */
};

/*
 * Checks a token at now_s, seconds since 1970. *claims: the payload as soon as the signature is known
 * to be good, also when a claim then is not (caller: cJSON_Delete); else NULL. *expires_s: with
 * JWT_GOOD, when it stops to be so (the allowed skew included).
 */
enum jwt_verdict jwt_verify(const char *token, size_t size, const struct jwt_expectation *expected,
                            int64_t now_s, cJSON **claims, int64_t *expires_s);
#endif
