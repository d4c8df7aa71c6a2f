/* SPDX-License-Identifier: MIT */
/* How deliveries lie in the store, for unmarked.c and unmarked_list.c only: key and value of a reminder. Pure. */
#ifndef CAPABILITY_UNMARKED_VALUE_H
#define CAPABILITY_UNMARKED_VALUE_H
#include "capability/call.h"

#define UNMARKED_KIND "unmarked" /* of the reminders; the key is "connection\nfolder\nname" */
#define UNMARKED_KEY_SPACE 16384 /* bytes; more than its parts may have */

/* The key of a source; the caller releases it. */
void unmarked_key(const char *connection, const char *folder, const char *name, struct buf *key);

/* Texts point into the value. */
struct unmarked_delivery {
    uint64_t size, modified_s; /* of the source; 0: not told */
    const char *etag;          /* NULL: not told */
    const char *connection, *folder, *name; /* where it was to go */
    struct remote_receipt receipt;
    const char *instance; /* that sent it; NULL: not noted, by an earlier version */
};

/* Appends the value of what call stored. */
void unmarked_pack(const struct call *call, const struct remote_file *source,
                   const struct remote_receipt *receipt, struct buf *out);
/* False: it is damaged. */
MUST_USE bool unmarked_unpack(const void *bytes, size_t size, struct unmarked_delivery *delivery);
#endif
