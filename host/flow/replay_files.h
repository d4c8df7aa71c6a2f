/* SPDX-License-Identifier: MIT */
/*
 * What a replay reports of files, held against what the store has of its instance: of each name the last
 * report counts. One thread.
 */
#ifndef FLOW_REPLAY_FILES_H
#define FLOW_REPLAY_FILES_H
#include "base/buf.h"
#include "base/error.h"
#include "store/store.h"

#define REPLAY_FILES_SIZE_MAX (64u << 20) /* bytes of all reports together */

struct replay_files {
    struct buf text;    /* names and details, each with its NUL */
    struct buf reports; /* struct report */
};

void replay_files_init(struct replay_files *files);
void replay_files_release(struct replay_files *files);

/* state: as in enum sluice_file_state. */
void replay_files_take(struct replay_files *files, const char *name, uint32_t state, const char *detail);

/*
 * difference: "" where the instance reported the same, else the first file of which it did not. Reports
 * that the store had to drop (store_file) show as differences. ERROR_LIMIT: more than REPLAY_FILES_SIZE_MAX
 * was reported; errors of the store.
 */
MUST_USE bool replay_files_compare(struct replay_files *files, struct store *store, const char *instance,
                                   char difference[static ERROR_MESSAGE_SIZE], struct error *err);
#endif
