/* SPDX-License-Identifier: MIT */
/* sluice purge: deletes what is older than the retention, in batches that block nobody. */
#include "base/clock.h"
#include "base/document.h"
#include "base/text.h"
#include "cli/cli.h"
#include "store/store_outbox.h"
#include "workspace/workspace.h"

#define DAY_MS 86400000
#define DAYS_MAX 36500
#define BATCH 100  /* instances in one transaction */
#define PAUSE_MS 2 /* between batches, for whoever waits for the write lock */

static bool purge_mails(struct cli *cli, struct store *store, int64_t before_ms, struct error *err)
{
    int purged = BATCH;
    while (purged == BATCH && !(cli->should_stop && cli->should_stop())) {
        if (!store_outbox_purge(store, before_ms, BATCH, &purged, err))
            return false;
        clock_sleep_ms(PAUSE_MS);
    }
    return true;
}

static bool purge(struct cli *cli, struct store *store, int64_t before_ms, int64_t *total,
                  struct error *err)
{
    int purged = BATCH;
    while (purged == BATCH && !(cli->should_stop && cli->should_stop())) {
        if (!store_purge(store, before_ms, BATCH, &purged, err))
            return false;
        *total += purged;
        clock_sleep_ms(PAUSE_MS);
    }
    return true;
}

static void tell(struct cli *cli, int64_t days, int64_t total, bool is_dry_run)
{
    if (!cli->json) {
        fprintf(cli->out, "%lld instances older than %lld days %s\n", (long long)total,
                (long long)days, is_dry_run ? "would be deleted" : "deleted");
        return;
    }
    struct document document;
    document_init(&document);
    document_open(&document, NULL, '{');
    document_number(&document, "instances", total);
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
    int64_t days = 0, total = 0;
    const char *older = option_value(arguments, "older-than");
    bool is_dry_run = option_given(arguments, "dry-run");
    if (older && !text_parse_int(older, 0, DAYS_MAX, &days))
        return cli_usage(cli, &cmd_purge, "'--older-than %.64s': expected days, from 0 to %d", older,
                         DAYS_MAX);
    bool ok = cli_open_workspace(cli, &workspace, &err) &&
              store_open(&store, workspace->store_file, &err);
    if (ok) {
        if (!older)
            days = workspace->retention_days;
        int64_t before_ms = clock_wall_ms() - days * DAY_MS;
        ok = is_dry_run ? store_purge_count(store, before_ms, &total, &err)
                        : purge(cli, store, before_ms, &total, &err) &&
                              purge_mails(cli, store, before_ms, &err);
    }
    if (ok)
        tell(cli, days, total, is_dry_run);
    store_close(store);
    workspace_close(workspace);
    return ok ? EXIT_DONE : cli_fail(cli, cli_status_of(&err), &err);
}

static const struct option_spec options[] = {
    {"older-than", 0, "DAYS", "Ended more than DAYS ago. Default: retention_days of sluice.json."},
    {"dry-run", 0, NULL, "Only counts."},
};

const struct command cmd_purge = {
    .name = "purge",
    .summary = "deletes instances that are older than the retention",
    .synopsis = "purge [--older-than DAYS] [--dry-run]",
    .description =
        "Deletes finished instances with their activity, files, tracking values and messages, and the "
        "instances they called, and mails that were sent, dropped or given up as long ago. What is "
        "in progress stays, and so do mails that wait. It goes in small steps, so that runs "
        "that are going on meanwhile do not wait; an interrupt ends it between two steps.",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .json = "{\"instances\", \"older_than_days\", \"dry_run\"}",
    .exit_status = "0  done\n2  usage or configuration",
    .files = "state/sluice.db",
    .examples = " sluice purge --dry-run\n sluice purge --older-than 90",
    .run = run,
};
