/* SPDX-License-Identifier: MIT */
/*
 * Faults and deadline signals: which are a guest's (they land in its sandbox_run) and which are
 * the host's own (they crash, as a host bug must). A fault is a guest's only if guest code was
 * running on its own stack and the address lies in its memory reservation or its stack's guard.
 */
#ifndef ENGINE_TRAP_H
#define ENGINE_TRAP_H
#include "engine/thread.h"

/* Installs the handlers of the process once; they chain to the ones they replace. */
MUST_USE bool trap_install(struct error *err);

/* Lets the calling thread have our signals: threads that leave signals to another one block all,
 * and then no loop would ever end. */
MUST_USE bool trap_unblock(struct error *err);

/* The calling thread's alternate signal stack: kept if it has one of TRAP_STACK_SIZE, else made. */
#define TRAP_STACK_SIZE (64u << 10)
MUST_USE bool trap_stack_open(struct engine_thread *thread, struct error *err);
void trap_stack_close(struct engine_thread *thread);
#endif
