/* SPDX-License-Identifier: MIT */
/* Trying customisations on a message, without an instance; see customise.h. */
#include <stdlib.h>
#include <string.h>

#include "capability/filter_cache.h"
#include "capability/filter_run.h"
#include "engine/sandbox.h"
#include "flow/customise.h"
#include "flow/customise_private.h"

struct listener {
    void (*tell)(void *context, const char *text);
    void *context;
};

static void tell_line(void *context, const struct filter *filter, const char *result,
                      const char *text)
{
    const struct listener *listener = context;
    (void)filter, (void)result;
    listener->tell(listener->context, text);
}

static bool run_file(struct customise *customise, const struct filter_site *site, const char *point,
                     const char *name, const char *path, struct buf *message, struct error *err)
{
    struct buf out;
    struct filter filter = {.point = (char *)(uintptr_t)point, .name = (char *)(uintptr_t)name};
    if (!filter_cache_add(customise_cache(customise), path, &filter))
        return filter_run_fail(site, &filter, err, "cannot be used: %s", filter.problem.message);
    buf_init(&out, 0);
    bool ok = filter_run_message(site, &filter, buf_text(message), message->size, &out, err);
    const struct buf spent = *message;
    *message = out;
    out = spent;
    buf_release(&out);
    return ok;
}

static bool run_in_place(struct customise *customise, const struct filter_site *site,
                         const char *point, struct buf *message, struct error *err)
{
    struct customisation_list files;
    size_t count = 0;
    bool ok = customisation_list_read(&files, customise_workspace(customise)->folder, site->flow, err);
    for (size_t i = 0; ok && i < files.count; i++) {
        const struct customisation_file *file = &files.files[i];
        if (!file->point || strcmp(file->point, point) != 0)
            continue;
        count++;
        ok = run_file(customise, site, point, file->name, file->path, message, err);
    }
    customisation_list_release(&files);
    return ok && (count > 0 || error_set(err, ERROR_NOT_FOUND,
                                         "nothing is in place at extension point '%s' of flow '%s'",
                                         point, site->flow));
}

bool customise_try(struct customise *customise, const char *flow, const char *point,
                   const char *path, const void *message, size_t size, struct buf *out,
                   void (*tell)(void *context, const char *text), void *context, struct error *err)
{
    struct listener listener = {tell, context};
    const struct manifest *manifest = customise_flow(customise, flow, err);
    if (!manifest || !customise_check_point(manifest, point, err))
        return false;
    const struct workspace *workspace = customise_workspace(customise);
    const struct filter_site site = {
        .flow = manifest->identifier,
        .limits = &workspace->filters,
        .manifest = manifest,
        .snapshot = workspace->snapshot,
        .tell = tell ? tell_line : NULL,
        .context = &listener,
    };
    const char *slash = path ? strrchr(path, '/') : NULL;
    buf_init(out, (size_t)workspace->filters.output_size_max + size);
    buf_append(out, message, size);
    bool ok = path ? run_file(customise, &site, point, slash ? slash + 1 : path, path, out, err)
                   : run_in_place(customise, &site, point, out, err);
    sandbox_thread_release();
    return ok;
}
