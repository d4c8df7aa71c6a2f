/* SPDX-License-Identifier: MIT */
/*
 * What a protocol offers so that remote.c can make one set of rules out of it: names are checked,
 * the listing is sorted, filtered, looked at twice and capped there, not here. One implementation
 * per protocol, stateless: state is in the handles that it acquires from the pool.
 */
#ifndef TRANSFER_CONTENT_SERVER_H
#define TRANSFER_CONTENT_SERVER_H
#include "transfer/pool.h"
#include "transfer/pump.h"

/* REFUSED: the server let us in and said no; of another one it may say yes. NEEDLESS: it was gone already. */
enum removal { REMOVAL_FAILED, REMOVAL_REFUSED, REMOVAL_DONE, REMOVAL_NEEDLESS };

static inline bool removal_is_gone(enum removal removal)
{
    return removal == REMOVAL_DONE || removal == REMOVAL_NEEDLESS;
}
/* The error of a discard that did not remove what, in folder. */
MUST_USE bool removal_fail(enum removal removal, const struct connection *connection, const char *folder,
                           const char *what, struct error *err);

struct content_server {
    bool grows; /* files appear before they are complete: two looks are needed */
    const char *listing_forms; /* what list understands, for people: "lines of ..." */

    /* Adds every plain file (or those that begin with prefix) to out by listing_add, and counts what it
     * understands and what it does not. */
    bool (*list)(struct transfer *transfer, const struct connection *connection, const char *folder,
                 const char *prefix, const struct transfer_call *call, struct remote_listing *out,
                 struct error *err);

    /* Fills info and, where the server tells them, etag and digest. The rest is filled already. */
    bool (*open)(struct transfer *transfer, const struct transfer_call *call,
                 struct remote_file *file, struct error *err);

    /* Prepares reading the file, whole, as it was opened. */
    bool (*read)(struct transfer *transfer, const struct remote_file *file,
                 const struct transfer_call *call, struct source *out, struct error *err);

    /* As remote_store; the name is safe, the size within limits, the conflict policy is the
     * connection's (conflict_name gives the candidates). */
    bool (*store)(struct transfer *transfer, const struct connection *connection,
                  const char *folder, const char *name, const struct remote_file *source,
                  const struct transfer_call *call, struct remote_receipt *receipt,
                  struct error *err);

    /* As remote_rename; both names are safe. */
    bool (*rename)(struct transfer *transfer, const struct connection *connection,
                   const char *folder, const char *from, const char *to,
                   const struct transfer_call *call, struct remote_receipt *receipt,
                   struct error *err);

    /* As remote_discard. */
    bool (*discard)(struct transfer *transfer, const struct connection *connection,
                    const char *folder, const struct transfer_step *step,
                    const struct transfer_call *call, struct error *err);
};

extern const struct content_server ftp_server;
extern const struct content_server sftp_server;
extern const struct content_server object_storage_server;

/* Adds an entry; the name is copied (size bytes). Of ever more entries those whose names come first are
 * kept: never more than twice LISTING_ENTRIES_KEPT. ERROR_INTERNAL: no memory. */
MUST_USE bool listing_add(struct remote_listing *listing, const char *name, size_t size,
                          const struct sluice_file_info *info, struct error *err);

/* Counts what was listed and cannot be understood. Bytes that are not printable ASCII are shown as '?'. */
void listing_note_unparsed(struct remote_listing *listing, const char *bytes, size_t size);

/* Prepares reading any file, local or remote, through its connection's server. */
MUST_USE bool remote_read(struct transfer *transfer, const struct remote_file *file,
                          const struct transfer_call *call, struct source *out, struct error *err);

#define CONFLICT_NUMBER_MAX 99

/* The name that on_conflict "number" tries as the number-th: 1 is the name itself, 2 gives
 * "name-2.csv" ("name-2.csv.zip": the extension begins at ".csv" if there is one). false: over
 * name_size_max bytes. */
MUST_USE bool conflict_name(const char *name, unsigned number, size_t name_size_max,
                            char out[static REMOTE_NAME_SIZE_MAX + 1]);
#endif
