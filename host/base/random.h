/* SPDX-License-Identifier: MIT */
/* Randomness as a parameter, as clock.h is time as one. Thread-safe as long as the source is set once. */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H
#include <stdint.h>

struct random_source {
    uint32_t (*number)(void *context);
    void *context;
};

/* Replaces the source for the whole process; NULL restores the system's. For tests, before threads. */
void random_use(const struct random_source *source);

/* Any number. Not for secrets: where the system has none to give, it is 0. */
uint32_t random_number(void);
#endif
