/* SPDX-License-Identifier: MIT */
/* What a seed decides before it begins, and the workspace that comes of it. */
#ifndef SIMULATION_PLAN_H
#define SIMULATION_PLAN_H
#include <stdbool.h>

#include "base/error.h"

/* Draws world->plan. */
void plan_draw(void);

/* One line about it. */
void plan_describe(char *text, unsigned size);

/* The private key of both Object Storage connections, made anew each time: nobody checks what is signed
 * with it, and signing itself is left out (host_parts.c). */
struct signing_key {
    char path[256], fingerprint[64];
};
MUST_USE bool signing_key_make(struct signing_key *key, const char *folder, struct error *err);

/* Writes a fresh workspace for the plan into folder; what an earlier seed left there is removed. */
MUST_USE bool plan_write_workspace(const char *folder, const struct signing_key *key,
                                   struct error *err);
/* Only where its connections point, which the world says. */
MUST_USE bool plan_write_connections(const char *folder, const struct signing_key *key, struct error *err);
#endif
