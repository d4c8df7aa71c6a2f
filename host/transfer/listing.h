/* SPDX-License-Identifier: MIT */
/* What remote.c does with listings once a server has given them. Pure; not thread-safe. */
#ifndef TRANSFER_LISTING_H
#define TRANSFER_LISTING_H
#include "transfer/transfer.h"

/* Orders the entries by the bytes of their names and leaves the first LISTING_ENTRIES_KEPT. */
void listing_finish(struct remote_listing *listing);

/* Flags files over size_max (0: no limit) SLUICE_FILE_TOO_LARGE. */
void listing_flag_larger(struct remote_listing *listing, uint64_t size_max);

/* Both sorted. Entries of now that are new or differ in size or time are SLUICE_FILE_GROWING. */
void listing_flag_growing(const struct remote_listing *before, struct remote_listing *now);
#endif
