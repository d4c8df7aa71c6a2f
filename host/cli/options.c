/* SPDX-License-Identifier: MIT */
/* Options from tables; "--name value", "--name=value", "-n value", "-nvalue"; see cli.h. */
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/cli.h"

#define COUNT_MAX 100000

const struct option_spec cli_global_options[] = {
    {"workspace", 'w', "DIR", "The workspace. Default: $SLUICE_WORKSPACE, else the current folder or "
                              "the nearest one above it that has a sluice.json."},
    {"functions", 0, "DIR", "Folder of compiled flows, instead of $SLUICE_FUNCTIONS or what "
                            "sluice.json says."},
    {"json", 0, NULL, "Prints one JSON document for programs instead of text for people."},
    {"help", 'h', NULL, "Prints this help."},
    {"version", 'V', NULL, "Prints the version."},
};
const size_t cli_global_option_count = sizeof cli_global_options / sizeof cli_global_options[0];

static const struct option_spec *find_in(const struct option_spec *options, size_t count,
                                         const char *name, size_t size, char letter)
{
    for (size_t i = 0; i < count; i++) {
        bool same = name && strlen(options[i].name) == size &&
                    memcmp(options[i].name, name, size) == 0;
        if (same || (letter && options[i].letter == letter))
            return &options[i];
    }
    return NULL;
}

static const struct option_spec *find_option(const struct command *command, const char *name,
                                             size_t size, char letter)
{
    const struct option_spec *spec =
        command ? find_in(command->options, command->option_count, name, size, letter) : NULL;
    return spec ? spec
                : find_in(cli_global_options, cli_global_option_count, name, size, letter);
}

static bool unknown_option(const struct command *command, const char *given, size_t size,
                           struct error *err)
{
    const char *names[CLI_OPTIONS_MAX];
    char wanted[64];
    size_t count = 0;
    for (size_t i = 0; command && i < command->option_count; i++)
        names[count++] = command->options[i].name;
    for (size_t i = 0; i < cli_global_option_count; i++)
        names[count++] = cli_global_options[i].name;
    snprintf(wanted, sizeof wanted, "%.*s", (int)(size < 60 ? size : 60), given);
    const char *bare = wanted + strspn(wanted, "-");
    const char *nearest = text_nearest(bare, names, count);
    return error_set(err, ERROR_INVALID, "unknown option '%s'%s%s%s", wanted,
                     nearest ? "; did you mean '--" : "", nearest ? nearest : "",
                     nearest ? "'?" : "");
}

static bool take_option(struct cli *cli, const struct option_spec *spec, const char *value,
                        struct arguments *out, struct error *err)
{
    if (spec == &cli_global_options[0])
        cli->workspace_folder = value;
    else if (spec == &cli_global_options[1])
        cli->functions_folder = value;
    else if (spec == &cli_global_options[2])
        cli->json = true;
    if (out->option_count == CLI_OPTIONS_MAX)
        return error_set(err, ERROR_LIMIT, "more than %d options", CLI_OPTIONS_MAX);
    out->options[out->option_count].spec = spec;
    out->options[out->option_count++].value = value;
    return true;
}

/* Parses the option at argv[*index] and moves *index to its last word. */
static bool parse_option(struct cli *cli, const struct command *command, int argc, char **argv,
                         int *index, struct arguments *out, struct error *err)
{
    const char *given = argv[*index];
    bool is_long = given[1] == '-';
    size_t size = is_long ? strcspn(given, "=") : 2;
    const char *attached = is_long ? (given[size] ? given + size + 1 : NULL)
                                   : (given[2] ? given + 2 : NULL);
    const struct option_spec *spec = is_long ? find_option(command, given + 2, size - 2, 0)
                                             : find_option(command, NULL, 0, given[1]);
    if (!spec)
        return unknown_option(command, given, is_long ? size : strlen(given), err);
    if (!spec->value && attached)
        return error_set(err, ERROR_INVALID, "option '--%s' takes no value", spec->name);
    if (spec->value && !attached && *index + 1 >= argc)
        return error_set(err, ERROR_INVALID, "option '--%s' needs a value: --%s %s", spec->name,
                         spec->name, spec->value);
    if (spec->value && !attached)
        attached = argv[++*index];
    return take_option(cli, spec, attached ? attached : "", out, err);
}

bool options_parse(struct cli *cli, const struct command *command, int argc, char **argv,
                   struct arguments *out, int *used, struct error *err)
{
    bool only_words = false;
    for (*used = 0; *used < argc; ++*used) {
        const char *word = argv[*used];
        if (!only_words && strcmp(word, "--") == 0) {
            only_words = true;
        } else if (!only_words && word[0] == '-' && word[1]) {
            if (!parse_option(cli, command, argc, argv, used, out, err))
                return false;
        } else if (!command) {
            return true;
        } else if (out->word_count == CLI_ARGUMENTS_MAX) {
            return error_set(err, ERROR_LIMIT, "more than %d arguments", CLI_ARGUMENTS_MAX);
        } else {
            out->words[out->word_count++] = word;
        }
    }
    return true;
}

const char *option_value(const struct arguments *arguments, const char *name)
{
    for (size_t i = arguments->option_count; i > 0; i--)
        if (strcmp(arguments->options[i - 1].spec->name, name) == 0)
            return arguments->options[i - 1].value;
    return NULL;
}

bool option_given(const struct arguments *arguments, const char *name)
{
    return option_value(arguments, name) != NULL;
}

bool option_time(const struct arguments *arguments, const char *name, int64_t *wall_ms,
                 struct error *err)
{
    static const struct {
        char unit;
        int64_t ms;
    } units[] = {{'m', 60000}, {'h', 3600000}, {'d', 86400000}};
    const char *text = option_value(arguments, name);
    char digits[16];
    size_t size = text ? strlen(text) : 0;
    int64_t count;
    if (!text)
        return true;
    for (size_t i = 0; i < 3 && size > 1 && size < sizeof digits; i++) {
        snprintf(digits, sizeof digits, "%.*s", (int)(size - 1), text);
        if (text[size - 1] == units[i].unit && text_parse_int(digits, 0, 1000000, &count)) {
            *wall_ms = clock_wall_ms() - count * units[i].ms;
            return true;
        }
    }
    struct tm day = {0}, minute = {0};
    const char *day_end = strptime(text, "%Y-%m-%d", &day);
    const char *minute_end = strptime(text, "%Y-%m-%dT%H:%M", &minute);
    bool is_minute = minute_end && (!*minute_end || strcmp(minute_end, "Z") == 0);
    if (!is_minute && !(day_end && !*day_end))
        return error_set(err, ERROR_INVALID, "'--%s %.64s': expected 90m, 12h, 7d, 2026-11-24 or "
                                             "2026-11-24T06:30 (UTC)", name, text);
    *wall_ms = (int64_t)timegm(is_minute ? &minute : &day) * 1000;
    return true;
}

bool option_count(const struct arguments *arguments, const char *name, int64_t *count,
                  struct error *err)
{
    const char *text = option_value(arguments, name);
    if (!text || text_parse_int(text, 0, COUNT_MAX, count))
        return true;
    return error_set(err, ERROR_INVALID, "'--%s %.64s': expected a whole number from 0 to %d", name,
                     text, COUNT_MAX);
}
