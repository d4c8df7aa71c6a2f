/* SPDX-License-Identifier: MIT */
/* Events of payload format 2.0 and their answers; how they are fetched and given. */
#include <pthread.h>

#include "loopback.h"
#include "server/lambda_api.h"
#include "server/lambda_event.h"

static cJSON *parse(const char *text)
{
    struct error err = {0};
    cJSON *json = json_parse(text, strlen(text), "event", JSON_STRICT, &err);
    CHECK(json != NULL);
    return json;
}

static bool read_request(const char *text, struct lambda_request *out, cJSON **json,
                         struct error *err)
{
    *json = parse(text);
    return lambda_request_read(out, *json, err);
}

static void what_a_request_is(void)
{
    static const struct {
        const char *text;
        bool is_request;
    } cases[] = {
        {"{\"version\":\"2.0\",\"requestContext\":{\"http\":{}}}", true},
        {"{\"requestContext\":{\"httpMethod\":\"GET\"}}", true},
        {"{\"requestContext\":{\"elb\":{}}}", true},
        {"{\"requestContext\":{}}", false},
        {"{\"requestContext\":1,\"version\":\"2.0\"}", false},
        {"{}", false},
        {"[]", false},
        {"1", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cJSON *json = parse(cases[i].text);
        CHECK_EQ_INT(lambda_event_is_request(json), cases[i].is_request);
        cJSON_Delete(json);
    }
}

#define EVENT(context, rest)                                                                       \
    "{\"version\":\"2.0\",\"requestContext\":{\"http\":{\"method\":\"PUT\",\"sourceIp\":\"192.0.2.7\"}" context "}" rest "}"

static void requests_are_read(void)
{
    struct lambda_request request;
    struct error err = {0};
    cJSON *json;
    CHECK_OK(read_request(EVENT(",\"stage\":\"prod\"", ",\"rawPath\":\"/prod/a/b\",\"headers\":"
                                "{\"content-type\":\"t/s\",\"authorization\":\"Basic x\",\"ce-id\":\"7\"},"
                                "\"body\":\"AP8=\",\"isBase64Encoded\":true"), &request, &json, &err),
             &err);
    CHECK_EQ_TEXT(request.event.method, "PUT");
    CHECK_EQ_TEXT(request.event.path, "/a/b");
    CHECK_EQ_TEXT(request.event.address, "192.0.2.7");
    CHECK_EQ_TEXT(request.event.content_type, "t/s");
    CHECK_EQ_TEXT(request.event.authorization, "Basic x");
    CHECK_EQ_TEXT(request.event.field(request.event.context, "ce-id"), "7");
    CHECK(request.event.field(request.event.context, "ce-type") == NULL);
    CHECK_EQ_INT(request.event.body_size, 2);
    CHECK(!request.event.is_authenticated);
    lambda_request_release(&request);
    cJSON_Delete(json);
}

static void paths_and_stages(void)
{
    static const char *const cases[][3] = {
        {"$default", "/x", "/x"},     {"prod", "/prod", "/"},     {"prod", "/prod/", "/"},
        {"prod", "/production/x", "/production/x"}, {"prod", "/other/prod", "/other/prod"},
        {"", "/x", "/x"},             {"prod", "", "/"},          {"prod", "x", "/"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[512];
        struct lambda_request request;
        struct error err = {0};
        cJSON *json;
        snprintf(text, sizeof text, EVENT(",\"stage\":\"%s\"", ",\"rawPath\":\"%s\""), cases[i][0],
                 cases[i][1]);
        CHECK_OK(read_request(text, &request, &json, &err), &err);
        CHECK_EQ_TEXT(request.path, cases[i][2]);
        CHECK_EQ_INT(request.event.body_size, 0);
        lambda_request_release(&request);
        cJSON_Delete(json);
    }
}

static void authorizers_are_believed(void)
{
    static const struct {
        const char *authorizer, *name;
        bool is_authenticated;
    } cases[] = {
        {",\"authorizer\":{\"iam\":{\"userArn\":\"arn:x\"}}", "arn:x", true},
        {",\"authorizer\":{\"jwt\":{\"claims\":{\"sub\":\"dacs\"}}}", "dacs", true},
        {",\"authorizer\":{\"lambda\":{\"any\":1}}", NULL, true},
        {",\"authorizer\":null", NULL, false},
        {",\"authorizer\":true", NULL, false},
        {"", NULL, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[512];
        struct lambda_request request;
        struct error err = {0};
        cJSON *json;
        snprintf(text, sizeof text, EVENT("%s", ""), cases[i].authorizer);
        CHECK_OK(read_request(text, &request, &json, &err), &err);
        CHECK_EQ_INT(request.event.is_authenticated, cases[i].is_authenticated);
        CHECK_EQ_TEXT(request.event.invoked_by, cases[i].name);
        lambda_request_release(&request);
        cJSON_Delete(json);
    }
}

static void what_cannot_be_read_is_refused(void)
{
    struct lambda_request request;
    struct error err = {0};
    cJSON *json;
    CHECK_FAILS(read_request("{\"version\":\"1.0\",\"requestContext\":{\"http\":{}}}", &request, &json,
                             &err), &err, ERROR_UNSUPPORTED);
    lambda_request_release(&request);
    cJSON_Delete(json);
    CHECK_FAILS(read_request(EVENT("", ",\"body\":\"@\",\"isBase64Encoded\":true"), &request, &json,
                             &err), &err, ERROR_INVALID);
    lambda_request_release(&request);
    cJSON_Delete(json);
}

static void expect_answer(const char *body, size_t size, bool with_body, const char *text)
{
    struct http_answer answer = {.status = 429, .content_type = "a/b", .retry_after_s = 60,
                                 .challenge = true, .instance = "id"};
    struct buf out;
    buf_init(&answer.body, 64);
    buf_append(&answer.body, body, size);
    buf_init(&out, 1024);
    lambda_answer_format(&answer, with_body, &out);
    CHECK_EQ_TEXT(buf_text(&out), text);
    buf_release(&out);
    buf_release(&answer.body);
}

#define HEAD                                                                                       \
    "{\"statusCode\":429,\"headers\":{\"Content-Type\":\"a/b\",\"WWW-Authenticate\":\"Basic "      \
    "realm=\\\"sluice\\\", charset=\\\"UTF-8\\\"\",\"Retry-After\":\"60\",\"Sluice-Instance\":\"id\"}"

static void answers_are_written(void)
{
    expect_answer("{\"a\":\"\n\"}", 9, true,
                  HEAD ",\"body\":\"{\\\"a\\\":\\\"\\u000a\\\"}\",\"isBase64Encoded\":false}");
    expect_answer("a\0b", 3, true, HEAD ",\"body\":\"YQBi\",\"isBase64Encoded\":true}");
    expect_answer("\xff", 1, true, HEAD ",\"body\":\"/w==\",\"isBase64Encoded\":true}");
    expect_answer("", 0, true, HEAD ",\"body\":\"\",\"isBase64Encoded\":false}");
    expect_answer("x", 1, false, HEAD "}");
}

/* ---- the Runtime API ------------------------------------------------------------------------------- */

/* The service: one event, whose id is so long, or an answer, which it takes up to a size. */
struct service_peer {
    int listener;
    size_t id_size, answer_max, answered;
    pthread_t thread;
};

static void *serve(void *context)
{
    struct service_peer *peer = context;
    struct buf request;
    char id[128], field[256];
    buf_init(&request, 2 * LAMBDA_ANSWER_SIZE_MAX);
    int connection = accept(peer->listener, NULL, NULL);
    CHECK(loopback_read(connection, &request));
    memset(id, 'i', peer->id_size);
    id[peer->id_size] = '\0';
    snprintf(field, sizeof field, "Lambda-Runtime-Aws-Request-Id: %s\r\n", id);
    const char *body = strstr(buf_text(&request), "\r\n\r\n");
    peer->answered = request.size - (size_t)(body + 4 - buf_text(&request));
    if (peer->id_size > 0)
        loopback_answer(connection, "200 OK", field, "{}");
    else
        loopback_answer(connection, peer->answered <= peer->answer_max ? "202 Accepted"
                                                                       : "413 Too Large", "", "{}");
    buf_release(&request);
    close(connection);
    return NULL;
}

static struct lambda_api *open_api(struct service_peer *peer, size_t id_size)
{
    char address[LOOPBACK_ADDRESS_SIZE];
    struct lambda_api *api = NULL;
    struct error err = {0};
    *peer = (struct service_peer){.listener = loopback_listen(address), .id_size = id_size,
                                  .answer_max = (6 << 20) + 100}; /* what AWS documents */
    CHECK_EQ_INT(pthread_create(&peer->thread, NULL, serve, peer), 0);
    CHECK_OK(lambda_api_open(&api, address, -1, &err), &err);
    return api;
}

static void close_api(struct service_peer *peer, struct lambda_api *api)
{
    CHECK_EQ_INT(pthread_join(peer->thread, NULL), 0);
    lambda_api_close(api);
    close(peer->listener);
}

static bool next_event(size_t id_size, struct error *err)
{
    struct service_peer peer;
    struct lambda_invocation invocation;
    struct lambda_api *api = open_api(&peer, id_size);
    bool ok = lambda_api_next(api, &invocation, err);
    CHECK_EQ_INT(strlen(invocation.id), ok ? id_size : 0);
    CHECK_EQ_TEXT(buf_text(&invocation.event), "{}");
    lambda_invocation_release(&invocation);
    close_api(&peer, api);
    return ok;
}

static void ids_hold_at_n_and_n_plus_1(void)
{
    struct error err = {0};
    CHECK_OK(next_event(LAMBDA_ID_SIZE_MAX, &err), &err);
    CHECK_FAILS(next_event(LAMBDA_ID_SIZE_MAX + 1, &err), &err, ERROR_BROKEN);
    CHECK_CONTAINS(err.message, "without a usable request id");
}

static bool give_answer(size_t size, struct error *err)
{
    struct service_peer peer;
    struct buf answer;
    struct lambda_api *api = open_api(&peer, 0);
    char *bytes = calloc(1, size);
    buf_init(&answer, size);
    buf_append(&answer, bytes, size);
    bool ok = lambda_api_respond(api, "id", &answer, err);
    close_api(&peer, api);
    CHECK_EQ_INT(peer.answered, size); /* nothing is cut */
    buf_release(&answer);
    free(bytes);
    return ok;
}

static void answers_hold_at_n_and_n_plus_1(void)
{
    struct error err = {0};
    CHECK_OK(give_answer(LAMBDA_ANSWER_SIZE_MAX, &err), &err);
    CHECK_FAILS(give_answer(LAMBDA_ANSWER_SIZE_MAX + 1, &err), &err, ERROR_LIMIT);
    CHECK_EQ_TEXT(err.message, "the answer is larger than the 6291556 bytes that AWS Lambda takes");
}

CHECK_MAIN(TEST(what_a_request_is), TEST(requests_are_read), TEST(paths_and_stages),
           TEST(authorizers_are_believed), TEST(what_cannot_be_read_is_refused),
           TEST(answers_are_written), TEST(ids_hold_at_n_and_n_plus_1),
           TEST(answers_hold_at_n_and_n_plus_1))
