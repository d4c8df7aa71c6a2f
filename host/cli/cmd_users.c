/* SPDX-License-Identifier: MIT */
/* sluice users: who may call the server. */
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "cli/cli.h"
#include "server/users.h"
#include "workspace/workspace.h"

#define PASSWORD_LINE_SIZE (USERS_PASSWORD_SIZE_MAX + 3)

/* One line from standard input; without echo where that is a terminal. */
static bool read_password(struct cli *cli, char line[PASSWORD_LINE_SIZE], struct error *err)
{
    struct termios before, silent;
    bool is_terminal = tcgetattr(STDIN_FILENO, &before) == 0;
    if (is_terminal) {
        silent = before;
        silent.c_lflag &= ~(tcflag_t)ECHO;
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
        fputs("Password: ", cli->err);
        fflush(cli->err);
    }
    bool ok = fgets(line, PASSWORD_LINE_SIZE, stdin) != NULL;
    if (is_terminal) {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
        fputc('\n', cli->err);
    }
    if (!ok)
        return error_set(err, ERROR_INVALID, "no password on standard input");
    line[strcspn(line, "\r\n")] = '\0';
    return true;
}

static bool read_roles(const struct arguments *arguments, unsigned *roles, struct error *err)
{
    for (size_t i = 0; i < arguments->option_count; i++) {
        unsigned role = 0;
        if (strcmp(arguments->options[i].spec->name, "role") != 0)
            continue;
        if (!role_parse(arguments->options[i].value, &role))
            return error_set(err, ERROR_INVALID, "'%.64s' is not a role; legal are invoke, monitor "
                             "and administer", arguments->options[i].value);
        *roles |= role;
    }
    return *roles != 0 || error_set(err, ERROR_INVALID, "'users add' needs --role");
}

static int run(struct cli *cli, const struct arguments *arguments)
{
    struct workspace *workspace = NULL;
    struct error err = {0};
    char line[PASSWORD_LINE_SIZE];
    unsigned roles = 0;
    if (strcmp(arguments->words[0], "add") != 0)
        return cli_usage(cli, &cmd_users, "'users' does not know '%s'; it knows 'add'",
                         arguments->words[0]);
    bool ok = read_roles(arguments, &roles, &err) && cli_open_workspace(cli, &workspace, &err) &&
              read_password(cli, line, &err) &&
              users_put(workspace->folder, arguments->words[1], line, roles, &err);
    explicit_bzero(line, sizeof line);
    workspace_close(workspace);
    return ok ? EXIT_DONE : cli_fail(cli, cli_status_of(&err), &err);
}

static const struct option_spec options[] = {
    {"role", 'r', "ROLE", "invoke, monitor or administer; may be given several times."},
};

const struct command cmd_users = {
    .name = "users",
    .summary = "adds a user of the server, or replaces one",
    .synopsis = "users add NAME --role ROLE [--role ROLE]...",
    .description =
        "Reads a password (8 to 256 bytes, one line) from standard input, from a terminal without "
        "showing it, and writes the user with its hash (yescrypt) to users.json. A user of that "
        "name is replaced. A running server sees it after SIGHUP. Role invoke: may start flows.",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .exit_status = "0  written\n2  name, role or password is not usable, or users.json is not",
    .files = "users.json (mode 0600)",
    .examples = " sluice users add dacs --role invoke < password.txt",
    .words_min = 2,
    .words_max = 2,
    .run = run,
};
