/* SPDX-License-Identifier: MIT */
/*
 * The customisations in force: what lies in customizations/<FLOW-ID>/ when an execution begins, opened and
 * kept by digest (capability/filter_cache.h). A file that changes is noticed by the next execution. What
 * cannot be used stays in the set and fails the step that would run it: it is never passed over.
 * Thread-safe.
 */
#ifndef FLOW_CUSTOMISATION_H
#define FLOW_CUSTOMISATION_H
#include "capability/filter.h"
#include "capability/filter_cache.h"
#include "capability/manifest.h"
#include "workspace/workspace.h"

struct customisations;

/* workspace is borrowed. NULL: no memory. */
struct customisations *customisations_new(const struct workspace *workspace);
void customisations_free(struct customisations *all); /* NULL is fine */

struct filter_cache *customisations_cache(const struct customisations *all);

/* The set of flow now, held for the caller; *out is NULL where it has none. The errors of
 * customisation_list_read. */
MUST_USE bool customisations_current(struct customisations *all, const struct manifest *flow,
                                     struct filter_set **out, struct error *err);

/* The set that filter_set_text told of. ERROR_INVALID: text is damaged. */
MUST_USE bool customisations_recall(struct customisations *all, const struct manifest *flow,
                                    const char *text, struct filter_set **out, struct error *err);
#endif
