/* SPDX-License-Identifier: MIT */
/* The list of a package's files; see package.h. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/package.h"

#define BYTES_MAX (256u << 20)

const char *const package_part_names[PART_COUNT] = {
    [PART_PROGRAM] = "program",
    [PART_LIBRARIES] = "shared libraries",
    [PART_MODULES] = "modules",
    [PART_COMPILED] = "compiled modules",
    [PART_WORKSPACE] = "workspace",
    [PART_SYSTEM] = "trust anchors, time zones",
    [PART_DESCRIPTOR] = "descriptors",
};

void package_tree_release(struct package_tree *tree)
{
    for (size_t i = 0; i < tree->count; i++) {
        free(tree->entries[i].path);
        free(tree->entries[i].source);
        buf_release(&tree->entries[i].bytes);
    }
    free(tree->entries);
    *tree = (struct package_tree){0};
}

static struct package_entry *add(struct package_tree *tree, enum package_part part,
                                 const char *path, unsigned mode, struct error *err)
{
    if (!tree->entries)
        tree->entries = calloc(PACKAGE_ENTRIES_MAX, sizeof *tree->entries);
    char *copy = tree->entries ? strdup(path) : NULL;
    if (!copy) {
        error_set(err, ERROR_LIMIT, "out of memory");
        return NULL;
    }
    if (tree->count == PACKAGE_ENTRIES_MAX) {
        free(copy);
        error_set(err, ERROR_LIMIT, "the package would hold more than %u files", PACKAGE_ENTRIES_MAX);
        return NULL;
    }
    struct package_entry *entry = &tree->entries[tree->count++];
    *entry = (struct package_entry){.path = copy, .part = part, .mode = mode};
    buf_init(&entry->bytes, BYTES_MAX);
    return entry;
}

bool package_add_file(struct package_tree *tree, enum package_part part, const char *path,
                      unsigned mode, const char *source, struct error *err)
{
    struct stat status;
    if (stat(source, &status) != 0 || !S_ISREG(status.st_mode))
        return error_errno(err, ERROR_NOT_FOUND, errno, "cannot package '%s'", source);
    struct package_entry *entry = add(tree, part, path, mode, err);
    if (!entry)
        return false;
    entry->size = (uint64_t)status.st_size;
    entry->source = strdup(source);
    return entry->source || error_set(err, ERROR_LIMIT, "out of memory");
}

bool package_add_bytes(struct package_tree *tree, enum package_part part, const char *path,
                       unsigned mode, const void *bytes, size_t size, struct error *err)
{
    struct package_entry *entry = add(tree, part, path, mode, err);
    if (!entry)
        return false;
    buf_append(&entry->bytes, bytes, size);
    entry->size = size;
    return !entry->bytes.failed || error_set(err, ERROR_LIMIT, "out of memory");
}

bool package_add_folder(struct package_tree *tree, enum package_part part, const char *path,
                        unsigned mode, struct error *err)
{
    struct package_entry *entry = add(tree, part, path, mode, err);
    if (entry)
        entry->is_folder = true;
    return entry != NULL;
}

bool package_has(const struct package_tree *tree, const char *path)
{
    for (size_t i = 0; i < tree->count; i++)
        if (strcmp(tree->entries[i].path, path) == 0)
            return true;
    return false;
}

static bool add_parents(struct package_tree *tree, const char *path, enum package_part part,
                        struct error *err)
{
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%s", path);
    for (char *slash = strrchr(folder, '/'); slash; slash = strrchr(folder, '/')) {
        *slash = '\0';
        if (!package_has(tree, folder) && !package_add_folder(tree, part, folder, 0755, err))
            return false;
    }
    return true;
}

static int by_path(const void *a, const void *b)
{
    const struct package_entry *left = a, *right = b;
    return strcmp(left->path, right->path);
}

bool package_tree_finish(struct package_tree *tree, struct error *err)
{
    size_t count = tree->count;
    for (size_t i = 0; i < count; i++)
        if (!add_parents(tree, tree->entries[i].path, tree->entries[i].part, err))
            return false;
    if (tree->count > 0)
        qsort(tree->entries, tree->count, sizeof *tree->entries, by_path);
    for (size_t i = 1; i < tree->count; i++)
        if (strcmp(tree->entries[i - 1].path, tree->entries[i].path) == 0)
            return error_set(err, ERROR_EXISTS, "two files of the package would be '%s'",
                             tree->entries[i].path);
    return true;
}
