/* SPDX-License-Identifier: MIT */
/*
 * The program and what it is linked with, as this very process has loaded it: no tool is asked, and
 * nothing is guessed. See package.h.
 */
#include <elf.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "cli/package.h"

#define PROGRAM "/proc/self/exe"
#define PROGRAM_SIZE_MAX (256u << 20)

/* ---- the program ---- */

/* A program header table that lies inside the file, or NULL. */
static const ElfW(Phdr) *program_headers(const struct buf *file, size_t *count)
{
    const ElfW(Ehdr) *header = (const ElfW(Ehdr) *)(const void *)file->data;
    if (file->size < sizeof *header || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
        header->e_phentsize != sizeof(ElfW(Phdr)) || header->e_phoff > file->size ||
        header->e_phnum > (file->size - header->e_phoff) / sizeof(ElfW(Phdr)))
        return NULL;
    *count = header->e_phnum;
    return (const ElfW(Phdr) *)(const void *)(file->data + header->e_phoff);
}

/* What runs is in the segments; behind them are sections for linkers and debuggers. */
static bool trim(struct buf *file, char loader[static 256], struct error *err)
{
    size_t count, end = 0;
    const ElfW(Phdr) *headers = program_headers(file, &count);
    loader[0] = '\0';
    for (size_t i = 0; headers && i < count; i++) {
        if (headers[i].p_offset > file->size ||
            headers[i].p_filesz > file->size - headers[i].p_offset)
            return error_set(err, ERROR_INVALID, "this program's file is damaged");
        if (headers[i].p_offset + headers[i].p_filesz > end)
            end = headers[i].p_offset + headers[i].p_filesz;
        if (headers[i].p_type == PT_INTERP)
            snprintf(loader, 256, "%.*s", (int)headers[i].p_filesz, file->data + headers[i].p_offset);
    }
    if (!headers || !loader[0])
        return error_set(err, ERROR_UNSUPPORTED,
                         "packages are made by the installed program itself, not "
                         "through a loader");
    ElfW(Ehdr) *header = (ElfW(Ehdr) *)(void *)file->data;
    header->e_shoff = 0;
    header->e_shnum = header->e_shstrndx = 0;
    file->size = end;
    return true;
}

/* ---- its libraries ---- */

struct libraries {
    const struct package_plan *plan;
    struct package_tree *tree;
    const char *loader;
    struct error *err;
    bool ok;
};

static bool is_compiled_module(const struct package_plan *plan, const char *path)
{
    bool found = false;
    for (size_t i = 0; !found && i < service_flow_count(plan->service); i++)
        found = strcmp(service_library(plan->service, i), path) == 0;
    for (size_t i = 0; !found && i < plan->filter_count; i++)
        found = strcmp(plan->filters[i].library, path) == 0;
    return found;
}

static bool add_library(struct package_tree *tree, const struct package_plan *plan,
                        const char *path, struct error *err)
{
    char inside[PATH_MAX], real[PATH_MAX];
    if (!realpath(path, real))
        return error_set(err, ERROR_NOT_FOUND, "the library '%s' is gone", path);
    snprintf(inside, sizeof inside, "%slib/%s", plan->target->prefix, strrchr(path, '/') + 1);
    return package_add_file(tree, PART_LIBRARIES, inside, 0755, real, err);
}

/* Called for the program (""), the kernel's own (no '/'), libraries, loader, compiled modules. */
static int visit(struct dl_phdr_info *info, size_t size, void *context)
{
    struct libraries *libraries = context;
    const char *name = info->dlpi_name;
    (void)size;
    if (strchr(name, '/') && strcmp(name, libraries->loader) != 0 &&
        !is_compiled_module(libraries->plan, name))
        libraries->ok = add_library(libraries->tree, libraries->plan, name, libraries->err);
    return !libraries->ok;
}

bool package_add_program(struct package_tree *tree, const struct package_plan *plan,
                         char loader[static 256], struct error *err)
{
    char inside[PATH_MAX];
    struct buf file;
    buf_init(&file, PROGRAM_SIZE_MAX);
    snprintf(inside, sizeof inside, "%sbin/sluice", plan->target->prefix);
    bool ok = file_read(PROGRAM, &file, err) && trim(&file, loader, err) &&
              package_add_bytes(tree, PART_PROGRAM, inside, 0755, file.data, file.size, err) &&
              add_library(tree, plan, loader, err);
    buf_release(&file);
    struct libraries libraries = {plan, tree, loader, err, ok};
    if (ok)
        dl_iterate_phdr(visit, &libraries);
    if (libraries.ok)
        memmove(loader, strrchr(loader, '/') + 1, strlen(strrchr(loader, '/')));
    return libraries.ok;
}
