/* SPDX-License-Identifier: MIT */
/* The files of a new workspace, as the build embeds them from template/. Constant data. */
#ifndef WORKSPACE_TEMPLATE_H
#define WORKSPACE_TEMPLATE_H
#include <stddef.h>

struct template_file {
    const char *name; /* below the workspace */
    const unsigned char *bytes;
    size_t size;
};

extern const struct template_file template_files[];
extern const size_t template_file_count;
#endif
