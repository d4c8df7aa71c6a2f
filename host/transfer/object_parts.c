/* SPDX-License-Identifier: MIT */
/*
 * Uploads in parts: create, one PUT per part from the one stream, commit, and abort on any failure
 * so that no unfinished upload is left to be paid for, but where the answer that tells its id was lost: see
 * docs/faults.md. Only the etags of the parts are kept.
 */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "transfer/object_upload.h"
#include "transfer/remote_name.h"

#define COMMIT_SIZE_MAX (2u << 20) /* 10,000 parts with etags of 63 bytes take 1 MiB */
#define UPLOAD_ID_SIZE 256

struct parts {
    struct upload *upload;
    char id[UPLOAD_ID_SIZE];
    char (*etags)[64];
    unsigned count_max;  /* that etags has room for */
    unsigned count;      /* that were put */
    uint64_t done;       /* bytes in them */
    br_md5_context md5s; /* over the parts' MD5 values, as the service computes it */
};

bool object_part_size(uint64_t size, uint64_t wanted, uint64_t *part_size, struct error *err)
{
    uint64_t needed = (size + OBJECT_PARTS_MAX - 1) / OBJECT_PARTS_MAX;
    if (size > OBJECT_SIZE_MAX)
        return error_set(err, ERROR_LIMIT, "an object holds at most 10 TiB");
    *part_size = wanted ? wanted : OBJECT_PART_SIZE_DEFAULT;
    if (*part_size < needed)
        *part_size =
            (needed + OBJECT_PART_ROUNDING - 1) / OBJECT_PART_ROUNDING * OBJECT_PART_ROUNDING;
    if (*part_size > OBJECT_PART_SIZE_MAX)
        return error_set(err, ERROR_LIMIT, "a part holds at most 50 GiB");
    return true;
}

/* One POST about this upload; true: the answer is a success. */
static bool post(struct upload *upload, const char *path, const char *json, const char *condition,
                 struct http_response *response, CURLcode *code, struct error *err)
{
    char subject[OBJECT_SUBJECT_SIZE];
    const struct object_request request = {
        .method = "POST", .path = path, .json = json, .if_none_match = condition};
    if (!object_call(upload->transfer, upload->connection, upload->call, &request, response, code,
                     err))
        return false;
    return response->status / 100 == 2 ||
           object_refuse(upload->connection, response,
                         object_subject(upload->folder, upload->name, subject), err);
}

static bool read_id(struct parts *parts, const struct http_response *response, struct error *err)
{
    struct error why = {0};
    cJSON *body =
        json_parse(buf_text(&response->body), response->body.size, "answer", JSON_STRICT, &why);
    const char *id = json_text(body, "uploadId");
    bool ok = id && id[0] && strlen(id) < sizeof parts->id;
    if (ok)
        snprintf(parts->id, sizeof parts->id, "%s", id);
    else
        connection_error(parts->upload->connection, err, ERROR_BROKEN,
                         "the answer that begins an upload in parts lacks a usable uploadId");
    cJSON_Delete(body);
    return ok;
}

static bool create(struct parts *parts, struct error *err)
{
    struct upload *upload = parts->upload;
    struct buf path, body;
    struct http_response response = {0};
    buf_init(&path, HTTP_TARGET_SIZE_MAX);
    buf_init(&body, 16384);
    buf_append_text(&body, "{\"object\":");
    json_append_text(&body, upload->name, strlen(upload->name));
    buf_append_text(&body, ",\"contentType\":\"application/octet-stream\"}");
    bool ok = object_append_bucket(upload->connection, upload->folder, &path, err);
    buf_append_text(&path, "/u");
    ok = ok && post(upload, buf_text(&path), buf_text(&body), upload_condition(upload), &response,
                    NULL, err) &&
         read_id(parts, &response, err);
    http_response_release(&response);
    buf_release(&body);
    buf_release(&path);
    return ok;
}

/* Appends ".../u/<name>?uploadId=<id>". */
static bool append_address(const struct parts *parts, struct buf *path, struct error *err)
{
    const struct upload *upload = parts->upload;
    if (!object_append_name(upload->connection, upload->folder, "u", upload->name, path, err))
        return false;
    buf_append_text(path, "?uploadId=");
    buf_append_percent(path, parts->id);
    return !path->failed ||
           connection_error(upload->connection, err, ERROR_LIMIT, "the address is too long");
}

static bool conclude_part(struct parts *parts, unsigned number,
                          const struct http_response *response, const char *digest,
                          struct error *err)
{
    const struct connection *connection = parts->upload->connection;
    char told[MD5_TEXT_SIZE] = "", subject[OBJECT_SUBJECT_SIZE];
    if (response->status / 100 != 2)
        return object_refuse(connection, response,
                             object_subject(parts->upload->folder, parts->upload->name, subject),
                             err);
    if (!http_response_header(response, "etag", parts->etags[number - 1], sizeof parts->etags[0]))
        return connection_error(connection, err, ERROR_BROKEN, "part %u: the answer lacks an etag",
                                number);
    if (http_response_header(response, "opc-content-md5", told, sizeof told) &&
        strcmp(told, digest) == 0)
        return true;
    connection_error(connection, err, ERROR_BROKEN,
                     "part %u of '%s' arrived with MD5 %s instead of %s", number,
                     parts->upload->name, told[0] ? told : "(none told)", digest);
    return error_advise(err, RETRY_LATER);
}

static bool put_part(struct parts *parts, struct handle *handle, unsigned number, uint64_t size,
                     struct error *err)
{
    struct upload *upload = parts->upload;
    struct buf path;
    struct http_answer answer;
    struct http_response response = {0};
    char digest[MD5_TEXT_SIZE];
    unsigned char md5[br_md5_SIZE];
    CURLcode code;
    bool is_sent;
    buf_init(&path, HTTP_TARGET_SIZE_MAX);
    bool ok = append_address(parts, &path, err);
    buf_printf(&path, "&uploadPartNum=%u", number);
    const struct object_request request = {
        .method = "PUT", .path = buf_text(&path), .uploads = true};
    ok = ok && object_prepare(upload->transfer, handle, &request, &answer, &response, err) &&
         upload_send(upload, handle, &answer, size, digest, &code, &is_sent, err) &&
         conclude_part(parts, number, &response, digest, err);
    if (ok) {
        br_md5_out(&upload->md5, md5);
        br_md5_update(&parts->md5s, md5, sizeof md5);
    }
    http_response_release(&response);
    buf_release(&path);
    return ok;
}

/* The size of the part behind those that were put; 0: there is none. */
static bool next_part(const struct parts *parts, uint64_t part_size, uint64_t *size,
                      struct error *err)
{
    struct upload *upload = parts->upload;
    if (upload->held) {
        if (parts->count > 0 && !upload_hold(upload, part_size, err))
            return false;
        *size = upload->held_size;
    } else {
        uint64_t left = remote_file_size(upload->source) - parts->done;
        *size = left < part_size ? left : part_size;
    }
    return *size == 0 || parts->count < parts->count_max ||
           connection_error(upload->connection, err, ERROR_LIMIT,
                            "'%s' does not fit into %u parts of %llu bytes: set file_size_max to "
                            "what may come",
                            upload->name, parts->count_max, (unsigned long long)part_size);
}

static bool put_parts(struct parts *parts, uint64_t part_size, struct error *err)
{
    struct upload *upload = parts->upload;
    struct handle *handle = pool_acquire(upload->transfer, upload->connection, upload->call, err);
    uint64_t size;
    bool ok = handle != NULL;
    while ((ok = ok && next_part(parts, part_size, &size, err)) && size > 0) {
        if (parts->count > 0)
            handle_reset(handle);
        ok = put_part(parts, handle, parts->count + 1, size, err);
        parts->count++;
        parts->done += size;
    }
    pool_release(upload->transfer, handle);
    return ok;
}

static char *commit_body(const struct parts *parts)
{
    struct buf body;
    buf_init(&body, COMMIT_SIZE_MAX);
    buf_append_text(&body, "{\"partsToCommit\":[");
    for (unsigned i = 0; i < parts->count; i++) {
        buf_printf(&body, "%s{\"partNum\":%u,\"etag\":", i ? "," : "", i + 1);
        json_append_text(&body, parts->etags[i], strlen(parts->etags[i]));
        buf_append_char(&body, '}');
    }
    buf_append_text(&body, "]}");
    return buf_take(&body, NULL);
}

/* The digest that the service must come to: base64(MD5(MD5s of the parts)) and "-<count>". */
static void expected_digest(const struct parts *parts, char text[static MD5_TEXT_SIZE])
{
    unsigned char md5[br_md5_SIZE];
    br_md5_out(&parts->md5s, md5);
    upload_digest_text(md5, text);
    size_t length = strlen(text);
    snprintf(text + length, MD5_TEXT_SIZE - length, "-%u", parts->count);
}

/* REMOVAL_NEEDLESS: the upload had been committed after all, or was forgotten. */
static enum removal abort_upload(const struct parts *parts)
{
    struct buf path;
    struct error ignored;
    buf_init(&path, HTTP_TARGET_SIZE_MAX);
    enum removal removal = append_address(parts, &path, &ignored)
                               ? upload_delete(parts->upload, buf_text(&path)) : REMOVAL_FAILED;
    buf_release(&path);
    return removal;
}

/* False: the upload had been committed after all, or was forgotten. */
static bool drop_upload(const struct parts *parts)
{
    enum removal removal = abort_upload(parts);
    if (!removal_is_gone(removal))
        upload_leave(parts->upload, parts->id, false);
    return removal != REMOVAL_NEEDLESS;
}

/* With what it was committed to, if that is a temporary object. */
static enum removal drop_whole(const struct parts *parts)
{
    const struct upload *upload = parts->upload;
    enum removal removal = abort_upload(parts);
    if (removal == REMOVAL_NEEDLESS && temporary_name_is(upload->name))
        return upload_remove_object(upload, upload->name);
    return removal;
}

bool object_discard(struct transfer *transfer, const struct connection *connection,
                    const char *folder, const struct transfer_step *step,
                    const struct transfer_call *call, struct error *err)
{
    struct upload upload = {.transfer = transfer, .connection = connection, .call = call,
                            .folder = folder, .name = step->name, .discards = true};
    struct parts parts = {.upload = &upload};
    snprintf(parts.id, sizeof parts.id, "%.*s", UPLOAD_ID_SIZE - 1, step->temporary);
    enum removal removal = step->is_object ? upload_remove_object(&upload, step->temporary)
                                           : drop_whole(&parts);
    return removal_is_gone(removal) || removal_fail(removal, connection, folder, step->name, err);
}

/* Whether the service still knows the upload. It forgets one that was committed or aborted. */
static bool is_open(const struct parts *parts, bool *is_open, struct error *err)
{
    struct upload *upload = parts->upload;
    struct buf path;
    struct http_response response = {0};
    char subject[OBJECT_SUBJECT_SIZE];
    buf_init(&path, HTTP_TARGET_SIZE_MAX);
    const bool addressed = append_address(parts, &path, err);
    const struct object_request request = {.method = "GET", .path = buf_text(&path)};
    bool ok = addressed && object_call(upload->transfer, upload->connection, upload->call, &request,
                                       &response, NULL, err);
    *is_open = response.status / 100 == 2;
    if (ok && !*is_open && !object_is_forgotten(&response))
        ok = object_refuse(upload->connection, &response,
                           object_subject(upload->folder, upload->name, subject), err);
    http_response_release(&response);
    buf_release(&path);
    return ok;
}

/* The upload is gone. It may have been committed, or ended by a rule of the bucket or an administrator: what
 * is under its name tells, unless somebody else can have taken that. why stands: nothing was stored. */
static bool settle_forgotten(struct upload *upload, uint64_t size, const char *digest,
                             struct object_facts *facts, struct error *why)
{
    struct error look = {0};
    bool found = object_look(upload->transfer, upload->connection, upload->call, upload->folder,
                             upload->name, facts, &look);
    if (found && facts->info.size == size && strcmp(facts->digest, digest) == 0)
        return true;
    if (!found && look.kind == ERROR_NOT_FOUND && upload->is_staged)
        return false;
    if (found && upload->is_staged)
        return upload_refuse_damaged(upload, facts->etag, facts->digest, digest, why);
    const char *seen = found                          ? "another object has its name"
                       : look.kind == ERROR_NOT_FOUND ? "nothing has its name"
                                                      : look.message;
    return connection_error(upload->connection, why, ERROR_UNKNOWN,
                            "whether '%s' was stored is not known: its upload in parts is gone, so "
                            "it was either stored and taken away since, or given up by the service "
                            "(%s)",
                            upload->name, seen);
}

/* Whether the commit was carried out is not known. why stands if it was not. */
static bool settle_commit(const struct parts *parts, const char *digest, struct error *why)
{
    struct upload *upload = parts->upload;
    struct object_facts facts = {0};
    struct error look = {0};
    bool is_left = false;
    if (!is_open(parts, &is_left, &look))
        return connection_error(upload->connection, why, ERROR_UNKNOWN,
                                "whether '%s' was stored is not known: the answer was lost and a "
                                "look did not settle it: %s",
                                upload->name, look.message);
    if (is_left && drop_upload(parts))
        return false;
    if (!settle_forgotten(upload, parts->done, digest, &facts, why))
        return false;
    upload_keep_receipt(upload, facts.etag, digest);
    return true;
}

static bool conclude_commit(struct parts *parts, const struct http_response *response,
                            const char *digest, struct error *err)
{
    char told[MD5_TEXT_SIZE] = "", etag[64] = "";
    http_response_header(response, "etag", etag, sizeof etag);
    http_response_header(response, "opc-multipart-md5", told, sizeof told);
    return upload_verify(parts->upload, etag, told, digest, err);
}

/* *is_settled: nothing is left to abort. */
static bool commit(struct parts *parts, bool *is_settled, struct error *err)
{
    struct upload *upload = parts->upload;
    struct buf path;
    struct http_response response = {0};
    char digest[MD5_TEXT_SIZE];
    CURLcode code = CURLE_OK;
    char *body = commit_body(parts);
    buf_init(&path, HTTP_TARGET_SIZE_MAX);
    expected_digest(parts, digest);
    bool ok = body ? append_address(parts, &path, err)
                   : connection_error(upload->connection, err, ERROR_INTERNAL, "out of memory");
    if (ok) {
        ok = post(upload, buf_text(&path), body, upload_condition(upload), &response, &code, err);
        /* A status line whose answer broke off behind it settles nothing either. */
        bool is_doubtful = code == CURLE_OK ? upload_status_is_doubtful(upload, response.status) ||
                                                  (upload->is_staged && object_is_forgotten(&response))
                                            : http_reply_lost(code);
        *is_settled = ok || is_doubtful;
        if (ok)
            ok = conclude_commit(parts, &response, digest, err);
        else if (is_doubtful)
            ok = settle_commit(parts, digest, err);
    }
    http_response_release(&response);
    buf_release(&path);
    free(body);
    return ok;
}

/* An upload that was announced as one that publishes by its commit, as earlier versions did. */
static bool doubt_commit(struct upload *upload, const struct parts *parts, bool *is_done,
                         struct error *err)
{
    const struct transfer_step *doubt = upload->call->doubt;
    struct object_facts facts = {0};
    struct error why = {0};
    bool is_left = false;
    if (!is_open(parts, &is_left, &why))
        return connection_error(upload->connection, err, ERROR_UNKNOWN,
                                "what became of '%s' after an interruption cannot be told now: %s",
                                doubt->name, why.message);
    if (is_left && !upload_announce(upload, parts->id, err))
        return false;
    if (is_left && drop_upload(parts))
        return true;
    if (!settle_forgotten(upload, doubt->size, doubt->version, &facts, err))
        return false;
    *is_done = true;
    upload_keep_doubt(upload);
    return true;
}

bool upload_doubt(struct upload *upload, bool *is_done, struct error *err)
{
    const struct transfer_step *doubt = upload->call->doubt;
    struct parts parts = {.upload = upload};
    *is_done = false;
    if (doubt->is_object)
        return upload_staged_doubt(upload, is_done, err);
    upload->name = doubt->name;
    snprintf(parts.id, sizeof parts.id, "%.*s", UPLOAD_ID_SIZE - 1, doubt->temporary);
    if (doubt->kind == STEP_PUBLISHING)
        return doubt_commit(upload, &parts, is_done, err);
    if (!removal_is_gone(drop_whole(&parts)))
        upload_leave(upload, parts.id, false);
    return true;
}

bool upload_parts(struct upload *upload, uint64_t part_size, struct error *err)
{
    struct parts parts = {.upload = upload};
    struct error local = {0};
    struct error *why = err ? err : &local;
    bool is_settled = false;
    parts.count_max = upload->held ? OBJECT_PARTS_MAX
                      : (unsigned)((remote_file_size(upload->source) + part_size - 1) / part_size);
    parts.etags = calloc(parts.count_max, sizeof parts.etags[0]);
    if (!parts.etags)
        return connection_error(upload->connection, err, ERROR_INTERNAL, "out of memory");
    br_md5_init(&parts.md5s);
    bool ok = create(&parts, why);
    if (ok) {
        ok = upload_announce(upload, parts.id, why) && upload_open(upload, why) &&
             put_parts(&parts, part_size, why) && commit(&parts, &is_settled, why);
        if (!ok && !is_settled && why->kind != ERROR_UNKNOWN && !removal_is_gone(drop_whole(&parts)))
            upload_leave(upload, parts.id, false);
        if (!ok && is_settled && upload->is_staged && why->kind != ERROR_UNKNOWN)
            upload_leave(upload, upload->name, true); /* what was stored may not have been told */
    }
    pump_close(upload->pump);
    upload->pump = NULL;
    free(parts.etags);
    return ok;
}
