/* SPDX-License-Identifier: MIT */
/*
 * users.json of a workspace: {"NAME": {"password_hash": "$y$...", "roles": ["invoke"]}}. Written by
 * `sluice users` and read by `sluice serve`. Not thread-safe; immutable once read.
 */
#ifndef SERVER_USERS_H
#define SERVER_USERS_H
#include <stddef.h>

#include "base/error.h"
#include "server/role.h"

#define USERS_MAX 1000u
#define USERS_NAME_SIZE_MAX 128u     /* bytes; letters, digits and . _ - @ */
#define USERS_PASSWORD_SIZE_MIN 8u
#define USERS_PASSWORD_SIZE_MAX 256u

struct user {
    char *name, *password_hash;
    unsigned roles; /* of enum role */
};

struct users {
    struct user *list;
    size_t count;
};

/* No file is no users. ERROR_INVALID names file, line and what is legal. */
MUST_USE bool users_read(struct users *out, const char *folder, struct error *err);
void users_release(struct users *users); /* zeroed is fine */

/* Adds or replaces one user in folder/users.json (mode 0600). ERROR_INVALID: name or password. */
MUST_USE bool users_put(const char *folder, const char *name, const char *password, unsigned roles,
                        struct error *err);

/* Takes one user out of folder/users.json. ERROR_NOT_FOUND names the nearest. */
MUST_USE bool users_remove(const char *folder, const char *name, struct error *err);
#endif
