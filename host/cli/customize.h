/* SPDX-License-Identifier: MIT */
/* What the files of `sluice customize` share. */
#ifndef CLI_CUSTOMIZE_H
#define CLI_CUSTOMIZE_H
#include "cli/cli.h"
#include "flow/customise.h"

struct customize_call {
    struct cli *cli;
    const struct arguments *arguments;
    const char *words[3]; /* behind the action; NULL: not given */
    const struct workspace *workspace;
    struct customise *customise;
};

/* Each gives the exit status. */
int customize_test(struct customize_call *call);
int customize_new(struct customize_call *call);

/* Writes what changed from one text to the other, line by line with three lines around each change; JSON is
 * laid out before. Where there are too many lines to compare, both sizes. */
#define DIFFERENCE_LINES_MAX 2000
void difference_print(FILE *out, const char *before, size_t before_size, const char *after,
                      size_t after_size);
#endif
