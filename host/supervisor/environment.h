/* SPDX-License-Identifier: MIT */
/*
 * The environment of a tenant's process: nothing of the supervisor's but what finds programs, flows and
 * the language, and beside it the variables of the file "<tenant>.environment" next to the workspace,
 * if there is one: lines NAME=VALUE, empty ones, and comments that begin with '#'. That is where secrets
 * of connections ({"env": NAME}) stand, so it must belong to root or this process's user, and nobody else
 * may read it.
 */
#ifndef SUPERVISOR_ENVIRONMENT_H
#define SUPERVISOR_ENVIRONMENT_H
#include "base/buf.h"
#include "base/error.h"

#define ENVIRONMENT_SIZE_MAX (64u << 10) /* bytes of the file */
#define ENVIRONMENT_FILE_VARIABLES_MAX 240
#define ENVIRONMENT_VARIABLES_MAX 256

struct environment_block {
    struct buf text; /* variables, each behind a NUL */
    char *variables[ENVIRONMENT_VARIABLES_MAX + 1]; /* as execve takes them */
    size_t count;
};

/* own: the supervisor's environment, as environ. user: for USER and LOGNAME; home: for HOME.
 * ERROR_DENIED, ERROR_INVALID "acme.environment:3: ...", ERROR_LIMIT. */
MUST_USE bool environment_make(struct environment_block *out, char *const *own, const char *user,
                               const char *home, const char *file, struct error *err);
void environment_release(struct environment_block *block);
#endif
