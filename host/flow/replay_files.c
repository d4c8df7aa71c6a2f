/* SPDX-License-Identifier: MIT */
/* See replay_files.h. */
#include "flow/replay_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capability/watch.h"

struct report {
    size_t name, detail; /* where they begin in the text */
    uint32_t state;
    bool is_known; /* the store has it */
};

void replay_files_init(struct replay_files *files)
{
    buf_init(&files->text, REPLAY_FILES_SIZE_MAX);
    buf_init(&files->reports, REPLAY_FILES_SIZE_MAX);
}

void replay_files_release(struct replay_files *files)
{
    buf_release(&files->text);
    buf_release(&files->reports);
}

static size_t keep(struct buf *text, const char *word)
{
    size_t at = text->size;
    buf_append(text, word, strlen(word) + 1);
    return at;
}

void replay_files_take(struct replay_files *files, const char *name, uint32_t state, const char *detail)
{
    const struct report report = {
        .name = keep(&files->text, name), .detail = keep(&files->text, detail ? detail : ""), .state = state};
    buf_append(&files->reports, &report, sizeof report);
}

/* ---- in the order of their names ------------------------------------------------------------- */

/* Names begin in the text one behind the other: of the same name, the later report has the greater place. */
static int by_name(const void *left, const void *right, void *text)
{
    const struct report *one = left, *other = right;
    int order = strcmp((const char *)text + one->name, (const char *)text + other->name);
    return order ? order : (one->name > other->name) - (one->name < other->name);
}

/* Leaves the last report of each name. */
static size_t sort(struct replay_files *files)
{
    struct report *reports = (void *)files->reports.data;
    const char *text = buf_text(&files->text);
    size_t count = files->reports.size / sizeof *reports, left = 0;
    if (count > 0)
        qsort_r(reports, count, sizeof *reports, by_name, files->text.data);
    for (size_t i = 0; i < count; i++)
        if (i + 1 == count || strcmp(text + reports[i].name, text + reports[i + 1].name) != 0)
            reports[left++] = reports[i];
    return left;
}

struct comparison {
    const char *text;
    struct report *reports; /* by name */
    size_t count;
    char *difference;
};

static struct report *find(const struct comparison *comparison, const char *name)
{
    size_t low = 0, high = comparison->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(comparison->text + comparison->reports[middle].name, name);
        if (order == 0)
            return &comparison->reports[middle];
        *(order < 0 ? &low : &high) = order < 0 ? middle + 1 : middle;
    }
    return NULL;
}

static bool compare_row(void *context, const struct file_row *then)
{
    const struct comparison *comparison = context;
    struct report *now = find(comparison, then->name);
    const char *detail = now ? comparison->text + now->detail : "";
    const char *then_detail = then->detail ? then->detail : "";
    char *out = comparison->difference;
    if (now)
        now->is_known = true;
    if (!now)
        snprintf(out, ERROR_MESSAGE_SIZE, "file '%.200s' was reported then (%s), and is not now", then->name,
                 then->state);
    else if (strcmp(watch_state_name(now->state), then->state) != 0 || strcmp(detail, then_detail) != 0)
        snprintf(out, ERROR_MESSAGE_SIZE, "file '%.200s': then %s '%.150s', now %s '%.150s'", then->name,
                 then->state, then_detail, watch_state_name(now->state), detail);
    return out[0] == '\0';
}

bool replay_files_compare(struct replay_files *files, struct store *store, const char *instance,
                          char difference[static ERROR_MESSAGE_SIZE], struct error *err)
{
    difference[0] = '\0';
    if (files->text.failed || files->reports.failed ||
        files->text.size + files->reports.size > REPLAY_FILES_SIZE_MAX)
        return error_set(err, ERROR_LIMIT, "its reports of files take more than %u bytes, or memory ran out",
                         REPLAY_FILES_SIZE_MAX);
    struct comparison comparison = {.count = sort(files), .difference = difference};
    comparison.text = buf_text(&files->text);
    comparison.reports = (void *)files->reports.data;
    if (!store_files(store, instance, compare_row, &comparison, err))
        return false;
    for (size_t i = 0; !difference[0] && i < comparison.count; i++)
        if (!comparison.reports[i].is_known)
            snprintf(difference, ERROR_MESSAGE_SIZE, "file '%.200s' is reported now (%s), and was not then",
                     comparison.text + comparison.reports[i].name,
                     watch_state_name(comparison.reports[i].state));
    return true;
}
