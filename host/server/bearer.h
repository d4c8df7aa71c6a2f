/* SPDX-License-Identifier: MIT */
/*
 * Bearer tokens (RFC 6750) of the issuer in oauth.json. A token that was good is remembered until it
 * expires, so that it costs microseconds instead of a signature's check. Thread-safe.
 */
#ifndef SERVER_BEARER_H
#define SERVER_BEARER_H
#include "server/issuer.h"
#include "server/keyed_hash.h"

/* Who a token is about: its "sub", or its "client_id" where it has none. */
struct bearer_caller {
    char name[USERS_NAME_SIZE_MAX + 1]; /* "" as long as the signature is not known to be good */
    unsigned roles;
};

struct bearer;

/* hash is borrowed. NULL: out of memory. No tokens are taken until bearer_use. */
struct bearer *bearer_new(const struct keyed_hash *hash);
void bearer_free(struct bearer *bearer); /* NULL is fine */
/* Puts the issuer in force (NULL: none) and takes it over; all tokens are forgotten. */
void bearer_use(struct bearer *bearer, struct issuer *issuer);
/* Whether an issuer is in force. */
bool bearer_is_ready(struct bearer *bearer);

/* Whether the token is known to be good. */
bool bearer_remembers(struct bearer *bearer, const char *token, struct bearer_caller *caller);
/* Checks it, and remembers it if it is good. JWT_CLAIMS: also when it names nobody, or somebody in more
 * than USERS_NAME_SIZE_MAX bytes or with control characters. JWT_KEY_UNKNOWN: also without issuer. */
enum jwt_verdict bearer_verify(struct bearer *bearer, const char *token,
                               struct bearer_caller *caller);
#endif
