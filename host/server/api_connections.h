/* SPDX-License-Identifier: MIT */
/* What reading and changing connections over the API share: their properties, by OIC's names and ours. */
#ifndef SERVER_API_CONNECTIONS_H
#define SERVER_API_CONNECTIONS_H
#include "server/api_call.h"

#define CONNECTION_ALIASES_MAX 6

struct connection_property {
    const char *name;    /* as OIC calls it: "connectionUrl" */
    const char *key;     /* in connections.json: "url" */
    const char *display; /* for people */
    const char *type;    /* "URL", "STRING", "NUMBER", "PASSWORD" */
    unsigned types;      /* bit set of enum connection_type */
    bool is_credential;
    bool is_secret;      /* kept in a file; never given out */
    bool has_auth;       /* only where connection->auth is auth */
    enum auth_type auth;
    size_t offset;       /* of the text in struct connection, or of the struct secret; NUMBER: the port */
    const char *aliases[CONNECTION_ALIASES_MAX]; /* compared without case and punctuation */
};
extern const struct connection_property connection_properties[];
extern const size_t connection_property_count;

bool connection_has_property(const struct connection *connection,
                             const struct connection_property *property);
/* The property of that name (OIC's, ours or an alias), or NULL. */
const struct connection_property *connection_find_property(const struct connection *connection,
                                                           const char *name);
const struct secret *connection_secret(const struct connection *connection,
                                       const struct connection_property *property);
/* "BASIC_AUTH", ... : the policy's name in OIC. */
const char *connection_policy(const struct connection *connection);

/* The connection of the path's first argument, by its name or its id; disabled ones, too. NULL: refused
 * with 404. Borrowed from snapshot. */
const struct connection *api_find_connection(struct api_call *call, const struct snapshot *snapshot);

/* The connection as JSON; answers the call. */
void api_answer_connection(struct api_call *call, const char *name);

extern const struct api_schema api_connection_schema;
#endif
