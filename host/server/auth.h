/* SPDX-License-Identifier: MIT */
/*
 * Who may call: users with passwords (basic.h) and bearers of tokens (bearer.h), their roles, and how
 * often an account and an address may call and fail. Thread-safe.
 */
#ifndef SERVER_AUTH_H
#define SERVER_AUTH_H
#include "server/rate.h"
#include "server/users.h"

#define AUTH_HASHES_AT_ONCE_MAX 4u /* yescrypt takes 16 MiB and tens of milliseconds for each */

enum auth_verdict {
    AUTH_GRANTED,
    AUTH_MISSING,   /* no credentials, or in no form that is taken here: 401 */
    AUTH_WRONG,     /* user or password: 401 */
    AUTH_TOKEN_MALFORMED, /* this one to AUTH_TOKEN_EARLY: see enum jwt_verdict; 401 invalid_token */
    AUTH_TOKEN_OVERSIZED,
    AUTH_TOKEN_ALGORITHM,
    AUTH_TOKEN_CRITICAL,
    AUTH_TOKEN_TYPE,
    AUTH_TOKEN_KEY_UNKNOWN,
    AUTH_TOKEN_SIGNATURE,
    AUTH_TOKEN_CLAIMS,
    AUTH_TOKEN_ISSUER,
    AUTH_TOKEN_AUDIENCE,
    AUTH_TOKEN_EXPIRED,
    AUTH_TOKEN_EARLY,
    AUTH_LOCKED,    /* too many failures of this account or address: 429 */
    AUTH_RATE,      /* this account or address calls too often: 429 */
    AUTH_FORBIDDEN, /* the caller lacks the role: 403 */
};

struct auth;

struct auth_limits {
    struct rate_limit account, address; /* zeroed: none */
};

/* Reads users.json and oauth.json of folder, which is borrowed. */
MUST_USE bool auth_open(struct auth **out, const char *folder, const struct auth_limits *limits,
                        struct error *err);
void auth_close(struct auth *auth); /* NULL is fine */
/* Reads both again, and the keys; what is in force stays on error. */
MUST_USE bool auth_reload(struct auth *auth, struct error *err);
size_t auth_user_count(struct auth *auth);
/* Whether oauth.json names an issuer. */
bool auth_takes_tokens(struct auth *auth);

/*
 * authorization: value of the header, or NULL. address: of the peer; IPv6 counts by its first 64 bits.
 * name is filled once it is known ("dacs"; of a token, once its signature is known to be good), else
 * "". May take tens of milliseconds for a password that it does not remember.
 */
enum auth_verdict auth_check(struct auth *auth, const char *authorization, const char *address,
                             enum role role, char name[USERS_NAME_SIZE_MAX + 1]);

/* Why, in words for the caller and the audit trail; printable ASCII without quotes. */
const char *auth_reason(enum auth_verdict verdict);

/* Whether the header could hold credentials: a cheap first look that needs no thread to wait. */
bool auth_has_credentials(const char *authorization);
bool auth_is_bearer(const char *authorization);
#endif
