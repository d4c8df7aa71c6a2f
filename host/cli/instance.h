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

/* The filter that --flow, --state, --since, --until, --tracking, --trace, --parent, --limit... ask for. */
MUST_USE bool instances_filter(const struct arguments *arguments, struct store_filter *filter,
                               struct error *err);

/* Makes what --flow named (identifier, alias or folder name) its identifier, so that a misspelled flow is
 * told from an idle one; without --flow does nothing. ERROR_NOT_FOUND names the nearest. */
struct service;
MUST_USE bool instances_find_flow(const struct service *service, struct store_filter *filter,
                                  struct error *err);

/* The id of the newest instance that filter lets through. ERROR_NOT_FOUND. */
MUST_USE bool instances_newest(struct store *store, struct store_filter *filter,
                               char id[INSTANCE_ID_SIZE], struct error *err);

/* What a person should do after a fault of that code; never NULL. */
const char *instance_remedy(const char *fault_code);
#endif
