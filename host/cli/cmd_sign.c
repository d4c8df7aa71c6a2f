/* SPDX-License-Identifier: MIT */
/* sluice sign and sluice verify: signatures of customisations. */
#include "base/document.h"
#include "cli/cli.h"
#include "cli/print.h"
#include "flow/sign.h"

/* ---- sign ----------------------------------------------------------------------------------------- */

static int tell_key(struct cli *cli, const char *what, const char *subject, const char *id)
{
    if (cli->json) {
        struct document document;
        document_init(&document);
        document_open(&document, NULL, '{');
        document_text(&document, what, subject);
        document_text(&document, "key", id);
        document_close(&document, '}');
        document_finish(&document, cli->out);
        return EXIT_DONE;
    }
    fprintf(cli->out, "%s: ", what);
    print_text(cli->out, subject);
    fprintf(cli->out, " (key %.16s)\n", id);
    return EXIT_DONE;
}

static int run_sign(struct cli *cli, const struct arguments *arguments)
{
    struct error err = {0};
    char id[SIGN_NAME_SIZE];
    const char *key = option_value(arguments, "key"), *name = option_value(arguments, "new-key");
    if (!name == !key || (name && arguments->word_count > 0) || (key && arguments->word_count == 0))
        return cli_usage(cli, &cmd_sign, "give either --new-key NAME or --key FILE and what to sign");
    if (name) {
        if (!sign_new_key(name, id, &err))
            return cli_fail(cli, cli_status_of(&err), &err);
        tell_key(cli, "key", name, id);
        if (!cli->json)
            fprintf(cli->out, "%s.key signs: keep it where nobody else can read it.\n"
                              "%s.pem goes into the folder trusted_keys of each workspace that takes what "
                              "it signs.\n", name, name);
        return EXIT_DONE;
    }
    for (size_t i = 0; i < arguments->word_count; i++) {
        if (!sign_file(key, arguments->words[i], id, &err))
            return cli_fail(cli, cli_status_of(&err), &err);
        tell_key(cli, "signed", arguments->words[i], id);
    }
    return EXIT_DONE;
}

static const struct option_spec sign_options[] = {
    {"key", 'k', "FILE", "The private key: PEM, P-256."},
    {"new-key", 0, "NAME", "Makes NAME.key and NAME.pem instead."},
};

const struct command cmd_sign = {
    .name = "sign",
    .summary = "signs customisations, makes keys for that",
    .synopsis = "sign --key FILE FILE...\nsign --new-key NAME",
    .description =
        "Signs modules and mappings with ECDSA over P-256. A module (.wasm) carries its signature inside, "
        "as its last section; beside any other file FILE.sig is written. A workspace runs what a key in "
        "its folder trusted_keys has signed, as FILE.pem.\n\n"
        "Keys of other tools do, too: `openssl ecparam -name prime256v1 -genkey -noout` makes one.",
    .options = sign_options,
    .option_count = sizeof sign_options / sizeof sign_options[0],
    .json = "{\"signed\": file, \"key\": id} for each file; with --new-key {\"key\": id}",
    .exit_status = "0  done\n1  a file could not be written, or a key is there already\n2  no such file, "
                   "no usable key",
    .examples = " sluice sign --new-key utility\n sluice sign --key utility.key content.wasm",
    .words_max = CLI_ARGUMENTS_MAX,
    .run = run_sign,
};

/* ---- verify --------------------------------------------------------------------------------------- */

static void tell_verdict(struct cli *cli, struct document *document, const char *path,
                         const char *signer, const struct error *err)
{
    if (cli->json) {
        document_open(document, NULL, '{');
        document_text(document, "file", path);
        document_flag(document, "usable", err == NULL);
        document_text(document, "signer", signer[0] ? signer : NULL);
        document_text(document, "problem", err ? err->message : NULL);
        document_close(document, '}');
        return;
    }
    fputs(err ? "refused  " : "ok       ", cli->out);
    print_text(cli->out, path);
    fputs(err ? ": " : signer[0] ? ", signed by " : ", not signed (\"unsigned\" is \"allow\")", cli->out);
    if (err || signer[0])
        print_text(cli->out, err ? err->message : signer);
    fputc('\n', cli->out);
}

static int run_verify(struct cli *cli, const struct arguments *arguments)
{
    struct workspace *workspace = NULL;
    struct document document;
    struct error err = {0};
    int status = EXIT_DONE;
    if (!cli_open_workspace(cli, &workspace, &err))
        return cli_fail(cli, cli_status_of(&err), &err);
    document_init(&document);
    document_open(&document, NULL, '{');
    document_open(&document, "files", '[');
    for (size_t i = 0; i < arguments->word_count; i++) {
        char signer[SIGN_NAME_SIZE] = "";
        bool ok = sign_verify(workspace, arguments->words[i], signer, &err);
        tell_verdict(cli, &document, arguments->words[i], signer, ok ? NULL : &err);
        status = ok ? status : EXIT_FAILED;
    }
    document_close(&document, ']');
    document_close(&document, '}');
    if (cli->json)
        document_finish(&document, cli->out);
    else
        buf_release(&document.text);
    workspace_close(workspace);
    return status;
}

const struct command cmd_verify = {
    .name = "verify",
    .summary = "checks signature and form of customisations",
    .synopsis = "verify FILE...",
    .description =
        "Checks each file as if it were to run as a customisation of the workspace: that a key in "
        "trusted_keys has signed it and nothing was changed since, and that the verifier takes the module. "
        "What it takes is compiled into state/compiled.",
    .json = "{\"files\": [{\"file\", \"usable\", \"signer\", \"problem\"}]}",
    .exit_status = "0  all can run\n1  one cannot\n2  no workspace",
    .files = "trusted_keys/*.pem, state/compiled/",
    .examples = " sluice verify content.wasm mapping.json",
    .words_min = 1,
    .words_max = CLI_ARGUMENTS_MAX,
    .run = run_verify,
};
