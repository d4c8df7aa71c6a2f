/* SPDX-License-Identifier: MIT */
/*
 * Connections changed over the API, as far as that is safe: where a connection leads and how it logs in.
 * Secrets and keys go to files of their own (workspace/secret_file.h); connections.json names the file.
 * A secret is never sent to another place than the one it was given for: whoever changes the place
 * brings the secret along.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "server/api_connections.h"
#include "server/http_form.h"
#include "workspace/connection_text.h"
#include "workspace/secret_file.h"
#include "workspace/url.h"

#define EDITS_MAX 16
#define OWNER_SIZE 192
#define ATTACHMENT_SIZE_MAX (64u << 10)
#define FORM_EXTRA_SIZE (16u << 10)

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

struct edit {
    const struct connection_property *property; /* NULL: another key */
    const char *key;
    char *value;                 /* JSON text */
    char file[SECRET_FILE_SIZE]; /* a secret's new file; "" for others */
};

struct update {
    struct api_call *call;
    const struct connection *connection; /* as it was */
    struct edit edits[EDITS_MAX];
    size_t count;
};

static void update_release(struct update *update)
{
    for (size_t i = 0; i < update->count; i++)
        free(update->edits[i].value);
}

static const char *folder_of(const struct update *update)
{
    return service_workspace(update->call->service)->folder;
}

static struct edit *add_edit(struct update *update, const char *key)
{
    for (size_t i = 0; i < update->count; i++) {
        if (strcmp(update->edits[i].key, key) == 0) {
            api_fault(update->call, 400, "invalid", "property '%s' is given twice", key);
            return NULL;
        }
    }
    if (update->count == EDITS_MAX) {
        api_fault(update->call, 400, "limit", "more than %d properties", EDITS_MAX);
        return NULL;
    }
    struct edit *edit = &update->edits[update->count++];
    *edit = (struct edit){.key = key};
    return edit;
}

static bool set_value(struct update *update, struct edit *edit, struct buf *json)
{
    edit->value = buf_take(json, NULL);
    buf_release(json);
    return edit->value || api_fault(update->call, 503, "limit", "out of memory");
}

static void make_owner(const struct update *update, const char *key, char owner[static OWNER_SIZE])
{
    char id[API_ARGUMENT_SIZE];
    snprintf(owner, OWNER_SIZE, "%.150s.%s", api_connection_id(update->connection->name, id), key);
}

static bool set_file(struct update *update, struct edit *edit, const void *bytes, size_t size,
                     bool is_secret)
{
    struct error err = {0};
    struct buf json;
    char owner[OWNER_SIZE];
    make_owner(update, edit->key, owner);
    if (!secret_file_write(folder_of(update), owner, bytes, size, edit->file, &err)) {
        edit->file[0] = '\0';
        return api_fail(update->call, &err);
    }
    buf_init(&json, 4096);
    buf_append_text(&json, is_secret ? "{\"file\": " : "");
    json_append_text(&json, edit->file, strlen(edit->file));
    buf_append_text(&json, is_secret ? "}" : "");
    return set_value(update, edit, &json);
}

static bool set_text(struct update *update, struct edit *edit, const char *value)
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
    return set_value(update, edit, &json);
}

static bool unknown_property(const struct update *update, const char *name)
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

static bool take_property(struct update *update, const cJSON *node)
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
    struct edit *edit = add_edit(update, property->key);
    if (!edit)
        return false;
    edit->property = property;
    return property->is_secret ? set_file(update, edit, value, strlen(value), true)
                               : set_text(update, edit, value);
}

static bool take_properties(struct update *update, const char *member)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(update->call->body, member);
    for (const cJSON *one = list ? list->child : NULL; one; one = one->next)
        if (!take_property(update, one))
            return false;
    return true;
}

static bool take_disabled(struct update *update)
{
    bool disabled;
    struct buf json;
    if (!api_body_flag(update->call, "disabled", &disabled))
        return true;
    struct edit *edit = add_edit(update, "disabled");
    if (!edit)
        return false;
    buf_init(&json, 16);
    buf_append_text(&json, disabled ? "true" : "false");
    return set_value(update, edit, &json);
}

static bool check_policy(const struct update *update)
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
static bool leads_elsewhere(const struct connection *connection, const struct edit *edit)
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

static bool brings_secret(const struct update *update)
{
    for (size_t i = 0; i < update->count; i++)
        if (strcmp(update->edits[i].key, "password") == 0 ||
            strcmp(update->edits[i].key, "client_secret") == 0)
            return true;
    return false;
}

static bool check_place(const struct update *update)
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

/* ---- applying --------------------------------------------------------------------------------------------- */

static bool edit_text(void *context, struct buf *text, struct error *err)
{
    const struct update *update = context;
    for (size_t i = 0; i < update->count; i++)
        if (!connection_text_set(text, update->connection->name, update->edits[i].key,
                                 update->edits[i].value, err))
            return false;
    return true;
}

static const char *old_file_of(const struct connection *connection, const char *key)
{
    return strcmp(key, "private_key") == 0   ? connection->private_key
           : strcmp(key, "ca") == 0          ? connection->ca_file
           : strcmp(key, "known_hosts") == 0 ? connection->known_hosts
           : strcmp(key, "passphrase") == 0  ? connection->passphrase.file
                                             : connection->password.file;
}

static void tidy(const struct update *update, bool is_done)
{
    char owner[OWNER_SIZE];
    for (size_t i = 0; i < update->count; i++) {
        const struct edit *edit = &update->edits[i];
        if (!edit->file[0])
            continue;
        make_owner(update, edit->key, owner);
        if (is_done)
            secret_file_tidy(folder_of(update), owner, edit->file,
                             old_file_of(update->connection, edit->key));
        else
            secret_file_remove(folder_of(update), edit->file);
    }
}

static void note_keys(const struct update *update)
{
    char *note = update->call->note;
    for (size_t i = 0, size = 0; i < update->count; i++, size = strlen(note))
        snprintf(note + size, sizeof update->call->note - size, "%s%s", i ? ", " : "set: ",
                 update->edits[i].key);
}

static bool apply(struct update *update)
{
    struct error err = {0};
    return update->count == 0 ||
           workspace_edit_connections(service_workspace(update->call->service), edit_text, update,
                                      &err) ||
           api_fail(update->call, &err);
}

static void finish(struct update *update, bool ok)
{
    ok = ok && apply(update);
    tidy(update, ok);
    if (ok) {
        note_keys(update);
        api_answer_connection(update->call, update->connection->name);
    }
    update_release(update);
}

/* It held secrets. */
static void forget_body(struct api_call *call)
{
    if (call->exchange->body.data)
        explicit_bzero(call->exchange->body.data, call->exchange->body.size);
}

static void update_connection(struct api_call *call)
{
    struct snapshot *snapshot = workspace_snapshot(service_workspace(call->service));
    struct update update = {.call = call, .connection = api_find_connection(call, snapshot)};
    if (update.connection)
        finish(&update, check_policy(&update) && take_properties(&update, "connectionProperties") &&
                            take_properties(&update, "securityProperties") &&
                            take_disabled(&update) && check_place(&update));
    snapshot_release(snapshot);
    forget_body(call);
}

/* ---- attachments ------------------------------------------------------------------------------------------ */

static const struct attachment {
    const char *key;
    const char *names[3];
    const char *mark; /* what such a file holds; NULL: any text */
    unsigned types;
} attachments[] = {
    {"private_key", {"privateKey", "private_key"}, "PRIVATE KEY-----",
     1u << CONNECTION_OBJECT_STORAGE | 1u << CONNECTION_SFTP},
    {"ca", {"ca", "certificate", "trustStore"}, "CERTIFICATE-----",
     1u << CONNECTION_FTP | 1u << CONNECTION_OBJECT_STORAGE | 1u << CONNECTION_REST |
         1u << CONNECTION_SMTP},
    {"known_hosts", {"knownHosts", "hostKey"}, NULL, 1u << CONNECTION_SFTP},
};

static const struct attachment *find_attachment(struct api_call *call,
                                                const struct connection *connection)
{
    for (size_t i = 0; i < API_COUNT(attachments); i++)
        for (size_t j = 0; j < API_COUNT(attachments[i].names) && attachments[i].names[j]; j++)
            if ((attachments[i].types & (1u << connection->type)) &&
                text_same_name(attachments[i].names[j], call->arguments[1]))
                return &attachments[i];
    api_fault(call, 404, "not_found", "connection '%s' takes no attachment '%.64s'; there are "
              "privateKey, ca and knownHosts, each for the types that have it", connection->name,
              call->arguments[1]);
    return NULL;
}

static bool check_file(struct api_call *call, const struct attachment *attachment,
                       const struct buf *bytes)
{
    if (bytes->size == 0 || memchr(bytes->data, '\0', bytes->size))
        return api_fault(call, 400, "invalid", "the file is empty or no text");
    return !attachment->mark || strstr(bytes->data, attachment->mark) ||
           api_fault(call, 400, "invalid", "the file holds no PEM block that ends in \"%s\"",
                     attachment->mark);
}

static bool take_attachment(struct update *update)
{
    struct api_call *call = update->call;
    struct http_form_file file;
    const struct attachment *attachment = find_attachment(call, update->connection);
    if (!attachment)
        return false;
    buf_init(&file.bytes, ATTACHMENT_SIZE_MAX);
    bool ok = api_form_file(call, &file) && check_file(call, attachment, &file.bytes);
    struct edit *edit = ok ? add_edit(update, attachment->key) : NULL;
    ok = edit && set_file(update, edit, file.bytes.data, file.bytes.size, false);
    if (file.bytes.data)
        explicit_bzero(file.bytes.data, file.bytes.size);
    buf_release(&file.bytes);
    return ok;
}

static void attach(struct api_call *call)
{
    struct snapshot *snapshot = workspace_snapshot(service_workspace(call->service));
    struct update update = {.call = call, .connection = api_find_connection(call, snapshot)};
    if (update.connection)
        finish(&update, take_attachment(&update));
    snapshot_release(snapshot);
    forget_body(call);
}

static void refuse_attachment(struct api_call *call)
{
    api_fault(call, 501, "unsupported", "%s", call->operation->about);
}

#define NO_CONNECTION {404, "no connection has that name or id, or no such attachment", NULL, NULL}

static const struct api_operation operations[] = {
    {.method = "PATCH", .path = "/connections/{id}", .id = "updateConnection", .role = API_CHANGE,
     .about = "Changes where a connection leads and how it logs in. Secrets go to a file that only the "
              "server can read. Executions that begin from then on use it.",
     .body = &update_schema,
     .results = {{200, "the connection as it is now", &api_connection_schema, NULL}, NO_CONNECTION,
                 {412, "another policy, or an address without the secret for it", NULL, NULL}},
     .run = update_connection},
    {.method = "POST", .path = "/connections/{id}/attachments/{property}", .id = "attachFile",
     .role = API_CHANGE,
     .about = "Attaches a file: privateKey (PEM), ca (PEM) or knownHosts. It goes to a file that only "
              "the server can read.",
     .file = "file", .body_max = ATTACHMENT_SIZE_MAX + FORM_EXTRA_SIZE,
     .results = {{200, "the connection as it is now", &api_connection_schema, NULL}, NO_CONNECTION},
     .run = attach},
    {.method = "GET", .path = "/connections/{id}/attachments/{property}", .id = "getAttachment",
     .role = API_READ, .about = "What was attached is never given out.",
     .results = {{501, "as the description says", NULL, NULL}}, .run = refuse_attachment},
};

const struct api_area api_connection_updates = {
    "Connection updates", "Connections changed, as far as that is safe.", operations,
    API_COUNT(operations)};
