/* SPDX-License-Identifier: MIT */
/* sluice replay: an instance again on its own past, without any peer. */
#include "base/document.h"
#include "cli/cli.h"
#include "cli/instance.h"
#include "cli/print.h"
#include "flow/replay.h"

static void print_line(void *context, const char *text)
{
    const struct cli *cli = context;
    fputs("  log       ", cli->out);
    print_text(cli->out, text);
    fputc('\n', cli->out);
}

static void print_report(struct cli *cli, const struct replay_report *report)
{
    FILE *out = cli->out;
    fprintf(out, "%s: instance %s, %zu of %zu calls asked for again\n",
            report->is_same ? "the same" : "different", report->instance, report->answered,
            report->calls);
    if (report->is_same && !report->is_finished)
        fputs("  so far    the instance is unfinished; its journal ends there\n", out);
    if (report->is_same && report->is_answer_unknown)
        fputs("  answer    same status; its text was not kept, so it is not compared\n", out);
    if (report->is_same)
        return;
    fputs("  first     ", out);
    print_text(out, report->difference);
    fputc('\n', out);
}

static void write_report(struct cli *cli, const struct replay_report *report)
{
    struct document document;
    document_init(&document);
    document_open(&document, NULL, '{');
    document_text(&document, "instance", report->instance);
    document_flag(&document, "same", report->is_same);
    document_flag(&document, "finished", report->is_finished);
    document_number(&document, "calls", (int64_t)report->calls);
    document_number(&document, "answered", (int64_t)report->answered);
    document_flag(&document, "answer_unknown", report->is_answer_unknown);
    document_text(&document, "difference", report->is_same ? NULL : report->difference);
    document_text(&document, "state", instance_state_name(report->outcome.state));
    document_number(&document, "exit_status", report->outcome.exit_status);
    document_close(&document, '}');
    document_finish(&document, cli->out);
}

static int run(struct cli *cli, const struct arguments *arguments)
{
    struct workspace *workspace = NULL;
    struct service *service = NULL;
    struct replay_report report = {.is_same = false};
    struct error err = {0};
    const struct run_watch watch = {.context = cli, .line = cli->json ? NULL : print_line};
    bool ok = cli_open_recorded(cli, &workspace, &err) &&
              service_open(&service, workspace, &err) &&
              service_replay(service, arguments->words[0], option_value(arguments, "with"), &watch,
                             &report, &err);
    if (ok && cli->json)
        write_report(cli, &report);
    else if (ok)
        print_report(cli, &report);
    run_outcome_release(&report.outcome);
    service_close(service);
    if (!ok)
        return cli_fail(cli, EXIT_USAGE, &err);
    return report.is_same ? EXIT_DONE : EXIT_FAILED;
}

static const struct option_spec options[] = {
    {"with", 0, "MODULE.wasm", "Another module of the same flow, in place of the one it ran with."},
};

const struct command cmd_replay = {
    .name = "replay",
    .summary = "runs an instance again on its own past",
    .synopsis = "replay ID [--with MODULE.wasm]",
    .description =
        "Runs the flow again with what the instance asked of the host and got: its journal answers, no "
        "server is asked, nothing is changed or recorded. It tells whether the module asked for the same "
        "things in the same order and ended the same way: state, exit status, fault, status of the answer, "
        "and what it last reported of each file. What it wrote to its log is shown.\n\n"
        "The text of the answer is compared where it was kept, which is with the tracing level debug; else "
        "the result says that it is unknown. Not compared: the answer's content type, tracked values, "
        "lines of the log, and what an unfinished instance answered or reported up to now.\n\n"
        "With --with another version of the module is tried on the same past, and the first call at "
        "which it would have asked for something else is shown.\n\n"
        "Flows whose manifest says \"durable\" keep a journal, until the retention deletes the instance.",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .json = "{\"instance\", \"same\", \"finished\", \"calls\", \"answered\", \"answer_unknown\", "
            "\"difference\", \"state\", \"exit_status\"}",
    .exit_status = "0  the same\n1  different\n2  it cannot be told: no such instance, no journal or a "
                   "damaged one, or the module is not usable",
    .files = "state/sluice.db, state/modules/",
    .examples = " sluice replay 2HVm-j8d\n sluice replay 2HVm-j8d --with build/new_version.wasm",
    .words_min = 1,
    .words_max = 1,
    .run = run,
};
