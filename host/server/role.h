/* SPDX-License-Identifier: MIT */
/*
 * What a caller may do. As in OIC: ServiceInvoker is invoke, ServiceMonitor is monitor,
 * ServiceAdministrator, who may do everything there, is administer. Pure functions.
 */
#ifndef SERVER_ROLE_H
#define SERVER_ROLE_H
#include <stdbool.h>
#include <stddef.h>

enum role {
    ROLE_INVOKE = 1,     /* start flows at their addresses; see nothing */
    ROLE_MONITOR = 2,    /* see flows, connections, lookups, instances and errors; change nothing */
    ROLE_ADMINISTER = 4, /* both, and change what can be changed */
};

#define ROLE_WORDS "\"invoke\", \"monitor\" and \"administer\""
#define ROLES_TEXT_SIZE 32

/* The role of that word; false: there is none. */
bool role_parse(const char *word, unsigned *role);
const char *role_name(enum role role);

/* Whether who has these roles (bits of enum role) may do what needs that one. */
bool roles_include(unsigned roles, enum role needed);

/* "invoke, monitor"; "none". Returns text. */
const char *roles_format(unsigned roles, char text[static ROLES_TEXT_SIZE]);
#endif
