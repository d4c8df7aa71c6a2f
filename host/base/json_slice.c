/* SPDX-License-Identifier: MIT */
/* A walk over one object's members, whatever is inside them; see json_slice.h. */
#include "base/json_slice.h"

#include <string.h>

struct scanner {
    const char *at, *end;
};

static void skip_blank(struct scanner *scanner)
{
    while (scanner->at < scanner->end && strchr(" \t\r\n", *scanner->at) && *scanner->at)
        scanner->at++;
}

static bool take(struct scanner *scanner, char byte)
{
    skip_blank(scanner);
    if (scanner->at == scanner->end || *scanner->at != byte)
        return false;
    scanner->at++;
    return true;
}

/* scanner stands on the opening quote. */
static void skip_string(struct scanner *scanner)
{
    for (scanner->at++; scanner->at < scanner->end && *scanner->at != '"'; scanner->at++)
        if (*scanner->at == '\\')
            scanner->at++;
    scanner->at = scanner->at < scanner->end ? scanner->at + 1 : scanner->end;
}

static bool is_end_of_value(char byte)
{
    return byte == ',' || byte == '}' || byte == ']';
}

static struct json_slice take_value(struct scanner *scanner)
{
    skip_blank(scanner);
    const char *start = scanner->at, *last = start;
    size_t depth = 0;
    while (scanner->at < scanner->end && (depth > 0 || !is_end_of_value(*scanner->at))) {
        char byte = *scanner->at;
        if (byte == '"') {
            skip_string(scanner);
        } else {
            depth += byte == '{' || byte == '[';
            depth -= byte == '}' || byte == ']';
            scanner->at++;
        }
        if (!memchr(" \t\r\n", byte, 4))
            last = scanner->at;
    }
    return (struct json_slice){start, (size_t)(last - start)};
}

bool json_slice_member(const char *text, size_t size, const char *key, struct json_slice *out)
{
    struct scanner scanner = {text, text + size};
    if (!take(&scanner, '{'))
        return false;
    do {
        skip_blank(&scanner);
        const char *name = scanner.at;
        if (scanner.at == scanner.end || *name != '"')
            return false;
        skip_string(&scanner);
        size_t name_size = (size_t)(scanner.at - name);
        if (!take(&scanner, ':'))
            return false;
        *out = take_value(&scanner);
        if (name_size == strlen(key) + 2 && memcmp(name + 1, key, name_size - 2) == 0)
            return true;
    } while (take(&scanner, ','));
    return false;
}
