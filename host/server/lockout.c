/* SPDX-License-Identifier: MIT */
/* Failed logins; see lockout.h. */
#include "server/lockout.h"

#include <stddef.h>

static struct lockout_entry *find(const struct lockout *lockout, uint64_t key)
{
    const struct lockout_entry *row = lockout->rows[key % LOCKOUT_ROWS];
    for (size_t i = 0; i < LOCKOUT_ROW_ENTRIES; i++)
        if (row[i].key == key)
            return (struct lockout_entry *)&row[i];
    return NULL;
}

int64_t lockout_left_ms(const struct lockout *lockout, uint64_t key, unsigned failures_max,
                        int64_t now_ms)
{
    const struct lockout_entry *entry = find(lockout, key);
    if (!entry || entry->failures < failures_max)
        return 0;
    int64_t left_ms = entry->last_ms + LOCKOUT_MS - now_ms;
    return left_ms > 0 ? left_ms : 0;
}

void lockout_fail(struct lockout *lockout, uint64_t key, int64_t now_ms)
{
    struct lockout_entry *entry = find(lockout, key);
    if (!entry) {
        struct lockout_entry *row = lockout->rows[key % LOCKOUT_ROWS];
        entry = &row[0];
        for (size_t i = 0; i < LOCKOUT_ROW_ENTRIES && entry->key != 0; i++)
            if (row[i].key == 0 || row[i].last_ms < entry->last_ms)
                entry = &row[i];
        *entry = (struct lockout_entry){.key = key};
    }
    if (now_ms - entry->last_ms >= LOCKOUT_MS)
        entry->failures = 0;
    entry->failures++;
    entry->last_ms = now_ms;
}

void lockout_forget(struct lockout *lockout, uint64_t key)
{
    struct lockout_entry *entry = find(lockout, key);
    if (entry)
        *entry = (struct lockout_entry){.key = 0};
}
