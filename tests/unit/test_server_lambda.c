/* SPDX-License-Identifier: MIT */
/* Events of payload format 2.0 and their answers. */
#include "check.h"
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

CHECK_MAIN(TEST(what_a_request_is), TEST(requests_are_read), TEST(paths_and_stages),
           TEST(authorizers_are_believed), TEST(what_cannot_be_read_is_refused),
           TEST(answers_are_written))
