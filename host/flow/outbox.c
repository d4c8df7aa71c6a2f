/* SPDX-License-Identifier: MIT */
/* One mail after the other; see outbox.h. The thread is in outbox_thread.c. */
#include "flow/outbox.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/store_outbox.h"
#include "transfer/mime.h"

_Static_assert(OUTBOX_PAUSE_MS_MAX < STORE_OUTBOX_AHEAD_MS, "no pause reaches what counts as due now");

#define BODY_SIZE_MAX (64u << 10)                                             /* of a summary */
#define REFUSED_SIZE_MAX \
    (MIME_RECIPIENTS_MAX * (MIME_ADDRESS_SIZE_MAX + ERROR_MESSAGE_SIZE + 4u)) /* of all recipients */

struct delivery {
    struct service *service;
    struct transfer_call call;
    struct outbox_report *report;
    struct error store_error; /* ERROR_NONE: what became of the mail was recorded */
};

/* What an attempt came to. */
struct attempt {
    bool ok;
    bool is_our_time; /* that ran out: tells nothing of the server */
    struct mail_refusals refusals;
    struct error error;
    struct buf refused; /* refusals.refused, and who is left when the message itself was refused */
};

int64_t outbox_pause_ms(int64_t attempts, enum error_retry retry)
{
    int64_t pause_ms = OUTBOX_PAUSE_MS;
    for (int64_t i = 1; i < attempts && pause_ms < OUTBOX_PAUSE_MS_MAX; i++)
        pause_ms *= 2;
    return retry == RETRY_NEVER || pause_ms > OUTBOX_PAUSE_MS_MAX ? OUTBOX_PAUSE_MS_MAX : pause_ms;
}

/* ---- an attempt ------------------------------------------------------------------------------ */

/* Nothing can be said of who has it: the next attempt is one of those that were left before this one. */
static void forget(struct attempt *attempt)
{
    mail_refusals_release(&attempt->refusals);
    attempt->refusals = (struct mail_refusals){.refused = NULL};
    buf_clear(&attempt->refused);
    attempt->ok = false;
    error_set(&attempt->error, ERROR_UNKNOWN, "out of memory: who has the mail is not known");
    error_advise(&attempt->error, RETRY_LATER);
}

static bool send_as(struct delivery *delivery, const struct outbox_row *row, const char *subject,
                    const char *body, struct attempt *attempt)
{
    struct snapshot *snapshot = workspace_snapshot(service_workspace(delivery->service));
    const struct connection *connection =
        snapshot_connection(snapshot, row->connection, &attempt->error);
    const struct mail mail = {
        .message_id = row->message_id,
        .from = row->from,
        .to = row->to,
        .envelope_to = row->pending,
        .subject = subject,
        .body = body,
        .instance = row->instance,
        .written_ms = row->written_ms,
    };
    bool ok = connection && mail_send(service_transfer(delivery->service), connection, &mail,
                                      &delivery->call, &attempt->refusals, &attempt->error);
    snapshot_release(snapshot);
    return ok;
}

static void compose_summary(const struct outbox_row *row, struct buf *subject, struct buf *body)
{
    long long held = row->held;
    buf_printf(subject, "%s (%lld more)", row->subject, held);
    buf_printf(body,
               "%lld more mail%s with the subject\n\n  %s\n\nwere held back, because %d of them went "
               "out within an hour. They were written by these instances:\n\n%s",
               held, held == 1 ? "" : "s", row->subject, STORE_OUTBOX_ALIKE_MAX, row->body);
    if (held > STORE_OUTBOX_TOLD_MAX)
        buf_printf(body, "... and %lld more\n", held - STORE_OUTBOX_TOLD_MAX);
    buf_append_text(body, "\n\"sluice errors\" lists what failed and what to do about it.\n");
}

static bool is_our_time_over(const struct delivery *delivery, const struct attempt *attempt)
{
    int64_t deadline_ms = delivery->call.deadline_ms;
    return !attempt->ok && attempt->error.kind == ERROR_TIMEOUT && deadline_ms &&
           clock_monotonic_ms() >= deadline_ms;
}

static void try_to_send(struct delivery *delivery, const struct outbox_row *row,
                        struct attempt *attempt)
{
    struct buf subject, body;
    buf_init(&subject, 4096);
    buf_init(&body, BODY_SIZE_MAX);
    if (row->held > 0)
        compose_summary(row, &subject, &body);
    if (subject.failed || body.failed)
        forget(attempt);
    else
        attempt->ok = send_as(delivery, row, row->held > 0 ? buf_text(&subject) : row->subject,
                              row->held > 0 ? buf_text(&body) : row->body, attempt);
    attempt->is_our_time = is_our_time_over(delivery, attempt);
    buf_release(&subject);
    buf_release(&body);
}

/* ---- what follows ---------------------------------------------------------------------------- */

/* Its words were about this mail or its recipients, not about itself. */
static bool is_about_mail(const struct error *err)
{
    return err->kind == ERROR_UNKNOWN || err->kind == ERROR_CANCELLED ||
           (err->kind == ERROR_UNAVAILABLE && err->peer_code >= 400 && err->peer_code != 421);
}

static bool count_addresses(const char *text, size_t *count)
{
    struct mime_addresses addresses = {.count = 0};
    struct error ignored;
    bool ok = mime_parse_addresses(text, "to", &addresses, &ignored);
    *count = addresses.count;
    mime_addresses_release(&addresses);
    return ok;
}

/* Whether an earlier attempt reached somebody: who is neither refused for good nor left has the mail. False:
 * out of memory. */
static bool has_reached_somebody(const struct outbox_row *row, bool *has)
{
    size_t all, without;
    if (!count_addresses(row->to, &all) ||
        !count_addresses(row->pending ? row->pending : row->to, &without))
        return false;
    for (const char *line = row->refused; (line = strchr(line, '\n')) != NULL; line++)
        without++;
    *has = all > without;
    return true;
}

/* Whether a line of text begins with what. */
static bool has_line(const char *text, const char *what)
{
    const char *at = text;
    while ((at = strstr(at, what)) != NULL && at > text && at[-1] != '\n')
        at++;
    return at != NULL;
}

/* The message was refused for good, and others have it: those who were left are named, each with the reason.
 * False: out of memory. */
static bool name_the_left(const struct outbox_row *row, struct attempt *attempt)
{
    struct mime_addresses left = {.count = 0};
    struct error ignored;
    char name[MIME_ADDRESS_SIZE_MAX + 3];
    bool ok = mime_parse_addresses(row->pending, "to", &left, &ignored);
    for (size_t i = 0; i < left.count; i++) {
        snprintf(name, sizeof name, "%s: ", left.items[i].address);
        if (!has_line(buf_text(&attempt->refused), name))
            buf_printf(&attempt->refused, "%s%s\n", name, attempt->error.message);
    }
    mime_addresses_release(&left);
    return ok && !attempt->refused.failed;
}

/* Refused for good, to all who were left. */
static bool is_final(const struct attempt *attempt)
{
    return !attempt->ok && !attempt->refusals.deferred && attempt->error.kind == ERROR_REFUSED &&
           attempt->error.peer_code >= 500;
}

/* Who was refused, and whether others have what was then refused to all. False: out of memory. */
static bool look_who_has_it(const struct outbox_row *row, struct attempt *attempt, bool *somebody)
{
    const char *refused = attempt->refusals.refused;
    buf_append_text(&attempt->refused, refused ? refused : "");
    if (attempt->refused.failed || (is_final(attempt) && !has_reached_somebody(row, somebody)))
        return false;
    return !*somebody || name_the_left(row, attempt);
}

static struct outbox_result judge(const struct outbox_row *row, struct attempt *attempt, int64_t now_ms)
{
    const struct error *err = &attempt->error;
    const struct mail_refusals *refusals = &attempt->refusals;
    struct outbox_result result = {
        .number = row->number,
        .outcome = OUTBOX_SENT,
        .at_ms = now_ms,
    };
    bool somebody = false;
    if (!look_who_has_it(row, attempt, &somebody))
        forget(attempt);
    if (refusals->deferred || (!attempt->ok && !is_final(attempt))) {
        result.outcome = OUTBOX_LATER;
        result.pending = refusals->deferred;
        result.error = refusals->deferred ? refusals->delayed : err->message;
        result.is_about_server =
            !attempt->ok && !refusals->deferred && !attempt->is_our_time && !is_about_mail(err);
        result.at_ms += err->kind == ERROR_CANCELLED
                            ? 0
                            : outbox_pause_ms(row->attempts, refusals->deferred ? RETRY_LATER
                                                                                : err->retry);
    } else if (!attempt->ok) {
        result.outcome = somebody ? OUTBOX_SENT : OUTBOX_GIVEN_UP;
        result.error = err->message;
    }
    if (result.outcome == OUTBOX_LATER && row->attempts >= OUTBOX_ATTEMPTS_MIN &&
        result.at_ms > row->written_ms + OUTBOX_KEEP_MS) {
        result.outcome = OUTBOX_GIVEN_UP;
        result.at_ms = now_ms;
    }
    result.refused = attempt->refused.size > 0 ? buf_text(&attempt->refused) : NULL;
    return result;
}

static void tell(const struct outbox_row *row, const struct outbox_result *result)
{
    char time[CLOCK_TEXT_SIZE];
    int size = result->error ? (int)strcspn(result->error, "\n") : 0;
    if (result->outcome == OUTBOX_LATER)
        log_line(LOG_WARNING, row->instance, "mail %lld is not sent yet, tried again at %s: %.*s",
                 (long long)row->number, clock_format_ms(result->at_ms, time), size, result->error);
    else if (result->outcome == OUTBOX_GIVEN_UP)
        log_line(LOG_ERROR, row->instance, "mail %lld is given up: %.*s", (long long)row->number,
                 size, result->error ? result->error : "");
    else if (result->refused)
        log_line(LOG_WARNING, row->instance, "mail %lld is sent, but not to %.*s",
                 (long long)row->number, (int)strcspn(result->refused, "\n"), result->refused);
}

static void count(struct outbox_report *report, const struct outbox_result *result)
{
    report->sent += result->outcome == OUTBOX_SENT;
    report->later += result->outcome == OUTBOX_LATER;
    report->given_up += result->outcome == OUTBOX_GIVEN_UP;
    if (result->outcome != OUTBOX_SENT)
        snprintf(report->why, sizeof report->why, "%s", result->error ? result->error : "");
}

/* ---- one after the other --------------------------------------------------------------------- */

static bool deliver_row(void *context, const struct outbox_row *row)
{
    struct delivery *delivery = context;
    struct attempt attempt = {.ok = false};
    buf_init(&attempt.refused, REFUSED_SIZE_MAX);
    try_to_send(delivery, row, &attempt);
    const struct outbox_result result = judge(row, &attempt, clock_wall_ms());
    if (store_outbox_settle(service_store(delivery->service), &result, &delivery->store_error)) {
        tell(row, &result);
        count(delivery->report, &result);
    }
    mail_refusals_release(&attempt.refusals);
    buf_release(&attempt.refused);
    return false;
}

bool outbox_deliver(struct service *service, int64_t deadline_ms,
                    bool (*should_stop)(void *context), void *context,
                    struct outbox_report *report, struct error *err)
{
    struct delivery delivery = {
        .service = service,
        .call = {.deadline_ms = deadline_ms, .should_stop = should_stop, .context = context},
        .report = report,
    };
    bool found = true;
    *report = (struct outbox_report){.sent = 0};
    while (found && !(should_stop && should_stop(context)) &&
           (!deadline_ms || clock_monotonic_ms() < deadline_ms)) {
        if (!store_outbox_claim(service_store(service), clock_wall_ms(), deliver_row, &delivery,
                                &found, err))
            return false;
        if (delivery.store_error.kind != ERROR_NONE) {
            *err = delivery.store_error;
            return false;
        }
    }
    return true;
}
