/* SPDX-License-Identifier: MIT */
/* See host_parts.h, and plan.h for the key. The linker's --wrap leads the host's calls here. */
#include "host_parts.h"

#include <dirent.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "engine/import_rules.h"
#include "engine/module.h"
#include "plan.h"
#include "transfer/oci_key.h"

#define MODULES_MAX 16
#define MEMORY_PAGES_MAX (256u * 16) /* the default of "memory_mib_max" */

static struct {
    char path[512];
    off_t size;
    struct module *module;
} loaded[MODULES_MAX];
static int loaded_count;

MUST_USE bool __real_module_open(struct module **out, const char *path, const char *cache_folder,
                                 const struct module_policy *policy, struct error *err);
void __real_module_close(struct module *module);

bool host_parts_load(const char *functions_folder, struct error *err)
{
    char cache[512];
    size_t rule_count;
    const struct import_rule *rules = import_rules_flow(&rule_count);
    const struct module_policy policy = {
        .imports = rules, .import_count = rule_count, .memory_pages_max = MEMORY_PAGES_MAX};
    snprintf(cache, sizeof cache, "%s/compiled", functions_folder);
    DIR *folder = opendir(functions_folder);
    bool ok = folder || error_set(err, ERROR_NOT_FOUND, "no folder '%s'", functions_folder);
    for (struct dirent *entry; ok && loaded_count < MODULES_MAX && (entry = readdir(folder));) {
        struct stat about;
        char *path = loaded[loaded_count].path;
        if (!strstr(entry->d_name, ".wasm"))
            continue;
        snprintf(path, sizeof loaded[0].path, "%.200s/%.255s", functions_folder, entry->d_name);
        ok = __real_module_open(&loaded[loaded_count].module, path, cache, &policy, err) &&
             stat(path, &about) == 0;
        loaded[loaded_count].size = ok ? about.st_size : 0;
        loaded_count += ok;
    }
    if (folder)
        closedir(folder);
    return ok;
}

/* The same module is met under its own path, and under its digest where a workspace keeps it. */
static struct module *find(const char *path)
{
    struct stat about;
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    if (stat(path, &about) != 0)
        return NULL;
    for (int i = 0; i < loaded_count; i++) {
        const char *digest = module_digest(loaded[i].module);
        if (loaded[i].size == about.st_size &&
            (strcmp(loaded[i].path, path) == 0 || strncmp(digest, name, strlen(digest)) == 0))
            return loaded[i].module;
    }
    return NULL;
}

bool __wrap_module_open(struct module **out, const char *path, const char *cache_folder,
                        const struct module_policy *policy, struct error *err);
bool __wrap_module_open(struct module **out, const char *path, const char *cache_folder,
                        const struct module_policy *policy, struct error *err)
{
    *out = find(path);
    return *out || __real_module_open(out, path, cache_folder, policy, err);
}

void __wrap_module_close(struct module *module);
void __wrap_module_close(struct module *module)
{
    for (int i = 0; i < loaded_count; i++)
        if (loaded[i].module == module)
            return;
    __real_module_close(module);
}

/* ---- signatures ------------------------------------------------------------------------------ */

bool __wrap_oci_key_sign(const struct oci_key *key, const void *text, size_t size, struct buf *out,
                         struct error *err);
bool __wrap_oci_key_sign(const struct oci_key *key, const void *text, size_t size, struct buf *out,
                         struct error *err)
{
    (void)key, (void)text, (void)size, (void)err;
    buf_append_text(out, "c2lnbmVk");
    return true;
}

bool signing_key_make(struct signing_key *key, const char *folder, struct error *err)
{
    struct buf pem;
    snprintf(key->path, sizeof key->path, "%s/key.pem", folder);
    EVP_PKEY *pair = EVP_RSA_gen(2048);
    FILE *file = pair ? fopen(key->path, "w") : NULL;
    bool ok = file && PEM_write_PrivateKey(file, pair, NULL, NULL, 0, NULL, NULL) == 1;
    ok = (!file || fclose(file) == 0) && ok;
    EVP_PKEY_free(pair);
    if (!ok)
        return error_set(err, ERROR_INTERNAL, "cannot make a key at '%s'", key->path);
    buf_init(&pem, OCI_KEY_FILE_SIZE_MAX);
    struct oci_key *read = file_read(key->path, &pem, err)
                               ? oci_key_parse(buf_text(&pem), pem.size, NULL, OCI_KEY_BITS_MIN, err)
                               : NULL;
    if (read)
        snprintf(key->fingerprint, sizeof key->fingerprint, "%s", oci_key_fingerprint(read));
    oci_key_free(read);
    buf_release(&pem);
    return read != NULL;
}
