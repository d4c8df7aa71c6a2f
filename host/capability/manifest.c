/* SPDX-License-Identifier: MIT */
/* Reads a manifest key by key from one table per object; see manifest.h. */
#include "capability/manifest.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/text.h"
#include "base/version.h"
#include "capability/call.h"
#include "workspace/workspace.h"

enum value_type { VALUE_TEXT, VALUE_TEXTS, VALUE_NUMBER, VALUE_BOOL, VALUE_OTHER };

struct key {
    const char *name;
    enum value_type type;
    bool required;
};

static const struct key manifest_keys[] = {
    {"identifier", VALUE_TEXT, true},     {"aliases", VALUE_TEXTS, false},
    {"name", VALUE_TEXT, true},           {"version", VALUE_TEXT, true},
    {"package", VALUE_TEXT, false},       {"description", VALUE_TEXT, false},
    {"trigger", VALUE_OTHER, true},       {"grants", VALUE_OTHER, true},
    {"lookups", VALUE_TEXTS, true},       {"extension_points", VALUE_TEXTS, false},
    {"limits", VALUE_OTHER, true},        {"durability", VALUE_TEXT, true},
};

static const struct key trigger_keys[] = {
    {"type", VALUE_TEXT, true},       {"path", VALUE_TEXT, false},
    {"connection", VALUE_TEXT, false}, {"multipart", VALUE_BOOL, false},
    {"parameters", VALUE_OTHER, false},
};

static const struct key parameter_keys[] = {
    {"description", VALUE_TEXT, false},
    {"required", VALUE_BOOL, false},
    {"default", VALUE_TEXT, false},
};

static const struct key grant_keys[] = {
    {"capability", VALUE_TEXT, true},
    {"connection", VALUE_TEXT, true},
    {"operations", VALUE_TEXTS, true},
};

static const struct key limit_keys[] = {
    {"memory_mib", VALUE_NUMBER, true},   {"cpu_ms", VALUE_NUMBER, true},
    {"wall_s", VALUE_NUMBER, true},       {"import_calls", VALUE_NUMBER, true},
    {"log_lines", VALUE_NUMBER, true},    {"input_bytes", VALUE_NUMBER, true},
};

/* Of the limits, in the order of their keys. */
enum limit { MEMORY_MIB, CPU_MS, WALL_S, IMPORT_CALLS, LOG_LINES, INPUT_BYTES, LIMIT_COUNT };
static const struct {
    uint64_t min, max;
} limit_ranges[LIMIT_COUNT] = {
    [MEMORY_MIB] = {1, WORKSPACE_MEMORY_MIB_MAX}, [CPU_MS] = {1, MANIFEST_CPU_MS_MAX},
    [WALL_S] = {1, WORKSPACE_RUN_WALL_S_MAX},     [IMPORT_CALLS] = {0, MANIFEST_COUNT_MAX},
    [LOG_LINES] = {0, MANIFEST_COUNT_MAX},        [INPUT_BYTES] = {0, MANIFEST_INPUT_BYTES_MAX},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool is_texts(const cJSON *value)
{
    if (!cJSON_IsArray(value))
        return false;
    const cJSON *item;
    cJSON_ArrayForEach(item, value)
        if (!cJSON_IsString(item))
            return false;
    return true;
}

static bool has_type(const cJSON *value, enum value_type type)
{
    switch (type) {
    case VALUE_TEXT:
        return cJSON_IsString(value);
    case VALUE_TEXTS:
        return is_texts(value);
    case VALUE_NUMBER:
        return cJSON_IsNumber(value);
    case VALUE_BOOL:
        return cJSON_IsBool(value);
    case VALUE_OTHER:
        return cJSON_IsObject(value) || cJSON_IsArray(value);
    }
    return false;
}

static const struct key *find_key(const struct key *keys, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(keys[i].name, name) == 0)
            return &keys[i];
    return NULL;
}

/* Every member is known and of its type, every required one is there. where names the object. */
static bool check_object(const cJSON *object, const struct key *keys, size_t count,
                         const char *where, struct error *err)
{
    static const char *const type_words[] = {"text", "an array of texts", "a number",
                                             "true or false", "an object or array"};
    if (!cJSON_IsObject(object))
        return error_set(err, ERROR_INVALID, "%s: expected an object", where);
    for (const cJSON *member = object->child; member; member = member->next) {
        const struct key *key = find_key(keys, count, member->string);
        if (!key)
            return error_set(err, ERROR_INVALID, "%s: unknown key \"%.60s\"", where, member->string);
        if (!has_type(member, key->type))
            return error_set(err, ERROR_INVALID, "%s: \"%s\" must be %s", where, key->name,
                             type_words[key->type]);
    }
    for (size_t i = 0; i < count; i++)
        if (keys[i].required && !cJSON_GetObjectItemCaseSensitive(object, keys[i].name))
            return error_set(err, ERROR_INVALID, "%s: \"%s\" is missing", where, keys[i].name);
    return true;
}

static bool copy_text(const cJSON *object, const char *key, char **out, struct error *err)
{
    const char *text = json_text(object, key);
    *out = text ? strdup(text) : NULL;
    return !text || *out || error_set(err, ERROR_LIMIT, "out of memory");
}

static bool copy_texts(const cJSON *array, char ***out, size_t *count, struct error *err)
{
    int size = array ? cJSON_GetArraySize(array) : 0;
    *count = 0;
    *out = calloc((size_t)size + 1, sizeof **out);
    if (!*out)
        return error_set(err, ERROR_LIMIT, "out of memory");
    const cJSON *item;
    cJSON_ArrayForEach(item, array) {
        (*out)[*count] = strdup(item->valuestring);
        if (!(*out)[*count])
            return error_set(err, ERROR_LIMIT, "out of memory");
        ++*count;
    }
    return true;
}

static const cJSON *member(const cJSON *object, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(object, key);
}

/* Names of flows become file names (the run's lock), parts of addresses and words of commands. */
static bool check_name(const char *name, const char *where, struct error *err)
{
    static const char legal[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";
    size_t size = strlen(name);
    if (size > 0 && size <= MANIFEST_NAME_SIZE_MAX && strspn(name, legal) == size &&
        name[0] != '.' && name[0] != '-')
        return true;
    return error_set(err, ERROR_INVALID,
                     "%s: \"%.60s\" is not the name of a flow: 1 to %u letters, digits, '-', '_' and "
                     "'.', not beginning with '.' or '-'",
                     where, name, MANIFEST_NAME_SIZE_MAX);
}

static bool check_names(char *const *names, size_t count, const char *where, struct error *err)
{
    for (size_t i = 0; i < count; i++)
        if (!check_name(names[i], where, err))
            return false;
    return true;
}

static bool parse_parameter(struct manifest_parameter *out, const cJSON *object, struct error *err)
{
    char where[128];
    snprintf(where, sizeof where, "trigger parameter \"%.60s\"", object->string);
    if (!check_object(object, parameter_keys, COUNT(parameter_keys), where, err))
        return false;
    out->required = cJSON_IsTrue(member(object, "required"));
    out->name = strdup(object->string);
    return (out->name || error_set(err, ERROR_LIMIT, "out of memory")) &&
           copy_text(object, "description", &out->description, err) &&
           copy_text(object, "default", &out->default_value, err);
}

static bool parse_trigger(struct manifest *out, const cJSON *trigger, struct error *err)
{
    if (!check_object(trigger, trigger_keys, COUNT(trigger_keys), "trigger", err) ||
        !copy_text(trigger, "type", &out->trigger_type, err) ||
        !copy_text(trigger, "path", &out->trigger_path, err) ||
        !copy_text(trigger, "connection", &out->trigger_connection, err))
        return false;
    if (strcmp(out->trigger_type, "schedule") != 0 && strcmp(out->trigger_type, "rest") != 0 &&
        strcmp(out->trigger_type, "call") != 0)
        return error_set(err, ERROR_INVALID,
                         "trigger: \"type\" must be \"schedule\", \"rest\" or \"call\"");
    out->multipart = cJSON_IsTrue(member(trigger, "multipart"));
    const cJSON *parameters = member(trigger, "parameters");
    if (!parameters)
        return true;
    if (!cJSON_IsObject(parameters))
        return error_set(err, ERROR_INVALID, "trigger: \"parameters\" must be an object");
    int count = cJSON_GetArraySize(parameters);
    if (count > MANIFEST_PARAMETERS_MAX)
        return error_set(err, ERROR_INVALID, "trigger: %d parameters, at most %d are possible", count,
                         MANIFEST_PARAMETERS_MAX);
    out->parameters = calloc((size_t)count + 1, sizeof *out->parameters);
    if (!out->parameters)
        return error_set(err, ERROR_LIMIT, "out of memory");
    for (const cJSON *item = parameters->child; item; item = item->next)
        if (!parse_parameter(&out->parameters[out->parameter_count++], item, err))
            return false;
    return true;
}

/* What an operation of a grant names: an import of the capability that works on a connection. */
static bool is_operation(const char *capability, const char *name)
{
    for (size_t i = 0; i < IMPORT_COUNT; i++)
        if (strcmp(imports[i].capability, capability) == 0 && strcmp(imports[i].name, name) == 0)
            return imports[i].parameter_count > 0 &&
                   strcmp(imports[i].parameters[0].name, "connection") == 0;
    return false;
}

static bool check_grant(const struct grant *grant, struct error *err)
{
    static const char *const capabilities[] = {"ftp", "http", "smtp", "flow"};
    bool known = false;
    for (size_t i = 0; i < COUNT(capabilities); i++)
        known |= strcmp(grant->capability, capabilities[i]) == 0;
    if (!known)
        return error_set(err, ERROR_INVALID,
                         "grants: capability \"%.40s\" is not one of ftp, http, smtp, flow",
                         grant->capability);
    if (strcmp(grant->capability, "flow") == 0)
        return check_names(grant->operations, grant->operation_count, "grants: operations", err);
    for (size_t i = 0; i < grant->operation_count; i++)
        if (!is_operation(grant->capability, grant->operations[i]))
            return error_set(err, ERROR_INVALID,
                             "grants: capability \"%s\" has no operation \"%.40s\" (abi.h lists them)",
                             grant->capability, grant->operations[i]);
    return true;
}

static bool parse_grants(struct manifest *out, const cJSON *grants, struct error *err)
{
    if (!cJSON_IsArray(grants))
        return error_set(err, ERROR_INVALID, "manifest: \"grants\" must be an array of objects");
    out->grants = calloc((size_t)cJSON_GetArraySize(grants) + 1, sizeof *out->grants);
    if (!out->grants)
        return error_set(err, ERROR_LIMIT, "out of memory");
    for (const cJSON *item = grants->child; item; item = item->next) {
        struct grant *grant = &out->grants[out->grant_count++];
        if (!check_object(item, grant_keys, COUNT(grant_keys), "grants", err) ||
            !copy_text(item, "capability", &grant->capability, err) ||
            !copy_text(item, "connection", &grant->connection, err) ||
            !copy_texts(member(item, "operations"), &grant->operations, &grant->operation_count,
                        err) ||
            !check_grant(grant, err))
            return false;
    }
    return true;
}

static bool parse_limit(const cJSON *limits, enum limit limit, uint64_t *out, struct error *err)
{
    const uint64_t min = limit_ranges[limit].min, max = limit_ranges[limit].max;
    double value = member(limits, limit_keys[limit].name)->valuedouble;
    bool is_inside = value >= (double)min && value <= (double)max;
    if (!is_inside || (double)(uint64_t)value != value)
        return error_set(err, ERROR_INVALID,
                         "limits: \"%s\" must be a whole number from %" PRIu64 " to %" PRIu64
                         ", not %.17g", limit_keys[limit].name, min, max, value);
    *out = (uint64_t)value;
    return true;
}

static bool parse_limits(struct manifest *out, const cJSON *limits, struct error *err)
{
    uint64_t values[LIMIT_COUNT];
    if (!check_object(limits, limit_keys, COUNT(limit_keys), "limits", err))
        return false;
    for (enum limit i = 0; i < LIMIT_COUNT; i++)
        if (!parse_limit(limits, i, &values[i], err))
            return false;
    out->memory_mib = (uint32_t)values[MEMORY_MIB];
    out->cpu_ms = (uint32_t)values[CPU_MS];
    out->wall_s = (uint32_t)values[WALL_S];
    out->import_calls = values[IMPORT_CALLS];
    out->log_lines = values[LOG_LINES];
    out->input_bytes = values[INPUT_BYTES];
    return true;
}

static bool parse_durability(struct manifest *out, const cJSON *root, struct error *err)
{
    const char *word = json_text(root, "durability");
    if (strcmp(word, "durable") != 0 && strcmp(word, "tracked") != 0)
        return error_set(err, ERROR_INVALID, "\"durability\" must be \"durable\" or \"tracked\"");
    out->durability = strcmp(word, "durable") == 0 ? DURABLE : TRACKED;
    return true;
}

/* So that versions of a flow can be ordered and addresses can name one. */
static bool check_version(const char *version, struct error *err)
{
    struct version ignored;
    return version_parse(version, strlen(version), &ignored) ||
           error_set(err, ERROR_INVALID,
                     "\"version\" must be two or three numbers, as in \"01.23.3000\", not \"%.40s\"",
                     version);
}

static bool parse_root(struct manifest *out, const cJSON *root, struct error *err)
{
    return check_object(root, manifest_keys, COUNT(manifest_keys), "manifest", err) &&
           copy_text(root, "identifier", &out->identifier, err) &&
           copy_text(root, "name", &out->name, err) &&
           copy_text(root, "version", &out->version, err) &&
           copy_text(root, "package", &out->package, err) &&
           copy_text(root, "description", &out->description, err) &&
           copy_texts(member(root, "aliases"), &out->aliases, &out->alias_count, err) &&
           copy_texts(member(root, "lookups"), &out->lookups, &out->lookup_count, err) &&
           copy_texts(member(root, "extension_points"), &out->extension_points,
                      &out->extension_point_count, err) &&
           check_name(out->identifier, "identifier", err) && check_version(out->version, err) &&
           check_names(out->aliases, out->alias_count, "aliases", err) &&
           parse_trigger(out, member(root, "trigger"), err) &&
           parse_grants(out, member(root, "grants"), err) &&
           parse_limits(out, member(root, "limits"), err) && parse_durability(out, root, err);
}

bool manifest_parse(struct manifest **out, const char *json, size_t size, const char *source,
                    struct error *err)
{
    *out = NULL;
    cJSON *root = json_parse(json, size, source, JSON_STRICT, err);
    if (!root)
        return false;
    struct manifest *manifest = calloc(1, sizeof *manifest);
    bool ok = manifest ? parse_root(manifest, root, err)
                       : error_set(err, ERROR_LIMIT, "out of memory");
    cJSON_Delete(root);
    if (!ok) {
        manifest_free(manifest);
        return error_context(err, "manifest of %s", source);
    }
    *out = manifest;
    return true;
}

static void free_texts(char **texts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(texts[i]);
    free(texts);
}

void manifest_free(struct manifest *manifest)
{
    if (!manifest)
        return;
    for (size_t i = 0; i < manifest->parameter_count; i++) {
        free(manifest->parameters[i].name);
        free(manifest->parameters[i].description);
        free(manifest->parameters[i].default_value);
    }
    for (size_t i = 0; i < manifest->grant_count; i++) {
        free(manifest->grants[i].capability);
        free(manifest->grants[i].connection);
        free_texts(manifest->grants[i].operations, manifest->grants[i].operation_count);
    }
    free(manifest->parameters);
    free(manifest->grants);
    free_texts(manifest->aliases, manifest->alias_count);
    free_texts(manifest->lookups, manifest->lookup_count);
    free_texts(manifest->extension_points, manifest->extension_point_count);
    free(manifest->identifier);
    free(manifest->name);
    free(manifest->version);
    free(manifest->package);
    free(manifest->description);
    free(manifest->trigger_type);
    free(manifest->trigger_path);
    free(manifest->trigger_connection);
    free(manifest);
}

bool manifest_is_called(const struct manifest *manifest, const char *name)
{
    if (strcmp(manifest->identifier, name) == 0)
        return true;
    for (size_t i = 0; i < manifest->alias_count; i++)
        if (strcmp(manifest->aliases[i], name) == 0)
            return true;
    return false;
}

bool manifest_answers(const struct manifest *manifest)
{
    return strcmp(manifest->trigger_type, "schedule") != 0;
}

bool manifest_allows(const struct manifest *manifest, const char *capability,
                     const char *connection, const char *operation, struct error *err)
{
    for (size_t i = 0; i < manifest->grant_count; i++) {
        const struct grant *grant = &manifest->grants[i];
        if (strcmp(grant->capability, capability) != 0 || strcmp(grant->connection, connection) != 0)
            continue;
        for (size_t j = 0; j < grant->operation_count; j++)
            if (strcmp(grant->operations[j], operation) == 0)
                return true;
    }
    return error_set(err, ERROR_DENIED,
                     "flow '%s' has no grant for \"%s\" of capability \"%s\" on connection '%s': "
                     "its manifest lists none under \"grants\"",
                     manifest->identifier, operation, capability, connection);
}

bool manifest_allows_lookup(const struct manifest *manifest, const char *lookup, struct error *err)
{
    for (size_t i = 0; i < manifest->lookup_count; i++)
        if (strcmp(manifest->lookups[i], lookup) == 0)
            return true;
    return error_set(err, ERROR_DENIED,
                     "flow '%s' has no grant for lookup '%s': its manifest does not list it under "
                     "\"lookups\"",
                     manifest->identifier, lookup);
}
