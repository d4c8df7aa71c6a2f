/* SPDX-License-Identifier: MIT */
/*
 * Single values of one connection, put into connections.json together or not at all. Secrets and keys go
 * to files of their own (workspace/secret_file.h); connections.json names the file.
 */
#ifndef SERVER_API_CONNECTION_EDIT_H
#define SERVER_API_CONNECTION_EDIT_H
#include "server/api_connections.h"
#include "workspace/secret_file.h"

#define CONNECTION_EDITS_MAX 16

struct connection_edit {
    const struct connection_property *property; /* NULL: another key */
    const char *key;
    char *value;                 /* JSON text */
    char file[SECRET_FILE_SIZE]; /* a secret's new file; "" for others */
};

/* Begun with call and connection; ended with connection_update_finish. */
struct connection_update {
    struct api_call *call;
    const struct connection *connection; /* as it was */
    struct connection_edit edits[CONNECTION_EDITS_MAX];
    size_t count;
};

/* NULL: refused; too many, or the key is there already. */
struct connection_edit *connection_add_edit(struct connection_update *update, const char *key);
/* Takes the JSON text, and releases json. False: refused. */
bool connection_set_value(struct connection_update *update, struct connection_edit *edit,
                          struct buf *json);
/* Writes a file of the connection's own and sets the edit to its name. False: refused. */
bool connection_set_file(struct connection_update *update, struct connection_edit *edit,
                         const void *bytes, size_t size, bool is_secret);

/* ok: applies the edits and answers; else the call was refused. Removes what is not used, and releases. */
void connection_update_finish(struct connection_update *update, bool ok);
/* Overwrites the request's body, which held secrets. */
void connection_forget_body(struct api_call *call);
#endif
