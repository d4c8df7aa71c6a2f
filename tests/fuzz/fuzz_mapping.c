/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: any bytes as {"mapping": ..., "message": ..., "lookups": ...}. What is mapped can be
 * printed and read again, the message stays as it was, and doing it again gives the same.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sluice/mapping.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool look_up(void *context, const char *lookup, const char *property, struct text *value)
{
    return json_member_text(cJSON_GetObjectItemCaseSensitive(context, lookup), property, value);
}

static bool map(const struct mapping *mapping, const cJSON *input, struct text *out)
{
    struct mapping_input given = {.message = cJSON_GetObjectItemCaseSensitive(input, "message"),
                                  .lookup = look_up,
                                  .context = cJSON_GetObjectItemCaseSensitive(input, "lookups")};
    struct mapping_report report = {0};
    cJSON *result = mapping_apply(mapping, &given, &report);
    bool ok = result && mapping_print(result, out, &report);
    if (ok == (report.failure != MAPPING_SUCCEEDED) || (!ok && !report.error.size))
        abort(); /* it fails with words, or it succeeds */
    cJSON_Delete(result);
    cJSON_Delete(report.unfinished);
    text_release(&report.rule);
    text_release(&report.error);
    text_release(&report.notes);
    return ok;
}

static void map_twice(const struct mapping *mapping, const cJSON *input)
{
    struct text first = {0}, second = {0}, why = {0};
    char *before = cJSON_PrintUnformatted(input);
    bool ok = map(mapping, input, &first);
    if (map(mapping, input, &second) != ok || (ok && strcmp(first.data, second.data) != 0))
        abort();
    char *behind = cJSON_PrintUnformatted(input); /* cJSON_Compare takes no two members of one name */
    if (strcmp(before, behind) != 0)
        abort();
    cJSON *again = ok ? json_read(first.data, first.size, &why) : NULL;
    if (ok && !again)
        abort();
    cJSON_Delete(again);
    cJSON_free(before);
    cJSON_free(behind);
    text_release(&first);
    text_release(&second);
    text_release(&why);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct text why = {0};
    size_t number_size = 0;
    const char *number = mapping_long_number((const char *)data, size, &number_size);
    if (number && (size_t)(number - (const char *)data) + number_size > size)
        abort();
    cJSON *input = json_read_nested((const char *)data, size, JSON_DEPTH_MAX + 1, &why);
    const cJSON *document = cJSON_GetObjectItemCaseSensitive(input, "mapping");
    struct mapping_document compiled = {0};
    if (document && cJSON_HasObjectItem(input, "message")) {
        if (mapping_compile(document, &compiled, &why))
            map_twice(compiled.mapping, input);
        else if (!why.size)
            abort();
    }
    mapping_release(&compiled);
    cJSON_Delete(input);
    text_release(&why);
    return 0;
}
