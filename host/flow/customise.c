/* SPDX-License-Identifier: MIT */
/* See customise.h. The versions of a file are numbered files in a folder of its name; which one is in place
 * is told by comparing bytes, so files that people put there by hand take part. */
#include "flow/customise.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "capability/filter_cache.h"
#include "engine/signature.h"
#include "engine/verifier.h"
#include "flow/customise_private.h"
#include "flow/registry.h"

#define VERSIONS_FOLDER "versions"

struct customise {
    const struct workspace *workspace;
    struct registry registry;
    struct filter_cache *cache;
};

bool customise_open(struct customise **out, const struct workspace *workspace, struct error *err)
{
    struct customise *customise = calloc(1, sizeof *customise);
    if (!customise)
        return error_set(err, ERROR_LIMIT, "out of memory");
    customise->workspace = workspace;
    customise->cache = filter_cache_new(workspace);
    bool ok = (customise->cache || error_set(err, ERROR_LIMIT, "out of memory")) &&
              registry_open(&customise->registry, workspace, err);
    if (ok)
        *out = customise;
    else
        customise_close(customise);
    return ok;
}

void customise_close(struct customise *customise)
{
    if (!customise)
        return;
    registry_close(&customise->registry);
    filter_cache_free(customise->cache);
    free(customise);
}

const struct manifest *customise_flow(const struct customise *customise, const char *name,
                                      struct error *err)
{
    size_t index;
    return registry_find(&customise->registry, name, &index, err)
               ? registry_flow(&customise->registry, index)->manifest
               : NULL;
}

struct filter_cache *customise_cache(const struct customise *customise)
{
    return customise->cache;
}

const struct workspace *customise_workspace(const struct customise *customise)
{
    return customise->workspace;
}

size_t customise_flow_count(const struct customise *customise)
{
    return customise->registry.count;
}

const struct manifest *customise_flow_at(const struct customise *customise, size_t index)
{
    return registry_flow(&customise->registry, index)->manifest;
}

static bool declares(const struct manifest *flow, const char *point)
{
    for (size_t i = 0; point && i < flow->extension_point_count; i++)
        if (strcmp(flow->extension_points[i], point) == 0)
            return true;
    return false;
}

bool customise_check_point(const struct manifest *flow, const char *point, struct error *err)
{
    struct buf legal;
    if (declares(flow, point))
        return true;
    buf_init(&legal, 1024);
    for (size_t i = 0; i < flow->extension_point_count; i++)
        buf_printf(&legal, "%s%s", i ? ", " : "", flow->extension_points[i]);
    error_set(err, ERROR_NOT_FOUND, "flow '%s' has no extension point '%.40s'; it has %s",
              flow->identifier, point, legal.size ? buf_text(&legal) : "none");
    buf_release(&legal);
    return false;
}

/* ---- versions ------------------------------------------------------------------------------------- */

/* One file of a flow and where its versions are. */
struct place {
    char *path;     /* in place */
    char *versions; /* the folder of its versions */
    unsigned count, current; /* versions; the one in place, 0: none of them */
};

static void place_release(struct place *place)
{
    free(place->path);
    free(place->versions);
}

static bool read_all(const char *path, struct buf *bytes, struct error *err)
{
    buf_init(bytes, VERIFIER_MODULE_SIZE_MAX);
    return file_read(path, bytes, err);
}

static char *version_path(const struct place *place, unsigned number)
{
    char *path = NULL;
    return asprintf(&path, "%s/%u", place->versions, number) < 0 ? NULL : path;
}

static bool is_same_file(const char *a, const char *b)
{
    struct buf left, right;
    bool same = read_all(a, &left, NULL);
    same = read_all(b, &right, NULL) && same;
    same = same && left.size == right.size &&
           (left.size == 0 || memcmp(left.data, right.data, left.size) == 0);
    buf_release(&left);
    buf_release(&right);
    return same;
}

static bool place_of(const struct customise *customise, const char *flow, const char *name,
                     struct place *place, struct error *err)
{
    char *folder = customisation_folder(customise->workspace->folder, flow);
    *place = (struct place){.path = folder ? file_join(folder, name) : NULL};
    if (!folder || asprintf(&place->versions, "%s/" VERSIONS_FOLDER "/%s", folder, name) < 0)
        place->versions = NULL;
    free(folder);
    if (!place->path || !place->versions)
        return error_set(err, ERROR_LIMIT, "out of memory");
    for (;;) {
        char *path = version_path(place, place->count + 1);
        if (!path)
            return error_set(err, ERROR_LIMIT, "out of memory");
        bool exists = file_exists(path);
        if (exists && is_same_file(path, place->path))
            place->current = place->count + 1;
        free(path);
        if (!exists || place->count == CUSTOMISE_VERSIONS_MAX)
            return true;
        place->count++;
    }
}

/* Copies a file; one that is missing is taken away at the target, too. */
static bool copy(const char *from, const char *to, bool must_exist, struct error *err)
{
    struct buf bytes;
    if (!must_exist && !file_exists(from))
        return unlink(to) == 0 || errno == ENOENT ||
               error_errno(err, ERROR_DENIED, errno, "cannot remove '%s'", to);
    bool ok = read_all(from, &bytes, err) && file_write(to, bytes.data, bytes.size, 0644, err);
    buf_release(&bytes);
    return ok;
}

/* The file, and the signature beside it where there is one; the signature goes first, so that the file is
 * never seen with another's. */
static bool copy_signed(const char *from, const char *to, struct error *err)
{
    char *from_beside = NULL, *to_beside = NULL;
    bool ok = (asprintf(&from_beside, "%s" SIGNATURE_SUFFIX, from) >= 0 &&
               asprintf(&to_beside, "%s" SIGNATURE_SUFFIX, to) >= 0) ||
              error_set(err, ERROR_LIMIT, "out of memory");
    ok = ok && copy(from_beside, to_beside, false, err) && copy(from, to, true, err);
    free(from_beside);
    free(to_beside);
    return ok;
}

/* Keeps the file at path as the next version. */
static bool keep_version(struct place *place, const char *path, unsigned *number, struct error *err)
{
    if (place->count >= CUSTOMISE_VERSIONS_MAX)
        return error_set(err, ERROR_LIMIT, "more than %d versions in '%s'", CUSTOMISE_VERSIONS_MAX,
                         place->versions);
    char *to = version_path(place, place->count + 1);
    bool ok = to ? file_make_folder(place->versions, err) && copy_signed(path, to, err)
                 : error_set(err, ERROR_LIMIT, "out of memory");
    free(to);
    if (ok)
        *number = ++place->count;
    return ok;
}

/* What somebody put there by hand is kept before it is replaced. */
static bool keep_current(struct place *place, struct error *err)
{
    return place->current || !file_exists(place->path) ||
           keep_version(place, place->path, &place->current, err);
}

/* ---- looking ---------------------------------------------------------------------------------------- */

static bool list_one(struct customise *customise, const struct manifest *flow,
                     const struct customisation_file *file, customise_entry_fn *fn, void *context,
                     struct error *err)
{
    struct place place;
    struct filter filter = {.point = file->point, .name = file->name};
    bool is_known = declares(flow, file->point);
    bool ok = place_of(customise, flow->identifier, file->name, &place, err);
    if (ok) {
        bool is_usable = is_known && filter_cache_add(customise->cache, file->path, &filter);
        const struct customise_entry entry = {
            .flow = flow->identifier,
            .name = file->name,
            .point = is_known ? file->point : NULL,
            .digest = filter.digest,
            .signer = filter.signer,
            .version = place.current,
            .version_count = place.count,
            .problem = !is_known    ? "it belongs to no extension point of the flow and does nothing"
                       : !is_usable ? filter.problem.message
                                    : NULL,
        };
        fn(context, &entry);
    }
    place_release(&place);
    return ok;
}

bool customise_list(struct customise *customise, const char *flow, customise_entry_fn *fn,
                    void *context, struct error *err)
{
    struct customisation_list files;
    const struct manifest *manifest = customise_flow(customise, flow, err);
    if (!manifest)
        return false;
    bool ok = customisation_list_read(&files, customise->workspace->folder, manifest->identifier, err);
    for (size_t i = 0; ok && i < files.count; i++)
        ok = list_one(customise, manifest, &files.files[i], fn, context, err);
    customisation_list_release(&files);
    return ok;
}

/* ---- changing --------------------------------------------------------------------------------------- */

static bool is_mapping(const char *path)
{
    size_t size = strlen(path);
    return size > 5 && strcmp(path + size - 5, ".json") == 0;
}

static bool make_name(const char *point, const char *label, const char *path,
                      char name[static CUSTOMISATION_NAME_SIZE_MAX + 1], struct error *err)
{
    bool is_default = is_mapping(path) && !label && strcmp(point, CUSTOMISATION_MAPPING_POINT) == 0;
    int size = is_default ? snprintf(name, CUSTOMISATION_NAME_SIZE_MAX + 1, "%s", CUSTOMISATION_MAPPING)
                          : snprintf(name, CUSTOMISATION_NAME_SIZE_MAX + 1, "%s%s%s.%s", point,
                                     label ? "." : "", label ? label : "",
                                     is_mapping(path) ? "json" : "wasm");
    return (size <= CUSTOMISATION_NAME_SIZE_MAX && customisation_name_parse(name, NULL)) ||
           error_set(err, ERROR_INVALID, "'%.60s' is no label: letters, digits, '-' and '_' are legal",
                     label ? label : "");
}

bool customise_add(struct customise *customise, const char *flow, const char *point,
                   const char *label, const char *path,
                   char name[static CUSTOMISATION_NAME_SIZE_MAX + 1], unsigned *version,
                   struct error *err)
{
    const struct manifest *manifest = customise_flow(customise, flow, err);
    if (!manifest || !customise_check_point(manifest, point, err) || !make_name(point, label, path, name, err))
        return false;
    struct filter filter = {.name = name};
    if (!filter_cache_add(customise->cache, path, &filter))
        return error_set(err, filter.problem.kind, "'%s': %s", path, filter.problem.message);
    struct place place;
    bool ok = place_of(customise, manifest->identifier, name, &place, err) &&
              keep_current(&place, err) && keep_version(&place, path, version, err) &&
              copy_signed(path, place.path, err);
    place_release(&place);
    return ok;
}

/* The file that is called name, or the only one at the extension point of that name. */
static bool resolve(const struct customise *customise, const struct manifest *flow, const char *name,
                    char found[static CUSTOMISATION_NAME_SIZE_MAX + 1], struct error *err)
{
    struct customisation_list files;
    size_t count = 0;
    if (customisation_name_parse(name, NULL)) {
        snprintf(found, CUSTOMISATION_NAME_SIZE_MAX + 1, "%s", name);
        return true;
    }
    if (!customise_check_point(flow, name, err))
        return false;
    bool ok = customisation_list_read(&files, customise->workspace->folder, flow->identifier, err);
    for (size_t i = 0; ok && i < files.count; i++)
        if (files.files[i].point && strcmp(files.files[i].point, name) == 0 && ++count == 1)
            snprintf(found, CUSTOMISATION_NAME_SIZE_MAX + 1, "%s", files.files[i].name);
    customisation_list_release(&files);
    if (count == 0)
        snprintf(found, CUSTOMISATION_NAME_SIZE_MAX + 1, "%.100s.wasm", name);
    return ok && (count <= 1 || error_set(err, ERROR_INVALID, "there are %zu files at '%s': name one",
                                          count, name));
}

bool customise_remove(struct customise *customise, const char *flow, const char *name,
                      char removed[static CUSTOMISATION_NAME_SIZE_MAX + 1], struct error *err)
{
    struct place place;
    char *beside = NULL;
    const struct manifest *manifest = customise_flow(customise, flow, err);
    if (!manifest || !resolve(customise, manifest, name, removed, err))
        return false;
    bool ok = place_of(customise, manifest->identifier, removed, &place, err) &&
              keep_current(&place, err) &&
              (asprintf(&beside, "%s" SIGNATURE_SUFFIX, place.path) >= 0 ||
               error_set(err, ERROR_LIMIT, "out of memory"));
    if (ok && unlink(place.path) != 0)
        ok = error_errno(err, errno == ENOENT ? ERROR_NOT_FOUND : ERROR_DENIED, errno, "'%s'",
                         place.path);
    if (ok && unlink(beside) != 0 && errno != ENOENT)
        ok = error_errno(err, ERROR_DENIED, errno, "'%s'", beside);
    free(beside);
    place_release(&place);
    return ok;
}

static bool choose_version(const struct place *place, const char *name, unsigned to, unsigned *version,
                           struct error *err)
{
    *version = to                        ? to
               : file_exists(place->path) ? place->current - 1
                                          : place->count;
    if (*version >= 1 && *version <= place->count)
        return true;
    return error_set(err, ERROR_NOT_FOUND, "'%s' has %u versions and version %u in place: there is no %s",
                     name, place->count, place->current, to ? "such version" : "earlier one");
}

bool customise_roll_back(struct customise *customise, const char *flow, const char *name, unsigned to,
                         unsigned *version, struct error *err)
{
    struct place place;
    char found[CUSTOMISATION_NAME_SIZE_MAX + 1];
    const struct manifest *manifest = customise_flow(customise, flow, err);
    if (!manifest || !resolve(customise, manifest, name, found, err))
        return false;
    bool ok = place_of(customise, manifest->identifier, found, &place, err) &&
              keep_current(&place, err) && choose_version(&place, found, to, version, err);
    char *from = ok ? version_path(&place, *version) : NULL;
    ok = ok && (from || error_set(err, ERROR_LIMIT, "out of memory")) &&
         copy_signed(from, place.path, err);
    free(from);
    place_release(&place);
    return ok;
}
