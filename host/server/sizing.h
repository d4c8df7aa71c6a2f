/* SPDX-License-Identifier: MIT */
/*
 * How many threads and connections the server has where sluice.json does not say: what it has
 * anywhere, or less where its control group gives it less than that takes. Pure.
 */
#ifndef SERVER_SIZING_H
#define SERVER_SIZING_H
#include <stddef.h>

#include "base/cgroup.h"
#include "workspace/workspace.h"

#define SIZING_WORKERS 16u       /* runs wait for peers most of their time */
#define SIZING_CONNECTIONS 1000u
#define SIZING_BODIES (256u << 20) /* bytes of all bodies in memory */

struct sizing {
    unsigned workers, connections_max;
    size_t bodies_size_max;
};

/* run_bytes: what one run may take at most. A setting that is given (not 0) stands. */
struct sizing sizing_choose(const struct server_settings *settings,
                            const struct cgroup_limits *limits, size_t run_bytes);
#endif
