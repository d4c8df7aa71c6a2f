/* SPDX-License-Identifier: MIT */
/* One seed from its first file to the last verdict. */
#ifndef SIMULATION_SEED_H
#define SIMULATION_SEED_H
#include <stdbool.h>
#include <stdint.h>

#include "lifetime.h"
#include "plan.h"

/* The world afterwards tells what happened; true: no invariant was violated. is_tracing: step by step,
 * to stderr. */
bool seed_run(uint64_t seed, const struct lifetime_place *place, const struct signing_key *key,
              bool is_tracing);
#endif
