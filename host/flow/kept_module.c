/* SPDX-License-Identifier: MIT */
/* See kept_module.h. */
#include "flow/kept_module.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "engine/digest.h"
#include "engine/verifier.h"
#include "workspace/kept_file.h"

static char *path_of(const struct workspace *workspace, const char *digest, struct error *err)
{
    char *path = kept_file_path(workspace->state_folder, digest, "wasm");
    if (!path)
        error_set(err, ERROR_LIMIT, "out of memory");
    return path;
}

/* The file may be another one by now: under this digest that would be of no use to anybody, ever. */
static bool copy_module(const struct flow *flow, const char *to, struct error *err)
{
    struct buf bytes;
    char digest[DIGEST_TEXT_SIZE];
    buf_init(&bytes, VERIFIER_MODULE_SIZE_MAX);
    bool ok = file_read(flow->path, &bytes, err);
    if (ok && strcmp(digest_hex(NULL, bytes.data, bytes.size, digest), module_digest(flow->module)) != 0)
        ok = error_set(err, ERROR_REFUSED, "'%s' was replaced since this process read it: restart it to "
                       "run what is there now", flow->path);
    ok = ok && kept_file_write(to, bytes.data, bytes.size, err);
    buf_release(&bytes);
    return ok;
}

bool kept_module_keep(const struct workspace *workspace, const struct flow *flow,
                      struct error *err)
{
    char *path = path_of(workspace, module_digest(flow->module), err);
    bool ok = path && (kept_file_use(path) || copy_module(flow, path, err));
    free(path);
    return ok;
}

bool kept_module_open(struct flow *out, const struct workspace *workspace, const char *digest,
                      struct error *err)
{
    char *path = path_of(workspace, digest, err);
    *out = (struct flow){.folder_name = NULL};
    bool ok = path && flow_open(out, workspace, path, err);
    if (ok && strcmp(module_digest(out->module), digest) != 0)
        ok = error_set(err, ERROR_INVALID, "'%s' is not the module that its name says", path);
    if (!ok)
        kept_module_close(out);
    free(path);
    return ok;
}

void kept_module_close(struct flow *flow)
{
    flow_close(flow);
}
