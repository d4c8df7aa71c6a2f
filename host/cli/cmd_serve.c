/* SPDX-License-Identifier: MIT */
/* sluice serve: flows behind OIC's addresses, until a signal asks to stop. */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/document.h"
#include "base/log.h"
#include "cli/cli.h"
#include "flow/flow.h"
#include "flow/outbox.h"
#include "server/gateway.h"

#define TICK_MS 50

static volatile sig_atomic_t reload_wanted;

static void on_reload(int number)
{
    (void)number;
    reload_wanted = 1;
}

static void tell_ready(struct cli *cli, const struct gateway *gateway)
{
    if (cli->json) {
        struct document document;
        document_init(&document);
        document_open(&document, NULL, '{');
        document_text(&document, "url", gateway_url(gateway));
        document_close(&document, '}');
        document_finish(&document, cli->out);
    } else {
        fprintf(cli->out, "listening on %s\n", gateway_url(gateway));
    }
    fflush(cli->out);
    if (gateway_user_count(gateway) == 0)
        log_line(LOG_WARNING, NULL, "nobody may call: users.json has no users (sluice users add)");
    if (strncmp(gateway_url(gateway), "http://", 7) == 0 &&
        strncmp(gateway_url(gateway), "http://127.", 11) != 0 &&
        strncmp(gateway_url(gateway), "http://[::1]", 12) != 0)
        log_line(LOG_WARNING, NULL, "passwords travel in clear: set certificate and key in \"server\" "
                 "of sluice.json, or put a TLS proxy in front");
}

static void serve(struct cli *cli, struct gateway *gateway)
{
    struct error err = {0};
    while (!cli->should_stop || !cli->should_stop()) {
        if (reload_wanted) {
            reload_wanted = 0;
            if (gateway_reload(gateway, &err))
                log_line(LOG_WARNING, NULL, "users and certificate were read again");
            else
                log_line(LOG_ERROR, NULL, "nothing was changed: %s", err.message);
        }
        gateway_tick(gateway);
        clock_sleep_ms(TICK_MS);
    }
}

static int run(struct cli *cli, const struct arguments *arguments)
{
    struct workspace *workspace = NULL;
    struct service *service = NULL;
    struct gateway *gateway = NULL;
    struct outbox *outbox = NULL;
    struct error err = {0};
    struct sigaction reload = {.sa_handler = on_reload, .sa_flags = SA_RESTART};
    sigaction(SIGHUP, &reload, NULL);
    bool ok = cli_open_workspace(cli, &workspace, &err) &&
              service_open(&service, workspace, &err) && outbox_open(&outbox, service, &err) &&
              gateway_open(&gateway, service, option_value(arguments, "listen"), &err);
    if (ok) {
        tell_ready(cli, gateway);
        serve(cli, gateway);
        if (!gateway_stop(gateway)) {
            log_line(LOG_ERROR, NULL, "something did not stop in time and was cut off");
            _exit(EXIT_FAILED);
        }
    }
    outbox_close(outbox);
    service_close(service);
    return ok ? EXIT_DONE : cli_fail(cli, cli_status_of(&err), &err);
}

static const struct option_spec options[] = {
    {"listen", 'l', "ADDRESS:PORT", "Where to listen, instead of \"listen\" in sluice.json. Port 0: "
                                    "any free one; the address is printed."},
};

const struct command cmd_serve = {
    .name = "serve",
    .summary = "answers at OIC's addresses until it is stopped",
    .synopsis = "serve [--listen ADDRESS:PORT]",
    .description =
        "Runs flows for callers over HTTP: POST to "
        "/ic/api/integration/v1/flows/{oracleutilities|rest}/{ID}/{version}/{path}. Prints its "
        "address once it can be called. Callers are the users of users.json with the role invoke "
        "(sluice users add); nothing is open but /health/live and /health/ready.\n\n"
        "Mails of the outbox are sent as they become due.\n\n"
        "SIGTERM or SIGINT: accepts nothing more, lets what runs finish, ends. A second one ends at "
        "once. SIGHUP: reads users.json, certificate and key again.",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .json = "{\"url\"} once it can be called",
    .exit_status = "0  stopped in order\n1  something did not stop in time\n"
                   "2  the workspace, the address or the certificate is not usable",
    .files = "sluice.json (\"server\"), users.json",
    .examples = " sluice serve\n sluice serve --listen 0.0.0.0:8443",
    .run = run,
};
