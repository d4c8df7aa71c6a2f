/* SPDX-License-Identifier: MIT */
/* sluice resubmit: does failed instances again; sluice discard: says that nobody will. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "cli/instance.h"
#include "cli/mails.h"
#include "cli/print.h"
#include "cli/progress.h"
#include "flow/flow.h"

#define INSTANCES_MAX 1000 /* of one --all-of */

/* One command: which instances, and how it went. */
struct job {
    struct cli *cli;
    struct service *service;
    struct document document;
    const char *version; /* of the flow, that does it; NULL: the one that the instance was of */
    char (*ids)[INSTANCE_ID_SIZE];
    size_t count, done, failed;
    int status; /* of the first that could not begin; 0: none */
};

static void tell_error(struct job *job, const char *id, const struct error *err)
{
    if (job->cli->json) {
        document_open(&job->document, NULL, '{');
        document_text(&job->document, "id", id);
        document_text(&job->document, "error", err->message);
        document_close(&job->document, '}');
        return;
    }
    fputs("sluice: ", job->cli->err);
    print_text(job->cli->err, err->message);
    fputc('\n', job->cli->err);
}

static void tell_outcome(struct job *job, const char *id, const struct run_outcome *outcome)
{
    if (job->cli->json) {
        document_open(&job->document, NULL, '{');
        document_text(&job->document, "id", id);
        document_text(&job->document, "instance", outcome->instance[0] ? outcome->instance : NULL);
        document_text(&job->document, "state", instance_state_name(outcome->state));
        document_number(&job->document, "exit_status", outcome->exit_status);
        document_number(&job->document, "response_status", outcome->response_status);
        document_text(&job->document, "fault", outcome->fault_code[0] ? outcome->fault_title : NULL);
        document_close(&job->document, '}');
        return;
    }
    fprintf(job->cli->out, "%s -> %s  %s", id, outcome->instance[0] ? outcome->instance : "-",
            instance_state_name(outcome->state));
    if (outcome->fault_code[0]) {
        fputs("  ", job->cli->out);
        print_text(job->cli->out, outcome->fault_title);
    }
    fputc('\n', job->cli->out);
}

static void resubmit_one(struct job *job, const char *id)
{
    char original[INSTANCE_ID_SIZE];
    struct run_outcome outcome;
    struct progress progress;
    struct error err = {0};
    progress_init(&progress, job->cli->json ? NULL : job->cli->err, job->cli->err_is_terminal, 0);
    progress.should_stop = job->cli->should_stop;
    struct run_watch watch = progress_watch(&progress);
    const struct resubmission resubmission = {
        .id = id, .version = job->version, .invoked_by = "resubmit", .watch = &watch};
    bool ran = service_resubmit(job->service, &resubmission, original, &outcome, &err);
    progress_end(&progress);
    progress_release(&progress);
    if (ran)
        tell_outcome(job, original, &outcome);
    else
        tell_error(job, id, &err);
    job->done += ran && outcome.exit_status == EXIT_DONE;
    job->failed += !ran || outcome.exit_status == EXIT_FAILED;
    if (!ran && !job->status)
        job->status = cli_status_of(&err);
    run_outcome_release(&outcome);
}

static bool take_id(void *context, const struct instance_row *row)
{
    snprintf(context, INSTANCE_ID_SIZE, "%s", row->id);
    return true;
}

static void discard_one(struct job *job, const char *id)
{
    char full[INSTANCE_ID_SIZE] = "";
    struct error err = {0};
    struct store *store = service_store(job->service);
    bool ok = store_instance(store, id, take_id, full, &err) &&
              store_discard(store, full, clock_wall_ms(), &err);
    if (!ok) {
        tell_error(job, id, &err);
    } else if (job->cli->json) {
        document_open(&job->document, NULL, '{');
        document_text(&job->document, "id", full);
        document_flag(&job->document, "discarded", true);
        document_close(&job->document, '}');
    } else {
        fprintf(job->cli->out, "%s discarded\n", full);
    }
    job->done += ok;
    job->failed += !ok;
    if (!ok && !job->status)
        job->status = cli_status_of(&err);
}

static bool collect(void *context, const struct instance_row *row)
{
    struct job *job = context;
    snprintf(job->ids[job->count++], INSTANCE_ID_SIZE, "%s", row->id);
    return job->count < INSTANCES_MAX;
}

static bool collect_of_flow(struct job *job, const char *flow, struct error *err)
{
    size_t index;
    if (!service_find(job->service, flow, &index, err))
        return false;
    struct store_filter filter = {.flow = service_manifest(job->service, index)->identifier,
                                  .open_errors = true};
    return store_instances(service_store(job->service), &filter, collect, job, err);
}

static bool stopped(const struct cli *cli)
{
    return cli->should_stop && cli->should_stop();
}

/* Oldest first, as they came. */
static bool resubmit_all_of(struct job *job, const char *flow, struct error *err)
{
    job->ids = calloc(INSTANCES_MAX, sizeof *job->ids);
    bool ok = job->ids ? collect_of_flow(job, flow, err)
                       : error_set(err, ERROR_LIMIT, "out of memory");
    for (size_t i = job->count; ok && i > 0 && !stopped(job->cli); i--)
        resubmit_one(job, job->ids[i - 1]);
    free(job->ids);
    return ok;
}

static int job_status(const struct job *job, size_t asked)
{
    if (job->done == asked)
        return EXIT_DONE;
    if (asked == 1 && job->status)
        return job->status;
    return job->failed == asked ? EXIT_FAILED : EXIT_PARTLY_DONE;
}

static int run_job(struct cli *cli, const struct arguments *arguments, const char *name,
                   void (*act)(struct job *, const char *))
{
    struct workspace *workspace = NULL;
    struct job job = {.cli = cli, .version = option_value(arguments, "flow-version")};
    struct error err = {0};
    const char *all_of = option_value(arguments, "all-of");
    document_init(&job.document);
    document_open(&job.document, NULL, '{');
    document_open(&job.document, name, '[');
    bool ok = cli_open_workspace(cli, &workspace, &err) &&
              service_open(&job.service, workspace, &err) &&
              (!all_of || resubmit_all_of(&job, all_of, &err));
    for (size_t i = 0; ok && i < arguments->word_count && !stopped(cli); i++)
        act(&job, arguments->words[i]);
    document_close(&job.document, ']');
    document_close(&job.document, '}');
    if (ok && act == resubmit_one)
        mails_deliver(cli, job.service);
    if (ok && cli->json)
        document_finish(&job.document, cli->out);
    else if (ok && all_of && job.count == 0)
        fputs("no errors\n", cli->out);
    buf_release(&job.document.text);
    service_close(job.service);
    return ok ? job_status(&job, job.count + arguments->word_count)
              : cli_fail(cli, cli_status_of(&err), &err);
}

static int run_resubmit(struct cli *cli, const struct arguments *arguments)
{
    if ((arguments->word_count > 0) == option_given(arguments, "all-of"))
        return cli_usage(cli, &cmd_resubmit, "give the ids of instances, or --all-of FLOW");
    return run_job(cli, arguments, "resubmissions", resubmit_one);
}

static int run_discard(struct cli *cli, const struct arguments *arguments)
{
    return run_job(cli, arguments, "discarded", discard_one);
}

static const struct option_spec options[] = {
    {"all-of", 0, "FLOW", "All that 'sluice errors --flow FLOW' lists, oldest first (the newest 1000)."},
    {"flow-version", 0, "VERSION", "Of the flow, that does them again (default: the one that failed)."},
};

const struct command cmd_resubmit = {
    .name = "resubmit",
    .summary = "does failed instances again",
    .synopsis = "resubmit [--flow-version VERSION] ID...\n"
                "resubmit [--flow-version VERSION] --all-of FLOW",
    .description =
        "Starts the flow of a failed or aborted instance again with the same message and the same "
        "parameters, as a new instance that names the old one. An acknowledgement is sent again from "
        "the message that was stored; a transfer takes only the files that are not yet across.\n\n"
        "The version of the flow is the one that the instance was of. Where that is not there or not "
        "active any more, say with --flow-version which one is to do it.\n\n"
        "An instance is resubmitted at most ten times, not while one of its resubmissions is running, "
        "not after one has completed, and not after it was discarded. What a flow called is done "
        "again by resubmitting its caller. A file that was given with --attach is not kept.",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .json = "{\"resubmissions\": [{\"id\", \"instance\", \"state\", \"exit_status\", "
            "\"response_status\", \"fault\"} | {\"id\", \"error\"}]}",
    .exit_status = "0  all completed (also if there was none to do)\n"
                   "1  all failed or were refused\n"
                   "2  unknown instance or flow, or ten resubmissions are used up\n"
                   "3  some completed, some did not, or only in part",
    .files = "state/sluice.db",
    .examples = " sluice resubmit 3sGkPq\n sluice resubmit --all-of customer_sync_ack",
    .words_max = CLI_ARGUMENTS_MAX,
    .run = run_resubmit,
};

const struct command cmd_discard = {
    .name = "discard",
    .summary = "takes failed instances off the list of errors for good",
    .synopsis = "discard ID...",
    .description = "Says that a failed instance will not be done again. That is final: it cannot be "
                   "resubmitted any more. It stays visible with 'sluice show' until it is purged.",
    .json = "{\"discarded\": [{\"id\", \"discarded\": true} | {\"id\", \"error\"}]}",
    .exit_status = "0  done\n1  all were refused\n2  unknown instance\n3  some were refused",
    .files = "state/sluice.db",
    .examples = " sluice discard 3sGkPq",
    .words_min = 1,
    .words_max = CLI_ARGUMENTS_MAX,
    .run = run_discard,
};
