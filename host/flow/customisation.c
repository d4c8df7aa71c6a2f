/* SPDX-License-Identifier: MIT */
/* See flow/customisation.h. Most flows have no folder of customisations: that costs one look for it. */
#include "flow/customisation.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "workspace/customisation.h"

/* What one flow had at the last look. */
struct customised {
    struct customised *next;
    char *flow;
    struct customisation_list files;
    struct filter_set *set;
};

struct customisations {
    const struct workspace *workspace;
    struct filter_cache *cache;
    pthread_mutex_t lock; /* guards the list and what is in it */
    struct customised *flows;
};

struct customisations *customisations_new(const struct workspace *workspace)
{
    struct customisations *all = calloc(1, sizeof *all);
    if (!all)
        return NULL;
    all->workspace = workspace;
    pthread_mutex_init(&all->lock, NULL);
    all->cache = filter_cache_new(workspace);
    if (all->cache)
        return all;
    customisations_free(all);
    return NULL;
}

static void forget(struct customised *known)
{
    filter_set_release(known->set);
    known->set = NULL;
    customisation_list_release(&known->files);
}

void customisations_free(struct customisations *all)
{
    if (!all)
        return;
    while (all->flows) {
        struct customised *known = all->flows;
        all->flows = known->next;
        forget(known);
        free(known->flow);
        free(known);
    }
    filter_cache_free(all->cache);
    pthread_mutex_destroy(&all->lock);
    free(all);
}

struct filter_cache *customisations_cache(const struct customisations *all)
{
    return all->cache;
}

static bool declares(const struct manifest *flow, const char *point)
{
    for (size_t i = 0; i < flow->extension_point_count; i++)
        if (strcmp(flow->extension_points[i], point) == 0)
            return true;
    return false;
}

static bool no_memory(struct error *err)
{
    return error_set(err, ERROR_LIMIT, "out of memory");
}

/* NULL: err is set. A name that belongs to no extension point of the flow is told in the log: it would else
 * be a customisation that silently does nothing. */
static struct filter_set *open_files(struct customisations *all, const struct manifest *flow,
                                     const struct customisation_list *files, struct error *err)
{
    struct filter_set *set = filter_set_new(flow->identifier);
    for (size_t i = 0; set && i < files->count; i++) {
        const struct customisation_file *file = &files->files[i];
        if (!file->point || !declares(flow, file->point)) {
            log_line(LOG_WARNING, NULL, "'%s' belongs to no extension point of flow '%s' and does "
                     "nothing: see \"extension_points\" of its manifest", file->path,
                     flow->identifier);
            continue;
        }
        struct filter *filter = filter_set_add(set, file->point, file->name);
        if (!filter) {
            filter_set_release(set);
            set = NULL;
        } else if (!filter_cache_add(all->cache, file->path, filter)) {
            log_line(LOG_ERROR, NULL, "customisation '%s' cannot be used: %s", file->path,
                     filter->problem.message);
        }
    }
    if (!set)
        no_memory(err);
    return set;
}

static struct customised *known_of(struct customisations *all, const char *flow)
{
    struct customised *known = all->flows;
    while (known && strcmp(known->flow, flow) != 0)
        known = known->next;
    if (known)
        return known;
    known = calloc(1, sizeof *known);
    if (!known || !(known->flow = strdup(flow))) {
        free(known);
        return NULL;
    }
    known->next = all->flows;
    all->flows = known;
    return known;
}

/* Whether the copies of what can be used are there; from now on they stay for whoever begins with them. */
static bool is_kept(const struct customisations *all, const struct filter_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        if (set->filters[i].module && !filter_cache_use(all->cache, &set->filters[i]))
            return false;
    return true;
}

/* Takes files over. */
static bool look_again(struct customisations *all, const struct manifest *flow,
                       struct customisation_list *files, struct filter_set **out, struct error *err)
{
    struct customised *known = known_of(all, flow->identifier);
    if (!known)
        return no_memory(err);
    if (!known->set || !customisation_list_same(&known->files, files) || !is_kept(all, known->set)) {
        forget(known);
        known->set = open_files(all, flow, files, err);
        known->files = *files;
        *files = (struct customisation_list){.count = 0};
    }
    *out = filter_set_hold(known->set);
    return *out != NULL;
}

bool customisations_current(struct customisations *all, const struct manifest *flow,
                            struct filter_set **out, struct error *err)
{
    struct customisation_list files;
    *out = NULL;
    if (flow->extension_point_count == 0)
        return true;
    bool ok = customisation_list_read(&files, all->workspace->folder, flow->identifier, err);
    if (ok && files.count > 0) {
        pthread_mutex_lock(&all->lock);
        ok = look_again(all, flow, &files, out, err);
        pthread_mutex_unlock(&all->lock);
    }
    customisation_list_release(&files);
    return ok;
}

bool customisations_recall(struct customisations *all, const struct manifest *flow,
                           const char *text, struct filter_set **out, struct error *err)
{
    struct filter_line line;
    struct filter_set *set = filter_set_new(flow->identifier);
    bool ok = set || no_memory(err);
    while (ok && filter_line_next(&text, &line)) {
        struct filter *filter = filter_set_add(set, line.point, line.name);
        ok = filter || no_memory(err);
        if (ok && !filter_cache_find(all->cache, line.digest, filter))
            log_line(LOG_ERROR, NULL, "kept customisation '%s' of flow '%s' cannot be used: %s",
                     line.name, flow->identifier, filter->problem.message);
    }
    if (ok && *text)
        ok = error_set(err, ERROR_INVALID, "what the store tells of customisations is damaged");
    if (!ok) {
        filter_set_release(set);
        set = NULL;
    }
    *out = set;
    return ok;
}
