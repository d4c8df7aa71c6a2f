/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: any text as the API's query argument q, and as connections.json that one value is set
 * in. What is set is found again wherever the text is JSON.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "server/api_filter.h"
#include "workspace/connection_text.h"
#include "fuzz/input_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void filter(const char *text)
{
    struct api_filter filter;
    struct error err = {0};
    if (!api_filter_parse(&filter, text, ~0u, 1795487820000, 86400000, &err) && !err.message[0])
        abort();
}

static void set(const char *text)
{
    struct buf changed;
    struct error err = {0};
    buf_init(&changed, 1u << 20);
    buf_append_text(&changed, text);
    bool was_set = connection_text_set(&changed, "A", "host", "\"fuzzed\"", &err);
    cJSON *before = cJSON_Parse(text), *after = cJSON_Parse(buf_text(&changed));
    if (before && was_set) {
        const cJSON *object = cJSON_GetObjectItemCaseSensitive(after, "A");
        const char *host = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, "host"));
        if (!host || strcmp(host, "fuzzed") != 0)
            abort();
    }
    cJSON_Delete(before);
    cJSON_Delete(after);
    buf_release(&changed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = input_text(data, size);
    if (!text)
        return 0;
    filter(text);
    set(text);
    free(text);
    return 0;
}
