/* SPDX-License-Identifier: MIT */
/*
 * Mail over SMTP; see transfer.h. The message is composed whole before anything is sent (it is
 * small and bounded), so that what is malformed never reaches the server. Each mail has a session
 * of its own: mails are rare, and a session that idled may be gone.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "transfer/mime.h"
#include "transfer/smtp.h"

#define MESSAGE_SIZE_MAX (4u * MIME_BODY_SIZE_MAX)
#define RECIPIENT_LIST 1

/* ---- sessions ---- */

/* The name we greet with: this machine's, if it is one that a command may hold. */
static void greeting_name(char *name, size_t size)
{
    bool ok = gethostname(name, size) == 0 && memchr(name, '\0', size) && name[0];
    for (const char *at = name; ok && *at; at++)
        ok = isalnum((unsigned char)*at) || *at == '-' || *at == '.';
    if (!ok)
        snprintf(name, size, "localhost");
}

bool smtp_prepare(struct handle *handle, struct smtp_dialogue *dialogue, struct error *err)
{
    const struct connection *connection = handle->connection;
    char name[256];
    struct buf url;
    if (!connection->host || !connection->host[0])
        return connection_error(connection, err, ERROR_INVALID, "host is missing");
    buf_init(&url, 1024);
    greeting_name(name, sizeof name);
    bool is_ip6 = strchr(connection->host, ':') != NULL;
    buf_printf(&url, "%s://%s%s%s:%u/%s", connection->tls == TLS_IMPLICIT ? "smtps" : "smtp",
               is_ip6 ? "[" : "", connection->host, is_ip6 ? "]" : "", connection->port, name);
    curl_easy_setopt(handle->easy, CURLOPT_URL, buf_text(&url));
    curl_easy_setopt(handle->easy, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(handle->easy, CURLOPT_FORBID_REUSE, 1L);
    smtp_dialogue_attach(dialogue, handle);
    bool ok = !url.failed || connection_error(connection, err, ERROR_INVALID, "host is too long");
    buf_release(&url);
    bool has_login = connection->user && connection->user[0];
    return ok && (!has_login || handle_login(handle, err));
}

/* What is refused so is refused to us, whatever it was said to. */
static bool is_login_refused(int code)
{
    return code == 530 || code == 534 || code == 535 || code == 538;
}

static bool fail_by_reply(struct handle *handle, const struct smtp_dialogue *dialogue,
                          struct error *err)
{
    const struct connection *connection = handle->connection;
    int code = dialogue->code;
    if (is_login_refused(code))
        connection_error(connection, err, ERROR_DENIED,
                         "login refused (%s): check user and password", dialogue->words);
    else if (code < 500)
        connection_error(connection, err, ERROR_UNAVAILABLE,
                         "the mail server asks to come back later (%s)", dialogue->words);
    else if (!dialogue->is_mail)
        connection_error(connection, err, ERROR_DENIED,
                         "the mail server takes no mail from this machine (%s): ask who runs it",
                         dialogue->words);
    else
        connection_error(connection, err, ERROR_REFUSED, "the mail server refused (%s)",
                         dialogue->words);
    if (err)
        err->peer_code = code;
    return error_advise(err, code < 500 ? RETRY_LATER : RETRY_NEVER);
}

bool smtp_fail(struct handle *handle, const struct smtp_dialogue *dialogue, CURLcode code,
               struct error *err)
{
    bool is_protocol = code == CURLE_LOGIN_DENIED || code == CURLE_SEND_ERROR ||
                       code == CURLE_RECV_ERROR || code == CURLE_WEIRD_SERVER_REPLY ||
                       code == CURLE_REMOTE_ACCESS_DENIED || code == CURLE_UPLOAD_FAILED ||
                       code == CURLE_COULDNT_CONNECT;
    bool is_tls_delayed = code == CURLE_USE_SSL_FAILED && dialogue->code < 500; /* 454 to STARTTLS */
    if (dialogue->code >= 400 && (is_protocol || is_tls_delayed))
        return fail_by_reply(handle, dialogue, err);
    curl_off_t connected_us = 0;
    curl_easy_getinfo(handle->easy, CURLINFO_CONNECT_TIME_T, &connected_us);
    if (code != CURLE_OPERATION_TIMEDOUT || !dialogue->is_for_mail || connected_us == 0)
        return handle_fail(handle, code, err);
    connection_error(handle->connection, err, ERROR_TIMEOUT,
                     "the mail server does not answer in time (%s): check its load and the network%s",
                     handle->detail[0] ? handle->detail : "no answer",
                     dialogue->is_mail ? "" : ", or raise connect_timeout_s");
    return error_advise(err, RETRY_LATER);
}

/* ---- a mail ---- */

struct message {
    struct buf text;
    size_t given;
    struct handle *handle;
    struct transfer_call unhurried; /* the call without its deadline */
};

static bool is_given(const struct message *message)
{
    return message->given == message->text.size;
}

/* Whoever leaves before the final dot is answered makes a second copy: from here on a deadline does not
 * count, a stop does. */
static void wait_for_dot(struct message *message)
{
    struct handle *handle = message->handle;
    curl_easy_setopt(handle->easy, CURLOPT_SERVER_RESPONSE_TIMEOUT, (long)MAIL_DOT_TIMEOUT_S);
    curl_easy_setopt(handle->easy, CURLOPT_LOW_SPEED_TIME, (long)MAIL_DOT_TIMEOUT_S);
    if (!handle->call)
        return;
    message->unhurried = *handle->call;
    message->unhurried.deadline_ms = 0;
    handle->call = &message->unhurried;
}

static size_t feed(char *buffer, size_t unit, size_t count, void *context)
{
    struct message *message = context;
    size_t left = message->text.size - message->given;
    size_t size = unit * count < left ? unit * count : left;
    if (size > 0)
        memcpy(buffer, message->text.data + message->given, size);
    message->given += size;
    if (size > 0 && is_given(message))
        wait_for_dot(message);
    return size;
}

static bool set_envelope(struct handle *handle, const struct mime_address *from,
                         const struct mime_addresses *to, struct error *err)
{
    char text[MIME_ADDRESS_SIZE_MAX + 3];
    snprintf(text, sizeof text, "<%s>", from->address);
    curl_easy_setopt(handle->easy, CURLOPT_MAIL_FROM, text);
    for (size_t i = 0; i < to->count; i++) {
        snprintf(text, sizeof text, "<%s>", to->items[i].address);
        if (!handle_append(handle, RECIPIENT_LIST, text, err))
            return false;
    }
    curl_easy_setopt(handle->easy, CURLOPT_MAIL_RCPT, handle->lists[RECIPIENT_LIST]);
    curl_easy_setopt(handle->easy, CURLOPT_MAIL_RCPT_ALLLOWFAILS, 1L);
    return true;
}

/* The final dot was sent, its reply lost: the server may have taken the mail. The same Message-ID
 * makes sending it again harmless. */
static bool is_in_doubt(const struct message *message, const struct smtp_dialogue *dialogue,
                        CURLcode code)
{
    return dialogue->is_data && is_given(message) && dialogue->code == 0 &&
           (code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR || code == CURLE_GOT_NOTHING ||
            code == CURLE_OPERATION_TIMEDOUT || code == CURLE_WEIRD_SERVER_REPLY ||
            code == CURLE_ABORTED_BY_CALLBACK);
}

static void set_patience(struct handle *handle, struct smtp_dialogue *dialogue)
{
    dialogue->is_for_mail = true;
    curl_easy_setopt(handle->easy, CURLOPT_SERVER_RESPONSE_TIMEOUT, (long)MAIL_REPLY_TIMEOUT_S);
    curl_easy_setopt(handle->easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(handle->easy, CURLOPT_LOW_SPEED_TIME, (long)MAIL_BLOCK_TIMEOUT_S);
}

static bool deliver(struct handle *handle, struct message *message, struct smtp_dialogue *dialogue,
                    const struct mime_address *from, const struct mime_addresses *to,
                    struct error *err)
{
    if (!smtp_prepare(handle, dialogue, err) || !set_envelope(handle, from, to, err))
        return false;
    curl_easy_setopt(handle->easy, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(handle->easy, CURLOPT_READFUNCTION, feed);
    curl_easy_setopt(handle->easy, CURLOPT_READDATA, message);
    curl_easy_setopt(handle->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)message->text.size);
    message->handle = handle;
    set_patience(handle, dialogue);
    CURLcode code = handle_perform(handle);
    if (code == CURLE_OK)
        return true;
    if (!is_in_doubt(message, dialogue, code))
        return smtp_fail(handle, dialogue, code, err);
    connection_error(handle->connection, err, ERROR_UNKNOWN,
                     "the mail was sent, but the server's confirmation was lost");
    return error_advise(err, RETRY_LATER);
}

/* A mail that may be handed to a server: its addresses and the whole message. */
struct draft {
    struct mime_addresses from, to, envelope;
    struct message message;
};

static void draft_release(struct draft *draft)
{
    buf_release(&draft->message.text);
    mime_addresses_release(&draft->from);
    mime_addresses_release(&draft->to);
    mime_addresses_release(&draft->envelope);
}

static bool compose(const struct mail *mail, struct draft *draft, struct error *err)
{
    const char *envelope = mail->envelope_to && mail->envelope_to[0] ? mail->envelope_to : mail->to;
    if (!mime_parse_addresses(mail->from, "from", &draft->from, err) ||
        !mime_parse_addresses(mail->to, "to", &draft->to, err) ||
        !mime_parse_addresses(envelope, "to", &draft->envelope, err))
        return false;
    if (draft->from.count != 1)
        return error_set(err, ERROR_INVALID, "from: exactly one address is needed");
    const struct mime_mail text = {
        .message_id = mail->message_id,
        .from = &draft->from.items[0],
        .to = &draft->to,
        .subject = mail->subject,
        .body = mail->body,
        .instance = mail->instance,
        .date_s = (mail->written_ms ? mail->written_ms : clock_wall_ms()) / 1000,
    };
    return mime_compose(&text, &draft->message.text, err);
}

/* *draft is to be released in any case. */
static bool draft_make(const struct connection *connection, const struct mail *mail,
                       struct draft *draft, struct error *err)
{
    *draft = (struct draft){.message = {.given = 0}};
    buf_init(&draft->message.text, MESSAGE_SIZE_MAX);
    return compose(mail, draft, err) || error_context(err, "connection '%s'", connection->name);
}

bool mail_check(const struct connection *connection, const struct mail *mail, struct error *err)
{
    struct draft draft;
    bool ok = draft_make(connection, mail, &draft, err);
    draft_release(&draft);
    return ok;
}

void mail_refusals_release(struct mail_refusals *refusals)
{
    free(refusals->refused);
    free(refusals->delayed);
    free(refusals->deferred);
    *refusals = (struct mail_refusals){.refused = NULL};
}

/* Whether what was said of recipients counts. Of a message that failed nobody has a copy, and who was
 * not asked any more may not be taken for one who has: then all are asked again. */
static bool is_decided(const struct smtp_dialogue *dialogue, const struct draft *draft)
{
    return dialogue->accepted == 0 && dialogue->answered == draft->envelope.count &&
           dialogue->code >= 400 && !is_login_refused(dialogue->code);
}

/* NULL stays where nothing was said. False: out of memory, by then or now. */
static bool take_words(struct buf *from, char **to)
{
    if (from->size == 0 && !from->failed)
        return true;
    *to = buf_take(from, NULL);
    return *to != NULL;
}

/* Who is not named counts as one who has the mail: without all the names nothing is decided about anybody. */
static bool take_refusals(struct smtp_dialogue *dialogue, const struct connection *connection,
                          struct mail_refusals *refusals, struct error *err)
{
    if (take_words(&dialogue->refused, &refusals->refused) &&
        take_words(&dialogue->delayed, &refusals->delayed) &&
        take_words(&dialogue->deferred, &refusals->deferred))
        return true;
    mail_refusals_release(refusals);
    connection_error(connection, err, ERROR_UNKNOWN,
                     "out of memory: whom of its recipients the mail server refused is not known");
    return error_advise(err, RETRY_LATER);
}

bool mail_send(struct transfer *transfer, const struct connection *connection,
               const struct mail *mail, const struct transfer_call *call,
               struct mail_refusals *refusals, struct error *err)
{
    struct draft draft;
    struct smtp_dialogue dialogue;
    *refusals = (struct mail_refusals){.refused = NULL};
    smtp_dialogue_init(&dialogue);
    bool ok = draft_make(connection, mail, &draft, err);
    if (ok) {
        struct handle *handle = pool_acquire(transfer, connection, call, err);
        ok = handle && deliver(handle, &draft.message, &dialogue, &draft.from.items[0],
                               &draft.envelope, err);
        if (ok || is_decided(&dialogue, &draft))
            ok = take_refusals(&dialogue, connection, refusals, err) && ok;
        pool_release(transfer, handle);
    }
    metric_count(METRIC_MAILS, !ok ? "failed" : refusals->refused || refusals->delayed ? "partly" : "sent",
                 "", 1);
    smtp_dialogue_release(&dialogue);
    draft_release(&draft);
    return ok;
}
