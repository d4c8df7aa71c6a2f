/* SPDX-License-Identifier: MIT */
/*
 * The version of a module that an instance began with, kept in the state folder (workspace/kept_file.h)
 * until no instance needs it: an unfinished instance goes on, and a finished one is replayed, with the
 * very module that wrote its journal. Thread-safe.
 */
#ifndef FLOW_KEPT_MODULE_H
#define FLOW_KEPT_MODULE_H
#include "flow/registry.h"
#include "store/store.h"
#include "workspace/workspace.h"

/* Keeps flow's module, for an instance that is about to begin, if it is not kept yet, and what it was
 * compiled to: the next version's package may have neither that nor a compiler. ERROR_REFUSED: its file is
 * another one by now; the errors of file_read and kept_file_write. */
MUST_USE bool kept_module_keep(const struct workspace *workspace, const struct flow *flow,
                               struct error *err);

/* Whether the module of that digest is there and is what its name says: ERROR_NOT_FOUND, ERROR_INVALID, or
 * ERROR_DENIED and ERROR_INTERNAL where that cannot be told now. */
MUST_USE bool kept_module_check(const struct workspace *workspace, const char *digest,
                                struct error *err);

/* Opens the module of that digest with its manifest; the caller calls kept_module_close. It is verified
 * like any other. ERROR_NOT_FOUND, ERROR_INVALID: the file's digest is another. */
MUST_USE bool kept_module_open(struct flow *out, const struct workspace *workspace,
                               const char *digest, struct error *err);
void kept_module_close(struct flow *flow); /* zeroed is fine */

/* Deletes the modules and customisations that no instance in the store needs. *deleted: how many. The
 * errors of kept_file_prune and of the store. */
MUST_USE bool kept_module_prune(const struct workspace *workspace, struct store *store, size_t *deleted,
                                struct error *err);
#endif
