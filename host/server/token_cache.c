/* SPDX-License-Identifier: MIT */
/* See token_cache.h. */
#include "server/token_cache.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

static struct token_entry *row_of(struct token_cache *cache, const unsigned char *mac)
{
    return cache->rows[(mac[0] | (size_t)mac[1] << 8) % TOKEN_CACHE_ROWS];
}

static bool is_same(const struct token_entry *entry, const unsigned char *mac)
{
    return text_same_secret((const char *)entry->mac, KEYED_HASH_SIZE, (const char *)mac,
                            KEYED_HASH_SIZE);
}

const struct token_entry *token_cache_find(struct token_cache *cache,
                                           const unsigned char mac[static KEYED_HASH_SIZE],
                                           int64_t now_ms)
{
    struct token_entry *row = row_of(cache, mac);
    for (size_t i = 0; i < TOKEN_CACHE_ROW_ENTRIES; i++) {
        if (row[i].until_ms <= now_ms || !is_same(&row[i], mac))
            continue;
        row[i].used = ++cache->use_count;
        return &row[i];
    }
    return NULL;
}

void token_cache_put(struct token_cache *cache, const unsigned char mac[static KEYED_HASH_SIZE],
                     const char *name, unsigned roles, int64_t until_ms)
{
    struct token_entry *row = row_of(cache, mac), *entry = &row[0];
    for (size_t i = 1; i < TOKEN_CACHE_ROW_ENTRIES && !is_same(entry, mac); i++)
        if (row[i].used < entry->used || is_same(&row[i], mac)) /* used is 0 for one that is free */
            entry = &row[i];
    *entry = (struct token_entry){
        .until_ms = until_ms, .used = ++cache->use_count, .roles = roles};
    memcpy(entry->mac, mac, KEYED_HASH_SIZE);
    snprintf(entry->name, sizeof entry->name, "%s", name);
}

void token_cache_clear(struct token_cache *cache)
{
    memset(cache, 0, sizeof *cache);
}
