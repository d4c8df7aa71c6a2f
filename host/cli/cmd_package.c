/* SPDX-License-Identifier: MIT */
/* sluice package: a deployable of flows for a platform. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/document.h"
#include "base/file.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/package.h"
#include "cli/print.h"

#define OUTPUT_SIZE_MAX 1024u

static const struct package_target *find_target(const char *name, struct error *err)
{
    const char *names[16];
    struct buf legal;
    buf_init(&legal, ERROR_MESSAGE_SIZE);
    for (size_t i = 0; i < package_target_count; i++) {
        names[i] = package_targets[i].name;
        if (strcmp(names[i], name) == 0) {
            buf_release(&legal);
            return &package_targets[i];
        }
        buf_printf(&legal, "%s%s", i ? ", " : "", names[i]);
    }
    const char *nearest = text_nearest(name, names, package_target_count);
    error_set(err, ERROR_NOT_FOUND, "unknown target '%.64s'%s%s%s; there are %s", name,
              nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "",
              buf_text(&legal));
    buf_release(&legal);
    return NULL;
}

/* ---- making ---- */

static bool write_form(const struct package_plan *plan, const struct package_tree *outer,
                       const struct package_tree *inner, const struct package_command *command,
                       const char *folder, struct error *err)
{
    char path[OUTPUT_SIZE_MAX + 64];
    switch (plan->target->form) {
    case PACKAGE_ZIP:
        snprintf(path, sizeof path, "%s/function.zip", folder);
        return package_write_zip(inner, path, err);
    case PACKAGE_IMAGE:
        return package_write_image(inner, plan, command, folder, err);
    case PACKAGE_CONTAINER:
    default:
        snprintf(path, sizeof path, "%s/rootfs", folder);
        if (!package_write_folder(outer, folder, err) || !file_make_folder(path, err))
            return false;
        return chmod(path, 0755) == 0 ? package_write_folder(inner, path, err)
                                      : error_errno(err, ERROR_INTERNAL, errno, "'%s'", path);
    }
}

static bool fill(const struct package_plan *plan, struct package_tree *outer,
                 struct package_tree *inner, struct package_command *command, struct error *err)
{
    char loader[256];
    return package_add_program(inner, plan, loader, err) &&
           package_add_modules(inner, plan, err) && package_add_contents(inner, plan, err) &&
           package_command_make(command, plan, loader, err) &&
           package_add_descriptors(outer, inner, plan, command, err) &&
           package_tree_finish(inner, err) && package_tree_finish(outer, err);
}

/* Beside the place where it will be, so that nothing half-made ever has the name. */
static bool write_all(const struct package_plan *plan, const struct package_tree *outer,
                      const struct package_tree *inner, const struct package_command *command,
                      const char *output, struct error *err)
{
    char working[OUTPUT_SIZE_MAX + 16];
    snprintf(working, sizeof working, "%s.XXXXXX", output);
    if (!mkdtemp(working))
        return error_errno(err, ERROR_DENIED, errno, "cannot create a folder beside '%s'", output);
    if (!write_form(plan, outer, inner, command, working, err) || chmod(working, 0755) != 0)
        return error_context(err, "what was written so far is in '%s'", working);
    return rename(working, output) == 0 ||
           error_errno(err, ERROR_EXISTS, errno, "cannot create '%s'", output);
}

/* ---- telling ---- */

static void print_parts(struct cli *cli, const struct package_tree *inner)
{
    uint64_t sizes[PART_COUNT] = {0}, total = 0;
    unsigned counts[PART_COUNT] = {0};
    char size[TEXT_SIZE_SIZE];
    for (size_t i = 0; i < inner->count; i++) {
        sizes[inner->entries[i].part] += inner->entries[i].size;
        counts[inner->entries[i].part] += !inner->entries[i].is_folder;
        total += inner->entries[i].size;
    }
    for (size_t i = 0; i < PART_COUNT; i++)
        fprintf(cli->out, "  %-26s %10s  %u file%s\n", package_part_names[i],
                text_format_size(sizes[i], size), counts[i], counts[i] == 1 ? "" : "s");
    fprintf(cli->out, "  %-26s %10s\n", "together", text_format_size(total, size));
}

static void print_secrets(struct cli *cli, const struct package_plan *plan)
{
    static const char *const kinds[] = {"variable", "file", "credential"};
    if (plan->secret_count == 0)
        return;
    fputs("\nNot in it, and to be there where it runs:\n", cli->out);
    for (size_t i = 0; i < plan->secret_count; i++) {
        fprintf(cli->out, "  %-10s ", kinds[plan->secrets[i].kind]);
        print_text(cli->out, plan->secrets[i].name);
        fputs("  (", cli->out);
        print_text(cli->out, plan->secrets[i].use);
        fputs(")\n", cli->out);
    }
}

static void tell(struct cli *cli, const struct package_plan *plan, const struct package_tree *inner,
                 const char *output)
{
    if (cli->json) {
        struct document document;
        document_init(&document);
        document_open(&document, NULL, '{');
        document_text(&document, "output", output);
        document_text(&document, "target", plan->target->name);
        document_text(&document, "name", plan->name);
        package_write_parts(&document, inner);
        package_write_secrets(&document, plan);
        document_close(&document, '}');
        document_finish(&document, cli->out);
        return;
    }
    print_text(cli->out, output);
    fprintf(cli->out, ": %s\n", plan->target->summary);
    print_parts(cli, inner);
    print_secrets(cli, plan);
}

static bool make(struct cli *cli, const struct package_plan *plan, const char *output,
                 struct error *err)
{
    struct package_tree outer = {0}, inner = {0};
    struct package_command command = {0};
    bool ok = fill(plan, &outer, &inner, &command, err) &&
              write_all(plan, &outer, &inner, &command, output, err);
    if (ok)
        tell(cli, plan, &inner, output);
    package_command_release(&command);
    package_tree_release(&outer);
    package_tree_release(&inner);
    return ok;
}

/* What the options say about a plan. */
static bool take_options(const struct arguments *arguments, struct package_plan *plan,
                         struct error *err)
{
    static const char *const commands[] = {"serve", "fn", "lambda"};
    const char *command = option_value(arguments, "command"), *image = option_value(arguments, "image");
    plan->image = image ? image : "registry.example.com/sluice:" SLUICE_VERSION;
    if (!command)
        return true;
    if (plan->target->form != PACKAGE_IMAGE)
        return error_set(err, ERROR_INVALID, "'--command' is for oci-image; other targets have theirs");
    for (size_t i = 0; i < 3; i++)
        if (strcmp(command, commands[i]) == 0)
            plan->command = commands[i];
    return strcmp(plan->command, command) == 0 ||
           error_set(err, ERROR_INVALID, "'--command %.32s': expected serve, fn or lambda", command);
}

/* What is packaged are modules and settings. The workspace's store may be where only the package runs, and
 * nothing is to be made there now. */
static bool open_service(struct cli *cli, struct service **out, struct error *err)
{
    struct workspace *workspace = NULL;
    if (!cli_open_workspace(cli, &workspace, err))
        return false;
    free(workspace->store_file);
    workspace->store_file = strdup(STORE_IN_MEMORY);
    workspace->store_place = STORE_MEMORY_ONLY;
    workspace->activation = ACTIVATION_AUTOMATIC;
    if (workspace->store_file)
        return service_open(out, workspace, err);
    workspace_close(workspace);
    return error_set(err, ERROR_LIMIT, "out of memory");
}

static int run(struct cli *cli, const struct arguments *arguments)
{
    struct service *service = NULL;
    struct package_plan plan = {0};
    struct error err = {0};
    char output[OUTPUT_SIZE_MAX + 1];
    const struct package_target *target = find_target(arguments->words[0], &err);
    const char *given = option_value(arguments, "output");
    int size = snprintf(output, sizeof output, "%s%s", given ? given : "package-",
                        given ? "" : arguments->words[0]);
    bool ok = target != NULL;
    if (ok && size > (int)OUTPUT_SIZE_MAX)
        ok = error_set(&err, ERROR_LIMIT, "the name of the output is longer than %u bytes",
                       OUTPUT_SIZE_MAX);
    if (ok && file_exists(output))
        ok = error_set(&err, ERROR_INVALID,
                       "'%s' exists already: remove it, or name another place with "
                       "--output",
                       output);
    ok = ok && open_service(cli, &service, &err) &&
         package_plan_make(&plan, service, target, arguments->words + 1, arguments->word_count - 1,
                           &err) &&
         take_options(arguments, &plan, &err) && make(cli, &plan, output, &err);
    package_plan_release(&plan);
    service_close(service);
    return ok ? EXIT_DONE : cli_fail(cli, cli_status_of(&err), &err);
}

static const struct option_spec options[] = {
    {"output", 'o', "DIR", "Where the package goes; must not exist. Default: package-TARGET."},
    {"image", 0, "REFERENCE", "The image that descriptors for Knative and Kubernetes name."},
    {"command", 0, "COMMAND", "For oci-image: what it runs, serve (default), fn or lambda."},
};

const struct command cmd_package = {
    .name = "package",
    .summary = "makes a deployable for a serverless platform",
    .synopsis = "package TARGET [FLOW...] [--output DIR] [--image REFERENCE]",
    .description =
        "Writes what a platform takes: the program, the shared libraries that it is linked with, "
        "modules compiled ahead, trust anchors, and the workspace. FLOW: what is offered, default all "
        "flows, of each line of versions the newest; flows that they call travel along, and so do "
        "customisations, which must be fit to run. No compiler and no system is needed where it runs: "
        "containers begin from scratch.\n\n"
        "TARGET is one of fn (func.yaml, Dockerfile), lambda (function.zip with bootstrap), "
        "lambda-container, knative (service.yaml), kubernetes (a deployment, and a CronJob for each "
        "schedule) and oci-image (an image layout that skopeo or podman can push or run: nothing is "
        "built).\n\n"
        "Secrets are never in it: passwords, private keys and users.json are listed, for you to give "
        "them to the platform. Settings are those of sluice.json, but for where things are: state "
        "that stays needs an absolute \"state\" on a mounted volume, and a store in memory is the "
        "default where the platform keeps nothing; what is packaged is active there. The log goes to "
        "standard error. \"schedules\" is \"platform\" for knative and kubernetes unless sluice.json says "
        "otherwise. The same input makes the same bytes.",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .json =
        "{\"output\", \"target\", \"name\", \"parts\": [{\"part\", \"files\", \"bytes\"}], \"secrets\": "
        "[{\"kind\": \"env\"|\"file\"|\"credential\", \"name\", \"use\"}]}",
    .exit_status = "0  the package was made\n1  it could not be written\n"
                   "2  unknown target or flow, or a schedule that a CronJob cannot hold",
    .files = "sluice.json, connections.json, schedules.json, lookups/, certificates/",
    .examples =
        " sluice package lambda OUTL-BA-DACS_CCS_CUST_SYNC_ACK\n"
        " sluice package kubernetes --image registry.example.com/sluice:1\n"
        " sluice package oci-image -o image && skopeo copy oci:image:latest docker://REGISTRY/NAME",
    .words_min = 1,
    .words_max = CLI_ARGUMENTS_MAX,
    .run = run,
};
