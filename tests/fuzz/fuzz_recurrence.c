/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: any text as a recurrence in one of a few zones. Due times go forward and are found
 * again from just before.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "flow/recurrence.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW_MS INT64_C(1795000000000)

static void check_times(const struct recurrence *recurrence)
{
    int64_t at = NOW_MS, next, again;
    for (int i = 0; i < 3 && recurrence_after(recurrence, at, &next, NULL); i++, at = next) {
        char text[RECURRENCE_LOCAL_SIZE];
        if (next <= at || !recurrence_after(recurrence, next - 1, &again, NULL) || again != next)
            abort();
        recurrence_local(recurrence, next, text);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const zones[] = {"UTC", "Europe/Berlin", "America/New_York",
                                        "Australia/Lord_Howe"};
    char warning[RECURRENCE_WARNING_SIZE];
    struct recurrence *recurrence = NULL;
    struct error err;
    if (size == 0 || size > RECURRENCE_TEXT_MAX + 8)
        return 0;
    char *text = strndup((const char *)data + 1, size - 1);
    if (text && recurrence_parse(&recurrence, text, zones[data[0] % 4], NULL, NULL, warning, &err))
        check_times(recurrence);
    recurrence_free(recurrence);
    free(text);
    return 0;
}
