/* SPDX-License-Identifier: MIT */
/* How deliveries lie in the store, for unmarked.c and unmarked_list.c only: key and value of a reminder. Pure. */
#ifndef CAPABILITY_UNMARKED_VALUE_H
#define CAPABILITY_UNMARKED_VALUE_H
#include "capability/call.h"

/* Of the reminders. The key is "connection\nfolder\nname\ndigest": the source, and a digest of what else
 * tells one delivery from another, its place and where it went. Earlier releases wrote none, one for each
 * source; those are found as before. */
#define UNMARKED_KIND "unmarked"
#define UNMARKED_KEY_SPACE 20480 /* bytes; more than its parts may have */

/* The key of what call stores; the caller releases it. */
void unmarked_key(const struct call *call, const struct remote_file *source, struct buf *key);
/* The name of the file, where it is a key of one of that place, however the folder is spelled
 * (capability/folder.h); else NULL. In copy. */
const char *unmarked_name_in(const char *key, const char *connection, const char *folder,
                             char copy[static UNMARKED_KEY_SPACE]);
bool unmarked_is_of(const char *key, const char *connection, const char *folder, const char *name);
/* Cuts a key into its source, in its place. False: it is damaged. */
bool unmarked_split(char *key, char *parts[3]);

/* Texts point into the value. */
struct unmarked_delivery {
    uint64_t size, modified_s; /* of the source; 0: not told */
    const char *etag;          /* NULL: not told */
    const char *connection, *folder, *name; /* where it was to go */
    struct remote_receipt receipt;
    /* NULL: not noted, by an earlier release */
    const char *instance; /* that sent it */
    const char *run;      /* the instance that began it all: its caller, or the caller's */
    const char *place;    /* of the source's connection then */
};

/* Appends the value of what call stored. */
void unmarked_pack(const struct call *call, const struct remote_file *source,
                   const struct remote_receipt *receipt, struct buf *out);
/* False: it is damaged. */
MUST_USE bool unmarked_unpack(const void *bytes, size_t size, struct unmarked_delivery *delivery);
#endif
