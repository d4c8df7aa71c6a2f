/* SPDX-License-Identifier: MIT */
/*
 * The files of customizations/<FLOW-ID>/: which extension point each belongs to and in which order they
 * run there.
 *
 *   mapping.json           a mapping of the "message"; it runs before all others there
 *   <point>.wasm           a program
 *   <point>.json           a mapping
 *   <point>.<label>.wasm, <point>.<label>.json   more of them; they run in the order of their labels
 *                          (bytes), those without a label first, a mapping before a program
 *
 * What begins with a dot, folders and signatures (.sig) are none of them.
 */
#ifndef WORKSPACE_CUSTOMISATION_H
#define WORKSPACE_CUSTOMISATION_H
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define CUSTOMISATION_FOLDER "customizations"
#define CUSTOMISATION_MAPPING "mapping.json"
#define CUSTOMISATION_MAPPING_POINT "message"
#define CUSTOMISATION_FILES_MAX 64      /* of one flow */
#define CUSTOMISATION_NAME_SIZE_MAX 128 /* bytes of a file's name */

struct customisation_file {
    char *name, *path;
    char *point; /* NULL: the name is none of the above */
    const char *label; /* inside name; "" for none */
    size_t label_size;
    uint64_t inode, size;
    int64_t modified_ns; /* with those: whether it is still what it was */
};

struct customisation_list {
    struct customisation_file *files; /* ordered by point, then as they run; those without one first */
    size_t count;
};

/* The folder, made up of the workspace's and a flow's identifier; the caller frees it. NULL: no memory, or
 * an identifier that is none for a folder. */
char *customisation_folder(const char *workspace_folder, const char *flow);

/* A flow without such a folder has none. ERROR_LIMIT, ERROR_DENIED, ERROR_INTERNAL; out is released by the
 * caller in every case. */
MUST_USE bool customisation_list_read(struct customisation_list *out, const char *workspace_folder,
                                      const char *flow, struct error *err);
void customisation_list_release(struct customisation_list *list); /* zeroed is fine */

/* Whether both tell of the same files in the same state. */
bool customisation_list_same(const struct customisation_list *a, const struct customisation_list *b);

/* Whether name is one that a file of this folder may have; point (may be NULL, freed by the caller) gets
 * its extension point. */
bool customisation_name_parse(const char *name, char **point);
#endif
