/* SPDX-License-Identifier: MIT */
/* connections.json into struct connection: one table says which type has which key. */
#include "workspace/connections.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "workspace/config.h"
#include "workspace/url.h"

#define FTP (1u << CONNECTION_FTP)
#define SFTP (1u << CONNECTION_SFTP)
#define STORAGE (1u << CONNECTION_OBJECT_STORAGE)
#define REST (1u << CONNECTION_REST)
#define SMTP (1u << CONNECTION_SMTP)
#define LOCAL (1u << CONNECTION_LOCAL)
#define REMOTE (FTP | SFTP | STORAGE | REST | SMTP)
#define FILES (FTP | SFTP | STORAGE)

static const char *const type_words[] = {"ftp",  "sftp", "object_storage", "rest",
                                         "smtp", "local", NULL};
static const char *const tls_words[] = {"none", "explicit", "implicit", NULL};
static const char *const url_tls_words[] = {"none", NULL};
static const char *const conflict_words[] = {"fail", "number", "overwrite", NULL};
static const char *const auth_words[] = {"none", "basic", "oauth2_client_credentials", NULL};

#define MIB (1ull << 20)
#define TIB (1ull << 40)
#define AT(member) offsetof(struct connection, member)

static const struct config_field fields[] = {
    {.key = "type", .kind = CONFIG_WORD, .offset = AT(type), .legal = CONFIG_ALL,
     .required = CONFIG_ALL, .words = type_words},
    {.key = "disabled", .kind = CONFIG_FLAG, .offset = AT(disabled), .legal = CONFIG_ALL},
    {.key = "host", .kind = CONFIG_HOST, .offset = AT(host), .legal = FTP | SFTP | SMTP,
     .required = FTP | SFTP | SMTP},
    {.key = "port", .kind = CONFIG_PORT, .offset = AT(port), .legal = FTP | SFTP | SMTP},
    {.key = "url", .kind = CONFIG_URL, .offset = AT(url), .legal = STORAGE | REST,
     .required = STORAGE | REST},
    {.key = "tls", .kind = CONFIG_WORD, .offset = AT(tls), .legal = FTP | SMTP,
     .words = tls_words},
    {.key = "tls", .kind = CONFIG_WORD, .offset = AT(tls), .legal = STORAGE | REST,
     .words = url_tls_words},
    {.key = "tls_verify", .kind = CONFIG_FLAG, .offset = AT(tls_verify),
     .legal = FTP | STORAGE | REST | SMTP},
    {.key = "ca", .kind = CONFIG_ANCHOR, .offset = AT(ca_file),
     .legal = FTP | STORAGE | REST | SMTP},
    {.key = "auth", .kind = CONFIG_WORD, .offset = AT(auth), .legal = REST, .words = auth_words},
    {.key = "user", .kind = CONFIG_TEXT, .offset = AT(user), .legal = REMOTE,
     .required = FILES},
    {.key = "password", .kind = CONFIG_SECRET, .offset = AT(password),
     .legal = FTP | SFTP | REST | SMTP, .required = FTP},
    {.key = "client_id", .kind = CONFIG_TEXT, .offset = AT(user), .legal = REST},
    {.key = "client_secret", .kind = CONFIG_SECRET, .offset = AT(password), .legal = REST},
    {.key = "token_url", .kind = CONFIG_URL, .offset = AT(token_url), .legal = REST},
    {.key = "scope", .kind = CONFIG_TEXT, .offset = AT(scope), .legal = REST},
    {.key = "tenancy", .kind = CONFIG_TEXT, .offset = AT(tenancy), .legal = STORAGE,
     .required = STORAGE},
    {.key = "fingerprint", .kind = CONFIG_TEXT, .offset = AT(fingerprint), .legal = STORAGE,
     .required = STORAGE},
    {.key = "private_key", .kind = CONFIG_PATH, .offset = AT(private_key),
     .legal = STORAGE | SFTP, .required = STORAGE},
    {.key = "passphrase", .kind = CONFIG_SECRET, .offset = AT(passphrase),
     .legal = STORAGE | SFTP},
    {.key = "known_hosts", .kind = CONFIG_PATH, .offset = AT(known_hosts), .legal = SFTP,
     .required = SFTP},
    {.key = "wrapper", .kind = CONFIG_TEXT, .offset = AT(wrapper), .legal = REST},
    {.key = "on_conflict", .kind = CONFIG_WORD, .offset = AT(on_conflict), .legal = FILES,
     .words = conflict_words},
    {.key = "settle_ms", .kind = CONFIG_NUMBER, .offset = AT(settle_ms), .legal = FILES,
     .max = 600000},
    {.key = "connect_timeout_s", .kind = CONFIG_SECONDS, .offset = AT(connect_timeout_ms),
     .legal = REMOTE, .min = 1, .max = 600},
    {.key = "stall_timeout_s", .kind = CONFIG_SECONDS, .offset = AT(stall_timeout_ms),
     .legal = REMOTE, .min = 1, .max = 3600},
    {.key = "request_timeout_s", .kind = CONFIG_SECONDS, .offset = AT(request_timeout_ms),
     .legal = REMOTE, .min = 1, .max = 21600},
    {.key = "multipart_threshold", .kind = CONFIG_SIZE, .offset = AT(multipart_threshold),
     .legal = STORAGE, .min = 4096, .max = 10 * TIB},
    {.key = "part_size", .kind = CONFIG_SIZE, .offset = AT(part_size), .legal = STORAGE,
     .min = 4096, .max = 51200 * MIB}, /* OCI: 50 GiB a part */
};

#define FIELD_COUNT (sizeof fields / sizeof fields[0])

#define RETRY(member) offsetof(struct retry_policy, member)

static const struct config_field retry_fields[] = {
    {.key = "attempts", .kind = CONFIG_NUMBER, .offset = RETRY(attempts), .legal = CONFIG_ALL,
     .min = 1, .max = 100},
    {.key = "attempts_synchronous", .kind = CONFIG_NUMBER, .offset = RETRY(attempts_synchronous),
     .legal = CONFIG_ALL, .min = 1, .max = 10},
    {.key = "pause_s", .kind = CONFIG_SECONDS, .offset = RETRY(pause_ms), .legal = CONFIG_ALL,
     .max = 3600},
    {.key = "pause_max_s", .kind = CONFIG_SECONDS, .offset = RETRY(pause_ms_max),
     .legal = CONFIG_ALL, .max = 3600},
    {.key = "circuit_failures", .kind = CONFIG_NUMBER, .offset = RETRY(circuit_failures),
     .legal = CONFIG_ALL, .max = 1000},
    {.key = "circuit_open_s", .kind = CONFIG_SECONDS, .offset = RETRY(circuit_open_ms),
     .legal = CONFIG_ALL, .max = 3600},
};

const char *connection_type_name(enum connection_type type)
{
    return type_words[type];
}

void connection_release(struct connection *connection)
{
    char *const texts[] = {
        connection->name,         connection->host,          connection->url,
        connection->ca_file,      connection->user,          connection->password.env,
        connection->password.file, connection->private_key,  connection->passphrase.env,
        connection->passphrase.file, connection->tenancy,    connection->fingerprint,
        connection->token_url,    connection->scope,         connection->known_hosts,
        connection->wrapper,
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        free(texts[i]);
    *connection = (struct connection){0};
}

/* Six attempts take half a minute: a server that is started anew or has no free session is back by
 * then, and what lasts longer is the next run's. A caller who waits gets an answer within seconds. Ten
 * failures in a row are more than one call makes. */
static const struct retry_policy retry_defaults = {
    .attempts = 6,
    .attempts_synchronous = 3,
    .pause_ms = 1000,
    .pause_ms_max = 60000,
    .circuit_failures = 10,
    .circuit_open_ms = 30000,
};

/* Mail has a schedule of its own (flow/outbox.h), and flows of this workspace are no peer. */
static bool has_retry(enum connection_type type)
{
    return type != CONNECTION_SMTP && type != CONNECTION_LOCAL;
}

static void set_defaults(struct connection *connection, enum connection_type type)
{
    if (has_retry(type))
        connection->retry = retry_defaults;
    connection->type = type;
    connection->tls = TLS_EXPLICIT;
    connection->tls_verify = true;
    connection->auth = type == CONNECTION_REST             ? AUTH_BASIC
                       : type == CONNECTION_OBJECT_STORAGE ? AUTH_OCI_SIGNATURE_V1
                       : type == CONNECTION_LOCAL          ? AUTH_NONE
                                                           : AUTH_BASIC;
    connection->encoding_utf8 = true;
    connection->settle_ms = type == CONNECTION_OBJECT_STORAGE ? 0 : 2000; /* objects appear whole */
    connection->connect_timeout_ms = 30000;
    connection->stall_timeout_ms = 60000;
    connection->request_timeout_ms = 300000; /* OIC's limit for synchronous flows */
    connection->multipart_threshold = 128 * MIB;
    connection->part_size = 64 * MIB;
}

/* What is being checked, for the rules that join several keys. */
struct check {
    const struct config_object *object;
    struct connection *connection;
    struct error *err;
};

static const cJSON *member(const struct check *check, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(check->object->node, key);
}

static bool fail(const struct check *check, const char *key, const char *sentence)
{
    const cJSON *node = member(check, key);
    return config_fail(check->object->config, node ? node : check->object->node, check->err,
                       "%s: %s", check->object->what, sentence);
}

static bool check_plain_http(const struct check *check, const char *key, const char *url,
                             bool is_plain_meant)
{
    struct url_parts parts;
    char why[128];
    if (!url_parse(url, &parts, why, sizeof why) || parts.is_https || is_plain_meant ||
        url_is_loopback(parts.host))
        return true;
    return fail(check, key, "http:// would send credentials readable by anybody on the way; use "
                            "https://, or add \"tls\": \"none\" to say that this is meant");
}

static bool check_url_tls(const struct check *check)
{
    struct connection *connection = check->connection;
    bool is_https = strncmp(connection->url, "https:", 6) == 0;
    bool is_plain_meant = member(check, "tls") != NULL;
    if (is_https && is_plain_meant)
        return fail(check, "tls", "\"tls\" is \"none\" but \"url\" begins with https://");
    connection->tls = is_https ? TLS_IMPLICIT : TLS_NONE;
    return check_plain_http(check, "url", connection->url, is_plain_meant) &&
           (!connection->token_url ||
            check_plain_http(check, "token_url", connection->token_url, is_plain_meant));
}

static bool require(const struct check *check, const char *auth, const char *const *keys,
                    size_t count)
{
    char sentence[160];
    for (size_t i = 0; i < count; i++) {
        if (member(check, keys[i]))
            continue;
        snprintf(sentence, sizeof sentence, "\"%s\" is missing: \"auth\" is \"%s\"", keys[i], auth);
        return fail(check, "auth", sentence);
    }
    return true;
}

static bool forbid(const struct check *check, const char *auth, const char *const *keys,
                   size_t count)
{
    char sentence[160];
    for (size_t i = 0; i < count; i++) {
        if (!member(check, keys[i]))
            continue;
        snprintf(sentence, sizeof sentence, "\"%s\" has no meaning where \"auth\" is \"%s\"",
                 keys[i], auth);
        return fail(check, keys[i], sentence);
    }
    return true;
}

static const char *const basic_keys[] = {"user", "password"};
static const char *const oauth2_keys[] = {"token_url", "client_id", "client_secret", "scope"};

static bool check_rest(const struct check *check)
{
    static const char *const names[] = {"none", "basic", "oauth2_client_credentials"};
    const char *auth = names[check->connection->auth];
    bool is_basic = check->connection->auth == AUTH_BASIC;
    bool is_oauth2 = check->connection->auth == AUTH_OAUTH2_CLIENT;
    return (is_basic ? require(check, auth, basic_keys, 2) : forbid(check, auth, basic_keys, 2)) &&
           (is_oauth2 ? require(check, auth, oauth2_keys, 3) : forbid(check, auth, oauth2_keys, 4)) &&
           check_url_tls(check);
}

/* 16 pairs of hexadecimal digits (MD5 of the public key), colons between. */
static bool is_fingerprint(const char *text)
{
    if (strlen(text) != 16 * 3 - 1)
        return false;
    for (size_t i = 0; i < 16 * 3 - 1; i++)
        if (i % 3 == 2 ? text[i] != ':' : !strchr("0123456789abcdefABCDEF", text[i]))
            return false;
    return true;
}

/* Tenancy, user and fingerprint become the keyId: '/' separates them, '"' ends it. */
static bool check_storage(const struct check *check)
{
    const struct connection *connection = check->connection;
    if (strpbrk(connection->tenancy, "/\", "))
        return fail(check, "tenancy", "\"tenancy\" must be an OCID such as ocid1.tenancy.oc1..aaaa");
    if (strpbrk(connection->user, "/\", "))
        return fail(check, "user", "\"user\" must be an OCID such as ocid1.user.oc1..aaaa");
    if (!is_fingerprint(connection->fingerprint))
        return fail(check, "fingerprint", "\"fingerprint\" must be 16 pairs of hexadecimal digits "
                                          "with ':' between, as the console shows it");
    return check_url_tls(check);
}

static bool check_sftp(const struct check *check)
{
    if (!member(check, "password") && !member(check, "private_key"))
        return fail(check, "user", "\"password\" or \"private_key\" is missing");
    check->connection->tls = TLS_NONE; /* SSH protects it */
    return true;
}

static bool check_smtp(const struct check *check)
{
    if (!member(check, "user") != !member(check, "password"))
        return fail(check, "user", "\"user\" and \"password\" go together");
    if (!check->connection->user)
        check->connection->auth = AUTH_NONE;
    return true;
}

static uint16_t default_port(const struct connection *connection)
{
    static const uint16_t ftp[] = {21, 21, 990}, smtp[] = {25, 587, 465};
    return connection->type == CONNECTION_FTP    ? ftp[connection->tls]
           : connection->type == CONNECTION_SMTP ? smtp[connection->tls]
           : connection->type == CONNECTION_SFTP ? 22
                                                 : 0;
}

static bool check_rules(const struct check *check)
{
    struct connection *connection = check->connection;
    bool ok = true;
    if (connection->type == CONNECTION_REST)
        ok = check_rest(check);
    else if (connection->type == CONNECTION_OBJECT_STORAGE)
        ok = check_storage(check);
    else if (connection->type == CONNECTION_SFTP)
        ok = check_sftp(check);
    else if (connection->type == CONNECTION_SMTP)
        ok = check_smtp(check);
    if (connection->port == 0)
        connection->port = default_port(connection);
    return ok;
}

static bool read_retry(const struct config_object *outer, struct retry_policy *retry,
                       struct error *err)
{
    char what[CONNECTION_NAME_SIZE_MAX + 40];
    const cJSON *node = cJSON_GetObjectItemCaseSensitive(outer->node, "retry");
    if (!node)
        return true;
    snprintf(what, sizeof what, "%s, \"retry\"", outer->what);
    const struct config_object object = {.config = outer->config, .node = node, .what = what,
                                         .folder = outer->folder, .kind = 1};
    if (!cJSON_IsObject(node))
        return config_fail(outer->config, node, err, "%s must be an object", what);
    if (!config_read(&object, retry_fields, sizeof retry_fields / sizeof retry_fields[0], retry,
                     err))
        return false;
    return retry->pause_ms_max >= retry->pause_ms ||
           config_fail(outer->config, node, err,
                       "%s: \"pause_max_s\" is less than \"pause_s\"", what);
}

static bool check_name(const struct config *config, const cJSON *node, struct error *err)
{
    size_t size = strlen(node->string);
    if (size == 0 || size > CONNECTION_NAME_SIZE_MAX || text_has_control(node->string))
        return config_fail(config, node, err, "a connection's name has 1 to %d bytes and no control "
                                              "characters", CONNECTION_NAME_SIZE_MAX);
    return true;
}

/* As little of a definition as tells it from another one. */
static bool digest_definition(const cJSON *node, uint64_t *definition, struct error *err)
{
    char *text = cJSON_PrintUnformatted(node);
    if (!text)
        return error_set(err, ERROR_LIMIT, "out of memory");
    *definition = text_hash(text);
    cJSON_free(text);
    return true;
}

static bool read_connection(const struct config *config, const char *folder, const cJSON *node,
                            struct connection *connection, struct error *err)
{
    char what[CONNECTION_NAME_SIZE_MAX + 32];
    struct config_object object = {.config = config, .node = node, .what = what, .folder = folder};
    int type = 0;
    if (!check_name(config, node, err))
        return false;
    snprintf(what, sizeof what, "connection '%s'", node->string);
    if (!cJSON_IsObject(node))
        return config_fail(config, node, err, "%s must be an object: { \"type\": ... }", what);
    const cJSON *type_node = cJSON_GetObjectItemCaseSensitive(node, "type");
    if (!type_node)
        return config_fail(config, node, err, "%s: \"type\" is missing: one of \"ftp\", \"sftp\", "
                           "\"object_storage\", \"rest\", \"smtp\", \"local\"", what);
    if (!config_word(&object, type_node, type_words, &type, err))
        return false;
    object.kind = 1u << type;
    object.handled = has_retry((enum connection_type)type) ? "retry" : NULL;
    set_defaults(connection, (enum connection_type)type);
    connection->name = strdup(node->string);
    if (!connection->name)
        return error_set(err, ERROR_LIMIT, "out of memory");
    bool is_both = cJSON_GetObjectItemCaseSensitive(node, "user") &&
                   cJSON_GetObjectItemCaseSensitive(node, "client_id");
    bool is_both_secrets = cJSON_GetObjectItemCaseSensitive(node, "password") &&
                           cJSON_GetObjectItemCaseSensitive(node, "client_secret");
    if (type == CONNECTION_REST && (is_both || is_both_secrets))
        return config_fail(config, node, err, "%s: give \"user\" and \"password\" (auth basic) or "
                           "\"client_id\" and \"client_secret\" (oauth2_client_credentials), not both",
                           what);
    struct check check = {&object, connection, err};
    return config_read(&object, fields, FIELD_COUNT, connection, err) &&
           (!object.handled || read_retry(&object, &connection->retry, err)) && check_rules(&check) &&
           digest_definition(node, &connection->definition, err);
}

static bool read_all(const struct config *config, const char *folder, struct connection **out,
                     size_t *count, struct error *err)
{
    size_t wanted = (size_t)cJSON_GetArraySize(config->root);
    if (wanted > CONNECTIONS_MAX)
        return error_set(err, ERROR_LIMIT, "%s: %zu connections, at most %d are possible",
                         config->name, wanted, CONNECTIONS_MAX);
    struct connection *connections = calloc(wanted ? wanted : 1, sizeof *connections);
    if (!connections)
        return error_set(err, ERROR_LIMIT, "out of memory");
    bool ok = true;
    size_t index = 0;
    for (const cJSON *node = config->root->child; node && ok; node = node->next)
        ok = read_connection(config, folder, node, &connections[index++], err);
    if (ok) {
        *out = connections;
        *count = wanted;
        return true;
    }
    while (index > 0)
        connection_release(&connections[--index]);
    free(connections);
    return false;
}

bool connections_read(const char *folder, const char *text, struct connection **out,
                      size_t *count, struct error *err)
{
    struct config config;
    if (!(text ? config_take(&config, text, "connections.json", err)
               : config_open(&config, folder, "connections.json", err)))
        return false;
    bool ok = read_all(&config, folder, out, count, err);
    config_close(&config);
    return ok;
}
