/* SPDX-License-Identifier: MIT */
/* Signing strings and the Authorization header; see oci_signature.h. */
#include "transfer/oci_signature.h"

#include <bearssl.h>
#include <ctype.h>
#include <string.h>

#define SIGNING_STRING_SIZE_MAX 32768

const char *oci_content_digest(const void *body, size_t size, char text[static OCI_DIGEST_SIZE])
{
    unsigned char digest[br_sha256_SIZE];
    br_sha256_context sha256;
    br_sha256_init(&sha256);
    br_sha256_update(&sha256, body, size);
    br_sha256_out(&sha256, digest);
    struct buf encoded;
    buf_init(&encoded, OCI_DIGEST_SIZE - 1);
    buf_append_base64(&encoded, digest, sizeof digest);
    snprintf(text, OCI_DIGEST_SIZE, "%s", buf_text(&encoded));
    buf_release(&encoded);
    return text;
}

static void append_lower(struct buf *out, const char *text)
{
    for (; *text; text++)
        buf_append_char(out, (char)tolower((unsigned char)*text));
}

void oci_signing_string(const struct oci_request *request, struct buf *out)
{
    char digest[OCI_DIGEST_SIZE];
    buf_printf(out, "date: %s\n(request-target): ", request->date);
    append_lower(out, request->method);
    buf_printf(out, " %s\nhost: %s", request->target, request->host);
    if (request->signs_body)
        buf_printf(out, "\ncontent-length: %zu\ncontent-type: %s\nx-content-sha256: %s",
                   request->body_size, request->content_type,
                   oci_content_digest(request->body, request->body_size, digest));
}

bool oci_authorization(const struct oci_request *request, const struct oci_key *key,
                       const char *key_id, struct buf *out, struct error *err)
{
    struct buf text;
    buf_init(&text, SIGNING_STRING_SIZE_MAX);
    oci_signing_string(request, &text);
    bool ok =
        !text.failed || error_set(err, ERROR_LIMIT, "the request's address is too long to sign");
    if (ok) {
        buf_printf(out,
                   "Signature version=\"1\",headers=\"date (request-target) host%s\",keyId=\"%s\","
                   "algorithm=\"rsa-sha256\",signature=\"",
                   request->signs_body ? " content-length content-type x-content-sha256" : "",
                   key_id);
        ok = oci_key_sign(key, text.data, text.size, out, err);
        buf_append_char(out, '"');
    }
    buf_release(&text);
    return ok && (!out->failed || error_set(err, ERROR_LIMIT, "the signature header is too long"));
}
