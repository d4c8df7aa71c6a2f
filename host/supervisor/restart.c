/* SPDX-License-Identifier: MIT */
/* See restart.h. */
#include "supervisor/restart.h"

uint32_t restart_wait_ms(struct restart *restart, const struct supervision *supervision, int64_t ran_ms)
{
    if (ran_ms >= (int64_t)supervision->stable_ms)
        restart->wait_ms = 0;
    const uint64_t next = restart->wait_ms ? 2 * (uint64_t)restart->wait_ms : supervision->restart_min_ms;
    restart->wait_ms = next < supervision->restart_max_ms ? (uint32_t)next : supervision->restart_max_ms;
    restart->count++;
    return restart->wait_ms;
}

void restart_forget(struct restart *restart)
{
    restart->wait_ms = 0;
}
