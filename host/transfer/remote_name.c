/* SPDX-License-Identifier: MIT */
/* Names: checked once here, before any protocol sees them. */
#include "transfer/remote_name.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "transfer/content_server.h"

#define INSTANCE_SIZE_MAX 40
#define SHOWN_SIZE_MAX 120

const char *name_fault(const char *name, size_t size)
{
    if (size == 0)
        return "is empty";
    if ((size == 1 && name[0] == '.') || (size == 2 && name[0] == '.' && name[1] == '.'))
        return "is not a file's name";
    if (size > REMOTE_NAME_SIZE_MAX)
        return "is too long";
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)name[i];
        if (byte < 0x20 || byte == 0x7F)
            return "holds a control byte";
        if (byte == '/' || byte == '\\')
            return "holds a path separator";
    }
    return NULL;
}

/* For an error text: control bytes become '?', long names are cut. */
static const char *shown(const char *name, char text[static SHOWN_SIZE_MAX + 1])
{
    size_t size = strnlen(name, SHOWN_SIZE_MAX);
    for (size_t i = 0; i < size; i++)
        text[i] = (unsigned char)name[i] < 0x20 || name[i] == 0x7F ? '?' : name[i];
    text[size] = '\0';
    return text;
}

bool name_check(const char *name, size_t size_max, struct error *err)
{
    char text[SHOWN_SIZE_MAX + 1];
    const char *fault = name_fault(name, strlen(name));
    if (fault)
        return error_set(err, ERROR_INVALID, "file name '%s' %s: it is not sent to any server",
                         shown(name, text), fault);
    if (strlen(name) > size_max)
        return error_set(err, ERROR_LIMIT,
                         "file name '%s...' has %zu bytes, at most %zu are possible",
                         shown(name, text), strlen(name), size_max);
    return true;
}

bool folder_check(const char *folder, struct error *err)
{
    char text[SHOWN_SIZE_MAX + 1];
    if (text_has_control(folder))
        return error_set(err, ERROR_INVALID, "folder '%s' holds a control byte",
                         shown(folder, text));
    if (strlen(folder) > FOLDER_SIZE_MAX)
        return error_set(err, ERROR_LIMIT, "folder '%s...' has more than %d bytes",
                         shown(folder, text), FOLDER_SIZE_MAX);
    for (const char *part = folder; *part;) {
        size_t size = strcspn(part, "/");
        if (size == 2 && memcmp(part, "..", 2) == 0)
            return error_set(err, ERROR_INVALID, "folder '%s' leads upwards ('..')",
                             shown(folder, text));
        part += size + (part[size] == '/');
    }
    return true;
}

const char *temporary_name(const char *instance, char text[static TEMPORARY_NAME_SIZE])
{
    static atomic_uint attempts;
    char id[INSTANCE_SIZE_MAX + 1] = "x";
    size_t size = instance ? strnlen(instance, INSTANCE_SIZE_MAX) : 0;
    for (size_t i = 0; i < size; i++) {
        char byte = instance[i];
        bool plain = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
                     (byte >= 'A' && byte <= 'Z') || byte == '-';
        id[i] = plain ? byte : '-';
    }
    id[size ? size : 1] = '\0';
    snprintf(text, TEMPORARY_NAME_SIZE, "sluice-%s-%" PRIx64 "-%x.part", id,
             (uint64_t)clock_wall_ms(), atomic_fetch_add(&attempts, 1u));
    return text;
}

bool temporary_name_is(const char *name)
{
    size_t size = strlen(name);
    return size > 12 && strncmp(name, "sluice-", 7) == 0 && strcmp(name + size - 5, ".part") == 0;
}

bool conflict_name(const char *name, unsigned number, size_t name_size_max,
                   char out[static REMOTE_NAME_SIZE_MAX + 1])
{
    size_t size = strlen(name);
    const char *extension = strrchr(name, '.');
    if (!extension || extension == name)
        extension = name + size;
    if ((size_t)(extension - name) > 4 && memcmp(extension - 4, ".csv", 4) == 0)
        extension -= 4;
    char digits[16] = "";
    if (number > 1)
        snprintf(digits, sizeof digits, "-%u", number);
    if (size + strlen(digits) > name_size_max || size + strlen(digits) > REMOTE_NAME_SIZE_MAX)
        return false;
    snprintf(out, REMOTE_NAME_SIZE_MAX + 1, "%.*s%s%s", (int)(extension - name), name, digits,
             extension);
    return true;
}
