/* SPDX-License-Identifier: MIT */
/* sluice serve: flows behind OIC's addresses, until a signal asks to stop. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/document.h"
#include "base/log.h"
#include "cli/cli.h"
#include "cli/sink.h"
#include "flow/flow.h"
#include "server/caller_files.h"
#include "server/gateway.h"
#include "server/port.h"

#define TICK_MS 50
#define TICKS_PER_LOOK 10u /* at files that may have changed */

static volatile sig_atomic_t reload_wanted;

static void on_reload(int number)
{
    (void)number;
    reload_wanted = 1;
}

static void tell_ready(struct cli *cli, const struct gateway *gateway, bool is_platform)
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
    if (!gateway_has_callers(gateway))
        log_line(LOG_WARNING, NULL, "nobody may call: users.json has no users (sluice users add), and "
                 "oauth.json names no issuer");
    if (!is_platform && strncmp(gateway_url(gateway), "http://", 7) == 0 &&
        strncmp(gateway_url(gateway), "http://127.", 11) != 0 &&
        strncmp(gateway_url(gateway), "http://[::1]", 12) != 0)
        log_line(LOG_WARNING, NULL, "passwords travel in clear: set certificate and key in \"server\" "
                 "of sluice.json, or put a TLS proxy in front");
}

/* What a platform mounts anew, or somebody replaces, counts without a signal; but only once it has
 * been left alone for a look, because a certificate and its key are two files. */
static bool has_settled(struct file_watch *files, bool *is_pending)
{
    bool has_changed = file_watch_changed(files);
    bool settled = *is_pending && !has_changed;
    *is_pending = has_changed;
    return settled;
}

static void serve(struct cli *cli, struct gateway *gateway, struct file_watch *files)
{
    struct error err = {0};
    bool is_pending = false;
    for (unsigned tick = 0; !cli->should_stop || !cli->should_stop(); tick++) {
        if (tick % TICKS_PER_LOOK == 0 && has_settled(files, &is_pending))
            reload_wanted = 1;
        if (reload_wanted) {
            reload_wanted = 0;
            if (gateway_reload(gateway, &err))
                log_line(LOG_WARNING, NULL, "users, token keys and certificate were read again");
            else
                log_line(LOG_ERROR, NULL, "not everything was read again: %s", err.message);
        }
        gateway_tick(gateway);
        clock_sleep_ms(TICK_MS);
    }
}

static bool watch_files(struct file_watch *files, const struct workspace *workspace,
                        struct error *err)
{
    return caller_files_watch(files, workspace->folder, err) &&
           file_watch_add(files, workspace->server.certificate, err) &&
           file_watch_add(files, workspace->server.key, err);
}

static int run(struct cli *cli, const struct arguments *arguments)
{
    struct workspace *workspace = NULL;
    struct service *service = NULL;
    struct event_sink *sink = NULL;
    struct gateway *gateway = NULL;
    struct file_watch files = {0};
    char address[PORT_ADDRESS_SIZE];
    struct error err = {0};
    struct sigaction reload = {.sa_handler = on_reload, .sa_flags = SA_RESTART};
    sigaction(SIGHUP, &reload, NULL);
    const char *listen = option_value(arguments, "listen"), *port = getenv("PORT");
    bool is_platform = !listen && port && *port;
    bool ok = (!is_platform || port_address(port, address, &err)) &&
              cli_open_workspace(cli, &workspace, &err) &&
              service_open(&service, workspace, &err) && sink_open(&sink, service, &err) &&
              watch_files(&files, service_workspace(service), &err) &&
              gateway_open(&gateway, service, is_platform ? address : listen, &err);
    if (ok) {
        tell_ready(cli, gateway, is_platform);
        serve(cli, gateway, &files);
        if (!gateway_stop(gateway)) {
            log_line(LOG_ERROR, NULL, "something did not stop in time and was cut off");
            _exit(EXIT_FAILED);
        }
    }
    sink_close(sink);
    service_close(service);
    file_watch_release(&files);
    return ok ? EXIT_DONE : cli_fail(cli, cli_status_of(&err), &err);
}

static const struct option_spec options[] = {
    {"listen", 'l', "ADDRESS:PORT", "Where to listen, instead of PORT in the environment and of "
                                    "\"listen\" in sluice.json. Port 0: any free one; the address is "
                                    "printed."},
};

const struct command cmd_serve = {
    .name = "serve",
    .summary = "answers at OIC's addresses until it is stopped",
    .synopsis = "serve [--listen ADDRESS:PORT]",
    .description =
        "Runs flows for callers over HTTP: POST to "
        "/ic/api/integration/v1/flows/{oracleutilities|rest}/{ID}/{version}/{path}. Prints its "
        "address once it can be called. Callers are the users of users.json with the role invoke "
        "(sluice users add) and bearers of tokens of the issuer in oauth.json; nothing is open but "
        "/health/live and /health/ready. Who is refused is in the audit trail (sluice audit).\n\n"
        "POST /events/{ID} starts any flow by a CloudEvent. Where PORT is set, as Knative and Cloud Run "
        "do, it listens on that port of all addresses unless --listen says otherwise.\n\n"
        "SIGTERM or SIGINT: accepts nothing more, lets what runs finish, ends. A second one ends at "
        "once. users.json, oauth.json with its keys, certificate and key are read again when they have "
        "changed, and at SIGHUP.",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .json = "{\"url\"} once it can be called",
    .exit_status = "0  stopped in order\n1  something did not stop in time\n"
                   "2  the workspace, the address or the certificate is not usable",
    .files = "sluice.json (\"server\"), users.json, oauth.json",
    .examples = " sluice serve\n sluice serve --listen 0.0.0.0:8443",
    .run = run,
};
