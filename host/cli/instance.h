/* SPDX-License-Identifier: MIT */
/* An instance as a JSON object, the same wherever it appears. */
#ifndef CLI_INSTANCE_H
#define CLI_INSTANCE_H
#include "base/document.h"
#include "cli/cli.h"
#include "store/store.h"

void instance_write(struct document *document, const char *key, const struct instance_row *row);

/* The members only, into an object that is open. */
void instance_write_members(struct document *document, const struct instance_row *row);

/* The filter that --flow, --state, --since, --until, --tracking, --parent, --limit... ask for. */
MUST_USE bool instances_filter(const struct arguments *arguments, struct store_filter *filter,
                               struct error *err);

/* What a person should do after a fault of that code; never NULL. */
const char *instance_remedy(const char *fault_code);
#endif
