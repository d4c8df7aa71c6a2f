/* SPDX-License-Identifier: MIT */
/* The bytes of an input with a NUL behind them, where a sanitizer sees what reads beyond. The caller frees
 * them; NULL: no memory. */
#ifndef TESTS_FUZZ_INPUT_TEXT_H
#define TESTS_FUZZ_INPUT_TEXT_H
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static inline char *input_text(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    if (text) {
        memcpy(text, data, size);
        text[size] = '\0';
    }
    return text;
}
#endif
