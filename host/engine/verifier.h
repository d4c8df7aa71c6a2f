/* SPDX-License-Identifier: MIT */
/*
 * The strict reader that every module passes before the translator sees a byte of it. It proves
 * structure (sections, counts, indices, opcodes, nesting) and policy (imports, features, sizes);
 * type checking is left to the translator, which runs in a sandbox of its own. What it accepts is
 * WebAssembly 1.0 plus sign extension, saturating conversions and bulk memory. Pure, thread-safe.
 *
 * Its output is a copy without custom sections whose memory has a maximum.
 */
#ifndef ENGINE_VERIFIER_H
#define ENGINE_VERIFIER_H
#include "base/buf.h"
#include "base/error.h"
#include "engine/module.h"

#define VERIFIER_MODULE_SIZE_MAX (8u << 20)   /* bytes of the whole file */
#define VERIFIER_MANIFEST_SIZE_MAX (64u << 10)
#define VERIFIER_NAME_SIZE_MAX 128u           /* an import or export name */
#define VERIFIER_TYPES_MAX 1000u
#define VERIFIER_PARAMS_MAX 64u               /* parameters of one function type */
#define VERIFIER_IMPORTS_MAX 128u
#define VERIFIER_FUNCTIONS_MAX 20000u
#define VERIFIER_GLOBALS_MAX 1000u
#define VERIFIER_EXPORTS_MAX 64u
#define VERIFIER_TABLE_MAX 16384u             /* elements */
#define VERIFIER_ELEMENTS_MAX 1000u           /* element segments */
#define VERIFIER_DATA_MAX 10000u              /* data segments */
/* One function of 170 KB kept gcc -O2 busy for 65 s and 1.3 GB; one of 43 KB takes 3 s. */
#define VERIFIER_BODY_SIZE_MAX (64u << 10)
#define VERIFIER_LOCALS_MAX 10000u            /* of one function, parameters included */
#define VERIFIER_NESTING_MAX 1024u            /* blocks within blocks of one function */
#define VERIFIER_BRANCHES_MAX 4096u           /* targets of one br_table */
/* What a module without a maximum of its own gets; policies only lower it. 1 GiB. */
#define VERIFIER_MEMORY_PAGES_MAX 16384u

struct verified_module {
    struct buf clean;             /* what the translator may see */
    char *manifest;               /* custom section sluice.manifest with a NUL behind it, or NULL */
    size_t manifest_size;
    uint32_t import_module_count; /* distinct names of import modules */
    uint32_t memory_pages_min;
};

/* ERROR_INVALID names what was refused and where; ERROR_LIMIT a module above the size limit;
 * ERROR_INTERNAL: out of memory. out is set in every case and released by the caller. */
MUST_USE bool verifier_check(const void *bytes, size_t size, const struct module_policy *policy,
                             struct verified_module *out, struct error *err);
void verified_module_release(struct verified_module *module); /* a zeroed one is fine */
#endif
