/* SPDX-License-Identifier: MIT */
/* From a header to a verdict; see auth.h. */
#include "server/auth.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "server/basic.h"
#include "server/bearer.h"
#include "server/lockout.h"

struct auth {
    const char *folder;
    struct auth_limits limits;
    struct keyed_hash hash;
    struct basic *basic;
    struct bearer *bearer;
    sem_t hashes; /* AUTH_HASHES_AT_ONCE_MAX */
    pthread_mutex_t mutex; /* all below */
    struct lockout lockout;
    struct rate rate;
};

/* One call on its way to a verdict. */
struct attempt {
    char network[INET6_ADDRSTRLEN]; /* the address, as far as it counts */
    uint64_t address_key;
    unsigned roles;
    char *name;
};

static const char *const reasons[] = {
    [AUTH_GRANTED] = "granted",
    [AUTH_MISSING] = "no credentials, or not in a form that is taken here",
    [AUTH_WRONG] = "wrong user or password",
    [AUTH_TOKEN_MALFORMED] = "the token is malformed",
    [AUTH_TOKEN_OVERSIZED] = "the token is too large",
    [AUTH_TOKEN_ALGORITHM] = "the token is not signed with RS256 or ES256",
    [AUTH_TOKEN_CRITICAL] = "the token demands an extension (crit) that is not known here",
    [AUTH_TOKEN_TYPE] = "the token is not an access token",
    [AUTH_TOKEN_KEY_UNKNOWN] = "the token's key is not among those of the issuer",
    [AUTH_TOKEN_SIGNATURE] = "the token's signature is wrong",
    [AUTH_TOKEN_CLAIMS] = "a claim of the token is missing or unusable",
    [AUTH_TOKEN_ISSUER] = "the token is of another issuer",
    [AUTH_TOKEN_AUDIENCE] = "the token is for another audience",
    [AUTH_TOKEN_EXPIRED] = "the token has expired",
    [AUTH_TOKEN_EARLY] = "the token is not valid yet",
    [AUTH_LOCKED] = "locked out after too many failures",
    [AUTH_RATE] = "too many requests",
    [AUTH_FORBIDDEN] = "the role is missing",
};

static const enum auth_verdict token_verdicts[] = {
    [JWT_GOOD] = AUTH_GRANTED,
    [JWT_MALFORMED] = AUTH_TOKEN_MALFORMED,
    [JWT_OVERSIZED] = AUTH_TOKEN_OVERSIZED,
    [JWT_ALGORITHM] = AUTH_TOKEN_ALGORITHM,
    [JWT_CRITICAL] = AUTH_TOKEN_CRITICAL,
    [JWT_TYPE] = AUTH_TOKEN_TYPE,
    [JWT_KEY_UNKNOWN] = AUTH_TOKEN_KEY_UNKNOWN,
    [JWT_SIGNATURE] = AUTH_TOKEN_SIGNATURE,
    [JWT_CLAIMS] = AUTH_TOKEN_CLAIMS,
    [JWT_ISSUER] = AUTH_TOKEN_ISSUER,
    [JWT_AUDIENCE] = AUTH_TOKEN_AUDIENCE,
    [JWT_EXPIRED] = AUTH_TOKEN_EXPIRED,
    [JWT_EARLY] = AUTH_TOKEN_EARLY,
};

const char *auth_reason(enum auth_verdict verdict)
{
    return reasons[verdict];
}

/* What stands behind the scheme (RFC 9110 11.4: in any case), or NULL. */
static const char *behind_scheme(const char *authorization, const char *scheme)
{
    size_t size = strlen(scheme);
    if (!authorization || strncasecmp(authorization, scheme, size) != 0 ||
        authorization[size] != ' ')
        return NULL;
    return authorization + size + strspn(authorization + size, " ");
}

bool auth_is_bearer(const char *authorization)
{
    return behind_scheme(authorization, "Bearer") != NULL;
}

bool auth_has_credentials(const char *authorization)
{
    return auth_is_bearer(authorization) || behind_scheme(authorization, "Basic");
}

/* ---- failures and frequency ---- */

static uint64_t place(const struct auth *auth, const char *use, const char *a, const char *b)
{
    const char *const texts[] = {use, a, b};
    return keyed_hash_place(&auth->hash, texts, sizeof texts / sizeof texts[0]);
}

/* One host may have all addresses of an IPv6 network of 64 bits: they count as one. */
static void name_network(const char *address, char network[static INET6_ADDRSTRLEN])
{
    struct in6_addr bits;
    if (inet_pton(AF_INET6, address, &bits) == 1 && !IN6_IS_ADDR_V4MAPPED(&bits)) {
        memset(bits.s6_addr + 8, 0, 8);
        inet_ntop(AF_INET6, &bits, network, INET6_ADDRSTRLEN);
    } else {
        snprintf(network, INET6_ADDRSTRLEN, "%s", address);
    }
}

static bool take(struct auth *auth, uint64_t key, const struct rate_limit *limit)
{
    pthread_mutex_lock(&auth->mutex);
    bool taken = rate_take(&auth->rate, key, limit, clock_monotonic_ms());
    pthread_mutex_unlock(&auth->mutex);
    return taken;
}

/* account_key 0: not known. */
static bool is_locked(struct auth *auth, uint64_t address_key, uint64_t account_key)
{
    int64_t now_ms = clock_monotonic_ms();
    pthread_mutex_lock(&auth->mutex);
    bool locked =
        lockout_left_ms(&auth->lockout, address_key, LOCKOUT_ADDRESS_FAILURES_MAX, now_ms) > 0 ||
        (account_key != 0 && lockout_left_ms(&auth->lockout, account_key,
                                             LOCKOUT_ACCOUNT_FAILURES_MAX, now_ms) > 0);
    pthread_mutex_unlock(&auth->mutex);
    return locked;
}

static void count_failure(struct auth *auth, uint64_t address_key, uint64_t account_key)
{
    int64_t now_ms = clock_monotonic_ms();
    pthread_mutex_lock(&auth->mutex);
    lockout_fail(&auth->lockout, address_key, now_ms);
    if (account_key != 0)
        lockout_fail(&auth->lockout, account_key, now_ms);
    pthread_mutex_unlock(&auth->mutex);
}

static void forget_failures(struct auth *auth, uint64_t account_key)
{
    pthread_mutex_lock(&auth->mutex);
    lockout_forget(&auth->lockout, account_key);
    pthread_mutex_unlock(&auth->mutex);
}

/* ---- passwords ---- */

static bool settle(struct auth *auth, const struct credentials *given, struct attempt *attempt,
                   uint64_t account_key, enum auth_verdict *verdict)
{
    bool locked = is_locked(auth, attempt->address_key, account_key);
    *verdict = locked ? AUTH_LOCKED : AUTH_GRANTED;
    return locked || basic_remembers(auth->basic, given, &attempt->roles);
}

/* Looks again once it may hash: meanwhile another thread may have settled the same password, or used up
 * the failures that are allowed. */
static enum auth_verdict hash_in_turn(struct auth *auth, const struct credentials *given,
                                      struct attempt *attempt, uint64_t account_key)
{
    enum auth_verdict verdict;
    while (sem_wait(&auth->hashes) != 0)
        ; /* a signal came */
    if (!settle(auth, given, attempt, account_key, &verdict)) {
        bool is_good = basic_verify(auth->basic, given, &attempt->roles);
        verdict = is_good ? AUTH_GRANTED : AUTH_WRONG;
        if (is_good)
            forget_failures(auth, account_key);
        else
            count_failure(auth, attempt->address_key, account_key);
    }
    sem_post(&auth->hashes);
    return verdict;
}

static enum auth_verdict check_basic(struct auth *auth, const char *encoded,
                                     struct attempt *attempt)
{
    struct credentials given;
    enum auth_verdict verdict = AUTH_MISSING;
    if (credentials_decode(encoded, &given)) {
        snprintf(attempt->name, USERS_NAME_SIZE_MAX + 1, "%s", given.name);
        uint64_t account_key = place(auth, "lockout", attempt->network, given.name);
        if (!settle(auth, &given, attempt, account_key, &verdict))
            verdict = hash_in_turn(auth, &given, attempt, account_key);
    }
    explicit_bzero(&given, sizeof given);
    return verdict;
}

/* ---- tokens ---- */

/* A lock-out spares whoever comes with a token that is known: tokens cannot be guessed, only the
 * checking of wrong ones costs. */
static enum auth_verdict check_bearer(struct auth *auth, const char *token,
                                      struct attempt *attempt)
{
    struct bearer_caller caller;
    enum auth_verdict verdict = AUTH_GRANTED;
    if (!bearer_is_ready(auth->bearer))
        return AUTH_MISSING;
    if (!bearer_remembers(auth->bearer, token, &caller)) {
        if (is_locked(auth, attempt->address_key, 0))
            return AUTH_LOCKED;
        verdict = token_verdicts[bearer_verify(auth->bearer, token, &caller)];
        if (verdict == AUTH_TOKEN_SIGNATURE)
            count_failure(auth, attempt->address_key, 0);
    }
    memcpy(attempt->name, caller.name, sizeof caller.name);
    attempt->roles = caller.roles;
    return verdict;
}

enum auth_verdict auth_check(struct auth *auth, const char *authorization, const char *address,
                             enum role role, char name[USERS_NAME_SIZE_MAX + 1])
{
    struct attempt attempt = {.name = name};
    const char *basic = behind_scheme(authorization, "Basic");
    const char *token = behind_scheme(authorization, "Bearer");
    enum auth_verdict verdict = AUTH_MISSING;
    name[0] = '\0';
    name_network(address, attempt.network);
    attempt.address_key = place(auth, "address", attempt.network, "");
    if (!take(auth, attempt.address_key, &auth->limits.address))
        return AUTH_RATE;
    if (basic)
        verdict = check_basic(auth, basic, &attempt);
    else if (token)
        verdict = check_bearer(auth, token, &attempt);
    if (verdict != AUTH_GRANTED)
        return verdict;
    if (!take(auth, place(auth, "account", basic ? "user" : "bearer", name), &auth->limits.account))
        return AUTH_RATE;
    return roles_include(attempt.roles, role) ? AUTH_GRANTED : AUTH_FORBIDDEN;
}

/* ---- life ---- */

bool auth_reload(struct auth *auth, struct error *err)
{
    struct users users = {.count = 0};
    struct issuer *issuer = NULL;
    bool ok = users_read(&users, auth->folder, err) && issuer_read(&issuer, auth->folder, err) &&
              basic_use(auth->basic, &users, err);
    if (ok)
        bearer_use(auth->bearer, issuer);
    else
        issuer_free(issuer);
    users_release(&users);
    return ok;
}

bool auth_open(struct auth **out, const char *folder, const struct auth_limits *limits,
               struct error *err)
{
    struct auth *auth = calloc(1, sizeof *auth);
    if (!auth)
        return error_set(err, ERROR_LIMIT, "out of memory");
    auth->folder = folder;
    auth->limits = *limits;
    pthread_mutex_init(&auth->mutex, NULL);
    sem_init(&auth->hashes, 0, AUTH_HASHES_AT_ONCE_MAX);
    auth->basic = basic_new(&auth->hash);
    auth->bearer = bearer_new(&auth->hash);
    bool ok = auth->basic && auth->bearer ? keyed_hash_init(&auth->hash, err)
                                          : error_set(err, ERROR_LIMIT, "out of memory");
    if (ok && auth_reload(auth, err)) {
        *out = auth;
        return true;
    }
    auth_close(auth);
    return false;
}

size_t auth_user_count(struct auth *auth)
{
    return basic_user_count(auth->basic);
}

bool auth_takes_tokens(struct auth *auth)
{
    return bearer_is_ready(auth->bearer);
}

void auth_close(struct auth *auth)
{
    if (!auth)
        return;
    basic_free(auth->basic);
    bearer_free(auth->bearer);
    keyed_hash_release(&auth->hash);
    sem_destroy(&auth->hashes);
    pthread_mutex_destroy(&auth->mutex);
    free(auth);
}
