/* SPDX-License-Identifier: MIT */
/*
 * FTP requests on a pooled handle: addresses, commands, conversion of replies. TYPE I wherever a
 * size matters; EPSV, then PASV with its address ignored; explicit TLS is never given up.
 */
#ifndef TRANSFER_FTP_SESSION_H
#define TRANSFER_FTP_SESSION_H
#include "base/buf.h"
#include "transfer/content_server.h"
#include "transfer/ftp_dialogue.h"

/* What was wanted, for the error sentence. */
enum ftp_wish { FTP_WISH_LIST, FTP_WISH_LOOK, FTP_WISH_READ, FTP_WISH_STORE, FTP_WISH_RENAME };

/* A handle that is ready to log in, with a dialogue. Errors of pool_acquire and handle_login. */
struct handle *ftp_acquire(struct transfer *transfer, const struct connection *connection,
                           const struct transfer_call *call, struct error *err);

/* The folder from the root, where an earlier request told what the login's home is; else as it is given. The
 * caller releases out. */
void ftp_folder(const struct handle *handle, const char *folder, struct buf *out);

/*
 * The next request on the handle: address of folder/name (name NULL: the folder itself), nothing
 * uploaded, no commands before or behind. libcurl enters the folder unless it is there already. A
 * folder that cannot be named from the root costs a login each time.
 * ERROR_INVALID: the host cannot be part of an address.
 */
MUST_USE bool ftp_address(struct handle *handle, const char *folder, const char *name,
                          struct error *err);

enum ftp_moment {
    FTP_BEFORE_FOLDER,
    FTP_IN_FOLDER,
    FTP_AFTER_TRANSFER
}; /* libcurl's QUOTE lists */

/* Adds "verb argument" (argument may be NULL); a leading '*' makes a refusal no error.
 * ERROR_INVALID for control bytes: libcurl would send them as they are. */
MUST_USE bool ftp_command(struct handle *handle, enum ftp_moment when, const char *verb,
                          const char *argument, struct error *err);

/* handle_perform on such a handle starts a fresh dialogue; a kept connection that proves dead
 * before the server has said a word is replaced once. This one makes no transfer: only the commands
 * are sent. */
CURLcode ftp_perform_commands(struct handle *handle);

/* Converts a failure and returns false; what names the file or folder it is about. */
bool ftp_fail(struct handle *handle, CURLcode code, enum ftp_wish wish, const char *what,
              struct error *err);

/* ftp_list.c: as the vtable's function, on a handle; and that function. */
bool ftp_list_on(struct handle *handle, const char *folder, const char *prefix,
                 struct remote_listing *out, struct error *err);
bool ftp_list(struct transfer *transfer, const struct connection *connection, const char *folder,
              const char *prefix, const struct transfer_call *call, struct remote_listing *out,
              struct error *err);
#endif
