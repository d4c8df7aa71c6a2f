/* SPDX-License-Identifier: MIT */
/*
 * libcurl's SMTP against the simulated mail server: EHLO, STARTTLS, AUTH, MAIL, RCPT for each
 * recipient, DATA, the message, the final dot. What the server has taken is in the ledger.
 */
#include <string.h>

#include "curl_easy.h"
#include "ledger.h"
#include "schedule.h"

struct smtp {
    struct easy *easy;
    int code;
    bool is_closed;       /* by the server, behind its last answer */
    char recipients[400]; /* those it took: "<address><address>" */
};

static const struct {
    enum mishap mishap;
    int code;
    const char *text;
} refusals[] = {
    {MISHAP_SMTP_421, 421, "4.3.0 closing connection"},
    {MISHAP_SMTP_4XX, 451, "4.7.1 greylisted, try again later"},
    {MISHAP_SMTP_5XX, 554, "5.7.1 refused"},
    {MISHAP_SMTP_RECIPIENT, 550, "5.1.1 no such user"},
    {MISHAP_SMTP_AUTH, 535, "5.7.8 authentication failed"},
};

static CURLcode hear(struct smtp *smtp, int code, const char *text)
{
    char line[256];
    snprintf(line, sizeof line, "%d %s", code, text);
    trace("  %s", line);
    easy_note(smtp->easy, CURLINFO_HEADER_IN, line);
    smtp->code = code;
    smtp->easy->status = code;
    smtp->is_closed = mishap_happens(MISHAP_SMTP_CLOSED, code == 421 ? 700 : world->plan.mishap_permille);
    return CURLE_OK;
}

static CURLcode find_closed(struct smtp *smtp)
{
    return easy_fail(smtp->easy, draw_later_chance(500) ? CURLE_SEND_ERROR : CURLE_RECV_ERROR,
                     "response reading failed");
}

static const enum mishap at_rcpt[] = {MISHAP_SMTP_421, MISHAP_SMTP_4XX, MISHAP_SMTP_RECIPIENT,
                                      MISHAP_NONE};

static CURLcode hear_choosy(struct smtp *smtp)
{
    bool is_for_good = draw_later_chance(400), is_full = draw_later_chance(300);
    return is_for_good ? hear(smtp, 550, "5.1.1 no such user")
           : is_full   ? hear(smtp, 552, "5.5.3 too many recipients")
                       : hear(smtp, 450, "4.2.1 greylisted");
}

/* Sends a command and reads the reply to it: ok, or what a mishap makes of it. */
static CURLcode say(struct smtp *smtp, const char *line, int ok, const enum mishap kinds[])
{
    CURLcode code = easy_step(smtp->easy);
    if (code != CURLE_OK)
        return code;
    trace("mail %s", line);
    easy_note(smtp->easy, CURLINFO_HEADER_OUT, line);
    if (smtp->is_closed)
        return find_closed(smtp);
    effect_begins(line);
    enum network network = easy_draw_network(smtp->easy, &code);
    enum mishap mishap = network == NETWORK_FINE ? mishap_draw(kinds) : MISHAP_NONE;
    effect_happened();
    if (network != NETWORK_FINE)
        return code;
    if (mishap == MISHAP_NONE && kinds == at_rcpt && mishap_happens(MISHAP_SMTP_CHOOSY, 250))
        return hear_choosy(smtp);
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++)
        if (refusals[i].mishap == mishap)
            return hear(smtp, refusals[i].code, refusals[i].text);
    return hear(smtp, ok, "2.0.0 ok");
}

static CURLcode refuse(struct smtp *smtp, CURLcode code, const char *what)
{
    return easy_fail(smtp->easy, code, "%s failed: %d", what, smtp->code);
}

static const enum mishap at_any[] = {MISHAP_SMTP_421, MISHAP_NONE};
static const enum mishap at_mail[] = {MISHAP_SMTP_421, MISHAP_SMTP_4XX, MISHAP_SMTP_5XX, MISHAP_NONE};

static CURLcode greet(struct smtp *smtp)
{
    static const enum mishap no_tls[] = {MISHAP_SMTP_NO_TLS, MISHAP_NONE};
    static const enum mishap at_auth[] = {MISHAP_SMTP_421, MISHAP_SMTP_AUTH, MISHAP_NONE};
    struct easy *easy = smtp->easy;
    CURLcode code = hear(smtp, 220, "mail.test ESMTP");
    if (code == CURLE_OK)
        code = say(smtp, "EHLO host.test", 250, at_any);
    if (code == CURLE_OK && smtp->code != 250)
        return refuse(smtp, CURLE_WEIRD_SERVER_REPLY, "EHLO");
    if (code == CURLE_OK && easy->use_ssl == CURLUSESSL_ALL) {
        if (mishap_draw(no_tls) != MISHAP_NONE)
            return easy_fail(easy, CURLE_USE_SSL_FAILED, "STARTTLS not available.");
        code = say(smtp, "STARTTLS", 220, at_any);
        if (code == CURLE_OK && smtp->code != 220)
            return refuse(smtp, CURLE_USE_SSL_FAILED, "STARTTLS");
        if (code == CURLE_OK)
            code = say(smtp, "EHLO host.test", 250, at_any);
    }
    if (code == CURLE_OK && easy->user) {
        easy_note(easy, CURLINFO_HEADER_IN, "250-AUTH PLAIN");
        code = say(smtp, "AUTH PLAIN", 235, at_auth);
        if (code == CURLE_OK && smtp->code != 235)
            return refuse(smtp, CURLE_LOGIN_DENIED, "AUTH");
    }
    return code;
}

/* MAIL_RCPT_ALLLOWFAILS: one that is taken is enough. */
static CURLcode name_recipients(struct smtp *smtp)
{
    size_t length = 0;
    char line[400];
    for (const struct curl_slist *list = smtp->easy->recipients; list; list = list->next) {
        snprintf(line, sizeof line, "RCPT TO:%s", list->data);
        CURLcode code = say(smtp, line, 250, at_rcpt);
        if (code != CURLE_OK)
            return code;
        if (smtp->code == 250 && length < sizeof smtp->recipients)
            length += (size_t)snprintf(smtp->recipients + length, sizeof smtp->recipients - length, "%s",
                                       list->data);
    }
    return length > 0 ? CURLE_OK : refuse(smtp, CURLE_SEND_ERROR, "RCPT");
}

static CURLcode read_message(struct smtp *smtp, struct buf *text)
{
    char chunk[CHUNK_SIZE];
    size_t size;
    for (;;) {
        CURLcode code = easy_take(smtp->easy, chunk, sizeof chunk, &size);
        if (code != CURLE_OK || size == 0)
            return code;
        buf_append(text, chunk, size);
    }
}

/* The final dot: now the server has the mail, whether its reply arrives or not. */
static CURLcode hand_over(struct smtp *smtp, const struct buf *text)
{
    static const enum mishap kinds[] = {MISHAP_SMTP_4XX, MISHAP_SMTP_5XX, MISHAP_SMTP_DOT_LOST,
                                        MISHAP_DATA_RESET, MISHAP_NONE};
    CURLcode code = easy_step(smtp->easy);
    if (code != CURLE_OK)
        return code;
    if (smtp->is_closed)
        return find_closed(smtp);
    effect_begins("message");
    enum mishap mishap = mishap_draw_often(kinds);
    if (mishap == MISHAP_NONE || mishap == MISHAP_SMTP_DOT_LOST)
        ledger_mail(buf_text(text), text->size, smtp->recipients, mishap == MISHAP_NONE);
    effect_happened();
    if (mishap == MISHAP_SMTP_DOT_LOST || mishap == MISHAP_DATA_RESET)
        return easy_fail(smtp->easy, CURLE_RECV_ERROR, "Recv failure: Connection reset by peer");
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++)
        if (refusals[i].mishap == mishap) {
            hear(smtp, refusals[i].code, refusals[i].text);
            return refuse(smtp, CURLE_WEIRD_SERVER_REPLY, "message");
        }
    return hear(smtp, 250, "2.0.0 queued");
}

static CURLcode deliver(struct smtp *smtp)
{
    char line[400];
    struct buf text;
    snprintf(line, sizeof line, "MAIL FROM:%s", smtp->easy->mail_from ? smtp->easy->mail_from : "<>");
    CURLcode code = say(smtp, line, 250, at_mail);
    if (code == CURLE_OK && smtp->code != 250)
        return refuse(smtp, CURLE_SEND_ERROR, "MAIL");
    if (code == CURLE_OK)
        code = name_recipients(smtp);
    if (code == CURLE_OK)
        code = say(smtp, "DATA", 354, at_mail);
    if (code == CURLE_OK && smtp->code != 354)
        return refuse(smtp, CURLE_SEND_ERROR, "DATA");
    if (code != CURLE_OK)
        return code;
    buf_init(&text, 16u << 20);
    code = read_message(smtp, &text);
    if (code == CURLE_OK)
        code = hand_over(smtp, &text);
    buf_release(&text);
    return code;
}

CURLcode curl_smtp_perform(struct easy *easy)
{
    bool is_new;
    struct smtp smtp = {.easy = easy};
    CURLcode code = easy_connect(easy, SERVER_MAIL, &is_new);
    if (code == CURLE_OK)
        code = greet(&smtp);
    if (code == CURLE_OK)
        code = deliver(&smtp);
    if (code != CURLE_OK)
        easy_disconnect(easy);
    return code;
}
