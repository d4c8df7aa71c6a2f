/* SPDX-License-Identifier: MIT */
/*
 * Who is at work on which files: the files of a folder whose names begin with a prefix belong to one
 * instance at a time, from when it lists them until it has ended. One that was interrupted keeps them, so
 * that nobody else takes what it has in doubt. Thread-safe, as store.h.
 */
#ifndef STORE_STORE_LEASE_H
#define STORE_STORE_LEASE_H
#include "store/store.h"

struct lease {
    const char *place, *prefix; /* place: of the folder, in words that are the same for whoever means it */
    const char *instance;       /* in progress */
};

struct lease_holder {
    char instance[INSTANCE_ID_SIZE]; /* "": there is none */
    char flow[128];                  /* cut to fit */
};

/* On the disk when it returns. Taken again by its own instance it stays. ERROR_EXISTS: an instance in progress
 * has files of these, and holder tells which. ERROR_UNAVAILABLE: the store cannot be written now. */
MUST_USE bool store_lease_take(struct store *store, const struct lease *lease,
                               struct lease_holder *holder, struct error *err);
#endif
