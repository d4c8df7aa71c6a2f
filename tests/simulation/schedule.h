/* SPDX-License-Identifier: MIT */
/*
 * Who runs when: one thread of one process at a time, in an order that the seed alone decides, on the
 * world's clock. The host's calls for threads, locks, time and randomness end up here (the linker's
 * --wrap), so its code is compiled as it ships and none of it knows.
 *
 * A thread gives way where it waits, at drawn moments where it unlocks, and at each exchange with a
 * peer. Where all threads wait, time passes. With two hosts, processes take turns in the same way:
 * the parent gives the turn (schedule_turns) and takes it back.
 */
#ifndef SIMULATION_SCHEDULE_H
#define SIMULATION_SCHEDULE_H
#include <stdbool.h>
#include <stdint.h>

/* In a process that was just made for host `index`: its first thread. */
void schedule_begin(int index);

/* At an exchange with a peer: another thread, or another host, may run. */
void schedule_give_way(void);

/* The same, but for threads: their locks may be held (inside SQLite). */
void schedule_give_way_to_host(void);

/* The calling thread waits; others run or time passes. */
void schedule_sleep_ns(int64_t duration_ns);

/*
 * Effects of the host on its surroundings are counted, and at one of them the process dies if the seed
 * wants so: before it has happened, or after.
 */
void effect_begins(const char *what);
void effect_happened(void);

/* ---- the parent's side ---- */
/* Lets the living hosts run by turns until all have ended. False: one did not come to an end. */
bool schedule_turns(void);
#endif
