/* SPDX-License-Identifier: MIT */
/* sluice serve: flows behind OIC's addresses, until a signal asks to stop. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/document.h"
#include "base/log.h"
#include "cli/cli.h"
#include "cli/sink.h"
#include "engine/helper.h"
#include "flow/outbox.h"
#include "flow/recovery.h"
#include "flow/scheduler.h"
#include "flow/timetable.h"
#include "server/caller_files.h"
#include "server/gateway.h"
#include "server/lockdown.h"
#include "server/port.h"
#include "workspace/workspace.h"

#define TICK_MS 50
#define TICKS_PER_LOOK 10u /* at files that may have changed */
#define DAY_MS 86400000
#define LOG_WAIT_MS 2000 /* for a slow reader of the log, at the end */

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
        document_text(&document, "metrics_url", gateway_metrics_url(gateway));
        document_close(&document, '}');
        document_finish(&document, cli->out);
    } else {
        fprintf(cli->out, "listening on %s\n", gateway_url(gateway));
        if (gateway_metrics_url(gateway))
            fprintf(cli->out, "metrics on %s\n", gateway_metrics_url(gateway));
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

static void tell_reload(const char *what, bool ok, const struct error *err)
{
    if (ok)
        log_line(LOG_WARNING, NULL, "read again: %s", what);
    else
        log_line(LOG_ERROR, NULL, "not all could be read again: %s: %s", what, err->message);
}

static void reload_callers(struct gateway *gateway)
{
    struct error err = {0};
    tell_reload("users, token keys and certificate", gateway_reload(gateway, &err), &err);
}

/* What works beside the commands of this file. */
struct parts {
    struct service *service;
    struct event_sink *sink;
    struct gateway *gateway;
    struct scheduler *scheduler; /* NULL: the platform starts what is due */
    struct recovery *recovery;
    struct outbox *outbox;
    struct file_watch files; /* that say who may call */
};

static void reload(const struct parts *parts)
{
    struct error err = {0};
    if (!log_reopen(&err))
        log_line(LOG_ERROR, NULL, "the log stays where it is: %s", err.message);
    reload_callers(parts->gateway);
    tell_reload("connections.json and lookups",
                workspace_reload(service_workspace(parts->service), &err), &err);
    if (parts->scheduler)
        tell_reload("schedules.json", scheduler_reload(parts->scheduler, &err), &err);
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

/* Until it is to stop, or what runs could not be recorded any more. */
static void serve(struct cli *cli, struct parts *parts)
{
    bool is_pending = false;
    struct store *store = service_store(parts->service);
    for (unsigned tick = 0; (!cli->should_stop || !cli->should_stop()) && !store_is_broken(store, NULL);
         tick++) {
        if (tick % TICKS_PER_LOOK == 0 && has_settled(&parts->files, &is_pending))
            reload_callers(parts->gateway);
        if (reload_wanted) {
            reload_wanted = 0;
            reload(parts);
        }
        gateway_tick(parts->gateway);
        clock_sleep_ms(TICK_MS);
    }
}

/* All are given the same time; what is not done by then is asked to stop. False: it did not. */
static bool stop(const struct parts *parts)
{
    int64_t deadline_ms =
        clock_monotonic_ms() + (int64_t)service_workspace(parts->service)->server.stop_s * 1000;
    scheduler_quiesce(parts->scheduler);
    bool ok = recovery_close(parts->recovery, deadline_ms);
    ok = (!parts->gateway || gateway_stop(parts->gateway)) && ok; /* before the scheduler, which
                                                                     requests may use */
    return scheduler_close(parts->scheduler, deadline_ms) && ok;
}

static bool keep_store(struct service *service, struct error *err)
{
    const struct workspace *workspace = service_workspace(service);
    const struct store_retention retention = {
        .age_ms = (int64_t)workspace->retention_days * DAY_MS,
        .size_max = workspace->store_size_max,
    };
    return store_retain(service_store(service), &retention, err);
}

static bool watch_files(struct file_watch *files, const struct workspace *workspace,
                        struct error *err)
{
    return caller_files_watch(files, workspace->folder, err) &&
           file_watch_add(files, workspace->server.certificate, err) &&
           file_watch_add(files, workspace->server.key, err);
}

static bool open_scheduler(struct parts *parts, struct error *err)
{
    const struct scheduler_options options = {0};
    return service_workspace(parts->service)->starter == STARTER_PLATFORM ||
           scheduler_open(&parts->scheduler, parts->service, &options, err);
}

static bool open_all(struct cli *cli, const char *listen, struct parts *parts, struct error *err)
{
    return cli_open_service(cli, true, &parts->service, err) && timetable_check(parts->service, err) &&
           keep_store(parts->service, err) && sink_open(&parts->sink, parts->service, err) &&
           watch_files(&parts->files, service_workspace(parts->service), err) &&
           outbox_open(&parts->outbox, parts->service, err) &&
           gateway_open(&parts->gateway, parts->service, listen, err) &&
           recovery_open(&parts->recovery, parts->service, err) && open_scheduler(parts, err);
}

/* Before anything is read that comes from outside, and before there is a second thread. */
static bool prepare_confinement(struct error *err)
{
    return lockdown_privileges(err) && helper_start(err);
}

/* Where the server would listen, for whoever starts several. */
static int tell_addresses(struct cli *cli, const char *listen)
{
    struct workspace *workspace = NULL;
    struct error err = {0};
    if (!cli_open_workspace(cli, &workspace, &err))
        return cli_fail(cli, cli_status_of(&err), &err);
    const char *address = listen ? listen : workspace->server.listen;
    if (cli->json) {
        struct document document;
        document_init(&document);
        document_open(&document, NULL, '{');
        document_text(&document, "listen", address);
        document_text(&document, "metrics_listen", workspace->metrics.listen);
        document_close(&document, '}');
        document_finish(&document, cli->out);
    } else {
        fprintf(cli->out, "would listen on %s\n", address);
        if (workspace->metrics.listen)
            fprintf(cli->out, "would have metrics on %s\n", workspace->metrics.listen);
    }
    workspace_close(workspace);
    return EXIT_DONE;
}

static int run(struct cli *cli, const struct arguments *arguments)
{
    struct parts parts = {.service = NULL};
    struct error err = {0};
    struct sigaction reload_action = {.sa_handler = on_reload, .sa_flags = SA_RESTART};
    const char *listen = option_value(arguments, "listen");
    const bool is_confined = option_given(arguments, "confine");
    if (option_given(arguments, "dry-run"))
        return tell_addresses(cli, listen);
    sigaction(SIGHUP, &reload_action, NULL);
    const char *port = getenv("PORT");
    char address[PORT_ADDRESS_SIZE];
    bool is_platform = !listen && port && *port;
    bool ok = (!is_platform || port_address(port, address, &err)) &&
              (!is_confined || prepare_confinement(&err)) &&
              open_all(cli, is_platform ? address : listen, &parts, &err) &&
              (!is_confined || lockdown_enter(&err));
    if (ok) {
        tell_ready(cli, parts.gateway, is_platform);
        serve(cli, &parts);
        ok = !store_is_broken(service_store(parts.service), &err);
    }
    if (parts.service && !stop(&parts)) {
        log_line(LOG_ERROR, NULL, "something did not stop in time and was cut off");
        log_stop(LOG_WAIT_MS);
        _exit(EXIT_FAILED);
    }
    outbox_close(parts.outbox); /* last: what ended just now has told of it */
    sink_close(parts.sink);
    service_close(parts.service);
    file_watch_release(&parts.files);
    log_stop(LOG_WAIT_MS);
    return ok ? EXIT_DONE : cli_fail(cli, cli_status_of(&err), &err);
}

static const struct option_spec options[] = {
    {"listen", 'l', "ADDRESS:PORT", "Where to listen, instead of PORT in the environment and of "
                                    "\"listen\" in sluice.json. Port 0: any free one; the address is "
                                    "printed."},
    {"confine", 0, NULL, "Gives up, once it is up, all system calls that serving does not need: no "
                         "programs, no processes, no new privileges. What compiles modules is a "
                         "process of its own, started before. docs/tenants.md has the list."},
    {"dry-run", 0, NULL, "Reads the workspace, prints where it would listen, and ends."},
};

const struct command cmd_serve = {
    .name = "serve",
    .summary = "answers at OIC's addresses and starts what is due, until it is stopped",
    .synopsis = "serve [--listen ADDRESS:PORT] [--confine]\nserve --dry-run",
    .description =
        "Runs flows for callers over HTTP: POST to "
        "/ic/api/integration/v1/flows/{oracleutilities|rest}/{ID}/{version}/{path}. Prints its "
        "address once it can be called. Callers are the users of users.json with the role invoke "
        "(sluice users add) and bearers of tokens of the issuer in oauth.json; nothing is open but "
        "/health/live and /health/ready. Who is refused is in the audit trail (sluice audit). A flow "
        "that takes a file gets it as multipart/mixed or multipart/form-data, and stores it while it "
        "comes.\n\n"
        "Below /ic/api/integration/v1 it also has OIC's developer API: to look for users with the role "
        "monitor, to change for those with administer. /openapi.json describes it.\n\n"
        "POST /events/{ID} starts any flow by a CloudEvent. Where PORT is set, as Knative and Cloud Run "
        "do, it listens on that port of all addresses unless --listen says otherwise.\n\n"
        "Starts flows when their schedules are due (sluice schedules), each on a thread of its own "
        "beside those that answer callers; not if \"schedules\" in sluice.json is \"platform\". Several "
        "servers on one workspace share the schedules: each due time is started once. What a process "
        "left unfinished when it ended goes on. Mails of the outbox are sent as they become due.\n\n"
        "SIGTERM or SIGINT: accepts and starts nothing more, lets what runs finish, ends. A second "
        "one ends at once. users.json, oauth.json with its keys, certificate and key are read again "
        "when they have changed; at SIGHUP these, connections.json, lookups/ and schedules.json, and the "
        "log file is opened again; what cannot be used is not changed.\n\n"
        "The log (\"log\" of sluice.json, --log-...) has a line for each execution that ends. /metrics is "
        "for users with the role monitor.",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .json = "{\"url\", \"metrics_url\": null | text} once it can be called; with --dry-run {\"listen\", "
            "\"metrics_listen\": null | text}",
    .exit_status = "0  stopped in order\n"
                   "1  something did not stop in time, or the store cannot be written any more\n"
                   "2  the workspace, a schedule, the address or the certificate is not usable",
    .files = "sluice.json (\"server\"), users.json, oauth.json, schedules.json",
    .examples = " sluice serve\n sluice serve --listen 0.0.0.0:8443",
    .run = run,
};
