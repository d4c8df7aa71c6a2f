/* SPDX-License-Identifier: MIT */
/* sluice customize: list, verify, add, remove, rollback; test and new are in files of their own. */
#include "cli/action.h"
#include "cli/customize.h"

#include <stdlib.h>
#include <string.h>

#include "base/document.h"
#include "base/text.h"
#include "cli/print.h"

static int fail(struct customize_call *call, const struct error *err)
{
    return cli_fail(call->cli, err->kind == ERROR_FILTER ? EXIT_FAILED : cli_status_of(err), err);
}

/* ---- list and verify ------------------------------------------------------------------------------- */

struct listing {
    struct customize_call *call;
    struct table table;
    struct document document;
    size_t count, problems;
};

static void add_row(struct listing *listing, const struct customise_entry *entry)
{
    char text[ERROR_MESSAGE_SIZE];
    struct table *table = &listing->table;
    table_add(table, entry->flow);
    table_add(table, entry->point);
    table_add(table, entry->name);
    if (entry->version)
        table_printf(table, "%u of %u", entry->version, entry->version_count);
    else
        table_add(table, "by hand");
    table_printf(table, "%.12s", entry->digest);
    snprintf(text, sizeof text, "signed by %s", entry->signer);
    table_add(table, entry->problem ? entry->problem : entry->signer[0] ? text : "not signed");
}

static void add_entry(void *context, const struct customise_entry *entry)
{
    struct listing *listing = context;
    struct document *document = &listing->document;
    listing->count++;
    listing->problems += entry->problem != NULL;
    add_row(listing, entry);
    document_open(document, NULL, '{');
    document_text(document, "flow", entry->flow);
    document_text(document, "point", entry->point);
    document_text(document, "file", entry->name);
    document_text(document, "digest", entry->digest);
    document_text(document, "signer", entry->signer[0] ? entry->signer : NULL);
    document_number(document, "version", entry->version);
    document_number(document, "versions", entry->version_count);
    document_text(document, "problem", entry->problem);
    document_close(document, '}');
}

/* Of one flow, or of all; versions of a flow share its folder. */
static bool list_flows(struct listing *listing, const char *flow, struct error *err)
{
    struct customise *customise = listing->call->customise;
    if (flow)
        return customise_list(customise, flow, add_entry, listing, err);
    for (size_t i = 0; i < customise_flow_count(customise); i++) {
        const char *identifier = customise_flow_at(customise, i)->identifier;
        bool is_new = i == 0 ||
                      strcmp(customise_flow_at(customise, i - 1)->identifier, identifier) != 0;
        if (is_new && !customise_list(customise, identifier, add_entry, listing, err))
            return false;
    }
    return true;
}

static int list(struct customize_call *call, bool fails_on_problems)
{
    struct error err = {0};
    struct listing listing = {.call = call};
    static const char *const heads[] = {"FLOW", "POINT", "FILE", "VERSION", "SHA-256", "STATE"};
    table_init(&listing.table, sizeof heads / sizeof heads[0]);
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++)
        table_add(&listing.table, heads[i]);
    document_init(&listing.document);
    document_open(&listing.document, NULL, '{');
    document_open(&listing.document, "customisations", '[');
    bool ok = list_flows(&listing, call->words[0], &err);
    document_close(&listing.document, ']');
    document_close(&listing.document, '}');
    if (ok && call->cli->json)
        document_finish(&listing.document, call->cli->out);
    else
        buf_release(&listing.document.text);
    if (ok && !call->cli->json && listing.count > 0)
        table_print(&listing.table, call->cli->out);
    else if (ok && !call->cli->json)
        fputs("no customisations\n", call->cli->out);
    table_release(&listing.table);
    if (!ok)
        return fail(call, &err);
    return fails_on_problems && listing.problems > 0 ? EXIT_FAILED : EXIT_DONE;
}

static int run_list(struct customize_call *call)
{
    return list(call, false);
}

static int run_verify(struct customize_call *call)
{
    return list(call, true);
}

/* ---- changes --------------------------------------------------------------------------------------- */

static int tell(const struct customize_call *call, const char *what, const char *name,
                unsigned version)
{
    if (call->cli->json) {
        struct document document;
        document_init(&document);
        document_open(&document, NULL, '{');
        document_text(&document, "file", name);
        document_number(&document, "version", version);
        document_close(&document, '}');
        document_finish(&document, call->cli->out);
    } else if (version) {
        fprintf(call->cli->out, "%s %s, version %u; the next execution uses it\n", what, name, version);
    } else {
        fprintf(call->cli->out, "%s %s; its versions are kept\n", what, name);
    }
    return EXIT_DONE;
}

static int run_add(struct customize_call *call)
{
    unsigned version = 0;
    struct error err = {0};
    char name[CUSTOMISATION_NAME_SIZE_MAX + 1];
    if (!customise_add(call->customise, call->words[0], call->words[1],
                       option_value(call->arguments, "label"), call->words[2], name, &version, &err))
        return fail(call, &err);
    return tell(call, "added", name, version);
}

static int run_remove(struct customize_call *call)
{
    struct error err = {0};
    char name[CUSTOMISATION_NAME_SIZE_MAX + 1];
    if (!customise_remove(call->customise, call->words[0], call->words[1], name, &err))
        return fail(call, &err);
    return tell(call, "removed", name, 0);
}

static int run_rollback(struct customize_call *call)
{
    struct error err = {0};
    int64_t to = 0;
    unsigned version = 0;
    if (!option_count(call->arguments, "to", &to, &err))
        return cli_usage(call->cli, &cmd_customize, "%s", err.message);
    if (!customise_roll_back(call->customise, call->words[0], call->words[1], (unsigned)to, &version,
                             &err))
        return fail(call, &err);
    return tell(call, "rolled back", call->words[1], version);
}

/* ---- dispatch --------------------------------------------------------------------------------------- */

static const struct {
    struct action action;
    int (*run)(struct customize_call *call);
} actions[] = {
    {{"list", "list [FLOW]", 0, 1}, run_list},
    {{"verify", "verify [FLOW]", 0, 1}, run_verify},
    {{"add", "add [--label LABEL] FLOW POINT FILE", 3, 3}, run_add},
    {{"remove", "remove FLOW FILE|POINT", 2, 2}, run_remove},
    {{"rollback", "rollback [--to N] FLOW FILE|POINT", 2, 2}, run_rollback},
    {{"test", "test FLOW POINT [FILE] --message FILE|--instance ID", 2, 3}, customize_test},
    {{"new", "new FLOW POINT [FOLDER] [--lang LANGUAGE]", 2, 3}, customize_new},
};
#define ACTION_COUNT (sizeof actions / sizeof actions[0])

static int run(struct cli *cli, const struct arguments *arguments)
{
    struct error err = {0};
    struct workspace *workspace = NULL;
    size_t index = action_find(cli, &cmd_customize, arguments, actions, sizeof actions[0], ACTION_COUNT);
    if (index == ACTION_COUNT)
        return EXIT_USAGE;
    struct customize_call call = {.cli = cli, .arguments = arguments};
    for (size_t i = 1; i < arguments->word_count; i++)
        call.words[i - 1] = arguments->words[i];
    if (!cli_open_workspace(cli, &workspace, &err))
        return cli_fail(cli, cli_status_of(&err), &err);
    call.workspace = workspace;
    int status = customise_open(&call.customise, workspace, &err)
                     ? actions[index].run(&call)
                     : cli_fail(cli, cli_status_of(&err), &err);
    customise_close(call.customise);
    workspace_close(workspace);
    return status;
}

static const struct option_spec options[] = {
    {"label", 0, "LABEL", "add: the program is one of several at the point, which run in the order of their "
                          "labels."},
    {"to", 0, "N", "rollback: to version N. Default: the one before that in place."},
    {"message", 0, "FILE", "test: what goes in."},
    {"instance", 0, "ID", "test: what went in when that instance ran, with tracing \"debug\"."},
    {"lang", 0, "LANGUAGE", "new: c, rust or assemblyscript. Default: c."},
};

const struct command cmd_customize = {
    .name = "customize",
    .summary = "puts customisations in place, tries them, takes them back",
    .synopsis = "customize [list [FLOW]]\ncustomize verify [FLOW]\n"
                "customize new FLOW POINT [FOLDER] [--lang LANGUAGE]\n"
                "customize test FLOW POINT [FILE] --message FILE|--instance ID\n"
                "customize add [--label LABEL] FLOW POINT FILE\ncustomize remove FLOW FILE|POINT\n"
                "customize rollback [--to N] FLOW FILE|POINT",
    .description =
        "A customisation is a program (a WASI module) or a mapping at an extension point of a flow: "
        "docs/customise.md tells which points there are and what they get and give.\n\n"
        "'new' writes a folder with a program to begin with, which `make` builds. 'test' runs FILE, or "
        "what is in place at the point, on a message and shows the difference. 'add' checks signature and "
        "form and puts the file in place; 'remove' takes one away, 'rollback' puts the version before it "
        "back: every version is kept. 'list' tells what is in place, 'verify' does and fails if some of it "
        "cannot run. Changes are seen by the next execution, also in a running 'sluice serve'.",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .json = "list, verify: {\"customisations\": [{\"flow\", \"point\", \"file\", \"digest\", \"signer\", "
            "\"version\", \"versions\", \"problem\"}]}\nadd, remove, rollback: {\"file\", \"version\"}\n"
            "test: {\"output\": text, \"changed\", \"log\": [text]}\nnew: {\"folder\"}",
    .exit_status = "0  done\n1  the customisation failed; verify: one cannot run\n2  unknown flow, point or "
                   "version; refused file",
    .files = "customizations/<FLOW-ID>/, trusted_keys/*.pem",
    .examples = " sluice customize new OUTL-BA-DACS_CCS_CUST_SYNC_ACK message\n"
                " sluice customize test OUTL-BA-DACS_CCS_CUST_SYNC_ACK message message.wasm --message m.json\n"
                " sluice customize add OUTL-BA-DACS_CCS_CUST_SYNC_ACK message message.wasm\n"
                " sluice customize rollback OUTL-BA-DACS_CCS_CUST_SYNC_ACK message",
    .words_max = 4,
    .run = run,
};
