/* SPDX-License-Identifier: MIT */
/*
 * sluice-translate: what module_open does before it loads anything, for builds and for operators
 * who want modules compiled ahead of the first start. Also puts a manifest into a module, because
 * no packaged tool adds a custom section to WebAssembly.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "engine/import_rules.h"
#include "engine/section.h"
#include "engine/translate.h"
#include "sluice/abi.h"

#define EXIT_USAGE 2

static const char usage[] =
    "usage: sluice-translate MODULE.wasm --cache FOLDER [--filter]\n"
    "       sluice-translate MODULE.wasm --embed MANIFEST.json --output MODULE.wasm\n"
    "\n"
    "Verifies a module and compiles it into FOLDER, where sluice finds it; prints the path.\n"
    "  --cache FOLDER    where the compiled module goes\n"
    "  --filter          hold it against what a customisation may import, not a flow\n"
    "  --embed FILE      instead add FILE as the custom section \"" SLUICE_MANIFEST_SECTION "\"\n"
    "  --output FILE     where the module with its manifest goes\n"
    "\n"
    "Tools are those found when this program was built, or those named by SLUICE_NODE,\n"
    "SLUICE_WASM2C, SLUICE_CC and SLUICE_WASM_RT in the environment.\n"
    "Exit status: 0 done, 1 refused or failed, 2 usage.\n";

struct options {
    const char *module;
    const char *cache;
    const char *manifest;
    const char *output;
    bool is_filter;
};

static bool parse_options(int argc, char **argv, struct options *options)
{
    static const struct option names[] = {
        {"cache", required_argument, NULL, 'c'}, {"embed", required_argument, NULL, 'e'},
        {"output", required_argument, NULL, 'o'}, {"filter", no_argument, NULL, 'f'},
        {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    int option;
    while ((option = getopt_long(argc, argv, "h", names, NULL)) != -1) {
        switch (option) {
        case 'c': options->cache = optarg; break;
        case 'e': options->manifest = optarg; break;
        case 'o': options->output = optarg; break;
        case 'f': options->is_filter = true; break;
        case 'h': fputs(usage, stdout); exit(EXIT_SUCCESS);
        default: return false;
        }
    }
    if (optind + 1 != argc)
        return false;
    options->module = argv[optind];
    return options->manifest ? options->output && !options->cache : options->cache != NULL;
}

static bool embed(const struct options *options, struct buf *wasm, struct error *err)
{
    struct buf manifest;
    buf_init(&manifest, VERIFIER_MANIFEST_SIZE_MAX);
    bool ok = file_read(options->manifest, &manifest, err);
    if (ok) {
        section_append(wasm, SLUICE_MANIFEST_SECTION, manifest.data, manifest.size); /* may come last */
        if (wasm->failed)
            ok = error_set(err, ERROR_LIMIT, "the module would be larger than %u bytes",
                           VERIFIER_MODULE_SIZE_MAX);
    }
    ok = ok && file_write(options->output, wasm->data, wasm->size, 0644, err);
    buf_release(&manifest);
    return ok;
}

static bool compile(const struct options *options, const struct buf *wasm, struct error *err)
{
    struct module_policy policy = {.memory_pages_max = VERIFIER_MEMORY_PAGES_MAX};
    policy.imports = options->is_filter ? import_rules_filter(&policy.import_count)
                                        : import_rules_flow(&policy.import_count);
    struct translate_tools tools;
    translate_tools_default(&tools);
    struct verified_module verified;
    char *path = NULL;
    const bool ok = verifier_check(wasm->data, wasm->size, &policy, &verified, err) &&
                    translate(&verified, options->cache, &tools, &path, err);
    if (ok)
        puts(path);
    free(path);
    verified_module_release(&verified);
    return ok;
}

int main(int argc, char **argv)
{
    struct options options = {0};
    if (!parse_options(argc, argv, &options)) {
        fputs(usage, stderr);
        return EXIT_USAGE;
    }
    struct buf wasm;
    struct error err;
    buf_init(&wasm, VERIFIER_MODULE_SIZE_MAX);
    const bool ok = file_read(options.module, &wasm, &err) &&
                    (options.manifest ? embed(&options, &wasm, &err)
                                      : compile(&options, &wasm, &err));
    buf_release(&wasm);
    if (ok)
        return EXIT_SUCCESS;
    fprintf(stderr, "sluice-translate: %s: %s\n", options.module, err.message);
    return EXIT_FAILURE;
}
