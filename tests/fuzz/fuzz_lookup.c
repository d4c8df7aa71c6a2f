/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: any bytes as a lookup's CSV. What is accepted is exported and must come back, row by row.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "workspace/lookup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_again(const struct lookup *first)
{
    struct lookup second = {.name = NULL};
    struct error err;
    struct buf text;
    buf_init(&text, 4u * LOOKUP_SIZE_MAX);
    lookup_format(first, &text);
    if (!lookup_parse(&second, first->name, buf_text(&text), text.size, "again", &err) ||
        second.row_count != first->row_count)
        abort();
    for (size_t i = 0; i < first->row_count; i++)
        if (strcmp(first->rows[i].key, second.rows[i].key) != 0 ||
            strcmp(first->rows[i].value, second.rows[i].value) != 0)
            abort();
    lookup_release(&second);
    buf_release(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lookup lookup = {.name = NULL};
    struct error err;
    if (!lookup_parse(&lookup, "L", (const char *)data, size, "lookups/L.csv", &err))
        return 0;
    check_again(&lookup);
    lookup_release(&lookup);
    return 0;
}
