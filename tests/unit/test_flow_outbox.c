/* SPDX-License-Identifier: MIT */
/* Delivery over a scripted mail server, a real store and a clock that is moved: what is tried when, and what
 * is given up. */
#include <stdlib.h>

#include "base/log.h"
#include "check.h"
#include "flow/outbox.h"
#include "store/store_outbox.h"
#include "transfer/mime.h"
#include "unit/fake_clock.h"
#include "unit/temporary.h"

#define MINUTE_MS 60000
#define HOUR_MS (60 * MINUTE_MS)

/* ---- a service whose mail server does what the test says ---- */

struct answer {
    enum error_kind kind; /* ERROR_NONE: taken */
    int code;
    enum error_retry retry;
    const char *refused, *delayed, *deferred;
};

static struct {
    struct temporary temporary;
    struct store *store;
    int parsed, parse_fails; /* how often addresses were read; the how manieth fails for want of memory */
    struct answer answer;
    int sent; /* how often it was asked */
    int64_t lasts_ms; /* each time */
    const char *to;
    char envelope[100], subject[100], body[8192], id[40];
    int64_t written_ms;
} world;

static char connection_name[] = "M";
static struct connection connection = {.name = connection_name, .type = CONNECTION_SMTP};
static struct snapshot snapshot = {.connections = &connection, .connection_count = 1, .holders = 1};
static struct workspace workspace = {.snapshot = &snapshot, .current = PTHREAD_MUTEX_INITIALIZER};

struct workspace *service_workspace(const struct service *service)
{
    (void)service;
    return &workspace;
}

struct store *service_store(const struct service *service)
{
    (void)service;
    return world.store;
}

struct transfer *service_transfer(const struct service *service)
{
    (void)service;
    return NULL;
}

/* In the place of mime_parse_addresses (-Wl,--wrap). */
bool __real_mime_parse_addresses(const char *text, const char *field, struct mime_addresses *out,
                                 struct error *err);
bool __wrap_mime_parse_addresses(const char *text, const char *field, struct mime_addresses *out,
                                 struct error *err);

bool __wrap_mime_parse_addresses(const char *text, const char *field, struct mime_addresses *out,
                                 struct error *err)
{
    if (++world.parsed == world.parse_fails)
        return error_set(err, ERROR_LIMIT, "out of memory");
    return __real_mime_parse_addresses(text, field, out, err);
}

static char *copy(const char *text)
{
    return text ? strdup(text) : NULL;
}

bool mail_send(struct transfer *transfer, const struct connection *to, const struct mail *mail,
               const struct transfer_call *call, struct mail_refusals *refusals, struct error *err)
{
    const struct answer *answer = &world.answer;
    (void)transfer, (void)to, (void)call;
    world.sent++;
    fake_clock_go(world.lasts_ms);
    world.written_ms = mail->written_ms;
    snprintf(world.envelope, sizeof world.envelope, "%s", mail->envelope_to ? mail->envelope_to : "-");
    snprintf(world.subject, sizeof world.subject, "%s", mail->subject);
    snprintf(world.body, sizeof world.body, "%s", mail->body);
    snprintf(world.id, sizeof world.id, "%s", mail->message_id);
    *refusals = (struct mail_refusals){copy(answer->refused), copy(answer->delayed),
                                       copy(answer->deferred)};
    if (answer->kind == ERROR_NONE)
        return true;
    error_set(err, answer->kind, "it said %d", answer->code);
    err->peer_code = answer->code;
    return error_advise(err, answer->retry);
}

void mail_refusals_release(struct mail_refusals *refusals)
{
    free(refusals->refused);
    free(refusals->delayed);
    free(refusals->deferred);
}

static void add(const char *id)
{
    struct error err = {0};
    bool is_held;
    const struct outbox_mail mail = {.instance = id, .message_id = id, .connection = "M",
                                     .from = "f@x", .to = world.to, .subject = "S", .body = "text",
                                     .written_ms = clock_wall_ms(), .may_be_held = true};
    CHECK_OK(store_outbox_add(world.store, &mail, &is_held, &err), &err);
}

static void begin(void)
{
    struct error err = {0};
    memset(&world, 0, sizeof world);
    world.to = "a@x, b@x, c@x";
    world.temporary = temporary_make();
    log_configure(LOG_ERROR + 1, false, 2);
    CHECK_OK(store_open(&world.store, temporary_path(&world.temporary, "sluice.db"), &err), &err);
    fake_clock_begin();
}

static void end(void)
{
    clock_use(NULL);
    store_close(world.store);
    temporary_remove(&world.temporary);
}

static struct outbox_report deliver(void)
{
    struct outbox_report report;
    struct error err = {0};
    world.sent = 0;
    CHECK_OK(outbox_deliver(NULL, 0, NULL, NULL, &report, &err), &err);
    return report;
}

struct row {
    int count;
    char state[16], error[64], refused[64], pending[64];
    int64_t next_ms, attempts;
};

static bool see(void *context, const struct outbox_row *row)
{
    struct row *out = context;
    out->count++;
    snprintf(out->state, sizeof out->state, "%s", row->state);
    snprintf(out->error, sizeof out->error, "%s", row->error ? row->error : "-");
    snprintf(out->refused, sizeof out->refused, "%s", row->refused);
    snprintf(out->pending, sizeof out->pending, "%s", row->pending ? row->pending : "-");
    out->next_ms = row->next_ms;
    out->attempts = row->attempts;
    return true;
}

static struct row last(void)
{
    struct row row = {.count = 0};
    struct error err = {0};
    const struct outbox_filter all = {.limit = 0};
    CHECK_OK(store_outbox_list(world.store, &all, see, &row, &err), &err);
    return row;
}

/* ---- tests ---- */

static void pauses(void)
{
    static const int64_t minutes[] = {1, 2, 4, 8, 16, 32, 60, 60};
    for (int64_t i = 0; i < 8; i++)
        CHECK_EQ_INT(outbox_pause_ms(i + 1, RETRY_LATER), minutes[i] * MINUTE_MS);
    CHECK_EQ_INT(outbox_pause_ms(100000, RETRY_LATER), OUTBOX_PAUSE_MS_MAX);
    CHECK_EQ_INT(outbox_pause_ms(1, RETRY_NEVER), OUTBOX_PAUSE_MS_MAX);
}

static void a_mail_that_is_taken(void)
{
    begin();
    add("m1");
    int64_t written_ms = clock_wall_ms();
    fake_clock_go(5000);
    struct outbox_report report = deliver();
    CHECK_EQ_INT(report.sent, 1);
    CHECK_EQ_INT(report.later + report.given_up, 0);
    CHECK_EQ_TEXT(report.why, "");
    CHECK_EQ_INT(world.written_ms, written_ms);
    CHECK_EQ_TEXT(world.body, "text");
    CHECK_EQ_TEXT(last().state, "sent");
    CHECK_EQ_INT(deliver().sent, 0);
    CHECK_EQ_INT(world.sent, 0);
    end();
}

static void a_server_that_is_away_for_days(void)
{
    static const int64_t minutes[] = {1, 2, 4, 8, 16, 32, 60, 60};
    begin();
    add("m1");
    int64_t begun_ms = clock_wall_ms();
    world.answer = (struct answer){.kind = ERROR_UNAVAILABLE, .retry = RETRY_LATER};
    for (size_t i = 0; i < 8; i++) {
        CHECK_EQ_INT(deliver().later, 1);
        CHECK_EQ_INT(last().next_ms, clock_wall_ms() + minutes[i] * MINUTE_MS);
        fake_clock_go(minutes[i] * MINUTE_MS - 1);
        CHECK_EQ_INT(deliver().later, 0);
        CHECK_EQ_INT(world.sent, 0);
        fake_clock_go(1);
    }
    int64_t attempts = 8;
    for (; strcmp(last().state, "waiting") == 0; attempts++) {
        deliver();
        fake_clock_go(HOUR_MS);
    }
    CHECK_EQ_TEXT(last().state, "given_up");
    CHECK_EQ_TEXT(last().error, "it said 0");
    int64_t waited_ms = clock_wall_ms() - HOUR_MS - begun_ms;
    CHECK(waited_ms > OUTBOX_KEEP_MS - HOUR_MS && waited_ms <= OUTBOX_KEEP_MS);
    CHECK_EQ_INT(last().attempts, attempts);
    end();
}

/* Five days in a moment are no five days of attempts; nor is a time that is still to come. */
static void a_clock_that_jumps(void)
{
    begin();
    add("m1");
    world.answer = (struct answer){.kind = ERROR_UNAVAILABLE, .retry = RETRY_LATER};
    CHECK_EQ_INT(deliver().later, 1);
    fake_clock.wall_ms += OUTBOX_KEEP_MS + HOUR_MS;
    for (int attempts = 2; attempts < OUTBOX_ATTEMPTS_MIN; attempts++) {
        CHECK_EQ_INT(deliver().later, 1);
        fake_clock_go(HOUR_MS);
    }
    CHECK_EQ_INT(deliver().given_up, 1);
    CHECK_EQ_INT(last().attempts, OUTBOX_ATTEMPTS_MIN);
    add("m2");
    CHECK_EQ_INT(deliver().later, 1);
    fake_clock.wall_ms -= INT64_C(365) * 24 * HOUR_MS;
    world.answer = (struct answer){.kind = ERROR_NONE};
    CHECK_EQ_INT(deliver().sent, 1);
    end();
}

static void a_dead_server_is_asked_once_for_many(void)
{
    begin();
    add("m1");
    add("m2");
    add("m3");
    world.answer = (struct answer){.kind = ERROR_UNAVAILABLE, .retry = RETRY_LATER};
    CHECK_EQ_INT(deliver().later, 1);
    CHECK_EQ_INT(world.sent, 1);
    fake_clock_go(MINUTE_MS);
    world.answer = (struct answer){.kind = ERROR_NONE};
    CHECK_EQ_INT(deliver().sent, 3);
    end();
}

static void what_is_about_one_mail_does_not_hold_up_others(void)
{
    static const struct answer answers[] = {
        {.kind = ERROR_UNAVAILABLE, .code = 451, .retry = RETRY_LATER},
        {.kind = ERROR_UNKNOWN, .retry = RETRY_LATER},
        {.kind = ERROR_REFUSED, .code = 550},
        {.kind = ERROR_NONE, .delayed = "b@x: 450 later\n", .deferred = "b@x"},
    };
    for (size_t i = 0; i < 4; i++) {
        begin();
        add("m1");
        add("m2");
        world.answer = answers[i];
        deliver();
        CHECK_EQ_INT(world.sent, 2);
        end();
    }
    begin();
    add("m1");
    add("m2");
    world.answer = (struct answer){.kind = ERROR_UNAVAILABLE, .code = 421, .retry = RETRY_LATER};
    deliver();
    CHECK_EQ_INT(world.sent, 1);
    end();
}

static void what_somebody_has_to_put_right_is_tried_hourly(void)
{
    static const struct answer answers[] = {{.kind = ERROR_DENIED, .code = 535},
                                            {.kind = ERROR_INVALID},
                                            {.kind = ERROR_REFUSED}}; /* TLS: no code */
    for (size_t i = 0; i < 3; i++) {
        begin();
        add("m1");
        world.answer = answers[i];
        CHECK_EQ_INT(deliver().later, 1);
        CHECK_EQ_INT(last().next_ms, clock_wall_ms() + HOUR_MS);
        end();
    }
}

static void a_connection_that_is_not_there_any_more(void)
{
    begin();
    add("m1");
    connection.disabled = true;
    CHECK_EQ_INT(deliver().later, 1);
    connection.disabled = false;
    CHECK_EQ_INT(world.sent, 0);
    CHECK_CONTAINS(last().error, "connection 'M' is disabled");
    end();
}

static void refused_for_good(void)
{
    begin();
    add("m1");
    world.answer = (struct answer){.kind = ERROR_REFUSED, .code = 550,
                                   .refused = "a@x: 550 no\nb@x: 550 no\n"};
    CHECK_EQ_INT(deliver().given_up, 1);
    CHECK_EQ_TEXT(last().state, "given_up");
    CHECK_EQ_TEXT(last().error, "it said 550");
    end();
}

static void one_of_several_recipients(void)
{
    begin();
    add("m1");
    world.answer = (struct answer){.kind = ERROR_NONE, .refused = "c@x: 550 no\n",
                                   .delayed = "b@x: 450 later\n", .deferred = "b@x"};
    CHECK_EQ_INT(deliver().later, 1);
    CHECK_EQ_TEXT(world.envelope, "-");
    CHECK_EQ_TEXT(last().pending, "b@x");
    CHECK_EQ_TEXT(last().error, "b@x: 450 later\n");
    CHECK_EQ_TEXT(last().refused, "c@x: 550 no\n");
    fake_clock_go(MINUTE_MS);
    world.answer = (struct answer){.kind = ERROR_UNAVAILABLE, .retry = RETRY_LATER}; /* away */
    CHECK_EQ_INT(deliver().later, 1);
    CHECK_EQ_TEXT(world.envelope, "b@x");
    CHECK_EQ_TEXT(last().pending, "b@x");
    fake_clock_go(2 * MINUTE_MS);
    world.answer = (struct answer){.kind = ERROR_REFUSED, .code = 550, .refused = "b@x: 550 no\n"};
    CHECK_EQ_INT(deliver().sent, 1); /* to the others */
    CHECK_EQ_TEXT(last().state, "sent");
    CHECK_EQ_TEXT(last().refused, "c@x: 550 no\nb@x: 550 no\n");
    end();
}

static void all_refused_some_for_now(void)
{
    begin();
    add("m1");
    world.answer = (struct answer){.kind = ERROR_REFUSED, .code = 550, .refused = "a@x: 550 no\nc@x: 550 no\n",
                                   .delayed = "b@x: 450 later\n", .deferred = "b@x"};
    CHECK_EQ_INT(deliver().later, 1);
    CHECK_EQ_TEXT(last().pending, "b@x");
    CHECK_EQ_INT(last().next_ms, clock_wall_ms() + MINUTE_MS);
    fake_clock_go(MINUTE_MS);
    world.answer = (struct answer){.kind = ERROR_REFUSED, .code = 554};
    CHECK_EQ_INT(deliver().given_up, 1); /* nobody has it */
    CHECK_EQ_TEXT(last().state, "given_up");
    end();
}

/* b is refused with the message, which a has by then. */
static void a_message_refused_behind_a_delivery(void)
{
    begin();
    world.to = "a@x, b@x, bb@x";
    add("m1");
    world.answer = (struct answer){.kind = ERROR_NONE, .delayed = "b@x: 450 later\nbb@x: 450 later\n",
                                   .deferred = "b@x, bb@x"};
    CHECK_EQ_INT(deliver().later, 1);
    fake_clock_go(MINUTE_MS);
    world.answer = (struct answer){.kind = ERROR_UNAVAILABLE, .code = 450, .retry = RETRY_LATER,
                                   .refused = "bb@x: 550 no\n", .delayed = "b@x: 450 later\n",
                                   .deferred = "b@x"};
    CHECK_EQ_INT(deliver().later, 1);
    CHECK_EQ_TEXT(last().pending, "b@x");
    fake_clock_go(2 * MINUTE_MS);
    world.answer = (struct answer){.kind = ERROR_REFUSED, .code = 554};
    CHECK_EQ_INT(deliver().sent, 1);
    CHECK_EQ_TEXT(last().state, "sent");
    CHECK_EQ_TEXT(last().refused, "bb@x: 550 no\nb@x: it said 554\n");
    end();
    begin();
    world.to = "a@x, b@x, bb@x";
    add("m1");
    world.answer = (struct answer){.kind = ERROR_NONE, .delayed = "b@x: 450 later\nbb@x: 450 later\n",
                                   .deferred = "b@x, bb@x"};
    CHECK_EQ_INT(deliver().later, 1);
    fake_clock_go(MINUTE_MS);
    world.answer = (struct answer){.kind = ERROR_REFUSED, .code = 554, .refused = "bb@x: 550 no\n"};
    CHECK_EQ_INT(deliver().sent, 1);
    CHECK_EQ_TEXT(last().refused, "bb@x: 550 no\nb@x: it said 554\n"); /* no name ends another */
    end();
}

/* Wherever memory runs out, all who were left before are asked again, and nobody counts as one who has it. */
static void out_of_memory_when_it_is_refused_for_good(void)
{
    for (int fails = 1; fails <= 4; fails++) {
        begin();
        add("m1");
        world.answer = (struct answer){.kind = ERROR_NONE, .delayed = "b@x: 450 later\nc@x: 450 later\n",
                                       .deferred = "b@x, c@x"};
        CHECK_EQ_INT(deliver().later, 1);
        fake_clock_go(MINUTE_MS);
        world.parsed = 0;
        world.parse_fails = fails;
        world.answer = (struct answer){.kind = ERROR_REFUSED, .code = 554};
        struct outbox_report report = deliver();
        CHECK_EQ_INT(report.later, fails <= 3);
        CHECK_EQ_INT(report.sent, fails > 3);
        if (fails <= 3) {
            CHECK_EQ_TEXT(last().state, "waiting");
            CHECK_EQ_TEXT(last().pending, "b@x, c@x");
            CHECK_EQ_TEXT(last().refused, "");
            CHECK_CONTAINS(last().error, "out of memory");
            fake_clock_go(HOUR_MS);
            CHECK_EQ_INT(deliver().sent, 1);
        }
        CHECK_EQ_TEXT(last().refused, "b@x: it said 554\nc@x: it said 554\n");
        end();
    }
}

/* Some have it; the rest is left, and the row tells who and why. */
static void five_days_are_over_for_some(void)
{
    begin();
    add("m1");
    world.answer = (struct answer){.kind = ERROR_UNAVAILABLE, .retry = RETRY_LATER};
    for (int attempt = 1; attempt < OUTBOX_ATTEMPTS_MIN; attempt++) {
        CHECK_EQ_INT(deliver().later, 1);
        fake_clock_go(HOUR_MS);
    }
    fake_clock_go(OUTBOX_KEEP_MS);
    world.answer = (struct answer){.kind = ERROR_NONE, .refused = "c@x: 550 no\n",
                                   .delayed = "b@x: 450 later\n", .deferred = "b@x"};
    CHECK_EQ_INT(deliver().given_up, 1);
    CHECK_EQ_TEXT(last().state, "given_up");
    CHECK_EQ_TEXT(last().pending, "b@x"); /* so that nobody gets it twice when it is taken up again */
    CHECK_EQ_TEXT(last().error, "b@x: 450 later\n");
    CHECK_EQ_TEXT(last().refused, "c@x: 550 no\n");
    struct error err = {0};
    CHECK_OK(store_outbox_retry(world.store, 1, clock_wall_ms(), &err), &err);
    world.answer = (struct answer){.kind = ERROR_NONE};
    CHECK_EQ_INT(deliver().sent, 1);
    CHECK_EQ_TEXT(world.envelope, "b@x");
    CHECK_EQ_TEXT(last().refused, "c@x: 550 no\n");
    end();
}

static void all_refused_and_taken_up_again(void)
{
    begin();
    add("m1");
    world.answer = (struct answer){.kind = ERROR_REFUSED, .code = 550,
                                   .refused = "a@x: 550 no\nb@x: 550 no\nc@x: 550 no\n"};
    CHECK_EQ_INT(deliver().given_up, 1);
    struct error err = {0};
    CHECK_OK(store_outbox_retry(world.store, 1, clock_wall_ms(), &err), &err);
    world.answer = (struct answer){.kind = ERROR_NONE, .refused = "c@x: 550 no\n"};
    CHECK_EQ_INT(deliver().sent, 1);
    CHECK_EQ_TEXT(world.envelope, "-");
    CHECK_EQ_TEXT(last().refused, "c@x: 550 no\n");
    end();
}

static bool stop(void *context)
{
    (void)context;
    return world.sent > 0;
}

static void a_stop_leaves_the_mail_due(void)
{
    struct outbox_report report;
    struct error err = {0};
    begin();
    add("m1");
    add("m2");
    world.answer = (struct answer){.kind = ERROR_CANCELLED};
    CHECK_OK(outbox_deliver(NULL, 0, stop, NULL, &report, &err), &err);
    CHECK_EQ_INT(report.later, 1);
    world.answer = (struct answer){.kind = ERROR_NONE};
    CHECK_EQ_INT(deliver().sent, 2);
    add("m3");
    CHECK_OK(outbox_deliver(NULL, clock_monotonic_ms(), NULL, NULL, &report, &err), &err);
    CHECK_EQ_INT(last().attempts, 0); /* its time was over before it began */
    end();
}

/* Whoever delivers with little time, as a run does, puts off this mail and no others. */
static void a_deadline_of_ours_is_not_the_servers(void)
{
    static const int64_t limits_ms[] = {20000, 60000};
    for (size_t i = 0; i < 2; i++) {
        struct outbox_report report;
        struct error err = {0};
        begin();
        add("m1");
        add("m2");
        world.lasts_ms = 20000;
        world.answer = (struct answer){.kind = ERROR_TIMEOUT, .retry = RETRY_LATER};
        CHECK_OK(outbox_deliver(NULL, clock_monotonic_ms() + limits_ms[i], NULL, NULL, &report, &err), &err);
        CHECK_EQ_INT(report.later, 1);
        CHECK_EQ_INT(world.sent, 1);
        world.answer = (struct answer){.kind = ERROR_NONE};
        CHECK_EQ_INT(deliver().sent, i == 0 ? 1 : 0); /* the server's silence: all wait */
        end();
    }
}

static void a_summary_is_composed_when_it_is_due(void)
{
    char id[16];
    begin();
    for (int i = 0; i < STORE_OUTBOX_ALIKE_MAX + 2; i++) {
        snprintf(id, sizeof id, "m%d-", i);
        add(id);
    }
    CHECK_EQ_INT(deliver().sent, STORE_OUTBOX_ALIKE_MAX);
    fake_clock_go(STORE_OUTBOX_ALIKE_MS);
    CHECK_EQ_INT(deliver().sent, 1);
    CHECK_EQ_TEXT(world.subject, "S (2 more)");
    CHECK_EQ_TEXT(world.id, "m20-");
    CHECK_EQ_TEXT(world.body,
                  "2 more mails with the subject\n\n  S\n\nwere held back, because 20 of them went "
                  "out within an hour. They were written by these instances:\n\n"
                  "2026-11-24T02:37:00.000Z  m20-\n2026-11-24T02:37:00.000Z  m21-\n"
                  "\n\"sluice errors\" lists what failed and what to do about it.\n");
    end();
}

CHECK_MAIN(TEST(pauses), TEST(a_mail_that_is_taken), TEST(a_server_that_is_away_for_days),
           TEST(a_clock_that_jumps),
           TEST(a_dead_server_is_asked_once_for_many),
           TEST(what_is_about_one_mail_does_not_hold_up_others),
           TEST(what_somebody_has_to_put_right_is_tried_hourly),
           TEST(a_connection_that_is_not_there_any_more), TEST(refused_for_good),
           TEST(one_of_several_recipients), TEST(all_refused_some_for_now),
           TEST(a_message_refused_behind_a_delivery),
           TEST(out_of_memory_when_it_is_refused_for_good), TEST(five_days_are_over_for_some),
           TEST(all_refused_and_taken_up_again),
           TEST(a_stop_leaves_the_mail_due), TEST(a_deadline_of_ours_is_not_the_servers),
           TEST(a_summary_is_composed_when_it_is_due))
