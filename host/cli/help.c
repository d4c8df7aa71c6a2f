/* SPDX-License-Identifier: MIT */
/* Help laid out like a manual page, from what the commands say about themselves. */
#include <string.h>

#include "cli/cli.h"

#define WIDTH 80
#define INDENT 4

/* Prints text wrapped at WIDTH; '\n' breaks a line. A line that begins with a space is kept as it is,
 * without that space; the continuation of "N  meaning" hangs below its meaning. */
static void print_wrapped(FILE *out, const char *text, int indent)
{
    int hang = 0;
    while (*text) {
        bool verbatim = *text == ' ';
        text += verbatim;
        size_t line = strcspn(text, "\n"), size = line;
        size_t room = (size_t)(WIDTH - indent - hang);
        if (!verbatim && size > room) {
            for (size = room; size > 0 && text[size] != ' '; size--)
                ;
            size = size ? size : line;
        }
        if (size > 0)
            fprintf(out, "%*s%.*s", indent + hang, "", (int)size, text);
        fputc('\n', out);
        hang = size == line ? 0 : text[1] == ' ' && text[2] == ' ' ? 3 : hang;
        text += size;
        text += *text == '\n' || *text == ' ';
    }
}

static void print_section(FILE *out, const char *title, const char *text)
{
    if (!text)
        return;
    fprintf(out, "\n%s\n", title);
    print_wrapped(out, text, INDENT);
}

static void print_synopsis(FILE *out, const char *synopsis)
{
    fputs("\nSYNOPSIS\n", out);
    while (*synopsis) {
        size_t size = strcspn(synopsis, "\n");
        fprintf(out, "%*ssluice [-w DIR] [--json] %.*s\n", INDENT, "", (int)size, synopsis);
        synopsis += size;
        synopsis += *synopsis == '\n';
    }
}

static void print_options(FILE *out, const struct option_spec *options, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fprintf(out, "%*s", INDENT, "");
        if (options[i].letter)
            fprintf(out, "-%c, ", options[i].letter);
        fprintf(out, "--%s%s%s\n", options[i].name, options[i].value ? " " : "",
                options[i].value ? options[i].value : "");
        print_wrapped(out, options[i].help, 2 * INDENT);
    }
}

void help_command(FILE *out, const struct command *command)
{
    fprintf(out, "NAME\n%*ssluice %s - %s\n", INDENT, "", command->name, command->summary);
    print_synopsis(out, command->synopsis);
    print_section(out, "DESCRIPTION", command->description);
    fputs("\nOPTIONS\n", out);
    print_options(out, command->options, command->option_count);
    print_options(out, cli_global_options, cli_global_option_count);
    print_section(out, "JSON", command->json);
    print_section(out, "EXIT STATUS", command->exit_status);
    print_section(out, "FILES", command->files);
    print_section(out, "EXAMPLES", command->examples);
}

void help_overview(FILE *out)
{
    fputs("sluice - runs the CCS to DACS integration flows, each in its own sandbox\n\n"
          "    sluice [-w DIR] [--json] COMMAND [ARGUMENTS]\n\nCommands:\n",
          out);
    for (size_t i = 0; i < cli_command_count; i++)
        fprintf(out, "    %-12s %s\n", cli_commands[i]->name, cli_commands[i]->summary);
    fputs("\nOptions:\n", out);
    print_options(out, cli_global_options, cli_global_option_count);
    fputs("\nExit status:\n"
          "    0  done\n"
          "    1  the flow failed, or what was asked for could not be done\n"
          "    2  command line or configuration: nothing was begun\n"
          "    3  partly done\n"
          "\n'sluice help COMMAND' tells more. A first workspace: sluice init DIR\n",
          out);
}

static int run_help(struct cli *cli, const struct arguments *arguments)
{
    struct error err = {0};
    if (arguments->word_count == 0) {
        help_overview(cli->out);
        return EXIT_DONE;
    }
    const struct command *command = cli_find(arguments->words[0], &err);
    if (!command)
        return cli_usage(cli, NULL, "%s", err.message);
    help_command(cli->out, command);
    return EXIT_DONE;
}

static int run_version(struct cli *cli, const struct arguments *arguments)
{
    (void)arguments;
    if (cli->json)
        fputs("{\"version\": \"" SLUICE_VERSION "\"}\n", cli->out);
    else
        fputs("sluice " SLUICE_VERSION "\n", cli->out);
    return EXIT_DONE;
}

const struct command cmd_help = {
    .name = "help",
    .summary = "explains a command",
    .synopsis = "help [COMMAND]",
    .description = "Prints the list of commands, or everything about one of them. 'sluice COMMAND "
                   "--help' does the same.",
    .exit_status = "0  done\n2  there is no such command",
    .examples = " sluice help run",
    .words_max = 1,
    .run = run_help,
};

const struct command cmd_version = {
    .name = "version",
    .summary = "prints the version",
    .synopsis = "version",
    .description = "Prints the version of this program.",
    .json = "{\"version\": text}",
    .exit_status = "0  done",
    .examples = " sluice version",
    .run = run_version,
};
