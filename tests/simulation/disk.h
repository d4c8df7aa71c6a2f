/* SPDX-License-Identifier: MIT */
/*
 * The disk under the store: SQLite's own file layer, whose writes and syncs are watched, fail at
 * drawn moments, and are lost at a power cut as far as they were not synced: sector by sector, in any
 * order, half a page or the tail of the log included. What is killed only keeps all that it wrote. A
 * sync that failed loses what it was to save, even if a later one succeeds, until it is written anew.
 */
#ifndef SIMULATION_DISK_H
#define SIMULATION_DISK_H
#include <stdbool.h>

/* Maps what the lifetimes share and makes this SQLite's default, once, before the first lifetime. */
bool disk_open(void);

/* A new, empty disk: nothing is unsynced. */
void disk_begin(void);

/* The parent, after the power was cut: what was not synced is kept or lost as drawn. */
void disk_cut(void);
#endif
