/* SPDX-License-Identifier: MIT */
/*
 * What a server may still ask of the kernel once it is up: a filter of system calls (seccomp) for all of
 * its threads that cannot be taken off again. With it the process
 *
 *   - starts no program and makes no process (execve, fork, ptrace and what mounts, loads or changes the
 *     kernel end it: SIGSYS);
 *   - makes no memory executable that it can or could write. Compiled modules are mapped from their files;
 *   - has sockets of the families INET, INET6, UNIX and, for the resolver, NETLINK only;
 *   - signals nobody but its own threads, changes neither identity nor limits nor priorities.
 *
 * Whatever the tables of lockdown.c do not name fails with ENOSYS, which libraries take as an old kernel.
 */
#ifndef SERVER_LOCKDOWN_H
#define SERVER_LOCKDOWN_H
#include "base/error.h"

/* Before there are threads and programs to be started: nothing that this process or one of its children
 * starts gets more rights than it has (no_new_privs). ERROR_INTERNAL. */
MUST_USE bool lockdown_privileges(struct error *err);

/* The filter, at once for all threads. Modules that are not compiled yet need a helper (engine/helper.h)
 * from then on. ERROR_UNSUPPORTED: this kernel cannot; ERROR_INTERNAL. */
MUST_USE bool lockdown_enter(struct error *err);
#endif
