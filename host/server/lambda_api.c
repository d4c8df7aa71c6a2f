/* SPDX-License-Identifier: MIT */
/* Requests of the Runtime API; see lambda_api.h. */
#include "server/lambda_api.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/json.h"
#include "base/text.h"
#include "transfer/header_list.h"

#define VERSION "2018-06-01"
#define URL_SIZE_MAX 512u
#define ADDRESS_SIZE_MAX 256u
#define ANSWER_SIZE_MAX 65536u     /* what the service says to an answer */
#define POST_TIMEOUT_MS 30000L
#define CONNECT_TIMEOUT_MS 5000L   /* the service is on this machine */
#define STREAM_TYPE "Content-Type: application/vnd.awslambda.http-integration-response"
#define STREAM_MODE "Lambda-Runtime-Function-Response-Mode: streaming"

struct lambda_api {
    CURL *easy;
    CURLM *multi; /* keeps the connection */
    char address[ADDRESS_SIZE_MAX];
    int stop_fd;
};

/* What is sent: parts after each other. */
struct upload {
    const char *parts[3];
    size_t sizes[3];
    size_t part, at;
};

/* What came back. */
struct reply {
    struct buf *body;
    struct lambda_invocation *invocation; /* NULL: fields are of no interest */
};

bool lambda_api_open(struct lambda_api **out, const char *address, int stop_fd, struct error *err)
{
    if (!address || !*address)
        return error_set(err, ERROR_INVALID, "AWS_LAMBDA_RUNTIME_API is not set: this is started by "
                         "AWS Lambda, or by a stand-in for it");
    if (strlen(address) >= ADDRESS_SIZE_MAX || strpbrk(address, "/?#@ \t\r\n"))
        return error_set(err, ERROR_INVALID, "AWS_LAMBDA_RUNTIME_API must be HOST:PORT");
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return error_set(err, ERROR_INTERNAL, "libcurl could not be started");
    struct lambda_api *api = calloc(1, sizeof *api);
    if (api) {
        api->easy = curl_easy_init();
        api->multi = curl_multi_init();
        api->stop_fd = stop_fd;
        snprintf(api->address, sizeof api->address, "%s", address);
    }
    if (!api || !api->easy || !api->multi) {
        lambda_api_close(api);
        return error_set(err, ERROR_LIMIT, "out of memory");
    }
    *out = api;
    return true;
}

void lambda_api_close(struct lambda_api *api)
{
    if (!api)
        return;
    curl_easy_cleanup(api->easy);
    curl_multi_cleanup(api->multi);
    free(api);
    curl_global_cleanup();
}

void lambda_invocation_release(struct lambda_invocation *invocation)
{
    buf_release(&invocation->event);
}

/* ---- one request ---- */

static size_t on_body(char *data, size_t one, size_t size, void *context)
{
    const struct reply *reply = context;
    (void)one;
    buf_append(reply->body, data, size);
    return size; /* one that does not fit is read to its end, so that the connection stays usable */
}

/* An id becomes a part of addresses. */
static void take_id(struct lambda_invocation *invocation, const char *value)
{
    static const char legal[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    size_t size = strlen(value);
    if (size <= LAMBDA_ID_SIZE_MAX && strspn(value, legal) == size)
        memcpy(invocation->id, value, size + 1);
}

static void take_deadline(struct lambda_invocation *invocation, const char *value)
{
    int64_t deadline_ms;
    if (text_parse_int(value, 1, INT64_MAX, &deadline_ms))
        invocation->deadline_ms = deadline_ms;
}

static void take_field(struct lambda_invocation *invocation, const char *name, const char *value)
{
    if (strcasecmp(name, "Lambda-Runtime-Aws-Request-Id") == 0)
        take_id(invocation, value);
    else if (strcasecmp(name, "Lambda-Runtime-Deadline-Ms") == 0)
        take_deadline(invocation, value);
    else if (strcasecmp(name, "Lambda-Runtime-Trace-Id") == 0 &&
             strlen(value) < sizeof invocation->trace)
        memcpy(invocation->trace, value, strlen(value) + 1);
}

static size_t on_field(char *data, size_t one, size_t size, void *context)
{
    const struct reply *reply = context;
    char line[1024];
    (void)one;
    const char *colon = memchr(data, ':', size);
    if (!reply->invocation || !colon || size >= sizeof line)
        return size;
    memcpy(line, data, size);
    line[size] = '\0';
    line[strcspn(line, "\r\n")] = '\0';
    char *value = line + (colon - data);
    *value++ = '\0';
    take_field(reply->invocation, line, value + strspn(value, " \t"));
    return size;
}

static size_t on_upload(char *data, size_t one, size_t size, void *context)
{
    struct upload *upload = context;
    size_t done = 0;
    (void)one;
    while (done < size && upload->part < 3) {
        size_t left = upload->sizes[upload->part] - upload->at;
        size_t now = left < size - done ? left : size - done;
        if (now > 0)
            memcpy(data + done, upload->parts[upload->part] + upload->at, now);
        done += now;
        upload->at += now;
        if (upload->at == upload->sizes[upload->part]) {
            upload->part++;
            upload->at = 0;
        }
    }
    return done;
}

/* Runs the request that is set up. *stopped: stop_fd ended the wait. */
static CURLcode perform(struct lambda_api *api, bool *stopped)
{
    int running = 1, left;
    CURLMcode code = curl_multi_add_handle(api->multi, api->easy);
    *stopped = false;
    while (code == CURLM_OK && !*stopped) {
        struct curl_waitfd stop = {.fd = api->stop_fd, .events = CURL_WAIT_POLLIN};
        code = curl_multi_perform(api->multi, &running);
        if (code != CURLM_OK || !running)
            break;
        code = curl_multi_poll(api->multi, &stop, api->stop_fd >= 0, 3600 * 1000, NULL);
        *stopped = stop.revents != 0;
    }
    const CURLMsg *message = curl_multi_info_read(api->multi, &left);
    CURLcode result = message ? message->data.result : CURLE_OUT_OF_MEMORY;
    curl_multi_remove_handle(api->multi, api->easy);
    return *stopped ? CURLE_ABORTED_BY_CALLBACK : code == CURLM_OK ? result : CURLE_OUT_OF_MEMORY;
}

static void set_up(struct lambda_api *api, const char *path, const struct reply *reply)
{
    char url[URL_SIZE_MAX];
    snprintf(url, sizeof url, "http://%s/" VERSION "/runtime/%s", api->address, path);
    curl_easy_reset(api->easy);
    curl_easy_setopt(api->easy, CURLOPT_URL, url);
    curl_easy_setopt(api->easy, CURLOPT_PROTOCOLS_STR, "http");
    curl_easy_setopt(api->easy, CURLOPT_PROXY, "");
    curl_easy_setopt(api->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(api->easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
    curl_easy_setopt(api->easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(api->easy, CURLOPT_WRITEDATA, reply);
    curl_easy_setopt(api->easy, CURLOPT_HEADERFUNCTION, on_field);
    curl_easy_setopt(api->easy, CURLOPT_HEADERDATA, reply);
}

static bool transport_error(CURLcode code, bool stopped, const char *what, struct error *err)
{
    if (stopped)
        return error_set(err, ERROR_CANCELLED, "%s: asked to stop", what);
    return error_set(err, ERROR_UNAVAILABLE, "the Runtime API: %s: %s", what,
                     curl_easy_strerror(code));
}

bool lambda_api_next(struct lambda_api *api, struct lambda_invocation *out, struct error *err)
{
    *out = (struct lambda_invocation){.id = ""};
    buf_init(&out->event, LAMBDA_EVENT_SIZE_MAX);
    struct reply reply = {&out->event, out};
    bool stopped;
    long status = 0;
    set_up(api, "invocation/next", &reply); /* and no timeout: it may be days */
    CURLcode code = perform(api, &stopped);
    if (code != CURLE_OK)
        return transport_error(code, stopped, "waiting for an event", err);
    curl_easy_getinfo(api->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200)
        return error_set(err, ERROR_BROKEN, "the Runtime API answered %ld instead of an event", status);
    if (!out->id[0])
        return error_set(err, ERROR_BROKEN,
                         "the Runtime API sent an event without a usable request id");
    if (out->event.failed)
        return error_set(err, ERROR_LIMIT, "the event is larger than %u bytes", LAMBDA_EVENT_SIZE_MAX);
    return true;
}

/* ---- answers ---- */

static bool judge(long status, const struct buf *answer, struct error *err)
{
    if (status == 202)
        return true;
    if (status == 413)
        return error_set(err, ERROR_LIMIT,
                         "the answer is larger than the %u bytes that AWS Lambda takes",
                         LAMBDA_ANSWER_SIZE_MAX);
    return error_set(err, status >= 500 ? ERROR_BROKEN : ERROR_REFUSED,
                     "the Runtime API answered %ld to an answer: %.200s", status, buf_text(answer));
}

/* fields: NULL-terminated header lines. */
static bool list_fields(struct curl_slist **list, const char *const *fields, bool chunked,
                        struct error *err)
{
    bool ok = true;
    for (; ok && *fields; fields++)
        ok = header_list_add(list, *fields);
    ok = ok && header_list_add(list, "Expect:") &&
         (!chunked || header_list_add(list, "Transfer-Encoding: chunked"));
    return ok || error_set(err, ERROR_LIMIT, "out of memory");
}

static bool post(struct lambda_api *api, const char *path, const char *const *fields,
                 struct upload *upload, bool chunked, struct error *err)
{
    struct buf answer;
    struct curl_slist *list = NULL;
    bool stopped;
    long status = 0;
    buf_init(&answer, ANSWER_SIZE_MAX);
    const struct reply reply = {&answer, NULL};
    if (!list_fields(&list, fields, chunked, err)) {
        curl_slist_free_all(list);
        return false;
    }
    set_up(api, path, &reply);
    curl_easy_setopt(api->easy, CURLOPT_POST, 1L);
    curl_easy_setopt(api->easy, CURLOPT_TIMEOUT_MS, POST_TIMEOUT_MS);
    curl_easy_setopt(api->easy, CURLOPT_HTTPHEADER, list);
    curl_easy_setopt(api->easy, CURLOPT_READFUNCTION, on_upload);
    curl_easy_setopt(api->easy, CURLOPT_READDATA, upload);
    if (!chunked)
        curl_easy_setopt(api->easy, CURLOPT_POSTFIELDSIZE_LARGE,
                         (curl_off_t)(upload->sizes[0] + upload->sizes[1] + upload->sizes[2]));
    int stop_fd = api->stop_fd;
    api->stop_fd = -1; /* an answer that exists is given */
    CURLcode code = perform(api, &stopped);
    api->stop_fd = stop_fd;
    curl_easy_getinfo(api->easy, CURLINFO_RESPONSE_CODE, &status);
    bool ok = code == CURLE_OK ? judge(status, &answer, err)
                               : transport_error(code, stopped, "answering", err);
    curl_slist_free_all(list);
    buf_release(&answer);
    return ok;
}

bool lambda_api_respond(struct lambda_api *api, const char *id, const struct buf *answer,
                        struct error *err)
{
    static const char *const fields[] = {"Content-Type: application/json", NULL};
    struct upload upload = {.parts = {buf_text(answer)}, .sizes = {answer->size}};
    char path[128];
    snprintf(path, sizeof path, "invocation/%s/response", id);
    return post(api, path, fields, &upload, false, err);
}

bool lambda_api_stream(struct lambda_api *api, const char *id, const struct buf *prelude,
                       const struct buf *body, struct error *err)
{
    static const char separator[8]; /* eight NUL bytes */
    static const char *const fields[] = {STREAM_TYPE, STREAM_MODE, NULL};
    struct upload upload = {.parts = {buf_text(prelude), separator, buf_text(body)},
                            .sizes = {prelude->size, sizeof separator, body->size}};
    char path[128];
    snprintf(path, sizeof path, "invocation/%s/response", id);
    return post(api, path, fields, &upload, true, err);
}

bool lambda_api_fail(struct lambda_api *api, const char *id, const char *type, const char *message,
                     struct error *err)
{
    char path[128] = "init/error", field[192];
    const char *const fields[] = {"Content-Type: application/vnd.aws.lambda.error+json", field, NULL};
    struct buf body;
    if (id)
        snprintf(path, sizeof path, "invocation/%s/error", id);
    snprintf(field, sizeof field, "Lambda-Runtime-Function-Error-Type: %s", type);
    buf_init(&body, 65536);
    buf_append_text(&body, "{\"errorMessage\":");
    json_append_text(&body, message, strlen(message));
    buf_append_text(&body, ",\"errorType\":");
    json_append_text(&body, type, strlen(type));
    buf_append_text(&body, ",\"stackTrace\":[]}");
    struct upload upload = {.parts = {buf_text(&body)}, .sizes = {body.size}};
    bool ok = post(api, path, fields, &upload, false, err);
    buf_release(&body);
    return ok;
}
