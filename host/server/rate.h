/* SPDX-License-Identifier: MIT */
/*
 * How often a key (an address, or an account) may call: a token bucket for each. A table of fixed
 * size: when a row is full, the bucket that was not used for the longest time is forgotten, that is:
 * full again. Not thread-safe: its owner locks.
 */
#ifndef SERVER_RATE_H
#define SERVER_RATE_H
#include <stdbool.h>
#include <stdint.h>

#define RATE_ROWS 1024u
#define RATE_ROW_ENTRIES 8u

struct rate_limit {
    uint32_t per_s;   /* requests a second in the long run; 0: no limit */
    uint32_t burst_s; /* at once, as many as come in so many seconds; above 0 */
};

struct rate_entry {
    uint64_t key; /* 0: free */
    double tokens;
    int64_t last_ms;
};

struct rate {
    struct rate_entry rows[RATE_ROWS][RATE_ROW_ENTRIES];
};

/* Takes one token of key's bucket; false: there is none, and one will be within a second. key is a
 * keyed hash, not 0. */
bool rate_take(struct rate *rate, uint64_t key, const struct rate_limit *limit, int64_t now_ms);
#endif
