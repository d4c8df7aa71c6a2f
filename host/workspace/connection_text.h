/* SPDX-License-Identifier: MIT */
/*
 * One value in the text of connections.json, changed in place: comments, order and layout of all the
 * rest stay as their author left them. Not thread-safe.
 */
#ifndef WORKSPACE_CONNECTION_TEXT_H
#define WORKSPACE_CONNECTION_TEXT_H
#include "base/buf.h"
#include "base/error.h"

/*
 * Sets key of the connection to value (JSON text), adding the key where it is missing. text must be
 * well-formed, as config_open takes it; what it says is the caller's to check. ERROR_NOT_FOUND: no such
 * connection; ERROR_LIMIT: text would grow over its ceiling. On error text is as it was.
 */
MUST_USE bool connection_text_set(struct buf *text, const char *connection, const char *key,
                                  const char *value, struct error *err);
#endif
