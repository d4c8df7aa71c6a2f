/* SPDX-License-Identifier: MIT */
/* What is worth asking again: by code and command at every protocol, and Retry-After. */
#include "base/clock.h"
#include "check.h"
#include "transfer/ftp_session.h"
#include "transfer/object_http.h"
#include "transfer/smtp.h"

static char name[] = "C";
static const struct connection connection = {.name = name, .connect_timeout_ms = 10};

static struct handle handle_make(struct ftp_dialogue *dialogue)
{
    return (struct handle){.easy = curl_easy_init(), .connection = &connection, .dialogue = dialogue};
}

static const char *word(enum error_retry retry)
{
    static const char *const words[] = {"never", "once", "few", "later"};
    return words[retry];
}

#define CHECK_VERDICT(err, expected_kind, expected_retry, what)                                    \
    do {                                                                                           \
        int check_before = check_failures;                                                         \
        CHECK_EQ_TEXT(error_kind_name((err)->kind), error_kind_name(expected_kind));               \
        CHECK_EQ_TEXT(word((err)->retry), word(expected_retry));                                   \
        if (check_failures != check_before)                                                        \
            fprintf(stderr, "    at: %s\n", (what));                                               \
    } while (0)

/* ---- below the protocols ---- */

static void libcurls_verdicts(void)
{
    static const struct {
        CURLcode code;
        enum error_kind kind;
        enum error_retry retry;
        const char *why;
    } rows[] = {
        {CURLE_COULDNT_RESOLVE_HOST, ERROR_UNAVAILABLE, RETRY_FEW, "no such name, or no name service"},
        {CURLE_COULDNT_CONNECT, ERROR_UNAVAILABLE, RETRY_LATER, "refused, unreachable"},
        {CURLE_OPERATION_TIMEDOUT, ERROR_UNAVAILABLE, RETRY_LATER, "no connection in time"},
        {CURLE_SEND_ERROR, ERROR_UNAVAILABLE, RETRY_LATER, "lost while sending"},
        {CURLE_RECV_ERROR, ERROR_UNAVAILABLE, RETRY_LATER, "lost while receiving"},
        {CURLE_GOT_NOTHING, ERROR_UNAVAILABLE, RETRY_LATER, "closed without an answer"},
        {CURLE_PARTIAL_FILE, ERROR_BROKEN, RETRY_LATER, "cut"},
        {CURLE_SSL_CONNECT_ERROR, ERROR_REFUSED, RETRY_FEW, "handshake broken off, or a wrong setting"},
        {CURLE_PEER_FAILED_VERIFICATION, ERROR_DENIED, RETRY_NEVER, "certificate"},
        {CURLE_USE_SSL_FAILED, ERROR_REFUSED, RETRY_NEVER, "no TLS there"},
        {CURLE_SSL_CACERT_BADFILE, ERROR_INVALID, RETRY_NEVER, "our file"},
        {CURLE_SSL_CERTPROBLEM, ERROR_INVALID, RETRY_NEVER, "our file"},
        {CURLE_SSL_CIPHER, ERROR_REFUSED, RETRY_NEVER, "no common cipher"},
        {CURLE_LOGIN_DENIED, ERROR_DENIED, RETRY_NEVER, "accounts get locked"},
        {CURLE_FILESIZE_EXCEEDED, ERROR_LIMIT, RETRY_NEVER, "a limit of ours"},
        {CURLE_OUT_OF_MEMORY, ERROR_INTERNAL, RETRY_NEVER, "this machine"},
        {CURLE_URL_MALFORMAT, ERROR_INVALID, RETRY_NEVER, "the configuration"},
        {CURLE_UNSUPPORTED_PROTOCOL, ERROR_UNSUPPORTED, RETRY_NEVER, "this libcurl"},
        {CURLE_ABORTED_BY_CALLBACK, ERROR_CANCELLED, RETRY_NEVER, "somebody asked to stop"},
        {CURLE_HTTP2, ERROR_UNAVAILABLE, RETRY_FEW, "whatever else there is"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct handle handle = handle_make(NULL);
        struct error err = {0};
        CHECK(!handle_fail(&handle, rows[i].code, &err));
        CHECK_VERDICT(&err, rows[i].kind, rows[i].retry, rows[i].why);
        curl_easy_cleanup(handle.easy);
    }
}

static void a_server_that_falls_silent(void)
{
    struct handle handle = handle_make(NULL);
    struct error err = {0};
    handle.was_used = true; /* so it was connected */
    CHECK(!handle_fail(&handle, CURLE_OPERATION_TIMEDOUT, &err));
    CHECK_VERDICT(&err, ERROR_TIMEOUT, RETRY_LATER, "stall");
    curl_easy_cleanup(handle.easy);
}

/* ---- FTP ---- */

static const struct {
    enum ftp_wish wish;
    const char *verb;
    int code;
    const char *text;
    enum error_kind kind;
    enum error_retry retry;
    const char *why;
} ftp_rows[] = {
    {FTP_WISH_LIST, "", 421, "too many connections", ERROR_UNAVAILABLE, RETRY_LATER, "greeting"},
    {FTP_WISH_LIST, "", 450, "not now", ERROR_UNAVAILABLE, RETRY_LATER, "greeting"},
    {FTP_WISH_LIST, "", 530, "access denied", ERROR_DENIED, RETRY_NEVER, "greeting that refuses us"},
    {FTP_WISH_STORE, "STOR", 421, "timeout", ERROR_UNAVAILABLE, RETRY_LATER, "421 at any command"},
    {FTP_WISH_RENAME, "RNTO", 421, "bye", ERROR_UNAVAILABLE, RETRY_LATER, "421 at any command"},
    {FTP_WISH_LIST, "USER", 421, "TLS is required", ERROR_DENIED, RETRY_NEVER, "Pure-FTPd wants TLS"},
    {FTP_WISH_LIST, "PASS", 530, "Login incorrect", ERROR_DENIED, RETRY_NEVER, "wrong password"},
    {FTP_WISH_LIST, "PASS", 430, "bad password", ERROR_DENIED, RETRY_NEVER, "wrong, in other words"},
    {FTP_WISH_LIST, "PASS", 530, "Sorry, too many users", ERROR_UNAVAILABLE, RETRY_LATER, "busy"},
    {FTP_WISH_LIST, "PASS", 530, "maximum logins", ERROR_UNAVAILABLE, RETRY_LATER, "busy"},
    {FTP_WISH_LIST, "USER", 434, "host unavailable", ERROR_UNAVAILABLE, RETRY_LATER, "RFC 7151"},
    {FTP_WISH_LIST, "PASS", 451, "directory service away", ERROR_UNAVAILABLE, RETRY_LATER, "login"},
    {FTP_WISH_LIST, "PASS", 332, "account?", ERROR_UNSUPPORTED, RETRY_NEVER, "ACCT"},
    {FTP_WISH_LIST, "AUTH", 431, "no resources", ERROR_REFUSED, RETRY_LATER, "RFC 2228"},
    {FTP_WISH_LIST, "AUTH", 502, "what?", ERROR_REFUSED, RETRY_NEVER, "no TLS"},
    {FTP_WISH_LIST, "PROT", 536, "no", ERROR_REFUSED, RETRY_NEVER, "no TLS on data"},
    {FTP_WISH_STORE, "STOR", 530, "log in first", ERROR_DENIED, RETRY_NEVER, "530 in a session"},
    {FTP_WISH_READ, "EPSV", 425, "no port", ERROR_UNAVAILABLE, RETRY_LATER, "ports ran out"},
    {FTP_WISH_READ, "PASV", 500, "OOPS", ERROR_UNAVAILABLE, RETRY_FEW, "ports ran out, or never"},
    {FTP_WISH_STORE, "STOR", 425, "cannot open", ERROR_UNAVAILABLE, RETRY_LATER, "data connection"},
    {FTP_WISH_STORE, "STOR", 522, "session reuse required", ERROR_UNSUPPORTED, RETRY_NEVER, "TLS session"},
    {FTP_WISH_STORE, "CWD", 550, "no such folder", ERROR_NOT_FOUND, RETRY_NEVER, "folder"},
    {FTP_WISH_LIST, "CWD", 450, "busy", ERROR_NOT_FOUND, RETRY_FEW, "folder"},
    {FTP_WISH_LIST, "LIST", 426, "broken", ERROR_BROKEN, RETRY_LATER, "cut"},
    {FTP_WISH_LIST, "MLSD", 451, "read error", ERROR_BROKEN, RETRY_LATER, "cut"},
    {FTP_WISH_LIST, "LIST", 450, "later", ERROR_REFUSED, RETRY_FEW, "listing"},
    {FTP_WISH_LIST, "LIST", 502, "no", ERROR_REFUSED, RETRY_NEVER, "listing"},
    {FTP_WISH_READ, "RETR", 550, "no such file", ERROR_NOT_FOUND, RETRY_NEVER, "gone"},
    {FTP_WISH_READ, "RETR", 550, "Permission denied", ERROR_DENIED, RETRY_NEVER, "forbidden"},
    {FTP_WISH_READ, "RETR", 450, "in use", ERROR_UNAVAILABLE, RETRY_LATER, "busy file"},
    {FTP_WISH_READ, "RETR", 426, "aborted", ERROR_BROKEN, RETRY_LATER, "cut"},
    {FTP_WISH_READ, "RETR", 451, "read error", ERROR_BROKEN, RETRY_LATER, "cut"},
    {FTP_WISH_LOOK, "TYPE", 451, "?", ERROR_BROKEN, RETRY_LATER, "look"},
    {FTP_WISH_STORE, "STOR", 426, "aborted", ERROR_BROKEN, RETRY_FEW, "broken, or pyftpdlib's full disk"},
    {FTP_WISH_STORE, "STOR", 451, "write error", ERROR_LIMIT, RETRY_FEW, "full disk of three servers, or broken"},
    {FTP_WISH_STORE, "STOR", 452, "no space", ERROR_LIMIT, RETRY_NEVER, "full disk"},
    {FTP_WISH_STORE, "STOR", 552, "quota", ERROR_LIMIT, RETRY_NEVER, "quota"},
    {FTP_WISH_STORE, "STOR", 550, "quota exceeded", ERROR_LIMIT, RETRY_NEVER, "quota in words"},
    {FTP_WISH_STORE, "STOR", 450, "busy", ERROR_UNAVAILABLE, RETRY_LATER, "busy file"},
    {FTP_WISH_STORE, "STOR", 553, "denied", ERROR_DENIED, RETRY_NEVER, "forbidden"},
    {FTP_WISH_STORE, "STOR", 550, "denied", ERROR_DENIED, RETRY_NEVER, "forbidden"},
    {FTP_WISH_RENAME, "RNFR", 550, "no such file", ERROR_NOT_FOUND, RETRY_NEVER, "gone"},
    {FTP_WISH_RENAME, "RNFR", 450, "in use", ERROR_UNAVAILABLE, RETRY_LATER, "busy file"},
    {FTP_WISH_RENAME, "RNTO", 550, "denied", ERROR_REFUSED, RETRY_NEVER, "forbidden"},
    {FTP_WISH_RENAME, "RNTO", 553, "denied", ERROR_REFUSED, RETRY_NEVER, "forbidden"},
    {FTP_WISH_RENAME, "RNTO", 451, "Rename failure", ERROR_REFUSED, RETRY_NEVER,
     "Pure-FTPd into a missing folder"},
    {FTP_WISH_RENAME, "RNTO", 450, "in use", ERROR_UNAVAILABLE, RETRY_LATER, "busy file"},
};

static void ftp_replies(void)
{
    for (size_t i = 0; i < sizeof ftp_rows / sizeof ftp_rows[0]; i++) {
        struct ftp_dialogue dialogue = {.count = 1};
        struct ftp_exchange *said = &dialogue.exchanges[0];
        struct handle handle = handle_make(&dialogue);
        struct error err = {0};
        snprintf(said->verb, sizeof said->verb, "%s", ftp_rows[i].verb);
        snprintf(said->text, sizeof said->text, "%s", ftp_rows[i].text);
        said->code = said->code_first = ftp_rows[i].code;
        CHECK(!ftp_fail(&handle, CURLE_QUOTE_ERROR, ftp_rows[i].wish, "x.csv", &err));
        CHECK_VERDICT(&err, ftp_rows[i].kind, ftp_rows[i].retry, ftp_rows[i].why);
        CHECK_EQ_INT(err.peer_code, ftp_rows[i].code);
        curl_easy_cleanup(handle.easy);
    }
}

static void an_upload_that_breaks_under_libcurl(void)
{
    struct ftp_dialogue dialogue = {.count = 1, .exchanges = {{.verb = "STOR", .code = 150}}};
    struct handle handle = handle_make(&dialogue);
    struct error err = {0};
    CHECK(!ftp_fail(&handle, CURLE_SEND_ERROR, FTP_WISH_STORE, "x.csv", &err));
    CHECK_VERDICT(&err, ERROR_BROKEN, RETRY_FEW, "send error behind 150");
    curl_easy_cleanup(handle.easy);
}

/* ---- HTTP ---- */

static void set_answer(struct http_response *response, int status, const char *headers,
                       const char *body)
{
    *response = (struct http_response){.status = status};
    buf_init(&response->headers, 1000);
    buf_init(&response->body, 1000);
    buf_append_text(&response->headers, headers);
    buf_append_text(&response->body, body);
}

static void object_storage_answers(void)
{
    static const struct {
        int status;
        const char *code;
        enum error_kind kind;
        enum error_retry retry;
    } rows[] = {
        {307, "", ERROR_REFUSED, RETRY_NEVER},
        {400, "InvalidParameter", ERROR_REFUSED, RETRY_NEVER},
        {400, "UnmatchedContentMD5", ERROR_BROKEN, RETRY_LATER},
        {401, "NotAuthenticated", ERROR_DENIED, RETRY_NEVER},
        {403, "NotAllowed", ERROR_DENIED, RETRY_NEVER},
        {404, "BucketNotFound", ERROR_NOT_FOUND, RETRY_ONCE},
        {404, "ObjectNotFound", ERROR_NOT_FOUND, RETRY_NEVER},
        {404, "NotAuthorizedOrNotFound", ERROR_NOT_FOUND, RETRY_NEVER},
        {408, "", ERROR_UNAVAILABLE, RETRY_LATER},
        {409, "IncorrectState", ERROR_UNAVAILABLE, RETRY_LATER},
        {409, "ExternalServerIncorrectState", ERROR_UNAVAILABLE, RETRY_LATER},
        {409, "LockConflict", ERROR_UNAVAILABLE, RETRY_LATER},
        {409, "ConcurrentObjectUpdate", ERROR_UNAVAILABLE, RETRY_LATER},
        {409, "Conflict", ERROR_REFUSED, RETRY_NEVER},
        {409, "NotAuthorizedOrResourceAlreadyExists", ERROR_REFUSED, RETRY_NEVER},
        {412, "IfNoneMatchFailed", ERROR_EXISTS, RETRY_NEVER},
        {412, "IfMatchFailed", ERROR_BROKEN, RETRY_NEVER},
        {413, "", ERROR_LIMIT, RETRY_NEVER},
        {429, "TooManyRequests", ERROR_UNAVAILABLE, RETRY_LATER},
        {500, "InternalServerError", ERROR_UNAVAILABLE, RETRY_LATER},
        {501, "MethodNotImplemented", ERROR_UNSUPPORTED, RETRY_NEVER},
        {502, "", ERROR_UNAVAILABLE, RETRY_LATER},
        {503, "ServiceUnavailable", ERROR_UNAVAILABLE, RETRY_LATER},
        {504, "", ERROR_UNAVAILABLE, RETRY_LATER},
        {599, "", ERROR_UNAVAILABLE, RETRY_LATER},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct http_response response;
        struct error err = {0};
        char body[100], what[100];
        snprintf(body, sizeof body, "{\"code\":\"%s\",\"message\":\"words\"}", rows[i].code);
        snprintf(what, sizeof what, "%d %s", rows[i].status, rows[i].code);
        set_answer(&response, rows[i].status, "retry-after: 7\n", rows[i].code[0] ? body : "");
        CHECK(!object_refuse(&connection, &response, "object 'x'", &err));
        CHECK_VERDICT(&err, rows[i].kind, rows[i].retry, what);
        CHECK_EQ_INT(err.peer_code, rows[i].status);
        CHECK_EQ_INT(err.retry_after_ms, 7000);
        http_response_release(&response);
    }
}

static void answers_of_rest_services(void)
{
    static const struct {
        int status;
        enum error_retry repeatable, other;
    } rows[] = {
        {200, RETRY_NEVER, RETRY_NEVER}, {301, RETRY_NEVER, RETRY_NEVER},
        {400, RETRY_NEVER, RETRY_NEVER}, {401, RETRY_NEVER, RETRY_NEVER},
        {404, RETRY_NEVER, RETRY_NEVER}, {408, RETRY_LATER, RETRY_NEVER},
        {409, RETRY_NEVER, RETRY_NEVER}, {429, RETRY_LATER, RETRY_LATER},
        {500, RETRY_FEW, RETRY_NEVER},   {501, RETRY_NEVER, RETRY_NEVER},
        {502, RETRY_LATER, RETRY_NEVER}, {503, RETRY_LATER, RETRY_LATER},
        {504, RETRY_LATER, RETRY_NEVER},
    };
    static const char *const repeatable[] = {"GET", "HEAD", "PUT", "DELETE"};
    static const char *const other[] = {"POST", "PATCH"};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct http_response response;
        uint32_t after_ms = 1;
        set_answer(&response, rows[i].status, "", "");
        for (size_t j = 0; j < 4; j++)
            CHECK_EQ_INT(http_answer_retry(repeatable[j], &response, &after_ms), rows[i].repeatable);
        for (size_t j = 0; j < 2; j++)
            CHECK_EQ_INT(http_answer_retry(other[j], &response, &after_ms), rows[i].other);
        CHECK_EQ_INT(after_ms, 0);
        http_response_release(&response);
    }
}

_Static_assert(HTTP_RETRY_AFTER_MS_MAX == 300000, "the rows below are around it");

static void retry_after(void)
{
    static const struct {
        const char *value;
        uint32_t expected_ms;
        const char *why;
    } rows[] = {
        {"0", 0, "at once"},
        {"1", 1000, "a second"},
        {"299", 299000, "below the cap"},
        {"300", 300000, "the cap"},
        {"301", 300000, "over the cap"},
        {"86400", 300000, "a day"},
        {"99999999999999999999999999", 300000, "no number holds it"},
        {"-5", 0, "negative"},
        {"1.5", 0, "no whole seconds"},
        {"soon", 0, "a word"},
        {"", 0, "empty"},
        {"Tue, 24 Nov 2026 02:37:10 GMT", 10000, "a date"},
        {"Tue, 24 Nov 2026 02:36:59 GMT", 0, "a date that is over"},
        {"Tue, 24 Nov 2026 02:42:00 GMT", 300000, "a date at the cap"},
        {"Wed, 24 Nov 2027 02:37:00 GMT", 300000, "next year"},
        {"Tue, 24 Nov 2026 02:37:10 CET", 0, "another zone"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct http_response response;
        char headers[100];
        snprintf(headers, sizeof headers, "retry-after: %s\n", rows[i].value);
        set_answer(&response, 503, headers, "");
        CHECK_EQ_INT(http_retry_after_ms(&response, 1795487820), rows[i].expected_ms);
        http_response_release(&response);
    }
    struct http_response without;
    set_answer(&without, 503, "", "");
    CHECK_EQ_INT(http_retry_after_ms(&without, 0), 0);
    http_response_release(&without);
}

/* ---- SMTP ---- */

static void hear(struct smtp_dialogue *dialogue, const char *sent, const char *received)
{
    if (sent)
        smtp_dialogue_sent(dialogue, sent, strlen(sent));
    smtp_dialogue_received(dialogue, received, strlen(received));
}

static void mail_replies(void)
{
    static const struct {
        const char *sent, *received;
        CURLcode code;
        enum error_kind kind;
        enum error_retry retry;
    } rows[] = {
        {NULL, "421 busy\r\n", CURLE_SEND_ERROR, ERROR_UNAVAILABLE, RETRY_LATER},
        {NULL, "554 no service for you\r\n", CURLE_SEND_ERROR, ERROR_DENIED, RETRY_NEVER},
        {"EHLO x\r\n", "550 blocked\r\n", CURLE_SEND_ERROR, ERROR_DENIED, RETRY_NEVER},
        {"STARTTLS\r\n", "454 TLS is away\r\n", CURLE_USE_SSL_FAILED, ERROR_UNAVAILABLE, RETRY_LATER},
        {"STARTTLS\r\n", "502 what?\r\n", CURLE_USE_SSL_FAILED, ERROR_REFUSED, RETRY_NEVER},
        {"AUTH PLAIN\r\n", "454 directory is away\r\n", CURLE_LOGIN_DENIED, ERROR_UNAVAILABLE, RETRY_LATER},
        {"AUTH PLAIN\r\n", "535 wrong\r\n", CURLE_SEND_ERROR, ERROR_DENIED, RETRY_NEVER},
        {"MAIL FROM:<a@b>\r\n", "530 log in first\r\n", CURLE_SEND_ERROR, ERROR_DENIED, RETRY_NEVER},
        {"MAIL FROM:<a@b>\r\n", "451 later\r\n", CURLE_SEND_ERROR, ERROR_UNAVAILABLE, RETRY_LATER},
        {"MAIL FROM:<a@b>\r\n", "552 too large\r\n", CURLE_SEND_ERROR, ERROR_REFUSED, RETRY_NEVER},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct smtp_dialogue dialogue;
        struct handle handle = handle_make(NULL);
        struct error err = {0};
        smtp_dialogue_init(&dialogue);
        hear(&dialogue, rows[i].sent, rows[i].received);
        CHECK(!smtp_fail(&handle, &dialogue, rows[i].code, &err));
        CHECK_VERDICT(&err, rows[i].kind, rows[i].retry, rows[i].received);
        smtp_dialogue_release(&dialogue);
        curl_easy_cleanup(handle.easy);
    }
}

static void recipients_that_are_refused_for_now(void)
{
    struct smtp_dialogue dialogue;
    smtp_dialogue_init(&dialogue);
    hear(&dialogue, "RCPT TO:<a@x>\r\n", "250 ok\r\n");
    hear(&dialogue, "RCPT TO:<b@x>\r\n", "450 greylisted\r\n");
    hear(&dialogue, "RCPT TO:<c@x>\r\n", "550 nobody\r\n");
    hear(&dialogue, "RCPT TO:<d@x>\r\n", "452 full\r\n");
    hear(&dialogue, "RCPT TO:<e@x>\r\n", "552 too many recipients\r\n"); /* RFC 5321 4.5.3.1.10 */
    hear(&dialogue, "RCPT TO:<f@x>\r\n", "354 what?\r\n"); /* none to libcurl, either */
    CHECK_EQ_INT(dialogue.accepted, 1);
    CHECK_EQ_INT(dialogue.answered, 6);
    CHECK_EQ_TEXT(buf_text(&dialogue.deferred), "b@x, d@x, e@x, f@x");
    CHECK_EQ_TEXT(buf_text(&dialogue.refused), "c@x: 550 nobody\n");
    CHECK_EQ_TEXT(buf_text(&dialogue.delayed), "b@x: 450 greylisted\nd@x: 452 full\n"
                                               "e@x: 552 too many recipients\nf@x: 354 what?\n");
    smtp_dialogue_release(&dialogue);
}

/* A refusal is of the last command, until the next one is said; what is said of QUIT changes nothing. */
static void what_was_refused_last(void)
{
    struct smtp_dialogue dialogue;
    smtp_dialogue_init(&dialogue);
    hear(&dialogue, "EHLO h\r\n", "502 no\r\n");
    CHECK_EQ_INT(dialogue.code, 502);
    smtp_dialogue_sent(&dialogue, "HELO h\r\n", 8);
    CHECK_EQ_INT(dialogue.code, 0);
    CHECK_EQ_TEXT(dialogue.words, "");
    hear(&dialogue, "RCPT TO:<a@x>\r\n", "550 nobody\r\n");
    hear(&dialogue, "RCPT TO:<b@x>\r\n", "250 ok\r\n");
    CHECK_EQ_INT(dialogue.code, 0);
    hear(&dialogue, "RCPT TO:<c@x>\r\n", "550 nobody\r\n");
    hear(&dialogue, "DATA\r\n", "354 go\r\n");
    CHECK_EQ_INT(dialogue.code, 0); /* the connection is lost now: nobody was refused for that */
    smtp_dialogue_received(&dialogue, "554x no reply\r\n", 15);
    CHECK_EQ_INT(dialogue.code, 0);
    smtp_dialogue_received(&dialogue, "451 later\r\n", 11);
    hear(&dialogue, "QUIT\r\n", "421 gone\r\n");
    CHECK_EQ_INT(dialogue.code, 451);
    CHECK_EQ_TEXT(dialogue.words, "451 later");
    CHECK_EQ_INT(dialogue.answered, 3);
    smtp_dialogue_release(&dialogue);
}

CHECK_MAIN(TEST(libcurls_verdicts), TEST(a_server_that_falls_silent), TEST(ftp_replies),
           TEST(an_upload_that_breaks_under_libcurl), TEST(object_storage_answers),
           TEST(answers_of_rest_services), TEST(retry_after), TEST(mail_replies),
           TEST(recipients_that_are_refused_for_now), TEST(what_was_refused_last))
