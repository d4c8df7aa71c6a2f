/* SPDX-License-Identifier: MIT */
/* One process of the host, from its start to its end or its death. */
#ifndef SIMULATION_LIFETIME_H
#define SIMULATION_LIFETIME_H

struct lifetime_place {
    const char *workspace, *functions;
};

/* What the process of world->hosts[index] does; ends it. For a child that was just forked. */
_Noreturn void lifetime_main(int index, const struct lifetime_place *place);
#endif
