/* SPDX-License-Identifier: MIT */
/* Streams, digests and doubts of uploads, and the single PUT; see object_upload.h. */
#include "transfer/object_upload.h"

#include <string.h>

#define UPLOAD_BUFFER_SIZE (256L << 10) /* as in pump.c */

/* ---- the stream ---- */

bool upload_open(struct upload *upload, struct error *err)
{
    struct source source = {.fd = -1};
    if (upload->pump)
        return true;
    if (!remote_read(upload->transfer, upload->source, upload->call, &source, err))
        return false;
    upload->pump = pump_open(&source, upload->call, err);
    return upload->pump != NULL;
}

bool upload_hold(struct upload *upload, uint64_t size, struct error *err)
{
    upload->held_size = 0;
    while (upload->held_size < size) {
        size_t got = pump_read(upload->held + upload->held_size, 1,
                               (size_t)(size - upload->held_size), upload->pump);
        if (got == 0 || got == CURL_READFUNC_ABORT)
            return pump_finish(upload->pump, err);
        upload->held_size += got;
    }
    return true;
}

uint64_t upload_size(const struct upload *upload)
{
    return upload->held ? pump_taken(upload->pump) : remote_file_size(upload->source);
}

static size_t stop(struct upload *upload)
{
    upload->has_failed = true;
    return CURL_READFUNC_ABORT;
}

static bool is_whole(const struct upload *upload)
{
    return pump_taken(upload->pump) == remote_file_size(upload->source);
}

static size_t feed_held(struct upload *upload, char *buffer, size_t size)
{
    memcpy(buffer, upload->held + (upload->held_size - upload->left), size);
    br_md5_update(&upload->md5, buffer, size);
    upload->left -= size;
    return size;
}

static size_t give(char *buffer, size_t unit, size_t count, struct upload *upload)
{
    size_t size = unit * count;
    if (size > upload->left)
        size = (size_t)upload->left;
    if (size == 0)
        return 0;
    if (upload->held)
        return feed_held(upload, buffer, size);
    size_t got = pump_read(buffer, 1, size, upload->pump);
    if (got == CURL_READFUNC_ABORT || got == 0) {
        if (pump_finish(upload->pump, &upload->failure))
            error_set(&upload->failure, ERROR_BROKEN, "the source ended early");
        return stop(upload);
    }
    br_md5_update(&upload->md5, buffer, got);
    upload->left -= got;
    if (is_whole(upload) && !pump_finish(upload->pump, &upload->failure))
        return stop(upload);
    return got;
}

/* Behind the last byte the service works on its answer, and may be silent for longer than in a body. */
static size_t feed(char *buffer, size_t unit, size_t count, void *context)
{
    struct upload *upload = context;
    size_t got = give(buffer, unit, count, upload);
    if (upload->left == 0)
        http_limit_silence(upload->sink);
    return got;
}

void upload_digest_text(const unsigned char md5[static br_md5_SIZE],
                        char text[static MD5_TEXT_SIZE])
{
    struct buf encoded;
    buf_init(&encoded, MD5_TEXT_SIZE);
    buf_append_base64(&encoded, md5, br_md5_SIZE);
    snprintf(text, MD5_TEXT_SIZE, "%s", buf_text(&encoded));
    buf_release(&encoded);
}

bool upload_send(struct upload *upload, struct handle *handle, struct http_answer *answer,
                 uint64_t size, char digest[static MD5_TEXT_SIZE], CURLcode *code, bool *is_sent,
                 struct error *err)
{
    *code = CURLE_OK;
    *is_sent = false;
    if (remote_file_size(upload->source) == 0 && !pump_finish(upload->pump, err))
        return false;
    br_md5_init(&upload->md5);
    upload->left = size;
    upload->sink = handle;
    CURL *easy = handle->easy;
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, feed);
    curl_easy_setopt(easy, CURLOPT_READDATA, upload);
    curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)size);
    curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, UPLOAD_BUFFER_SIZE);
    bool ok = http_perform(handle, answer, code, err);
    unsigned char md5[br_md5_SIZE];
    br_md5_out(&upload->md5, md5);
    upload_digest_text(md5, digest);
    *is_sent = upload->left == 0;
    if (!upload->has_failed)
        return ok;
    if (err)
        *err = upload->failure;
    *code = CURLE_READ_ERROR;
    return false;
}

/* ---- doubts ---- */

bool upload_announce(const struct upload *upload, const char *id, struct error *err)
{
    const struct transfer_call *call = upload->call;
    struct transfer_step step = {.kind = STEP_SENDING};
    if (!call || !call->announce)
        return true;
    snprintf(step.temporary, sizeof step.temporary, "%s", id);
    snprintf(step.name, sizeof step.name, "%s", upload->name);
    return call->announce(call->context, &step, err);
}

void upload_leave(const struct upload *upload, const char *temporary, bool is_object)
{
    const struct transfer_call *call = upload->call;
    struct transfer_step step = {.kind = STEP_SENDING, .is_object = is_object};
    if (!call || !call->leave)
        return;
    snprintf(step.temporary, sizeof step.temporary, "%s", temporary);
    snprintf(step.name, sizeof step.name, "%s", upload->name);
    call->leave(call->context, &step);
}

const char *upload_condition(const struct upload *upload)
{
    return upload->connection->on_conflict == CONFLICT_OVERWRITE ? NULL : "*";
}

void upload_keep_receipt(struct upload *upload, const char *etag, const char *digest)
{
    snprintf(upload->receipt->etag, sizeof upload->receipt->etag, "%s", etag);
    snprintf(upload->receipt->digest, sizeof upload->receipt->digest, "%s", digest);
    upload->receipt->size = upload_size(upload);
}

void upload_keep_doubt(struct upload *upload)
{
    const struct transfer_step *doubt = upload->call->doubt;
    struct remote_receipt *receipt = upload->receipt;
    receipt->size = doubt->size;
    snprintf(receipt->name, sizeof receipt->name, "%s", doubt->name);
    snprintf(receipt->digest, sizeof receipt->digest, "%.31s", doubt->version);
}

/* Removes what was published wrong, but only that very version; one under a temporary name is ours. */
static void retract(struct upload *upload, const char *etag)
{
    if (upload->is_staged) {
        upload_remove_or_leave(upload, upload->name);
        return;
    }
    struct buf path;
    struct http_response response = {0};
    struct error ignored;
    buf_init(&path, HTTP_TARGET_SIZE_MAX);
    if (etag[0] && object_append_name(upload->connection, upload->folder, "o", upload->name, &path,
                                      &ignored)) {
        const struct object_request request = {
            .method = "DELETE", .path = buf_text(&path), .if_match = etag};
        /* Without the call: it may be over, and the wrong object must go all the same. */
        if (!object_call(upload->transfer, upload->connection, NULL, &request, &response, NULL,
                         &ignored))
            response.status = 0;
    }
    http_response_release(&response);
    buf_release(&path);
}

bool upload_refuse_damaged(struct upload *upload, const char *etag, const char *told,
                           const char *digest, struct error *err)
{
    retract(upload, etag);
    connection_error(upload->connection, err, ERROR_BROKEN,
                     "'%s' arrived with MD5 %.40s instead of %s and was removed again",
                     upload->name, told[0] ? told : "(none told)", digest);
    return error_advise(err, RETRY_FEW);
}

bool upload_status_is_doubtful(const struct upload *upload, int status)
{
    return http_status_is_doubtful(status) || (upload->is_staged && (status == 409 || status == 412));
}

bool upload_settle(struct upload *upload, const char *digest, struct error *why)
{
    struct object_facts facts;
    struct error look = {0};
    const struct connection *connection = upload->connection;
    bool found = object_look(upload->transfer, connection, upload->call, upload->folder,
                             upload->name, &facts, &look);
    if (!found && look.kind == ERROR_NOT_FOUND)
        return false;
    if (found && facts.info.size == upload_size(upload) &&
        strcmp(facts.digest, digest) == 0) {
        upload_keep_receipt(upload, facts.etag, digest);
        return true;
    }
    if (found && upload->is_staged) /* nobody else's has that name */
        return upload_refuse_damaged(upload, facts.etag, facts.digest, digest, why);
    if (found && connection->on_conflict != CONFLICT_OVERWRITE)
        return connection_error(connection, why, ERROR_EXISTS,
                                "the name '%s' is taken by other content", upload->name);
    return connection_error(
        connection, why, ERROR_UNKNOWN,
        "whether '%s' was stored is not known: the answer was lost and a look did "
        "not settle it",
        upload->name);
}

bool upload_verify(struct upload *upload, const char *etag, const char *told, const char *digest,
                   struct error *err)
{
    struct object_facts facts = {0};
    if (!told[0]) { /* a service that does not say it in this answer says it on request */
        if (!object_head(upload->transfer, upload->connection, upload->call, upload->folder,
                         upload->name, &facts, err))
            return false;
        told = facts.digest;
    }
    if (strcmp(told, digest) == 0) {
        upload_keep_receipt(upload, etag[0] ? etag : facts.etag, digest);
        return true;
    }
    return upload_refuse_damaged(upload, etag, told, digest, err);
}

/* ---- the single PUT ---- */

static bool conclude_put(struct upload *upload, const struct http_response *response,
                         const char *digest, struct error *err)
{
    char etag[64] = "", told[MD5_TEXT_SIZE] = "", subject[OBJECT_SUBJECT_SIZE];
    if (response->status / 100 != 2)
        return object_refuse(upload->connection, response,
                             object_subject(upload->folder, upload->name, subject), err);
    http_response_header(response, "etag", etag, sizeof etag);
    if (!http_response_header(response, "opc-content-md5", told, sizeof told))
        http_response_header(response, "content-md5", told, sizeof told);
    return upload_verify(upload, etag, told, digest, err);
}

static bool put_object(struct upload *upload, struct handle *handle, const char *path,
                       struct error *err)
{
    struct http_answer answer;
    struct http_response response = {0};
    char digest[MD5_TEXT_SIZE] = "";
    CURLcode code = CURLE_OK;
    bool is_sent = false;
    const struct object_request request = {
        .method = "PUT", .path = path, .if_none_match = upload_condition(upload),
        .content_md5 = upload->source->filters ? NULL : upload->source->digest, .uploads = true};
    bool ok = object_prepare(upload->transfer, handle, &request, &answer, &response, err);
    if (ok) {
        ok = upload_send(upload, handle, &answer, upload_size(upload), digest, &code, &is_sent, err);
        bool is_doubtful = ok ? upload_status_is_doubtful(upload, response.status)
                              : is_sent && http_reply_lost(code);
        bool is_stopped = is_sent && code == CURLE_ABORTED_BY_CALLBACK;
        bool is_stored = ok && response.status / 100 == 2; /* what, may not have been told */
        if (ok)
            ok = conclude_put(upload, &response, digest, err);
        if (!ok && is_doubtful)
            ok = upload_settle(upload, digest, err);
        if (!ok && (is_doubtful || is_stopped || is_stored) && upload->is_staged)
            upload_leave(upload, upload->name, true); /* it may be there, or come yet */
    }
    http_response_release(&response);
    return ok;
}

bool upload_whole(struct upload *upload, struct error *err)
{
    struct buf path;
    struct error ignored = {0};
    buf_init(&path, HTTP_TARGET_SIZE_MAX);
    bool ok =
        object_append_name(upload->connection, upload->folder, "o", upload->name, &path, err) &&
        upload_open(upload, err);
    struct handle *handle =
        ok ? pool_acquire(upload->transfer, upload->connection, upload->call, err) : NULL;
    ok = handle && put_object(upload, handle, buf_text(&path), err ? err : &ignored);
    pool_release(upload->transfer, handle);
    pump_close(upload->pump);
    upload->pump = NULL;
    buf_release(&path);
    return ok;
}
