/* SPDX-License-Identifier: MIT */
/* See filter_cache.h. Two locks: `list` is held for moments, `loading` while a module is compiled. */
#include "capability/filter_cache.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "capability/trust.h"
#include "engine/digest.h"
#include "engine/import_rules.h"
#include "engine/verifier.h"
#include "workspace/kept_file.h"

#define PAGES_PER_MIB 16u

_Static_assert(FILTER_DIGEST_SIZE == DIGEST_TEXT_SIZE, "a digest fits");

struct entry {
    struct entry *next;
    char digest[FILTER_DIGEST_SIZE];
    struct module *module; /* NULL: of a mapping */
    char *mapping;
};

struct filter_cache {
    const struct workspace *workspace;
    char *compiled_folder;
    pthread_mutex_t list, loading;
    struct entry *entries;
    struct module *mapper; /* applies mappings; opened when the first one is */
};

struct filter_cache *filter_cache_new(const struct workspace *workspace)
{
    struct filter_cache *cache = calloc(1, sizeof *cache);
    if (!cache)
        return NULL;
    cache->workspace = workspace;
    cache->compiled_folder = file_join(workspace->state_folder, "compiled");
    pthread_mutex_init(&cache->list, NULL);
    pthread_mutex_init(&cache->loading, NULL);
    if (cache->compiled_folder)
        return cache;
    filter_cache_free(cache);
    return NULL;
}

static void free_entry(struct entry *entry)
{
    module_close(entry->module);
    free(entry->mapping);
    free(entry);
}

void filter_cache_free(struct filter_cache *cache)
{
    if (!cache)
        return;
    while (cache->entries) {
        struct entry *entry = cache->entries;
        cache->entries = entry->next;
        free_entry(entry);
    }
    module_close(cache->mapper);
    pthread_mutex_destroy(&cache->list);
    pthread_mutex_destroy(&cache->loading);
    free(cache->compiled_folder);
    free(cache);
}

/* ---- opening -------------------------------------------------------------------------------------- */

static bool is_program(const char *name)
{
    size_t length = strlen(name);
    return length > 5 && strcmp(name + length - 5, ".wasm") == 0;
}

static char *kept_path(const struct filter_cache *cache, const char *name, const char *digest)
{
    return kept_file_path(cache->workspace->state_folder, digest, is_program(name) ? "wasm" : "json");
}

/* What the build or a package has compiled lies with the flows, as a rule the mapper; the rest is made here. */
static bool open_module(struct filter_cache *cache, const char *path, struct module **out,
                        struct error *err)
{
    struct module_policy policy = {
        .memory_pages_max = cache->workspace->filters.memory_mib * PAGES_PER_MIB,
        .made_folders = {cache->workspace->cache_folder}};
    policy.imports = import_rules_filter(&policy.import_count);
    return module_open(out, path, cache->compiled_folder, &policy, err);
}

static bool open_mapper(struct filter_cache *cache, struct error *err)
{
    if (cache->mapper)
        return true;
    char *path = file_join(cache->workspace->functions_folder, FILTER_MAPPING_MODULE);
    bool ok = path ? open_module(cache, path, &cache->mapper, err)
                   : error_set(err, ERROR_LIMIT, "out of memory");
    free(path);
    return ok;
}

/* That it is JSON is seen here; what its rules mean, by the module that applies them. */
static bool open_mapping(struct filter_cache *cache, const char *path, struct entry *entry,
                         struct error *err)
{
    struct buf text;
    char digest[FILTER_DIGEST_SIZE];
    buf_init(&text, FILTER_MAPPING_SIZE_MAX);
    bool ok = file_read(path, &text, err);
    if (ok && strcmp(digest_hex(NULL, text.data, text.size, digest), entry->digest) != 0)
        ok = error_set(err, ERROR_INVALID, "'%s' is not the file that its name says", path);
    cJSON *document = ok ? json_parse(buf_text(&text), text.size, "mapping", JSON_STRICT, err) : NULL;
    ok = document && open_mapper(cache, err);
    cJSON_Delete(document);
    entry->mapping = ok ? buf_take(&text, NULL) : NULL;
    buf_release(&text);
    return ok;
}

static bool open_program(struct filter_cache *cache, const char *path, struct entry *entry,
                         struct error *err)
{
    if (!open_module(cache, path, &entry->module, err))
        return false;
    return strcmp(module_digest(entry->module), entry->digest) == 0 ||
           error_set(err, ERROR_INVALID, "'%s' is not the file that its name says", path);
}

static struct entry *find(struct filter_cache *cache, const char *digest)
{
    pthread_mutex_lock(&cache->list);
    struct entry *entry = cache->entries;
    while (entry && strcmp(entry->digest, digest) != 0)
        entry = entry->next;
    pthread_mutex_unlock(&cache->list);
    return entry;
}

static void insert(struct filter_cache *cache, struct entry *entry)
{
    pthread_mutex_lock(&cache->list);
    entry->next = cache->entries;
    cache->entries = entry;
    pthread_mutex_unlock(&cache->list);
}

static struct entry *load(struct filter_cache *cache, const char *name, const char *digest,
                          struct error *err)
{
    char *path = kept_path(cache, name, digest);
    struct entry *entry = calloc(1, sizeof *entry);
    bool ok = path && entry;
    if (!ok)
        error_set(err, ERROR_LIMIT, "out of memory");
    if (ok) {
        memcpy(entry->digest, digest, sizeof entry->digest);
        ok = is_program(name) ? open_program(cache, path, entry, err)
                              : open_mapping(cache, path, entry, err);
    }
    free(path);
    if (ok)
        insert(cache, entry);
    else if (entry)
        free_entry(entry);
    return ok ? entry : NULL;
}

bool filter_cache_find(struct filter_cache *cache, const char *digest, struct filter *filter)
{
    struct entry *entry = find(cache, digest);
    memmove(filter->digest, digest, FILTER_DIGEST_SIZE);
    if (!entry) {
        pthread_mutex_lock(&cache->loading);
        entry = find(cache, digest);
        if (!entry)
            entry = load(cache, filter->name, digest, &filter->problem);
        pthread_mutex_unlock(&cache->loading);
    }
    if (!entry)
        return false;
    filter->module = entry->mapping ? cache->mapper : entry->module;
    filter->mapping = entry->mapping;
    return true;
}

bool filter_cache_use(const struct filter_cache *cache, const struct filter *filter)
{
    char *path = kept_path(cache, filter->name, filter->digest);
    bool is_kept = path && kept_file_use(path);
    free(path);
    return is_kept;
}

/* Copies the file under its digest, unless that was done before. */
static bool keep(const char *path, const struct buf *bytes, bool *is_new, struct error *err)
{
    *is_new = !kept_file_use(path);
    return !*is_new || kept_file_write(path, bytes->data, bytes->size, err);
}

/* What turns out to be refused is not kept. */
static bool take_up(struct filter_cache *cache, const struct buf *bytes, const char *digest,
                    struct filter *filter)
{
    bool is_new = false;
    char *path = kept_path(cache, filter->name, digest);
    bool ok = path ? keep(path, bytes, &is_new, &filter->problem) &&
                         filter_cache_find(cache, digest, filter)
                   : error_set(&filter->problem, ERROR_LIMIT, "out of memory");
    if (!ok && is_new)
        unlink(path);
    free(path);
    return ok;
}

bool filter_cache_add(struct filter_cache *cache, const char *path, struct filter *filter)
{
    struct buf bytes;
    char digest[FILTER_DIGEST_SIZE];
    buf_init(&bytes, is_program(filter->name) ? VERIFIER_MODULE_SIZE_MAX : FILTER_MAPPING_SIZE_MAX);
    bool ok = file_read(path, &bytes, &filter->problem);
    memset(filter->digest, '0', FILTER_DIGEST_SIZE - 1); /* of what cannot be read */
    if (ok) {
        digest_hex(NULL, bytes.data, bytes.size, digest);
        memcpy(filter->digest, digest, sizeof digest);
        ok = trust_check(cache->workspace, path, &bytes, filter->signer, &filter->problem) &&
             take_up(cache, &bytes, digest, filter);
    }
    buf_release(&bytes);
    return ok;
}
