/* SPDX-License-Identifier: MIT */
/* Reading connections.json. Used by snapshot_read only. */
#ifndef WORKSPACE_CONNECTIONS_H
#define WORKSPACE_CONNECTIONS_H
#include <stddef.h>

#include "base/error.h"
#include "workspace/connection.h"

#define CONNECTIONS_MAX 256
#define CONNECTION_NAME_SIZE_MAX 128

/* The connections of text, or where that is NULL of folder/connections.json, in the file's order; the
 * caller releases each one and frees the array. ERROR_NOT_FOUND, ERROR_INVALID, ERROR_LIMIT. */
MUST_USE bool connections_read(const char *folder, const char *text, struct connection **out,
                               size_t *count, struct error *err);
#endif
