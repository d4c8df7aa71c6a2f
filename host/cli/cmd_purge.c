/* SPDX-License-Identifier: MIT */
/* sluice purge: deletes what is older than the retention, in batches that block nobody. */
#include "base/clock.h"
#include "base/document.h"
#include "base/text.h"
#include "cli/cli.h"
#include "flow/kept_module.h"
#include "store/store_outbox.h"
#include "workspace/workspace.h"

#define DAY_MS 86400000
#define DAYS_MAX 36500
#define BATCH 100  /* instances, audit records or mails in one transaction */
#define PAUSE_MS 2 /* between batches, for whoever waits for the write lock */

/* What is deleted, each by batches of its own. */
struct total {
    int64_t instances, audits, mails;
    size_t modules;
};

typedef bool purge_fn(struct store *store, int64_t before_ms, int max, int *purged, struct error *err);

static bool purge_all(struct cli *cli, struct store *store, purge_fn *batch, int64_t before_ms,
                      int64_t *total, struct error *err)
{
    int purged = BATCH;
    while (purged == BATCH && !(cli->should_stop && cli->should_stop())) {
        if (!batch(store, before_ms, BATCH, &purged, err))
            return false;
        *total += purged;
        clock_sleep_ms(PAUSE_MS);
    }
    return true;
}

static bool purge(struct cli *cli, const struct workspace *workspace, struct store *store,
                  int64_t before_ms, struct total *total, struct error *err)
{
    return purge_all(cli, store, store_purge, before_ms, &total->instances, err) &&
           purge_all(cli, store, store_purge_audits, before_ms, &total->audits, err) &&
           purge_all(cli, store, store_outbox_purge, before_ms, &total->mails, err) &&
           kept_module_prune(workspace, store, &total->modules, err);
}

static bool count(struct store *store, int64_t before_ms, struct total *total, struct error *err)
{
    return store_purge_count(store, before_ms, &total->instances, err) &&
           store_purge_audits_count(store, before_ms, &total->audits, err) &&
           store_outbox_purge_count(store, before_ms, &total->mails, err);
}

static void tell(struct cli *cli, int64_t days, const struct total *total, bool is_dry_run)
{
    if (!cli->json) {
        fprintf(cli->out, "%lld instances, %lld audit records and %lld mails older than %lld days %s\n",
                (long long)total->instances, (long long)total->audits, (long long)total->mails,
                (long long)days, is_dry_run ? "would be deleted" : "deleted");
        if (total->modules > 0)
            fprintf(cli->out, "%zu kept modules that no instance needs deleted\n", total->modules);
        return;
    }
    struct document document;
    document_init(&document);
    document_open(&document, NULL, '{');
    document_number(&document, "instances", total->instances);
    document_number(&document, "audit_records", total->audits);
    document_number(&document, "mails", total->mails);
    if (!is_dry_run)
        document_number(&document, "modules", (int64_t)total->modules);
    document_number(&document, "older_than_days", days);
    document_flag(&document, "dry_run", is_dry_run);
    document_close(&document, '}');
    document_finish(&document, cli->out);
}

static int run(struct cli *cli, const struct arguments *arguments)
{
    struct workspace *workspace = NULL;
    struct store *store = NULL;
    struct error err = {0};
    int64_t days = 0;
    struct total total = {.instances = 0};
    const char *older = option_value(arguments, "older-than");
    bool is_dry_run = option_given(arguments, "dry-run");
    if (older && !text_parse_int(older, 0, DAYS_MAX, &days))
        return cli_usage(cli, &cmd_purge, "'--older-than %.64s': expected days, from 0 to %d", older,
                         DAYS_MAX);
    bool ok = cli_open_recorded(cli, &workspace, &err) &&
              store_open(&store, workspace->store_file, &err);
    if (ok) {
        if (!older)
            days = workspace->retention_days;
        int64_t before_ms = clock_wall_ms() - days * DAY_MS;
        ok = is_dry_run ? count(store, before_ms, &total, &err)
                        : purge(cli, workspace, store, before_ms, &total, &err);
    }
    if (ok)
        tell(cli, days, &total, is_dry_run);
    store_close(store);
    workspace_close(workspace);
    return ok ? EXIT_DONE : cli_fail(cli, cli_status_of(&err), &err);
}

static const struct option_spec options[] = {
    {"older-than", 0, "DAYS", "Ended, or recorded, more than DAYS ago. Default: retention_days of "
                              "sluice.json."},
    {"dry-run", 0, NULL, "Only counts."},
};

const struct command cmd_purge = {
    .name = "purge",
    .summary = "deletes instances, audit records and mails older than the retention",
    .synopsis = "purge [--older-than DAYS] [--dry-run]",
    .description =
        "Deletes finished instances with their activity, files, tracking values and messages, and the "
        "instances they called; audit records; and mails that were sent, dropped or given up; then the "
        "modules and customisations in state/modules that no instance needs and none began with for a day. "
        "What is in progress stays, and so do mails that wait. It goes in small steps, so that runs that "
        "are going on meanwhile do not wait; an interrupt ends it between two steps.",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .json = "{\"instances\", \"audit_records\", \"mails\", \"modules\" (not with --dry-run), "
            "\"older_than_days\", \"dry_run\"}",
    .exit_status = "0  done\n2  usage or configuration",
    .files = "state/sluice.db, state/modules/",
    .examples = " sluice purge --dry-run\n sluice purge --older-than 90",
    .run = run,
};
