/* SPDX-License-Identifier: MIT */
/* sluice connections: the list, and the test of each, step by step. */
#include <stdlib.h>
#include <string.h>

#include "base/document.h"
#include "cli/cli.h"
#include "cli/print.h"
#include "transfer/transfer.h"
#include "workspace/workspace.h"

static void format_address(const struct connection *connection, struct buf *out)
{
    if (connection->url)
        buf_append_text(out, connection->url);
    else if (connection->host)
        buf_printf(out, "%s:%u", connection->host, connection->port);
}

static const char *security_of(const struct connection *connection)
{
    static const char *const words[] = {"plain", "explicit TLS", "TLS"};
    if (connection->type == CONNECTION_SFTP)
        return "SSH";
    if (connection->type == CONNECTION_LOCAL)
        return "";
    if (connection->tls != TLS_NONE && !connection->tls_verify)
        return "TLS, not verified";
    return words[connection->tls];
}

static void list_text(struct cli *cli, const struct workspace *workspace)
{
    struct table table;
    table_init(&table, 5);
    table_add(&table, "NAME");
    table_add(&table, "TYPE");
    table_add(&table, "STATE");
    table_add(&table, "SECURITY");
    table_add(&table, "ADDRESS");
    for (size_t i = 0; i < workspace->snapshot->connection_count; i++) {
        const struct connection *connection = &workspace->snapshot->connections[i];
        struct buf address;
        buf_init(&address, TABLE_CELL_SIZE_MAX);
        format_address(connection, &address);
        table_add(&table, connection->name);
        table_add(&table, connection_type_name(connection->type));
        table_add(&table, connection->disabled ? "disabled" : "enabled");
        table_add(&table, security_of(connection));
        table_add(&table, buf_text(&address));
        buf_release(&address);
    }
    table_print(&table, cli->out);
    table_release(&table);
}

static void list_document(struct cli *cli, const struct workspace *workspace)
{
    struct document document;
    document_init(&document);
    document_open(&document, NULL, '{');
    document_open(&document, "connections", '[');
    for (size_t i = 0; i < workspace->snapshot->connection_count; i++) {
        const struct connection *connection = &workspace->snapshot->connections[i];
        struct buf address;
        buf_init(&address, TABLE_CELL_SIZE_MAX);
        format_address(connection, &address);
        document_open(&document, NULL, '{');
        document_text(&document, "name", connection->name);
        document_text(&document, "type", connection_type_name(connection->type));
        document_text(&document, "address", buf_text(&address));
        document_text(&document, "security", security_of(connection));
        document_flag(&document, "disabled", connection->disabled);
        document_close(&document, '}');
        buf_release(&address);
    }
    document_close(&document, ']');
    document_close(&document, '}');
    document_finish(&document, cli->out);
}

/* ---- test -------------------------------------------------------------------------------------- */

struct test {
    struct cli *cli;
    struct transfer *transfer;
    struct document document;
    size_t good, bad;
};

static void report(struct test *test, const struct connection *connection, bool ok,
                   const struct connection_report *result, const char *folder,
                   const struct error *err)
{
    FILE *out = test->cli->out;
    char duration[DURATION_TEXT_SIZE];
    test->good += ok;
    test->bad += !ok;
    if (test->cli->json) {
        document_open(&test->document, NULL, '{');
        document_text(&test->document, "name", connection->name);
        document_flag(&test->document, "ok", ok);
        document_text(&test->document, "reached", connection_step_name(result->reached));
        document_text(&test->document, "failed", ok ? NULL : connection_step_name(result->failed));
        document_text(&test->document, "message", ok ? NULL : err->message);
        document_text(&test->document, "folder", folder);
        document_text(&test->document, "banner", result->banner[0] ? result->banner : NULL);
        document_number(&test->document, "duration_ms", result->duration_ms);
        document_close(&test->document, '}');
        return;
    }
    fputs(ok ? "ok      " : "failed  ", out);
    print_text(out, connection->name);
    if (ok) {
        fprintf(out, " (%s", print_duration(result->duration_ms, duration));
        fputs(folder ? ", may list " : "", out);
        if (folder)
            print_text(out, folder);
        fputs(")\n", out);
        return;
    }
    fprintf(out, "\n        at %s: ", connection_step_name(result->failed));
    print_text(out, err->message);
    fputc('\n', out);
}

static void test_one(struct test *test, const struct workspace *workspace,
                     const struct connection *connection, const char *wanted_folder)
{
    struct connection_report result = {0};
    struct error err = {0};
    struct buf folder;
    buf_init(&folder, 4096);
    bool known = wanted_folder != NULL || snapshot_folder_of(workspace->snapshot, connection,
                                                              &folder);
    const char *path = wanted_folder ? wanted_folder : known ? buf_text(&folder) : NULL;
    bool ok = connection_test(test->transfer, connection, path, &result, &err);
    report(test, connection, ok, &result, path, &err);
    fflush(test->cli->out);
    buf_release(&folder);
}

static void test_all(struct test *test, const struct workspace *workspace)
{
    for (size_t i = 0; i < workspace->snapshot->connection_count; i++) {
        const struct connection *connection = &workspace->snapshot->connections[i];
        if (!connection->disabled && connection->type != CONNECTION_LOCAL)
            test_one(test, workspace, connection, NULL);
    }
}

/* All names are looked at before the first connection is tried. */
static bool find_all(const struct workspace *workspace, const struct arguments *arguments,
                     const struct connection **found, struct error *err)
{
    for (size_t i = 1; i < arguments->word_count; i++) {
        found[i] = workspace_connection(workspace, arguments->words[i], err);
        if (!found[i])
            return false;
    }
    return true;
}

static int finish_test(struct test *test)
{
    if (test->cli->json) {
        document_close(&test->document, ']');
        document_close(&test->document, '}');
        document_finish(&test->document, test->cli->out);
    } else if (test->good + test->bad == 0) {
        fputs("no connection is enabled that could be tested\n", test->cli->out);
    }
    buf_release(&test->document.text);
    return test->bad == 0 ? EXIT_DONE : test->good ? EXIT_PARTLY_DONE : EXIT_FAILED;
}

static int run_test(struct cli *cli, const struct workspace *workspace,
                    const struct arguments *arguments)
{
    const struct connection *found[CLI_ARGUMENTS_MAX];
    struct error err = {0};
    struct test test = {.cli = cli};
    const char *folder = option_value(arguments, "folder");
    if (folder && arguments->word_count != 2)
        return cli_usage(cli, &cmd_connections, "'--folder' goes with exactly one connection");
    if (!find_all(workspace, arguments, found, &err))
        return cli_fail(cli, EXIT_USAGE, &err);
    test.transfer = transfer_new();
    if (!test.transfer) {
        error_set(&err, ERROR_INTERNAL, "the transfer library could not be started");
        return cli_fail(cli, EXIT_FAILED, &err);
    }
    document_init(&test.document);
    document_open(&test.document, NULL, '{');
    document_open(&test.document, "tests", '[');
    for (size_t i = 1; i < arguments->word_count; i++)
        test_one(&test, workspace, found[i], folder);
    if (arguments->word_count == 1)
        test_all(&test, workspace);
    transfer_free(test.transfer);
    return finish_test(&test);
}

static int run(struct cli *cli, const struct arguments *arguments)
{
    struct workspace *workspace = NULL;
    struct error err = {0};
    int status = EXIT_DONE;
    const char *action = arguments->word_count ? arguments->words[0] : "list";
    bool is_test = strcmp(action, "test") == 0;
    if (!is_test && (strcmp(action, "list") != 0 || arguments->word_count > 1))
        return cli_usage(cli, &cmd_connections,
                         "'connections' takes nothing, 'list' or 'test [NAME]...', not '%s'", action);
    if (!cli_open_workspace(cli, &workspace, &err))
        return cli_fail(cli, cli_status_of(&err), &err);
    if (is_test)
        status = run_test(cli, workspace, arguments);
    else if (cli->json)
        list_document(cli, workspace);
    else
        list_text(cli, workspace);
    workspace_close(workspace);
    return status;
}

static const struct option_spec options[] = {
    {"folder", 0, "DIR", "With one NAME: the directory, or NAMESPACE/BUCKET, that is listed to test "
                         "permission. Default: what the lookup says for that connection."},
};

const struct command cmd_connections = {
    .name = "connections",
    .summary = "lists the connections, or tests them",
    .synopsis = "connections [list]\nconnections test [--folder DIR] [NAME]...",
    .description =
        "Lists the connections of connections.json, without secrets. 'test' tries the named ones "
        "(default: all that are enabled) and tells how far each one came: name resolution, connect, "
        "TLS, login, permission. For content servers permission means that the folder of the "
        "lookup can be listed. Nothing is written at the peers and no mail is sent.",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .json = "list: {\"connections\": [{\"name\", \"type\", \"address\", \"security\", \"disabled\"}]}\n"
            "test: {\"tests\": [{\"name\", \"ok\", \"reached\", \"failed\", \"message\", \"folder\", "
            "\"banner\", \"duration_ms\"}]}",
    .exit_status = "0  listed, or all tests went well\n1  no test went well\n"
                   "2  unknown connection, or the workspace cannot be read\n3  some tests went well",
    .files = "connections.json",
    .examples = " sluice connections\n sluice connections test\n"
                " sluice connections test \"OU FTP CCS for CCS-DACS\" --folder /extract",
    .words_max = CLI_ARGUMENTS_MAX,
    .run = run,
};
