/* SPDX-License-Identifier: MIT */
/* See kept_module.h. */
#include "flow/kept_module.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

#define MODULE_SIZE_MAX (64u << 20)

/* The folder, and the path of the module in it; the caller frees both. */
static bool make_paths(const struct workspace *workspace, const char *digest, char **folder,
                       char **path, struct error *err)
{
    *path = NULL;
    *folder = file_join(workspace->state_folder, "modules");
    if (*folder && asprintf(path, "%s/%s.wasm", *folder, digest) >= 0)
        return true;
    *path = NULL;
    return error_set(err, ERROR_LIMIT, "out of memory");
}

static bool copy_module(const char *from, const char *folder, const char *to, struct error *err)
{
    struct buf bytes;
    buf_init(&bytes, MODULE_SIZE_MAX);
    bool ok = file_make_folder(folder, err) && file_read(from, &bytes, err) &&
              file_write(to, bytes.data, bytes.size, 0600, err);
    buf_release(&bytes);
    return ok;
}

bool kept_module_keep(const struct workspace *workspace, const struct flow *flow,
                      struct error *err)
{
    char *folder, *path;
    bool ok = make_paths(workspace, module_digest(flow->module), &folder, &path, err);
    if (ok && !file_exists(path))
        ok = copy_module(flow->path, folder, path, err);
    free(folder);
    free(path);
    return ok;
}

bool kept_module_open(struct flow *out, const struct workspace *workspace, const char *digest,
                      struct error *err)
{
    char *folder, *path;
    *out = (struct flow){.folder_name = NULL};
    bool ok = make_paths(workspace, digest, &folder, &path, err) &&
              flow_open(out, workspace, path, err);
    if (ok && strcmp(module_digest(out->module), digest) != 0)
        ok = error_set(err, ERROR_INVALID, "'%s' is not the module that its name says", path);
    if (!ok)
        kept_module_close(out);
    free(folder);
    free(path);
    return ok;
}

void kept_module_close(struct flow *flow)
{
    flow_close(flow);
}
