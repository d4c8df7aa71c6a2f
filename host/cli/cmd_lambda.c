/* SPDX-License-Identifier: MIT */
/* sluice lambda: a function of AWS Lambda with a custom runtime, until a signal asks to stop. */
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/cli.h"
#include "cli/sink.h"
#include "cli/wait.h"
#include "flow/flow.h"
#include "server/lambda.h"

static bool open_function(struct cli *cli, const struct arguments *arguments,
                          struct service **service, struct function **function,
                          struct event_sink **sink, struct error *err)
{
    if (!cli_open_service(cli, false, service, err) || !sink_open(sink, *service, err))
        return false;
    const struct function_options options = {
        .service = *service,
        .names = arguments->words,
        .name_count = arguments->word_count,
        .trigger = "lambda",
        .should_stop = wait_is_asked,
        .is_alone = true,
        .sink = *sink,
    };
    return function_open(function, &options, err);
}

/* What keeps the function from starting belongs into the service's log and metrics, too. */
static void tell_service(struct lambda_api *api, const struct error *problem)
{
    char type[64];
    struct error err = {0};
    snprintf(type, sizeof type, "Sluice.%s", error_kind_name(problem->kind));
    if (!lambda_api_fail(api, NULL, type, problem->message, &err))
        log_line(LOG_ERROR, NULL, "%s", err.message);
}

static int run(struct cli *cli, const struct arguments *arguments)
{
    struct service *service = NULL;
    struct function *function = NULL;
    struct event_sink *sink = NULL;
    struct lambda_api *api = NULL;
    struct error err = {0};
    bool ok = wait_open(&err) &&
              lambda_api_open(&api, getenv("AWS_LAMBDA_RUNTIME_API"), wait_fd(), &err);
    if (ok && !open_function(cli, arguments, &service, &function, &sink, &err)) {
        tell_service(api, &err);
        ok = false;
    }
    bool has_begun = ok;
    ok = ok &&
         lambda_serve(api, function, service_workspace(service)->lambda_answers == ANSWERS_STREAMED,
                      &err);
    sink_close(sink);
    function_close(function);
    service_close(service);
    lambda_api_close(api);
    wait_close();
    return ok ? EXIT_DONE : cli_fail(cli, has_begun ? EXIT_FAILED : cli_status_of(&err), &err);
}

const struct command cmd_lambda = {
    .name = "lambda",
    .summary = "runs as a function of AWS Lambda",
    .synopsis = "lambda [FLOW...]",
    .description =
        "Takes events from the Runtime API that AWS_LAMBDA_RUNTIME_API names, as a custom runtime; "
        "started by the platform, not by hand. FLOW: what is offered, default all flows.\n\n"
        "A request of a function URL or an HTTP API (payload format 2.0) reaches a flow at OIC's "
        "address or, where one flow alone is offered, at any address; its caller must be let in by an "
        "authorizer, or be a user of users.json with the role invoke unless \"callers\" in "
        "sluice.json is \"platform\". Any other invocation carries the flow's message, the parameters "
        "of a scheduled flow, {\"flow\": ID, \"parameters\": {...}}, {\"flow\": ID, \"message\": ...}, "
        "or is an EventBridge event or CloudEvent with one of these as its detail or data. The "
        "deadline of the invocation stops the flow in time for its answer. A flow that fails is an "
        "error of the function there, so that the service tries again as it is told to.\n\n"
        "\"lambda_answers\": \"streamed\" in sluice.json answers requests in streaming mode, for "
        "function URLs with the invoke mode RESPONSE_STREAM and answers over 6 MiB. An invocation is "
        "answered when its mails are sent and all of it is written and told, because the process may be "
        "frozen then. Log lines go to standard error as JSON.",
    .exit_status = "0  asked to stop\n1  the Runtime API is gone\n"
                   "2  the workspace, a flow or the environment is not usable",
    .files = "sluice.json (\"callers\", \"lambda_answers\", \"store\", \"event_sink\"), users.json",
    .examples = " sluice lambda OUTL-BA-CCS_DACS_CUST_SYNC_FTP\n"
                " sluice package lambda    makes the archive for it",
    .words_max = CLI_ARGUMENTS_MAX,
    .run = run,
};
