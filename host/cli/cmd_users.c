/* SPDX-License-Identifier: MIT */
/* sluice users: who may call the server. */
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/document.h"
#include "cli/action.h"
#include "cli/cli.h"
#include "cli/print.h"
#include "server/users.h"
#include "store/store.h"
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
            return error_set(err, ERROR_INVALID, "'%.64s' is not a role; legal are " ROLE_WORDS,
                             arguments->options[i].value);
        *roles |= role;
    }
    return *roles != 0 || error_set(err, ERROR_INVALID, "'users add' needs --role");
}

/* The change is made only where it can be recorded. */
struct change {
    struct workspace *workspace;
    struct store *store;
};

static bool change_open(struct change *change, struct cli *cli, struct error *err)
{
    *change = (struct change){.store = NULL};
    return cli_open_workspace(cli, &change->workspace, err) &&
           store_open(&change->store, change->workspace->store_file, err);
}

static void change_close(struct change *change)
{
    store_close(change->store);
    workspace_close(change->workspace);
}

static void record(const struct change *change, const char *action, const char *name,
                   const char *detail)
{
    char actor[CLI_ACTOR_SIZE];
    store_audit(change->store, &(struct audit_record){
        .at_ms = clock_wall_ms(), .actor = cli_actor(actor), .action = action, .subject = name,
        .outcome = "done", .detail = detail});
}

static bool add_user(struct cli *cli, const struct arguments *arguments, struct error *err)
{
    struct change change = {.store = NULL};
    const char *name = arguments->words[1];
    char line[PASSWORD_LINE_SIZE], detail[ROLES_TEXT_SIZE + 8] = "roles ";
    unsigned roles = 0;
    bool ok = read_roles(arguments, &roles, err) && change_open(&change, cli, err) &&
              read_password(cli, line, err) &&
              users_put(change.workspace->folder, name, line, roles, err);
    explicit_bzero(line, sizeof line);
    roles_format(roles, detail + strlen(detail));
    if (ok)
        record(&change, "users.add", name, detail);
    change_close(&change);
    return ok;
}

static bool remove_user(struct cli *cli, const struct arguments *arguments, struct error *err)
{
    struct change change;
    bool ok = change_open(&change, cli, err) &&
              users_remove(change.workspace->folder, arguments->words[1], err);
    if (ok)
        record(&change, "users.remove", arguments->words[1], NULL);
    change_close(&change);
    return ok;
}

static void print_users(struct cli *cli, const struct users *users)
{
    struct table table;
    char roles[ROLES_TEXT_SIZE];
    table_init(&table, 2);
    table_add(&table, "USER");
    table_add(&table, "ROLES");
    for (size_t i = 0; i < users->count; i++) {
        table_add(&table, users->list[i].name);
        table_add(&table, roles_format(users->list[i].roles, roles));
    }
    if (users->count == 0)
        fputs("no users\n", cli->out);
    else
        table_print(&table, cli->out);
    table_release(&table);
}

static void write_users(struct cli *cli, const struct users *users)
{
    struct document document;
    document_init(&document);
    document_open(&document, NULL, '{');
    document_open(&document, "users", '[');
    for (size_t i = 0; i < users->count; i++) {
        document_open(&document, NULL, '{');
        document_text(&document, "name", users->list[i].name);
        document_open(&document, "roles", '[');
        for (enum role role = ROLE_INVOKE; role <= ROLE_ADMINISTER; role = (enum role)(role << 1))
            if (users->list[i].roles & role)
                document_text(&document, NULL, role_name(role));
        document_close(&document, ']');
        document_close(&document, '}');
    }
    document_close(&document, ']');
    document_close(&document, '}');
    document_finish(&document, cli->out);
}

static bool list_users(struct cli *cli, const struct arguments *arguments, struct error *err)
{
    (void)arguments;
    struct workspace *workspace = NULL;
    struct users users = {.count = 0};
    bool ok = cli_open_workspace(cli, &workspace, err) && users_read(&users, workspace->folder, err);
    if (ok)
        (cli->json ? write_users : print_users)(cli, &users);
    users_release(&users);
    workspace_close(workspace);
    return ok;
}

static const struct {
    struct action action;
    bool (*run)(struct cli *cli, const struct arguments *arguments, struct error *err);
} actions[] = {
    {{"add", "add NAME --role ROLE [--role ROLE]...", 1, 1}, add_user},
    {{"remove", "remove NAME", 1, 1}, remove_user},
    {{"list", "list", 0, 0}, list_users},
};
#define ACTION_COUNT (sizeof actions / sizeof actions[0])

static int run(struct cli *cli, const struct arguments *arguments)
{
    struct error err = {0};
    size_t index = action_find(cli, &cmd_users, arguments, actions, sizeof actions[0], ACTION_COUNT);
    if (index == ACTION_COUNT)
        return EXIT_USAGE;
    return actions[index].run(cli, arguments, &err) ? EXIT_DONE
                                                    : cli_fail(cli, cli_status_of(&err), &err);
}

static const struct option_spec options[] = {
    {"role", 'r', "ROLE", "For 'add': invoke, monitor or administer; may be given several times."},
};

const struct command cmd_users = {
    .name = "users",
    .summary = "adds, removes and lists users of the server",
    .synopsis = "users add NAME --role ROLE [--role ROLE]...\nusers remove NAME\nusers list",
    .description =
        "add reads a password (8 to 256 bytes, one line) from standard input, from a terminal "
        "without showing it, and writes the user with its hash (yescrypt) to users.json; a user of "
        "that name is replaced. A running server sees changes after SIGHUP. Changes are recorded in "
        "the audit trail (sluice audit).\n\n"
        "Role invoke: may start flows. monitor: may see everything and change nothing. administer: "
        "may do both, and change things. In OIC these are ServiceInvoker, ServiceMonitor and "
        "ServiceAdministrator. Callers with tokens have their roles from oauth.json instead.",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .json = "for 'list': {\"users\": [{\"name\", \"roles\"}]}",
    .exit_status = "0  done\n2  name, role or password is not usable, or users.json is not",
    .files = "users.json (mode 0600), state/sluice.db",
    .examples = " sluice users add dacs --role invoke < password.txt\n sluice users remove dacs",
    .words_min = 1,
    .words_max = 2,
    .run = run,
};
