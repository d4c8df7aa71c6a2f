/* SPDX-License-Identifier: MIT */
/* See customisation.h. */
#include "workspace/customisation.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"

#define POINT_BYTES "abcdefghijklmnopqrstuvwxyz0123456789_"
#define LABEL_BYTES "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"

char *customisation_folder(const char *workspace_folder, const char *flow)
{
    char *path = NULL;
    if (!*flow || flow[0] == '.' || strchr(flow, '/'))
        return NULL;
    return asprintf(&path, "%s/%s/%s", workspace_folder, CUSTOMISATION_FOLDER, flow) < 0 ? NULL : path;
}

/* Cuts name into its parts; false: it is none of a customisation. Both endings have five bytes. */
static bool parse_name(const char *name, size_t *point_size, const char **label, size_t *label_size)
{
    const size_t size = strlen(name), ending_size = strlen(".wasm");
    *point_size = strspn(name, POINT_BYTES);
    *label = "";
    *label_size = 0;
    if (size > CUSTOMISATION_NAME_SIZE_MAX || *point_size == 0 || size <= ending_size ||
        (strcmp(name + size - ending_size, ".wasm") != 0 &&
         strcmp(name + size - ending_size, ".json") != 0))
        return false;
    if (*point_size == size - ending_size)
        return true;
    if (name[*point_size] != '.')
        return false;
    *label = name + *point_size + 1;
    *label_size = strspn(*label, LABEL_BYTES);
    return *label_size > 0 && *label + *label_size == name + size - ending_size;
}

bool customisation_name_parse(const char *name, char **point)
{
    size_t point_size, label_size;
    const char *label;
    bool is_mapping = strcmp(name, CUSTOMISATION_MAPPING) == 0;
    if (!is_mapping && !parse_name(name, &point_size, &label, &label_size))
        return false;
    if (point)
        *point = is_mapping ? strdup(CUSTOMISATION_MAPPING_POINT) : strndup(name, point_size);
    return true;
}

static bool ends_with(const char *name, const char *ending)
{
    size_t size = strlen(name), ending_size = strlen(ending);
    return size >= ending_size && strcmp(name + size - ending_size, ending) == 0;
}

static bool add(struct customisation_list *list, const char *folder, const char *name,
                struct error *err)
{
    struct stat about;
    size_t point_size;
    struct customisation_file *file = &list->files[list->count];
    char *path = file_join(folder, name);
    if (!path)
        return error_set(err, ERROR_LIMIT, "out of memory");
    if (stat(path, &about) != 0 || !S_ISREG(about.st_mode)) {
        free(path);
        return true; /* a folder, or gone again */
    }
    list->count++;
    *file = (struct customisation_file){
        .name = strdup(name),
        .path = path,
        .inode = about.st_ino,
        .size = (uint64_t)about.st_size,
        .modified_ns = (int64_t)about.st_mtim.tv_sec * 1000000000 + about.st_mtim.tv_nsec,
    };
    bool is_known = file->name && customisation_name_parse(file->name, &file->point);
    if (!file->name || (is_known && !file->point))
        return error_set(err, ERROR_LIMIT, "out of memory");
    if (!is_known || !parse_name(file->name, &point_size, &file->label, &file->label_size))
        file->label = "";
    return true;
}

static bool is_mapping(const struct customisation_file *file)
{
    return strcmp(file->name, CUSTOMISATION_MAPPING) == 0;
}

static int by_order(const void *left, const void *right)
{
    const struct customisation_file *a = left, *b = right;
    int order = strcmp(a->point ? a->point : "", b->point ? b->point : "");
    if (order || !a->point)
        return order ? order : strcmp(a->name, b->name);
    if (is_mapping(a) != is_mapping(b))
        return is_mapping(a) ? -1 : 1;
    size_t size = a->label_size < b->label_size ? a->label_size : b->label_size;
    order = memcmp(a->label, b->label, size);
    if (order || a->label_size != b->label_size)
        return order ? order : a->label_size > b->label_size ? 1 : -1;
    return strcmp(a->name, b->name); /* ".json" before ".wasm" */
}

static bool read_folder(struct customisation_list *out, const char *folder, DIR *entries,
                        struct error *err)
{
    const struct dirent *entry;
    out->files = calloc(CUSTOMISATION_FILES_MAX, sizeof *out->files);
    if (!out->files)
        return error_set(err, ERROR_LIMIT, "out of memory");
    while ((entry = readdir(entries))) {
        if (entry->d_name[0] == '.' || ends_with(entry->d_name, ".sig"))
            continue;
        if (out->count == CUSTOMISATION_FILES_MAX)
            return error_set(err, ERROR_INVALID, "more than %d files in '%s'",
                             CUSTOMISATION_FILES_MAX, folder);
        if (!add(out, folder, entry->d_name, err))
            return false;
    }
    qsort(out->files, out->count, sizeof *out->files, by_order);
    return true;
}

bool customisation_list_read(struct customisation_list *out, const char *workspace_folder,
                             const char *flow, struct error *err)
{
    *out = (struct customisation_list){.count = 0};
    char *folder = customisation_folder(workspace_folder, flow);
    if (!folder)
        return error_set(err, ERROR_INVALID, "flow '%s' can have no folder of customisations", flow);
    DIR *entries = opendir(folder);
    bool is_missing = !entries && (errno == ENOENT || errno == ENOTDIR);
    bool is_denied = errno == EACCES || errno == EPERM;
    bool ok = entries ? read_folder(out, folder, entries, err)
                      : is_missing || error_errno(err, is_denied ? ERROR_DENIED : ERROR_INTERNAL, errno,
                                                  "folder '%s'", folder);
    if (entries)
        closedir(entries);
    free(folder);
    return ok;
}

void customisation_list_release(struct customisation_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->files[i].name);
        free(list->files[i].path);
        free(list->files[i].point);
    }
    free(list->files);
    *list = (struct customisation_list){.count = 0};
}

bool customisation_list_same(const struct customisation_list *a, const struct customisation_list *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        const struct customisation_file *left = &a->files[i], *right = &b->files[i];
        if (strcmp(left->name, right->name) != 0 || left->inode != right->inode ||
            left->size != right->size || left->modified_ns != right->modified_ns)
            return false;
    }
    return true;
}
