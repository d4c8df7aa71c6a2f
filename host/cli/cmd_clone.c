/* SPDX-License-Identifier: MIT */
/* sluice clone: an own flow from a base flow. */
#include "base/document.h"
#include "cli/cli.h"
#include "cli/print.h"
#include "flow/clone.h"

static void tell(struct cli *cli, const struct clone_request *request,
                 const struct clone_result *result)
{
    if (cli->json) {
        struct document document;
        document_init(&document);
        document_open(&document, NULL, '{');
        document_text(&document, "identifier", request->identifier);
        document_text(&document, "module", result->module);
        document_text(&document, "manifest", result->manifest);
        document_close(&document, '}');
        document_finish(&document, cli->out);
        return;
    }
    fputs("wrote ", cli->out);
    print_text(cli->out, result->module);
    fputs("\nTo change what it may touch, edit ", cli->out);
    print_text(cli->out, result->manifest);
    fprintf(cli->out, " and run\n  sluice clone --force --manifest FILE %s %s\n", request->flow,
            request->identifier);
}

static int run(struct cli *cli, const struct arguments *arguments)
{
    struct workspace *workspace = NULL;
    struct clone_result result;
    struct error err = {0};
    const struct clone_request request = {
        .flow = arguments->words[0],
        .identifier = arguments->words[1],
        .folder = arguments->word_count > 2 ? arguments->words[2] : NULL,
        .manifest = option_value(arguments, "manifest"),
        .replaces = option_given(arguments, "force"),
    };
    bool ok = cli_open_workspace(cli, &workspace, &err) &&
              clone_flow(workspace, &request, &result, &err);
    if (ok)
        tell(cli, &request, &result);
    workspace_close(workspace);
    return ok ? EXIT_DONE : cli_fail(cli, cli_status_of(&err), &err);
}

static const struct option_spec options[] = {
    {"manifest", 0, "FILE", "The manifest to put in, with NEW-ID as its identifier. Default: the base "
                            "flow's, with NEW-ID as its identifier and in its name."},
    {"force", 0, NULL, "Replaces a flow that was made so before."},
};

const struct command cmd_clone = {
    .name = "clone",
    .summary = "makes an own flow from a base flow",
    .synopsis = "clone [--manifest FILE] [--force] FLOW NEW-ID [FOLDER]",
    .description =
        "Writes the code of FLOW with a manifest of its own into the workspace's folder flows (or FOLDER), "
        "as a module and, to be read and edited, its manifest beside it. The workspace's own flows run beside "
        "the base flows: by hand, on a schedule, at an address of their own, with customisations of their "
        "own. Like customisations they must be signed, unless the setting allows unsigned ones. A newer base "
        "flow changes nothing about them: clone again.",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .json = "{\"identifier\", \"module\", \"manifest\"}",
    .exit_status = "0  done\n1  it is there already\n2  no such flow; the manifest is not usable",
    .files = "flows/*.wasm, flows/*.json",
    .examples = " sluice clone OUTL-BA-CCS_DACS_CUST_SYNC_FTP UTIL-CUST_SYNC_NIGHTLY",
    .words_min = 2,
    .words_max = 3,
    .run = run,
};
