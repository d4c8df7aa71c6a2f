/* SPDX-License-Identifier: MIT */
/*
 * Allow-lists of imports by kind of module. A flow may import all of SLUICE_IMPORTS and the WASI
 * calls that a C program needs; a customisation (a filter) only arguments, clock, random numbers,
 * standard streams and exit. What is in a list but not in the host fails when a module is loaded.
 */
#ifndef ENGINE_IMPORT_RULES_H
#define ENGINE_IMPORT_RULES_H
#include "engine/module.h"

/* Both lists are static. */
const struct import_rule *import_rules_flow(size_t *count);
const struct import_rule *import_rules_filter(size_t *count);
#endif
