/* SPDX-License-Identifier: MIT */
/* One seed from its first file to the last verdict. */
#ifndef SIMULATION_SEED_H
#define SIMULATION_SEED_H
#include <stdbool.h>
#include <stdint.h>

#include "lifetime.h"
#include "plan.h"

/* Number of a seed, and which of the kinds of mishaps that came later it has: bit 0 is MISHAP_FIRST_LATER. */
struct seed {
    uint64_t number;
    uint32_t later;
};

#define SEED_LATER_ALL ((UINT32_C(1) << (MISHAP_COUNT - MISHAP_FIRST_LATER)) - 1)
#define SEED_TEXT_SIZE 96

/* "NUMBER/KINDS+KIND+KIND": the first KINDS of the list of kinds, and those at a place (from 1) each; "NUMBER"
 * alone: all there are. Reads to a blank or the end; false: it is none. */
bool seed_read(const char *text, struct seed *seed);
const char *seed_text(struct seed seed, char text[static SEED_TEXT_SIZE]);

/* The world afterwards tells what happened; true: no invariant was violated. is_tracing: step by step,
 * to stderr. */
bool seed_run(struct seed seed, const struct lifetime_place *place, const struct signing_key *key,
              bool is_tracing);
#endif
