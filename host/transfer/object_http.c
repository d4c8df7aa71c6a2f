/* SPDX-License-Identifier: MIT */
/* Requests to Object Storage: built, signed, performed, their answers explained; see object_http.h.
 */
#include "transfer/object_http.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "transfer/object_listing.h"

#define CLIENT_ID_SIZE_MAX 100

/* ---- signing ---- */

static void *make_keys(void)
{
    return oci_keys_new();
}

static void free_keys(void *keys)
{
    oci_keys_free(keys);
}

static const struct oci_key *key_of(struct transfer *transfer, const struct connection *connection,
                                    struct error *err)
{
    struct oci_keys *keys = transfer_keep(transfer, SLOT_KEYS, make_keys, free_keys);
    if (keys)
        return oci_keys_get(keys, connection, err);
    connection_error(connection, err, ERROR_INTERNAL, "out of memory");
    return NULL;
}

/* An OCID that ended the quoted string would be a header of its own making. */
static bool is_ocid(const char *text)
{
    return text && text[0] && !text_has_control(text) && !strpbrk(text, "\"\\/ ");
}

static bool add_signature(struct handle *handle, const struct oci_request *request,
                          const struct oci_key *key, struct error *err)
{
    const struct connection *connection = handle->connection;
    struct buf key_id, value;
    buf_init(&key_id, 2048);
    buf_init(&value, 8192);
    buf_printf(&key_id, "%s/%s/%s", connection->tenancy, connection->user,
               oci_key_fingerprint(key));
    bool ok = !key_id.failed || error_set(err, ERROR_INVALID, "tenancy or user is too long");
    ok = ok && oci_authorization(request, key, buf_text(&key_id), &value, err);
    if (!ok && err)
        error_context(err, "connection '%s'", connection->name);
    ok = ok && http_header(handle, "Authorization", buf_text(&value), err);
    buf_release(&key_id);
    buf_release(&value);
    return ok;
}

static const struct oci_key *checked_key(struct transfer *transfer,
                                         const struct connection *connection, struct error *err)
{
    if (is_ocid(connection->tenancy) && is_ocid(connection->user))
        return key_of(transfer, connection, err);
    connection_error(connection, err, ERROR_INVALID,
                     "\"tenancy\" and \"user\" must be set to the OCIDs of the API key");
    return NULL;
}

bool object_check_key(struct transfer *transfer, const struct connection *connection,
                      struct error *err)
{
    return checked_key(transfer, connection, err) != NULL;
}

bool oci_sign_request(struct transfer *transfer, struct handle *handle,
                      const struct oci_request *request, struct error *err)
{
    const struct oci_key *key = checked_key(transfer, handle->connection, err);
    char digest[OCI_DIGEST_SIZE];
    return key && http_header(handle, "date", request->date, err) &&
           (!request->signs_body ||
            (http_header(handle, "content-type", request->content_type, err) &&
             http_header(handle, "x-content-sha256",
                         oci_content_digest(request->body, request->body_size, digest), err))) &&
           add_signature(handle, request, key, err);
}

/* ---- requests ---- */

/* "opc-client-request-id" lets both sides find one request in their logs. */
static bool add_client_id(struct handle *handle, struct error *err)
{
    const char *id = handle->call ? handle->call->instance : NULL;
    if (!id || !id[0] || strlen(id) > CLIENT_ID_SIZE_MAX)
        return true;
    for (const char *at = id; *at; at++)
        if (!isalnum((unsigned char)*at) && !strchr("-_.:", *at))
            return true;
    return http_header(handle, "opc-client-request-id", id, err);
}

static bool add_headers(struct handle *handle, const struct object_request *request,
                        struct error *err)
{
    return (!request->if_match || http_header(handle, "if-match", request->if_match, err)) &&
           (!request->if_none_match ||
            http_header(handle, "if-none-match", request->if_none_match, err)) &&
           (!request->content_md5 ||
            http_header(handle, "content-md5", request->content_md5, err)) &&
           (!request->uploads ||
            http_header(handle, "content-type", "application/octet-stream", err)) &&
           add_client_id(handle, err);
}

static void set_method(struct handle *handle, const struct object_request *request,
                       struct http_answer *answer)
{
    CURL *easy = handle->easy;
    if (request->uploads) {
        curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
        http_send_once(handle, answer); /* an empty one can begin anew, and finds itself there */
    } else if (request->json) {
        http_send_body(handle, answer, request->json, strlen(request->json));
    } else if (strcmp(request->method, "HEAD") == 0) {
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    } else {
        curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
        if (strcmp(request->method, "GET") != 0) {
            curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
            http_send_once(handle, answer); /* a DELETE that is sent twice finds nothing */
        }
    }
    /* Only an answer may take as long as the connection allows: bodies are watched for stalls. */
    if (!request->uploads && !request->downloads)
        http_limit_time(handle);
}

bool object_prepare(struct transfer *transfer, struct handle *handle,
                    const struct object_request *request, struct http_answer *answer,
                    struct http_response *response, struct error *err)
{
    char date[CLOCK_TEXT_SIZE];
    struct http_target target;
    bool ok = http_target_build(handle->connection, request->path, &target, err);
    if (ok) {
        http_expect(handle, &target, answer, response, OBJECT_ANSWER_SIZE_MAX);
        set_method(handle, request, answer);
        const struct oci_request signature = {
            .method = request->method,
            .target = buf_text(&target.target),
            .host = buf_text(&target.host),
            .date = clock_format_http(clock_wall_ms() / 1000, date),
            .signs_body = request->json != NULL,
            .content_type = "application/json",
            .body = request->json,
            .body_size = request->json ? strlen(request->json) : 0,
        };
        ok = oci_sign_request(transfer, handle, &signature, err) &&
             add_headers(handle, request, err);
    }
    http_target_release(&target);
    return ok;
}

bool object_call(struct transfer *transfer, const struct connection *connection,
                 const struct transfer_call *call, const struct object_request *request,
                 struct http_response *response, CURLcode *code, struct error *err)
{
    struct http_answer answer;
    CURLcode verdict = CURLE_FAILED_INIT;
    *response = (struct http_response){0};
    struct handle *handle = pool_acquire(transfer, connection, call, err);
    bool ok = handle && object_prepare(transfer, handle, request, &answer, response, err);
    if (ok && request->is_unstoppable)
        handle->call = NULL;
    ok = ok && http_perform(handle, &answer, &verdict, err);
    pool_release(transfer, handle);
    if (code)
        *code = verdict;
    return ok;
}

/* ---- answers ---- */

/* Seconds that this machine's clock is ahead of the answer's Date; 0 if it has none. */
static int64_t clock_lead_s(const struct http_response *response)
{
    char date[64];
    int64_t there_s = http_response_header(response, "date", date, sizeof date)
                          ? object_http_date_parse(date) : 0;
    return there_s ? clock_wall_ms() / 1000 - there_s : 0;
}

static bool refuse_login(const struct connection *connection, const struct http_response *response,
                         const char *words, struct error *err)
{
    int64_t lead_s = clock_lead_s(response);
    if (llabs(lead_s) > OBJECT_SKEW_MAX_S)
        return connection_error(connection, err, ERROR_DENIED,
                                "request refused because of clock skew: this machine's clock is "
                                "%lld s %s the service's; set it right (NTP)",
                                llabs(lead_s), lead_s > 0 ? "ahead of" : "behind");
    return connection_error(
        connection, err, ERROR_DENIED,
        "login refused (%s): check tenancy, user and fingerprint, and that this "
        "key is among the user's API keys",
        words);
}

/* What is worth asking again is what Oracle's own clients ask again, and BucketNotFound, which a valid
 * request now and then gets. status 500: every other one above it, too. */
static const struct {
    int status;
    const char *code; /* NULL: any; "": none is told, as in an answer to HEAD */
    enum error_kind kind;
    enum error_retry retry;
    const char *meaning;
} meanings[] = {
    {400, "UnmatchedContentMD5", ERROR_BROKEN, RETRY_LATER,
     "the bytes that arrived are not those that were sent"},
    {403, NULL, ERROR_DENIED, RETRY_NEVER, "not permitted; the user's policies must allow it"},
    {404, "BucketNotFound", ERROR_NOT_FOUND, RETRY_ONCE,
     "it is not there, or the user has no permission to see it"},
    {404, NULL, ERROR_NOT_FOUND, RETRY_NEVER,
     "it is not there, or the user has no permission to see it"},
    {408, NULL, ERROR_UNAVAILABLE, RETRY_LATER, "the service waited too long for the request"},
    {409, "IncorrectState", ERROR_UNAVAILABLE, RETRY_LATER,
     "it is being changed by someone else; try again later"},
    {409, "LockConflict", ERROR_UNAVAILABLE, RETRY_LATER,
     "it is being changed by someone else; try again later"},
    {409, "ConcurrentObjectUpdate", ERROR_UNAVAILABLE, RETRY_LATER,
     "it is being changed by someone else; try again later"},
    {409, "", ERROR_UNAVAILABLE, RETRY_FEW, "it is being changed by someone else; try again later"},
    {409, NULL, ERROR_REFUSED, RETRY_NEVER, "it conflicts with what is there"},
    {412, "IfNoneMatchFailed", ERROR_EXISTS, RETRY_NEVER, "the name is taken"},
    {412, NULL, ERROR_BROKEN, RETRY_NEVER, "it was changed since it was looked at"},
    {413, NULL, ERROR_LIMIT, RETRY_NEVER, "it is larger than the service takes"},
    {429, NULL, ERROR_UNAVAILABLE, RETRY_LATER, "the service asks to come back later"},
    {501, NULL, ERROR_UNSUPPORTED, RETRY_NEVER, "the service cannot do that"},
    {503, NULL, ERROR_UNAVAILABLE, RETRY_LATER, "the service asks to come back later"},
    {500, NULL, ERROR_UNAVAILABLE, RETRY_LATER, "the service has a problem; try again later"},
};

static bool is_meant(size_t row, const struct http_response *response, const char *words)
{
    int status = response->status;
    const char *code = meanings[row].code;
    bool is_status = meanings[row].status == 500 ? status >= 500 : meanings[row].status == status;
    bool is_code = !code || (code[0] ? strstr(words, code) != NULL : response->body.size == 0);
    return is_status && is_code;
}

bool object_refuse(const struct connection *connection, const struct http_response *response,
                   const char *subject, struct error *err)
{
    struct buf words;
    buf_init(&words, 1024);
    buf_printf(&words, "HTTP %d ", response->status);
    object_error_text(&response->body, &words);
    enum error_kind kind = ERROR_REFUSED;
    enum error_retry retry = RETRY_NEVER;
    const char *meaning = response->status / 100 == 3 ? "redirects are not followed; correct url"
                                                      : "the service refused the request";
    for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++) {
        if (!is_meant(i, response, buf_text(&words)))
            continue;
        kind = meanings[i].kind;
        retry = meanings[i].retry;
        meaning = meanings[i].meaning;
        break;
    }
    while (words.size > 0 && words.data[words.size - 1] == ' ')
        words.data[--words.size] = '\0';
    if (response->status == 401)
        refuse_login(connection, response, buf_text(&words), err);
    else
        connection_error(connection, err, kind, "%s: %s (%s)", subject, meaning, buf_text(&words));
    buf_release(&words);
    if (err) {
        err->peer_code = response->status;
        err->retry_after_ms = http_retry_after_ms(response, clock_wall_ms() / 1000);
    }
    return error_advise(err, retry);
}

bool object_may_be_untrue(int status)
{
    return status == 404 || status == 409 || status == 412;
}

bool object_is_forgotten(const struct http_response *response)
{
    static const char *const evasions[] = {"BucketNotFound", "NamespaceNotFound", "NotAuthorizedOrNotFound"};
    const struct buf *body = &response->body;
    bool is_whole = body->size > 0 && body->data[body->size - 1] == '}';
    if (response->status != 404 || !is_whole || !strstr(buf_text(body), "\"code\""))
        return false;
    for (size_t i = 0; i < sizeof evasions / sizeof evasions[0]; i++)
        if (strstr(buf_text(body), evasions[i]))
            return false;
    return true;
}

/* ---- names ---- */

/* How many of text's bytes, at most size_max, are whole characters. */
static int whole_prefix(const char *text, size_t size_max)
{
    size_t size = strnlen(text, size_max + 1);
    if (size <= size_max)
        return (int)size;
    for (size = size_max; size > 0 && ((unsigned char)text[size] & 0xC0) == 0x80; size--)
        ;
    return (int)size;
}

const char *object_subject(const char *folder, const char *name,
                           char text[static OBJECT_SUBJECT_SIZE])
{
    snprintf(text, OBJECT_SUBJECT_SIZE, "object '%.*s' in '%.*s'", whole_prefix(name, 220), name,
             whole_prefix(folder, 140), folder);
    return text;
}

bool object_append_bucket(const struct connection *connection, const char *folder,
                          struct buf *path, struct error *err)
{
    const char *slash = strchr(folder, '/');
    if (!slash || slash == folder || !slash[1] || strchr(slash + 1, '/') ||
        text_has_control(folder))
        return connection_error(connection, err, ERROR_INVALID,
                                "\"%.*s\" is not of the form <namespace>/<bucket>",
                                whole_prefix(folder, 200), folder);
    char *space = strndup(folder, (size_t)(slash - folder));
    if (!space)
        return connection_error(connection, err, ERROR_INTERNAL, "out of memory");
    buf_append_text(path, "/n/");
    buf_append_percent(path, space);
    buf_append_text(path, "/b/");
    buf_append_percent(path, slash + 1);
    free(space);
    return !path->failed ||
           connection_error(connection, err, ERROR_LIMIT, "the address is too long");
}

bool object_append_name(const struct connection *connection, const char *folder, const char *kind,
                        const char *name, struct buf *path, struct error *err)
{
    struct error why = {0};
    if (!object_check_name(name, &why))
        return connection_error(connection, err, why.kind, "%s", why.message);
    if (!object_append_bucket(connection, folder, path, err))
        return false;
    buf_printf(path, "/%s/", kind);
    buf_append_percent(path, name);
    return !path->failed ||
           connection_error(connection, err, ERROR_LIMIT, "the address is too long");
}

/* ---- HEAD ---- */

static bool read_facts(const struct http_response *response, struct object_facts *facts)
{
    char value[64];
    int64_t size = 0;
    *facts = (struct object_facts){0};
    if (!http_response_header(response, "content-length", value, sizeof value) ||
        !text_parse_int(value, 0, INT64_MAX, &size) ||
        !http_response_header(response, "etag", facts->etag, sizeof facts->etag))
        return false;
    facts->info.size = (uint64_t)size;
    if (http_response_header(response, "last-modified", value, sizeof value))
        facts->info.modified_s = object_http_date_parse(value);
    if (!http_response_header(response, "content-md5", facts->digest, sizeof facts->digest))
        facts->is_multipart = http_response_header(response, "opc-multipart-md5", facts->digest,
                                                   sizeof facts->digest);
    return true;
}

bool object_head(struct transfer *transfer, const struct connection *connection,
                 const struct transfer_call *call, const char *folder, const char *name,
                 struct object_facts *facts, struct error *err)
{
    struct buf path;
    struct http_response response = {0};
    buf_init(&path, HTTP_TARGET_SIZE_MAX);
    bool ok = object_append_name(connection, folder, "o", name, &path, err);
    if (ok) {
        const struct object_request request = {.method = "HEAD", .path = buf_text(&path)};
        ok = object_call(transfer, connection, call, &request, &response, NULL, err);
        char subject[OBJECT_SUBJECT_SIZE];
        object_subject(folder, name, subject);
        if (ok && response.status != 200)
            ok = object_refuse(connection, &response, subject, err);
        else if (ok && !read_facts(&response, facts))
            ok = connection_error(connection, err, ERROR_BROKEN,
                                  "%s: the answer lacks size or etag", subject);
    }
    http_response_release(&response);
    buf_release(&path);
    return ok;
}
