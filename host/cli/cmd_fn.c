/* SPDX-License-Identifier: MIT */
/* sluice fn: a function of Fn or OCI Functions, until a signal asks to stop. */
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/cli.h"
#include "cli/sink.h"
#include "cli/wait.h"
#include "flow/flow.h"
#include "server/fn.h"

static int run(struct cli *cli, const struct arguments *arguments)
{
    const struct fn_environment environment = {
        .format = getenv("FN_FORMAT"),
        .listener = getenv("FN_LISTENER"),
        .frame_name = getenv("FN_LOGFRAME_NAME"),
        .frame_header = getenv("FN_LOGFRAME_HDR"),
    };
    struct service *service = NULL;
    struct event_sink *sink = NULL;
    struct fn *fn = NULL;
    struct error err = {0};
    bool ok = wait_open(&err) && cli_open_service(cli, false, &service, &err) &&
              sink_open(&sink, service, &err) &&
              fn_open(&fn, service, arguments->words, arguments->word_count, &environment,
                      wait_is_asked, sink, &err);
    if (ok) {
        log_line(LOG_INFO, NULL, "listening on %s", fn_path(fn));
        wait_for_stop();
        if (!fn_stop(fn)) {
            log_line(LOG_ERROR, NULL, "the call did not stop in time and was cut off");
            _exit(EXIT_FAILED);
        }
    }
    sink_close(sink);
    service_close(service);
    wait_close();
    return ok ? EXIT_DONE : cli_fail(cli, cli_status_of(&err), &err);
}

const struct command cmd_fn = {
    .name = "fn",
    .summary = "runs as a function of Fn or OCI Functions",
    .synopsis = "fn [FLOW...]",
    .description =
        "Answers the calls of Fn's agent (format http-stream) on the socket that FN_LISTENER names; "
        "started by the platform, not by hand. FLOW: what is offered, default all flows.\n\n"
        "A request over HTTP (an HTTP trigger, an API gateway) reaches a flow at OIC's address or, "
        "where one flow alone is offered, at any address; its caller must be a user of users.json "
        "with the role invoke unless \"callers\" in sluice.json is \"platform\". A direct invocation "
        "carries the flow's message, the parameters of a scheduled flow, "
        "{\"flow\": ID, \"parameters\": {...}} or {\"flow\": ID, \"message\": ...}, or a CloudEvent with "
        "one of these as its data. The agent's deadline stops the flow in time for its answer.\n\n"
        "Log lines go to standard error as JSON, framed for each call where the agent asks for it. "
        "Nothing works between calls: one is answered when its mails are sent and all of it is written and "
        "told. SIGTERM or SIGINT: removes the socket, asks a call that runs to "
        "stop, ends.",
    .exit_status = "0  stopped in order\n1  a call did not stop in time\n"
                   "2  the workspace, a flow or the environment is not usable",
    .files = "sluice.json (\"callers\", \"store\", \"event_sink\"), users.json",
    .examples = " sluice fn OUTL-BA-DACS_CCS_CUST_SYNC_ACK\n"
                " sluice package fn OUTL-BA-DACS_CCS_CUST_SYNC_ACK    makes the container for it",
    .words_max = CLI_ARGUMENTS_MAX,
    .run = run,
};
