/* SPDX-License-Identifier: MIT */
/* sluice init: writes a new workspace. */
#include "base/document.h"
#include "cli/cli.h"
#include "cli/print.h"
#include "workspace/workspace.h"

static int run(struct cli *cli, const struct arguments *arguments)
{
    struct error err = {0};
    const char *folder = arguments->word_count ? arguments->words[0]
                         : cli->workspace_folder ? cli->workspace_folder : ".";
    if (!workspace_init(folder, &err))
        return cli_fail(cli, err.kind == ERROR_EXISTS ? EXIT_USAGE : cli_status_of(&err), &err);
    if (cli->json) {
        struct document document;
        document_init(&document);
        document_open(&document, NULL, '{');
        document_text(&document, "workspace", folder);
        document_close(&document, '}');
        document_finish(&document, cli->out);
        return EXIT_DONE;
    }
    fputs("A new workspace is in ", cli->out);
    print_text(cli->out, folder);
    fputs(". Next:\n"
          "  1. connections.json: addresses, users, where the passwords are\n"
          "  2. lookups/: directories, buckets, mail addresses\n"
          "  3. sluice check: says what is still missing\n"
          "  4. sluice connections test: tries the connections\n",
          cli->out);
    return EXIT_DONE;
}

const struct command cmd_init = {
    .name = "init",
    .summary = "writes a new workspace",
    .synopsis = "init [DIR]",
    .description =
        "Writes the files of a new workspace into DIR (default: the current folder), each with "
        "comments that explain it: settings, the nine connections of the integration, both lookups "
        "with every property and its default, schedules, and a folder for certificates. DIR is made "
        "if it is missing. If one of the files exists, nothing is written.",
    .json = "{\"workspace\": text}",
    .exit_status = "0  the workspace was written\n2  a file exists, or DIR cannot be written",
    .files = "sluice.json            settings\n"
             "connections.json       where the flows find the systems they talk to\n"
             "lookups/*.csv          properties and mail addresses\n"
             "schedules.json         when flows run, and with which parameters\n"
             "certificates/          trust anchors and keys\n"
             "state/                 made by the first run: instances and their activity",
    .examples = " sluice init /srv/ccs-dacs\n sluice -w /srv/ccs-dacs check",
    .words_max = 1,
    .run = run,
};
