/* SPDX-License-Identifier: MIT */
/* sluice instances: what ran, newest first. */
#include "base/clock.h"
#include "base/document.h"
#include "cli/cli.h"
#include "cli/instance.h"
#include "cli/print.h"
#include "flow/flow.h"

/* ---- output ------------------------------------------------------------------------------------ */

static void format_files(const struct instance_row *row, struct buf *out)
{
    if (row->files_found == 0)
        return;
    buf_printf(out, "%lld of %lld", (long long)row->files_transferred, (long long)row->files_found);
}

static bool add_row(void *context, const struct instance_row *row)
{
    struct table *table = context;
    char time[CLOCK_TEXT_SIZE], duration[DURATION_TEXT_SIZE];
    struct buf files;
    buf_init(&files, 64);
    format_files(row, &files);
    table_add(table, row->id);
    table_add(table, row->flow);
    table_add(table, row->state);
    table_printf(table, "%.16sZ", clock_format_ms(row->started_ms, time));
    table_add(table, row->finished_ms ? print_duration(row->finished_ms - row->started_ms, duration)
                                      : NULL);
    table_add(table, buf_text(&files));
    table_add(table, row->fault_title ? row->fault_title : row->fault_code);
    buf_release(&files);
    return true;
}

static bool print_rows(struct cli *cli, struct store *store, const struct store_filter *filter,
                       struct error *err)
{
    static const char *const heads[] = {"INSTANCE", "FLOW",  "STATE", "STARTED",
                                        "DURATION", "FILES", "FAULT"};
    struct table table;
    table_init(&table, sizeof heads / sizeof heads[0]);
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++)
        table_add(&table, heads[i]);
    bool ok = store_instances(store, filter, add_row, &table, err);
    if (ok && table.cell_count == table.column_count)
        fputs("no instances\n", cli->out);
    else if (ok)
        table_print(&table, cli->out);
    table_release(&table);
    return ok;
}

static bool write_row(void *context, const struct instance_row *row)
{
    instance_write(context, NULL, row);
    return true;
}

static bool write_rows(struct cli *cli, struct store *store, const struct store_filter *filter,
                       struct error *err)
{
    struct document document;
    document_init(&document);
    document_open(&document, NULL, '{');
    document_open(&document, "instances", '[');
    bool ok = store_instances(store, filter, write_row, &document, err);
    document_close(&document, ']');
    document_close(&document, '}');
    if (ok)
        document_finish(&document, cli->out);
    buf_release(&document.text);
    return ok;
}

static bool print_from(struct cli *cli, struct store *store, const struct store_filter *filter,
                       struct error *err)
{
    return cli->json ? write_rows(cli, store, filter, err) : print_rows(cli, store, filter, err);
}

/* With --flow the flows are read as well. Takes ownership of workspace. */
static bool list_of_flow(struct cli *cli, struct workspace *workspace, struct store_filter *filter,
                         struct error *err)
{
    struct service *service = NULL;
    bool ok = service_open(&service, workspace, err) && instances_find_flow(service, filter, err) &&
              print_from(cli, service_store(service), filter, err);
    service_close(service);
    return ok;
}

/* Takes ownership of workspace. */
static bool list(struct cli *cli, struct workspace *workspace, const struct store_filter *filter,
                 struct error *err)
{
    struct store *store = NULL;
    bool ok = store_open(&store, workspace->store_file, err) && print_from(cli, store, filter, err);
    store_close(store);
    workspace_close(workspace);
    return ok;
}

static int run(struct cli *cli, const struct arguments *arguments)
{
    struct workspace *workspace = NULL;
    struct store_filter filter = {0};
    struct error err = {0};
    if (!instances_filter(arguments, &filter, &err))
        return cli_usage(cli, &cmd_instances, "%s", err.message);
    bool ok = cli_open_recorded(cli, &workspace, &err) &&
              (filter.flow ? list_of_flow(cli, workspace, &filter, &err)
                           : list(cli, workspace, &filter, &err));
    if (!ok)
        return cli_fail(cli, cli_status_of(&err), &err);
    return EXIT_DONE;
}

static const struct option_spec options[] = {
    {"flow", 0, "FLOW", "Only of this flow (identifier, alias or folder name)."},
    {"state", 0, "STATE", "Only in this state: in_progress, completed, failed, aborted."},
    {"since", 0, "TIME", "Started at or after TIME: 90m, 12h, 7d ago, or a date and time in UTC."},
    {"until", 0, "TIME", "Started at or before TIME."},
    {"tracking", 0, "VALUE", "With this tracking value, such as a file name."},
    {"trace", 0, "ID", "Of this distributed trace; with --all its called ones, too."},
    {"parent", 0, "ID", "Called by this instance (its full id)."},
    {"all", 'a', NULL, "With the instances that other flows called."},
    {"limit", 'n', "N", "At most N of them, newest first. Default: 20; 0: no limit."},
    {"offset", 0, "N", "Leaves out the newest N."},
};

const struct command cmd_instances = {
    .name = "instances",
    .summary = "lists what ran, newest first",
    .synopsis = "instances [OPTION]...",
    .description =
        "Lists the executions of flows: id, flow, state, start (UTC), duration, files transferred of "
        "files found, and what went wrong. Instances of a process that was killed are shown as "
        "ABORTED. 'sluice show ID' tells all about one.",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .json = "{\"instances\": [{\"id\", \"flow\", \"name\", \"version\", \"state\", \"trigger\", "
            "\"invoked_by\", \"parent\", \"started\", \"finished\", \"duration_ms\", \"exit_status\", "
            "\"response_status\", \"files\": {\"found\", \"transferred\", \"not_transferred\", "
            "\"postponed\"}, \"fault\": null | {\"code\", \"title\", \"detail\"}, \"cpu_us\", "
            "\"memory_bytes\", \"import_calls\", \"module_digest\", \"parameters\": text, "
            "\"trace\", \"span\", \"parent_span\", \"filters\": text}]}",
    .exit_status = "0  done\n2  unknown flow, state or time",
    .files = "state/sluice.db",
    .examples = " sluice instances --state failed --since 7d\n"
                " sluice instances --tracking C1-DCTEX_0001.csv --all",
    .run = run,
};
