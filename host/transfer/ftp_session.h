/* SPDX-License-Identifier: MIT */
/*
 * FTP requests on a pooled handle: addresses, commands, conversion of replies. TYPE I wherever a
 * size matters; EPSV, then PASV with its address ignored; explicit TLS is never given up.
 */
#ifndef TRANSFER_FTP_SESSION_H
#define TRANSFER_FTP_SESSION_H
#include "transfer/content_server.h"
#include "transfer/ftp_dialogue.h"

#define FTP_CLEANUP_TIMEOUT_MS 10000 /* removing our own temporary file, looking after a lost reply */

/* What was wanted, for the error sentence. */
enum ftp_wish { FTP_WISH_LIST, FTP_WISH_LOOK, FTP_WISH_READ, FTP_WISH_STORE, FTP_WISH_RENAME };

/* A handle that is ready to log in, with a dialogue. Errors of pool_acquire and handle_login. */
struct handle *ftp_acquire(struct transfer *transfer, const struct connection *connection,
                           const struct transfer_call *call, struct error *err);

/*
 * The next request on the handle: address of folder/name (name NULL: the folder itself), nothing
 * uploaded, no commands before or behind. libcurl enters the folder unless it is there already.
 * ERROR_INVALID: the host cannot be part of an address.
 */
MUST_USE bool ftp_address(struct handle *handle, const char *folder, const char *name,
                          struct error *err);

enum ftp_moment { FTP_BEFORE_FOLDER, FTP_IN_FOLDER, FTP_AFTER_TRANSFER }; /* libcurl's QUOTE lists */

/* Adds "verb argument" (argument may be NULL); a leading '*' makes a refusal no error. ERROR_INVALID
 * for control bytes: libcurl would send them as they are. */
MUST_USE bool ftp_command(struct handle *handle, enum ftp_moment when, const char *verb,
                          const char *argument, struct error *err);

/* handle_perform on such a handle starts a fresh dialogue; a kept connection that proves dead before
 * the server has said a word is replaced once. This one makes no transfer: only the commands are
 * sent. */
CURLcode ftp_perform_commands(struct handle *handle);

/* Converts a failure and returns false; what names the file or folder it is about. */
bool ftp_fail(struct handle *handle, CURLcode code, enum ftp_wish wish, const char *what,
              struct error *err);

/* ---- looks ------------------------------------------------------------------------------------ */

struct ftp_look {
    bool exists;
    uint64_t size;
    int64_t modified_s; /* 0: not told */
};

/* The answers to the nth SIZE (and MDTM, where has_time) of the last perform, asked with '*'.
 * ERROR_UNSUPPORTED: the server has no SIZE. */
MUST_USE bool ftp_read_look(struct handle *handle, size_t nth, const char *name,
                            struct ftp_look *look, struct error *err);

/* Looks at up to two names of a folder in one go. names[1] may be NULL. */
MUST_USE bool ftp_look_at(struct handle *handle, const char *folder, const char *const names[2],
                          struct ftp_look looks[2], struct error *err);

/* RNFR and RNTO, not interrupted by should_stop. *is_lost: RNTO was sent and its reply never came. */
MUST_USE bool ftp_rename_now(struct handle *handle, const char *folder, const char *from,
                             const char *to, bool *is_lost, struct error *err);

/*
 * from → to by the connection's on_conflict. exists tells of the name `to` itself (a look that was
 * just made); further candidates are looked at here. A lost reply is settled by looking at both
 * names. out is the name that from has now. ERROR_EXISTS, ERROR_UNKNOWN and those of a rename.
 */
MUST_USE bool ftp_publish(struct transfer *transfer, struct handle **handle,
                          const struct connection *connection, const char *folder,
                          const char *from, const char *to, uint64_t size, bool exists,
                          char out[static REMOTE_NAME_SIZE_MAX + 1], struct error *err);

/* The vtable's functions. */
bool ftp_list(struct transfer *transfer, const struct connection *connection, const char *folder,
              const char *prefix, const struct transfer_call *call, struct remote_listing *out,
              struct error *err);
bool ftp_store(struct transfer *transfer, const struct connection *connection, const char *folder,
               const char *name, const struct remote_file *file, const struct transfer_call *call,
               struct remote_receipt *receipt, struct error *err);
#endif
