/* SPDX-License-Identifier: MIT */
/*
 * Who may call. Basic authentication (RFC 7617) against users.json. After the first time a password
 * is compared by a keyed hash (HMAC-SHA-256, key made at start), which takes microseconds instead
 * of the tens of milliseconds of yescrypt. Thread-safe.
 */
#ifndef SERVER_AUTH_H
#define SERVER_AUTH_H
#include "server/users.h"

enum auth_verdict {
    AUTH_GRANTED,
    AUTH_MISSING,   /* no credentials, or not in the form of Basic: 401 */
    AUTH_WRONG,     /* user or password: 401 */
    AUTH_LOCKED,    /* too many failures of this account or address: 429 */
    AUTH_FORBIDDEN, /* the user lacks the role: 403 */
};

struct auth;

/* Reads folder/users.json. folder is borrowed. */
MUST_USE bool auth_open(struct auth **out, const char *folder, struct error *err);
void auth_close(struct auth *auth); /* NULL is fine */
/* Reads users.json again; the users in force stay on error. */
MUST_USE bool auth_reload(struct auth *auth, struct error *err);
size_t auth_user_count(struct auth *auth);

/* authorization: value of the header, or NULL. roles: any of them will do. name is filled once it is
 * known, else "". */
enum auth_verdict auth_check(struct auth *auth, const char *authorization, const char *address,
                             unsigned roles, char name[USERS_NAME_SIZE_MAX + 1]);

/* Whether the header could be one: a cheap first look that needs no thread to wait. */
bool auth_is_basic(const char *authorization);
#endif
