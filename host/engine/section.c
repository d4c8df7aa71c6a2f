/* SPDX-License-Identifier: MIT */
/* See section.h. */
#include "engine/section.h"

#include <string.h>

/* An unsigned LEB128 of at most 35 bits. */
static bool read_leb(const char **at, const char *end, size_t *value)
{
    *value = 0;
    for (unsigned shift = 0; shift < 35 && *at < end; shift += 7) {
        unsigned char byte = (unsigned char)*(*at)++;
        *value |= (size_t)(byte & 0x7F) << shift;
        if (!(byte & 0x80))
            return true;
    }
    return false;
}

static void append_leb(struct buf *out, size_t value)
{
    for (; value >= 0x80; value >>= 7)
        buf_append_char(out, (char)(value | 0x80));
    buf_append_char(out, (char)value);
}

bool section_next(const char **at, const char *end, struct section *out)
{
    const char *next = *at;
    size_t size, name_size;
    *out = (struct section){.begin = next};
    if (next >= end || (next++, !read_leb(&next, end, &size)) || size > (size_t)(end - next))
        return false;
    out->content = next;
    out->end = next + size;
    *at = out->end;
    if (*out->begin == 0 && read_leb(&next, out->end, &name_size) &&
        name_size <= (size_t)(out->end - next)) {
        out->name = next;
        out->name_size = name_size;
        out->content = next + name_size;
    }
    return true;
}

bool section_is_named(const struct section *section, const char *name)
{
    return section->name && section->name_size == strlen(name) &&
           memcmp(section->name, name, section->name_size) == 0;
}

void section_append(struct buf *module, const char *name, const void *content, size_t size)
{
    struct buf head;
    size_t name_size = strlen(name);
    buf_init(&head, name_size + 8);
    append_leb(&head, name_size);
    buf_append(&head, name, name_size);
    buf_append_char(module, 0);
    append_leb(module, head.size + size);
    buf_append(module, head.data, head.size);
    buf_append(module, content, size);
    module->failed |= head.failed;
    buf_release(&head);
}
