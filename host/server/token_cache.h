/* SPDX-License-Identifier: MIT */
/*
 * Tokens whose signature was good, under a keyed hash of the whole text, until they expire. A table of
 * fixed size: in a full row the one that was not used for the longest time is forgotten and has to be
 * verified again. Not thread-safe: its owner locks.
 */
#ifndef SERVER_TOKEN_CACHE_H
#define SERVER_TOKEN_CACHE_H
#include "server/keyed_hash.h"
#include "server/users.h"

#define TOKEN_CACHE_ROWS 256u
#define TOKEN_CACHE_ROW_ENTRIES 8u

struct token_entry {
    unsigned char mac[KEYED_HASH_SIZE];
    int64_t until_ms; /* wall clock; 0: free */
    uint64_t used;    /* when: a count, not a time */
    unsigned roles;
    char name[USERS_NAME_SIZE_MAX + 1];
};

struct token_cache {
    struct token_entry rows[TOKEN_CACHE_ROWS][TOKEN_CACHE_ROW_ENTRIES];
    uint64_t use_count;
};

/* NULL: unknown or expired. Borrowed until the next call. */
const struct token_entry *token_cache_find(struct token_cache *cache,
                                           const unsigned char mac[static KEYED_HASH_SIZE],
                                           int64_t now_ms);
void token_cache_put(struct token_cache *cache, const unsigned char mac[static KEYED_HASH_SIZE],
                     const char *name, unsigned roles, int64_t until_ms);
void token_cache_clear(struct token_cache *cache);
#endif
