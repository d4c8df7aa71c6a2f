/* SPDX-License-Identifier: MIT */
/* oauth.json and its keys; see issuer.h. */
#include "server/issuer.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "workspace/config.h"

#define CLOCK_SKEW_DEFAULT_S 60
#define CLOCK_SKEW_MAX 300
#define AT(member) offsetof(struct issuer, member)

static const char *const typ_words[] = {
    [ISSUER_TYP_ANY] = "any", [ISSUER_TYP_AT_JWT] = "at+jwt", NULL};

static const struct config_field fields[] = {
    {.key = "issuer", .kind = CONFIG_TEXT, .offset = AT(name), .legal = CONFIG_ALL,
     .required = CONFIG_ALL},
    {.key = "audience", .kind = CONFIG_TEXT, .offset = AT(audience), .legal = CONFIG_ALL,
     .required = CONFIG_ALL},
    {.key = "jwks", .kind = CONFIG_PATH, .offset = AT(jwks_file), .legal = CONFIG_ALL,
     .required = CONFIG_ALL},
    {.key = "clock_skew_s", .kind = CONFIG_NUMBER, .offset = AT(clock_skew_s), .legal = CONFIG_ALL,
     .max = CLOCK_SKEW_MAX},
    {.key = "typ", .kind = CONFIG_WORD, .offset = AT(typ), .legal = CONFIG_ALL, .words = typ_words},
};

/* ---- "roles": {ROLE: {CLAIM: [VALUE, ...]}} ---- */

static bool add_rule(struct issuer *issuer, const struct config *config, const cJSON *node,
                     const char *claim, unsigned role, struct error *err)
{
    if (!cJSON_IsString(node) || !node->valuestring[0])
        return config_fail(config, node, err, "\"roles\": a value of claim \"%.64s\" must be text",
                           claim);
    if (issuer->rule_count == ISSUER_RULES_MAX)
        return config_fail(config, node, err, "\"roles\": more than %u values", ISSUER_RULES_MAX);
    struct role_rule *rule = &issuer->rules[issuer->rule_count++];
    *rule = (struct role_rule){.roles = role, .claim = strdup(claim),
                               .value = strdup(node->valuestring)};
    return (rule->claim && rule->value) || error_set(err, ERROR_LIMIT, "out of memory");
}

static bool read_claims(struct issuer *issuer, const struct config *config, const cJSON *role_node,
                        unsigned role, struct error *err)
{
    const cJSON *claim = NULL, *value = NULL;
    if (!cJSON_IsObject(role_node))
        return config_fail(config, role_node, err, "\"roles\": \"%s\" must be an object of claims: "
                           "{\"scope\": [...]}", role_node->string);
    cJSON_ArrayForEach(claim, role_node) {
        if (!cJSON_IsArray(claim))
            return config_fail(config, claim, err, "\"roles\": claim \"%.64s\" must be a list of "
                               "values", claim->string);
        cJSON_ArrayForEach(value, claim) {
            if (!add_rule(issuer, config, value, claim->string, role, err))
                return false;
        }
    }
    return true;
}

static bool read_roles(struct issuer *issuer, const struct config *config, struct error *err)
{
    const cJSON *node = cJSON_GetObjectItemCaseSensitive(config->root, "roles"), *child = NULL;
    if (!node || !cJSON_IsObject(node))
        return config_fail(config, node ? node : config->root, err, "\"roles\" must say which claims "
                           "give a role: {\"invoke\": {\"scope\": [...]}}");
    issuer->rules = calloc(ISSUER_RULES_MAX, sizeof *issuer->rules);
    if (!issuer->rules)
        return error_set(err, ERROR_LIMIT, "out of memory");
    cJSON_ArrayForEach(child, node) {
        unsigned role = 0;
        if (!role_parse(child->string, &role))
            return config_fail(config, child, err, "\"roles\": \"%.64s\" is not a role; legal are "
                               ROLE_WORDS, child->string);
        if (!read_claims(issuer, config, child, role, err))
            return false;
    }
    return true;
}

/* ---- files ---- */

static bool read_keys(struct issuer *issuer, struct error *err)
{
    struct buf text;
    buf_init(&text, JWKS_SIZE_MAX);
    bool ok = file_read(issuer->jwks_file, &text, err) &&
              jwks_parse(&issuer->keys, buf_text(&text), text.size, issuer->jwks_file, err);
    buf_release(&text);
    return ok || error_context(err, ISSUER_FILE ": \"jwks\"");
}

static bool read_issuer(struct issuer *issuer, const struct config *config, const char *folder,
                        struct error *err)
{
    const struct config_object object = {.config = config, .node = config->root, .what = "",
                                         .folder = folder, .kind = 1, .handled = "roles"};
    issuer->clock_skew_s = CLOCK_SKEW_DEFAULT_S;
    return config_read(&object, fields, sizeof fields / sizeof fields[0], issuer, err) &&
           read_roles(issuer, config, err) && read_keys(issuer, err);
}

bool issuer_read(struct issuer **out, const char *folder, struct error *err)
{
    struct config config;
    *out = NULL;
    struct error missing = {0};
    if (!config_open(&config, folder, ISSUER_FILE, &missing)) {
        if (missing.kind == ERROR_NOT_FOUND)
            return true;
        return error_set(err, missing.kind, "%s", missing.message);
    }
    bool is_empty = config.root->child == NULL, ok = true;
    if (!is_empty) {
        *out = calloc(1, sizeof **out);
        ok = *out ? read_issuer(*out, &config, folder, err)
                  : error_set(err, ERROR_LIMIT, "out of memory");
    }
    config_close(&config);
    if (!ok) {
        issuer_free(*out);
        *out = NULL;
    }
    return ok;
}

void issuer_free(struct issuer *issuer)
{
    if (!issuer)
        return;
    for (size_t i = 0; i < issuer->rule_count; i++) {
        free(issuer->rules[i].claim);
        free(issuer->rules[i].value);
    }
    free(issuer->rules);
    free(issuer->name);
    free(issuer->audience);
    free(issuer->jwks_file);
    free(issuer);
}

/* ---- from claims to roles ---- */

static bool list_has(const char *list, const char *value)
{
    size_t size = strlen(value);
    while (*list) {
        size_t length = strcspn(list, " ");
        if (length == size && memcmp(list, value, size) == 0)
            return true;
        list += length;
        list += strspn(list, " ");
    }
    return false;
}

static bool has_value(const cJSON *claim, const struct role_rule *rule)
{
    const cJSON *item = NULL;
    if (cJSON_IsString(claim))
        return strcmp(rule->claim, "scope") == 0 ? list_has(claim->valuestring, rule->value)
                                                 : strcmp(claim->valuestring, rule->value) == 0;
    if (!cJSON_IsArray(claim))
        return false;
    cJSON_ArrayForEach(item, claim) {
        if (cJSON_IsString(item) && strcmp(item->valuestring, rule->value) == 0)
            return true;
    }
    return false;
}

unsigned issuer_roles(const struct issuer *issuer, const cJSON *claims)
{
    unsigned roles = 0;
    for (size_t i = 0; i < issuer->rule_count; i++) {
        const struct role_rule *rule = &issuer->rules[i];
        if (has_value(cJSON_GetObjectItemCaseSensitive(claims, rule->claim), rule))
            roles |= rule->roles;
    }
    return roles;
}
