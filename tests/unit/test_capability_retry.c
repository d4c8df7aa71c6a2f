/* SPDX-License-Identifier: MIT */
/* Attempts and looks, pauses and what ends them, over a scripted handler and a clock that is slept on. */
#include "base/random.h"
#include "capability/retry.h"
#include "capability/settle.h"
#include "base/metrics.h"
#include "check.h"
#include "unit/fake_clock.h"
#include "unit/temporary.h"

/* ---- the policy ---- */

static const struct retry_policy policy = {
    .attempts = 6, .attempts_synchronous = 3, .pause_ms = 1000, .pause_ms_max = 10000};

static void attempts_by_class(void)
{
    static const struct retry_policy none = {.attempts = 0};
    CHECK_EQ_INT(retry_attempts(&policy, RETRY_NEVER, false), 1);
    CHECK_EQ_INT(retry_attempts(&policy, RETRY_ONCE, false), 2);
    CHECK_EQ_INT(retry_attempts(&policy, RETRY_FEW, false), RETRY_FEW_MAX);
    CHECK_EQ_INT(retry_attempts(&policy, RETRY_LATER, false), 6);
    CHECK_EQ_INT(retry_attempts(&policy, RETRY_ONCE, true), 2);
    CHECK_EQ_INT(retry_attempts(&policy, RETRY_LATER, true), 3);
    CHECK_EQ_INT(retry_attempts(&none, RETRY_LATER, false), 1);
}

static void pauses_double_up_to_their_most(void)
{
    static const int64_t least[] = {500, 1000, 2000, 4000, 5000, 5000};
    static const int64_t most[] = {1000, 2000, 4000, 8000, 10000, 10000};
    for (unsigned attempt = 1; attempt <= 6; attempt++) {
        CHECK_EQ_INT(retry_pause_ms(&policy, attempt, 0, 0), least[attempt - 1]);
        CHECK_EQ_INT(retry_pause_ms(&policy, attempt, 0, UINT32_MAX), most[attempt - 1]);
        int64_t half = retry_pause_ms(&policy, attempt, 0, UINT32_MAX / 2);
        CHECK(half >= least[attempt - 1] && half <= most[attempt - 1]);
    }
    CHECK_EQ_INT(retry_pause_ms(&policy, 1000000, 0, UINT32_MAX), 10000);
}

static void what_the_peer_asks_for_is_the_least(void)
{
    static const struct retry_policy at_once = {.attempts = 2};
    CHECK_EQ_INT(retry_pause_ms(&policy, 1, 300, 0), 500);
    CHECK_EQ_INT(retry_pause_ms(&policy, 1, 7000, 0), 7000);
    CHECK_EQ_INT(retry_pause_ms(&policy, 1, 7000, UINT32_MAX), 7500);
    CHECK_EQ_INT(retry_pause_ms(&policy, 1, UINT32_MAX, UINT32_MAX), (int64_t)UINT32_MAX + 500);
    CHECK_EQ_INT(retry_pause_ms(&at_once, 3, 0, UINT32_MAX), 0);
    CHECK_EQ_INT(retry_pause_ms(&at_once, 3, 20, UINT32_MAX), 20);
}

/* ---- a call ---- */

struct script {
    enum error_kind kind; /* ERROR_NONE: success */
    enum error_retry retry;
    uint32_t after_ms;
    int status;       /* above 0: an answer that asks to come back */
    int64_t takes_ms;
};

#define SCRIPT_MAX 10
#define ID "AAAAbbbbccccddddeeee11"

static struct world {
    struct temporary temporary;
    struct store *store;
    struct environment environment;
    struct execution execution;
    struct connection connection;
    struct import import;
    struct call call;
    const struct script *script;
    unsigned calls;
    int64_t stop_after_ms; /* monotonic; 0: nobody stops it */
    char name[8];
} world;

static int32_t play(struct call *call)
{
    const struct script *step = &world.script[world.calls++];
    fake_clock_go(step->takes_ms);
    CHECK_EQ_INT(call->error.kind, ERROR_NONE);
    CHECK(!call->has_step && !call->transfer.doubt);
    CHECK_EQ_INT(call->is_in_doubt, world.calls == 1);
    call->has_step = true; /* what an attempt leaves */
    call->bytes = 1;
    if (step->status > 0) {
        if (!retry_answer(call, step->retry, step->after_ms, step->status))
            return 77;
        return call_failed(call);
    }
    if (step->kind == ERROR_NONE)
        return 42;
    error_set(&call->error, step->kind, "attempt %u said no", world.calls);
    call->error.peer_code = 400 + (int)world.calls;
    call->error.retry = step->retry;
    call->error.retry_after_ms = step->after_ms;
    return call_failed(call);
}

static bool should_stop(void *context)
{
    (void)context;
    return world.stop_after_ms && fake_clock.monotonic_ms >= world.stop_after_ms;
}

static uint32_t largest(void *context)
{
    (void)context;
    return UINT32_MAX;
}

static void begin(const struct script *script)
{
    static const struct random_source source = {.number = largest};
    struct error err = {0};
    world = (struct world){.temporary = temporary_make(), .script = script, .name = "C"};
    CHECK_OK(store_open(&world.store, temporary_path(&world.temporary, "sluice.db"), &err), &err);
    const struct instance_start start = {.id = ID, .flow = "F", .trigger = "manual", .started_ms = 1};
    CHECK_OK(store_instance_start(world.store, &start, &err), &err);
    fake_clock_begin();
    random_use(&source);
    world.environment.store = world.store;
    world.execution.environment = &world.environment;
    world.execution.journal = (struct journal *)&world; /* durable: only asked whether there is one */
    memcpy(world.execution.instance, ID, sizeof ID);
    world.connection = (struct connection){.name = world.name, .retry = policy};
    world.import = (struct import){.full_name = "ftp.list", .handler = play};
    world.call = (struct call){.execution = &world.execution, .import = &world.import,
                               .connection = &world.connection, .is_in_doubt = true, .is_settled = true,
                               .transfer = {.should_stop = should_stop}};
}

struct rows {
    int count;
    char details[SCRIPT_MAX][256];
};

static bool note_row(void *context, const struct activity *row)
{
    struct rows *rows = context;
    CHECK_EQ_TEXT(row->import, "ftp.list");
    CHECK_EQ_TEXT(row->connection, "C");
    snprintf(rows->details[rows->count++], sizeof rows->details[0], "%s: %s", row->result,
             row->detail);
    return true;
}

static struct rows end(void)
{
    struct rows rows = {.count = 0};
    struct error err = {0};
    clock_use(NULL);
    random_use(NULL);
    CHECK_OK(store_activities(world.store, ID, note_row, &rows, &err), &err);
    store_close(world.store);
    temporary_remove(&world.temporary);
    return rows;
}

/* What failed before anybody looked says nothing about what it is in doubt about. */
static void a_doubt_that_is_not_settled_is_not_forgotten(void)
{
    static const struct script script[] = {{ERROR_UNAVAILABLE, RETRY_LATER, 0, 0, 0}, {.kind = ERROR_NONE}};
    begin(script);
    world.call.is_settled = false;
    CHECK_EQ_INT(retry_perform(&world.call), SLUICE_UNAVAILABLE);
    CHECK_EQ_INT(world.calls, 1);
    CHECK(world.call.is_in_doubt);
    CHECK_EQ_INT(end().count, 0);
}

static void a_call_that_succeeds_at_last(void)
{
    static const struct script script[] = {{ERROR_UNAVAILABLE, RETRY_LATER, 0, 0, 5},
                                           {ERROR_BROKEN, RETRY_LATER, 0, 0, 5},
                                           {.kind = ERROR_NONE}};
    begin(script);
    int64_t counted = metric_value(METRIC_RETRIES, "broken", "");
    CHECK_EQ_INT(retry_perform(&world.call), 42);
    CHECK_EQ_INT(metric_value(METRIC_RETRIES, "broken", ""), counted + 1);
    CHECK_EQ_INT(world.call.error.kind, ERROR_NONE);
    CHECK_EQ_INT(fake_clock.slept_ms, 1000 + 2000);
    struct rows rows = end();
    CHECK_EQ_INT(rows.count, 2);
    CHECK_EQ_TEXT(rows.details[0],
                  "unavailable: attempt 1 of 6: attempt 1 said no; again in 1.0 s");
    CHECK_EQ_TEXT(rows.details[1], "broken: attempt 2 of 6: attempt 2 said no; again in 2.0 s");
}

static void attempts_end_at_the_limit_and_not_before(void)
{
    static const struct script script[SCRIPT_MAX] = {
        {ERROR_UNAVAILABLE, RETRY_LATER, 0, 0, 0}, {ERROR_UNAVAILABLE, RETRY_LATER, 0, 0, 0},
        {ERROR_UNAVAILABLE, RETRY_LATER, 0, 0, 0}, {ERROR_UNAVAILABLE, RETRY_LATER, 0, 0, 0},
        {ERROR_UNAVAILABLE, RETRY_LATER, 0, 0, 0}, {ERROR_UNAVAILABLE, RETRY_LATER, 0, 0, 0},
        {.kind = ERROR_NONE}};
    begin(script);
    CHECK_EQ_INT(retry_perform(&world.call), SLUICE_UNAVAILABLE);
    CHECK_EQ_INT(world.calls, 6);
    CHECK_EQ_TEXT(world.call.error.message, "attempt 6 said no (tried 6 times)");
    CHECK_EQ_INT(world.call.error.peer_code, 406);
    CHECK_EQ_INT(fake_clock.slept_ms, 1000 + 2000 + 4000 + 8000 + 10000);
    CHECK_EQ_INT(end().count, 5);
    begin(script);
    world.execution.journal = NULL; /* somebody waits */
    CHECK_EQ_INT(retry_perform(&world.call), SLUICE_UNAVAILABLE);
    CHECK_EQ_INT(world.calls, 3);
    CHECK_EQ_INT(end().count, 2);
}

static void other_classes_end_earlier(void)
{
    static const struct {
        enum error_retry retry;
        unsigned calls;
    } rows[] = {{RETRY_NEVER, 1}, {RETRY_ONCE, 2}, {RETRY_FEW, 3}};
    for (size_t i = 0; i < 3; i++) {
        struct script script[SCRIPT_MAX];
        for (size_t j = 0; j < SCRIPT_MAX; j++)
            script[j] = (struct script){ERROR_REFUSED, rows[i].retry, 0, 0, 0};
        begin(script);
        CHECK_EQ_INT(retry_perform(&world.call), SLUICE_REFUSED);
        CHECK_EQ_INT(world.calls, rows[i].calls);
        end();
    }
}

static void an_unknown_effect_is_not_repeated(void)
{
    static const struct script script[] = {{.kind = ERROR_UNKNOWN}, {.kind = ERROR_NONE}};
    begin(script);
    CHECK_EQ_INT(retry_perform(&world.call), SLUICE_UNKNOWN);
    CHECK_EQ_INT(world.calls, 1);
    CHECK_EQ_TEXT(world.call.error.message, "attempt 1 said no");
    end();
}

static void a_class_may_change_between_attempts(void)
{
    static const struct script script[] = {{ERROR_UNAVAILABLE, RETRY_LATER, 0, 0, 0},
                                           {ERROR_UNAVAILABLE, RETRY_LATER, 0, 0, 0},
                                           {ERROR_DENIED, RETRY_NEVER, 0, 0, 0},
                                           {.kind = ERROR_NONE}};
    begin(script);
    CHECK_EQ_INT(retry_perform(&world.call), SLUICE_DENIED);
    CHECK_EQ_INT(world.calls, 3);
    end();
}

static void answers_that_ask_to_come_back(void)
{
    static const struct script script[] = {
        {.status = 503, .retry = RETRY_LATER, .after_ms = 7000},
        {.status = 429, .retry = RETRY_LATER},
        {.status = 503, .retry = RETRY_LATER},
        {.status = 503, .retry = RETRY_LATER},
        {.status = 503, .retry = RETRY_LATER},
        {.status = 503, .retry = RETRY_LATER}, /* the last one is the result */
    };
    begin(script);
    CHECK_EQ_INT(retry_perform(&world.call), 77);
    CHECK_EQ_INT(world.call.error.kind, ERROR_NONE);
    CHECK_EQ_INT(world.calls, 6);
    CHECK_EQ_INT(fake_clock.slept_ms, 7500 + 2000 + 4000 + 8000 + 10000);
    struct rows rows = end();
    CHECK_EQ_INT(rows.count, 5);
    CHECK_EQ_TEXT(rows.details[0], "unavailable: attempt 1 of 6: connection 'C': HTTP status 503; "
                                   "again in 7.5 s");
}

static void no_attempt_begins_in_the_second_half_of_the_time(void)
{
    static const struct script script[] = {{ERROR_TIMEOUT, RETRY_LATER, 0, 0, 4000},
                                           {ERROR_TIMEOUT, RETRY_LATER, 0, 0, 4000},
                                           {.kind = ERROR_NONE}};
    static const struct {
        int64_t left_ms;
        unsigned calls;
    } rows[] = {{10000, 1}, {10002, 2}, {22000, 2}, {22002, 3}};
    for (size_t i = 0; i < 4; i++) {
        begin(script);
        world.call.transfer.deadline_ms = fake_clock.monotonic_ms + rows[i].left_ms;
        int32_t result = retry_perform(&world.call);
        CHECK_EQ_INT(world.calls, rows[i].calls);
        CHECK_EQ_INT(result, rows[i].calls == 3 ? 42 : SLUICE_TIMEOUT);
        end();
    }
}

static void a_stop_ends_the_pause(void)
{
    static const struct script script[] = {{ERROR_UNAVAILABLE, RETRY_LATER, 60000, 0, 0},
                                           {.kind = ERROR_NONE}};
    begin(script);
    world.stop_after_ms = fake_clock.monotonic_ms + 1000;
    CHECK_EQ_INT(retry_perform(&world.call), SLUICE_CANCELLED);
    CHECK_EQ_TEXT(world.call.error.message, "stopped before another attempt: attempt 1 said no");
    CHECK_EQ_INT(world.calls, 1);
    CHECK_EQ_INT(fake_clock.slept_ms, 1000);
    end();
}

static void a_file_that_can_be_read_once_is_not_sent_again(void)
{
    static const struct script script[] = {{ERROR_UNAVAILABLE, RETRY_LATER, 0, 0, 0},
                                           {.kind = ERROR_NONE}};
    for (int is_taken = 0; is_taken < 2; is_taken++) {
        struct remote_stream stream = {.is_taken = is_taken};
        struct remote_file file = {.stream = &stream};
        begin(script);
        world.import.parameter_count = 1;
        world.import.parameters[0] = (struct parameter){PARAMETER_FILE, "file"};
        world.call.args[0].object = &file;
        CHECK_EQ_INT(retry_perform(&world.call), is_taken ? SLUICE_UNAVAILABLE : 42);
        end();
    }
}

static void what_is_stopped_or_has_no_connection_runs_once(void)
{
    static const struct script script[] = {{ERROR_UNAVAILABLE, RETRY_LATER, 0, 0, 0}};
    begin(script);
    world.call.connection = NULL;
    CHECK_EQ_INT(retry_perform(&world.call), SLUICE_UNAVAILABLE);
    CHECK_EQ_INT(end().count, 0);
    begin(script);
    world.execution.stop = FAULT_SUSPENDED;
    CHECK_EQ_INT(retry_perform(&world.call), SLUICE_UNAVAILABLE);
    CHECK_EQ_INT(end().count, 0);
}

/* ---- looks at a peer ---- */

struct looks {
    unsigned known_at, count; /* what happened is known at that look */
    int64_t at_ms[SETTLE_LOOKS_MAX + 2];
};

static bool look(struct call *call, void *context)
{
    struct looks *looks = context;
    looks->at_ms[looks->count++] = fake_clock.monotonic_ms;
    call->has_step = true;
    if (looks->count == looks->known_at)
        return true;
    CHECK(looks->count <= SETTLE_LOOKS_MAX);
    return error_set(&call->error, ERROR_UNKNOWN, "the answer to look %u was lost", looks->count);
}

static bool settled(struct looks *looks)
{
    static struct journal *const journal = (struct journal *)&world; /* asked only whether it is there */
    begin(NULL);
    arena_init(&world.execution.scratch, 1 << 20);
    world.execution.journal = journal;
    world.call.is_in_doubt = false;
    bool ok = settle(&world.call, look, looks);
    arena_clear(&world.execution.scratch);
    end();
    return ok;
}

static void n_looks_settle_and_n_plus_1_do_not(void)
{
    struct looks looks = {.known_at = SETTLE_LOOKS_MAX};
    CHECK(settled(&looks));
    CHECK_EQ_INT(looks.count, SETTLE_LOOKS_MAX);
    CHECK_EQ_INT(world.execution.stop, FAULT_NONE);
    looks = (struct looks){.known_at = SETTLE_LOOKS_MAX + 1};
    CHECK(!settled(&looks));
    CHECK_EQ_INT(looks.count, SETTLE_LOOKS_MAX);
    CHECK_EQ_INT(world.execution.stop, FAULT_SUSPENDED);
    CHECK_EQ_INT(fake_clock.monotonic_ms, looks.at_ms[SETTLE_LOOKS_MAX - 1]); /* no pause before nothing */
}

static void pauses_between_looks_double_up_to_their_most(void)
{
    struct looks looks = {.known_at = SETTLE_LOOKS_MAX};
    int64_t expected_ms = SETTLE_PAUSE_MS;
    int at_most = 0;
    CHECK(settled(&looks));
    for (unsigned i = 1; i < looks.count; i++) {
        CHECK_EQ_INT(looks.at_ms[i] - looks.at_ms[i - 1], expected_ms);
        at_most += expected_ms == SETTLE_PAUSE_MS_MAX;
        expected_ms = expected_ms * 2 < SETTLE_PAUSE_MS_MAX ? expected_ms * 2 : SETTLE_PAUSE_MS_MAX;
    }
    CHECK(at_most >= 2); /* it is reached, and kept */
}

CHECK_MAIN(TEST(attempts_by_class), TEST(pauses_double_up_to_their_most),
           TEST(what_the_peer_asks_for_is_the_least), TEST(a_doubt_that_is_not_settled_is_not_forgotten),
           TEST(a_call_that_succeeds_at_last),
           TEST(attempts_end_at_the_limit_and_not_before), TEST(other_classes_end_earlier),
           TEST(an_unknown_effect_is_not_repeated), TEST(a_class_may_change_between_attempts),
           TEST(answers_that_ask_to_come_back),
           TEST(no_attempt_begins_in_the_second_half_of_the_time), TEST(a_stop_ends_the_pause),
           TEST(a_file_that_can_be_read_once_is_not_sent_again),
           TEST(what_is_stopped_or_has_no_connection_runs_once),
           TEST(n_looks_settle_and_n_plus_1_do_not),
           TEST(pauses_between_looks_double_up_to_their_most))
