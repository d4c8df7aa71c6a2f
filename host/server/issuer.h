/* SPDX-License-Identifier: MIT */
/*
 * Whose access tokens are taken, and which roles they give: oauth.json of a workspace and the JWK Set
 * that it names. Immutable once read.
 */
#ifndef SERVER_ISSUER_H
#define SERVER_ISSUER_H
#include <stdint.h>

#include "server/jwt.h"
#include "server/users.h"

#define ISSUER_FILE "oauth.json"
#define ISSUER_RULES_MAX 256u

/* A token whose claim has the value has the roles. */
struct role_rule {
    unsigned roles;
    char *claim, *value;
};

struct issuer {
    char *name, *audience; /* "iss", "aud" */
    char *jwks_file;
    uint32_t clock_skew_s;
    int typ; /* enum issuer_typ */
    struct role_rule *rules;
    size_t rule_count;
    struct jwks keys;
};

enum issuer_typ { ISSUER_TYP_ANY, ISSUER_TYP_AT_JWT };

/* *out: NULL where there is no oauth.json, or an empty object in it: no tokens are taken. ERROR_INVALID
 * names file, line and what is legal; ERROR_NOT_FOUND: the JWK Set's file. */
MUST_USE bool issuer_read(struct issuer **out, const char *folder, struct error *err);
void issuer_free(struct issuer *issuer); /* NULL is fine */

/* The roles of a token's claims. A claim "scope" is a list separated by blanks (RFC 8693 4.2); of other
 * claims texts count whole, and lists by their texts. */
unsigned issuer_roles(const struct issuer *issuer, const cJSON *claims);
#endif
