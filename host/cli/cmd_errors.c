/* SPDX-License-Identifier: MIT */
/* sluice errors: failed instances that still wait for somebody, newest first, with what to do. */
#include "base/clock.h"
#include "capability/unmarked.h"
#include "cli/cli.h"
#include "cli/instance.h"
#include "cli/print.h"
#include "flow/flow.h"
#include "store/store_outbox.h"

/* Where rows go. */
struct listing {
    struct cli *cli;
    struct document document;
    size_t count;
};

static bool print_row(void *context, const struct instance_row *row)
{
    struct listing *listing = context;
    FILE *out = listing->cli->out;
    char time[CLOCK_TEXT_SIZE];
    fprintf(out, "%s%s  %.16sZ  ", listing->count++ ? "\n" : "", row->id,
            clock_format_ms(row->started_ms, time));
    print_text(out, row->flow);
    fputs("\n  what    ", out);
    print_text(out, row->fault_title ? row->fault_title : row->fault_code);
    if (row->files_found)
        fprintf(out, "\n  files   %lld of %lld transferred", (long long)row->files_transferred,
                (long long)row->files_found);
    if (row->resubmissions)
        fprintf(out, "\n  tried   %lld of %d resubmissions, the last is %s",
                (long long)row->resubmissions, STORE_RESUBMISSIONS_MAX, row->resubmitted_as);
    fprintf(out, "\n  to do   %s\n", instance_remedy(row->fault_code ? row->fault_code : ""));
    return true;
}

static bool write_row(void *context, const struct instance_row *row)
{
    struct listing *listing = context;
    document_open(&listing->document, NULL, '{');
    instance_write_members(&listing->document, row);
    document_text(&listing->document, "to_do",
                  instance_remedy(row->fault_code ? row->fault_code : ""));
    document_close(&listing->document, '}');
    return true;
}

static void print_outbox(FILE *out, const struct outbox_count *count)
{
    if (count->waiting + count->given_up > 0)
        fprintf(out, "\nmails not delivered: %lld waiting, %lld given up (sluice outbox)\n",
                (long long)count->waiting, (long long)count->given_up);
}

static bool count_unmarked(void *context, const struct unmarked_file *file)
{
    (void)file;
    ++*(int64_t *)context;
    return true;
}

static bool list(struct listing *listing, struct store *store, const struct store_filter *filter,
                 struct error *err)
{
    struct outbox_count undelivered;
    int64_t unmarked = 0;
    if (!store_outbox_count(store, &undelivered, err) ||
        !unmarked_list(store, count_unmarked, &unmarked, err))
        return false;
    if (!listing->cli->json) {
        if (!store_instances(store, filter, print_row, listing, err))
            return false;
        if (listing->count == 0)
            fputs("no errors\n", listing->cli->out);
        print_outbox(listing->cli->out, &undelivered);
        if (unmarked > 0)
            fprintf(listing->cli->out, "\nfiles that arrived and are not marked at their source: %lld "
                                       "(sluice unmarked)\n", (long long)unmarked);
        return true;
    }
    document_init(&listing->document);
    document_open(&listing->document, NULL, '{');
    document_open(&listing->document, "errors", '[');
    bool ok = store_instances(store, filter, write_row, listing, err);
    document_close(&listing->document, ']');
    document_open(&listing->document, "undelivered_mails", '{');
    document_number(&listing->document, "waiting", undelivered.waiting);
    document_number(&listing->document, "given_up", undelivered.given_up);
    document_close(&listing->document, '}');
    document_number(&listing->document, "unmarked_files", unmarked);
    document_close(&listing->document, '}');
    if (ok)
        document_finish(&listing->document, listing->cli->out);
    buf_release(&listing->document.text);
    return ok;
}

static int run(struct cli *cli, const struct arguments *arguments)
{
    struct workspace *workspace = NULL;
    struct service *service = NULL;
    struct store_filter filter = {0};
    struct listing listing = {.cli = cli};
    struct error err = {0};
    if (!instances_filter(arguments, &filter, &err))
        return cli_usage(cli, &cmd_errors, "%s", err.message);
    filter.open_errors = true;
    bool ok = cli_open_recorded(cli, &workspace, &err) && service_open(&service, workspace, &err) &&
              instances_find_flow(service, &filter, &err) &&
              list(&listing, service_store(service), &filter, &err);
    service_close(service);
    return ok ? EXIT_DONE : cli_fail(cli, cli_status_of(&err), &err);
}

static const struct option_spec options[] = {
    {"flow", 0, "FLOW", "Only of this flow (identifier, alias or folder name)."},
    {"state", 0, "STATE", "Only in this state: failed, aborted."},
    {"since", 0, "TIME", "Started at or after TIME: 90m, 12h, 7d ago, or a date and time in UTC."},
    {"until", 0, "TIME", "Started at or before TIME."},
    {"tracking", 0, "VALUE", "With this tracking value, such as a sync request id."},
    {"trace", 0, "ID", "Of this distributed trace."},
    {"limit", 'n', "N", "At most N of them, newest first. Default: 20; 0: no limit."},
    {"offset", 0, "N", "Leaves out the newest N."},
};

const struct command cmd_errors = {
    .name = "errors",
    .summary = "lists what failed and still waits for somebody",
    .synopsis = "errors [OPTION]...",
    .description =
        "Lists instances that failed or were aborted, newest first: what went wrong, how many files "
        "got across and what to do. An instance leaves the list when a resubmission of it completes "
        "or when it is discarded. Resubmissions that failed too are told at the instance they "
        "repeat. Mails that are not delivered, and files that arrived and are not marked at their source, "
        "are counted at the end.",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .json = "{\"errors\": [an instance as in 'sluice instances', with \"to_do\"], "
            "\"undelivered_mails\": {\"waiting\", \"given_up\"}, \"unmarked_files\"}",
    .exit_status = "0  done, also if there are none\n2  unknown flow, state or time",
    .files = "state/sluice.db",
    .examples = " sluice errors --since 7d\n sluice errors --flow customer_sync_ack",
    .run = run,
};
