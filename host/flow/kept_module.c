/* SPDX-License-Identifier: MIT */
/* See kept_module.h. */
#include "flow/kept_module.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "engine/digest.h"
#include "engine/translate.h"
#include "engine/verifier.h"
#include "workspace/kept_file.h"

#define LIBRARY_SIZE_MAX (512u << 20) /* what the compiler may write */

static char *path_of(const struct workspace *workspace, const char *digest, struct error *err)
{
    char *path = kept_file_path(workspace->state_folder, digest, "wasm");
    if (!path)
        error_set(err, ERROR_LIMIT, "out of memory");
    return path;
}

static bool has_digest(const struct buf *bytes, const char *digest)
{
    char actual[DIGEST_TEXT_SIZE];
    return strcmp(digest_hex(NULL, bytes->data, bytes->size, actual), digest) == 0;
}

/* The file may be another one by now: under this digest that would be of no use to anybody, ever. */
static bool copy_module(const struct flow *flow, const char *to, struct error *err)
{
    struct buf bytes;
    buf_init(&bytes, VERIFIER_MODULE_SIZE_MAX);
    bool ok = file_read(flow->path, &bytes, err);
    if (ok && !has_digest(&bytes, module_digest(flow->module)))
        ok = error_set(err, ERROR_REFUSED, "'%s' was replaced since this process read it: restart it to "
                       "run what is there now", flow->path);
    ok = ok && kept_file_write(to, bytes.data, bytes.size, err);
    buf_release(&bytes);
    return ok;
}

/* Nothing that was compiled is loaded from a folder that others can write to. */
static bool is_protected(const char *folder)
{
    struct stat status;
    return stat(folder, &status) == 0 && !(status.st_mode & (S_IWGRP | S_IWOTH));
}

/* Copies a file under its own name, unless that was done before. Without what was compiled it is compiled
 * again, so that a failure is none. */
static void keep_copy(const char *folder, const char *from)
{
    struct error ignored = {0};
    struct buf bytes;
    const char *slash = strrchr(from, '/');
    char *to = file_join(folder, slash ? slash + 1 : from);
    buf_init(&bytes, LIBRARY_SIZE_MAX);
    if (to && !kept_file_use(to) && file_read(from, &bytes, &ignored))
        (void)!kept_file_write(to, bytes.data, bytes.size, &ignored);
    buf_release(&bytes);
    free(to);
}

/* Its sum first: one without the other counts as not compiled. */
static void keep_library(const struct workspace *workspace, const char *library)
{
    char *folder = file_join(workspace->state_folder, KEPT_FILE_FOLDER), *sum = NULL;
    if (folder && is_protected(folder) && asprintf(&sum, "%s" TRANSLATE_SUM_SUFFIX, library) >= 0) {
        keep_copy(folder, sum);
        keep_copy(folder, library);
        free(sum);
    }
    free(folder);
}

bool kept_module_keep(const struct workspace *workspace, const struct flow *flow,
                      struct error *err)
{
    char *path = path_of(workspace, module_digest(flow->module), err);
    bool ok = path && (kept_file_use(path) || copy_module(flow, path, err));
    free(path);
    if (ok)
        keep_library(workspace, module_library(flow->module));
    return ok;
}

bool kept_module_check(const struct workspace *workspace, const char *digest, struct error *err)
{
    struct buf bytes;
    char *path = path_of(workspace, digest, err);
    buf_init(&bytes, VERIFIER_MODULE_SIZE_MAX);
    bool ok = path && file_read(path, &bytes, err) &&
              (has_digest(&bytes, digest) ||
               error_set(err, ERROR_INVALID, "'%s' is not the module that its name says", path));
    buf_release(&bytes);
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
