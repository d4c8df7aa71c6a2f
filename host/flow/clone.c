/* SPDX-License-Identifier: MIT */
/* See clone.h. The module is copied section by section, without manifest and signature of the base flow. */
#include "flow/clone.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "engine/section.h"
#include "engine/signature.h"
#include "engine/verifier.h"
#include "flow/registry.h"
#include "sluice/abi.h"

/* ---- the module ------------------------------------------------------------------------------------ */

/* The verifier has read the module before, so its sections are whole. */
static bool copy_sections(const struct buf *module, struct buf *out)
{
    struct section section;
    const char *at = module->data + SECTION_MODULE_HEAD, *end = module->data + module->size;
    buf_append(out, module->data, SECTION_MODULE_HEAD);
    while (section_next(&at, end, &section))
        if (!section_is_named(&section, SLUICE_MANIFEST_SECTION) &&
            !section_is_named(&section, SIGNATURE_SECTION))
            buf_append(out, section.begin, (size_t)(section.end - section.begin));
    return at == end;
}

static bool make_module(const char *path, const struct buf *manifest, struct buf *out,
                        struct error *err)
{
    struct buf base;
    buf_init(&base, VERIFIER_MODULE_SIZE_MAX);
    bool ok = file_read(path, &base, err);
    if (ok && (base.size < SECTION_MODULE_HEAD || !copy_sections(&base, out)))
        ok = error_set(err, ERROR_INVALID, "'%s' is no module", path);
    if (ok)
        section_append(out, SLUICE_MANIFEST_SECTION, manifest->data, manifest->size);
    buf_release(&base);
    return ok && (!out->failed || error_set(err, ERROR_LIMIT, "the module would be larger than %u bytes",
                                            VERIFIER_MODULE_SIZE_MAX));
}

/* ---- the manifest ---------------------------------------------------------------------------------- */

static bool replace_text(cJSON *root, const char *key, const char *text)
{
    cJSON_DeleteItemFromObjectCaseSensitive(root, key);
    return cJSON_AddStringToObject(root, key, text) != NULL;
}

/* The base flow's under another identifier and name, without aliases: those stay the base flow's. */
static bool derive_manifest(const struct flow *base, const char *identifier, struct buf *out,
                            struct error *err)
{
    char name[256];
    size_t size;
    const char *text = module_manifest(base->module, &size);
    cJSON *root = json_parse(text, size, "manifest", JSON_STRICT, err);
    if (!root)
        return false;
    snprintf(name, sizeof name, "%.140s (%.100s)", base->manifest->name, identifier);
    cJSON_DeleteItemFromObjectCaseSensitive(root, "aliases");
    bool is_whole = replace_text(root, "identifier", identifier) && replace_text(root, "name", name) &&
                    cJSON_AddArrayToObject(root, "aliases");
    char *printed = is_whole ? cJSON_Print(root) : NULL;
    cJSON_Delete(root);
    buf_append_text(out, printed ? printed : "");
    buf_append_char(out, '\n');
    bool ok = printed && !out->failed;
    cJSON_free(printed);
    return ok || error_set(err, ERROR_LIMIT, "out of memory");
}

static bool check_manifest(const struct clone_request *request, const struct buf *text,
                           struct error *err)
{
    struct manifest *manifest = NULL;
    if (!manifest_parse(&manifest, text->data, text->size, request->manifest ? request->manifest
                                                                            : request->identifier, err))
        return false;
    bool ok = strcmp(manifest->identifier, request->identifier) == 0 ||
              error_set(err, ERROR_INVALID, "\"identifier\" of '%s' is '%s', not '%s'", request->manifest,
                        manifest->identifier, request->identifier);
    manifest_free(manifest);
    return ok;
}

/* ---- the files ------------------------------------------------------------------------------------- */

static bool name_files(const struct workspace *workspace, const struct clone_request *request,
                       struct clone_result *out, char folder[static PATH_MAX], struct error *err)
{
    char name[MANIFEST_NAME_SIZE_MAX + 1];
    size_t i = 0;
    for (; request->identifier[i] && i < sizeof name - 1; i++) {
        unsigned char byte = (unsigned char)request->identifier[i];
        name[i] = isalnum(byte) ? (char)tolower(byte) : '_';
    }
    name[i] = '\0';
    int size = request->folder ? snprintf(folder, PATH_MAX, "%s", request->folder)
                               : snprintf(folder, PATH_MAX, "%s/" REGISTRY_OWN_FOLDER, workspace->folder);
    bool ok = size >= 0 && size < PATH_MAX;
    size = snprintf(out->module, sizeof out->module, "%s/%s.wasm", folder, name);
    ok = ok && size >= 0 && size < PATH_MAX;
    size = snprintf(out->manifest, sizeof out->manifest, "%s/%s.json", folder, name);
    return (ok && size >= 0 && size < PATH_MAX && i > 0 && !request->identifier[i]) ||
           error_set(err, ERROR_INVALID, "'%.120s' is no identifier, or the folder's name too long",
                     request->identifier);
}

static bool check_free(const struct registry *registry, const struct clone_request *request,
                       const struct clone_result *files, struct error *err)
{
    for (size_t i = 0; i < registry->count; i++) {
        const struct flow *flow = registry_flow(registry, i);
        if (manifest_is_called(flow->manifest, request->identifier) &&
            !(request->replaces && strcmp(flow->path, files->module) == 0))
            return error_set(err, ERROR_EXISTS, "a flow is called '%s' already ('%s')",
                             request->identifier, flow->path);
    }
    return request->replaces || !file_exists(files->module) ||
           error_set(err, ERROR_EXISTS, "'%s' is there already (--force replaces it)", files->module);
}

static bool write_files(const struct clone_result *files, const char *folder, const struct buf *module,
                        const struct buf *manifest, struct error *err)
{
    return file_make_folder(folder, err) &&
           file_write(files->manifest, manifest->data, manifest->size, 0644, err) &&
           file_write(files->module, module->data, module->size, 0644, err);
}

bool clone_flow(const struct workspace *workspace, const struct clone_request *request,
                struct clone_result *result, struct error *err)
{
    char folder[PATH_MAX];
    static struct registry registry; /* large, and the command line has one thread */
    struct buf manifest, module;
    if (!name_files(workspace, request, result, folder, err) ||
        !registry_open(&registry, workspace, err))
        return false;
    buf_init(&manifest, VERIFIER_MANIFEST_SIZE_MAX);
    buf_init(&module, VERIFIER_MODULE_SIZE_MAX);
    size_t index;
    const struct flow *base = registry_find(&registry, request->flow, &index, err)
                                  ? registry_flow(&registry, index)
                                  : NULL;
    bool ok = base && check_free(&registry, request, result, err) &&
              (request->manifest ? file_read(request->manifest, &manifest, err)
                                 : derive_manifest(base, request->identifier, &manifest, err)) &&
              check_manifest(request, &manifest, err) &&
              make_module(base->path, &manifest, &module, err) &&
              write_files(result, folder, &module, &manifest, err);
    buf_release(&manifest);
    buf_release(&module);
    registry_close(&registry);
    return ok;
}
