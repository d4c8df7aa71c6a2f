/* SPDX-License-Identifier: MIT */
/*
 * Handles for what the host holds: listings, file references, responses. A handle is a number that
 * means nothing outside this execution; an execution may have SLUICE_HANDLES_MAX open at a time.
 * The bytes of a file never enter the guest.
 */
#ifndef SLUICE_FILE_H
#define SLUICE_FILE_H
#include <stdint.h>

#include "sluice/abi.h"
#include "sluice/text.h"

/* The next entry of a listing, in the order of the names. SLUICE_OK; SLUICE_NOT_FOUND at the end, or
 * SLUICE_LIMIT where the server has more than a listing gives. Replaces name. */
int32_t file_next(int32_t listing, struct text *name, struct sluice_file_info *info);

/* What is known of a file. */
int32_t file_info(int32_t file, struct sluice_file_info *info);

/* Closes any handle; 0 and negative numbers are fine, so results may be closed unseen. */
void file_close(int32_t handle);
#endif
