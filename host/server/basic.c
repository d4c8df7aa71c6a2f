/* SPDX-License-Identifier: MIT */
/* Names and passwords; see basic.h. */
#include "server/basic.h"

#include <crypt.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* Hashed against for names that nobody has, so that the time does not tell who exists. */
#define NOBODY_HASH "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7"

struct verified {
    bool is_set;
    unsigned char mac[KEYED_HASH_SIZE];
};

struct basic {
    const struct keyed_hash *hash;
    pthread_mutex_t mutex; /* all below */
    struct users users;
    struct verified *verified; /* of each user: its last good password */
};

/* What was in force when it was looked at. */
struct account {
    bool is_known;
    unsigned roles;
    char hash[CRYPT_OUTPUT_SIZE];
    struct verified verified;
};

bool credentials_decode(const char *encoded, struct credentials *out)
{
    size_t size;
    if (!text_decode_base64(encoded, strlen(encoded), BASE64_PADDED, out->text, BASIC_SIZE_MAX,
                            &size) ||
        memchr(out->text, '\0', size))
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

static size_t find_user(const struct basic *basic, const char *name)
{
    size_t i = 0;
    while (i < basic->users.count && strcmp(basic->users.list[i].name, name) != 0)
        i++;
    return i;
}

static struct account look_up(struct basic *basic, const char *name)
{
    struct account account = {.is_known = false};
    pthread_mutex_lock(&basic->mutex);
    size_t index = find_user(basic, name);
    account.is_known = index < basic->users.count;
    snprintf(account.hash, sizeof account.hash, "%s",
             account.is_known ? basic->users.list[index].password_hash : NOBODY_HASH);
    if (account.is_known) {
        account.roles = basic->users.list[index].roles;
        account.verified = basic->verified[index];
    }
    pthread_mutex_unlock(&basic->mutex);
    return account;
}

/* Bound to the hash in users.json: a new password ends what was remembered of the old one. */
static void hash_password(const struct basic *basic, const struct credentials *given,
                          const char *hash, unsigned char mac[static KEYED_HASH_SIZE])
{
    const char *const texts[] = {"password", given->name, given->password, hash};
    keyed_hash(basic->hash, texts, sizeof texts / sizeof texts[0], mac);
}

bool basic_remembers(struct basic *basic, const struct credentials *given, unsigned *roles)
{
    unsigned char mac[KEYED_HASH_SIZE];
    struct account account = look_up(basic, given->name);
    *roles = account.roles;
    if (!account.verified.is_set)
        return false;
    hash_password(basic, given, account.hash, mac);
    return text_same_secret((const char *)mac, sizeof mac, (const char *)account.verified.mac,
                            sizeof mac);
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

static void remember(struct basic *basic, const struct credentials *given, const char *hash)
{
    struct verified verified = {.is_set = true};
    hash_password(basic, given, hash, verified.mac);
    pthread_mutex_lock(&basic->mutex);
    size_t index = find_user(basic, given->name);
    if (index < basic->users.count)
        basic->verified[index] = verified;
    pthread_mutex_unlock(&basic->mutex);
}

bool basic_verify(struct basic *basic, const struct credentials *given, unsigned *roles)
{
    struct account account = look_up(basic, given->name);
    *roles = account.roles;
    if (!hash_matches(given->password, account.hash) || !account.is_known)
        return false;
    remember(basic, given, account.hash);
    return true;
}

struct basic *basic_new(const struct keyed_hash *hash)
{
    struct basic *basic = calloc(1, sizeof *basic);
    if (!basic)
        return NULL;
    basic->hash = hash;
    pthread_mutex_init(&basic->mutex, NULL);
    return basic;
}

bool basic_use(struct basic *basic, struct users *users, struct error *err)
{
    struct verified *verified = calloc(users->count + 1, sizeof *verified);
    if (!verified)
        return error_set(err, ERROR_LIMIT, "out of memory");
    pthread_mutex_lock(&basic->mutex);
    struct users old = basic->users;
    free(basic->verified);
    basic->users = *users;
    basic->verified = verified;
    pthread_mutex_unlock(&basic->mutex);
    *users = (struct users){.count = 0};
    users_release(&old);
    return true;
}

size_t basic_user_count(struct basic *basic)
{
    pthread_mutex_lock(&basic->mutex);
    size_t count = basic->users.count;
    pthread_mutex_unlock(&basic->mutex);
    return count;
}

void basic_free(struct basic *basic)
{
    if (!basic)
        return;
    users_release(&basic->users);
    free(basic->verified);
    pthread_mutex_destroy(&basic->mutex);
    free(basic);
}
