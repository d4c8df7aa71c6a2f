/* SPDX-License-Identifier: MIT */
/* One seed from its first file to the last verdict. */
#ifndef SIMULATION_SEED_H
#define SIMULATION_SEED_H
#include <stdbool.h>
#include <stdint.h>

#include "lifetime.h"
#include "plan.h"

/* Number of a seed, and of how many kinds of mishaps it is: the first ones of their list. */
struct seed {
    uint64_t number;
    unsigned kinds;
};

/* The world afterwards tells what happened; true: no invariant was violated. is_tracing: step by step,
 * to stderr. */
bool seed_run(struct seed seed, const struct lifetime_place *place, const struct signing_key *key,
              bool is_tracing);
#endif
