/* SPDX-License-Identifier: MIT */
/*
 * Which process an unfinished instance belongs to, and whether that process still lives. An owner
 * is a random number; as long as its process lives, it holds a lock on the byte of that number in
 * a file beside the database. The kernel drops the lock however the process ends, so neither a
 * reused process id nor another container's numbering can deceive.
 */
#ifndef STORE_STORE_OWNER_H
#define STORE_STORE_OWNER_H
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct store_owner {
    int fd;         /* of the lock file; -1: not open */
    int64_t number; /* ours, above 0 */
};

#define STORE_OWNER_NOBODY 0 /* of an unfinished instance that waits for whoever resumes it */

/* Creates path if missing and takes a number. path NULL: for a store that this process alone can see. */
MUST_USE bool store_owner_open(struct store_owner *owner, const char *path, struct error *err);
void store_owner_close(struct store_owner *owner);

/* Whether somebody holds that number. True when the lock file cannot tell. */
bool store_owner_lives(const struct store_owner *owner, int64_t number);
#endif
