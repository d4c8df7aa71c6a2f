/* SPDX-License-Identifier: MIT */
/* Properties of connections by OIC's names and ours; see api_connections.h. */
#include <stddef.h>

#include "base/text.h"
#include "server/api_connections.h"

#define FTP (1u << CONNECTION_FTP)
#define SFTP (1u << CONNECTION_SFTP)
#define STORAGE (1u << CONNECTION_OBJECT_STORAGE)
#define REST (1u << CONNECTION_REST)
#define SMTP (1u << CONNECTION_SMTP)
#define AT(member) offsetof(struct connection, member)

const struct connection_property connection_properties[] = {
    {.name = "connectionUrl", .key = "url", .display = "Connection URL", .type = "URL",
     .types = STORAGE | REST, .offset = AT(url), .aliases = {"targetUrl"}},
    {.name = "host", .key = "host", .display = "Host", .type = "STRING", .types = FTP | SFTP | SMTP,
     .offset = AT(host),
     .aliases = {"hostName", "serverHost", "ftpServerHost", "ftpServerHostAddress"}},
    {.name = "port", .key = "port", .display = "Port", .type = "NUMBER", .types = FTP | SFTP | SMTP,
     .offset = AT(port), .aliases = {"serverPort", "ftpServerPort"}},
    {.name = "tenancy", .key = "tenancy", .display = "Tenancy OCID", .type = "STRING",
     .types = STORAGE, .is_credential = true, .offset = AT(tenancy), .aliases = {"tenancyOcid"}},
    {.name = "username", .key = "user", .display = "Username", .type = "STRING",
     .types = FTP | SFTP | STORAGE | SMTP, .is_credential = true, .offset = AT(user),
     .aliases = {"userOcid"}},
    {.name = "username", .key = "user", .display = "Username", .type = "STRING", .types = REST,
     .is_credential = true, .has_auth = true, .auth = AUTH_BASIC, .offset = AT(user)},
    {.name = "password", .key = "password", .display = "Password", .type = "PASSWORD",
     .types = FTP | SFTP | SMTP, .is_credential = true, .is_secret = true, .offset = AT(password)},
    {.name = "password", .key = "password", .display = "Password", .type = "PASSWORD",
     .types = REST, .is_credential = true, .is_secret = true, .has_auth = true, .auth = AUTH_BASIC,
     .offset = AT(password)},
    {.name = "clientId", .key = "client_id", .display = "Client Id", .type = "STRING", .types = REST,
     .is_credential = true, .has_auth = true, .auth = AUTH_OAUTH2_CLIENT, .offset = AT(user),
     .aliases = {"oauthClientId", "oauth2ClientId"}},
    {.name = "clientSecret", .key = "client_secret", .display = "Client Secret", .type = "PASSWORD",
     .types = REST, .is_credential = true, .is_secret = true, .has_auth = true,
     .auth = AUTH_OAUTH2_CLIENT, .offset = AT(password),
     .aliases = {"oauthClientSecret", "oauth2ClientSecret"}},
    {.name = "accessTokenUri", .key = "token_url", .display = "Access Token URI", .type = "URL",
     .types = REST, .is_credential = true, .has_auth = true, .auth = AUTH_OAUTH2_CLIENT,
     .offset = AT(token_url), .aliases = {"accessTokenUrl", "oauth2AccessTokenUri"}},
    {.name = "scope", .key = "scope", .display = "Scope", .type = "STRING", .types = REST,
     .is_credential = true, .has_auth = true, .auth = AUTH_OAUTH2_CLIENT, .offset = AT(scope)},
    {.name = "fingerprint", .key = "fingerprint", .display = "Finger Print", .type = "STRING",
     .types = STORAGE, .is_credential = true, .offset = AT(fingerprint)},
    {.name = "passphrase", .key = "passphrase", .display = "Pass Phrase", .type = "PASSWORD",
     .types = STORAGE | SFTP, .is_credential = true, .is_secret = true, .offset = AT(passphrase)},
};
const size_t connection_property_count = API_COUNT(connection_properties);

bool connection_has_property(const struct connection *connection,
                             const struct connection_property *property)
{
    return (property->types & (1u << connection->type)) &&
           (!property->has_auth || property->auth == connection->auth);
}

static bool is_called(const struct connection_property *property, const char *name)
{
    if (text_same_name(property->name, name) || text_same_name(property->key, name))
        return true;
    for (size_t i = 0; i < CONNECTION_ALIASES_MAX && property->aliases[i]; i++)
        if (text_same_name(property->aliases[i], name))
            return true;
    return false;
}

const struct connection_property *connection_find_property(const struct connection *connection,
                                                           const char *name)
{
    for (size_t i = 0; i < connection_property_count; i++)
        if (connection_has_property(connection, &connection_properties[i]) &&
            is_called(&connection_properties[i], name))
            return &connection_properties[i];
    return NULL;
}

const struct secret *connection_secret(const struct connection *connection,
                                       const struct connection_property *property)
{
    return (const struct secret *)(const void *)((const char *)connection + property->offset);
}

const char *connection_policy(const struct connection *connection)
{
    switch (connection->auth) {
    case AUTH_BASIC:
        return connection->type == CONNECTION_REST ? "BASIC_AUTH" : "USERNAME_PASSWORD";
    case AUTH_OAUTH2_CLIENT:
        return "OAUTH_CLIENT_CREDENTIALS";
    case AUTH_OCI_SIGNATURE_V1:
        return "OCI_SIGNATURE_VERSION1";
    case AUTH_NONE:
    default:
        return "NO_SECURITY_POLICY";
    }
}
