/* SPDX-License-Identifier: MIT */
/*
 * Who got which version, and the invariants that hold at every step: the servers of the simulation
 * report here what the host had them do to files under names that mean something to others.
 */
#ifndef SIMULATION_LEDGER_H
#define SIMULATION_LEDGER_H
#include "world.h"

/* A file of the host's now shows at a target under a name that is not temporary; instance: who did it. */
void ledger_published(enum place_id place, struct file *file, const char *instance);

/* The host is about to rename, overwrite or delete a file. */
void ledger_renaming(enum place_id place, const struct file *file, const char *to);
void ledger_losing(enum place_id place, const struct file *file, const char *why);

/* The producer's file was renamed by the host. */
void ledger_renamed(enum place_id place, struct file *file);

/* The file's version was replaced or removed by others. */
void ledger_gone(const struct file *file);

/* The consumer takes a delivered file. */
void ledger_taken(const struct file *file);

/* A mail was taken by the mail server, for recipients ("<address><address>"): its text as it was sent. Was the
 * host told so? */
void ledger_mail(const char *text, size_t size, const char *recipients, bool is_told);

/* ---- at the end of a seed ---- */
/* All that was to be delivered was, and nothing of the host's own is left behind. */
void ledger_judge(void);
#endif
