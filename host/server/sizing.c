/* SPDX-License-Identifier: MIT */
/* Shares of what there is; see sizing.h. */
#include "server/sizing.h"

#include <stdint.h>

#define WORKERS_PER_CPU 16u
#define WORKERS_MIN 2u /* one that waits for a slow peer does not hold up everything */
#define CONNECTIONS_MIN 16u
#define BODIES_MIN (1u << 20)
#define CONNECTION_BYTES (64u << 10) /* of one connection: its headers, twice */

static uint64_t within(uint64_t value, uint64_t min, uint64_t max)
{
    return value < min ? min : value > max ? max : value;
}

/* Of the memory: half for runs, a quarter for bodies, an eighth for connections, the rest for the
 * program, its store and its sessions. */
struct sizing sizing_choose(const struct server_settings *settings,
                            const struct cgroup_limits *limits, size_t run_bytes)
{
    uint64_t workers = SIZING_WORKERS, connections = SIZING_CONNECTIONS, bodies = SIZING_BODIES;
    if (limits->cpu_percent > 0)
        workers = within(((uint64_t)limits->cpu_percent * WORKERS_PER_CPU + 99) / 100, WORKERS_MIN,
                         SIZING_WORKERS);
    if (limits->memory_bytes > 0) {
        workers = within(limits->memory_bytes / 2 / run_bytes, WORKERS_MIN, workers);
        connections =
            within(limits->memory_bytes / 8 / CONNECTION_BYTES, CONNECTIONS_MIN, connections);
        bodies = within(limits->memory_bytes / 4, BODIES_MIN, bodies);
    }
    return (struct sizing){
        .workers = settings->workers ? settings->workers : (unsigned)workers,
        .connections_max = settings->connections_max ? settings->connections_max
                                                     : (unsigned)connections,
        .bodies_size_max = (size_t)bodies,
    };
}
