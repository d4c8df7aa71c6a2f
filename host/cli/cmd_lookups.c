/* SPDX-License-Identifier: MIT */
/* sluice lookups: list, get, set, import, export. */
#include <stdlib.h>
#include <string.h>

#include "base/document.h"
#include "base/file.h"
#include "base/text.h"
#include "cli/action.h"
#include "cli/cli.h"
#include "cli/print.h"
#include "workspace/properties.h"
#include "workspace/workspace.h"

struct call {
    struct cli *cli;
    struct workspace *workspace;
    const struct arguments *arguments;
    const struct lookup *lookup; /* the one named by the second word, if any */
};

static int fail(const struct call *call, const struct error *err)
{
    return cli_fail(call->cli, cli_status_of(err), err);
}

/* ---- list -------------------------------------------------------------------------------------- */

static int list_lookups(const struct call *call)
{
    struct table table;
    table_init(&table, 2);
    table_add(&table, "LOOKUP");
    table_add(&table, "PROPERTIES");
    for (size_t i = 0; i < call->workspace->snapshot->lookup_count; i++) {
        table_add(&table, call->workspace->snapshot->lookups[i].name);
        table_printf(&table, "%zu", call->workspace->snapshot->lookups[i].row_count);
    }
    table_print(&table, call->cli->out);
    table_release(&table);
    return EXIT_DONE;
}

static int list_rows(const struct call *call)
{
    struct table table;
    table_init(&table, 2);
    table_add(&table, call->lookup->key_column);
    table_add(&table, call->lookup->value_column);
    for (size_t i = 0; i < call->lookup->row_count; i++) {
        table_add(&table, call->lookup->rows[i].key);
        table_add(&table, call->lookup->rows[i].value);
    }
    table_print(&table, call->cli->out);
    table_release(&table);
    return EXIT_DONE;
}

static int list_document(const struct call *call)
{
    struct document document;
    document_init(&document);
    document_open(&document, NULL, '{');
    document_open(&document, "lookups", '[');
    for (size_t i = 0; i < call->workspace->snapshot->lookup_count; i++) {
        const struct lookup *lookup = &call->workspace->snapshot->lookups[i];
        if (call->lookup && call->lookup != lookup)
            continue;
        document_open(&document, NULL, '{');
        document_text(&document, "name", lookup->name);
        document_open(&document, "rows", '[');
        for (size_t j = 0; j < lookup->row_count; j++) {
            document_open(&document, NULL, '{');
            document_text(&document, "key", lookup->rows[j].key);
            document_text(&document, "value", lookup->rows[j].value);
            document_close(&document, '}');
        }
        document_close(&document, ']');
        document_close(&document, '}');
    }
    document_close(&document, ']');
    document_close(&document, '}');
    document_finish(&document, call->cli->out);
    return EXIT_DONE;
}

static int run_list(const struct call *call)
{
    if (call->cli->json)
        return list_document(call);
    return call->lookup ? list_rows(call) : list_lookups(call);
}

/* ---- get and set ------------------------------------------------------------------------------- */

#define NAMES_MAX (LOOKUP_ROWS_MAX + 64)

/* ERROR_NOT_FOUND with the nearest of the lookup's rows and, for set, of the known properties. */
static bool no_property(const struct lookup *lookup, const char *name, bool with_known,
                        struct error *err)
{
    const char **names = calloc(NAMES_MAX, sizeof *names);
    size_t count = 0;
    for (size_t i = 0; names && i < lookup->row_count; i++)
        names[count++] = lookup->rows[i].key;
    for (size_t i = 0; names && with_known && i < property_count && count < NAMES_MAX; i++)
        if (strcmp(properties[i].lookup, lookup->name) == 0)
            names[count++] = properties[i].name;
    const char *nearest = names ? text_nearest(name, names, count) : NULL;
    error_set(err, ERROR_NOT_FOUND, "lookup '%s' has no property '%.160s'%s%s%s%s", lookup->name,
              name, nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "",
              with_known ? " (--new adds one)" : "");
    free(names);
    return false;
}

static int print_value(const struct call *call, const char *name, const char *value)
{
    struct document document;
    document_init(&document);
    document_open(&document, NULL, '{');
    document_text(&document, "property", name);
    document_text(&document, "value", value);
    document_close(&document, '}');
    document_finish(&document, call->cli->out);
    return EXIT_DONE;
}

static int run_get(const struct call *call)
{
    struct error err = {0};
    const char *name = call->arguments->words[2];
    const char *value = lookup_get(call->lookup, name);
    if (!value) {
        no_property(call->lookup, name, false, &err);
        return fail(call, &err);
    }
    if (call->cli->json)
        return print_value(call, name, value);
    print_text(call->cli->out, value);
    fputc('\n', call->cli->out);
    return EXIT_DONE;
}

static int run_set(const struct call *call)
{
    struct error err = {0};
    struct lookup *lookup = (struct lookup *)(uintptr_t)call->lookup; /* of our own workspace */
    const char *name = call->arguments->words[2], *value = call->arguments->words[3];
    bool known = lookup_get(lookup, name) || property_find(lookup->name, name) ||
                 option_given(call->arguments, "new");
    bool ok = (known || no_property(lookup, name, true, &err)) &&
              property_check(lookup->name, name, value, &err) && lookup_set(lookup, name, value, &err) &&
              workspace_put_lookup(call->workspace, lookup, LOOKUP_ANY, &err);
    if (!ok)
        return fail(call, &err);
    if (call->cli->json)
        return print_value(call, name, value);
    print_text(call->cli->out, name);
    fputs(" = ", call->cli->out);
    print_text(call->cli->out, value);
    fputc('\n', call->cli->out);
    return EXIT_DONE;
}

/* ---- import and export ------------------------------------------------------------------------- */

/* "OUTL-X.csv" -> "OUTL-X". */
static void name_from_path(const char *path, char *name, size_t size)
{
    const char *slash = strrchr(path, '/');
    snprintf(name, size, "%s", slash ? slash + 1 : path);
    size_t length = strlen(name);
    if (length > 4 && strcmp(name + length - 4, ".csv") == 0)
        name[length - 4] = '\0';
}

static int run_import(const struct call *call)
{
    struct error err = {0};
    struct lookup lookup = {0};
    struct buf text;
    char name[256];
    const char *path = call->arguments->words[1];
    const char *given = option_value(call->arguments, "name");
    name_from_path(given ? given : path, name, sizeof name);
    buf_init(&text, LOOKUP_SIZE_MAX);
    bool is_new = option_given(call->arguments, "new");
    bool is_there = is_new || workspace_lookup(call->workspace, name, &err) ||
                    error_context(&err, "--new adds a lookup; otherwise give --name");
    bool ok = is_there && file_read(path, &text, &err) &&
              lookup_parse(&lookup, name, buf_text(&text), text.size, path, &err) &&
              property_check_all(&lookup, &err) &&
              workspace_put_lookup(call->workspace, &lookup, LOOKUP_ANY, &err);
    size_t rows = lookup.row_count;
    lookup_release(&lookup);
    buf_release(&text);
    if (!ok)
        return fail(call, &err);
    if (call->cli->json)
        fprintf(call->cli->out, "{\"rows\": %zu}\n", rows);
    else
        fprintf(call->cli->out, "%zu properties imported into lookup '%s'\n", rows, name);
    return EXIT_DONE;
}

static int run_export(const struct call *call)
{
    struct error err = {0};
    struct buf text;
    const char *path = call->arguments->word_count > 2 ? call->arguments->words[2] : "-";
    bool ok = true;
    buf_init(&text, 2 * LOOKUP_SIZE_MAX);
    lookup_format(call->lookup, &text);
    if (strcmp(path, "-") == 0)
        fwrite(buf_text(&text), 1, text.size, call->cli->out);
    else if (file_exists(path) && !option_given(call->arguments, "force"))
        ok = error_set(&err, ERROR_INVALID, "'%s' exists; --force replaces it", path);
    else
        ok = file_write(path, buf_text(&text), text.size, 0644, &err);
    buf_release(&text);
    return ok ? EXIT_DONE : fail(call, &err);
}

/* ---- dispatch ---------------------------------------------------------------------------------- */

static const struct {
    struct action action;
    bool names_lookup; /* the word behind it, if given, is a lookup */
    int (*run)(const struct call *call);
} actions[] = {
    {{"list", "list [LOOKUP]", 0, 1}, true, run_list},
    {{"get", "get LOOKUP PROPERTY", 2, 2}, true, run_get},
    {{"set", "set [--new] LOOKUP PROPERTY VALUE", 3, 3}, true, run_set},
    {{"import", "import [--name LOOKUP] [--new] FILE", 1, 1}, false, run_import},
    {{"export", "export [--force] LOOKUP [FILE]", 1, 2}, true, run_export},
};

#define ACTION_COUNT (sizeof actions / sizeof actions[0])

static int run(struct cli *cli, const struct arguments *arguments)
{
    struct call call = {.cli = cli, .arguments = arguments};
    struct error err = {0};
    size_t index = action_find(cli, &cmd_lookups, arguments, actions, sizeof actions[0], ACTION_COUNT);
    if (index == ACTION_COUNT)
        return EXIT_USAGE;
    if (!cli_open_workspace(cli, &call.workspace, &err))
        return cli_fail(cli, cli_status_of(&err), &err);
    int status = EXIT_DONE;
    if (actions[index].names_lookup && arguments->word_count > 1) {
        call.lookup = workspace_lookup(call.workspace, arguments->words[1], &err);
        if (!call.lookup)
            status = fail(&call, &err);
    }
    if (status == EXIT_DONE)
        status = actions[index].run(&call);
    workspace_close(call.workspace);
    return status;
}

static const struct option_spec options[] = {
    {"new", 0, NULL, "set: adds a property that no flow of the integration knows. import: adds a "
                     "lookup."},
    {"name", 0, "LOOKUP", "import: the lookup to replace. Default: the file's name without .csv."},
    {"force", 0, NULL, "export: replaces FILE."},
};

const struct command cmd_lookups = {
    .name = "lookups",
    .summary = "lists, reads and changes the lookups",
    .synopsis = "lookups [list [LOOKUP]]\nlookups get LOOKUP PROPERTY\n"
                "lookups set [--new] LOOKUP PROPERTY VALUE\n"
                "lookups import [--name LOOKUP] [--new] FILE\n"
                "lookups export [--force] LOOKUP [FILE]",
    .description =
        "Lookups are the tables of properties that the flows read: "
        "OUTL-BRT-CCS_DACS_ConfigProps and OUTL-BRT-CCS_DACS_Email_ID. In property names case and "
        "punctuation do not count: to.ProcessNotification is to.process.notification.\n\n"
        "'import' replaces a lookup by a CSV file (header and rows, with or without a line that "
        "names the lookup before them). 'export' writes CSV to FILE or to standard output. Values of "
        "known properties are checked before anything is written. 'sluice run' and the next start see "
        "a change at once, a running 'sluice serve' when it is sent SIGHUP.",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .json = "list: {\"lookups\": [{\"name\", \"rows\": [{\"key\", \"value\"}]}]}\n"
            "get, set: {\"property\", \"value\"}\nimport: {\"rows\": number}\n"
            "export: the CSV, as without --json",
    .exit_status = "0  done\n2  unknown lookup or property, malformed value or file",
    .files = "lookups/*.csv",
    .examples = " sluice lookups list OUTL-BRT-CCS_DACS_ConfigProps\n"
                " sluice lookups set OUTL-BRT-CCS_DACS_ConfigProps dacs.file.target.transfer.pref os\n"
                " sluice lookups export OUTL-BRT-CCS_DACS_Email_ID > email.csv",
    .words_max = 4,
    .run = run,
};
