/* SPDX-License-Identifier: MIT */
/*
 * A module: verified, translated ahead of time, loaded. Immutable once loaded and shared by all
 * threads; sandboxes are made from it (engine/sandbox.h).
 */
#ifndef ENGINE_MODULE_H
#define ENGINE_MODULE_H
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* One import that a module's kind may have. signature is "<params>:<results>" in letters i (i32),
 * I (i64), f, F; e.g. "iiii:i". */
struct import_rule {
    const char *module;
    const char *name;
    const char *signature;
};

#define MODULE_MADE_FOLDERS 2

/* What the verifier holds a module against, and what its memory is capped to. */
struct module_policy {
    const struct import_rule *imports; /* the allow-list of the module's kind */
    size_t import_count;
    uint32_t memory_pages_max; /* 64 KiB pages; the module's own maximum is lowered to it */
    const char *made_folders[MODULE_MADE_FOLDERS]; /* of modules that were compiled elsewhere; asked first
                                                      and never written. NULL: none */
};

struct module;

/*
 * Loads the module at wasm_path: reads, verifies, looks for <sha256>.so in the policy's made_folders and
 * in cache_folder (owner and mode are checked), else translates and compiles it in cache_folder, in a
 * limited child process.
 * ERROR_INVALID names what the verifier refused; ERROR_LIMIT, ERROR_NOT_FOUND, ERROR_INTERNAL.
 * The module is never unloaded while a sandbox of it runs; module_close releases it.
 */
MUST_USE bool module_open(struct module **out, const char *wasm_path, const char *cache_folder,
                          const struct module_policy *policy, struct error *err);
void module_close(struct module *module); /* NULL is fine */

/* The manifest carried in the custom section, or NULL. Borrowed. */
const char *module_manifest(const struct module *module, size_t *size);

/* Path of the shared object that was compiled from it. Borrowed. */
const char *module_library(const struct module *module);

/* Lower-case hex SHA-256 of the .wasm file as it was read. */
const char *module_digest(const struct module *module);
#endif
