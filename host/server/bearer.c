/* SPDX-License-Identifier: MIT */
/* See bearer.h. Lock order: issuer, then cache. */
#include "server/bearer.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "server/token_cache.h"

struct bearer {
    const struct keyed_hash *hash;
    pthread_rwlock_t in_force; /* read while a token is checked, so that none outlives its issuer */
    struct issuer *issuer;
    pthread_mutex_t mutex;
    struct token_cache cache;
};

static void hash_token(const struct bearer *bearer, const char *token,
                       unsigned char mac[static KEYED_HASH_SIZE])
{
    const char *const texts[] = {"token", token};
    keyed_hash(bearer->hash, texts, sizeof texts / sizeof texts[0], mac);
}

bool bearer_remembers(struct bearer *bearer, const char *token, struct bearer_caller *caller)
{
    unsigned char mac[KEYED_HASH_SIZE];
    *caller = (struct bearer_caller){.roles = 0};
    if (strnlen(token, JWT_SIZE_MAX + 1) > JWT_SIZE_MAX)
        return false;
    hash_token(bearer, token, mac);
    pthread_mutex_lock(&bearer->mutex);
    const struct token_entry *entry = token_cache_find(&bearer->cache, mac, clock_wall_ms());
    if (entry) {
        caller->roles = entry->roles;
        memcpy(caller->name, entry->name, sizeof caller->name);
    }
    pthread_mutex_unlock(&bearer->mutex);
    return entry != NULL;
}

static bool take_name(const cJSON *claims, struct bearer_caller *caller)
{
    const char *name = json_text(claims, "sub");
    if (!name)
        name = json_text(claims, "client_id");
    if (!name || !name[0] || strlen(name) > USERS_NAME_SIZE_MAX || text_has_control(name))
        return false;
    memcpy(caller->name, name, strlen(name) + 1);
    return true;
}

static void remember(struct bearer *bearer, const char *token, const struct bearer_caller *caller,
                     int64_t expires_s)
{
    unsigned char mac[KEYED_HASH_SIZE];
    hash_token(bearer, token, mac);
    pthread_mutex_lock(&bearer->mutex);
    token_cache_put(&bearer->cache, mac, caller->name, caller->roles, expires_s * 1000);
    pthread_mutex_unlock(&bearer->mutex);
}

static enum jwt_verdict verify(struct bearer *bearer, const char *token,
                               struct bearer_caller *caller)
{
    const struct issuer *issuer = bearer->issuer;
    const struct jwt_expectation expected = {
        .keys = &issuer->keys, .issuer = issuer->name, .audience = issuer->audience,
        .clock_skew_s = issuer->clock_skew_s, .at_jwt_only = issuer->typ == ISSUER_TYP_AT_JWT};
    cJSON *claims;
    int64_t expires_s;
    enum jwt_verdict verdict = jwt_verify(token, strlen(token), &expected, clock_wall_ms() / 1000,
                                          &claims, &expires_s);
    bool has_name = claims && take_name(claims, caller);
    if (verdict == JWT_GOOD && !has_name)
        verdict = JWT_CLAIMS;
    if (verdict == JWT_GOOD) {
        caller->roles = issuer_roles(issuer, claims);
        remember(bearer, token, caller, expires_s);
    }
    cJSON_Delete(claims);
    return verdict;
}

enum jwt_verdict bearer_verify(struct bearer *bearer, const char *token,
                               struct bearer_caller *caller)
{
    *caller = (struct bearer_caller){.roles = 0};
    pthread_rwlock_rdlock(&bearer->in_force);
    enum jwt_verdict verdict = bearer->issuer ? verify(bearer, token, caller) : JWT_KEY_UNKNOWN;
    pthread_rwlock_unlock(&bearer->in_force);
    return verdict;
}

bool bearer_is_ready(struct bearer *bearer)
{
    pthread_rwlock_rdlock(&bearer->in_force);
    bool is_ready = bearer->issuer != NULL;
    pthread_rwlock_unlock(&bearer->in_force);
    return is_ready;
}

void bearer_use(struct bearer *bearer, struct issuer *issuer)
{
    pthread_rwlock_wrlock(&bearer->in_force);
    struct issuer *old = bearer->issuer;
    bearer->issuer = issuer;
    pthread_mutex_lock(&bearer->mutex);
    token_cache_clear(&bearer->cache);
    pthread_mutex_unlock(&bearer->mutex);
    pthread_rwlock_unlock(&bearer->in_force);
    issuer_free(old);
}

/* New keys come into force however many tokens are being checked one after the other. */
static void init_lock(pthread_rwlock_t *lock)
{
    pthread_rwlockattr_t attributes;
    pthread_rwlockattr_init(&attributes);
    pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(lock, &attributes);
    pthread_rwlockattr_destroy(&attributes);
}

struct bearer *bearer_new(const struct keyed_hash *hash)
{
    struct bearer *bearer = calloc(1, sizeof *bearer);
    if (!bearer)
        return NULL;
    bearer->hash = hash;
    init_lock(&bearer->in_force);
    pthread_mutex_init(&bearer->mutex, NULL);
    return bearer;
}

void bearer_free(struct bearer *bearer)
{
    if (!bearer)
        return;
    issuer_free(bearer->issuer);
    pthread_rwlock_destroy(&bearer->in_force);
    pthread_mutex_destroy(&bearer->mutex);
    free(bearer);
}
