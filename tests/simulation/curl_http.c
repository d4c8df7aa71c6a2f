/* SPDX-License-Identifier: MIT */
/*
 * libcurl's HTTP/1.1: a request with a body from the host's callback, the answer to its callbacks. As
 * libcurl does it, a request of which no byte of an answer came on a kept connection is sent again by
 * itself, unless some of its body is gone or the host's prereq callback says no.
 */
#include <stdarg.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "schedule.h"
#include "server_http.h"

#define BODY_SIZE_MAX (16u << 20)

/* ---- requests and answers as values ---------------------------------------------------------- */

const char *request_header(const struct request *request, const char *name)
{
    size_t size = strlen(name);
    for (const struct curl_slist *list = request->headers; list; list = list->next)
        if (strncasecmp(list->data, name, size) == 0 && list->data[size] == ':')
            return list->data + size + 1 + strspn(list->data + size + 1, " ");
    return NULL;
}

bool request_parameter(const struct request *request, const char *name, char *out, size_t room)
{
    size_t size = strlen(name);
    for (const char *at = request->query; *at; at += at[strcspn(at, "&")] ? strcspn(at, "&") + 1
                                                                          : strcspn(at, "&"))
        if (strncmp(at, name, size) == 0 && at[size] == '=')
            return url_decode(at + size + 1, strcspn(at + size + 1, "&"), out, room);
    return false;
}

bool request_changes(const struct request *request)
{
    return strcmp(request->method, "GET") != 0 && strcmp(request->method, "HEAD") != 0;
}

void answer_init(struct answer *answer)
{
    *answer = (struct answer){.length = -1};
    buf_init(&answer->headers, 8192);
    buf_init(&answer->body, BODY_SIZE_MAX);
}

void answer_release(struct answer *answer)
{
    buf_release(&answer->headers);
    buf_release(&answer->body);
}

void answer_clear(struct answer *answer)
{
    buf_clear(&answer->headers);
    buf_clear(&answer->body);
    answer->length = -1;
}

void answer_header(struct answer *answer, const char *name, const char *format, ...)
{
    va_list args;
    buf_printf(&answer->headers, "%s: ", name);
    va_start(args, format);
    buf_vprintf(&answer->headers, format, args);
    va_end(args);
    buf_append_text(&answer->headers, "\r\n");
}

void answer_refuse(struct answer *answer, int status, const char *code, const char *message)
{
    answer_clear(answer);
    answer->status = status;
    buf_printf(&answer->body, "{\"code\":\"%s\",\"message\":\"%s\"}", code, message);
}

/* ---- the request ----------------------------------------------------------------------------- */

struct exchange {
    struct easy *easy;
    struct request request;
    struct answer answer;
};

static CURLcode read_body(struct exchange *exchange, uint64_t size)
{
    char chunk[CHUNK_SIZE];
    size_t got = 0;
    struct buf *body = &exchange->request.body;
    while (body->size < size) {
        uint64_t left = size - body->size;
        CURLcode code = easy_step(exchange->easy);
        if (code == CURLE_OK)
            code = easy_take(exchange->easy, chunk, left < sizeof chunk ? (size_t)left : sizeof chunk,
                             &got);
        if (code != CURLE_OK)
            return code;
        if (got == 0)
            break;
        effect_begins("body of a request");
        buf_append(body, chunk, got);
        effect_happened();
        if (mishap_happens(MISHAP_DATA_RESET, world->plan.mishap_permille)) {
            easy_disconnect(exchange->easy);
            return easy_fail(exchange->easy, CURLE_SEND_ERROR, "Send failure: Connection reset by peer");
        }
    }
    return CURLE_OK;
}

static CURLcode build_body(struct exchange *exchange)
{
    struct easy *easy = exchange->easy;
    buf_init(&exchange->request.body, BODY_SIZE_MAX);
    if (easy->uploads)
        return read_body(exchange, easy->send_size >= 0 ? (uint64_t)easy->send_size : UINT64_MAX);
    if (!easy->posts)
        return CURLE_OK;
    if (!easy->post_fields)
        return read_body(exchange, easy->post_size >= 0 ? (uint64_t)easy->post_size : UINT64_MAX);
    buf_append(&exchange->request.body, easy->post_fields, (size_t)easy->post_size);
    return CURLE_OK;
}

static void build_request(struct exchange *exchange, enum server server, const char *path)
{
    struct easy *easy = exchange->easy;
    const char *question = strchr(path, '?');
    exchange->request = (struct request){
        .server = server,
        .path = path,
        .query = question ? question + 1 : "",
        .headers = easy->headers,
    };
    const char *method = easy->custom        ? easy->custom
                         : easy->has_no_body ? "HEAD"
                         : easy->uploads     ? "PUT"
                         : easy->posts       ? "POST"
                                             : "GET";
    snprintf(exchange->request.method, sizeof exchange->request.method, "%s", method);
}

/* ---- the service ----------------------------------------------------------------------------- */

static void add_retry_after(struct answer *answer)
{
    static const char *const values[] = {"1", "30", "999999999", "-5", "soon",
                                         "Wed, 21 Oct 2026 07:28:00 GMT"};
    if (mishap_happens(MISHAP_HTTP_RETRY_AFTER, 500))
        answer_header(answer, "retry-after", "%s",
                      values[draw_below(sizeof values / sizeof values[0])]);
}

/* A refusal by a gateway, or by the service before it acts. False: mishap is none of these. */
static bool refuse(struct answer *answer, enum mishap mishap)
{
    static const struct {
        enum mishap mishap;
        int status;
        const char *code;
    } rows[] = {
        {MISHAP_HTTP_401, 401, "NotAuthenticated"},  {MISHAP_HTTP_403, 403, "NotAllowed"},
        {MISHAP_HTTP_404, 404, "BucketNotFound"},    {MISHAP_HTTP_409, 409, "IncorrectState"},
        {MISHAP_HTTP_429, 429, "TooManyRequests"},   {MISHAP_HTTP_500, 500, "InternalServerError"},
        {MISHAP_HTTP_503, 503, "ServiceUnavailable"}, {MISHAP_HTTP_REDIRECT, 307, "Moved"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].mishap != mishap)
            continue;
        answer_refuse(answer, rows[i].status, rows[i].code, "simulated");
        if (mishap == MISHAP_HTTP_REDIRECT)
            answer_header(answer, "location", "https://elsewhere.test/");
        if (rows[i].status == 429 || rows[i].status == 503)
            add_retry_after(answer);
        return true;
    }
    return false;
}

/* A user who may not rename any more: what was asked for before, and not done yet, is not allowed either. */
static void forbid_late(const struct request *request)
{
    struct error err;
    if (!strstr(request->path, "/actions/renameObject"))
        return;
    cJSON *details = json_parse(buf_text(&request->body), request->body.size, "body", JSON_STRICT, &err);
    const char *from = json_text(details, "sourceName");
    if (from && strcmp(from, world->late_object.from) == 0)
        world->late_object.from[0] = '\0';
    cJSON_Delete(details);
}

static void serve(struct exchange *exchange)
{
    if (exchange->request.server == SERVER_CCS)
        ccs_serve(&exchange->request, &exchange->answer);
    else
        object_serve(&exchange->request, &exchange->answer);
}

static void act(struct exchange *exchange)
{
    static const enum mishap kinds[] = {
        MISHAP_HTTP_401, MISHAP_HTTP_403, MISHAP_HTTP_404,      MISHAP_HTTP_409,      MISHAP_HTTP_429,
        MISHAP_HTTP_500, MISHAP_HTTP_503, MISHAP_HTTP_REDIRECT, MISHAP_HTTP_5XX_AFTER, MISHAP_NONE};
    static const int statuses[] = {500, 502, 504, 503}; /* CCS's 503 is taken at its word */
    struct answer *answer = &exchange->answer;
    enum mishap mishap = mishap_draw(kinds);
    if (mishap == MISHAP_HTTP_403)
        forbid_late(&exchange->request);
    if (refuse(answer, mishap))
        return;
    serve(exchange);
    if (mishap == MISHAP_HTTP_5XX_AFTER)
        answer_refuse(answer, statuses[draw_below(exchange->request.server == SERVER_CCS ? 3 : 4)],
                      "GatewayTimeout", "simulated, after the fact");
}

/* ---- the answer ------------------------------------------------------------------------------ */

/* Behind the status line, and maybe some of the fields. */
static CURLcode cut_answer(struct easy *easy)
{
    easy_disconnect(easy);
    return easy_fail(easy, CURLE_RECV_ERROR, "Recv failure: Connection reset by peer");
}

/* What libcurl 7.88.1 says of an answer in a coding that is none, of another version of HTTP, of a field of
 * 100 KB, and of one that is no HTTP. */
static CURLcode refuse_answer(struct easy *easy)
{
    static const CURLcode codes[] = {CURLE_BAD_CONTENT_ENCODING, CURLE_UNSUPPORTED_PROTOCOL,
                                     CURLE_OUT_OF_MEMORY, CURLE_WEIRD_SERVER_REPLY};
    CURLcode code = codes[draw_below(sizeof codes / sizeof codes[0])];
    easy_disconnect(easy);
    return easy_fail(easy, code, "simulated: no answer that can be read");
}

static CURLcode give_headers(struct exchange *exchange)
{
    struct easy *easy = exchange->easy;
    const struct answer *answer = &exchange->answer;
    char line[1024];
    long long length = answer->length >= 0 ? (long long)answer->length : (long long)answer->body.size;
    bool is_cut = mishap_happens(MISHAP_HTTP_ANSWER_CUT, world->plan.mishap_permille);
    if (mishap_happens(MISHAP_HTTP_ODD_ANSWER, world->plan.mishap_permille))
        return refuse_answer(easy);
    easy->status = answer->status;
    if (!easy->header)
        return is_cut ? cut_answer(easy) : CURLE_OK;
    int size = snprintf(line, sizeof line, "HTTP/1.1 %d Status\r\n", answer->status);
    easy->header(line, 1, (size_t)size, easy->header_context);
    size = snprintf(line, sizeof line, "Content-Length: %lld\r\n", length);
    easy->header(line, 1, (size_t)size, easy->header_context);
    if (is_cut)
        return cut_answer(easy);
    for (const char *at = buf_text(&answer->headers); *at; at = strchr(at, '\n') + 1) {
        size = snprintf(line, sizeof line, "%.*s", (int)(strchr(at, '\n') + 1 - at), at);
        if (easy->header(line, 1, (size_t)size, easy->header_context) != (size_t)size)
            return easy_fail(easy, CURLE_WRITE_ERROR, "Failed writing header");
    }
    return CURLE_OK;
}

static CURLcode give_body(struct exchange *exchange)
{
    static const enum mishap of_text[] = {MISHAP_DATA_RESET, MISHAP_SHORT_BODY, MISHAP_HTTP_GARBAGE,
                                          MISHAP_NONE};
    static const enum mishap of_bytes[] = {MISHAP_DATA_RESET, MISHAP_SHORT_BODY,
                                           MISHAP_HTTP_WRONG_DIGEST, MISHAP_NONE};
    struct easy *easy = exchange->easy;
    struct buf *body = &exchange->answer.body;
    if (strcmp(exchange->request.method, "HEAD") == 0 || body->size == 0)
        return CURLE_OK;
    bool is_text = body->data[0] == '{' || body->data[0] == '[';
    enum mishap mishap = mishap_draw_often(is_text ? of_text : of_bytes);
    if (mishap == MISHAP_HTTP_WRONG_DIGEST)
        body->data[draw_below(body->size)] ^= 1;
    bool is_cut = mishap == MISHAP_DATA_RESET || mishap == MISHAP_SHORT_BODY;
    if (mishap == MISHAP_HTTP_GARBAGE)
        return easy_give(easy, "<html>", 6);
    CURLcode code = easy_give(easy, body->data, is_cut ? (size_t)draw_below(body->size) : body->size);
    if (code != CURLE_OK || mishap != MISHAP_DATA_RESET)
        return code;
    easy_disconnect(easy);
    return easy_fail(easy, CURLE_PARTIAL_FILE, "transfer closed with bytes remaining to read");
}

/* ---- the whole ------------------------------------------------------------------------------- */

/* False: libcurl sends it once more, on a connection of its own. */
static bool try(struct exchange *exchange, bool may_repeat, CURLcode *code)
{
    struct easy *easy = exchange->easy;
    const struct request *request = &exchange->request;
    *code = easy_step(easy);
    if (*code == CURLE_OK && easy->before_sending &&
        easy->before_sending(easy->before_sending_context, NULL, NULL, 0, 0) != CURL_PREREQFUNC_OK)
        *code = easy_fail(easy, CURLE_ABORTED_BY_CALLBACK, "operation aborted by pre-request callback");
    if (*code != CURLE_OK)
        return true;
    easy_note(easy, CURLINFO_HEADER_OUT, request->method);
    trace("%s %s %s", server_name(request->server), request->method, request->path);
    effect_begins(request->method);
    enum network network = easy_draw_network(easy, code);
    if (network == NETWORK_FINE && easy->was_reused && mishap_happens(MISHAP_IDLE_CLOSED, 20)) {
        network = NETWORK_LOST_BEFORE;
        *code = easy_fail(easy, CURLE_GOT_NOTHING, "Empty reply from server");
    }
    if (network != NETWORK_LOST_BEFORE)
        act(exchange);
    effect_happened();
    if (network == NETWORK_FINE) {
        trace("  HTTP %d", exchange->answer.status);
        return true;
    }
    easy_disconnect(easy);
    bool is_dead = *code == CURLE_GOT_NOTHING || *code == CURLE_RECV_ERROR;
    if (!is_dead || !easy->was_reused || !may_repeat)
        return true;
    if (request->body.size == 0 || easy->post_fields) /* it can begin anew */
        return false;
    *code = easy_fail(easy, CURLE_SEND_FAIL_REWIND, "necessary data rewind wasn't possible");
    return true;
}

static CURLcode run(struct exchange *exchange)
{
    bool is_new;
    CURLcode code = easy_connect(exchange->easy, exchange->request.server, &is_new);
    if (code == CURLE_OK)
        code = build_body(exchange);
    if (code != CURLE_OK)
        return code;
    if (!try(exchange, true, &code)) {
        trace("  libcurl sends it again");
        answer_clear(&exchange->answer);
        code = easy_connect(exchange->easy, exchange->request.server, &is_new);
        if (code == CURLE_OK)
            try(exchange, false, &code);
    }
    if (code == CURLE_OK)
        code = give_headers(exchange);
    return code == CURLE_OK ? give_body(exchange) : code;
}

CURLcode curl_http_perform(struct easy *easy, enum server server, const char *path)
{
    struct exchange exchange = {.easy = easy};
    build_request(&exchange, server, path);
    answer_init(&exchange.answer);
    CURLcode code = run(&exchange);
    if (code != CURLE_OK)
        easy_disconnect(easy);
    answer_release(&exchange.answer);
    buf_release(&exchange.request.body);
    return code;
}
