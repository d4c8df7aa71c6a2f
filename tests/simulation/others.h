/* SPDX-License-Identifier: MIT */
/*
 * What others do meanwhile: CCS writes, replaces and removes extract files, DACS takes what was
 * delivered, strangers take names, somebody sets the machine's clock. They act between the host's
 * exchanges with its peers, at moments drawn from the seed.
 */
#ifndef SIMULATION_OTHERS_H
#define SIMULATION_OTHERS_H
#include "world.h"

/* Perhaps somebody acts; called at each exchange with a peer. */
void others_act(void);

/* Somebody reads the log, and removes what it says to be left to people: where the clock jumps, a leftover that was
 * refused once may count as one that was refused for a month. */
void others_read_log(const char *line);

/* A new file at a source. */
void others_produce(enum place_id place);

/* Files that are being written grow; called whenever time passes. */
void others_grow_files(void);

/* Before the last lifetimes: what is being written is finished, DACS takes what there is, marked files
 * and strangers' are put away, clock and disks are set right. */
void others_settle(void);

/* DACS takes everything that is there. */
void others_take_all(void);
#endif
