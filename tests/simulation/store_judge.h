/* SPDX-License-Identifier: MIT */
/* What the store says, held against the world. The parent looks at a copy, so that nothing changes. */
#ifndef SIMULATION_STORE_JUDGE_H
#define SIMULATION_STORE_JUDGE_H
#include <stdbool.h>

/* After each lifetime: the store is whole. is_end: no instance is open, and what instances tell of files
 * is so. workspace: its folder. */
void store_judge(const char *workspace, bool is_end);
#endif
