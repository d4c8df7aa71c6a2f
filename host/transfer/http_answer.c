/* SPDX-License-Identifier: MIT */
/* The parts of an HTTP exchange that REST and Object Storage share; see http_answer.h. */
#include "transfer/http_answer.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "transfer/object_listing.h"

/* ---- where to ---- */

void http_target_release(struct http_target *target)
{
    buf_release(&target->url);
    buf_release(&target->target);
    buf_release(&target->host);
}

/* Visible ASCII only: a blank or a control byte would end the request line early. */
static bool is_target_text(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text <= 0x20 || (unsigned char)*text >= 0x7F || *text == '#')
            return false;
    return true;
}

static void append_host(const char *host, size_t size, const char *own_port, struct buf *out)
{
    size_t port_size = strlen(own_port);
    if (size > port_size && memcmp(host + size - port_size, own_port, port_size) == 0)
        size -= port_size;
    buf_append(out, host, size);
}

bool http_target_build(const struct connection *connection, const char *path,
                       struct http_target *out, struct error *err)
{
    buf_init(&out->url, HTTP_TARGET_SIZE_MAX);
    buf_init(&out->target, HTTP_TARGET_SIZE_MAX);
    buf_init(&out->host, 512);
    const char *url = connection->url ? connection->url : "";
    bool is_tls = strncasecmp(url, "https://", 8) == 0;
    const char *host = is_tls ? url + 8 : strncasecmp(url, "http://", 7) == 0 ? url + 7 : "";
    size_t host_size = strcspn(host, "/?#");
    if (host_size == 0 || memchr(host, '@', host_size) || !is_target_text(url) || strchr(url, '?'))
        return connection_error(connection, err, ERROR_INVALID,
                                "url must be http://HOST or https://HOST, without user or query");
    if ((path[0] && path[0] != '/') || !is_target_text(path))
        return connection_error(connection, err, ERROR_INVALID,
                                "a path begins with '/' and holds visible ASCII only; "
                                "percent-encode the rest");
    append_host(host, host_size, is_tls ? ":443" : ":80", &out->host);
    buf_printf(&out->target, "%s%s", host + host_size, path);
    buf_printf(&out->url, "%s%s", url, path);
    if (!out->url.failed && !out->target.failed && !out->host.failed)
        return true;
    return connection_error(connection, err, ERROR_LIMIT, "the address is over %u bytes",
                            HTTP_TARGET_SIZE_MAX);
}

/* ---- answers ---- */

void http_response_release(struct http_response *response)
{
    buf_release(&response->headers);
    buf_release(&response->body);
}

/* A name that occurs twice counts by its first value. */
bool http_response_header(const struct http_response *response, const char *name, char *value,
                          size_t value_size)
{
    size_t name_size = strlen(name);
    const char *line = buf_text(&response->headers);
    while (*line) {
        size_t size = strcspn(line, "\n");
        if (size >= name_size + 2 && memcmp(line, name, name_size) == 0 && line[name_size] == ':') {
            const char *start = line + name_size + 2;
            size_t length = size - name_size - 2;
            if (length >= value_size)
                return false;
            memcpy(value, start, length);
            value[length] = '\0';
            return true;
        }
        line += size + (line[size] == '\n');
    }
    return false;
}

/* Appends "name: value\n"; control bytes in the value become blanks. */
static void append_header(struct buf *headers, const char *line, size_t size)
{
    const char *colon = memchr(line, ':', size);
    if (!colon || colon == line)
        return;
    for (const char *at = line; at < colon; at++)
        buf_append_char(headers, (char)tolower((unsigned char)*at));
    const char *value = colon + 1, *end = line + size;
    while (value < end && (*value == ' ' || *value == '\t'))
        value++;
    while (end > value && isspace((unsigned char)end[-1]))
        end--;
    buf_append_text(headers, ": ");
    for (; value < end; value++)
        buf_append_char(headers, (unsigned char)*value < 0x20 || *value == 0x7F ? ' ' : *value);
    buf_append_char(headers, '\n');
}

static size_t take_header(char *line, size_t unit, size_t count, void *context)
{
    struct http_answer *answer = context;
    struct buf *headers = &answer->response->headers;
    size_t size = unit * count;
    if (size >= 5 && memcmp(line, "HTTP/", 5) == 0) { /* another answer: 100 Continue came before */
        answer->is_unread = !answer->is_body_sent && size >= 12 && memcmp(line + 8, " 417", 4) == 0;
        buf_clear(headers);
        buf_clear(&answer->response->body);
    } else {
        append_header(headers, line, size);
    }
    answer->is_headers_over = headers->failed;
    return headers->failed ? 0 : size;
}

bool http_take_body(struct http_answer *answer, const void *bytes, size_t size)
{
    buf_append(&answer->response->body, bytes, size);
    answer->is_body_over = answer->response->body.failed;
    return !answer->is_body_over;
}

static size_t take_body(char *bytes, size_t unit, size_t count, void *context)
{
    return http_take_body(context, bytes, unit * count) ? unit * count : 0;
}

/* CURLINFO_REQUEST_SIZE counts the first write only: it stays 0 where that one had to wait. */
static int note_sent(CURL *easy, curl_infotype type, char *bytes, size_t size, void *context)
{
    (void)easy, (void)bytes;
    struct http_answer *answer = context;
    answer->is_body_sent |= size > 0 && type == CURLINFO_DATA_OUT;
    answer->is_sent |= answer->is_body_sent || (size > 0 && type == CURLINFO_HEADER_OUT);
    return 0;
}

void http_expect(struct handle *handle, const struct http_target *target,
                 struct http_answer *answer, struct http_response *response, size_t body_size_max)
{
    CURL *easy = handle->easy;
    response->status = 0;
    buf_init(&response->headers, HTTP_HEADERS_SIZE_MAX);
    buf_init(&response->body, body_size_max);
    *answer = (struct http_answer){.response = response};
    curl_easy_setopt(easy, CURLOPT_URL, buf_text(&target->url));
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L); /* the path is signed as it is */
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, answer);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, answer);
    curl_easy_setopt(easy, CURLOPT_VERBOSE, 1L);
    curl_easy_setopt(easy, CURLOPT_DEBUGFUNCTION, note_sent);
    curl_easy_setopt(easy, CURLOPT_DEBUGDATA, answer);
}

void http_limit_time(struct handle *handle)
{
    long limit_ms = (long)handle->connection->request_timeout_ms;
    if (limit_ms == 0)
        return;
    curl_easy_setopt(handle->easy, CURLOPT_LOW_SPEED_TIME, 0L);
    curl_easy_setopt(handle->easy, CURLOPT_TIMEOUT_MS, limit_ms);
}

void http_limit_silence(struct handle *handle)
{
    long limit_ms = (long)handle->connection->request_timeout_ms;
    if (limit_ms)
        curl_easy_setopt(handle->easy, CURLOPT_LOW_SPEED_TIME, (limit_ms + 999) / 1000);
}

/* libcurl is about to send the request: the first time, or again. */
static int before_sending(void *context, char *peer, char *own, int peer_port, int own_port)
{
    (void)peer, (void)own, (void)peer_port, (void)own_port;
    struct http_answer *answer = context;
    answer->is_sent &= !answer->is_unread;
    answer->is_unread = false;
    answer->is_sent_again = answer->is_sent;
    return answer->is_sent_again ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

void http_send_once(struct handle *handle, struct http_answer *answer)
{
    answer->is_sent_once = true;
    curl_easy_setopt(handle->easy, CURLOPT_PREREQFUNCTION, before_sending);
    curl_easy_setopt(handle->easy, CURLOPT_PREREQDATA, answer);
}

/* As POSTFIELDS, a small body leaves in one piece with the header. */
void http_send_body(struct handle *handle, struct http_answer *answer, const void *body,
                    size_t size)
{
    curl_easy_setopt(handle->easy, CURLOPT_POST, 1L);
    curl_easy_setopt(handle->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)size);
    curl_easy_setopt(handle->easy, CURLOPT_POSTFIELDS, size > 0 ? body : "");
    http_send_once(handle, answer);
}

bool http_header(struct handle *handle, const char *name, const char *value, struct error *err)
{
    if (text_has_control(value))
        return connection_error(handle->connection, err, ERROR_INVALID,
                                "the value of header %s holds a control byte", name);
    struct buf line;
    buf_init(&line, HTTP_HEADERS_SIZE_MAX);
    buf_printf(&line, "%s: %s", name, value);
    bool ok = !line.failed ? handle_append(handle, HTTP_LIST, buf_text(&line), err)
                           : connection_error(handle->connection, err, ERROR_LIMIT,
                                              "header %s is too long", name);
    if (line.data)
        explicit_bzero(line.data, line.capacity);
    buf_release(&line);
    return ok;
}

/* The new connection for sending it again could not be made: the failure is that of the connection, but the
 * request was sent before. */
static bool is_cut_off(const struct http_answer *answer, CURLcode code)
{
    return answer->is_sent_once && answer->is_sent &&
           (code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_CONNECT ||
            code == CURLE_SSL_CONNECT_ERROR || code == CURLE_PEER_FAILED_VERIFICATION);
}

/* Ended by us: by a callback of the caller's, or because the call is over. */
static bool is_own(CURLcode code)
{
    return code == CURLE_ABORTED_BY_CALLBACK || code == CURLE_READ_ERROR || code == CURLE_WRITE_ERROR;
}

/* Nothing but an exchange that has begun ends so. */
static bool tells_of_exchange(CURLcode code)
{
    return code == CURLE_GOT_NOTHING || code == CURLE_RECV_ERROR || code == CURLE_PARTIAL_FILE ||
           code == CURLE_WEIRD_SERVER_REPLY || code == CURLE_SEND_FAIL_REWIND;
}

/* Whether the peer may have acted is decided by what was sent, not by how it ended: there is no end to the
 * ways in which an answer can be one that libcurl does not take. */
static CURLcode settle_code(const struct http_answer *answer, CURLcode code)
{
    if (code == CURLE_ABORTED_BY_CALLBACK || answer->is_sent == http_reply_lost(code) || tells_of_exchange(code))
        return code;
    return answer->is_sent ? CURLE_WEIRD_SERVER_REPLY : CURLE_COULDNT_CONNECT;
}

static void note_overload(struct handle *handle, int status)
{
    char why[32];
    if (status != 429 && status != 502 && status != 503 && status != 504)
        return;
    snprintf(why, sizeof why, "HTTP status %d", status);
    handle_note(handle, CIRCUIT_FAILED, why);
}

static bool lost_early(const struct handle *handle, struct error *err)
{
    connection_error(handle->connection, err, ERROR_UNAVAILABLE,
                     "the connection was lost before an answer came: try again later");
    return error_advise(err, RETRY_LATER);
}

/* Some of libcurl's verdicts mean something else before anything was sent. */
static bool no_answer(struct handle *handle, const struct http_answer *answer, CURLcode code,
                      struct error *err)
{
    if (is_own(code) || http_reply_lost(code) || !answer->is_sent)
        return handle_fail(handle, code, err);
    connection_error(handle->connection, err, ERROR_BROKEN,
                     "what came is no answer that can be read (%s): check what is at this address",
                     handle->detail[0] ? handle->detail : curl_easy_strerror(code));
    return error_advise(err, RETRY_FEW);
}

bool http_perform(struct handle *handle, struct http_answer *answer, CURLcode *code,
                  struct error *err)
{
    curl_easy_setopt(handle->easy, CURLOPT_HTTPHEADER, handle->lists[HTTP_LIST]);
    *code = handle_perform(handle);
    return http_conclude(handle, answer, code, err);
}

static bool fail(struct handle *handle, const struct http_answer *answer, CURLcode code, struct error *err)
{
    if (code == CURLE_SEND_FAIL_REWIND)
        return lost_early(handle, err);
    if (answer->is_body_over)
        return connection_error(handle->connection, err, ERROR_LIMIT,
                                "the answer is larger than %zu bytes",
                                answer->response->body.size_max);
    if (answer->is_headers_over)
        return connection_error(handle->connection, err, ERROR_LIMIT,
                                "the answer's headers are larger than %u bytes",
                                HTTP_HEADERS_SIZE_MAX);
    return no_answer(handle, answer, code, err);
}

bool http_conclude(struct handle *handle, struct http_answer *answer, CURLcode *code,
                   struct error *err)
{
    long status = 0;
    curl_easy_getinfo(handle->easy, CURLINFO_RESPONSE_CODE, &status);
    answer->response->status = (int)status;
    if (answer->is_sent_again || is_cut_off(answer, *code))
        *code = CURLE_SEND_FAIL_REWIND;
    if (*code == CURLE_OK) {
        note_overload(handle, answer->response->status);
        return true;
    }
    fail(handle, answer, *code, err);
    *code = settle_code(answer, *code);
    return false;
}

bool http_reply_lost(CURLcode code)
{
    return code == CURLE_GOT_NOTHING || code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR ||
           code == CURLE_PARTIAL_FILE || code == CURLE_OPERATION_TIMEDOUT ||
           code == CURLE_WEIRD_SERVER_REPLY || code == CURLE_SEND_FAIL_REWIND;
}

bool http_status_is_doubtful(int status)
{
    return status / 100 == 5 && status != 501;
}

uint32_t http_retry_after_ms(const struct http_response *response, int64_t now_s)
{
    char value[64];
    int64_t left_s;
    if (!http_response_header(response, "retry-after", value, sizeof value))
        return 0;
    if (value[0] && value[strspn(value, "0123456789")] == '\0') {
        if (!text_parse_int(value, 0, INT64_MAX, &left_s))
            left_s = INT64_MAX; /* more digits than a number holds */
    } else {
        int64_t then_s = object_http_date_parse(value);
        left_s = then_s > now_s ? then_s - now_s : 0;
    }
    return left_s < HTTP_RETRY_AFTER_MS_MAX / 1000 ? (uint32_t)left_s * 1000
                                                   : HTTP_RETRY_AFTER_MS_MAX;
}
