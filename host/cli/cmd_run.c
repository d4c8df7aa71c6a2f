/* SPDX-License-Identifier: MIT */
/* sluice run: runs a flow once, shows how it goes, and ends with the flow's exit status. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/document.h"
#include "base/file.h"
#include "base/log.h"
#include "cli/cli.h"
#include "cli/mails.h"
#include "cli/instance.h"
#include "cli/print.h"
#include "cli/progress.h"
#include "cli/sink.h"
#include "flow/activation.h"
#include "server/outcome.h"

#define BODY_SIZE_MAX (64u << 20) /* what is read here; the flow's manifest sets a lower limit */
#define PARAMETERS_MAX CLI_OPTIONS_MAX
#define PARAMETER_TEXT_MAX 8192

/* A request with the memory behind it. */
struct input {
    struct run_parameter parameters[PARAMETERS_MAX];
    char *names[PARAMETERS_MAX];
    size_t parameter_count;
    struct buf body;
    const char *attachment;
};

static void input_release(struct input *input)
{
    for (size_t i = 0; i < input->parameter_count; i++)
        free(input->names[i]);
    buf_release(&input->body);
}

static bool take_parameter(struct input *input, const char *text, struct error *err)
{
    const char *equals = strchr(text, '=');
    if (!equals || equals == text)
        return error_set(err, ERROR_INVALID, "'--param %.64s': expected NAME=VALUE", text);
    if (strlen(text) > PARAMETER_TEXT_MAX)
        return error_set(err, ERROR_INVALID, "'--param %.64s...': longer than %d bytes", text,
                         PARAMETER_TEXT_MAX);
    char *name = strndup(text, (size_t)(equals - text));
    if (!name)
        return error_set(err, ERROR_LIMIT, "out of memory");
    for (size_t i = 0; i < input->parameter_count; i++) {
        if (strcmp(input->names[i], name) != 0)
            continue;
        error_set(err, ERROR_INVALID, "parameter '%.64s' is given twice", name);
        free(name);
        return false;
    }
    input->names[input->parameter_count] = name;
    input->parameters[input->parameter_count++] = (struct run_parameter){name, equals + 1};
    return true;
}

static bool read_stream(int fd, struct buf *out, struct error *err)
{
    char chunk[16384];
    for (;;) {
        ssize_t got = read(fd, chunk, sizeof chunk);
        if (got == 0)
            return true;
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_errno(err, ERROR_INVALID, errno, "cannot read the message from standard "
                                                          "input");
        buf_append(out, chunk, (size_t)got);
        if (out->failed)
            return error_set(err, ERROR_LIMIT, "the message on standard input is larger than %u "
                                               "bytes", BODY_SIZE_MAX);
    }
}

static bool read_input(const struct arguments *arguments, struct input *input, struct error *err)
{
    const char *body = option_value(arguments, "body");
    buf_init(&input->body, BODY_SIZE_MAX);
    for (size_t i = 0; i < arguments->option_count; i++)
        if (strcmp(arguments->options[i].spec->name, "param") == 0 &&
            !take_parameter(input, arguments->options[i].value, err))
            return false;
    input->attachment = option_value(arguments, "attach");
    if (input->attachment && access(input->attachment, R_OK) != 0)
        return error_errno(err, ERROR_NOT_FOUND, errno, "cannot read '%s'", input->attachment);
    if (!body)
        return true;
    return strcmp(body, "-") == 0 ? read_stream(STDIN_FILENO, &input->body, err)
                                  : file_read(body, &input->body, err);
}

/* ---- the end ----------------------------------------------------------------------------------- */

static const char *ending(const struct run_outcome *outcome)
{
    return outcome->state == INSTANCE_IN_PROGRESS     ? "interrupted"
           : outcome->exit_status == EXIT_DONE        ? "done"
           : outcome->exit_status == EXIT_PARTLY_DONE ? "partly done"
                                                      : "failed";
}

static void print_outcome(struct cli *cli, struct store *store, const struct manifest *manifest,
                          const struct run_outcome *outcome, const struct progress *progress)
{
    FILE *out = cli->out;
    char duration[DURATION_TEXT_SIZE];
    if (outcome->response_status && outcome->response.size > 0) {
        if (cli->out_is_terminal)
            print_text(out, buf_text(&outcome->response));
        else
            fwrite(outcome->response.data, 1, outcome->response.size, out);
        fputc('\n', out);
    }
    fprintf(out, "\n%s: ", ending(outcome));
    print_text(out, manifest->name);
    fprintf(out, ", %s\n", print_duration(outcome->duration_ms, duration));
    if (!outcome->files_found && !outcome->fault_code[0] &&
        strcmp(manifest->trigger_type, "schedule") == 0)
        fputs("  files     none found\n", out);
    else if (outcome->files_found)
        fprintf(out, "  files     %llu found, %llu transferred, %llu not transferred, %llu postponed\n",
                (unsigned long long)outcome->files_found,
                (unsigned long long)outcome->files_transferred,
                (unsigned long long)outcome->files_not_transferred,
                (unsigned long long)outcome->files_postponed);
    mails_print_run(out, store, outcome->instance, progress);
    if (outcome->response_status)
        fprintf(out, "  answer    HTTP status %d\n", outcome->response_status);
    if (outcome->fault_code[0]) {
        fputs("  fault     ", out);
        print_text(out, outcome->fault_code);
        fputs(": ", out);
        print_text(out, outcome->fault_title);
        fputs("\n  detail    ", out);
        print_text(out, buf_text(&outcome->fault_detail));
        fprintf(out, "\n  to do     %s\n", instance_remedy(outcome->fault_code));
    }
    if (outcome->instance[0])
        fprintf(out, "  more      sluice show %s\n", outcome->instance);
}

static bool write_file(void *context, const struct file_row *row)
{
    struct document *document = context;
    document_open(document, NULL, '{');
    document_text(document, "name", row->name);
    document_text(document, "state", row->state);
    document_text(document, "detail", row->detail);
    document_number(document, "size", (int64_t)row->size);
    document_close(document, '}');
    return true;
}

static void write_fault(struct document *document, const struct run_outcome *outcome)
{
    if (!outcome_begin_fault(document, outcome))
        return;
    document_text(document, "to_do", instance_remedy(outcome->fault_code));
    document_close(document, '}');
}

static void write_response(struct document *document, const struct run_outcome *outcome)
{
    if (!outcome->response_status) {
        document_text(document, "response", NULL);
        return;
    }
    document_open(document, "response", '{');
    document_number(document, "status", outcome->response_status);
    document_text(document, "type", outcome->response_type);
    document_bytes(document, "body", buf_text(&outcome->response), outcome->response.size);
    document_close(document, '}');
}

static void write_files(struct document *document, struct store *store,
                        const struct run_outcome *outcome)
{
    struct error ignored;
    document_open(document, "files", '{');
    outcome_write_counts(document, outcome);
    document_open(document, "list", '[');
    if (outcome->instance[0]) /* the counts above stand, even if the rows cannot be read */
        (void)!store_files(store, outcome->instance, write_file, document, &ignored);
    document_close(document, ']');
    document_close(document, '}');
}

static void write_outcome(struct cli *cli, struct store *store, const struct manifest *manifest,
                          const struct run_outcome *outcome, const struct progress *progress)
{
    struct document document;
    document_init(&document);
    document_open(&document, NULL, '{');
    document_text(&document, "outcome", ending(outcome));
    document_number(&document, "exit_status", outcome->exit_status);
    document_text(&document, "instance", outcome->instance[0] ? outcome->instance : NULL);
    document_text(&document, "trace", outcome->trace[0] ? outcome->trace : NULL);
    document_text(&document, "flow", manifest->identifier);
    document_text(&document, "state", instance_state_name(outcome->state));
    document_number(&document, "duration_ms", outcome->duration_ms);
    write_files(&document, store, outcome);
    mails_write_run(&document, "mails", store, outcome->instance, progress);
    write_response(&document, outcome);
    write_fault(&document, outcome);
    document_close(&document, '}');
    document_finish(&document, cli->out);
}

/* ---- the run ----------------------------------------------------------------------------------- */

static int run_flow(struct cli *cli, struct service *service, size_t flow,
                    const struct input *input, struct error *err)
{
    struct progress progress;
    struct run_outcome outcome = {0};
    progress_init(&progress, cli->json ? NULL : cli->err, cli->err_is_terminal, 0);
    progress.should_stop = cli->should_stop;
    struct run_watch watch = progress_watch(&progress);
    struct run_request request = {
        .flow = flow,
        .trigger = "manual",
        .invoked_by = cli_self()->name,
        .parameters = input->parameters,
        .parameter_count = input->parameter_count,
        .body = input->body.size ? input->body.data : NULL,
        .body_size = input->body.size,
        .attachment = input->attachment,
        .watch = &watch,
        .traceparent = getenv("TRACEPARENT"),
        .tracestate = getenv("TRACESTATE"),
    };
    if (log_wants(LOG_INFO))
        service_tell_ends(service);
    bool ok = service_run(service, &request, &outcome, err);
    int status = ok ? outcome.exit_status : cli_status_of(err);
    progress_end(&progress);
    if (ok)
        mails_deliver(cli, service);
    if (ok && cli->json)
        write_outcome(cli, service_store(service), service_manifest(service, flow), &outcome,
                      &progress);
    else if (ok)
        print_outcome(cli, service_store(service), service_manifest(service, flow), &outcome,
                      &progress);
    else
        cli_fail(cli, status, err);
    run_outcome_release(&outcome);
    progress_release(&progress);
    return status;
}

static int run(struct cli *cli, const struct arguments *arguments)
{
    struct workspace *workspace = NULL;
    struct service *service = NULL;
    struct event_sink *sink = NULL;
    struct input input = {0};
    struct error err = {0};
    size_t flow;
    int status;
    bool ok = read_input(arguments, &input, &err) && cli_open_workspace(cli, &workspace, &err) &&
              service_open(&service, workspace, &err) && sink_open(&sink, service, &err) &&
              activation_find(service, arguments->words[0], &flow, &err);
    if (ok)
        status = run_flow(cli, service, flow, &input, &err);
    else
        status = cli_fail(cli, cli_status_of(&err), &err);
    sink_close(sink);
    service_close(service);
    input_release(&input);
    return status;
}

static const struct option_spec options[] = {
    {"param", 'p', "NAME=VALUE", "A parameter of the flow, such as extractedFileNamePrefix=C1-. May be "
                                 "given several times. Default: what its schedule says, then the "
                                 "flow's own default."},
    {"body", 'b', "FILE", "The message for the flow; '-' reads standard input."},
    {"attach", 0, "FILE", "A file that goes with the message."},
};

const struct command cmd_run = {
    .name = "run",
    .summary = "runs a flow once and waits for its end",
    .synopsis = "run FLOW [--param NAME=VALUE]... [--body FILE] [--attach FILE]",
    .description =
        "Runs FLOW (identifier, alias or folder name; \"FLOW|VERSION\", else the newest version) in a fresh sandbox and shows how it goes: on a "
        "terminal the file that moves now (file n of m, bytes, rate, time left), elsewhere one line "
        "for each event. Progress goes to standard error, the answer and the summary to standard "
        "output. The instance is recorded; 'sluice show ID' tells all about it. Its mails, and "
        "others that are due, are sent when it has ended, for 20 seconds at most; what cannot be sent "
        "stays in the outbox ('sluice outbox') and changes no exit status.\n\n"
        "Only one run of a scheduled flow goes on at a time. An interrupt (Ctrl-C) or SIGTERM asks "
        "the run to stop; a second one ends the process at once, and the instance is marked as "
        "aborted when the store is next opened.\n\n"
        "$TRACEPARENT and $TRACESTATE (W3C Trace Context) make the run part of a distributed trace.",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .json = "{\"outcome\": \"done\"|\"partly done\"|\"failed\", \"exit_status\", \"instance\", \"trace\", "
            "\"flow\", \"state\", \"duration_ms\", \"files\": {\"found\", \"transferred\", "
            "\"not_transferred\", \"postponed\", \"list\": [{\"name\", \"state\", \"detail\", "
            "\"size\"}]}, \"mails\": [a mail as in 'sluice outbox'], \"response\": null | {\"status\", "
            "\"type\", \"body\"}, \"fault\": null | {\"code\", \"title\", \"detail\", \"to_do\"}}\n"
            "A run that could not begin: {\"error\": {\"kind\", \"message\", \"exit_status\"}}.",
    .exit_status = "0  the flow did all it had to do (no file found is also done)\n"
                   "1  the flow failed, is running already, or is not active\n"
                   "2  unknown flow or parameter, or the configuration is not usable: nothing ran\n"
                   "3  some files were transferred, some were not",
    .files = "state/sluice.db        where the instance is recorded",
    .examples = " sluice run OUTL-BA-CCS_DACS_CUST_SYNC_FTP --param extractedFileNamePrefix=C1-DCTEX\n"
                " sluice run customer_sync_ack --body ack.json --json",
    .words_min = 1,
    .words_max = 1,
    .run = run,
};
