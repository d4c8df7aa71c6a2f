/* SPDX-License-Identifier: MIT */
/* What the scheduler starts, over days, overlaps, missed windows, set clocks and several processes. */
#include "flow/activation.h"
#include "flow/timetable.h"
#include "fake_scheduled.h"
#include "base/clock.h"
#include "store/store_schedule.h"

#define NIGHTLY(more) "{\"A\": {\"recurrence\": \"FREQ=DAILY;BYHOUR=2;BYMINUTE=30\" " more "}}"
#define EVERY_TEN "{\"A\": {\"recurrence\": \"FREQ=MINUTELY;INTERVAL=10\"}}"
#define SKIP ", \"missed\": \"skip\""

static void begin(struct temporary *temporary, struct host *host, const char *schedules,
                  const char *clock)
{
    *temporary = temporary_make();
    fake_set_clock(clock);
    host_open(host, temporary, schedules);
    host_start(host, 2);
}

static void end(struct temporary *temporary, struct host *host)
{
    host_close(host);
    temporary_remove(temporary);
}

static void a_nightly_flow_keeps_its_local_time(void)
{
    struct temporary temporary;
    struct host host;
    begin(&temporary, &host, NIGHTLY(", \"time_zone\": \"Europe/Berlin\""), "2026-03-27T12:00:00Z");
    fake_pass(&host, 1, "2026-03-30T12:00:00Z"); /* 02:30 does not come on the 29th */
    CHECK_EQ_TEXT(fake_runs(), "A 28T01:30:00; A 29T01:30:00; A 30T00:30:00; ");
    fake_jump(&host, 1, "2026-10-23T12:00:00Z");
    fake_runs();
    fake_pass(&host, 1, "2026-10-26T12:00:00Z"); /* 02:30 comes twice on the 25th */
    CHECK_EQ_TEXT(fake_runs(), "A 24T00:30:00; A 25T00:30:00; A 26T01:30:00; ");
    end(&temporary, &host);
}

static void every_due_time_is_recorded(void)
{
    struct temporary temporary;
    struct host host;
    begin(&temporary, &host, EVERY_TEN, "2026-11-24T00:00:00Z");
    fake_pass(&host, 1, "2026-11-24T00:10:00Z");
    fake_exit_status = 3;
    fake_pass(&host, 1, "2026-11-24T00:20:00Z");
    fake_exit_status = 1;
    fake_pass(&host, 1, "2026-11-24T00:30:00Z");
    CHECK_EQ_TEXT(fake_record(&host),
                  "A 24T00:10:00 completed; A 24T00:20:00 partly done; A 24T00:30:00 failed; ");
    CHECK_EQ_TEXT(fake_reason(&host), "it failed");
    end(&temporary, &host);
}

static void a_run_is_not_overtaken(void)
{
    struct temporary temporary;
    struct host host;
    begin(&temporary, &host, EVERY_TEN, "2026-11-24T00:00:00Z");
    fake_hold_runs();
    fake_pass(&host, 1, "2026-11-24T00:25:00Z");
    CHECK_EQ_TEXT(fake_reason(&host), "the run before it was going on");
    fake_release_runs();
    fake_settle(&host, 1);
    fake_pass(&host, 1, "2026-11-24T00:30:00Z");
    CHECK_EQ_TEXT(fake_runs(), "A 24T00:10:00; A 24T00:30:00; ");
    CHECK_EQ_TEXT(fake_record(&host),
                  "A 24T00:10:00 completed; A 24T00:20:00 skipped; A 24T00:30:00 completed; ");
    end(&temporary, &host);
}

static void another_process_runs_it(void)
{
    struct temporary temporary;
    struct host host;
    begin(&temporary, &host, EVERY_TEN, "2026-11-24T00:00:00Z");
    fake_refusal = ERROR_EXISTS;
    fake_pass(&host, 1, "2026-11-24T00:10:00Z");
    fake_refusal = ERROR_INVALID;
    fake_pass(&host, 1, "2026-11-24T00:20:00Z");
    CHECK_EQ_TEXT(fake_record(&host), "A 24T00:10:00 skipped; A 24T00:20:00 failed; ");
    CHECK_EQ_TEXT(fake_reason(&host), "another run of flow 'A' is going on");
    CHECK_EQ_TEXT(fake_runs(), "");
    end(&temporary, &host);
}

static void runs_are_bounded(void)
{
    struct temporary temporary = temporary_make();
    struct host host;
    fake_set_clock("2026-11-24T00:00:00Z");
    host_open(&host, &temporary, "{\"A\": {\"recurrence\": \"FREQ=MINUTELY;INTERVAL=10\"},"
                                 " \"B\": {\"recurrence\": \"FREQ=MINUTELY;INTERVAL=10\"}}");
    host_start(&host, 1);
    size_t running, waiting;
    fake_hold_runs();
    fake_pass(&host, 1, "2026-11-24T00:20:00Z");
    scheduler_load(host.scheduler, &running, &waiting);
    CHECK_EQ_INT(running, 1);
    CHECK_EQ_INT(waiting, 1);
    CHECK_EQ_TEXT(fake_reason(&host), "the run before it was waiting for a thread");
    fake_release_runs();
    fake_settle(&host, 1);
    CHECK_EQ_TEXT(fake_runs(), "A 24T00:10:00; B 24T00:20:00; ");
    CHECK_EQ_TEXT(fake_record(&host), "A 24T00:10:00 completed; B 24T00:10:00 completed; "
                                      "A 24T00:20:00 skipped; B 24T00:20:00 skipped; ");
    end(&temporary, &host);
}

/* ---- missed windows and clocks that are set ---------------------------------------------------- */

static void down_for_days(const char *more, const char *runs, const char *record)
{
    struct temporary temporary;
    struct host host;
    begin(&temporary, &host, more, "2026-11-20T00:00:00Z");
    fake_pass(&host, 1, "2026-11-20T03:00:00Z");
    host_close(&host);
    fake_set_clock("2026-11-24T12:00:00Z");
    host_open(&host, &temporary, NULL);
    host_start(&host, 2);
    fake_settle(&host, 1);
    CHECK_EQ_TEXT(fake_runs(), runs);
    fake_pass(&host, 1, "2026-11-25T03:00:00Z");
    CHECK_EQ_TEXT(fake_runs(), "A 25T02:30:00; ");
    CHECK_EQ_TEXT(fake_record(&host), record);
    end(&temporary, &host);
}

static void one_run_makes_up_for_what_was_missed(void)
{
    down_for_days(NIGHTLY(""), "A 24T12:00:00; ",
                  "A 20T02:30:00 completed; A 21T02:30:00..24T02:30:00 completed; "
                  "A 25T02:30:00 completed; ");
}

static void or_what_was_missed_is_only_recorded(void)
{
    down_for_days(NIGHTLY(SKIP), "",
                  "A 20T02:30:00 completed; A 21T02:30:00..24T02:30:00 missed; "
                  "A 25T02:30:00 completed; ");
}

static void a_minute_late_is_in_time(void)
{
    struct temporary temporary;
    struct host host;
    begin(&temporary, &host, NIGHTLY(SKIP), "2026-11-24T00:00:00Z");
    fake_jump(&host, 1, "2026-11-24T02:31:00Z"); /* SCHEDULER_LATE_MS */
    CHECK_EQ_TEXT(fake_runs(), "A 24T02:31:00; ");
    fake_jump(&host, 1, "2026-11-25T02:31:01Z");
    CHECK_EQ_TEXT(fake_runs(), "");
    CHECK_EQ_TEXT(fake_record(&host), "A 24T02:30:00 completed; A 25T02:30:00 missed; ");
    CHECK_EQ_TEXT(fake_reason(&host), "nothing was there to start it in time");
    end(&temporary, &host);
}

static void a_clock_that_is_set_back_repeats_nothing(void)
{
    struct temporary temporary;
    struct host host;
    begin(&temporary, &host, EVERY_TEN, "2026-11-24T00:00:00Z");
    fake_pass(&host, 1, "2026-11-24T00:35:00Z");
    fake_runs();
    fake_jump(&host, 1, "2026-11-24T00:05:00Z");
    fake_pass(&host, 1, "2026-11-24T00:45:00Z");
    CHECK_EQ_TEXT(fake_runs(), "A 24T00:40:00; ");
    end(&temporary, &host);
}

static void a_clock_that_was_wrong_loses_nothing(void)
{
    struct temporary temporary;
    struct host host;
    begin(&temporary, &host, EVERY_TEN, "2026-11-24T00:00:00Z");
    fake_pass(&host, 1, "2026-11-24T00:15:00Z");
    fake_jump(&host, 1, "2030-01-02T00:00:00Z"); /* one run stands for four years */
    CHECK_EQ_TEXT(fake_runs(), "A 24T00:10:00; A 02T00:00:00; ");
    fake_jump(&host, 1, "2026-11-24T00:16:00Z");
    fake_pass(&host, 1, "2026-11-24T00:45:00Z");
    CHECK_EQ_TEXT(fake_runs(), "A 24T00:20:00; A 24T00:30:00; A 24T00:40:00; ");
    end(&temporary, &host);
}

static void a_time_that_was_missed_by_a_wrong_clock_comes(void)
{
    struct temporary temporary;
    struct host host;
    begin(&temporary, &host, NIGHTLY(SKIP), "2026-11-24T00:00:00Z");
    fake_jump(&host, 1, "2026-11-25T12:00:00Z");
    CHECK_EQ_TEXT(fake_record(&host), "A 24T02:30:00..25T02:30:00 missed; ");
    fake_jump(&host, 1, "2026-11-24T00:01:00Z");
    fake_pass(&host, 1, "2026-11-25T12:00:00Z");
    CHECK_EQ_TEXT(fake_runs(), "A 24T02:30:00; A 25T02:30:00; ");
    end(&temporary, &host);
}

/* ---- several processes and crashes ------------------------------------------------------------- */

static void two_processes_share_the_due_times(void)
{
    struct temporary temporary;
    struct host hosts[2];
    begin(&temporary, &hosts[0], EVERY_TEN, "2026-11-24T00:00:00Z");
    host_open(&hosts[1], &temporary, NULL);
    host_start(&hosts[1], 2);
    fake_pass(hosts, 2, "2026-11-24T02:00:00Z");
    CHECK_EQ_TEXT(fake_runs(), "A 24T00:10:00; A 24T00:20:00; A 24T00:30:00; A 24T00:40:00; "
                               "A 24T00:50:00; A 24T01:00:00; A 24T01:10:00; A 24T01:20:00; "
                               "A 24T01:30:00; A 24T01:40:00; A 24T01:50:00; A 24T02:00:00; ");
    host_close(&hosts[1]);
    fake_pass(hosts, 1, "2026-11-24T02:10:00Z");
    CHECK_EQ_TEXT(fake_runs(), "A 24T02:10:00; ");
    end(&temporary, &hosts[0]);
}

/* As a process that ends between its claim and its run, or during the run. */
static void claim_and_die(struct temporary *temporary, const char *instance)
{
    struct store *store = NULL;
    struct error err = {0};
    enum schedule_claim result;
    struct schedule_run run = {.flow = "A", .due_ms = fake_instant("2026-11-24T00:10:00Z"),
                               .first_ms = fake_instant("2026-11-24T00:10:00Z"),
                               .outcome = "running", .instance = instance};
    CHECK_OK(store_open(&store, temporary_path(temporary, "state/sluice.db"), &err), &err);
    CHECK_OK(store_claim_schedule(store, &run, fake_instant("2026-11-24T00:00:00Z"), &result, &err),
             &err);
    CHECK_EQ_INT(result, CLAIM_WON);
    store_close(store);
}

static void a_claim_without_a_run_is_due_again(void)
{
    struct temporary temporary;
    struct host host;
    begin(&temporary, &host, EVERY_TEN, "2026-11-24T00:00:00Z");
    host_stop(&host, 60000);
    claim_and_die(&temporary, NULL);
    fake_set_clock("2026-11-24T00:11:00Z");
    host_start(&host, 1);
    fake_settle(&host, 1);
    CHECK_EQ_TEXT(fake_runs(), "A 24T00:11:00; ");
    CHECK_EQ_TEXT(fake_record(&host), "A 24T00:10:00 completed; ");
    end(&temporary, &host);
}

static void an_interrupted_run_is_not_repeated(void)
{
    struct temporary temporary;
    struct host host;
    begin(&temporary, &host, EVERY_TEN, "2026-11-24T00:00:00Z");
    host_stop(&host, 60000);
    claim_and_die(&temporary, "an-instance");
    CHECK_EQ_TEXT(fake_record(&host), "A 24T00:10:00 interrupted; ");
    fake_set_clock("2026-11-24T00:11:00Z");
    host_start(&host, 1);
    CHECK_EQ_TEXT(fake_runs(), "");
    CHECK_EQ_TEXT(fake_record(&host), "A 24T00:10:00 interrupted; ");
    end(&temporary, &host);
}

static void what_has_not_begun_at_a_stop_is_due_again(void)
{
    struct temporary temporary = temporary_make();
    struct host host;
    struct error err = {0};
    fake_set_clock("2026-11-24T00:00:00Z");
    host_open(&host, &temporary, "{\"A\": {\"recurrence\": \"FREQ=MINUTELY;INTERVAL=10\"},"
                                 " \"B\": {\"recurrence\": \"FREQ=MINUTELY;INTERVAL=10\"}}");
    host_start(&host, 1);
    fake_hold_runs();
    fake_pass(&host, 1, "2026-11-24T00:10:00Z");
    scheduler_quiesce(host.scheduler);
    CHECK_FAILS(scheduler_run_now(host.service, FLOW_B, NULL, 0, &fake_actor, &err), &err,
                ERROR_UNAVAILABLE);
    fake_release_runs();
    host_close(&host);
    CHECK_EQ_TEXT(fake_runs(), "A 24T00:10:00; ");
    host_open(&host, &temporary, NULL);
    host_start(&host, 1);
    fake_settle(&host, 1);
    CHECK_EQ_TEXT(fake_runs(), "B 24T00:10:00; ");
    end(&temporary, &host);
}

static void what_one_process_does_not_begin_another_does(void)
{
    struct temporary temporary = temporary_make();
    struct host hosts[2];
    fake_set_clock("2026-11-24T00:00:00Z");
    host_open(&hosts[0], &temporary, "{\"A\": {\"recurrence\": \"FREQ=MINUTELY;INTERVAL=10\"},"
                                     " \"B\": {\"recurrence\": \"FREQ=MINUTELY;INTERVAL=10\"}}");
    host_start(&hosts[0], 1);
    fake_hold_runs();
    fake_pass(hosts, 1, "2026-11-24T00:10:00Z"); /* A runs, B waits for the thread */
    host_open(&hosts[1], &temporary, NULL);
    host_start(&hosts[1], 1);
    scheduler_quiesce(hosts[0].scheduler);
    fake_settle(&hosts[1], 1);
    CHECK_EQ_TEXT(fake_runs(), "B 24T00:10:00; ");
    fake_release_runs();
    host_close(&hosts[0]);
    end(&temporary, &hosts[1]);
}

static void a_stop_asks_what_goes_on_too_long(void)
{
    struct temporary temporary;
    struct host host;
    begin(&temporary, &host, EVERY_TEN, "2026-11-24T00:00:00Z");
    fake_hold_runs();
    fake_pass(&host, 1, "2026-11-24T00:10:00Z");
    host_stop(&host, 0);
    CHECK_EQ_TEXT(fake_record(&host), "A 24T00:10:00 failed; ");
    fake_release_runs();
    end(&temporary, &host);
}

/* ---- people ------------------------------------------------------------------------------------ */

static void move(struct host *host, enum schedule_move how)
{
    struct error err = {0};
    CHECK_OK(timetable_move(host->service, FLOW_A, how, &fake_actor, &err), &err);
    fake_settle(host, 1);
}

static void a_stopped_schedule_starts_nothing(void)
{
    struct temporary temporary;
    struct host host;
    struct error err = {0};
    begin(&temporary, &host, EVERY_TEN, "2026-11-24T00:00:00Z");
    move(&host, MOVE_STOP);
    CHECK_FAILS(timetable_move(host.service, FLOW_A, MOVE_STOP, &fake_actor, &err), &err, ERROR_EXISTS);
    CHECK_FAILS(timetable_move(host.service, FLOW_A, MOVE_RESUME, &fake_actor, &err), &err, ERROR_EXISTS);
    fake_pass(&host, 1, "2026-11-24T00:25:00Z");
    move(&host, MOVE_START);
    CHECK_EQ_TEXT(fake_runs(), "");
    fake_pass(&host, 1, "2026-11-24T00:35:00Z");
    move(&host, MOVE_PAUSE);
    fake_pass(&host, 1, "2026-11-24T00:55:00Z");
    move(&host, MOVE_RESUME);
    fake_pass(&host, 1, "2026-11-24T01:00:00Z");
    CHECK_EQ_TEXT(fake_runs(), "A 24T00:30:00; A 24T01:00:00; ");
    CHECK_FAILS(timetable_move(host.service, FLOW_B, MOVE_START, &fake_actor, &err), &err,
                ERROR_NOT_FOUND);
    end(&temporary, &host);
}

static void a_stop_outlives_the_process(void)
{
    struct temporary temporary;
    struct host host;
    begin(&temporary, &host, EVERY_TEN, "2026-11-24T00:00:00Z");
    move(&host, MOVE_STOP);
    host_close(&host);
    host_open(&host, &temporary, NULL);
    host_start(&host, 1);
    fake_pass(&host, 1, "2026-11-24T00:30:00Z");
    CHECK_EQ_TEXT(fake_runs(), "");
    end(&temporary, &host);
}

static void a_schedule_is_changed_and_reset(void)
{
    struct temporary temporary;
    struct host host;
    struct error err = {0};
    char warning[RECURRENCE_WARNING_SIZE];
    char recurrence[] = "FREQ=HOURLY", zone[] = "UTC", name[] = "prefix", value[] = "C1-";
    struct schedule_parameter parameter = {name, value};
    struct schedule definition = {.recurrence = recurrence, .time_zone = zone,
                                  .parameters = &parameter, .parameter_count = 1};
    struct timetable_entry entry;
    begin(&temporary, &host, EVERY_TEN, "2026-11-24T00:00:00Z");
    CHECK_OK(timetable_set(host.service, FLOW_A, &definition, &fake_actor, warning, &err), &err);
    fake_pass(&host, 1, "2026-11-24T01:05:00Z");
    CHECK_EQ_TEXT(fake_runs(), "A 24T01:00:00; ");
    CHECK_OK(timetable_get(host.service, FLOW_A, &entry, &err), &err);
    CHECK(entry.is_override && entry.in_file && entry.state == SCHEDULE_STARTED);
    CHECK_EQ_TEXT(entry.definition.recurrence, "FREQ=HOURLY");
    CHECK_EQ_TEXT(entry.definition.parameters[0].value, "C1-");
    CHECK_EQ_TEXT(entry.actor, "ann");
    timetable_entry_release(&entry);
    CHECK_OK(timetable_set(host.service, FLOW_A, NULL, &fake_actor, warning, &err), &err);
    fake_pass(&host, 1, "2026-11-24T01:10:00Z");
    CHECK_EQ_TEXT(fake_runs(), "A 24T01:10:00; ");
    end(&temporary, &host);
}

static void a_new_schedule_waits_to_be_started(void)
{
    struct temporary temporary;
    struct host host;
    struct error err = {0};
    char warning[RECURRENCE_WARNING_SIZE];
    char recurrence[] = "FREQ=SECONDLY;INTERVAL=30", zone[] = "UTC", name[] = "prefix", value[] = "x";
    struct schedule_parameter parameter = {name, value};
    struct schedule definition = {.recurrence = recurrence, .time_zone = zone};
    begin(&temporary, &host, "{}", "2026-11-24T00:00:00Z");
    CHECK_FAILS(timetable_set(host.service, FLOW_B, NULL, &fake_actor, warning, &err), &err,
                ERROR_NOT_FOUND);
    CHECK_OK(timetable_set(host.service, FLOW_B, &definition, &fake_actor, warning, &err), &err);
    CHECK_CONTAINS(warning, "more often than once a minute");
    fake_pass(&host, 1, "2026-11-24T00:01:00Z");
    CHECK_EQ_TEXT(fake_runs(), "");
    CHECK_OK(timetable_move(host.service, FLOW_B, MOVE_START, &fake_actor, &err), &err);
    fake_settle(&host, 1);
    fake_pass(&host, 1, "2026-11-24T00:02:00Z");
    CHECK_EQ_TEXT(fake_runs(), "B 24T00:01:30; B 24T00:02:00; ");
    definition.parameters = &parameter, definition.parameter_count = 1;
    CHECK_FAILS(timetable_set(host.service, FLOW_B, &definition, &fake_actor, warning, &err), &err,
                ERROR_INVALID);
    end(&temporary, &host);
}

static void the_file_is_read_again(void)
{
    struct temporary temporary;
    struct host host;
    struct error err = {0};
    begin(&temporary, &host, EVERY_TEN, "2026-11-24T00:00:00Z");
    fake_write_schedules(&temporary, "{\"A\": {\"recurrence\": \"FREQ=SOMETIMES\"}}");
    CHECK_FAILS(scheduler_reload(host.scheduler, &err), &err, ERROR_INVALID);
    CHECK_CONTAINS(err.message, "schedules.json:1:");
    fake_write_schedules(&temporary, "{\"C\": {\"recurrence\": \"FREQ=DAILY\"}}");
    CHECK_FAILS(scheduler_reload(host.scheduler, &err), &err, ERROR_NOT_FOUND);
    fake_pass(&host, 1, "2026-11-24T00:10:00Z");
    fake_write_schedules(&temporary, "{\"A\": {\"recurrence\": \"FREQ=MINUTELY;INTERVAL=15\"}}");
    CHECK_OK(scheduler_reload(host.scheduler, &err), &err);
    fake_settle(&host, 1);
    fake_pass(&host, 1, "2026-11-24T00:30:00Z");
    CHECK_EQ_TEXT(fake_runs(), "A 24T00:10:00; A 24T00:15:00; A 24T00:30:00; ");
    fake_write_schedules(&temporary, "{}");
    CHECK_OK(scheduler_reload(host.scheduler, &err), &err);
    fake_settle(&host, 1);
    fake_pass(&host, 1, "2026-11-24T01:00:00Z");
    CHECK_EQ_TEXT(fake_runs(), "");
    end(&temporary, &host);
}

static void a_run_is_asked_for(void)
{
    struct temporary temporary;
    struct host host;
    struct error err = {0};
    const struct run_parameter good = {"prefix", "C1-DCTEX"}, bad = {"name", "x"};
    begin(&temporary, &host, EVERY_TEN, "2026-11-24T00:00:00Z");
    CHECK_FAILS(scheduler_run_now(host.service, FLOW_A_NEW, &bad, 1, &fake_actor, &err), &err,
                ERROR_INVALID);
    fake_hold_runs();
    CHECK_OK(scheduler_run_now(host.service, FLOW_A_NEW, &good, 1, &fake_actor, &err), &err);
    CHECK_FAILS(scheduler_run_now(host.service, FLOW_A_NEW, &good, 1, &fake_actor, &err), &err,
                ERROR_EXISTS);
    CHECK_FAILS(scheduler_run_now(host.service, FLOW_A, &good, 1, &fake_actor, &err), &err,
                ERROR_REFUSED); /* an older version of the line is not active */
    fake_settle(&host, 1);
    fake_pass(&host, 1, "2026-11-24T00:10:00Z");
    fake_release_runs();
    fake_settle(&host, 1);
    CHECK_EQ_TEXT(fake_runs(), "A 24T00:00:00 manual by ann prefix=C1-DCTEX; ");
    CHECK_EQ_TEXT(fake_record(&host), "A 24T00:10:00 skipped; ");
    end(&temporary, &host);
}

/* ---- activation -------------------------------------------------------------------------------- */

static void only_active_flows_are_started(void)
{
    struct temporary temporary;
    struct host host;
    struct error err = {0};
    begin(&temporary, &host, EVERY_TEN, "2026-11-24T00:00:00Z");
    CHECK_FAILS(activation_deactivate(host.service, FLOW_A_NEW, &fake_actor, &err), &err,
                ERROR_REFUSED);
    CHECK_CONTAINS(err.message, "sluice schedules stop A");
    move(&host, MOVE_STOP);
    CHECK_OK(activation_deactivate(host.service, FLOW_A_NEW, &fake_actor, &err), &err);
    CHECK_FAILS(timetable_move(host.service, FLOW_A, MOVE_START, &fake_actor, &err), &err,
                ERROR_REFUSED);
    CHECK_OK(activation_activate(host.service, FLOW_A_NEW, NULL, &fake_actor, NULL, NULL, &err), &err);
    move(&host, MOVE_START);
    fake_pass(&host, 1, "2026-11-24T00:10:00Z");
    CHECK_EQ_TEXT(fake_runs(), "A 24T00:10:00; ");
    end(&temporary, &host);
}

static void what_was_due_before_the_activation_does_not_count(void)
{
    struct temporary temporary;
    struct host host;
    struct error err = {0};
    begin(&temporary, &host, EVERY_TEN, "2026-11-24T00:00:00Z");
    service_workspace(host.service)->activation = ACTIVATION_EXPLICIT;
    host_stop(&host, 60000);
    CHECK_OK(activation_set_tracing(host.service, FLOW_B, TRACING_AUDIT, &fake_actor, &err), &err);
    host_start(&host, 1);
    fake_pass(&host, 1, "2026-11-24T00:35:00Z");
    CHECK_EQ_TEXT(fake_runs(), "");
    CHECK_OK(activation_activate(host.service, FLOW_A_NEW, NULL, &fake_actor, NULL, NULL, &err), &err);
    fake_settle(&host, 1);
    CHECK_EQ_TEXT(fake_runs(), "");
    fake_pass(&host, 1, "2026-11-24T00:40:00Z");
    CHECK_EQ_TEXT(fake_runs(), "A 24T00:40:00; ");
    end(&temporary, &host);
}

static void an_activation_by_a_wrong_clock_stops_nothing(void)
{
    struct temporary temporary;
    struct host host;
    struct error err = {0};
    begin(&temporary, &host, EVERY_TEN, "2026-11-24T00:00:00Z");
    service_workspace(host.service)->activation = ACTIVATION_EXPLICIT;
    fake_jump(&host, 1, "2030-01-02T00:01:00Z");
    CHECK_OK(activation_activate(host.service, FLOW_A_NEW, NULL, &fake_actor, NULL, NULL, &err), &err);
    fake_settle(&host, 1);
    fake_jump(&host, 1, "2026-11-24T00:06:00Z");
    fake_runs();
    fake_pass(&host, 1, "2026-11-24T00:25:00Z");
    CHECK_EQ_TEXT(fake_runs(), "A 24T00:10:00; A 24T00:20:00; ");
    end(&temporary, &host);
}

CHECK_MAIN(TEST(a_nightly_flow_keeps_its_local_time), TEST(every_due_time_is_recorded),
           TEST(a_run_is_not_overtaken), TEST(another_process_runs_it), TEST(runs_are_bounded),
           TEST(one_run_makes_up_for_what_was_missed), TEST(or_what_was_missed_is_only_recorded),
           TEST(a_minute_late_is_in_time), TEST(a_clock_that_is_set_back_repeats_nothing),
           TEST(a_clock_that_was_wrong_loses_nothing),
           TEST(a_time_that_was_missed_by_a_wrong_clock_comes),
           TEST(two_processes_share_the_due_times), TEST(a_claim_without_a_run_is_due_again),
           TEST(an_interrupted_run_is_not_repeated),
           TEST(what_has_not_begun_at_a_stop_is_due_again),
           TEST(what_one_process_does_not_begin_another_does),
           TEST(a_stop_asks_what_goes_on_too_long), TEST(a_stopped_schedule_starts_nothing),
           TEST(a_stop_outlives_the_process), TEST(a_schedule_is_changed_and_reset),
           TEST(a_new_schedule_waits_to_be_started), TEST(the_file_is_read_again),
           TEST(a_run_is_asked_for), TEST(only_active_flows_are_started),
           TEST(what_was_due_before_the_activation_does_not_count),
           TEST(an_activation_by_a_wrong_clock_stops_nothing))
