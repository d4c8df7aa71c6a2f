/* SPDX-License-Identifier: MIT */
/* Tokens as callers: roles, expiry, new keys, lock-out; how often one may call. */
#include <crypt.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <time.h>

#include "check.h"
#include "base/clock.h"
#include "server/auth.h"
#include "server/lockout.h"
#include "server/token_cache.h"
#include "unit/temporary.h"
#include "unit/token_maker.h"

#define OAUTH                                                                                      \
    "{\"issuer\": \"https://issuer.example/\", \"audience\": \"sluice\", \"jwks\": \"keys.json\","   \
    " \"clock_skew_s\": 10, \"roles\": {"                                                          \
    "   \"invoke\": {\"scope\": [\"acks\"], \"client_id\": [\"c1\", \"c2\"]},"                     \
    "   \"monitor\": {\"groups\": [\"Operations\"]},"                                              \
    "   \"administer\": {\"groups\": [\"Owners\"]}}}"
#define NOW_S 1700000000
#define COMMON "\"iss\": \"https://issuer.example/\", \"aud\": \"sluice\", \"exp\": 1700000100"

static int64_t now_ns;

static int64_t tell(void *context)
{
    (void)context;
    return now_ns;
}

static void advance_s(int64_t seconds)
{
    now_ns += seconds * 1000000000;
}

struct world {
    struct temporary temporary;
    struct auth *auth;
    struct error err;
    char name[USERS_NAME_SIZE_MAX + 1];
};

static void write_keys(struct world *world, unsigned char which)
{
    char *text = token_key_set(which);
    temporary_write(&world->temporary, "keys.json", text);
    free(text);
}

static const struct clock_source source = {.wall_ns = tell, .monotonic_ns = tell};

static void world_open(struct world *world, struct auth_limits limits)
{
    *world = (struct world){.temporary = temporary_make()};
    now_ns = (int64_t)NOW_S * 1000000000;
    clock_use(&source);
    temporary_write(&world->temporary, "oauth.json", OAUTH);
    write_keys(world, 1);
    CHECK_OK(users_put(world->temporary.folder, "dacs", "password", ROLE_INVOKE, &world->err),
             &world->err);
    CHECK_OK(auth_open(&world->auth, world->temporary.folder, &limits, &world->err), &world->err);
}

static void world_release(struct world *world)
{
    auth_close(world->auth);
    temporary_remove(&world->temporary);
    clock_use(NULL);
}

static enum auth_verdict ask(struct world *world, const char *authorization, const char *address,
                             enum role role)
{
    return auth_check(world->auth, authorization, address, role, world->name);
}

static enum auth_verdict ask_with(struct world *world, unsigned char which, const char *claims,
                                  enum role role)
{
    char *header = token_make(which, claims);
    enum auth_verdict verdict = ask(world, header, "192.0.2.1", role);
    free(header);
    return verdict;
}

static void roles_include_what_they_say(void)
{
    static const struct {
        unsigned roles;
        bool invoke, monitor, administer;
    } cases[] = {
        {0, false, false, false},
        {ROLE_INVOKE, true, false, false},
        {ROLE_MONITOR, false, true, false},
        {ROLE_INVOKE | ROLE_MONITOR, true, true, false},
        {ROLE_ADMINISTER, true, true, true},
    };
    char text[ROLES_TEXT_SIZE];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CHECK_EQ_INT(roles_include(cases[i].roles, ROLE_INVOKE), cases[i].invoke);
        CHECK_EQ_INT(roles_include(cases[i].roles, ROLE_MONITOR), cases[i].monitor);
        CHECK_EQ_INT(roles_include(cases[i].roles, ROLE_ADMINISTER), cases[i].administer);
    }
    CHECK_EQ_TEXT(roles_format(7, text), "invoke, monitor, administer");
    CHECK_EQ_TEXT(roles_format(ROLE_MONITOR, text), "monitor");
    CHECK_EQ_TEXT(roles_format(0, text), "none");
    CHECK_EQ_TEXT(role_name(ROLE_ADMINISTER), "administer");
}

static void claims_give_roles(void)
{
    static const struct {
        const char *claims, *name;
        enum auth_verdict invoke, monitor;
    } cases[] = {
        {"{" COMMON ", \"sub\": \"a\", \"scope\": \"openid acks\"}", "a", AUTH_GRANTED, AUTH_FORBIDDEN},
        {"{" COMMON ", \"sub\": \"a\", \"scope\": [\"acks\"]}", "a", AUTH_GRANTED, AUTH_FORBIDDEN},
        {"{" COMMON ", \"sub\": \"a\", \"scope\": \"acksx xacks\"}", "a", AUTH_FORBIDDEN,
         AUTH_FORBIDDEN},
        {"{" COMMON ", \"client_id\": \"c2\"}", "c2", AUTH_GRANTED, AUTH_FORBIDDEN},
        {"{" COMMON ", \"client_id\": \"c1 c2\"}", "c1 c2", AUTH_FORBIDDEN, AUTH_FORBIDDEN},
        {"{" COMMON ", \"sub\": \"c1\"}", "c1", AUTH_FORBIDDEN, AUTH_FORBIDDEN},
        {"{" COMMON ", \"sub\": \"b\", \"groups\": [\"x\", \"Operations\"]}", "b", AUTH_FORBIDDEN,
         AUTH_GRANTED},
        {"{" COMMON ", \"sub\": \"b\", \"groups\": \"Operations\"}", "b", AUTH_FORBIDDEN, AUTH_GRANTED},
        {"{" COMMON ", \"sub\": \"b\", \"groups\": \"Owners\"}", "b", AUTH_GRANTED, AUTH_GRANTED},
        {"{" COMMON ", \"sub\": \"b\", \"groups\": {\"Owners\": 1}}", "b", AUTH_FORBIDDEN,
         AUTH_FORBIDDEN},
        {"{" COMMON "}", "", AUTH_TOKEN_CLAIMS, AUTH_TOKEN_CLAIMS},
        {"{" COMMON ", \"sub\": \"\", \"scope\": \"acks\"}", "", AUTH_TOKEN_CLAIMS, AUTH_TOKEN_CLAIMS},
        {"{" COMMON ", \"sub\": \"a\\nb\", \"scope\": \"acks\"}", "", AUTH_TOKEN_CLAIMS,
         AUTH_TOKEN_CLAIMS},
    };
    struct world world;
    world_open(&world, (struct auth_limits){.account = {0}});
    CHECK(auth_takes_tokens(world.auth));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CHECK_EQ_INT(ask_with(&world, 1, cases[i].claims, ROLE_INVOKE), cases[i].invoke);
        CHECK_EQ_TEXT(world.name, cases[i].name);
        CHECK_EQ_INT(ask_with(&world, 1, cases[i].claims, ROLE_MONITOR), cases[i].monitor);
    }
    world_release(&world);
}

static void names_have_a_limit(void)
{
    struct world world;
    world_open(&world, (struct auth_limits){.account = {0}});
    char name[USERS_NAME_SIZE_MAX + 2], claims[512];
    memset(name, 'n', sizeof name);
    for (size_t size = USERS_NAME_SIZE_MAX; size <= USERS_NAME_SIZE_MAX + 1; size++) {
        snprintf(claims, sizeof claims, "{" COMMON ", \"scope\": \"acks\", \"sub\": \"%.*s\"}",
                 (int)size, name);
        CHECK_EQ_INT(ask_with(&world, 1, claims, ROLE_INVOKE),
                     size == USERS_NAME_SIZE_MAX ? AUTH_GRANTED : AUTH_TOKEN_CLAIMS);
    }
    world_release(&world);
}

static const char good_claims[] = "{" COMMON ", \"sub\": \"a\", \"scope\": \"acks\"}";

static void a_remembered_token_expires(void)
{
    struct world world;
    world_open(&world, (struct auth_limits){.account = {0}});
    char *header = token_make(1, good_claims);
    CHECK_EQ_INT(ask(&world, header, "a", ROLE_INVOKE), AUTH_GRANTED);
    advance_s(109); /* 100, and the skew of 10 */
    CHECK_EQ_INT(ask(&world, header, "a", ROLE_INVOKE), AUTH_GRANTED);
    advance_s(1);
    CHECK_EQ_INT(ask(&world, header, "a", ROLE_INVOKE), AUTH_TOKEN_EXPIRED);
    CHECK_EQ_TEXT(world.name, "a"); /* the audit trail may say whose it was */
    free(header);
    world_release(&world);
}

static void new_keys_end_old_tokens(void)
{
    struct world world;
    world_open(&world, (struct auth_limits){.account = {0}});
    CHECK_EQ_INT(ask_with(&world, 1, good_claims, ROLE_INVOKE), AUTH_GRANTED);
    CHECK_EQ_INT(ask_with(&world, 2, good_claims, ROLE_INVOKE), AUTH_TOKEN_KEY_UNKNOWN);
    temporary_write(&world.temporary, "keys.json", "{\"keys\": []}");
    CHECK_FAILS(auth_reload(world.auth, &world.err), &world.err, ERROR_INVALID);
    CHECK_EQ_INT(ask_with(&world, 1, good_claims, ROLE_INVOKE), AUTH_GRANTED);
    write_keys(&world, 2);
    CHECK_OK(auth_reload(world.auth, &world.err), &world.err);
    CHECK_EQ_INT(ask_with(&world, 1, good_claims, ROLE_INVOKE), AUTH_TOKEN_KEY_UNKNOWN);
    CHECK_EQ_INT(ask_with(&world, 2, good_claims, ROLE_INVOKE), AUTH_GRANTED);
    temporary_write(&world.temporary, "oauth.json", "{}");
    CHECK_OK(auth_reload(world.auth, &world.err), &world.err);
    CHECK(!auth_takes_tokens(world.auth));
    CHECK_EQ_INT(ask_with(&world, 2, good_claims, ROLE_INVOKE), AUTH_MISSING);
    world_release(&world);
}

/* Wrong signatures lock an address out, but not who is known there; other faults of tokens do not. */
static void wrong_signatures_lock_an_address_out(void)
{
    struct world world;
    world_open(&world, (struct auth_limits){.account = {0}});
    char *good = token_make(1, good_claims), *late = token_make(1, "{" COMMON ", \"sub\": \"l\"}");
    char *wrong = strdup(good);
    wrong[strlen(wrong) - 10] ^= 1;
    for (unsigned i = 0; i < 2 * LOCKOUT_ADDRESS_FAILURES_MAX; i++)
        CHECK_EQ_INT(ask(&world, "Bearer a.b.c", "192.0.2.1", ROLE_INVOKE), AUTH_TOKEN_MALFORMED);
    CHECK_EQ_INT(ask(&world, good, "192.0.2.1", ROLE_INVOKE), AUTH_GRANTED);
    for (unsigned i = 0; i < LOCKOUT_ADDRESS_FAILURES_MAX; i++)
        CHECK_EQ_INT(ask(&world, wrong, "192.0.2.1", ROLE_INVOKE), AUTH_TOKEN_SIGNATURE);
    CHECK_EQ_INT(ask(&world, wrong, "192.0.2.1", ROLE_INVOKE), AUTH_LOCKED);
    CHECK_EQ_INT(ask(&world, late, "192.0.2.1", ROLE_INVOKE), AUTH_LOCKED);
    CHECK_EQ_INT(ask(&world, "Basic ZGFjczpwYXNzd29yZA==", "192.0.2.1", ROLE_INVOKE), AUTH_LOCKED);
    CHECK_EQ_INT(ask(&world, good, "192.0.2.1", ROLE_INVOKE), AUTH_GRANTED);
    CHECK_EQ_INT(ask(&world, late, "192.0.2.2", ROLE_INVOKE), AUTH_FORBIDDEN);
    advance_s(LOCKOUT_MS / 1000);
    CHECK_EQ_INT(ask(&world, late, "192.0.2.1", ROLE_INVOKE), AUTH_FORBIDDEN);
    free(wrong);
    free(late);
    free(good);
    world_release(&world);
}

/* All addresses of an IPv6 network of 64 bits are one caller's. */
/* ---- many threads ---- */

#define THREADS 8
#define ROUNDS 300

struct caller {
    struct world *world;
    const char *headers[3];
    int granted, refused, others;
};

static void *call_often(void *context)
{
    struct caller *caller = context;
    char name[USERS_NAME_SIZE_MAX + 1];
    for (int i = 0; i < ROUNDS; i++) {
        enum auth_verdict verdict = auth_check(caller->world->auth, caller->headers[i % 3], "192.0.2.9",
                                               ROLE_INVOKE, name);
        if (verdict == AUTH_GRANTED)
            caller->granted++;
        else if (verdict == AUTH_TOKEN_EXPIRED)
            caller->refused++;
        else
            caller->others++;
    }
    return NULL;
}

/* Callers go on while users and keys are read again; each gets the verdict that is its own. */
static void threads_get_their_own_verdicts(void)
{
    struct world world;
    world_open(&world, (struct auth_limits){.account = {0}});
    char *good = token_make(1, good_claims);
    char *late = token_make(1, "{\"iss\": \"https://issuer.example/\", \"aud\": \"sluice\","
                               " \"exp\": 1699999000, \"sub\": \"late\"}");
    struct caller callers[THREADS];
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        callers[i] = (struct caller){.world = &world,
                                     .headers = {good, "Basic ZGFjczpwYXNzd29yZA==", late}};
        CHECK_EQ_INT(pthread_create(&threads[i], NULL, call_often, &callers[i]), 0);
    }
    for (int i = 0; i < 5; i++)
        CHECK_OK(auth_reload(world.auth, &world.err), &world.err);
    for (int i = 0; i < THREADS; i++) {
        CHECK_EQ_INT(pthread_join(threads[i], NULL), 0);
        CHECK_EQ_INT(callers[i].granted, ROUNDS / 3 * 2);
        CHECK_EQ_INT(callers[i].refused, ROUNDS / 3);
        CHECK_EQ_INT(callers[i].others, 0);
    }
    free(late);
    free(good);
    world_release(&world);
}

/* ---- passwords hashed at the same time ---- */

/* While it is shut, whoever hashes stays in it. */
static struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool is_shut;
    unsigned hashing, waiting;
} gate = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void count(unsigned *those)
{
    pthread_mutex_lock(&gate.mutex);
    ++*those;
    pthread_cond_broadcast(&gate.changed);
    pthread_mutex_unlock(&gate.mutex);
}

/* What auth.c and basic.c call. */
int sem_wait(sem_t *semaphore)
{
    const struct timespec forever = {.tv_sec = 1 << 30};
    if (sem_trywait(semaphore) == 0)
        return 0;
    count(&gate.waiting);
    return sem_clockwait(semaphore, CLOCK_MONOTONIC, &forever);
}

char *crypt_r(const char *password, const char *setting, struct crypt_data *data)
{
    count(&gate.hashing);
    pthread_mutex_lock(&gate.mutex);
    while (gate.is_shut)
        pthread_cond_wait(&gate.changed, &gate.mutex);
    pthread_mutex_unlock(&gate.mutex);
    return crypt_rn(password, setting, data, sizeof *data);
}

static void set_gate(bool is_shut)
{
    pthread_mutex_lock(&gate.mutex);
    gate.is_shut = is_shut;
    gate.hashing = gate.waiting = 0;
    pthread_cond_broadcast(&gate.changed);
    pthread_mutex_unlock(&gate.mutex);
}

static void *call_wrongly(void *context)
{
    char name[USERS_NAME_SIZE_MAX + 1];
    CHECK_EQ_INT(auth_check(context, "Basic ZGFjczp3cm9uZw==", "192.0.2.3", ROLE_INVOKE, name),
                 AUTH_WRONG);
    return NULL;
}

static void n_passwords_are_hashed_at_once_and_the_next_waits(void)
{
    struct world world;
    pthread_t threads[AUTH_HASHES_AT_ONCE_MAX + 1];
    world_open(&world, (struct auth_limits){.account = {0}});
    set_gate(true);
    for (unsigned i = 0; i <= AUTH_HASHES_AT_ONCE_MAX; i++)
        CHECK_EQ_INT(pthread_create(&threads[i], NULL, call_wrongly, world.auth), 0);
    pthread_mutex_lock(&gate.mutex);
    while (gate.hashing + gate.waiting <= AUTH_HASHES_AT_ONCE_MAX)
        pthread_cond_wait(&gate.changed, &gate.mutex);
    CHECK_EQ_INT(gate.hashing, AUTH_HASHES_AT_ONCE_MAX);
    CHECK_EQ_INT(gate.waiting, 1);
    pthread_mutex_unlock(&gate.mutex);
    set_gate(false);
    for (unsigned i = 0; i <= AUTH_HASHES_AT_ONCE_MAX; i++)
        CHECK_EQ_INT(pthread_join(threads[i], NULL), 0);
    CHECK_EQ_INT(gate.hashing, 1); /* of the one that waited */
    world_release(&world);
}

static void ipv6_counts_by_network(void)
{
    struct world world;
    world_open(&world, (struct auth_limits){.address = {.per_s = 2, .burst_s = 1}});
    CHECK_EQ_INT(ask(&world, NULL, "2001:db8::1", ROLE_INVOKE), AUTH_MISSING);
    CHECK_EQ_INT(ask(&world, NULL, "2001:db8::2:2", ROLE_INVOKE), AUTH_MISSING);
    CHECK_EQ_INT(ask(&world, NULL, "2001:db8::3", ROLE_INVOKE), AUTH_RATE);
    CHECK_EQ_INT(ask(&world, NULL, "2001:db8:0:1::1", ROLE_INVOKE), AUTH_MISSING);
    CHECK_EQ_INT(ask(&world, NULL, "::ffff:192.0.2.1", ROLE_INVOKE), AUTH_MISSING);
    CHECK_EQ_INT(ask(&world, NULL, "::ffff:192.0.2.2", ROLE_INVOKE), AUTH_MISSING);
    CHECK_EQ_INT(ask(&world, NULL, "::ffff:192.0.2.3", ROLE_INVOKE), AUTH_MISSING);
    world_release(&world);
}

static void an_account_may_call_so_often(void)
{
    struct world world;
    world_open(&world, (struct auth_limits){.account = {.per_s = 3, .burst_s = 2}});
    static const char user[] = "Basic ZGFjczpwYXNzd29yZA=="; /* dacs:password */
    for (int i = 0; i < 6; i++)
        CHECK_EQ_INT(ask(&world, user, i % 2 ? "a" : "b", ROLE_INVOKE), AUTH_GRANTED);
    CHECK_EQ_INT(ask(&world, user, "a", ROLE_INVOKE), AUTH_RATE);
    CHECK_EQ_TEXT(world.name, "dacs");
    /* the bearer of that name is another account */
    CHECK_EQ_INT(ask_with(&world, 1, "{" COMMON ", \"sub\": \"dacs\", \"scope\": \"acks\"}",
                          ROLE_INVOKE), AUTH_GRANTED);
    advance_s(1);
    for (int i = 0; i < 3; i++)
        CHECK_EQ_INT(ask(&world, user, "a", ROLE_INVOKE), AUTH_GRANTED);
    CHECK_EQ_INT(ask(&world, user, "a", ROLE_INVOKE), AUTH_RATE);
    world_release(&world);
}

static void buckets_hold_at_n_and_n_plus_1(void)
{
    const struct rate_limit limit = {.per_s = 4, .burst_s = 1}, none = {.per_s = 0, .burst_s = 1};
    struct rate *rate = calloc(1, sizeof *rate);
    for (int i = 0; i < 4; i++)
        CHECK(rate_take(rate, 7, &limit, 1000));
    CHECK(!rate_take(rate, 7, &limit, 1000));
    CHECK(!rate_take(rate, 7, &limit, 1249));
    CHECK(rate_take(rate, 7, &limit, 1250));
    CHECK(!rate_take(rate, 7, &limit, 1250));
    for (int i = 0; i < 4; i++) /* never more than the burst, however long nobody called */
        CHECK(rate_take(rate, 7, &limit, 1000000));
    CHECK(!rate_take(rate, 7, &limit, 1000000));
    CHECK(!rate_take(rate, 7, &limit, 999000)); /* a clock that goes back fills nothing */
    for (int i = 0; i < 100; i++)
        CHECK(rate_take(rate, 7, &none, 0));
    /* One row full: the bucket that was not used for the longest time is forgotten. */
    for (uint64_t i = 0; i <= RATE_ROW_ENTRIES; i++)
        for (int k = 0; k < 4; k++)
            CHECK(rate_take(rate, 3 + i * RATE_ROWS, &limit, (int64_t)i));
    CHECK(!rate_take(rate, 3 + RATE_ROWS, &limit, 8));
    CHECK(rate_take(rate, 3, &limit, 8));
    free(rate);
}

static void a_full_row_of_tokens_forgets_the_one_used_longest_ago(void)
{
    struct token_cache *cache = calloc(1, sizeof *cache);
    unsigned char mac[KEYED_HASH_SIZE] = {5};
    for (unsigned char i = 0; i < TOKEN_CACHE_ROW_ENTRIES; i++) {
        mac[9] = i;
        token_cache_put(cache, mac, "a", i, 100);
        token_cache_put(cache, mac, "a", i, 100); /* the same takes no second place */
    }
    mac[9] = 0;
    CHECK(token_cache_find(cache, mac, 99) != NULL);
    CHECK(token_cache_find(cache, mac, 100) == NULL);
    mac[9] = TOKEN_CACHE_ROW_ENTRIES;
    token_cache_put(cache, mac, "b", 1, 100);
    for (unsigned char i = 0; i <= TOKEN_CACHE_ROW_ENTRIES; i++) {
        mac[9] = i;
        const struct token_entry *entry = token_cache_find(cache, mac, 0);
        CHECK_EQ_INT(entry != NULL, i != 1);
    }
    token_cache_clear(cache);
    CHECK(token_cache_find(cache, mac, 0) == NULL);
    free(cache);
}

/* Figures, not checks: what a caller costs who is known, in processor time of this thread. */
static double cpu_us(void)
{
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static void print_cost(struct world *world, const char *what, const char *authorization)
{
    enum { COUNT = 20000 };
    double begin_us = cpu_us();
    CHECK_EQ_INT(ask(world, authorization, "192.0.2.1", ROLE_INVOKE), AUTH_GRANTED);
    double known_us = cpu_us();
    int granted = 0;
    for (int i = 0; i < COUNT; i++)
        granted += ask(world, authorization, "192.0.2.1", ROLE_INVOKE) == AUTH_GRANTED;
    printf("%s, %zu bytes: %.0f us at first, then %.2f us\n", what, strlen(authorization),
           known_us - begin_us, (cpu_us() - known_us) / COUNT);
    CHECK_EQ_INT(granted, COUNT);
}

static void the_cost_of_known_callers_is_printed(void)
{
    const struct rate_limit limit = {1000000, 1};
    struct world world;
    world_open(&world, (struct auth_limits){limit, limit});
    char claims[2048];
    snprintf(claims, sizeof claims, "{" COMMON ", \"sub\": \"a\", \"scope\": \"acks\", \"x\": \"%01000d\"}",
             0);
    char *token = token_make(1, claims);
    print_cost(&world, "token", token);
    print_cost(&world, "password", "Basic ZGFjczpwYXNzd29yZA==");
    free(token);
    world_release(&world);
}

CHECK_MAIN(TEST(roles_include_what_they_say), TEST(claims_give_roles), TEST(names_have_a_limit),
           TEST(a_remembered_token_expires), TEST(new_keys_end_old_tokens),
           TEST(wrong_signatures_lock_an_address_out),
           TEST(threads_get_their_own_verdicts),
           TEST(n_passwords_are_hashed_at_once_and_the_next_waits), TEST(ipv6_counts_by_network),
           TEST(an_account_may_call_so_often), TEST(buckets_hold_at_n_and_n_plus_1),
           TEST(a_full_row_of_tokens_forgets_the_one_used_longest_ago),
           TEST(the_cost_of_known_callers_is_printed))
