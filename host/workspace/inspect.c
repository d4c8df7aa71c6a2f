/* SPDX-License-Identifier: MIT */
/* Offline checks of a workspace; see inspect.h. */
#include "workspace/inspect.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "workspace/properties.h"

#define PEM_SIZE_MAX (1u << 20)

/* Where findings about one thing go, and how many were more than a note. */
struct report {
    finding_fn *fn;
    void *context;
    char subject[256];
    int problems;
};

static void add(struct report *report, enum finding_level level, const char *remedy,
                const char *format, ...) PRINTF_LIKE(4, 5);

static void add(struct report *report, enum finding_level level, const char *remedy,
                const char *format, ...)
{
    char text[ERROR_MESSAGE_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    report->problems += level >= FINDING_WARNING;
    struct finding finding = {level, report->subject, text, remedy};
    report->fn(report->context, &finding);
}

static void check_exposed(struct report *report, const char *field, const char *path)
{
    struct stat status;
    char remedy[512];
    if (stat(path, &status) != 0 || !(status.st_mode & 077))
        return;
    snprintf(remedy, sizeof remedy, "chmod 600 %s", path);
    add(report, FINDING_WARNING, remedy, "%s: other users may read or change '%s' (mode %04o)", field,
        path, (unsigned)(status.st_mode & 07777));
}

static void check_secret(struct report *report, const struct connection *connection,
                         const char *field, const struct secret *secret)
{
    struct buf value;
    struct error err = {0};
    char prefix[256], remedy[256];
    if (!secret->env && !secret->file)
        return;
    buf_init(&value, SECRET_SIZE_MAX);
    if (!secret_read(connection, field, secret, &value, &err)) {
        size_t skip = (size_t)snprintf(prefix, sizeof prefix, "connection '%s': ", connection->name);
        snprintf(remedy, sizeof remedy, secret->env ? "export %s=..." : "write the secret into %s",
                 secret->env ? secret->env : secret->file);
        add(report, FINDING_ERROR, remedy, "%s",
            strncmp(err.message, prefix, skip) == 0 ? err.message + skip : err.message);
    } else if (secret->file) {
        check_exposed(report, field, secret->file);
    }
    if (value.data)
        explicit_bzero(value.data, value.size);
    buf_release(&value);
}

/* True if the file can be read and has a PEM block whose label contains word. */
static bool check_pem(struct report *report, const char *field, const char *path, const char *word)
{
    struct buf text;
    struct error err = {0};
    char label[64];
    if (!path)
        return true;
    buf_init(&text, PEM_SIZE_MAX);
    bool readable = file_read(path, &text, &err);
    snprintf(label, sizeof label, "%s-----", word);
    bool is_pem = readable && strstr(buf_text(&text), "-----BEGIN ") &&
                  strstr(buf_text(&text), label);
    if (!readable)
        add(report, FINDING_ERROR, "put the file there or correct the path in connections.json",
            "%s: %s", field, err.message);
    else if (!is_pem)
        add(report, FINDING_ERROR, "convert it to PEM (it begins with -----BEGIN)",
            "%s: '%s' holds no PEM %s", field, path, word);
    if (text.data)
        explicit_bzero(text.data, text.size);
    buf_release(&text);
    return is_pem;
}

static void check_private_key(struct report *report, const struct connection *connection)
{
    const struct secret *key = &connection->private_key;
    if (key->env)
        check_secret(report, connection, "private_key", key);
    else if (key->file && check_pem(report, "private_key", key->file, "PRIVATE KEY"))
        check_exposed(report, "private_key", key->file);
}

static void check_transport(struct report *report, const struct connection *connection)
{
    bool is_ssh = connection->type == CONNECTION_SFTP;
    if (connection->tls == TLS_NONE && !is_ssh)
        add(report, FINDING_WARNING,
            connection->url ? "use an https:// address" : "set \"tls\" to \"explicit\" or \"implicit\"",
            "plain transport: credentials and files can be read by anybody on the way");
    else if (!connection->tls_verify)
        add(report, FINDING_WARNING, "remove \"tls_verify\": false, name the issuer with \"ca\"",
            "certificates are not verified: anybody on the way can pose as the server");
}

static void check_known_hosts(struct report *report, const struct connection *connection)
{
    if (connection->known_hosts && access(connection->known_hosts, R_OK) != 0)
        add(report, FINDING_ERROR, "ssh-keyscan HOST prints the lines; compare them with the server's",
            "known_hosts: cannot read '%s': %s", connection->known_hosts, strerror(errno));
}

/* What `sluice init` writes where only the operator knows better. */
#define EXAMPLE_DOMAIN "example.com"
#define EXAMPLE_MARK "..fill-in"

static void check_filled_in(struct report *report, const struct connection *connection)
{
    const char *address = connection->host ? connection->host : connection->url;
    if (address && strstr(address, EXAMPLE_DOMAIN))
        add(report, FINDING_WARNING, "fill in the real address in connections.json",
            "'%s' is the example of a new workspace", address);
    if ((connection->tenancy && strstr(connection->tenancy, EXAMPLE_MARK)) ||
        (connection->user && strstr(connection->user, EXAMPLE_MARK)))
        add(report, FINDING_WARNING, "fill in the real ones in connections.json",
            "\"tenancy\" or \"user\" is the example of a new workspace");
}

static void inspect_connection(struct report *report, const struct connection *connection)
{
    snprintf(report->subject, sizeof report->subject, "connection '%s'", connection->name);
    report->problems = 0;
    if (connection->disabled) {
        add(report, FINDING_NOTE, "", "disabled");
        return;
    }
    if (connection->type != CONNECTION_LOCAL)
        check_transport(report, connection);
    check_filled_in(report, connection);
    check_secret(report, connection, "password", &connection->password);
    check_secret(report, connection, "passphrase", &connection->passphrase);
    check_private_key(report, connection);
    check_pem(report, "ca", connection->ca_file, "CERTIFICATE");
    check_known_hosts(report, connection);
    if (report->problems == 0)
        add(report, FINDING_OK, "", "%s", connection_type_name(connection->type));
}

static bool is_needed(const struct workspace *workspace, enum property_need need)
{
    const struct lookup *lookup = workspace_lookup(workspace, LOOKUP_CONFIG, NULL);
    const char *target = lookup ? lookup_get(lookup, "dacs.file.target.transfer.pref") : NULL;
    bool is_os = target && strcasecmp(target, "os") == 0;
    return need == NEED_ALWAYS || (need == NEED_FTP_TARGET && !is_os) ||
           (need == NEED_OS_TARGET && is_os);
}

static void inspect_property(struct report *report, const struct workspace *workspace,
                             const struct lookup *lookup, const struct property *property)
{
    char remedy[256];
    const char *value = lookup_get(lookup, property->name);
    const char *complaint = value ? property_complaint(property, value) : NULL;
    snprintf(remedy, sizeof remedy, "sluice lookups set %s %s VALUE", lookup->name, property->name);
    if (!value || (complaint && !*value && property->kind == PROPERTY_TEXT))
        add(report, is_needed(workspace, property->need) ? FINDING_ERROR : FINDING_NOTE, remedy,
            "property '%s' is %s (%s)", property->name, value ? "empty" : "missing",
            property->meaning);
    else if (complaint)
        add(report, FINDING_ERROR, remedy, "property '%s' is '%s' but must be %s", property->name,
            value, complaint);
    else if (property->kind >= PROPERTY_ADDRESS && strstr(value, "@" EXAMPLE_DOMAIN))
        add(report, FINDING_WARNING, remedy, "property '%s' is '%s', the example of a new workspace",
            property->name, value);
}

static void inspect_lookup(struct report *report, const struct workspace *workspace,
                           const char *name)
{
    const struct lookup *lookup = workspace_lookup(workspace, name, NULL);
    snprintf(report->subject, sizeof report->subject, "lookup '%s'", name);
    report->problems = 0;
    if (!lookup) {
        add(report, FINDING_ERROR, "copy it from a new workspace (`sluice init`) or import one",
            "there is no lookups/%s.csv", name);
        return;
    }
    for (size_t i = 0; i < property_count; i++)
        if (strcmp(properties[i].lookup, name) == 0)
            inspect_property(report, workspace, lookup, &properties[i]);
    if (report->problems == 0)
        add(report, FINDING_OK, "", "%zu properties", lookup->row_count);
}

void workspace_inspect(const struct workspace *workspace, finding_fn *fn, void *context)
{
    struct report report = {.fn = fn, .context = context};
    for (size_t i = 0; i < workspace->snapshot->connection_count; i++)
        inspect_connection(&report, &workspace->snapshot->connections[i]);
    inspect_lookup(&report, workspace, LOOKUP_CONFIG);
    inspect_lookup(&report, workspace, LOOKUP_EMAIL);
}
