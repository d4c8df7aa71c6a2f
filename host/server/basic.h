/* SPDX-License-Identifier: MIT */
/*
 * Basic authentication (RFC 7617) against the users of users.json. A password that was good is
 * remembered under a keyed hash, which takes microseconds to compare instead of the tens of
 * milliseconds of yescrypt. Thread-safe.
 */
#ifndef SERVER_BASIC_H
#define SERVER_BASIC_H
#include "server/keyed_hash.h"
#include "server/users.h"

#define BASIC_SIZE_MAX (USERS_NAME_SIZE_MAX + 1 + USERS_PASSWORD_SIZE_MAX)

struct credentials {
    char text[BASIC_SIZE_MAX + 1]; /* name NUL password NUL; wipe it after use */
    const char *name, *password;
};

/* What stands behind "Basic " in the header. False: not base64 of NAME:PASSWORD, or too long. */
bool credentials_decode(const char *encoded, struct credentials *out);

struct basic;

/* hash is borrowed. NULL: out of memory. There are no users until basic_use. */
struct basic *basic_new(const struct keyed_hash *hash);
void basic_free(struct basic *basic); /* NULL is fine */
/* Puts these users in force and takes them over; what was remembered is forgotten. ERROR_LIMIT: out of
 * memory, and nothing was changed. */
MUST_USE bool basic_use(struct basic *basic, struct users *users, struct error *err);
size_t basic_user_count(struct basic *basic);

/* Whether the password is known to be good, and the roles; says nothing about it otherwise. */
bool basic_remembers(struct basic *basic, const struct credentials *given, unsigned *roles);
/* Hashes the password, as long for names that nobody has; remembers it if it is good. */
bool basic_verify(struct basic *basic, const struct credentials *given, unsigned *roles);
#endif
