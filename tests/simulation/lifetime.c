/* SPDX-License-Identifier: MIT */
/*
 * See lifetime.h. Everything from here downwards is the host as it ships: workspace, store, engine with
 * the six flows, capabilities, transfers. What it does is what `sluice run` and `sluice serve` do.
 */
#include "lifetime.h"

#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "engine/sandbox.h"
#include "flow/flow.h"
#include "flow/outbox.h"
#include "flow/resume.h"
#include "others.h"
#include "replay.h"
#include "schedule.h"
#include "store/store_outbox.h"
#include "world.h"

#define FLOW_FTP "OUTL-BA-CCS_DACS_CUST_SYNC_FTP"
#define FLOW_OS "OUTL-BA-CCS_DACS_CUST_SYNC_OS"
#define FLOW_ACK "OUTL-BA-DACS_CCS_CUST_SYNC_ACK"
#define FLOW_NOTICE "OUTL-BA-CCS_DACS_ERR_HNDLR"
#define CALLERS_MAX 3
#define LOOK_NS (10 * NS_PER_S) /* as RECOVERY_PAUSE_MS */

/* ---- transfers ------------------------------------------------------------------------------- */

static void judge_run(const struct run_outcome *outcome)
{
    static const char *const states[] = {"in progress", "completed", "failed", "aborted"};
    trace("run of %s: %s, status %d, %llu of %llu files, %s", outcome->instance,
          states[outcome->state], outcome->exit_status,
          (unsigned long long)outcome->files_transferred, (unsigned long long)outcome->files_found,
          buf_text(&outcome->fault_detail));
    check_that(outcome->state != INSTANCE_COMPLETED || outcome->exit_status == 0,
               "%s completed with status %d", outcome->instance, outcome->exit_status);
    check_that(outcome->state != INSTANCE_COMPLETED || outcome->files_not_transferred == 0,
               "%s completed, but %llu files were not transferred", outcome->instance,
               (unsigned long long)outcome->files_not_transferred);
}

static bool is_stopped(void *context)
{
    const struct host *host = context;
    return host->is_stopped;
}

static void run_transfer(struct service *service, struct host *host)
{
    const struct run_watch watch = {.context = host, .should_stop = is_stopped};
    const struct run_parameter prefix = {"extractedFileNamePrefix", world->plan.prefix};
    struct run_request request = {.trigger = "schedule",
                                  .invoked_by = "simulation",
                                  .watch = &watch,
                                  .parameters = &prefix,
                                  .parameter_count = 1};
    struct run_outcome outcome = {.state = INSTANCE_FAILED};
    struct error err = {0};
    if (!service_find(service, host->runs_buckets ? FLOW_OS : FLOW_FTP, &request.flow, &err)) {
        violation("a flow is missing: %s", err.message);
        return;
    }
    host->ok = service_run(service, &request, &outcome, &err);
    host->exit_status = outcome.exit_status;
    if (host->ok)
        judge_run(&outcome);
    else
        trace("run refused: %s", err.message);
    snprintf(host->error, sizeof host->error, "%s",
             host->ok ? buf_text(&outcome.fault_detail) : err.message);
    run_outcome_release(&outcome);
}

/* Others act meanwhile: DACS takes what has arrived. */
static void run_transfers(struct service *service, struct host *host)
{
    if (host->more_runs > 0)
        schedule_sleep_ns(NS_PER_S); /* the other host comes first */
    run_transfer(service, host);
    for (unsigned i = 0; i < host->more_runs; i++) {
        for (int acts = 0; acts < 5; acts++)
            others_act();
        schedule_sleep_ns((int64_t)draw_between(1, 40) * NS_PER_S);
        run_transfer(service, host);
    }
}

/* ---- acknowledgements and notices: calls over REST ------------------------------------------- */

struct caller {
    struct service *service;
    struct ack_seen *ack;
    pthread_t thread;
};

static struct ack_seen *next_ack(void)
{
    for (unsigned i = 0; i < world->ack_count; i++)
        if (!world->acks[i].answered_ok && draw_chance(700))
            return &world->acks[i];
    if (world->ack_count == ACKS_MAX)
        return NULL;
    struct ack_seen *ack = &world->acks[world->ack_count++];
    snprintf(ack->id, sizeof ack->id, "%u%09u", world->ack_count, (unsigned)draw_below(1000000000));
    return ack;
}

/* CCS has it once for each time that DACS was told so. */
static void judge_answer(struct ack_seen *ack, const struct run_outcome *outcome)
{
    bool is_ok = outcome->response_status == 200;
    trace("DACS is answered %d for %s", outcome->response_status, ack->id);
    ack->answered_ok += is_ok;
    check_that(!is_ok || ack->taken >= ack->answered_ok, "DACS was told OK for %s, CCS has it not",
               ack->id);
}

/* What was sent and is answered does not reach CCS any more. */
static void close_ack(struct ack_seen *ack)
{
    if (--ack->open == 0)
        ack->allowed = ack->taken;
}

static void *send_ack(void *context)
{
    const struct caller *caller = context;
    char body[200];
    struct error err = {0};
    struct run_outcome outcome = {.state = INSTANCE_FAILED};
    snprintf(body, sizeof body, "{\"externalReferenceId\": \"%s\", \"hasError\": false}",
             caller->ack->id);
    struct run_request request = {
        .trigger = "rest", .invoked_by = "dacs", .body = body, .body_size = strlen(body)};
    caller->ack->open++;
    caller->ack->allowed++;
    if (!service_find(caller->service, FLOW_ACK, &request.flow, &err))
        violation("a flow is missing: %s", err.message);
    else if (service_run(caller->service, &request, &outcome, &err))
        judge_answer(caller->ack, &outcome);
    else
        trace("acknowledgement refused: %s", err.message);
    close_ack(caller->ack);
    run_outcome_release(&outcome);
    sandbox_thread_release();
    return NULL;
}

static void run_acks(struct service *service)
{
    struct caller callers[CALLERS_MAX];
    unsigned count = 0;
    for (uint64_t wanted = draw_between(1, CALLERS_MAX); count < wanted; count++) {
        callers[count] = (struct caller){.service = service, .ack = next_ack()};
        bool is_taken = false;
        for (unsigned i = 0; i < count; i++)
            is_taken |= callers[i].ack == callers[count].ack;
        if (!callers[count].ack || is_taken ||
            pthread_create(&callers[count].thread, NULL, send_ack, &callers[count]) != 0)
            break;
    }
    for (unsigned i = 0; i < count; i++)
        pthread_join(callers[i].thread, NULL);
}

static void run_notice(struct service *service)
{
    static const char body[] = "{\"integrationName\": \"A flow\", \"reason\": \"a test\"}";
    struct error err = {0};
    struct run_outcome outcome = {.state = INSTANCE_FAILED};
    struct run_request request = {
        .trigger = "rest", .invoked_by = "dacs", .body = body, .body_size = strlen(body)};
    if (!service_find(service, FLOW_NOTICE, &request.flow, &err))
        violation("a flow is missing: %s", err.message);
    else if (service_run(service, &request, &outcome, &err))
        trace("notice answered %d", outcome.response_status);
    run_outcome_release(&outcome);
}

/* As a server does when it starts. */
static void resume(struct service *service)
{
    struct error err = {0};
    size_t left;
    if (!resume_all(service, NULL, &left, &err))
        trace("not resumed: %s", err.message);
}

static void serve(struct service *service)
{
    while (world->hosts[0].is_alive) {
        resume(service);
        schedule_sleep_ns(LOOK_NS);
    }
    resume(service);
}

/* ---- mails ----------------------------------------------------------------------------------- */

/* Goes on to when the next mail is due: none waits longer than a pause, whatever the clock once was. False:
 * none waits. */
static bool wait_for_mail(struct service *service)
{
    struct error err = {0};
    int64_t now_ms = clock_wall_ms(), due_ms;
    if (!store_outbox_due(service_store(service), now_ms, &due_ms, &err)) {
        violation("the outbox cannot be read: %s", err.message);
        return false;
    }
    if (due_ms == INT64_MAX)
        return false;
    check_that(due_ms - now_ms <= STORE_OUTBOX_AHEAD_MS, "a mail would wait for %lld s",
               (long long)(due_ms - now_ms) / 1000);
    if (due_ms > now_ms)
        world_pass((due_ms - now_ms) * 1000000);
    return !world->violation[0];
}

/* As at the end of a run. In calm times as a server, until all that waits has gone. */
static void deliver_mails(struct service *service)
{
    struct outbox_report report;
    struct error err = {0};
    int64_t deadline_ms = clock_monotonic_ms() + OUTBOX_RUN_WAIT_MS;
    bool ok;
    do
        ok = outbox_deliver(service, world->is_calm ? 0 : deadline_ms, NULL, NULL, &report, &err);
    while (ok && world->is_calm && wait_for_mail(service));
    if (!ok)
        trace("mails cannot be delivered: %s", err.message);
    else
        trace("mails: %u sent, %u later, %u given up", report.sent, report.later, report.given_up);
    check_that(ok || !world->is_calm, "mails cannot be delivered: %s", err.message);
    check_that(!ok || !world->is_calm || report.later == 0, "a mail is not sent in calm times: %s",
               report.why);
}

/* ---- the process ----------------------------------------------------------------------------- */

static void run(struct service *service, struct host *host)
{
    switch (host->kind) {
    case LIFETIME_TRANSFER:
        run_transfers(service, host);
        break;
    case LIFETIME_ACK:
        resume(service);
        run_acks(service);
        break;
    case LIFETIME_NOTICE:
        resume(service);
        run_notice(service);
        break;
    case LIFETIME_REPLAY:
        replay_all(service);
        break;
    case LIFETIME_SERVER:
        serve(service);
        break;
    }
}

static void live(struct host *host, const struct lifetime_place *place)
{
    struct workspace *workspace = NULL;
    struct service *service = NULL;
    struct error err = {0};
    if (!workspace_open(&workspace, place->workspace, place->functions, &err)) {
        violation("the workspace cannot be opened: %s", err.message);
        return;
    }
    if (service_open(&service, workspace, &err)) {
        run(service, host);
        if (host->kind != LIFETIME_REPLAY)
            deliver_mails(service);
        service_close(service);
    } else {
        trace("the service cannot be opened: %s", err.message);
        snprintf(host->error, sizeof host->error, "%s", err.message);
    }
}

void lifetime_main(int index, const struct lifetime_place *place)
{
    struct host *host = &world->hosts[index];
    setenv("SIMULATION_SECRET", "secret", 1);
    log_configure(LOG_WARNING, false, world->is_tracing ? STDERR_FILENO : open("/dev/null", O_WRONLY));
    sqlite3_randomness(0, NULL);
    schedule_begin(index);
    live(host, place);
    host->has_ended = true;
    sem_post(&world->parent);
    _exit(0);
}
