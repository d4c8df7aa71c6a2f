/* SPDX-License-Identifier: MIT */
/* users.json in and out; see users.h. */
#include "server/users.h"

#include <crypt.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "workspace/config.h"

#define USERS_FILE "users.json"
#define YESCRYPT "$y$"

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
            return config_fail(config, word, err, "user '%s': roles are " ROLE_WORDS, user->name);
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

static bool add_roles(cJSON *user, unsigned roles)
{
    cJSON *list = cJSON_AddArrayToObject(user, "roles");
    bool ok = list != NULL;
    for (enum role role = ROLE_INVOKE; ok && role <= ROLE_ADMINISTER; role = (enum role)(role << 1))
        if (roles & role)
            ok = cJSON_AddItemToArray(list, cJSON_CreateString(role_name(role)));
    return ok;
}

/* All of the user or NULL: a part that is missing would be a user without a password or a role. */
static cJSON *describe_user(const char *hash, unsigned roles, struct error *err)
{
    cJSON *user = cJSON_CreateObject();
    if (user && cJSON_AddStringToObject(user, "password_hash", hash) && add_roles(user, roles))
        return user;
    cJSON_Delete(user);
    error_set(err, ERROR_LIMIT, "out of memory");
    return NULL;
}

static cJSON *make_user(const char *password, unsigned roles, struct error *err)
{
    char setting[CRYPT_GENSALT_OUTPUT_SIZE];
    struct crypt_data *data = calloc(1, sizeof *data);
    const char *hash = data && crypt_gensalt_rn(YESCRYPT, 0, NULL, 0, setting, sizeof setting)
                           ? crypt_r(password, setting, data) : NULL;
    cJSON *user = NULL;
    if (!hash || hash[0] == '*')
        error_errno(err, ERROR_INTERNAL, errno, "cannot hash the password");
    else
        user = describe_user(hash, roles, err);
    if (data)
        explicit_bzero(data, sizeof *data);
    free(data);
    return user;
}

/* The file on its way to being another; one process at a time holds the folder's lock. */
struct edit {
    struct config config;
    const char *folder;
    int lock_fd;
};

/* The file as it is, or empty: one that is broken is never overwritten. */
static bool open_users(struct config *config, const char *folder, struct error *err)
{
    struct users known;
    if (!users_read(&known, folder, err))
        return false;
    bool has_file = known.list != NULL;
    users_release(&known);
    if (has_file)
        return config_open(config, folder, USERS_FILE, err);
    config->root = cJSON_CreateObject();
    return config->root || error_set(err, ERROR_LIMIT, "out of memory");
}

static bool edit_open(struct edit *edit, const char *folder, struct error *err)
{
    *edit = (struct edit){.folder = folder};
    edit->lock_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (edit->lock_fd < 0 || flock(edit->lock_fd, LOCK_EX) != 0)
        return error_errno(err, ERROR_DENIED, errno, "cannot lock the folder '%s'", folder);
    return open_users(&edit->config, folder, err);
}

static bool edit_save(const struct edit *edit, struct error *err)
{
    char *path = file_join(edit->folder, USERS_FILE), *text = cJSON_Print(edit->config.root);
    bool ok = path && text ? file_write(path, text, strlen(text), 0600, err)
                           : error_set(err, ERROR_LIMIT, "out of memory");
    free(path);
    cJSON_free(text);
    return ok;
}

static void edit_close(struct edit *edit)
{
    config_close(&edit->config);
    if (edit->lock_fd >= 0)
        close(edit->lock_fd);
}

static bool put(struct edit *edit, const char *name, const char *password, unsigned roles,
                struct error *err)
{
    cJSON *root = edit->config.root;
    if (!cJSON_GetObjectItemCaseSensitive(root, name) &&
        cJSON_GetArraySize(root) >= (int)USERS_MAX)
        return error_set(err, ERROR_LIMIT, "%s: there are %u users, and no more are possible",
                         USERS_FILE, USERS_MAX);
    cJSON *user = make_user(password, roles, err);
    if (!user)
        return false;
    cJSON_DeleteItemFromObjectCaseSensitive(root, name);
    if (cJSON_AddItemToObject(root, name, user))
        return true;
    cJSON_Delete(user);
    return error_set(err, ERROR_LIMIT, "out of memory");
}

bool users_put(const char *folder, const char *name, const char *password, unsigned roles,
               struct error *err)
{
    struct edit edit;
    size_t size = strlen(password);
    if (!is_name(name))
        return error_set(err, ERROR_INVALID, "'%.160s' is not a user's name: letters, digits and "
                         ". _ - @, at most %u", name, USERS_NAME_SIZE_MAX);
    if (size < USERS_PASSWORD_SIZE_MIN || size > USERS_PASSWORD_SIZE_MAX)
        return error_set(err, ERROR_INVALID, "a password has %u to %u bytes",
                         USERS_PASSWORD_SIZE_MIN, USERS_PASSWORD_SIZE_MAX);
    bool ok = edit_open(&edit, folder, err) && put(&edit, name, password, roles, err) &&
              edit_save(&edit, err);
    edit_close(&edit);
    return ok;
}

static bool unknown_user(const cJSON *root, const char *name, struct error *err)
{
    const char *names[USERS_MAX];
    size_t count = 0;
    for (const cJSON *user = root->child; user && count < USERS_MAX; user = user->next)
        names[count++] = user->string;
    const char *nearest = text_nearest(name, names, count);
    return error_set(err, ERROR_NOT_FOUND, "no user is called '%.160s'%s%s%s", name,
                     nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
}

bool users_remove(const char *folder, const char *name, struct error *err)
{
    struct edit edit;
    bool ok = edit_open(&edit, folder, err);
    if (ok && !cJSON_GetObjectItemCaseSensitive(edit.config.root, name))
        ok = unknown_user(edit.config.root, name, err);
    if (ok)
        cJSON_DeleteItemFromObjectCaseSensitive(edit.config.root, name);
    ok = ok && edit_save(&edit, err);
    edit_close(&edit);
    return ok;
}
