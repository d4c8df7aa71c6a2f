/* SPDX-License-Identifier: MIT */
/* sluice supervise: a server for each workspace below a folder, and how they are. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/document.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/print.h"
#include "supervisor/status.h"
#include "supervisor/supervisor.h"
#include "workspace/telemetry.h"

#define LOG_WAIT_MS 2000 /* for a slow reader of the log, at the end */

/* ---- status ------------------------------------------------------------------------------------ */

/* What the kernel says of the process now: bytes in memory, time on the processors. False: it is gone. */
static bool read_use(int pid, double *resident, double *cpu_ms)
{
    char path[64];
    unsigned long long user = 0, system = 0;
    long pages = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "re");
    char text[1024] = "";
    bool ok = file && fgets(text, sizeof text, file);
    if (file)
        fclose(file);
    const char *behind_name = ok ? strrchr(text, ')') : NULL; /* proc(5): the name may hold anything */
    ok = behind_name && sscanf(behind_name + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu "
                                                "%*d %*d %*d %*d %*d %*d %*u %*u %ld",
                               &user, &system, &pages) == 3;
    *resident = (double)pages * (double)sysconf(_SC_PAGESIZE);
    *cpu_ms = (double)(user + system) * 1000.0 / (double)sysconf(_SC_CLK_TCK);
    return ok;
}

static void add_use(cJSON *tenant)
{
    double resident = 0, cpu_ms = 0;
    const cJSON *pid = cJSON_GetObjectItemCaseSensitive(tenant, "pid");
    if (!cJSON_IsNumber(pid) || !read_use(pid->valueint, &resident, &cpu_ms))
        return;
    cJSON_AddNumberToObject(tenant, "resident_bytes", resident);
    cJSON_AddNumberToObject(tenant, "cpu_ms", cpu_ms);
}

static const char *text_of(const cJSON *object, const char *key)
{
    const char *text = json_text(object, key);
    return text ? text : "-";
}

static void add_row(struct table *table, const cJSON *tenant)
{
    char size[TEXT_SIZE_SIZE];
    const cJSON *resident = cJSON_GetObjectItemCaseSensitive(tenant, "resident_bytes");
    const cJSON *pid = cJSON_GetObjectItemCaseSensitive(tenant, "pid");
    const cJSON *restarts = cJSON_GetObjectItemCaseSensitive(tenant, "restarts");
    table_add(table, text_of(tenant, "name"));
    table_add(table, text_of(tenant, "state"));
    table_add(table, text_of(tenant, "user"));
    if (cJSON_IsNumber(pid))
        table_printf(table, "%d", pid->valueint);
    else
        table_add(table, NULL);
    table_add(table, cJSON_IsNumber(resident)
                         ? text_format_size((uint64_t)resident->valuedouble, size) : NULL);
    table_printf(table, "%d", cJSON_IsNumber(restarts) ? restarts->valueint : 0);
    table_add(table, text_of(tenant, "since"));
    table_add(table, text_of(tenant, "url"));
}

static void print_head(struct cli *cli, const cJSON *status)
{
    const cJSON *isolation = cJSON_GetObjectItemCaseSensitive(status, "isolation");
    const char *why = json_text(isolation, "no_cgroup_because");
    fprintf(cli->out, "supervised since %s; apart by", text_of(status, "since"));
    for (const cJSON *node = isolation ? isolation->child : NULL; node; node = node->next)
        if (strcmp(node->string, "no_cgroup_because") != 0)
            fprintf(cli->out, "%s %s: %s", node == isolation->child ? "" : ",", node->string,
                    cJSON_IsString(node) ? node->valuestring : "-");
    fputs("\n", cli->out);
    if (why)
        fprintf(cli->out, "no cgroups: %s\n", why);
}

static void print_status(struct cli *cli, const cJSON *status)
{
    static const char *const head[] = {"TENANT", "STATE", "USER", "PID", "MEMORY", "RESTARTS", "SINCE",
                                       "ADDRESS"};
    const cJSON *tenants = cJSON_GetObjectItemCaseSensitive(status, "tenants"), *tenant;
    struct table table;
    print_head(cli, status);
    table_init(&table, sizeof head / sizeof head[0]);
    for (size_t i = 0; i < sizeof head / sizeof head[0]; i++)
        table_add(&table, head[i]);
    cJSON_ArrayForEach(tenant, tenants) add_row(&table, tenant);
    table_print(&table, cli->out);
    table_release(&table);
    cJSON_ArrayForEach(tenant, tenants)
    {
        const char *reason = json_text(tenant, "reason");
        if (!reason)
            continue;
        fprintf(cli->out, "%s: ", text_of(tenant, "name"));
        print_text(cli->out, reason);
        fputc('\n', cli->out);
    }
}

static bool all_run(const cJSON *tenants)
{
    const cJSON *tenant;
    cJSON_ArrayForEach(tenant, tenants) if (strcmp(text_of(tenant, "state"), "running") != 0) return false;
    return true;
}

static int show_status(struct cli *cli, const char *folder)
{
    struct error err = {0};
    cJSON *status = status_read(folder, &err);
    if (!status)
        return cli_fail(cli, EXIT_FAILED, &err);
    cJSON *tenants = cJSON_GetObjectItemCaseSensitive(status, "tenants"), *tenant;
    cJSON_ArrayForEach(tenant, tenants) add_use(tenant);
    char *text = cli->json ? cJSON_Print(status) : NULL;
    if (text)
        fprintf(cli->out, "%s\n", text);
    else
        print_status(cli, status);
    const int exit_status = all_run(tenants) ? EXIT_DONE : EXIT_PARTLY_DONE;
    free(text);
    cJSON_Delete(status);
    return exit_status;
}

/* ---- supervising ------------------------------------------------------------------------------- */

static void tell_ready(void *context, const struct isolation *isolation)
{
    struct cli *cli = context;
    if (cli->json) {
        struct document document;
        document_init(&document);
        document_open(&document, NULL, '{');
        document_number(&document, "pid", getpid());
        document_text(&document, "cpu", cpu_share_names[isolation->cpu]);
        document_close(&document, '}');
        document_finish(&document, cli->out);
    } else {
        fprintf(cli->out, "supervising; sluice supervise DIR --status tells how the tenants are\n");
    }
    fflush(cli->out);
}

static int supervise(struct cli *cli, const char *folder)
{
    const struct log_settings settings = {.format = LOG_CHOICE_AUTO, .level = LOG_INFO};
    char functions[PATH_MAX];
    struct supervisor_options options = {.folder = folder, .ready = tell_ready, .context = cli};
    struct error err = {0};
    bool in_order = true;
    if (cli->functions_folder && !realpath(cli->functions_folder, functions)) {
        error_set(&err, ERROR_NOT_FOUND, "functions folder '%s': there is none", cli->functions_folder);
        return cli_fail(cli, EXIT_USAGE, &err);
    }
    options.functions_folder = cli->functions_folder ? functions : NULL;
    supervisor_hold_signals();
    bool ok = cli_configure_log(cli, &settings, &err) && log_start(&err) &&
              supervisor_run(&options, &in_order, &err);
    log_stop(LOG_WAIT_MS);
    if (!ok)
        return cli_fail(cli, cli_status_of(&err), &err);
    return in_order ? EXIT_DONE : EXIT_FAILED;
}

static int run(struct cli *cli, const struct arguments *arguments)
{
    char folder[PATH_MAX];
    struct error err = {0};
    if (!realpath(arguments->words[0], folder)) {
        error_set(&err, ERROR_NOT_FOUND, "folder '%s': there is none", arguments->words[0]);
        return cli_fail(cli, EXIT_USAGE, &err);
    }
    return option_given(arguments, "status") ? show_status(cli, folder) : supervise(cli, folder);
}

static const struct option_spec options[] = {
    {"status", 0, NULL, "Tells how the tenants of the supervisor that runs for DIR are, and ends."},
};

const struct command cmd_supervise = {
    .name = "supervise",
    .summary = "runs a server for each workspace below a folder",
    .synopsis = "supervise DIR\nsupervise DIR --status",
    .description =
        "Runs 'sluice serve' for each folder in DIR that holds a sluice.json: one process for one tenant. "
        "Started by root, each has a system user of its own: the one that supervise.json names, else the "
        "owner of the workspace's folder, and never root. Each has limits on memory, address space, "
        "descriptors, processes and the size of its files, a share of the processors, and, once it is up, "
        "a filter of system calls. What share and limits rest on (a cgroup, or what else this machine "
        "has) is in the log and in --status.\n\n"
        "A server that ends is started again, after 1 s at first and twice as long each time, up to a "
        "minute; one that ran for a minute counts as the first. One whose configuration is wrong is not, "
        "before the configuration changes. A server listens where its sluice.json says; of two "
        "that want the same address the first keeps it. New workspaces are taken up, removed ones "
        "stopped.\n\n"
        "A server gets nothing of this process's environment but PATH, TZ, LANG, LC_ALL and SLUICE_...; "
        "its own variables stand in DIR/<tenant>.environment.\n\n"
        "SIGTERM or SIGINT: stops all, and kills what does not stop in time; a second one at once. "
        "SIGHUP: reads supervise.json again, passes the signal on to the servers, and tries again what does "
        "not run. If this process is killed, the servers stop.\n\n"
        "The log has the lines of all servers, each with \"tenant\".",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .json = "{\"pid\", \"cpu\"} once it runs; with --status {\"folder\", \"pid\", \"since\", \"isolation\": "
            "{...}, \"tenants\": [{\"name\", \"folder\", \"state\", \"reason\", \"since\", \"user\", \"pid\", "
            "\"listen\", \"url\", \"restarts\", \"resident_bytes\", \"cpu_ms\"}]}",
    .exit_status = "0  stopped in order; with --status: all run\n"
                   "1  something had to be killed; with --status: no supervisor runs there\n"
                   "2  DIR or supervise.json is not usable\n"
                   "3  with --status: not all run",
    .files = "DIR/supervise.json (docs/tenants.md), DIR/<tenant>.environment, DIR/.supervise",
    .examples = " sluice supervise /srv/sluice\n sluice supervise /srv/sluice --status",
    .words_min = 1,
    .words_max = 1,
    .run = run,
};
