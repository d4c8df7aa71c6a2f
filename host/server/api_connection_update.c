/* SPDX-License-Identifier: MIT */
/*
 * Connections changed over the API, as far as that is safe: where a connection leads and how it logs in.
 * A secret is never sent to another place than the one it was given for: whoever changes the place
 * brings the secret along.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "server/api_connection_edit.h"
#include "workspace/url.h"

/* ---- schemas ------------------------------------------------------------------------------------------ */

#define IGNORED(member, member_kind)                                                               \
    {.name = member, .kind = member_kind, .may_lack = true,                                        \
     .about = "taken as GET gave it, not used"}

static const struct api_field property_fields[] = {
    {.name = "propertyName", .kind = API_TEXT, .about = "as GET names it"},
    {.name = "propertyValue", .kind = API_TEXT, .may_lack = true, .about = "missing: stays as it is"},
    IGNORED("displayName", API_TEXT),
    IGNORED("propertyGroup", API_TEXT),
    IGNORED("propertyType", API_TEXT),
    IGNORED("propertyDescription", API_TEXT),
    IGNORED("propertyShortDesc", API_TEXT),
    IGNORED("hasAttachment", API_FLAG),
    IGNORED("hiddenFlag", API_FLAG),
    IGNORED("requiredFlag", API_FLAG),
    IGNORED("configured", API_FLAG),
    IGNORED("source", API_TEXT),
};
static const struct api_schema property_schema =
    API_SCHEMA("ConnectionPropertyUpdate", "A property and its new value.", property_fields);
static const struct api_field update_fields[] = {
    {.name = "connectionProperties", .kind = API_LIST, .may_lack = true, .of = &property_schema,
     .about = "where it leads"},
    {.name = "securityProperties", .kind = API_LIST, .may_lack = true, .of = &property_schema,
     .about = "how it logs in"},
    {.name = "securityPolicy", .kind = API_TEXT, .may_lack = true,
     .about = "must be the one that it has"},
    {.name = "disabled", .kind = API_FLAG, .may_lack = true,
     .about = "false: flows may use it from now on"},
    IGNORED("id", API_TEXT),
    IGNORED("name", API_TEXT),
    IGNORED("description", API_TEXT),
    IGNORED("status", API_TEXT),
};
static const struct api_schema update_schema =
    API_SCHEMA("ConnectionUpdate", "What is to change.", update_fields);

/* ---- what is to be changed ------------------------------------------------------------------------------ */

static bool set_text(struct connection_update *update, struct connection_edit *edit, const char *value)
{
    struct buf json;
    int64_t port;
    buf_init(&json, API_JSON_SIZE_MAX);
    if (strcmp(edit->property->type, "NUMBER") != 0)
        json_append_text(&json, value, strlen(value));
    else if (text_parse_int(value, 1, UINT16_MAX, &port))
        buf_printf(&json, "%lld", (long long)port);
    else
        return api_fault(update->call, 400, "invalid", "property '%s': '%.40s' is no port",
                         edit->property->name, value);
    return connection_set_value(update, edit, &json);
}

static bool unknown_property(const struct connection_update *update, const char *name)
{
    struct buf legal;
    buf_init(&legal, ERROR_MESSAGE_SIZE);
    for (size_t i = 0; i < connection_property_count; i++)
        if (connection_has_property(update->connection, &connection_properties[i]))
            buf_printf(&legal, "%s%s", legal.size ? ", " : "", connection_properties[i].name);
    api_fault(update->call, 400, "invalid", "property '%.64s' cannot be set here; connection '%s' has "
              "%s. The rest stands in connections.json", name, update->connection->name,
              legal.size ? buf_text(&legal) : "none");
    buf_release(&legal);
    return false;
}

static bool take_property(struct connection_update *update, const cJSON *node)
{
    const char *name =
        cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(node, "propertyName"));
    const char *value =
        cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(node, "propertyValue"));
    if (!value)
        return true;
    const struct connection_property *property = connection_find_property(update->connection, name);
    if (!property)
        return unknown_property(update, name);
    if (!*value || strlen(value) > SECRET_SIZE_MAX || text_has_control(value))
        return api_fault(update->call, 400, "invalid", "property '%s': expected text of 1 to %d bytes "
                         "without control characters", property->name, SECRET_SIZE_MAX);
    struct connection_edit *edit = connection_add_edit(update, property->key);
    if (!edit)
        return false;
    edit->property = property;
    return property->is_secret ? connection_set_file(update, edit, value, strlen(value), true)
                               : set_text(update, edit, value);
}

static bool take_properties(struct connection_update *update, const char *member)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(update->call->body, member);
    for (const cJSON *one = list ? list->child : NULL; one; one = one->next)
        if (!take_property(update, one))
            return false;
    return true;
}

static bool take_disabled(struct connection_update *update)
{
    bool disabled;
    struct buf json;
    if (!api_body_flag(update->call, "disabled", &disabled))
        return true;
    struct connection_edit *edit = connection_add_edit(update, "disabled");
    if (!edit)
        return false;
    buf_init(&json, 16);
    buf_append_text(&json, disabled ? "true" : "false");
    return connection_set_value(update, edit, &json);
}

static bool check_policy(const struct connection_update *update)
{
    const char *asked = api_body_text(update->call, "securityPolicy");
    const char *has = connection_policy(update->connection);
    return !asked || text_same_name(asked, has) ||
           api_fault(update->call, 412, "refused", "connection '%s' logs in with %s; another policy is "
                     "set with \"auth\" in connections.json", update->connection->name, has);
}

/* ---- a secret stays with its place ----------------------------------------------------------------------- */

static bool is_same_origin(const char *a, const char *b)
{
    struct url_parts left, right;
    char why[128];
    return url_parse(a, &left, why, sizeof why) && url_parse(b, &right, why, sizeof why) &&
           left.is_https == right.is_https && left.port == right.port &&
           strcmp(left.host, right.host) == 0;
}

static const char *text_at(const struct connection *connection, size_t offset)
{
    const char *text;
    memcpy(&text, (const char *)connection + offset, sizeof text);
    return text;
}

/* Whether the edit leads the connection's secret elsewhere. */
static bool leads_elsewhere(const struct connection *connection, const struct connection_edit *edit)
{
    if (!edit->property || edit->property->is_secret)
        return false;
    if (strcmp(edit->property->type, "NUMBER") == 0)
        return strtoul(edit->value, NULL, 10) != connection->port;
    bool is_url = strcmp(edit->property->type, "URL") == 0;
    if (!is_url && strcmp(edit->key, "host") != 0)
        return false;
    cJSON *value = cJSON_Parse(edit->value);
    const char *new_text = cJSON_GetStringValue(value);
    const char *old_text = text_at(connection, edit->property->offset);
    bool same = new_text && old_text &&
                (is_url ? is_same_origin(new_text, old_text) : strcmp(new_text, old_text) == 0);
    cJSON_Delete(value);
    return !same;
}

static bool brings_secret(const struct connection_update *update)
{
    for (size_t i = 0; i < update->count; i++)
        if (strcmp(update->edits[i].key, "password") == 0 ||
            strcmp(update->edits[i].key, "client_secret") == 0)
            return true;
    return false;
}

static bool check_place(const struct connection_update *update)
{
    const struct connection *connection = update->connection;
    bool has_secret = connection->password.env || connection->password.file;
    for (size_t i = 0; has_secret && i < update->count; i++)
        if (leads_elsewhere(connection, &update->edits[i]) && !brings_secret(update))
            return api_fault(update->call, 412, "refused", "'%s' would send the secret of connection "
                             "'%s' to another place: give the secret for the new place in the same "
                             "request", update->edits[i].property->name, connection->name);
    return true;
}

static void update_connection(struct api_call *call)
{
    struct snapshot *snapshot = workspace_snapshot(service_workspace(call->service));
    struct connection_update update = {.call = call, .connection = api_find_connection(call, snapshot)};
    if (update.connection)
        connection_update_finish(&update, check_policy(&update) && take_properties(&update, "connectionProperties") &&
                            take_properties(&update, "securityProperties") &&
                            take_disabled(&update) && check_place(&update));
    snapshot_release(snapshot);
    connection_forget_body(call);
}

#define NO_CONNECTION {404, "no connection has that name or id", NULL, NULL}

static const struct api_operation operations[] = {
    {.method = "PATCH", .path = "/connections/{id}", .id = "updateConnection", .role = API_CHANGE,
     .about = "Changes where a connection leads and how it logs in. Secrets go to a file that only the "
              "server can read. Executions that begin from then on use it.",
     .body = &update_schema,
     .results = {{200, "the connection as it is now", &api_connection_schema, NULL}, NO_CONNECTION,
                 {412, "another policy, or an address without the secret for it", NULL, NULL}},
     .run = update_connection},
};

const struct api_area api_connection_updates = {
    "Connection updates", "Connections changed, as far as that is safe.", operations,
    API_COUNT(operations)};
