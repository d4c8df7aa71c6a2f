/* SPDX-License-Identifier: MIT */
/*
 * From a verified module to a shared object in the cache: wasm2c (under Node.js) and the C
 * compiler, each in a limited child (child.h). Cached files are named by a digest of the verified
 * bytes and of everything that shapes the result: engine, header, translator version, flags. Beside each
 * stands what its own digest was when it was made; one that has another now is not loaded. Where
 * helper_start was called, the helper starts the tools, those of its environment at that time.
 * Thread-safe; two translations of the same module at once do the work twice and agree.
 */
#ifndef ENGINE_TRANSLATE_H
#define ENGINE_TRANSLATE_H
#include "engine/verifier.h"

/* What is behind a cached file's name for that of its digest. */
#define TRANSLATE_SUM_SUFFIX ".sha256"

/* The tools. Built in at configuration; each can be replaced in the environment. */
struct translate_tools {
    const char *node;          /* SLUICE_NODE */
    const char *wasm2c;        /* SLUICE_WASM2C: the script of npm's wabt 1.0.39 */
    const char *compiler;      /* SLUICE_CC */
    const char *header_folder; /* SLUICE_WASM_RT: the folder of wasm-rt.h */
};

void translate_tools_default(struct translate_tools *tools);

/*
 * Gives the path of the module's shared object in cache_folder, made there if it is missing; the
 * caller frees *path. The folder is created with mode 0700.
 * ERROR_DENIED: folder or file belongs to somebody else, others can write it, or its digest is another. ERROR_INVALID: the
 * translator or compiler refused. ERROR_LIMIT, ERROR_TIMEOUT, ERROR_INTERNAL.
 */
MUST_USE bool translate(const struct verified_module *module, const char *cache_folder,
                        const struct translate_tools *tools, char **path, struct error *err);

/* Gives the path of what was made of the module earlier and lies in folder, where nothing is made; the
 * caller frees *path, NULL where there is none, nor such a folder. ERROR_DENIED as above. */
MUST_USE bool translate_find(const struct verified_module *module, const char *folder, char **path,
                             struct error *err);

/* The step of it that starts programs: guest.wasm and glue.c in folder (a work folder of translate,
 * mode 0700) become guest.so. is_large: compiled fast rather than for speed. Errors as translate. */
#define TRANSLATE_WORK_PREFIX ".work-" /* of the folder's name */
MUST_USE bool translate_run_tools(const struct translate_tools *tools, const char *folder,
                                  bool is_large, struct error *err);
#endif
