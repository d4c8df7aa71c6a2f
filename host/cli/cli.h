/* SPDX-License-Identifier: MIT */
/*
 * The command line of sluice. One file per command, each a `const struct command`.
 *
 * To add a command: write cmd_<name>.c with its `const struct command cmd_<name>`, declare it below,
 * add it to the table in cli.c and the file to CMakeLists.txt. Help, the suggestion for a
 * misspelled name and option parsing come from the struct. All on the main thread.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

struct log_settings;
struct workspace;

/* What a process started by sluice can end with; documented in every command's help. */
enum cli_exit {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,      /* the flow failed, or what was asked for could not be done */
    EXIT_USAGE = 2,       /* command line or configuration: nothing was begun */
    EXIT_PARTLY_DONE = 3, /* some files (connections) did, some did not */
};

struct option_spec {
    const char *name;  /* "param" */
    char letter;       /* 'p', or 0 */
    const char *value; /* "K=V", or NULL for a flag */
    const char *help;  /* one or two sentences */
};

#define CLI_OPTIONS_MAX 64
#define CLI_ARGUMENTS_MAX 64

/* The command line behind the command's name. Texts are borrowed from argv. */
struct arguments {
    struct {
        const struct option_spec *spec;
        const char *value; /* "" for a flag */
    } options[CLI_OPTIONS_MAX];
    size_t option_count;
    const char *words[CLI_ARGUMENTS_MAX];
    size_t word_count;
};

struct cli {
    FILE *out, *err;
    bool json;
    bool out_is_terminal, err_is_terminal;
    const char *workspace_folder; /* -w, or NULL */
    const char *functions_folder; /* --functions, or NULL */
    const char *log_level, *log_format, *log_file; /* --log-..., or NULL */
    bool (*should_stop)(void);    /* asked for by a signal; may be NULL */
};

struct command {
    const char *name;
    const char *summary;     /* one line, no full stop */
    const char *synopsis;    /* without "sluice "; lines separated by \n */
    const char *description; /* paragraphs separated by an empty line */
    const struct option_spec *options;
    size_t option_count;
    const char *json;        /* what --json prints; NULL where it changes nothing */
    const char *exit_status; /* lines "N  meaning" */
    const char *files;       /* NULL: none to tell */
    const char *examples;
    size_t words_min, words_max;
    int (*run)(struct cli *cli, const struct arguments *arguments);
};

extern const struct command cmd_activate, cmd_audit, cmd_check, cmd_clone, cmd_connections,
    cmd_customize, cmd_deactivate, cmd_flows, cmd_fn, cmd_discard, cmd_errors, cmd_help, cmd_init,
    cmd_instances, cmd_lambda, cmd_lookups, cmd_outbox, cmd_package, cmd_purge, cmd_replay,
    cmd_resubmit, cmd_run, cmd_schedules, cmd_serve, cmd_show, cmd_sign, cmd_supervise,
    cmd_unmarked, cmd_users, cmd_verify, cmd_version;

/* All commands, in the order of the overview. */
extern const struct command *const cli_commands[];
extern const size_t cli_command_count;

extern const struct option_spec cli_global_options[];
extern const size_t cli_global_option_count;

/* Runs one command line; gives the exit status. cli's streams are set, the rest is filled in. */
int cli_main(struct cli *cli, int argc, char **argv);

/* The command of that name, or NULL with ERROR_NOT_FOUND and the nearest. */
const struct command *cli_find(const char *name, struct error *err);

/* Tells what went wrong, on err and with --json as a document on out. Gives status. */
int cli_fail(struct cli *cli, int status, const struct error *err);
/* The same for a mistake on the command line of command; adds where help is. Gives EXIT_USAGE. */
int cli_usage(struct cli *cli, const struct command *command, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* Status for an error that kept a command from beginning. */
int cli_status_of(const struct error *err);

/* The workspace named by -w, $SLUICE_WORKSPACE, or found from the current folder upwards. */
MUST_USE bool cli_open_workspace(const struct cli *cli, struct workspace **out, struct error *err);
/* The same for what concerns more than this process. ERROR_UNSUPPORTED: the store is in memory. */
MUST_USE bool cli_open_recorded(const struct cli *cli, struct workspace **out, struct error *err);

/* The service of that workspace, for a process that stays: its log is that of sluice.json from before the
 * first thing that might be logged, with a line for each execution that ends. log_thread: nobody waits
 * for the log's reader (log_start). */
struct service;
MUST_USE bool cli_open_service(const struct cli *cli, bool log_thread, struct service **out,
                               struct error *err);

/* Who runs this process, for the audit trail: "root", or "uid 1000" for a user without a name. */
#define CLI_ACTOR_SIZE 64
const char *cli_actor(char name[CLI_ACTOR_SIZE]);
/* The same as who changes something about flows. */
struct actor;
const struct actor *cli_self(void);

/* Sets up the log: the options of cli before settings ("log" of sluice.json; NULL for commands that only
 * warn, in plain text on standard error). ERROR_INVALID, or as log_open. */
MUST_USE bool cli_configure_log(const struct cli *cli, const struct log_settings *settings,
                                struct error *err);

/* ---- options.c ---- */

/* Parses argv[0..argc): options of command (NULL: global ones only; parsing then ends at the first
 * word, whose index is *used). Global options go into cli. ERROR_INVALID names the nearest option. */
MUST_USE bool options_parse(struct cli *cli, const struct command *command, int argc, char **argv,
                            struct arguments *out, int *used, struct error *err);

/* The last value of an option; "" for a given flag; NULL if it was not given. */
const char *option_value(const struct arguments *arguments, const char *name);
bool option_given(const struct arguments *arguments, const char *name);

/* Both leave the value as it is when the option was not given; ERROR_INVALID says what is legal.
 * "90m", "12h", "7d" before now, "2026-11-24" or "2026-11-24T06:30" in UTC: */
MUST_USE bool option_time(const struct arguments *arguments, const char *name, int64_t *wall_ms,
                          struct error *err);
/* A whole number from 0 to 100,000: */
MUST_USE bool option_count(const struct arguments *arguments, const char *name, int64_t *count,
                           struct error *err);

/* ---- help.c ---- */
void help_overview(FILE *out);
void help_command(FILE *out, const struct command *command);
#endif
