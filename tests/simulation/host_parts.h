/* SPDX-License-Identifier: MIT */
/*
 * Two parts of the host that would make a lifetime dear and have tests of their own: modules are
 * verified, translated and loaded once, before the first lifetime, and each one finds them loaded;
 * RSA signatures are left out, the rest of a signed request is as it is.
 */
#ifndef SIMULATION_HOST_PARTS_H
#define SIMULATION_HOST_PARTS_H
#include <stdbool.h>

#include "base/error.h"

/* Loads every module of the folder. */
MUST_USE bool host_parts_load(const char *functions_folder, struct error *err);
#endif
