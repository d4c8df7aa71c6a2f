/* SPDX-License-Identifier: MIT */
/* Commands that are several: "lookups set", "customize add". */
#ifndef CLI_ACTION_H
#define CLI_ACTION_H
#include <stddef.h>

#include "cli/cli.h"

#define ACTIONS_MAX 16 /* of one command */

struct action {
    const char *name;
    const char *usage;           /* without "sluice <command> " */
    size_t words_min, words_max; /* behind the name */
};

/* Which action the command line names by its first word; without a word it is the first one. actions: an
 * array of count (at most ACTIONS_MAX) elements of size bytes, each of which begins with a struct action. Gives count if there is
 * no such action or it takes more or fewer words: then that was told, and the exit status is EXIT_USAGE. */
size_t action_find(struct cli *cli, const struct command *command, const struct arguments *arguments,
                   const void *actions, size_t size, size_t count);
#endif
