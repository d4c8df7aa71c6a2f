/* SPDX-License-Identifier: MIT */
/* Token buckets; see rate.h. */
#include "server/rate.h"

#include <stddef.h>

static struct rate_entry *find(struct rate *rate, uint64_t key, double capacity, int64_t now_ms)
{
    struct rate_entry *row = rate->rows[key % RATE_ROWS], *oldest = &row[0];
    for (size_t i = 0; i < RATE_ROW_ENTRIES; i++) {
        if (row[i].key == key)
            return &row[i];
        if (oldest->key != 0 && (row[i].key == 0 || row[i].last_ms < oldest->last_ms))
            oldest = &row[i];
    }
    *oldest = (struct rate_entry){.key = key, .tokens = capacity, .last_ms = now_ms};
    return oldest;
}

bool rate_take(struct rate *rate, uint64_t key, const struct rate_limit *limit, int64_t now_ms)
{
    if (limit->per_s == 0)
        return true;
    double capacity = (double)limit->per_s * limit->burst_s;
    struct rate_entry *entry = find(rate, key, capacity, now_ms);
    if (now_ms > entry->last_ms) {
        entry->tokens += (double)(now_ms - entry->last_ms) * limit->per_s / 1000;
        if (entry->tokens > capacity)
            entry->tokens = capacity;
        entry->last_ms = now_ms;
    }
    if (entry->tokens < 1)
        return false;
    entry->tokens -= 1;
    return true;
}
