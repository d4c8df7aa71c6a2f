/* SPDX-License-Identifier: MIT */
/* users.json in and out; see users.h. */
#include "server/users.h"

#include <crypt.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "workspace/config.h"

#define USERS_FILE "users.json"
#define YESCRYPT "$y$"

static const char *const role_names[] = {"invoke", "monitor", "administer"};

bool role_parse(const char *word, unsigned *role)
{
    for (unsigned i = 0; i < sizeof role_names / sizeof role_names[0]; i++) {
        if (strcmp(word, role_names[i]) == 0) {
            *role = 1u << i;
            return true;
        }
    }
    return false;
}

static bool is_name(const char *name)
{
    static const char legal[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-@";
    size_t size = strlen(name);
    return size > 0 && size <= USERS_NAME_SIZE_MAX && strspn(name, legal) == size;
}

static bool read_roles(const struct config *config, const cJSON *node, struct user *user,
                       struct error *err)
{
    const cJSON *word = NULL;
    if (!cJSON_IsArray(node))
        return config_fail(config, node, err, "user '%s': \"roles\" must be a list", user->name);
    cJSON_ArrayForEach(word, node) {
        unsigned role = 0;
        if (!cJSON_IsString(word) || !role_parse(word->valuestring, &role))
            return config_fail(config, word, err, "user '%s': a role must be \"invoke\", "
                               "\"monitor\" or \"administer\"", user->name);
        user->roles |= role;
    }
    return true;
}

static bool read_member(const struct config *config, const cJSON *node, struct user *user,
                        struct error *err)
{
    if (strcmp(node->string, "roles") == 0)
        return read_roles(config, node, user, err);
    if (strcmp(node->string, "password_hash") != 0)
        return config_fail(config, node, err, "user '%s': unknown key \"%.64s\"; legal are "
                           "\"password_hash\" and \"roles\"", user->name, node->string);
    if (!cJSON_IsString(node) || strncmp(node->valuestring, YESCRYPT, strlen(YESCRYPT)) != 0)
        return config_fail(config, node, err, "user '%s': \"password_hash\" must be a yescrypt hash "
                           "($y$...); `sluice users add` makes one", user->name);
    user->password_hash = strdup(node->valuestring);
    return user->password_hash || error_set(err, ERROR_LIMIT, "out of memory");
}

static bool read_user(const struct config *config, const cJSON *node, struct user *user,
                      struct error *err)
{
    const cJSON *member = NULL;
    if (!is_name(node->string) || !cJSON_IsObject(node))
        return config_fail(config, node, err, "expected a user's name (letters, digits, . _ - @; at "
                           "most %u) and an object", USERS_NAME_SIZE_MAX);
    user->name = strdup(node->string);
    if (!user->name)
        return error_set(err, ERROR_LIMIT, "out of memory");
    cJSON_ArrayForEach(member, node) {
        if (!read_member(config, member, user, err))
            return false;
    }
    return user->password_hash ||
           config_fail(config, node, err, "user '%s': \"password_hash\" is missing", user->name);
}

bool users_read(struct users *out, const char *folder, struct error *err)
{
    struct config config;
    struct error missing = {0};
    *out = (struct users){.count = 0};
    if (!config_open(&config, folder, USERS_FILE, &missing)) {
        if (missing.kind == ERROR_NOT_FOUND)
            return true;
        return error_set(err, missing.kind, "%s", missing.message);
    }
    int count = cJSON_GetArraySize(config.root);
    out->list = count >= 0 ? calloc((size_t)count + 1, sizeof *out->list) : NULL;
    bool ok = out->list || error_set(err, ERROR_LIMIT, "out of memory");
    if (ok && (unsigned)count > USERS_MAX)
        ok = error_set(err, ERROR_LIMIT, "%s: %d users, at most %u are possible", USERS_FILE, count,
                       USERS_MAX);
    for (const cJSON *node = config.root->child; ok && node; node = node->next)
        ok = read_user(&config, node, &out->list[out->count++], err);
    config_close(&config);
    if (!ok)
        users_release(out);
    return ok;
}

void users_release(struct users *users)
{
    for (size_t i = 0; i < users->count; i++) {
        free(users->list[i].name);
        free(users->list[i].password_hash);
    }
    free(users->list);
    *users = (struct users){.count = 0};
}

/* ---- writing ---- */

static cJSON *make_user(const char *password, unsigned roles, struct error *err)
{
    char setting[CRYPT_GENSALT_OUTPUT_SIZE];
    struct crypt_data *data = calloc(1, sizeof *data);
    const char *hash = data && crypt_gensalt_rn(YESCRYPT, 0, NULL, 0, setting, sizeof setting)
                           ? crypt_r(password, setting, data) : NULL;
    cJSON *user = NULL, *list = NULL;
    if (!hash || hash[0] == '*') {
        error_errno(err, ERROR_INTERNAL, errno, "cannot hash the password");
    } else {
        user = cJSON_CreateObject();
        cJSON_AddStringToObject(user, "password_hash", hash);
        list = cJSON_AddArrayToObject(user, "roles");
        for (unsigned i = 0; i < sizeof role_names / sizeof role_names[0]; i++)
            if (roles & (1u << i))
                cJSON_AddItemToArray(list, cJSON_CreateString(role_names[i]));
    }
    if (data)
        explicit_bzero(data, sizeof *data);
    free(data);
    return user;
}

static bool write_users(const char *folder, cJSON *root, struct error *err)
{
    char *path = file_join(folder, USERS_FILE), *text = cJSON_Print(root);
    bool ok = path && text ? file_write(path, text, strlen(text), 0600, err)
                           : error_set(err, ERROR_LIMIT, "out of memory");
    free(path);
    cJSON_free(text);
    return ok;
}

bool users_put(const char *folder, const char *name, const char *password, unsigned roles,
               struct error *err)
{
    struct users known;
    struct config config = {.root = NULL};
    size_t size = strlen(password);
    if (!is_name(name))
        return error_set(err, ERROR_INVALID, "'%.80s' is not a user's name: letters, digits and "
                         ". _ - @, at most %u", name, USERS_NAME_SIZE_MAX);
    if (size < USERS_PASSWORD_SIZE_MIN || size > USERS_PASSWORD_SIZE_MAX)
        return error_set(err, ERROR_INVALID, "a password has %u to %u bytes",
                         USERS_PASSWORD_SIZE_MIN, USERS_PASSWORD_SIZE_MAX);
    if (!users_read(&known, folder, err)) /* a broken file is never overwritten */
        return false;
    bool has_file = known.list != NULL;
    users_release(&known);
    cJSON *root = NULL;
    if (has_file && !config_open(&config, folder, USERS_FILE, err))
        return false;
    root = has_file ? config.root : cJSON_CreateObject();
    cJSON *user = make_user(password, roles, err);
    if (user) {
        cJSON_DeleteItemFromObjectCaseSensitive(root, name);
        cJSON_AddItemToObject(root, name, user);
    }
    bool ok = user && write_users(folder, root, err);
    config.root = root;
    config_close(&config);
    return ok;
}
