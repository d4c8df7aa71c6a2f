/* SPDX-License-Identifier: MIT */
/*
 * The files that an execution has opened, as they were then: so that what it renames is what it opened and
 * not what took its name since. Answered by the journal, they are what they were. One thread.
 */
#ifndef CAPABILITY_OPENED_H
#define CAPABILITY_OPENED_H
#include "transfer/transfer.h"

#define OPENED_MAX 64 /* the newest; a flow renames a file soon after it opened it */

struct opened {
    struct remote_file files[OPENED_MAX];
    unsigned next;
};

/* A file without a place (that came with a message) is not noted. False: out of memory. */
MUST_USE bool opened_note(struct opened *opened, const struct remote_file *file);
/* The newest; connection and folder NULL: of any place. NULL: none of that place and name was opened. */
const struct remote_file *opened_find(const struct opened *opened,
                                      const struct connection *connection, const char *folder,
                                      const char *name);
void opened_release(struct opened *opened);
#endif
