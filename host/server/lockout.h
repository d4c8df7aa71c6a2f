/* SPDX-License-Identifier: MIT */
/*
 * Counts failed logins by key (an address, or an account at an address) and locks a key out for a
 * while. A table of fixed size: when it is full the oldest entry of a row is forgotten.
 * Not thread-safe: its owner locks.
 */
#ifndef SERVER_LOCKOUT_H
#define SERVER_LOCKOUT_H
#include <stdbool.h>
#include <stdint.h>

#define LOCKOUT_ACCOUNT_FAILURES_MAX 5u  /* of one account from one address; then locked */
#define LOCKOUT_ADDRESS_FAILURES_MAX 20u /* of all accounts from one address */
#define LOCKOUT_MS 60000                 /* how long, and how long failures are remembered */
#define LOCKOUT_ROWS 512u
#define LOCKOUT_ROW_ENTRIES 8u

struct lockout_entry {
    uint64_t key; /* 0: free */
    unsigned failures;
    int64_t last_ms;
};

struct lockout {
    struct lockout_entry rows[LOCKOUT_ROWS][LOCKOUT_ROW_ENTRIES];
};

/* Milliseconds that key still is locked for; 0: it is not. key is a keyed hash, not 0. */
int64_t lockout_left_ms(const struct lockout *lockout, uint64_t key, unsigned failures_max,
                        int64_t now_ms);
void lockout_fail(struct lockout *lockout, uint64_t key, int64_t now_ms);
void lockout_forget(struct lockout *lockout, uint64_t key);
#endif
