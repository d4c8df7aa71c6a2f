/* SPDX-License-Identifier: MIT */
/*
 * The customisations of a workspace as people handle them: looked at, tried, put in place and taken away,
 * with every version kept in customizations/<FLOW-ID>/versions/<file>/<number>. Nothing is put in place
 * that could not run. One thread.
 */
#ifndef FLOW_CUSTOMISE_H
#define FLOW_CUSTOMISE_H
#include "base/buf.h"
#include "capability/manifest.h"
#include "workspace/customisation.h"
#include "workspace/workspace.h"

#define CUSTOMISE_VERSIONS_MAX 10000

struct customise;

/* Reads the flows of the workspace, which it borrows. */
MUST_USE bool customise_open(struct customise **out, const struct workspace *workspace,
                             struct error *err);
void customise_close(struct customise *customise); /* NULL is fine */

/* The manifest of a flow by any of its names; NULL with ERROR_NOT_FOUND. */
const struct manifest *customise_flow(const struct customise *customise, const char *name,
                                      struct error *err);
size_t customise_flow_count(const struct customise *customise);
const struct manifest *customise_flow_at(const struct customise *customise, size_t index);

struct customise_entry {
    const char *flow, *name;
    const char *point; /* NULL: the name belongs to no extension point of the flow */
    const char *digest, *signer; /* SHA-256; "" for an unsigned one */
    unsigned version, version_count; /* 0: put there by hand, not kept yet */
    const char *problem; /* why it cannot run; NULL: it can */
};
/* Opens each file of the flow in the order they run; entries are borrowed during the call. */
typedef void customise_entry_fn(void *context, const struct customise_entry *entry);
MUST_USE bool customise_list(struct customise *customise, const char *flow, customise_entry_fn *fn,
                             void *context, struct error *err);

/* Puts the program or mapping at path in place for an extension point, after opening it; a signature beside
 * it goes with it. name is what it is called there. ERROR_INVALID, ERROR_DENIED (signature). */
MUST_USE bool customise_add(struct customise *customise, const char *flow, const char *point,
                            const char *label, const char *path,
                            char name[static CUSTOMISATION_NAME_SIZE_MAX + 1], unsigned *version,
                            struct error *err);

/* Takes the file of that name (or the only one at that point) away; its versions stay. */
MUST_USE bool customise_remove(struct customise *customise, const char *flow, const char *name,
                               char removed[static CUSTOMISATION_NAME_SIZE_MAX + 1],
                               struct error *err);

/* Puts an earlier version back: `to`, or with 0 the one before that in place (of a file that was taken
 * away, the last). */
MUST_USE bool customise_roll_back(struct customise *customise, const char *flow, const char *name,
                                  unsigned to, unsigned *version, struct error *err);

/* Runs what is in place at point, or only the program or mapping at path (NULL: what is in place), on a
 * message. tell gets what is written to standard error. */
MUST_USE bool customise_try(struct customise *customise, const char *flow, const char *point,
                            const char *path, const void *message, size_t size, struct buf *out,
                            void (*tell)(void *context, const char *text), void *context,
                            struct error *err);
#endif
