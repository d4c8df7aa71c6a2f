/* SPDX-License-Identifier: MIT */
/* See sign.h. */
#include "flow/sign.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "capability/filter_cache.h"
#include "engine/section.h"
#include "engine/signature.h"
#include "engine/verifier.h"

static bool is_module(const char *path)
{
    size_t size = strlen(path);
    return size > 5 && strcmp(path + size - 5, ".wasm") == 0;
}

/* What the file keeps: who signs it changes nothing about who may read it. */
static unsigned mode_of(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 ? about.st_mode & 0777 : 0644;
}

static bool sign_module(const struct signing_key *key, const char *path, struct buf *module,
                        struct error *err)
{
    struct buf line;
    const char *old;
    size_t old_size;
    buf_init(&line, SIGNATURE_LINE_MAX);
    module->size = signature_find(module->data, module->size, &old, &old_size);
    bool ok = signature_make(key, module->data, module->size, &line, err);
    if (ok)
        section_append(module, SIGNATURE_SECTION, buf_text(&line), line.size);
    if (ok && module->failed)
        ok = error_set(err, ERROR_LIMIT, "'%s' would be larger than %u bytes", path,
                       VERIFIER_MODULE_SIZE_MAX);
    buf_release(&line);
    return ok && file_write(path, module->data, module->size, mode_of(path), err);
}

static bool sign_beside(const struct signing_key *key, const char *path, const struct buf *bytes,
                        struct error *err)
{
    struct buf line;
    char *beside = NULL;
    buf_init(&line, SIGNATURE_LINE_MAX);
    bool ok = asprintf(&beside, "%s" SIGNATURE_SUFFIX, path) >= 0 ||
              error_set(err, ERROR_LIMIT, "out of memory");
    ok = ok && signature_make(key, buf_text(bytes), bytes->size, &line, err) &&
         file_write(beside, line.data, line.size, mode_of(path), err);
    buf_release(&line);
    free(beside);
    return ok;
}

bool sign_file(const char *key_path, const char *path, char id[static SIGN_NAME_SIZE],
               struct error *err)
{
    struct signing_key key;
    struct buf bytes;
    if (!signing_key_read(&key, key_path, err))
        return false;
    snprintf(id, SIGN_NAME_SIZE, "%s", key.public_key.id);
    buf_init(&bytes, VERIFIER_MODULE_SIZE_MAX);
    bool ok = file_read(path, &bytes, err) && (is_module(path) ? sign_module(&key, path, &bytes, err)
                                                               : sign_beside(&key, path, &bytes, err));
    buf_release(&bytes);
    signing_key_wipe(&key);
    return ok;
}

bool sign_new_key(const char *name, char id[static SIGN_NAME_SIZE], struct error *err)
{
    struct trusted_key key;
    char *private_path = NULL, *public_path = NULL;
    bool ok = (asprintf(&private_path, "%s.key", name) >= 0 &&
               asprintf(&public_path, "%s.pem", name) >= 0) ||
              error_set(err, ERROR_LIMIT, "out of memory");
    ok = ok && signing_key_new(private_path, public_path, err) &&
         trusted_key_read(&key, public_path, err);
    if (ok)
        snprintf(id, SIGN_NAME_SIZE, "%s", key.id);
    free(private_path);
    free(public_path);
    return ok;
}

bool sign_verify(const struct workspace *workspace, const char *path,
                 char signer[static SIGN_NAME_SIZE], struct error *err)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    struct filter filter = {.point = (char *)"", .name = (char *)(uintptr_t)name};
    struct filter_cache *cache = filter_cache_new(workspace);
    bool ok = cache || error_set(err, ERROR_LIMIT, "out of memory");
    if (ok && !filter_cache_add(cache, path, &filter)) {
        *err = filter.problem;
        ok = false;
    }
    snprintf(signer, SIGN_NAME_SIZE, "%s", filter.signer);
    filter_cache_free(cache);
    return ok;
}
