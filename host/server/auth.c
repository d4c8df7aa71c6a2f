/* SPDX-License-Identifier: MIT */
/* Basic authentication with a keyed cache; see auth.h. */
#include "server/auth.h"

#include <bearssl.h>
#include <crypt.h>
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/text.h"
#include "server/lockout.h"

#define CREDENTIALS_SIZE_MAX (USERS_NAME_SIZE_MAX + 1 + USERS_PASSWORD_SIZE_MAX)
#define MAC_SIZE 32u
/* Hashed against for names that nobody has, so that the time does not tell who exists. */
#define NOBODY_HASH "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7"

struct verified {
    bool is_set;
    unsigned char mac[MAC_SIZE];
};

struct auth {
    const char *folder;
    pthread_mutex_t mutex; /* all below */
    struct users users;
    struct verified *verified; /* of each user: its last good password */
    struct lockout lockout;
    unsigned char key[MAC_SIZE];
};

struct credentials {
    char text[CREDENTIALS_SIZE_MAX + 1]; /* name NUL password NUL */
    const char *name, *password;
};

bool auth_is_basic(const char *authorization)
{
    return authorization && strncasecmp(authorization, "Basic ", 6) == 0;
}

static int base64_digit(char byte)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = byte ? strchr(digits, byte) : NULL;
    return at ? (int)(at - digits) : -1;
}

static bool decode(const char *text, struct credentials *out)
{
    size_t size = 0;
    unsigned bits = 0, held = 0;
    for (; *text && *text != '='; text++) {
        int digit = base64_digit(*text);
        if (digit < 0)
            return false;
        bits = (bits << 6 | (unsigned)digit) & 0xFFFFFF;
        held += 6;
        if (held < 8)
            continue;
        if (size == CREDENTIALS_SIZE_MAX)
            return false;
        held -= 8;
        out->text[size++] = (char)(bits >> held & 0xFF);
    }
    if (text[strspn(text, "=")] != '\0' || memchr(out->text, '\0', size))
        return false;
    out->text[size] = '\0';
    char *colon = strchr(out->text, ':');
    if (!colon || colon - out->text > (ptrdiff_t)USERS_NAME_SIZE_MAX)
        return false;
    *colon = '\0';
    out->name = out->text;
    out->password = colon + 1;
    return strlen(out->password) <= USERS_PASSWORD_SIZE_MAX;
}

/* HMAC over three texts, each with its NUL. */
static void keyed_hash(const struct auth *auth, const char *a, const char *b, const char *c,
                       unsigned char mac[MAC_SIZE])
{
    br_hmac_key_context key;
    br_hmac_context hmac;
    br_hmac_key_init(&key, &br_sha256_vtable, auth->key, sizeof auth->key);
    br_hmac_init(&hmac, &key, 0);
    br_hmac_update(&hmac, a, strlen(a) + 1);
    br_hmac_update(&hmac, b, strlen(b) + 1);
    br_hmac_update(&hmac, c, strlen(c) + 1);
    br_hmac_out(&hmac, mac);
}

static uint64_t lockout_key(const struct auth *auth, const char *address, const char *name)
{
    unsigned char mac[MAC_SIZE];
    uint64_t key;
    keyed_hash(auth, "lockout", address, name, mac);
    memcpy(&key, mac, sizeof key);
    return key ? key : 1;
}

static size_t find_user(const struct auth *auth, const char *name)
{
    size_t i = 0;
    while (i < auth->users.count && strcmp(auth->users.list[i].name, name) != 0)
        i++;
    return i;
}

static bool hash_matches(const char *password, const char *hash)
{
    struct crypt_data *data = calloc(1, sizeof *data);
    const char *made = data ? crypt_r(password, hash, data) : NULL;
    bool same = made && made[0] != '*' &&
                text_same_secret(made, strlen(made), hash, strlen(hash));
    if (data)
        explicit_bzero(data, sizeof *data);
    free(data);
    return same;
}

struct attempt {
    uint64_t account_key, address_key;
    char hash[CRYPT_OUTPUT_SIZE];
    unsigned roles;
    bool is_known;
};

/* First look, under the lock: locked, remembered, or to be hashed. */
static bool look_up(struct auth *auth, const struct credentials *given, const char *address,
                    struct attempt *attempt, enum auth_verdict *verdict)
{
    unsigned char mac[MAC_SIZE];
    int64_t now_ms = clock_monotonic_ms();
    attempt->address_key = lockout_key(auth, address, "");
    attempt->account_key = lockout_key(auth, address, given->name);
    *verdict = AUTH_LOCKED;
    if (lockout_left_ms(&auth->lockout, attempt->address_key, LOCKOUT_ADDRESS_FAILURES_MAX,
                        now_ms) > 0 ||
        lockout_left_ms(&auth->lockout, attempt->account_key, LOCKOUT_ACCOUNT_FAILURES_MAX,
                        now_ms) > 0)
        return true;
    size_t index = find_user(auth, given->name);
    attempt->is_known = index < auth->users.count;
    const char *hash = attempt->is_known ? auth->users.list[index].password_hash : NOBODY_HASH;
    attempt->roles = attempt->is_known ? auth->users.list[index].roles : 0;
    snprintf(attempt->hash, sizeof attempt->hash, "%s", hash);
    if (!attempt->is_known || !auth->verified[index].is_set)
        return false;
    keyed_hash(auth, given->name, given->password, hash, mac);
    *verdict = AUTH_GRANTED;
    return text_same_secret((const char *)mac, MAC_SIZE,
                            (const char *)auth->verified[index].mac, MAC_SIZE);
}

static void remember(struct auth *auth, const struct credentials *given,
                     const struct attempt *attempt, bool is_good)
{
    int64_t now_ms = clock_monotonic_ms();
    pthread_mutex_lock(&auth->mutex);
    size_t index = find_user(auth, given->name);
    if (!is_good) {
        lockout_fail(&auth->lockout, attempt->account_key, now_ms);
        lockout_fail(&auth->lockout, attempt->address_key, now_ms);
    } else if (index < auth->users.count) {
        lockout_forget(&auth->lockout, attempt->account_key);
        keyed_hash(auth, given->name, given->password, attempt->hash, auth->verified[index].mac);
        auth->verified[index].is_set = true;
    }
    pthread_mutex_unlock(&auth->mutex);
}

enum auth_verdict auth_check(struct auth *auth, const char *authorization, const char *address,
                             unsigned roles, char name[USERS_NAME_SIZE_MAX + 1])
{
    struct credentials given;
    struct attempt attempt = {.roles = 0};
    enum auth_verdict verdict = AUTH_MISSING;
    name[0] = '\0';
    if (!auth_is_basic(authorization) ||
        !decode(authorization + 6 + strspn(authorization + 6, " "), &given))
        return verdict;
    snprintf(name, USERS_NAME_SIZE_MAX + 1, "%.*s", (int)USERS_NAME_SIZE_MAX, given.name);
    pthread_mutex_lock(&auth->mutex);
    bool is_settled = look_up(auth, &given, address, &attempt, &verdict);
    pthread_mutex_unlock(&auth->mutex);
    if (!is_settled) {
        bool is_good = hash_matches(given.password, attempt.hash) && attempt.is_known;
        remember(auth, &given, &attempt, is_good);
        verdict = is_good ? AUTH_GRANTED : AUTH_WRONG;
    }
    explicit_bzero(&given, sizeof given);
    return verdict == AUTH_GRANTED && !(attempt.roles & roles) ? AUTH_FORBIDDEN : verdict;
}

bool auth_reload(struct auth *auth, struct error *err)
{
    struct users users;
    if (!users_read(&users, auth->folder, err))
        return false;
    struct verified *verified = calloc(users.count + 1, sizeof *verified);
    if (!verified) {
        users_release(&users);
        return error_set(err, ERROR_LIMIT, "out of memory");
    }
    pthread_mutex_lock(&auth->mutex);
    struct users old = auth->users;
    free(auth->verified);
    auth->users = users;
    auth->verified = verified;
    pthread_mutex_unlock(&auth->mutex);
    users_release(&old);
    return true;
}

bool auth_open(struct auth **out, const char *folder, struct error *err)
{
    struct auth *auth = calloc(1, sizeof *auth);
    if (!auth)
        return error_set(err, ERROR_LIMIT, "out of memory");
    auth->folder = folder;
    pthread_mutex_init(&auth->mutex, NULL);
    bool ok = getrandom(auth->key, sizeof auth->key, 0) == (ssize_t)sizeof auth->key ||
              error_errno(err, ERROR_INTERNAL, errno, "no randomness for the server's key");
    if (!ok || !auth_reload(auth, err)) {
        auth_close(auth);
        return false;
    }
    *out = auth;
    return true;
}

size_t auth_user_count(struct auth *auth)
{
    pthread_mutex_lock(&auth->mutex);
    size_t count = auth->users.count;
    pthread_mutex_unlock(&auth->mutex);
    return count;
}

void auth_close(struct auth *auth)
{
    if (!auth)
        return;
    users_release(&auth->users);
    free(auth->verified);
    pthread_mutex_destroy(&auth->mutex);
    explicit_bzero(auth, sizeof *auth);
    free(auth);
}
