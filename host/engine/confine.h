/* SPDX-License-Identifier: MIT */
/*
 * Takes from the calling process what a translator does not need: the network (a namespace of its
 * own) and writing to any file outside one folder (Landlock). Both cannot be undone. Only system
 * calls: fit for a child between fork and exec, whose parent must have set no_new_privs or be root.
 */
#ifndef ENGINE_CONFINE_H
#define ENGINE_CONFINE_H

/* 0, or the errno that tells why the kernel does not do it. */
int confine_network(void);
int confine_writes(const char *folder);
#endif
