/* SPDX-License-Identifier: MIT */
/* From the process's group up to the mount; see cgroup.h. */
#include "base/cgroup.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"

#define VALUE_SIZE_MAX 64u
#define SELF_SIZE_MAX 65536u /* version 1 hierarchies have lines of their own */

/* The first line of folder/name, or "" . */
static void read_value(const char *folder, const char *name, char value[static VALUE_SIZE_MAX + 1])
{
    struct buf text;
    value[0] = '\0';
    char *path = file_join(folder, name);
    buf_init(&text, VALUE_SIZE_MAX);
    if (path && file_read(path, &text, NULL))
        snprintf(value, VALUE_SIZE_MAX + 1, "%.*s", (int)strcspn(buf_text(&text), "\n"),
                 buf_text(&text));
    buf_release(&text);
    free(path);
}

/* "max 100000" is no limit, "50000 100000" is half a CPU. */
static uint32_t parse_cpu(char *value)
{
    int64_t quota, period;
    char *space = strchr(value, ' ');
    if (!space)
        return 0;
    *space = '\0';
    if (!text_parse_int(value, 1, INT64_MAX / 100, &quota) ||
        !text_parse_int(space + 1, 1, INT64_MAX, &period))
        return 0;
    int64_t percent = quota * 100 / period;
    return percent < 1 ? 1 : percent > UINT32_MAX ? 0 : (uint32_t)percent;
}

static uint64_t parse_memory(const char *value)
{
    int64_t bytes;
    return text_parse_int(value, 1, INT64_MAX, &bytes) ? (uint64_t)bytes : 0;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a == 0 ? b : b == 0 ? a : a < b ? a : b;
}

static void take_folder(const char *folder, struct cgroup_limits *out)
{
    char value[VALUE_SIZE_MAX + 1];
    read_value(folder, "cpu.max", value);
    out->cpu_percent = (uint32_t)smaller(out->cpu_percent, parse_cpu(value));
    read_value(folder, "memory.max", value);
    out->memory_bytes = smaller(out->memory_bytes, parse_memory(value));
}

/* The path behind "0::", which is version 2's line; "" where there is none. */
static void find_own(const char *self, char path[static PATH_MAX])
{
    struct buf text;
    path[0] = '\0';
    buf_init(&text, SELF_SIZE_MAX);
    if (file_read(self, &text, NULL)) {
        const char *line = buf_text(&text);
        while (line && strncmp(line, "0::", 3) != 0)
            line = (line = strchr(line, '\n')) ? line + 1 : NULL;
        if (line)
            snprintf(path, PATH_MAX, "%.*s", (int)strcspn(line + 3, "\n"), line + 3);
    }
    buf_release(&text);
}

void cgroup_read(const char *mount, const char *self, struct cgroup_limits *out)
{
    char own[PATH_MAX], folder[PATH_MAX];
    *out = (struct cgroup_limits){0};
    find_own(self, own);
    for (;;) {
        if (snprintf(folder, sizeof folder, "%s%s", mount, own) < (int)sizeof folder)
            take_folder(folder, out);
        char *slash = strrchr(own, '/');
        if (!slash)
            return;
        *slash = '\0';
    }
}
