/* SPDX-License-Identifier: MIT */
/* Mails of the outbox as they are shown, and their delivery by commands that run flows. */
#ifndef CLI_MAILS_H
#define CLI_MAILS_H
#include "base/document.h"
#include "cli/cli.h"
#include "cli/progress.h"
#include "flow/flow.h"
#include "store/store_outbox.h"

/* A table of the mails with its title above; nothing where there are none. *count: how many. */
MUST_USE bool mails_print(FILE *out, const char *title, struct store *store,
                          const struct outbox_filter *filter, size_t *count, struct error *err);

/* An array of mails under key. */
MUST_USE bool mails_write(struct document *document, const char *key, struct store *store,
                          const struct outbox_filter *filter, struct error *err);

/* After a run: sends what is due, waiting OUTBOX_RUN_WAIT_MS at most; what cannot be sent stays. A failing
 * store is told on err and changes nothing. */
void mails_deliver(struct cli *cli, struct service *service);

/* What became of the mails of one run, in one line, and as an array under key with those that are held
 * back. The counts stand even if the rows cannot be read. */
void mails_print_run(FILE *out, struct store *store, const char *instance,
                     const struct progress *progress);
void mails_write_run(struct document *document, const char *key, struct store *store,
                     const char *instance, const struct progress *progress);
#endif
