/* SPDX-License-Identifier: MIT */
/* sluice activate, sluice deactivate: which flows run, and how much of it is recorded. */
#include "base/document.h"
#include "cli/cli.h"
#include "cli/print.h"
#include "flow/activation.h"

/* Where the reasons against an activation go. */
struct problems {
    struct cli *cli;
    struct document document;
    size_t count;
};

static void take_problem(void *context, const char *connection, const struct error *why)
{
    struct problems *problems = context;
    problems->count++;
    document_open(&problems->document, NULL, '{');
    document_text(&problems->document, "connection", connection);
    document_text(&problems->document, "message", why->message);
    document_close(&problems->document, '}');
    if (problems->cli->json)
        return;
    fputs("not usable  ", problems->cli->err);
    print_text(problems->cli->err, connection);
    fputs("\n            ", problems->cli->err);
    print_text(problems->cli->err, why->message);
    fputc('\n', problems->cli->err);
}

static void begin_document(struct document *document, const struct manifest *manifest)
{
    document_init(document);
    document_open(document, NULL, '{');
    document_text(document, "flow", manifest->identifier);
    document_text(document, "version", manifest->version);
}

static int tell(struct cli *cli, const struct service *service, size_t index)
{
    const struct manifest *manifest = service_manifest(service, index);
    struct activation activation;
    struct document document;
    struct error err = {0};
    if (!activation_get(service, index, &activation, &err))
        return cli_fail(cli, cli_status_of(&err), &err);
    if (!cli->json) {
        print_text(cli->out, manifest->identifier);
        fprintf(cli->out, " %s: %s, tracing %s\n", manifest->version,
                activation.is_active ? "active" : "not active", tracing_names[activation.tracing]);
        return EXIT_DONE;
    }
    begin_document(&document, manifest);
    document_text(&document, "status", activation_status_name(activation.is_active));
    document_text(&document, "tracing", tracing_names[activation.tracing]);
    document_close(&document, '}');
    document_finish(&document, cli->out);
    return EXIT_DONE;
}

/* ---- activate ---------------------------------------------------------------------------------- */

static int refuse(struct problems *problems, const struct service *service, size_t index,
                  const struct error *err)
{
    struct document document;
    struct buf list;
    if (!problems->cli->json || problems->count == 0)
        return cli_fail(problems->cli, cli_status_of(err), err);
    buf_init(&list, problems->document.text.size_max);
    document_close(&problems->document, ']');
    document_move(&problems->document, &list);
    begin_document(&document, service_manifest(service, index));
    document_json(&document, "problems", buf_text(&list));
    document_open(&document, "error", '{');
    document_text(&document, "kind", error_kind_name(err->kind));
    document_text(&document, "message", err->message);
    document_number(&document, "exit_status", EXIT_FAILED);
    document_close(&document, '}');
    document_close(&document, '}');
    document_finish(&document, problems->cli->out);
    buf_release(&list);
    return EXIT_FAILED;
}

static int activate(struct cli *cli, struct service *service, size_t index,
                    const enum tracing *tracing)
{
    struct problems problems = {.cli = cli};
    struct error err = {0};
    document_init(&problems.document);
    document_open(&problems.document, NULL, '[');
    struct activation now;
    bool ok = activation_get(service, index, &now, &err);
    if (ok && !(now.is_active && now.is_decided))
        ok = activation_activate(service, index, tracing, cli_self(), take_problem, &problems, &err);
    else if (ok && tracing)
        ok = activation_set_tracing(service, index, *tracing, cli_self(), &err);
    int status = ok ? tell(cli, service, index) : refuse(&problems, service, index, &err);
    buf_release(&problems.document.text);
    return status;
}

static int run_activate(struct cli *cli, const struct arguments *arguments)
{
    struct workspace *workspace = NULL;
    struct service *service = NULL;
    struct error err = {0};
    enum tracing tracing = TRACING_PRODUCTION;
    size_t index = 0;
    const char *level = option_value(arguments, "tracing");
    if (level && !tracing_parse(level, &tracing, &err))
        return cli_usage(cli, &cmd_activate, "%s", err.message);
    bool ok = cli_open_recorded(cli, &workspace, &err) && service_open(&service, workspace, &err) &&
              service_find(service, arguments->words[0], &index, &err);
    int status = ok ? activate(cli, service, index, level ? &tracing : NULL)
                    : cli_fail(cli, cli_status_of(&err), &err);
    service_close(service);
    return status;
}

static const struct option_spec activate_options[] = {
    {"tracing", 0, "LEVEL", "How much of its executions is recorded: production, audit or debug. "
                            "Default: as it was; at first what \"tracing\" in sluice.json says."},
};

const struct command cmd_activate = {
    .name = "activate",
    .summary = "makes a flow run, once its connections work",
    .synopsis = "activate [--tracing LEVEL] FLOW",
    .description =
        "Activates FLOW (identifier, alias or folder name: the newest version; \"NAME|VERSION\": "
        "that one). Every connection that its manifest grants is tested first, as 'sluice "
        "connections test' does; while one is missing, disabled or not usable the flow is not "
        "activated, and each reason is told. The other versions of the same first two numbers are "
        "deactivated. A running server follows with its next request.\n\n"
        "Unless \"activation\" in sluice.json is \"explicit\", flows that nobody decided about "
        "are active. A flow that is not active does not run: not over HTTP (404), not by its "
        "schedule, not by hand, not as the child of another flow.\n\n"
        "With --tracing the level of a flow that is active already is changed for what begins "
        "from now on: production records outcome, files, what was asked of peers and the flow's "
        "own lines; audit also the parameters it read, the values it tracked, the answer it gave; "
        "debug every import call, and messages, requests and answers, which may hold customer "
        "data. Secrets are in none of them.",
    .options = activate_options,
    .option_count = sizeof activate_options / sizeof activate_options[0],
    .json = "{\"flow\", \"version\", \"status\": \"ACTIVATED\", \"tracing\"}\n"
            "refused: {\"flow\", \"version\", \"problems\": [{\"connection\", \"message\"}], \"error\"}",
    .exit_status = "0  the flow is active\n1  a connection is not usable: nothing was changed\n"
                   "2  unknown flow or level",
    .files = "state/sluice.db        the decision, and who took it",
    .examples = " sluice activate OUTL-BA-CCS_DACS_CUST_SYNC_FTP\n"
                " sluice activate --tracing debug customer_sync_ack",
    .words_min = 1,
    .words_max = 1,
    .run = run_activate,
};

/* ---- deactivate -------------------------------------------------------------------------------- */

static int run_deactivate(struct cli *cli, const struct arguments *arguments)
{
    struct workspace *workspace = NULL;
    struct service *service = NULL;
    struct error err = {0};
    size_t index = 0;
    bool ok = cli_open_recorded(cli, &workspace, &err) && service_open(&service, workspace, &err);
    if (ok && activation_find(service, arguments->words[0], &index, &err))
        ok = activation_deactivate(service, index, cli_self(), &err);
    else
        ok = ok && err.kind == ERROR_REFUSED; /* it is not active */
    int status = ok ? tell(cli, service, index) : cli_fail(cli, cli_status_of(&err), &err);
    service_close(service);
    return status;
}

const struct command cmd_deactivate = {
    .name = "deactivate",
    .summary = "keeps a flow from running",
    .synopsis = "deactivate FLOW",
    .description =
        "Deactivates FLOW (identifier or alias: the newest active version; folder name or "
        "\"NAME|VERSION\": that one). What runs is finished, nothing new begins; a running server "
        "follows with its next request. A flow whose schedule is started is not deactivated: "
        "'sluice schedules stop' first.",
    .json = "{\"flow\", \"version\", \"status\": \"CONFIGURED\", \"tracing\"}",
    .exit_status = "0  the flow is not active\n1  its schedule is started\n2  unknown flow",
    .files = "state/sluice.db        the decision, and who took it",
    .examples = " sluice deactivate OUTL-BA-CCS_DACS_CUST_SYNC_FTP",
    .words_min = 1,
    .words_max = 1,
    .run = run_deactivate,
};
