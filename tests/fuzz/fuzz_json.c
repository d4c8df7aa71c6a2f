/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: any bytes as a message or a configuration file. What is accepted is printed and must be
 * accepted again, the same.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_again(const cJSON *value)
{
    struct error err;
    char *text = cJSON_PrintUnformatted(value);
    cJSON *again = text ? json_parse(text, strlen(text), "again", JSON_STRICT, &err) : NULL;
    if (text && (!again || !cJSON_Compare(value, again, true)))
        abort();
    cJSON_Delete(again);
    cJSON_free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error err;
    cJSON *strict = json_parse((const char *)data, size, "message", JSON_STRICT, &err);
    cJSON *loose = json_parse((const char *)data, size, "file", JSON_COMMENTS, &err);
    if (strict && !loose)
        abort(); /* comments only add */
    if (strict)
        check_again(strict);
    cJSON_Delete(strict);
    cJSON_Delete(loose);
    return 0;
}
