/* SPDX-License-Identifier: MIT */
/* See module.h. A module lives as long as its opener or any slot refers to it. */
#include "engine/module.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "engine/digest.h"
#include "engine/module_private.h"
#include "engine/translate.h"

_Static_assert(MODULE_DIGEST_SIZE == DIGEST_TEXT_SIZE, "a digest fits");

static struct module *module_new(const struct module_policy *policy)
{
    struct module *module = calloc(1, sizeof *module);
    if (!module)
        return NULL;
    atomic_init(&module->references, 1);
    atomic_init(&module->is_closed, false);
    pthread_mutex_init(&module->image_lock, NULL);
    module->memory_pages_max = policy->memory_pages_max < VERIFIER_MEMORY_PAGES_MAX
                                   ? policy->memory_pages_max
                                   : VERIFIER_MEMORY_PAGES_MAX;
    return module;
}

static void module_free(struct module *module)
{
    if (module->library)
        dlclose(module->library);
    image_release(&module->image);
    pthread_mutex_destroy(&module->image_lock);
    free(module->library_path);
    free(module->manifest);
    free(module);
}

void module_retain(struct module *module)
{
    atomic_fetch_add(&module->references, 1);
}

void module_release(struct module *module)
{
    if (atomic_fetch_sub(&module->references, 1) == 1)
        module_free(module);
}

/* All symbols are bound at once: a signal must never find the loader's lock held by guest code. */
static bool load_library(struct module *module, const char *path, struct error *err)
{
    if (wasm_rt_is_initialized()) /* Also keeps the runtime in executables linked from archives. */
        module->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!module->library)
        return error_set(err, ERROR_INTERNAL, "cannot load the compiled module: %s", dlerror());
    module->entry = dlsym(module->library, "sluice_module");
    if (!module->entry || module->entry->version != SLUICE_MODULE_ENTRY_VERSION)
        return error_set(err, ERROR_INVALID, "'%s' was compiled for another version", path);
    return true;
}

/* Where it was compiled already, or will be. */
static bool find_or_make(const struct verified_module *verified, const char *cache_folder,
                         const char *const made_folders[MODULE_MADE_FOLDERS], char **library,
                         struct error *err)
{
    struct translate_tools tools;
    translate_tools_default(&tools);
    for (int i = 0; i < MODULE_MADE_FOLDERS && !*library; i++)
        if (made_folders[i] && !translate_find(verified, made_folders[i], library, err))
            return false;
    return *library || translate(verified, cache_folder, &tools, library, err);
}

static bool load(struct module *module, const struct buf *bytes, const char *cache_folder,
                 const struct module_policy *policy, struct error *err)
{
    struct verified_module verified;
    char *library = NULL;
    const bool ok = verifier_check(bytes->data, bytes->size, policy, &verified, err) &&
                    find_or_make(&verified, cache_folder, policy->made_folders, &library, err) &&
                    load_library(module, library, err);
    module->manifest = verified.manifest;
    module->manifest_size = verified.manifest_size;
    verified.manifest = NULL;
    verified_module_release(&verified);
    module->library_path = library;
    return ok;
}

bool module_open(struct module **out, const char *wasm_path, const char *cache_folder,
                 const struct module_policy *policy, struct error *err)
{
    *out = NULL;
    struct buf bytes;
    buf_init(&bytes, VERIFIER_MODULE_SIZE_MAX);
    struct module *module = module_new(policy);
    bool ok = module || error_set(err, ERROR_INTERNAL, "out of memory");
    ok = ok && file_read(wasm_path, &bytes, err);
    if (ok) {
        digest_hex(NULL, bytes.data, bytes.size, module->digest);
        ok = load(module, &bytes, cache_folder, policy, err) ||
             error_context(err, "module '%s'", wasm_path);
    }
    buf_release(&bytes);
    if (ok)
        *out = module;
    else if (module)
        module_release(module);
    return ok;
}

void module_close(struct module *module)
{
    if (!module)
        return;
    atomic_store(&module->is_closed, true);
    module_release(module);
}

const char *module_manifest(const struct module *module, size_t *size)
{
    if (size)
        *size = module->manifest_size;
    return module->manifest;
}

const char *module_library(const struct module *module)
{
    return module->library_path;
}

const char *module_digest(const struct module *module)
{
    return module->digest;
}
