/* SPDX-License-Identifier: MIT */
/* Finished instances run again from their journal, which asks nobody and comes to the same end. */
#ifndef SIMULATION_REPLAY_H
#define SIMULATION_REPLAY_H
struct service;
void replay_all(struct service *service);
#endif
