/* SPDX-License-Identifier: MIT */
/* What the probe guest is told to do, shared with the tests that tell it. */
#ifndef TESTS_GUESTS_PROBE_H
#define TESTS_GUESTS_PROBE_H
#include <stdint.h>

#define PROBE_STEPS_MAX 512
#define PROBE_SCRATCH_SIZE 16384

/* What a word of a step means. */
enum probe_mode {
    PROBE_LITERAL,
    PROBE_SCRATCH,    /* the address of a buffer full of 'A', plus the word */
    PROBE_MEMORY_END, /* the size of the guest's memory, plus the word */
    PROBE_RESULT,     /* the result of the step with that number */
};

#define PROBE_GROW 0xFFFFFFFFu /* in place of an import: grows the memory by the first word's pages */

struct probe_step {
    uint32_t import; /* position in SLUICE_IMPORTS */
    uint32_t words[10];
    uint32_t modes[10];
};
#endif
