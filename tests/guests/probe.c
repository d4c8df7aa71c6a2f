/* SPDX-License-Identifier: MIT */
/*
 * A guest that makes exactly the import calls its input asks for, with any words at all: the tests
 * use it to throw bad addresses, lengths and handles at every row of the import table.
 *
 * Input: steps of 21 little-endian words: the import's position in SLUICE_IMPORTS, ten argument
 * words, ten modes (enum probe_mode). Answer: the result of each step, one word each.
 */
#include <stddef.h>
#include <stdint.h>

#include "probe.h"
#include "sluice/abi.h"

#define W_TEXT(n) uint32_t n, uint32_t n##_size
#define W_BYTES(n) uint32_t n, uint32_t n##_size
#define W_OUT(n) uint32_t n, uint32_t n##_size
#define W_INFO(n) uint32_t n
#define W_FILE(n) uint32_t n
#define W_LISTING(n) uint32_t n
#define W_RESPONSE(n) uint32_t n
#define W_HANDLE(n) uint32_t n
#define W_NUMBER(n) uint32_t n

#define L_TEXT(n) n = *words++, n##_size = *words++
#define L_BYTES(n) n = *words++, n##_size = *words++
#define L_OUT(n) n = *words++, n##_size = *words++
#define L_INFO(n) n = *words++
#define L_FILE(n) n = *words++
#define L_LISTING(n) n = *words++
#define L_RESPONSE(n) n = *words++
#define L_HANDLE(n) n = *words++
#define L_NUMBER(n) n = *words++

#define A_TEXT(n) n, n##_size
#define A_BYTES(n) n, n##_size
#define A_OUT(n) n, n##_size
#define A_INFO(n) n
#define A_FILE(n) n
#define A_LISTING(n) n
#define A_RESPONSE(n) n
#define A_HANDLE(n) n
#define A_NUMBER(n) n

#define PARAMETERS_0(list) void
#define PARAMETERS_1(list) SLUICE_EACH(W_, 1, list)
#define PARAMETERS_2(list) SLUICE_EACH(W_, 2, list)
#define PARAMETERS_3(list) SLUICE_EACH(W_, 3, list)
#define PARAMETERS_4(list) SLUICE_EACH(W_, 4, list)
#define PARAMETERS_5(list) SLUICE_EACH(W_, 5, list)

#define COMMA_0
#define COMMA_1 ,
#define COMMA_2 ,
#define COMMA_3 ,
#define COMMA_4 ,
#define COMMA_5 ,

#define DECLARE(module, name, effect, count, list)                                                 \
    __attribute__((import_module("sluice_" #module), import_name(#name))) int32_t                  \
        raw_##module##_##name(PARAMETERS_##count(list));
SLUICE_IMPORTS(DECLARE)

enum {
#define NUMBER_OF(module, name, effect, count, list) STEP_##module##_##name,
    SLUICE_IMPORTS(NUMBER_OF)
};

static int32_t call(uint32_t import, const uint32_t *words)
{
    switch (import) {
#define CASE(module, name, effect, count, list)                                                    \
    case STEP_##module##_##name: {                                                                 \
        uint32_t unused = 0 COMMA_##count SLUICE_EACH(L_, count, list);                            \
        (void)unused;                                                                              \
        return raw_##module##_##name(SLUICE_EACH(A_, count, list));                                \
    }
        SLUICE_IMPORTS(CASE)
    default:
        return SLUICE_UNSUPPORTED;
    }
}

static struct probe_step steps[PROBE_STEPS_MAX];
static int32_t results[PROBE_STEPS_MAX];
static char scratch[PROBE_SCRATCH_SIZE];

static uint32_t word_of(const struct probe_step *step, unsigned index)
{
    uint32_t word = step->words[index];
    switch (step->modes[index]) {
    case PROBE_SCRATCH:
        return (uint32_t)(uintptr_t)scratch + word;
    case PROBE_MEMORY_END:
        return (uint32_t)__builtin_wasm_memory_size(0) * 65536u + word;
    case PROBE_RESULT:
        return (uint32_t)results[word % PROBE_STEPS_MAX];
    default:
        return word;
    }
}

int main(void)
{
    for (unsigned i = 0; i < PROBE_SCRATCH_SIZE; i++)
        scratch[i] = 'A';
    int32_t size = raw_flow_input((uint32_t)(uintptr_t)steps, sizeof steps);
    unsigned count = (unsigned)size / sizeof steps[0];
    for (unsigned i = 0; i < count && i < PROBE_STEPS_MAX; i++) {
        uint32_t words[10];
        for (unsigned j = 0; j < 10; j++)
            words[j] = word_of(&steps[i], j);
        results[i] = steps[i].import == PROBE_GROW
                         ? (int32_t)__builtin_wasm_memory_grow(0, words[0])
                         : call(steps[i].import, words);
    }
    return raw_flow_respond(200, (uint32_t)(uintptr_t)scratch, 1, (uint32_t)(uintptr_t)results,
                            count * 4) == 0 ? 0 : 1;
}
