/* SPDX-License-Identifier: MIT */
/* The token cache and the request that fills it; see oauth.h. */
#include "transfer/oauth.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/json.h"
#include "transfer/http_answer.h"
#include "transfer/object_listing.h"
#include "workspace/connections.h"

#define FORM_SIZE_MAX (4 * SECRET_SIZE_MAX)
#define TOKEN_SERVICE " (token service)" /* behind the connection's name */
#define WAIT_STEP_MS 100 /* how soon one that waits sees that its call is to end */

struct token {
    struct token *next;
    char *identity;         /* what the token was asked with, secret apart */
    pthread_mutex_t lock;   /* guards the rest; never held while the service is asked */
    pthread_cond_t changed; /* a fetch has ended */
    bool is_fetched;        /* by one thread, right now */
    uint64_t fetches;       /* that have ended */
    struct error failure;   /* of the last one; no kind: it went well, or ended by its caller's own limits */
    struct buf text;        /* empty: none */
    int64_t end_ms;         /* monotonic; to be used before */
};

struct tokens {
    pthread_mutex_t lock; /* guards the list; entries stay until the end */
    struct token *first;
};

static void wipe(struct buf *buf)
{
    if (buf->data)
        explicit_bzero(buf->data, buf->capacity);
    buf_release(buf);
}

static void *make_tokens(void)
{
    struct tokens *tokens = calloc(1, sizeof *tokens);
    if (tokens)
        pthread_mutex_init(&tokens->lock, NULL);
    return tokens;
}

static void free_tokens(void *thing)
{
    struct tokens *tokens = thing;
    while (tokens->first) {
        struct token *token = tokens->first;
        tokens->first = token->next;
        pthread_cond_destroy(&token->changed);
        pthread_mutex_destroy(&token->lock);
        wipe(&token->text);
        free(token->identity);
        free(token);
    }
    pthread_mutex_destroy(&tokens->lock);
    free(tokens);
}

static void init_changes(struct token *token)
{
    pthread_condattr_t attributes;
    pthread_mutex_init(&token->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&token->changed, &attributes);
    pthread_condattr_destroy(&attributes);
}

/* The entry of the connection, made if missing. NULL: out of memory. */
static struct token *find_token(struct tokens *tokens, const struct connection *connection)
{
    struct buf text;
    buf_init(&text, 16384);
    buf_printf(&text, "%s\n%s\n%s\n%s", connection->name,
               connection->token_url ? connection->token_url : "",
               connection->user ? connection->user : "",
               connection->scope ? connection->scope : "");
    char *identity = buf_take(&text, NULL);
    if (!identity)
        return NULL;
    pthread_mutex_lock(&tokens->lock);
    struct token *token = tokens->first;
    while (token && strcmp(token->identity, identity) != 0)
        token = token->next;
    if (!token && (token = calloc(1, sizeof *token))) {
        init_changes(token);
        buf_init(&token->text, OAUTH_TOKEN_SIZE_MAX);
        token->identity = identity;
        identity = NULL;
        token->next = tokens->first;
        tokens->first = token;
    }
    pthread_mutex_unlock(&tokens->lock);
    free(identity);
    return token;
}

/* ---- the answer ---- */

/* RFC 6750 2.1: b64token, which cannot end a header line. */
static bool is_token(const char *text)
{
    for (const char *at = text; *at; at++)
        if ((unsigned char)*at <= 0x20 || (unsigned char)*at >= 0x7F)
            return false;
    return text[0] != '\0';
}

static bool read_token(const cJSON *answer, struct buf *token, int64_t *life_s, struct error *err)
{
    const char *text = json_text(answer, "access_token"), *type = json_text(answer, "token_type");
    const cJSON *life = cJSON_GetObjectItemCaseSensitive(answer, "expires_in");
    if (!text || !is_token(text))
        return error_set(err, ERROR_BROKEN, "the token service's answer holds no access_token");
    if (type && strcasecmp(type, "bearer") != 0)
        return error_set(err, ERROR_UNSUPPORTED, "the token service gives no Bearer token");
    *life_s = cJSON_IsNumber(life) && life->valuedouble >= 0 && life->valuedouble < 1e9
                  ? (int64_t)life->valuedouble : OAUTH_LIFE_DEFAULT_S;
    buf_append_text(token, text);
    return !token->failed || error_set(err, ERROR_LIMIT, "the access token is over %u bytes",
                                       OAUTH_TOKEN_SIZE_MAX);
}

bool oauth_parse(const char *text, size_t size, struct buf *token, int64_t *life_s,
                 struct error *err)
{
    struct error ignored;
    cJSON *answer = json_parse(text, size, "token", JSON_STRICT, &ignored);
    bool ok = answer ? read_token(answer, token, life_s, err)
                     : error_set(err, ERROR_BROKEN, "the token service's answer is not JSON");
    cJSON_Delete(answer);
    return ok;
}

/* ---- the request ---- */

/* application/x-www-form-urlencoded of RFC 6749 appendix B; a blank as %20 is legal there, too. */
static void append_field(struct buf *form, const char *name, const char *value)
{
    buf_printf(form, "%s%s=", form->size ? "&" : "", name);
    buf_append_percent(form, value);
}

static bool add_basic(struct handle *handle, const char *secret, struct error *err)
{
    struct buf pair, value;
    buf_init(&pair, FORM_SIZE_MAX);
    buf_init(&value, 2 * FORM_SIZE_MAX);
    buf_append_percent(&pair, handle->connection->user);
    buf_append_char(&pair, ':');
    buf_append_percent(&pair, secret);
    buf_append_text(&value, "Basic ");
    buf_append_base64(&value, pair.data, pair.size);
    bool ok =
        (!pair.failed && !value.failed) ||
        connection_error(handle->connection, err, ERROR_LIMIT, "the client secret is too long");
    ok = ok && http_header(handle, "Authorization", buf_text(&value), err);
    wipe(&pair);
    wipe(&value);
    return ok;
}

static bool post_form(struct transfer *transfer, const struct connection *connection,
                      const struct transfer_call *call, const char *secret, bool in_form,
                      struct http_response *response, struct error *err)
{
    struct http_target target = {0};
    struct http_answer answer;
    struct buf form;
    CURLcode code;
    struct connection service = *connection; /* the same trust and time limits, another address */
    char name[CONNECTION_NAME_SIZE_MAX + sizeof TOKEN_SERVICE];
    snprintf(name, sizeof name, "%s" TOKEN_SERVICE, connection->name);
    service.name = name; /* and a circuit of its own: one of the two may be away without the other */
    service.url = connection->token_url;
    *response = (struct http_response){0};
    buf_init(&form, FORM_SIZE_MAX);
    append_field(&form, "grant_type", "client_credentials");
    if (connection->scope && connection->scope[0])
        append_field(&form, "scope", connection->scope);
    if (in_form) {
        append_field(&form, "client_id", connection->user);
        append_field(&form, "client_secret", secret);
    }
    struct handle *handle = pool_acquire(transfer, &service, call, err);
    bool ok = handle && http_target_build(&service, "", &target, err);
    if (ok) {
        http_expect(handle, &target, &answer, response, OAUTH_ANSWER_SIZE_MAX);
        curl_easy_setopt(handle->easy, CURLOPT_POST, 1L);
        curl_easy_setopt(handle->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)form.size);
        curl_easy_setopt(handle->easy, CURLOPT_POSTFIELDS, buf_text(&form));
        http_limit_time(handle);
        ok = (in_form || add_basic(handle, secret, err)) &&
             http_header(handle, "Accept", "application/json", err) &&
             http_perform(handle, &answer, &code, err);
    }
    http_target_release(&target);
    pool_release(transfer, handle);
    wipe(&form);
    return ok;
}

/* "invalid_client: ..." of RFC 6749 5.2, printable and short. */
static bool refuse(const struct connection *connection, const struct http_response *response,
                   struct error *err)
{
    struct error ignored;
    cJSON *body = json_parse(buf_text(&response->body), response->body.size, "answer", JSON_STRICT,
                             &ignored);
    const char *word = json_text(body, "error");
    struct buf said, clean;
    buf_init(&said, 4096);
    buf_init(&clean, 1024);
    buf_append_text(&said, word ? word : "");
    object_error_text(&said, &clean);
    bool is_denied = response->status == 400 || response->status == 401 || response->status == 403;
    connection_error(connection, err, is_denied ? ERROR_DENIED : ERROR_UNAVAILABLE,
                     is_denied
                         ? "the token service refused the client (HTTP %d %s): check user (client "
                           "id), password (client secret) and scope"
                         : "the token service gave no token (HTTP %d %s): check token_url, or try "
                           "again later",
                     response->status, buf_text(&clean));
    if (err) {
        err->peer_code = response->status;
        err->retry = http_answer_retry("GET", response, &err->retry_after_ms);
    }
    buf_release(&said);
    buf_release(&clean);
    cJSON_Delete(body);
    return false;
}

/* Basic first, as RFC 6749 2.3.1 wants; services that only read the form answer 400 or 401 to it.
 */
static bool request_token(struct transfer *transfer, const struct connection *connection,
                          const struct transfer_call *call, const char *secret, struct buf *token,
                          int64_t *end_ms, struct error *err)
{
    struct http_response response;
    struct error why = {0};
    int64_t life_s = 0;
    bool ok = post_form(transfer, connection, call, secret, false, &response, err);
    if (ok && (response.status == 400 || response.status == 401)) {
        http_response_release(&response);
        ok = post_form(transfer, connection, call, secret, true, &response, err);
    }
    if (ok && response.status != 200)
        ok = refuse(connection, &response, err);
    else if (ok && !oauth_parse(buf_text(&response.body), response.body.size, token, &life_s, &why))
        ok = connection_error(connection, err, why.kind, "%s", why.message);
    int64_t margin_s = life_s / 2 < OAUTH_MARGIN_S ? life_s / 2 : OAUTH_MARGIN_S;
    *end_ms = clock_monotonic_ms() + (life_s - margin_s) * 1000;
    wipe(&response.body);
    http_response_release(&response);
    return ok;
}

static bool fetch(struct transfer *transfer, const struct connection *connection,
                  const struct transfer_call *call, struct buf *token, int64_t *end_ms,
                  struct error *err)
{
    if (!connection->token_url || !connection->user || !connection->user[0])
        return connection_error(
            connection, err, ERROR_INVALID,
            "OAuth needs token_url, user (client id) and password (client secret)");
    struct buf secret;
    buf_init(&secret, SECRET_SIZE_MAX);
    bool ok = secret_read(connection, "password", &connection->password, &secret, err) &&
              request_token(transfer, connection, call, buf_text(&secret), token, end_ms, err);
    wipe(&secret);
    return ok;
}

/* ---- one fetch at a time ---- */

/* With the lock, which is free while the service is asked. */
static bool fetch_alone(struct transfer *transfer, const struct connection *connection,
                        const struct transfer_call *call, struct token *token, struct error *err)
{
    struct buf text;
    int64_t end_ms = 0;
    token->is_fetched = true;
    wipe(&token->text);
    pthread_mutex_unlock(&token->lock);
    buf_init(&text, OAUTH_TOKEN_SIZE_MAX);
    bool ok = fetch(transfer, connection, call, &text, &end_ms, err);
    struct error ignored;
    bool is_own = !ok && !call_goes_on(call, &ignored);
    pthread_mutex_lock(&token->lock);
    if (ok) {
        token->text = text;
        token->end_ms = end_ms;
    } else {
        wipe(&text);
    }
    token->failure = ok || is_own ? (struct error){0} : *err;
    token->is_fetched = false;
    token->fetches++;
    pthread_cond_broadcast(&token->changed);
    return ok;
}

/* With the lock: until the fetch of another thread has ended, whose failure is this caller's, too. */
static bool await_fetch(const struct connection *connection, const struct transfer_call *call,
                        struct token *token, struct error *err)
{
    const uint64_t before = token->fetches;
    struct error why = {0};
    while (token->fetches == before) {
        struct timespec until;
        if (!call_goes_on(call, &why))
            return connection_error(connection, err, why.kind, "waiting for a token: %s",
                                    why.message);
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += WAIT_STEP_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&token->changed, &token->lock, &until);
    }
    if (token->failure.kind == ERROR_NONE)
        return true;
    if (err)
        *err = token->failure;
    return false;
}

static bool is_good(const struct token *token, const char *refused)
{
    return token->text.size > 0 && clock_monotonic_ms() < token->end_ms &&
           !(refused && strcmp(refused, buf_text(&token->text)) == 0);
}

bool oauth_token(struct transfer *transfer, const struct connection *connection,
                 const struct transfer_call *call, const char *refused, struct buf *out,
                 struct error *err)
{
    struct tokens *tokens = transfer_keep(transfer, SLOT_TOKENS, make_tokens, free_tokens);
    struct token *token = tokens ? find_token(tokens, connection) : NULL;
    struct error local = {0};
    if (!token)
        return connection_error(connection, err, ERROR_INTERNAL, "out of memory");
    bool ok = true;
    pthread_mutex_lock(&token->lock);
    while (ok && !is_good(token, refused)) {
        if (token->is_fetched) {
            ok = await_fetch(connection, call, token, err);
            continue;
        }
        ok = fetch_alone(transfer, connection, call, token, err ? err : &local);
        break; /* what was just given is used, however short its life */
    }
    if (ok)
        buf_append(out, token->text.data, token->text.size);
    pthread_mutex_unlock(&token->lock);
    return ok && (!out->failed ||
                  connection_error(connection, err, ERROR_LIMIT, "the token is too long"));
}
