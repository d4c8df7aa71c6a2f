/* SPDX-License-Identifier: MIT */
/*
 * libcurl's verdicts as sentences: which connection, what happened, what to do. The only place that
 * knows CURLcode by kind; protocols look at their replies first. Nothing here holds a secret:
 * libcurl's own detail names hosts and certificates, never passwords.
 */
#include <openssl/x509_vfy.h>
#include <string.h>

#include "transfer/pool.h"

bool connection_error(const struct connection *connection, struct error *err, enum error_kind kind,
                      const char *format, ...)
{
    va_list args;
    struct buf text;
    buf_init(&text, ERROR_MESSAGE_SIZE * 2);
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    /* What a peer said is part of the sentence: its control bytes must not be. */
    for (size_t i = 0; i < text.size; i++)
        if ((unsigned char)text.data[i] < 0x20 || text.data[i] == 0x7F)
            text.data[i] = ' ';
    error_set(err, kind, "connection '%s': %s", connection->name, buf_text(&text));
    buf_release(&text);
    return false;
}

static bool fail_by_timeout(const struct handle *handle, struct error *err)
{
    const struct connection *connection = handle->connection;
    curl_off_t connected_us = 0;
    curl_easy_getinfo(handle->easy, CURLINFO_CONNECT_TIME_T, &connected_us);
    if (connected_us == 0 && !handle_has_connected(handle) && !handle->was_used)
        connection_error(connection, err, ERROR_UNAVAILABLE,
                         "no connection within %u ms: check address, port and firewall",
                         connection->connect_timeout_ms);
    else
        connection_error(connection, err, ERROR_TIMEOUT,
                         "the server did not go on in time (%s): check its load and the network, "
                         "or raise stall_timeout_ms",
                         handle->detail[0] ? handle->detail : "no answer");
    return error_advise(err, RETRY_LATER);
}

static bool fail_by_abort(const struct handle *handle, struct error *err)
{
    if (handle->is_late)
        return connection_error(handle->connection, err, ERROR_TIMEOUT,
                                "the deadline of the execution passed during the transfer");
    return connection_error(handle->connection, err, ERROR_CANCELLED,
                            "stopped because the execution is being stopped");
}

/* OpenSSL's verdicts. libcurl compares the host name itself, before it takes over OpenSSL's good
 * verdict: what it began with is left then. */
static const struct {
    long verdict;
    const char *what;
} certificate_faults[] = {
    {X509_V_ERR_UNSPECIFIED, "is for another host name: correct the address, or the certificate"},
    {X509_V_ERR_CERT_HAS_EXPIRED, "has expired: renew it at the server"},
    {X509_V_ERR_CERT_NOT_YET_VALID, "is not valid yet: check the clock of this machine"},
    {X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT,
     "is self-signed: name that certificate with \"ca\" in connections.json"},
    {X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN,
     "comes from an authority that is not trusted: name that authority's certificate with "
     "\"ca\" in connections.json"},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
     "cannot be checked, its issuer is not known: name the issuer's certificate with "
     "\"ca\" in connections.json"},
    {X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE,
     "cannot be checked, its issuer is not known: name the issuer's certificate with "
     "\"ca\" in connections.json"},
    {X509_V_ERR_CERT_REVOKED, "was revoked: do not trust the server before that is cleared up"},
};

static bool fail_by_certificate(const struct handle *handle, struct error *err)
{
    const struct connection *connection = handle->connection;
    if (connection->type == CONNECTION_SFTP)
        return connection_error(connection, err, ERROR_DENIED,
                                "the server's host key is not trusted (%s): put the right key into "
                                "known_hosts '%s'",
                                handle->key_problem[0] ? handle->key_problem : handle->detail,
                                connection->known_hosts);
    long verdict = 0;
    curl_easy_getinfo(handle->easy, CURLINFO_SSL_VERIFYRESULT, &verdict);
    const char *what =
        "is not trusted: name its issuer's certificate with \"ca\" in connections.json";
    for (size_t i = 0; i < sizeof certificate_faults / sizeof certificate_faults[0]; i++)
        if (certificate_faults[i].verdict == verdict)
            what = certificate_faults[i].what;
    return connection_error(connection, err, ERROR_DENIED, "the server's certificate %s (%s)", what,
                            handle->detail[0] ? handle->detail : "verification failed");
}

/* For codes that need no look at the handle: "what (libcurl's detail): remedy". A name that does not
 * exist and a name service that is away look the same here. */
static const struct {
    CURLcode code;
    enum error_kind kind;
    enum error_retry retry;
    const char *what, *remedy;
} sentences[] = {
    {CURLE_COULDNT_RESOLVE_HOST, ERROR_UNAVAILABLE, RETRY_FEW, "the host name cannot be resolved",
     "check the name and this machine's name service"},
    {CURLE_COULDNT_CONNECT, ERROR_UNAVAILABLE, RETRY_LATER, "cannot connect",
     "check address, port and firewall"},
    {CURLE_SSL_CONNECT_ERROR, ERROR_REFUSED, RETRY_FEW, "the TLS handshake failed",
     "check that the port speaks TLS 1.2 or later, and the tls setting"},
    {CURLE_USE_SSL_FAILED, ERROR_REFUSED, RETRY_NEVER,
     "the server does not offer the TLS that is demanded",
     "correct the server or the tls setting; no password was sent in clear"},
    {CURLE_SSL_CACERT_BADFILE, ERROR_INVALID, RETRY_NEVER,
     "the certificate file in \"ca\" cannot be used", "it must be a readable PEM file"},
    {CURLE_SSL_CIPHER, ERROR_REFUSED, RETRY_NEVER, "no common TLS cipher",
     "check the server's TLS settings"},
    {CURLE_SSL_CERTPROBLEM, ERROR_INVALID, RETRY_NEVER, "the key or certificate cannot be used",
     "check the files that the connection names"},
    {CURLE_LOGIN_DENIED, ERROR_DENIED, RETRY_NEVER, "login refused", "check user and password"},
    {CURLE_SEND_ERROR, ERROR_UNAVAILABLE, RETRY_LATER, "the connection was lost",
     "try again later"},
    {CURLE_RECV_ERROR, ERROR_UNAVAILABLE, RETRY_LATER, "the connection was lost",
     "try again later"},
    {CURLE_GOT_NOTHING, ERROR_UNAVAILABLE, RETRY_LATER,
     "the server closed the connection without an answer", "try again later"},
    {CURLE_PARTIAL_FILE, ERROR_BROKEN, RETRY_LATER,
     "the transfer ended before the file was whole", "it is tried again by the next run"},
    {CURLE_FILESIZE_EXCEEDED, ERROR_LIMIT, RETRY_NEVER, "the file is larger than allowed",
     "raise the limit or split the file"},
    {CURLE_OUT_OF_MEMORY, ERROR_INTERNAL, RETRY_NEVER, "out of memory",
     "give the host more memory"},
    {CURLE_URL_MALFORMAT, ERROR_INVALID, RETRY_NEVER,
     "host, folder or name cannot be put into an address", "check the connection"},
    {CURLE_UNSUPPORTED_PROTOCOL, ERROR_UNSUPPORTED, RETRY_NEVER,
     "libcurl was built without this protocol", "install the full libcurl"},
};

static bool fail_by_table(struct handle *handle, CURLcode code, struct error *err)
{
    const char *detail = handle->detail[0] ? handle->detail : curl_easy_strerror(code);
    for (size_t i = 0; i < sizeof sentences / sizeof sentences[0]; i++) {
        if (sentences[i].code != code)
            continue;
        connection_error(handle->connection, err, sentences[i].kind, "%s (%s): %s",
                         sentences[i].what, detail, sentences[i].remedy);
        return error_advise(err, sentences[i].retry);
    }
    connection_error(handle->connection, err, ERROR_UNAVAILABLE, "the transfer failed: %s", detail);
    return error_advise(err, RETRY_FEW);
}

bool handle_fail(struct handle *handle, CURLcode code, struct error *err)
{
    if (code == CURLE_ABORTED_BY_CALLBACK)
        return fail_by_abort(handle, err);
    if (code == CURLE_OPERATION_TIMEDOUT)
        return fail_by_timeout(handle, err);
    if (code == CURLE_PEER_FAILED_VERIFICATION)
        return fail_by_certificate(handle, err);
    return fail_by_table(handle, code, err);
}
