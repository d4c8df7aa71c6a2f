/* SPDX-License-Identifier: MIT */
/* sluice unmarked: files that arrived and are not marked at their source; let them be forgotten. */
#include <string.h>

#include "base/document.h"
#include "capability/folder.h"
#include "capability/unmarked.h"
#include "cli/cli.h"
#include "cli/print.h"
#include "workspace/workspace.h"

/* ---- list -------------------------------------------------------------------------------------- */

static bool add_row(void *context, const struct unmarked_file *file)
{
    struct table *table = context;
    table_add(table, file->connection);
    table_add(table, file->folder);
    table_add(table, file->name);
    table_printf(table, "%llu", (unsigned long long)file->size);
    table_add(table, file->to_connection);
    table_add(table, file->to_folder);
    table_add(table, file->to_name);
    return true;
}

static bool list_text(struct cli *cli, struct store *store, struct error *err)
{
    static const char *const heads[] = {"CONNECTION", "FOLDER", "FILE", "BYTES", "SENT-TO",
                                        "TO-FOLDER", "AS"};
    const size_t columns = sizeof heads / sizeof heads[0];
    struct table table;
    table_init(&table, columns);
    for (size_t i = 0; i < columns; i++)
        table_add(&table, heads[i]);
    bool ok = unmarked_list(store, add_row, &table, err);
    if (ok && table.cell_count == columns)
        fputs("every file that arrived is marked\n", cli->out);
    else if (ok)
        table_print(&table, cli->out);
    table_release(&table);
    return ok;
}

static bool write_row(void *context, const struct unmarked_file *file)
{
    struct document *document = context;
    document_open(document, NULL, '{');
    document_text(document, "connection", file->connection);
    document_text(document, "folder", file->folder);
    document_text(document, "file", file->name);
    document_number(document, "bytes", (int64_t)file->size);
    document_text(document, "sent_to", file->to_connection);
    document_text(document, "to_folder", file->to_folder);
    document_text(document, "as", file->to_name);
    document_text(document, "place", file->place);
    document_close(document, '}');
    return true;
}

static bool list_document(struct cli *cli, struct store *store, struct error *err)
{
    struct document document;
    document_init(&document);
    document_open(&document, NULL, '{');
    document_open(&document, "unmarked", '[');
    bool ok = unmarked_list(store, write_row, &document, err);
    document_close(&document, ']');
    document_close(&document, '}');
    if (ok)
        document_finish(&document, cli->out);
    buf_release(&document.text);
    return ok;
}

/* ---- forget ------------------------------------------------------------------------------------ */

struct forgetting {
    struct store *store;
    const struct arguments *arguments; /* "forget", connection, folder, file: what is not there is any */
    size_t count;
    struct error *err;
    bool ok;
};

static bool forget_row(void *context, const struct unmarked_file *file)
{
    struct forgetting *forgetting = context;
    const struct arguments *arguments = forgetting->arguments;
    const size_t count = arguments->word_count;
    if ((count > 1 && strcmp(arguments->words[1], file->connection) != 0) ||
        (count > 2 && !folder_is_same(arguments->words[2], file->folder)) ||
        (count > 3 && strcmp(arguments->words[3], file->name) != 0))
        return true;
    forgetting->ok = unmarked_forget(forgetting->store, file, forgetting->err);
    forgetting->count += forgetting->ok;
    return forgetting->ok;
}

static bool forget(struct cli *cli, struct store *store, const struct arguments *arguments,
                   struct error *err)
{
    struct forgetting forgetting = {.store = store, .arguments = arguments, .err = err, .ok = true};
    if (!unmarked_list(store, forget_row, &forgetting, err) || !forgetting.ok)
        return false;
    if (forgetting.count == 0)
        return error_set(err, ERROR_NOT_FOUND, "no such file is remembered: see sluice unmarked");
    fprintf(cli->out, cli->json ? "{\"forgotten\": %zu}\n" : "%zu forgotten\n", forgetting.count);
    return true;
}

static int run(struct cli *cli, const struct arguments *arguments)
{
    struct workspace *workspace = NULL;
    struct store *store = NULL;
    struct error err = {0};
    const char *action = arguments->word_count ? arguments->words[0] : "list";
    bool is_list = strcmp(action, "list") == 0;
    if ((!is_list && strcmp(action, "forget") != 0) || (is_list && arguments->word_count > 1))
        return cli_usage(cli, &cmd_unmarked,
                         "'unmarked' takes 'list' or 'forget CONNECTION [FOLDER [FILE]]', not '%s'",
                         is_list ? arguments->words[1] : action);
    if (!is_list && arguments->word_count == 1)
        return cli_usage(cli, &cmd_unmarked, "'unmarked forget' needs a connection");
    bool ok = cli_open_recorded(cli, &workspace, &err) &&
              store_open(&store, workspace->store_file, &err) &&
              (!is_list    ? forget(cli, store, arguments, &err)
               : cli->json ? list_document(cli, store, &err)
                           : list_text(cli, store, &err));
    store_close(store);
    workspace_close(workspace);
    return ok ? EXIT_DONE : cli_fail(cli, cli_status_of(&err), &err);
}

const struct command cmd_unmarked = {
    .name = "unmarked",
    .summary = "shows files that arrived and are not marked at their source",
    .synopsis = "unmarked [list]\nunmarked forget CONNECTION [FOLDER [FILE]]",
    .description =
        "A file that arrived is renamed at its source, so that no run sends it again. Where that "
        "fails, it is remembered by place, name and version, and a run that finds it again only "
        "renames it. A run that cannot do that safely says that it is still there, and why: the server tells "
        "no times, the connection points to another place since, or the file would get another name at the "
        "target. It is forgotten when it is renamed, or when its folder is listed at that place and it is "
        "gone or has another size. At most 4,096 are remembered; then flows are told that nothing more can "
        "be sent, until files are renamed or removed at their source or 'forget' is used.\n\n"
        "'forget' lets all of a connection, a folder or one file be forgotten: those that are still "
        "there under their old names are sent once more.",
    .json = "list: {\"unmarked\": [{\"connection\", \"folder\", \"file\", \"bytes\", \"sent_to\", "
            "\"to_folder\", \"as\", \"place\"}]}\nforget: {\"forgotten\"}",
    .exit_status = "0  done\n2  no such file is remembered",
    .files = "state/sluice.db",
    .examples = " sluice unmarked\n sluice unmarked forget \"OU FTP CCS for CCS-DACS\" /upload",
    .words_max = 4,
    .run = run,
};
