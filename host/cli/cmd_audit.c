/* SPDX-License-Identifier: MIT */
/* sluice audit: who was refused, and who changed what. */
#include "base/clock.h"
#include "base/document.h"
#include "cli/cli.h"
#include "cli/print.h"
#include "store/store.h"
#include "workspace/workspace.h"

#define LIMIT_DEFAULT 50

static bool add_row(void *context, const struct audit_record *row)
{
    struct table *table = context;
    char time[CLOCK_TEXT_SIZE];
    table_printf(table, "%.19sZ", clock_format_ms(row->at_ms, time));
    table_add(table, row->actor[0] ? row->actor : NULL);
    table_add(table, row->address[0] ? row->address : NULL);
    table_add(table, row->action);
    table_add(table, row->outcome);
    table_add(table, row->subject[0] ? row->subject : NULL);
    table_add(table, row->detail);
    return true;
}

static bool print_rows(struct cli *cli, struct store *store, const struct audit_filter *filter,
                       struct error *err)
{
    static const char *const heads[] = {"AT",      "ACTOR",   "ADDRESS", "ACTION",
                                        "OUTCOME", "SUBJECT", "DETAIL"};
    struct table table;
    table_init(&table, sizeof heads / sizeof heads[0]);
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++)
        table_add(&table, heads[i]);
    bool ok = store_audits(store, filter, add_row, &table, err);
    if (ok && table.cell_count == table.column_count)
        fputs("no records\n", cli->out);
    else if (ok)
        table_print(&table, cli->out);
    table_release(&table);
    return ok;
}

static bool write_row(void *context, const struct audit_record *row)
{
    struct document *document = context;
    document_open(document, NULL, '{');
    document_time(document, "at", row->at_ms);
    document_text(document, "actor", row->actor);
    document_text(document, "address", row->address);
    document_text(document, "action", row->action);
    document_text(document, "outcome", row->outcome);
    document_text(document, "subject", row->subject);
    document_text(document, "detail", row->detail);
    document_close(document, '}');
    return true;
}

static bool write_rows(struct cli *cli, struct store *store, const struct audit_filter *filter,
                       struct error *err)
{
    struct document document;
    document_init(&document);
    document_open(&document, NULL, '{');
    document_open(&document, "records", '[');
    bool ok = store_audits(store, filter, write_row, &document, err);
    document_close(&document, ']');
    document_close(&document, '}');
    if (ok)
        ok = document_finish(&document, cli->out) || error_set(err, ERROR_LIMIT, "out of memory");
    buf_release(&document.text);
    return ok;
}

static bool read_filter(const struct arguments *arguments, struct audit_filter *filter,
                        struct error *err)
{
    *filter = (struct audit_filter){.limit = LIMIT_DEFAULT,
                                    .actor = option_value(arguments, "actor"),
                                    .action = option_value(arguments, "action")};
    return option_time(arguments, "since", &filter->from_ms, err) &&
           option_time(arguments, "until", &filter->to_ms, err) &&
           option_count(arguments, "limit", &filter->limit, err) &&
           option_count(arguments, "offset", &filter->offset, err);
}

static int run(struct cli *cli, const struct arguments *arguments)
{
    struct workspace *workspace = NULL;
    struct store *store = NULL;
    struct audit_filter filter;
    struct error err = {0};
    if (!read_filter(arguments, &filter, &err))
        return cli_usage(cli, &cmd_audit, "%s", err.message);
    bool ok = cli_open_recorded(cli, &workspace, &err) &&
              store_open(&store, workspace->store_file, &err) &&
              (cli->json ? write_rows : print_rows)(cli, store, &filter, &err);
    store_close(store);
    workspace_close(workspace);
    return ok ? EXIT_DONE : cli_fail(cli, cli_status_of(&err), &err);
}

static const struct option_spec options[] = {
    {"actor", 0, "NAME", "Of this user or client only; '' for those who gave no name."},
    {"action", 0, "ACTION", "Of this action only: call, users.add, users.remove, reload..."},
    {"since", 0, "TIME", "At or after TIME: 90m, 12h, 7d ago, or a date and time in UTC."},
    {"until", 0, "TIME", "At or before TIME."},
    {"limit", 'n', "N", "At most N of them, newest first. Default: 50; 0: no limit."},
    {"offset", 0, "N", "Leaves out the newest N."},
};

const struct command cmd_audit = {
    .name = "audit",
    .summary = "lists who was refused, and who changed what",
    .synopsis = "audit [OPTION]...",
    .description =
        "Lists the audit trail, newest first: callers that the server refused (action call), and "
        "changes with who made them. Of refusals the first of a caller for a reason is a record; "
        "those that follow within ten minutes are counted, and their number is one more record. 128 "
        "callers are told apart in that time, those beyond are counted together. Records are kept "
        "as long as instances (retention_days; sluice purge).",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .json = "{\"records\": [{\"at\", \"actor\", \"address\", \"action\", \"outcome\", \"subject\", "
            "\"detail\"}]}; actor and address are \"\" where there is none",
    .exit_status = "0  done, also if there are none\n2  usage or configuration",
    .files = "state/sluice.db",
    .examples = " sluice audit --since 24h\n sluice audit --action call --actor dacs --json",
    .run = run,
};
