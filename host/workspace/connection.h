/* SPDX-License-Identifier: MIT */
/*
 * A connection: a named endpoint with its security policy, as read from connections.json.
 * Plain data, immutable after loading, shared by all threads. Secrets are not in it: it says
 * where a secret is, and secret_read fetches it at the moment of use.
 */
#ifndef WORKSPACE_CONNECTION_H
#define WORKSPACE_CONNECTION_H
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

enum connection_type {
    CONNECTION_FTP,            /* host, port, user, password, tls */
    CONNECTION_SFTP,           /* host, port, user, password and/or private_key, known_hosts */
    CONNECTION_OBJECT_STORAGE, /* url, tenancy, user (OCID), private_key, passphrase, fingerprint */
    CONNECTION_REST,           /* url, auth; also a Sluice or OIC host that runs child flows */
    CONNECTION_SMTP,           /* host, port, user, password, tls */
    CONNECTION_LOCAL,          /* flows of this workspace */
};

enum tls_mode {
    TLS_NONE,     /* plain: a setting that warns */
    TLS_EXPLICIT, /* AUTH TLS, STARTTLS: required, never given up silently */
    TLS_IMPLICIT, /* TLS from the first byte; for url connections "https" */
};

enum auth_type {
    AUTH_NONE,
    AUTH_BASIC,               /* user, password */
    AUTH_OAUTH2_CLIENT,       /* token_url, user = client id, password = client secret, scope */
    AUTH_OCI_SIGNATURE_V1,    /* object_storage */
};

/* What happens when a target name, or a source's SENT- name, is taken. */
enum conflict_policy {
    CONFLICT_FAIL,      /* the file is reported as not transferred (default) */
    CONFLICT_NUMBER,    /* "name.csv" becomes "name-2.csv", up to -99 */
    CONFLICT_OVERWRITE, /* what is there is replaced */
};

/* Where a secret is: exactly one of the two, or neither (no secret). */
struct secret {
    char *env;  /* name of an environment variable */
    char *file; /* path of a file, read at each use; a trailing newline is not part of the secret */
};

/* A credential is a file of that name in the folder that this variable names: systemd.exec(5), and
 * what packages for Kubernetes mount. */
#define CREDENTIALS_DIRECTORY "CREDENTIALS_DIRECTORY"

/* Path of the credential; where the variable is not set, one that begins with "$CREDENTIALS_DIRECTORY/"
 * and that no file has. Caller frees; NULL: no memory. */
char *credential_path(const char *name);
/* The name in a path made by credential_path, or NULL for any other path. Borrowed from path. */
const char *credential_of(const char *path);

/* How often and when a peer is asked again, and when it is left alone: "retry" of a connection. What is
 * worth it is in struct error; see capability/retry.h and transfer/circuit.h. */
struct retry_policy {
    uint32_t attempts;             /* of one call, the first one included; 0 counts as 1 */
    uint32_t attempts_synchronous; /* the same where a caller waits for the flow's answer */
    uint32_t pause_ms, pause_ms_max; /* before the second attempt, doubled before each further one; its most */
    uint32_t circuit_failures;     /* in a row, until the connection is left alone; 0: never */
    uint32_t circuit_open_ms;      /* for how long */
};

struct connection {
    char *name;
    enum connection_type type;
    bool disabled;     /* configured, but workspace_connection does not give it out */
    char *host;
    uint16_t port;
    char *url; /* no trailing '/'; url connections only */
    enum tls_mode tls;
    bool tls_verify;   /* default true */
    char *ca_file;     /* trust anchors (PEM); NULL: the system's */
    enum auth_type auth;
    char *user;        /* login name, client id or user OCID */
    struct secret password;    /* password or client secret */
    struct secret
        private_key; /* PEM: object_storage, sftp (a file); read again when it has changed */
    struct secret passphrase;
    char *tenancy, *fingerprint; /* object_storage */
    char *token_url, *scope;     /* oauth2 */
    char *known_hosts;           /* sftp: OpenSSH known_hosts file */
    char *wrapper;     /* rest: name of the JSON root property of CCS messages; NULL: none */
    enum conflict_policy on_conflict;
    bool encoding_utf8; /* reserved for servers that need it; default true */
    uint32_t settle_ms; /* pause between the two looks that tell a growing file; 0: one look */
    uint32_t connect_timeout_ms, stall_timeout_ms, request_timeout_ms;
    uint64_t multipart_threshold, part_size; /* object_storage, bytes */
    struct retry_policy retry;
    uint64_t definition; /* a digest of the entry in connections.json: another one means another peer */
};

/* "ftp", "sftp", "object_storage", "rest", "smtp", "local". */
const char *connection_type_name(enum connection_type type);

/* Which place the connection means, appended to out for people and to compare: "ftp://user@host:port", or its
 * url. What else it holds (password, times, limits) may change while the place stays the same. The user of a
 * file server is part of it (a home, a root of its own), that of Object Storage is not: there the folder
 * names the namespace. At most CONNECTION_PLACE_SIZE_MAX bytes. */
void connection_place(const struct connection *connection, struct buf *out);
#define CONNECTION_PLACE_SIZE_MAX 5120
/* The same as pack_text appends it; out->failed: there was no memory. */
void connection_pack_place(const struct connection *connection, struct buf *out);
/* Whether it means the place that this text tells. */
bool connection_is_at(const struct connection *connection, const char *place);

/* Contents released, struct zeroed. */
void connection_release(struct connection *connection);

#define SECRET_SIZE_MAX 16384

/* Appends the secret to out. ERROR_INVALID (the configuration is wrong, whatever the reason) names
 * the connection, the field and where it was looked for, never the value. A secret that is not set
 * in the connection leaves out empty. */
MUST_USE bool secret_read(const struct connection *connection, const char *field,
                          const struct secret *secret, struct buf *out, struct error *err);
#endif
