/* SPDX-License-Identifier: MIT */
/*
 * OCI request signature version 1: draft-cavage-http-signatures-08 with RSA-SHA256, header order as
 * in Oracle's SDKs. Pure: date and key are parameters. Thread-safe.
 */
#ifndef TRANSFER_OCI_SIGNATURE_H
#define TRANSFER_OCI_SIGNATURE_H
#include "base/buf.h"
#include "base/error.h"
#include "transfer/oci_key.h"

struct oci_request {
    const char *method; /* upper case */
    const char *target; /* path and query exactly as sent, percent-encoding untouched */
    const char *host;   /* without scheme; with the port unless it is the scheme's own */
    const char *date;   /* IMF-fixdate, sent as the header date */
    /* POST, PUT and PATCH sign their body as well, except PutObject and UploadPart, whose bodies
     * stream: signs_body is false there. */
    bool signs_body;
    const char *content_type;
    const void *body;
    size_t body_size;
};

#define OCI_DIGEST_SIZE 48

/* base64(SHA-256(body)), the value of x-content-sha256; of no bytes, too. Returns text. */
const char *oci_content_digest(const void *body, size_t size, char text[static OCI_DIGEST_SIZE]);

/* Appends the text that is signed: one "name: value" a line, no newline behind the last. */
void oci_signing_string(const struct oci_request *request, struct buf *out);

/* Appends the value of the Authorization header. key_id is "<tenancy>/<user>/<fingerprint>". */
MUST_USE bool oci_authorization(const struct oci_request *request, const struct oci_key *key,
                                const char *key_id, struct buf *out, struct error *err);
#endif
