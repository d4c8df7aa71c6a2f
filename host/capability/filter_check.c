/* SPDX-License-Identifier: MIT */
/* See filter_check.h. */
#include "capability/filter_check.h"

#include <string.h>

#include "base/json.h"
#include "base/text.h"

/* The document, or NULL with err. */
static cJSON *parse(const struct buf *output, struct error *err)
{
    struct error why = {0};
    cJSON *document = json_parse(buf_text(output), output->size, "output", JSON_STRICT, &why);
    if (!document)
        error_set(err, ERROR_FILTER, "gave what is no JSON: %s", why.message);
    return document;
}

static bool check_json(const void *input, size_t size, struct buf *output, struct error *err)
{
    if (output->size == size && (size == 0 || memcmp(output->data, input, size) == 0))
        return true; /* what was no JSON before is not its fault */
    cJSON *document = parse(output, err);
    cJSON_Delete(document);
    return document != NULL;
}

static bool check_object(const void *input, size_t size, struct buf *output, struct error *err)
{
    (void)input, (void)size;
    cJSON *document = parse(output, err);
    bool is_object = cJSON_IsObject(document);
    if (document && !is_object)
        error_set(err, ERROR_FILTER, "gave JSON that is not an object");
    cJSON_Delete(document);
    return is_object;
}

static const char *entry_name(const cJSON *entry)
{
    return cJSON_IsString(entry) ? entry->valuestring : json_text(entry, "name");
}

/* Both lists keep their order, so that one walk over the longer one suffices. */
static bool is_part_of(const cJSON *chosen, const cJSON *listed, struct error *err)
{
    const cJSON *at = listed ? listed->child : NULL;
    for (const cJSON *entry = chosen->child; entry; entry = entry->next) {
        const char *name = entry_name(entry);
        if (!name)
            return error_set(err, ERROR_FILTER, "gave a list whose entries have no \"name\"");
        while (at && strcmp(entry_name(at) ? entry_name(at) : "", name) != 0)
            at = at->next;
        if (!at)
            return error_set(err, ERROR_FILTER,
                             "chose '%.200s', which is not in the list behind the one before it", name);
        at = at->next;
    }
    return true;
}

static bool check_selection(const void *input, size_t size, struct buf *output, struct error *err)
{
    cJSON *listed = json_parse(input, size, "input", JSON_STRICT, NULL);
    cJSON *chosen = parse(output, err);
    bool ok = chosen && (cJSON_IsArray(chosen) ||
                         error_set(err, ERROR_FILTER, "gave JSON that is not a list"));
    ok = ok && is_part_of(chosen, listed, err);
    cJSON_Delete(listed);
    cJSON_Delete(chosen);
    return ok;
}

static bool check_name(const void *input, size_t size, struct buf *output, struct error *err)
{
    (void)input, (void)size;
    if (output->size > 0 && output->data[output->size - 1] == '\n')
        output->data[--output->size] = '\0';
    const char *name = buf_text(output);
    if (output->size == 0 || output->size > FILTER_NAME_SIZE_MAX)
        return error_set(err, ERROR_FILTER, "gave a name of %zu bytes; 1 to %u are legal",
                         output->size, FILTER_NAME_SIZE_MAX);
    if (!text_is_utf8(name, output->size) || text_has_control(name) || strpbrk(name, "/\\") ||
        strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return error_set(err, ERROR_FILTER,
                         "gave a name that is none for a file: UTF-8 without control characters, '/' "
                         "and '\\' is legal");
    return true;
}

static const struct {
    const char *point;
    bool (*check)(const void *input, size_t size, struct buf *output, struct error *err);
} forms[] = {
    {"request", check_json},    {"message", check_json}, {"notification", check_object},
    {"select", check_selection}, {"name", check_name},
};

bool filter_check_output(const char *point, const void *input, size_t size, struct buf *output,
                         struct error *err)
{
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
        if (strcmp(forms[i].point, point) == 0)
            return forms[i].check(input, size, output, err);
    return true;
}
