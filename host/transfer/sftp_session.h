/* SPDX-License-Identifier: MIT */
/*
 * SFTP requests on a pooled handle. The server's host key must be in the connection's known_hosts
 * file; without one nothing is sent. Paths in commands are quoted the way libcurl parses them.
 */
#ifndef TRANSFER_SFTP_SESSION_H
#define TRANSFER_SFTP_SESSION_H
#include "transfer/content_server.h"

/* A handle that is ready to log in. ERROR_INVALID: no or unreadable known_hosts or private_key. */
struct handle *sftp_acquire(struct transfer *transfer, const struct connection *connection,
                            const struct transfer_call *call, struct error *err);

/* The next request: folder/name, or the folder (name NULL). A relative folder is relative to where
 * the login lands. */
MUST_USE bool sftp_address(struct handle *handle, const char *folder, const char *name,
                           struct error *err);

/* Adds a command, sent before any transfer: verb "path" ["path"]. */
MUST_USE bool sftp_command(struct handle *handle, const char *verb, const char *folder,
                           const char *name, const char *second_name, struct error *err);

CURLcode sftp_perform_commands(struct handle *handle);

/* Converts a failure and returns false; what names the file or folder. */
bool sftp_fail(struct handle *handle, CURLcode code, const char *what, struct error *err);
#endif
