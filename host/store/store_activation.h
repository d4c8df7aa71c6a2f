/* SPDX-License-Identifier: MIT */
/* What people decided about versions of flows: active or not, and how much is recorded. Thread-safe. */
#ifndef STORE_STORE_ACTIVATION_H
#define STORE_STORE_ACTIVATION_H
#include "store/store.h"

enum decision { DECISION_INACTIVE, DECISION_ACTIVE, DECISION_NONE /* only the level was set */ };

struct activation_record {
    const char *flow, *version; /* identifier, "01.23.3000" */
    enum decision decision;
    const char *tracing; /* "production", ...; NULL: the workspace's setting */
    const char *actor;   /* who decided */
    int64_t at_ms;
};

/* Replaces the records of those versions, all or none; durable, and told to all processes, when it
 * returns. */
MUST_USE bool store_set_activations(struct store *store, const struct activation_record *records,
                                    size_t count, struct error *err);

/* All records, by flow and version. Rows are borrowed until fn returns; false from it stops the walk. */
typedef bool activation_row_fn(void *context, const struct activation_record *row);
MUST_USE bool store_activations(struct store *store, activation_row_fn *fn, void *context,
                                struct error *err);
#endif
