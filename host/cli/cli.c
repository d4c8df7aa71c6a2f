/* SPDX-License-Identifier: MIT */
/* From a command line to a command and its exit status; see cli.h. */
#include "cli/cli.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/document.h"
#include "base/log.h"
#include "base/text.h"
#include "cli/print.h"
#include "flow/flow.h"
#include "workspace/workspace.h"

const struct command *const cli_commands[] = {
    &cmd_init, &cmd_check, &cmd_flows, &cmd_connections, &cmd_lookups, &cmd_customize, &cmd_clone,
    &cmd_sign, &cmd_verify, &cmd_activate, &cmd_deactivate, &cmd_run, &cmd_serve, &cmd_supervise,
    &cmd_fn, &cmd_lambda, &cmd_users, &cmd_schedules, &cmd_show, &cmd_instances, &cmd_errors,
    &cmd_resubmit, &cmd_replay, &cmd_discard, &cmd_outbox, &cmd_unmarked, &cmd_audit, &cmd_purge,
    &cmd_package, &cmd_help, &cmd_version,
};
const size_t cli_command_count = sizeof cli_commands / sizeof cli_commands[0];

const struct command *cli_find(const char *name, struct error *err)
{
    const char *names[sizeof cli_commands / sizeof cli_commands[0]];
    for (size_t i = 0; i < cli_command_count; i++) {
        names[i] = cli_commands[i]->name;
        if (strcmp(names[i], name) == 0)
            return cli_commands[i];
    }
    const char *nearest = text_nearest(name, names, cli_command_count);
    error_set(err, ERROR_NOT_FOUND, "unknown command '%.64s'%s%s%s", name,
              nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
    return NULL;
}

static int report(struct cli *cli, int status, const struct error *err, const char *hint)
{
    fputs("sluice: ", cli->err);
    print_text(cli->err, err->message);
    fprintf(cli->err, "%s\n", hint);
    if (!cli->json)
        return status;
    struct document document;
    document_init(&document);
    document_open(&document, NULL, '{');
    document_open(&document, "error", '{');
    document_text(&document, "kind", error_kind_name(err->kind));
    document_text(&document, "message", err->message);
    document_number(&document, "exit_status", status);
    document_close(&document, '}');
    document_close(&document, '}');
    document_finish(&document, cli->out);
    return status;
}

int cli_fail(struct cli *cli, int status, const struct error *err)
{
    return report(cli, status, err, "");
}

int cli_usage(struct cli *cli, const struct command *command, const char *format, ...)
{
    struct error err;
    char hint[96];
    char text[ERROR_MESSAGE_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    error_set(&err, ERROR_INVALID, "%s", text);
    snprintf(hint, sizeof hint, "\nTry 'sluice help%s%s'.", command ? " " : "",
             command ? command->name : "");
    return report(cli, EXIT_USAGE, &err, hint);
}

int cli_status_of(const struct error *err)
{
    switch (err->kind) {
    case ERROR_INVALID:
    case ERROR_NOT_FOUND:
    case ERROR_DENIED:
    case ERROR_LIMIT:
    case ERROR_UNSUPPORTED:
        return EXIT_USAGE;
    default:
        return EXIT_FAILED;
    }
}

bool cli_open_workspace(const struct cli *cli, struct workspace **out, struct error *err)
{
    const char *environment = getenv("SLUICE_WORKSPACE");
    const char *named = cli->workspace_folder ? cli->workspace_folder
                        : environment && *environment ? environment : NULL;
    if (named)
        return workspace_open(out, named, cli->functions_folder, err);
    char *folder = NULL;
    bool ok = workspace_find(".", &folder, err) &&
              workspace_open(out, folder, cli->functions_folder, err);
    free(folder);
    return ok;
}

bool cli_open_recorded(const struct cli *cli, struct workspace **out, struct error *err)
{
    if (!cli_open_workspace(cli, out, err))
        return false;
    if ((*out)->store_place == STORE_ON_DISK)
        return true;
    workspace_close(*out);
    *out = NULL;
    return error_set(err, ERROR_UNSUPPORTED, "\"store\" is \"memory\" in sluice.json: what ran and what "
                     "was decided is known to the process that serves, and to its log");
}

bool cli_open_service(const struct cli *cli, bool log_thread, struct service **out,
                      struct error *err)
{
    struct workspace *workspace = NULL;
    if (!cli_open_workspace(cli, &workspace, err))
        return false;
    if (!cli_configure_log(cli, &workspace->log, err) || (log_thread && !log_start(err))) {
        workspace_close(workspace);
        return false;
    }
    if (!service_open(out, workspace, err))
        return false;
    service_tell_ends(*out);
    if (workspace->filters.unsigned_ones == UNSIGNED_ALLOW)
        log_line(LOG_WARNING, NULL, "customisations and own flows need no signature here (\"filters\": "
                 "{\"unsigned\": \"allow\"} in sluice.json)");
    return true;
}

const char *cli_actor(char name[CLI_ACTOR_SIZE])
{
    char texts[1024];
    struct passwd entry, *found = NULL;
    if (getpwuid_r(getuid(), &entry, texts, sizeof texts, &found) == 0 && found)
        snprintf(name, CLI_ACTOR_SIZE, "%s", found->pw_name);
    else
        snprintf(name, CLI_ACTOR_SIZE, "uid %lu", (unsigned long)getuid());
    return name;
}

const struct actor *cli_self(void)
{
    static char name[CLI_ACTOR_SIZE];
    static const struct actor self = {name, ""};
    cli_actor(name);
    return &self;
}

static int check_words(struct cli *cli, const struct command *command,
                       const struct arguments *arguments)
{
    if (arguments->word_count < command->words_min)
        return cli_usage(cli, command, "'%s' needs more arguments: sluice %s", command->name,
                         command->synopsis);
    if (arguments->word_count > command->words_max)
        return cli_usage(cli, command, "'%s' does not take '%s'", command->name,
                         arguments->words[command->words_max]);
    return EXIT_DONE;
}

static int run_command(struct cli *cli, const struct command *command, int argc, char **argv)
{
    struct arguments arguments = {0};
    struct error err = {0};
    int used;
    if (!options_parse(cli, command, argc, argv, &arguments, &used, &err))
        return cli_usage(cli, command, "%s", err.message);
    if (option_given(&arguments, "help")) {
        help_command(cli->out, command);
        return EXIT_DONE;
    }
    if (option_given(&arguments, "version"))
        return cmd_version.run(cli, &arguments);
    if (!cli_configure_log(cli, NULL, &err))
        return cli_usage(cli, command, "%s", err.message);
    int status = check_words(cli, command, &arguments);
    return status == EXIT_DONE ? command->run(cli, &arguments) : status;
}

int cli_main(struct cli *cli, int argc, char **argv)
{
    struct arguments global = {0};
    struct error err = {0};
    int used;
    cli->out_is_terminal = isatty(fileno(cli->out));
    cli->err_is_terminal = isatty(fileno(cli->err));
    if (!options_parse(cli, NULL, argc - 1, argv + 1, &global, &used, &err))
        return cli_usage(cli, NULL, "%s", err.message);
    if (option_given(&global, "version"))
        return cmd_version.run(cli, &global);
    if (used >= argc - 1) {
        bool asked = option_given(&global, "help");
        help_overview(asked ? cli->out : cli->err);
        return asked ? EXIT_DONE : EXIT_USAGE;
    }
    char **words = argv + 1 + used;
    const struct command *command = cli_find(words[0], &err);
    if (!command)
        return cli_usage(cli, NULL, "%s", err.message);
    if (option_given(&global, "help")) {
        help_command(cli->out, command);
        return EXIT_DONE;
    }
    int status = run_command(cli, command, argc - 2 - used, words + 1);
    if (fflush(cli->out) != 0 && status == EXIT_DONE) {
        error_set(&err, ERROR_INTERNAL, "cannot write the output");
        return cli_fail(cli, EXIT_FAILED, &err);
    }
    return status;
}
