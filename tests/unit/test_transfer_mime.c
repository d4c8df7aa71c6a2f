/* SPDX-License-Identifier: MIT */
/* Mails as text: encodings by known answers, addresses by a table, limits at n and n + 1. */
#include <stdlib.h>

#include "check.h"
#include "transfer/mime.h"

static void check_quoted(const char *text, const char *expected)
{
    struct buf out;
    buf_init(&out, 65536);
    mime_append_quoted_printable(&out, text);
    CHECK_EQ_TEXT(buf_text(&out), expected);
    buf_release(&out);
}

static void test_quoted_printable(void)
{
    check_quoted("plain", "plain");
    check_quoted("a=b", "a=3Db");
    check_quoted("Grüße", "Gr=C3=BC=C3=9Fe");
    check_quoted("a\nb\r\nc", "a\r\nb\r\nc");
    check_quoted("lone\rreturn", "lone=0Dreturn");
    check_quoted("blank \nend", "blank=20\r\nend");
    check_quoted("tab\t", "tab=09");
    check_quoted("inner blank stays", "inner blank stays");
    check_quoted(".\n..", "=2E\r\n=2E.");
    check_quoted("\x01", "=01");
}

static void check_lines(const char *text, size_t size_max)
{
    while (*text) {
        size_t size = strcspn(text, "\r\n");
        CHECK(size <= size_max);
        CHECK(strchr("\r", text[size]) != NULL || text[size] == '\0');
        text += size + strspn(text + size, "\r\n");
    }
}

static void test_long_lines_are_broken(void)
{
    char text[400];
    for (size_t length = 60; length < 240; length++) {
        struct buf out;
        buf_init(&out, 65536);
        memset(text, length % 3 ? 'x' : '=', length);
        text[length] = '\0';
        mime_append_quoted_printable(&out, text);
        check_lines(buf_text(&out), MIME_LINE_SIZE_MAX);
        buf_release(&out);
    }
    memset(text, 'x', 76);
    text[76] = '\0';
    struct buf out;
    buf_init(&out, 1000);
    mime_append_quoted_printable(&out, text);
    CHECK_EQ_INT(out.size, 79); /* 75, "=" CR LF, 1 */
    buf_release(&out);
}

static void check_header(const char *text, const char *expected)
{
    struct buf out;
    buf_init(&out, 65536);
    mime_append_text(&out, text, strlen("Subject"));
    CHECK_EQ_TEXT(buf_text(&out), expected);
    check_lines(buf_text(&out), MIME_LINE_SIZE_MAX);
    buf_release(&out);
}

static void test_subjects(void)
{
    check_header("File transfer complete", "File transfer complete");
    check_header("Übertragung", "=?UTF-8?B?w5xiZXJ0cmFndW5n?=");
    check_header("looks like =?UTF-8?B?eA==?=", "=?UTF-8?B?bG9va3MgbGlrZSA9P1VURi04P0I/ZUE9PT89?=");
    check_header(
        "four words that are long enough to need a second line since they pass the limit",
        "four words that are long enough to need a second line since they\r\n pass the limit");
    check_header("ääääääääääääääääääääääääääääääääääääääää",
                 "=?UTF-8?B?w6TDpMOkw6TDpMOkw6TDpMOkw6TDpMOkw6TDpMOkw6TDpMOkw6Q=?=\r\n "
                 "=?UTF-8?B?w6TDpMOkw6TDpMOkw6TDpMOkw6TDpMOkw6TDpMOkw6TDpMOkw6TDpMOk?=");
}

static const struct {
    const char *text, *first, *display;
    size_t count;
    const char *why;
} good_lists[] = {
    {"a@example.com", "a@example.com", "", 1, "one"},
    {"a@example.com,b@example.com", "a@example.com", "", 2, "two"},
    {" a@example.com , , b@example.com, ", "a@example.com", "", 2, "blanks and empty items"},
    {"Ann Other <ann@example.com>", "ann@example.com", "Ann Other", 1, "name"},
    {"\"Other, Ann\" <ann@example.com>, x@y", "ann@example.com", "Other, Ann", 2,
     "comma in quotes"},
    {"\"a \\\"b\\\" c\" <ann@example.com>", "ann@example.com", "a \"b\" c", 1, "quoted pair"},
    {"Jürgen <j@example.com>", "j@example.com", "Jürgen", 1, "UTF-8 name"},
    {"<j@example.com>", "j@example.com", "", 1, "only brackets"},
    {"root@localhost", "root@localhost", "", 1, "one label"},
    {"x@[127.0.0.1]", "x@[127.0.0.1]", "", 1, "literal"},
    {"a.b+c-d_e@sub-domain.example.com", "a.b+c-d_e@sub-domain.example.com", "", 1,
     "atom characters"},
};

static void test_good_addresses(void)
{
    for (size_t i = 0; i < sizeof good_lists / sizeof good_lists[0]; i++) {
        struct mime_addresses list;
        struct error err = {0};
        CHECK_OK(mime_parse_addresses(good_lists[i].text, "to", &list, &err), &err);
        CHECK_EQ_INT(list.count, good_lists[i].count);
        CHECK_EQ_TEXT(list.count ? list.items[0].address : "", good_lists[i].first);
        CHECK_EQ_TEXT(list.count ? list.items[0].display : "", good_lists[i].display);
        mime_addresses_release(&list);
    }
}

static void test_bad_addresses(void)
{
    static const struct {
        const char *text, *words;
    } bad[] = {
        {"", "no address"},
        {" , ,", "no address"},
        {"nobody", "has no @"},
        {"@example.com", "before the @"},
        {"a@", "behind the @"},
        {"a..b@example.com", "before the @"},
        {".a@example.com", "before the @"},
        {"a b@example.com", "before the @"},
        {"a@exa mple.com", "behind the @"},
        {"a@-x.com", "behind the @"},
        {"a@x-.com", "behind the @"},
        {"a@x..com", "behind the @"},
        {"a@x.com>", "behind the @"},
        {"a@b@c", "before the @"},
        {"ü@example.com", "outside ASCII"},
        {"a@example.com\r\nBcc: x@y", "control byte"},
        {"a@example.com\n", "control byte"},
        {"\"open <a@example.com>", "not closed"},
        {"x <a@example.com", "not closed"},
        {"bad\"quote\" <a@b.example>", "malformed"},
        {"bad\"quote <a@b>, c@d\"", "before the @"},
        {"(comment) <a@example.com>", "malformed"},
        {"x\xFF@example.com", "not UTF-8"},
        {"good@example.com, bad", "has no @"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct mime_addresses list;
        struct error err = {0};
        CHECK_FAILS(mime_parse_addresses(bad[i].text, "to", &list, &err), &err, ERROR_INVALID);
        CHECK_CONTAINS(err.message, bad[i].words);
        CHECK(list.items == NULL);
    }
}

/* "xxx <aaa@d.d.d>" */
static void address_of(struct buf *text, int display, int local, int domain)
{
    buf_init(text, 1024);
    for (int i = 0; i < display; i++)
        buf_append_char(text, 'x');
    buf_append_text(text, display ? " <" : "");
    for (int i = 0; i < local; i++)
        buf_append_char(text, 'a');
    buf_append_char(text, '@');
    for (int i = 0; i < domain; i++) /* labels of two letters, the last perhaps of one or three */
        buf_append_char(text, i % 3 == 2 && i + 1 < domain ? '.' : 'd');
    buf_append_text(text, display ? ">" : "");
}

static void test_address_limits(void)
{
    struct mime_addresses list;
    struct error err = {0};
    for (int over = 0; over < 2; over++) {
        const struct {
            int display, local, domain; /* bytes of each part */
            const char *words;
        } cases[] = {
            {0, (int)MIME_LOCAL_PART_SIZE_MAX + over, 8, "has more than 64 bytes before the @"},
            {0, 1, (int)MIME_ADDRESS_SIZE_MAX - 2 + over, "is longer than 254 bytes"},
            {(int)MIME_DISPLAY_SIZE_MAX + over, 1, 8, "is longer than 255 bytes"},
        };
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            struct buf text;
            address_of(&text, cases[i].display, cases[i].local, cases[i].domain);
            err = (struct error){0};
            bool ok = mime_parse_addresses(buf_text(&text), "to", &list, &err);
            CHECK_EQ_INT(ok, !over);
            CHECK_CONTAINS(over ? err.message : cases[i].words, cases[i].words);
            if (ok)
                mime_addresses_release(&list);
            buf_release(&text);
        }
    }
    struct buf many;
    buf_init(&many, 65536);
    for (unsigned i = 0; i < MIME_RECIPIENTS_MAX; i++)
        buf_printf(&many, "u%u@example.com,", i);
    CHECK_OK(mime_parse_addresses(buf_text(&many), "to", &list, &err), &err);
    CHECK_EQ_INT(list.count, MIME_RECIPIENTS_MAX);
    mime_addresses_release(&list);
    buf_append_text(&many, "one@more");
    CHECK_FAILS(mime_parse_addresses(buf_text(&many), "to", &list, &err), &err, ERROR_LIMIT);
    buf_release(&many);
}

static const struct mime_address sender = {"sluice@example.com", "Sluice"};

static bool compose(const struct mime_mail *mail, struct buf *out, struct error *err)
{
    buf_init(out, 8u << 20);
    return mime_compose(mail, out, err);
}

static void test_whole_message(void)
{
    struct mime_addresses to;
    struct error err = {0};
    struct buf out;
    CHECK_OK(mime_parse_addresses("a@example.com, \"B, C\" <b@example.com>, Jürgen <j@example.com>",
                                  "to", &to, &err),
             &err);
    const struct mime_mail mail = {.message_id = "0123.1@sluice", .from = &sender, .to = &to,
                                   .subject = "Prozess läuft", .body = "Zeile 1\n.\nÄ = A\n",
                                   .instance = "inst-1", .date_s = 1795487820};
    CHECK_OK(compose(&mail, &out, &err), &err);
    CHECK_EQ_TEXT(buf_text(&out),
                  "Date: Tue, 24 Nov 2026 02:37:00 +0000\r\n"
                  "From: \"Sluice\" <sluice@example.com>\r\n"
                  "To: a@example.com,\r\n \"B, C\" <b@example.com>,\r\n"
                  " =?UTF-8?B?SsO8cmdlbg==?= <j@example.com>\r\n"
                  "Subject: =?UTF-8?B?UHJvemVzcyBsw6R1ZnQ=?=\r\n"
                  "Message-ID: <0123.1@sluice>\r\nMIME-Version: 1.0\r\n"
                  "Content-Type: text/plain; charset=utf-8\r\n"
                  "Content-Transfer-Encoding: quoted-printable\r\n"
                  "Auto-Submitted: auto-generated\r\nX-Sluice-Instance: inst-1\r\n\r\n"
                  "Zeile 1\r\n=2E\r\n=C3=84 =3D A\r\n");
    buf_release(&out);
    mime_addresses_release(&to);
}

static void check_refused(const struct mime_mail *mail, enum error_kind kind, const char *words)
{
    struct error err = {0};
    struct buf out;
    CHECK_FAILS(compose(mail, &out, &err), &err, kind);
    CHECK_CONTAINS(err.message, words);
    buf_release(&out);
}

static void test_refused_mails(void)
{
    struct mime_addresses to;
    struct error err = {0};
    char subject[MIME_SUBJECT_SIZE_MAX + 2];
    CHECK_OK(mime_parse_addresses("a@example.com", "to", &to, &err), &err);
    const struct mime_mail good = {.message_id = "a@b", .from = &sender, .to = &to, .subject = "s",
                                   .body = "b"};
    struct mime_mail mail = good;
    mail.subject = "x\r\nBcc: y@z";
    check_refused(&mail, ERROR_INVALID, "subject");
    mail.subject = "\xC3";
    check_refused(&mail, ERROR_INVALID, "subject");
    memset(subject, 's', sizeof subject);
    subject[MIME_SUBJECT_SIZE_MAX + 1] = '\0';
    mail.subject = subject;
    check_refused(&mail, ERROR_LIMIT, "1000 bytes");
    subject[MIME_SUBJECT_SIZE_MAX] = '\0';
    struct buf out;
    CHECK_OK(compose(&mail, &out, &err), &err);
    check_lines(buf_text(&out), MIME_LINE_SIZE_MAX);
    buf_release(&out);
    mail = good;
    mail.body = "\xFF";
    check_refused(&mail, ERROR_INVALID, "UTF-8");
    mail = good;
    mail.instance = "a\nb";
    check_refused(&mail, ERROR_INVALID, "instance");
    static const char *const ids[] = {"", "x", "@b", "a@", "a@b>", "a b@c", "a@b@c", "a@b\n"};
    mail = good;
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        mail.message_id = ids[i];
        check_refused(&mail, ERROR_INVALID, "Message-ID");
    }
    char *body = malloc(MIME_BODY_SIZE_MAX + 2);
    memset(body, 'b', MIME_BODY_SIZE_MAX + 1);
    body[MIME_BODY_SIZE_MAX + 1] = '\0';
    mail = good;
    mail.body = body;
    check_refused(&mail, ERROR_LIMIT, "longer than");
    body[MIME_BODY_SIZE_MAX] = '\0';
    CHECK_OK(compose(&mail, &out, &err), &err);
    buf_release(&out);
    free(body);
    mime_addresses_release(&to);
}

CHECK_MAIN(TEST(test_quoted_printable), TEST(test_long_lines_are_broken), TEST(test_subjects),
           TEST(test_good_addresses), TEST(test_bad_addresses), TEST(test_address_limits),
           TEST(test_whole_message), TEST(test_refused_mails))
