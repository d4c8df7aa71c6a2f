/* SPDX-License-Identifier: MIT */
/* Addresses, header lookups, token answers and SMTP replies: what needs no peer. */
#include "check.h"
#include "transfer/http_answer.h"
#include "transfer/oauth.h"
#include "transfer/smtp_dialogue.h"

static char url_text[512];

static void check_target(const char *url, const char *path, const char *target, const char *host)
{
    struct http_target out;
    struct error err = {0};
    snprintf(url_text, sizeof url_text, "%s", url);
    const struct connection connection = {.name = "R", .url = url_text};
    CHECK_OK(http_target_build(&connection, path, &out, &err), &err);
    CHECK_EQ_TEXT(buf_text(&out.target), target);
    CHECK_EQ_TEXT(buf_text(&out.host), host);
    http_target_release(&out);
}

static void test_targets(void)
{
    check_target("https://a.example", "/x?y=%20", "/x?y=%20", "a.example");
    check_target("https://a.example:443", "/", "/", "a.example");
    check_target("https://a.example:80", "/", "/", "a.example:80");
    check_target("http://a.example:80/ouaf", "/x", "/ouaf/x", "a.example");
    check_target("HTTP://[::1]:8080/a/b", "/x", "/a/b/x", "[::1]:8080");
    check_target("https://a.example/token", "", "/token", "a.example");
}

static void check_no_target(const char *url, const char *path)
{
    struct http_target out;
    struct error err = {0};
    snprintf(url_text, sizeof url_text, "%s", url);
    const struct connection connection = {.name = "R", .url = url_text};
    CHECK_FAILS(http_target_build(&connection, path, &out, &err), &err, ERROR_INVALID);
    CHECK_CONTAINS(err.message, "connection 'R'");
    http_target_release(&out);
}

static void test_what_is_no_target(void)
{
    static const char *const urls[] = {"", "ftp://a", "https://", "https:///x", "https://u:p@a",
                                       "https://a?x", "https://a#x", "https://a b", "a.example"};
    static const char *const paths[] = {"x",     "/a b",      "/a\r\nb", "/a\tb",
                                        "/\x7F", "/\xC3\xA4", "/a#b"};
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++)
        check_no_target(urls[i], "/");
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        check_no_target("https://a", paths[i]);
}

static void test_target_limit(void)
{
    char path[HTTP_TARGET_SIZE_MAX + 1];
    struct http_target out;
    struct error err = {0};
    char url[] = "http://a";
    const struct connection connection = {.name = "R", .url = url};
    for (size_t size = HTTP_TARGET_SIZE_MAX - 8; size <= HTTP_TARGET_SIZE_MAX - 7; size++) {
        memset(path, '/', size);
        path[size] = '\0';
        if (size == HTTP_TARGET_SIZE_MAX - 8)
            CHECK_OK(http_target_build(&connection, path, &out, &err), &err);
        else
            CHECK_FAILS(http_target_build(&connection, path, &out, &err), &err, ERROR_LIMIT);
        http_target_release(&out);
    }
}

static void test_header_lookup(void)
{
    struct http_response response = {0};
    char value[8];
    buf_init(&response.headers, 1000);
    buf_append_text(&response.headers,
                    "etag: one\netag-more: two\nlong: 12345678\nfull: 1234567\nempty: \n"
                    "etag: second\n");
    CHECK(http_response_header(&response, "etag", value, sizeof value));
    CHECK_EQ_TEXT(value, "one");
    CHECK(http_response_header(&response, "etag-more", value, sizeof value));
    CHECK_EQ_TEXT(value, "two");
    CHECK(http_response_header(&response, "full", value, sizeof value));
    CHECK_EQ_TEXT(value, "1234567");
    CHECK(!http_response_header(&response, "long", value, sizeof value));
    CHECK(http_response_header(&response, "empty", value, sizeof value));
    CHECK_EQ_TEXT(value, "");
    CHECK(!http_response_header(&response, "eta", value, sizeof value));
    http_response_release(&response);
    CHECK(!http_response_header(&response, "etag", value, sizeof value));
}

static bool parse_token(const char *text, struct buf *token, int64_t *life_s, struct error *err)
{
    buf_init(token, OAUTH_TOKEN_SIZE_MAX);
    return oauth_parse(text, strlen(text), token, life_s, err);
}

static void test_token_answers(void)
{
    struct buf token;
    struct error err = {0};
    int64_t life_s = -1;
    CHECK_OK(parse_token(
                 "{\"access_token\":\"abc.d-e_f~+/=\",\"token_type\":\"bearer\",\"expires_in\":60}",
                 &token, &life_s, &err),
             &err);
    CHECK_EQ_TEXT(buf_text(&token), "abc.d-e_f~+/=");
    CHECK_EQ_INT(life_s, 60);
    buf_release(&token);
    CHECK_OK(parse_token("{\"access_token\":\"a\",\"expires_in\":-5}", &token, &life_s, &err),
             &err);
    CHECK_EQ_INT(life_s, OAUTH_LIFE_DEFAULT_S);
    buf_release(&token);
    static const struct {
        const char *text;
        enum error_kind kind;
    } bad[] = {{"", ERROR_BROKEN}, {"[]", ERROR_BROKEN}, {"{\"access_token\":5}", ERROR_BROKEN},
               {"{\"access_token\":\"\"}", ERROR_BROKEN},
               {"{\"access_token\":\"a\\r\\nX: y\"}", ERROR_BROKEN},
               {"{\"access_token\":\"a\",\"token_type\":\"mac\"}", ERROR_UNSUPPORTED}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CHECK_FAILS(parse_token(bad[i].text, &token, &life_s, &err), &err, bad[i].kind);
        buf_release(&token);
    }
    for (size_t size = OAUTH_TOKEN_SIZE_MAX; size <= OAUTH_TOKEN_SIZE_MAX + 1; size++) {
        struct buf text;
        buf_init(&text, 65536);
        buf_append_text(&text, "{\"access_token\":\"");
        for (size_t i = 0; i < size; i++)
            buf_append_char(&text, 't');
        buf_append_text(&text, "\"}");
        CHECK_EQ_INT(parse_token(buf_text(&text), &token, &life_s, &err),
                     size == OAUTH_TOKEN_SIZE_MAX);
        buf_release(&token);
        buf_release(&text);
    }
}

static void sent(struct smtp_dialogue *dialogue, const char *line)
{
    smtp_dialogue_sent(dialogue, line, strlen(line));
}

static void received(struct smtp_dialogue *dialogue, const char *line)
{
    smtp_dialogue_received(dialogue, line, strlen(line));
}

static void test_smtp_dialogue(void)
{
    struct smtp_dialogue dialogue;
    smtp_dialogue_init(&dialogue);
    received(&dialogue, "220 mail.test \x1b[31m ready\r\n");
    CHECK_EQ_TEXT(dialogue.banner, "mail.test ?[31m ready");
    received(&dialogue, "250-mail.test\r\n");
    received(&dialogue, "250-AUTH PLAIN LOGIN\r\n");
    received(&dialogue, "250 SIZE\r\n");
    CHECK(dialogue.offers_auth && !dialogue.did_auth);
    sent(&dialogue, "AUTH PLAIN c2VjcmV0\r\n");
    received(&dialogue, "235 ok\r\n");
    CHECK(dialogue.did_auth);
    sent(&dialogue, "RCPT TO:<a@good.test>\r\n");
    received(&dialogue, "250 ok\r\n");
    sent(&dialogue, "RCPT TO:<b@bad.test> NOTIFY=NEVER\r\n");
    received(&dialogue, "550-no\r\n");
    received(&dialogue, "550 such mailbox\r\n");
    sent(&dialogue, "DATA\r\n");
    received(&dialogue, "354 go\r\n");
    CHECK_EQ_INT(dialogue.accepted, 1);
    CHECK_EQ_TEXT(buf_text(&dialogue.refused), "b@bad.test: 550 such mailbox\n");
    CHECK_EQ_INT(dialogue.code, 0);
    CHECK(dialogue.is_data);
    received(&dialogue, "");
    received(&dialogue, "9");
    received(&dialogue, "hello\r\n");
    CHECK_EQ_INT(dialogue.code, 0);
    smtp_dialogue_release(&dialogue);
}

CHECK_MAIN(TEST(test_targets), TEST(test_what_is_no_target), TEST(test_target_limit),
           TEST(test_header_lookup), TEST(test_token_answers), TEST(test_smtp_dialogue))
