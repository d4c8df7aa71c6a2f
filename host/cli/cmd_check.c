/* SPDX-License-Identifier: MIT */
/* sluice check: everything that can be known without a network, with what to do about it. */
#include <stdlib.h>
#include <string.h>

#include "base/document.h"
#include "cli/cli.h"
#include "cli/durability.h"
#include "cli/print.h"
#include "flow/customise.h"
#include "flow/flow.h"
#include "flow/recurrence.h"
#include "server/issuer.h"
#include "workspace/inspect.h"

/* Where findings go: straight to the terminal, or into the document. */
struct check {
    struct cli *cli;
    struct document document;
    size_t errors, warnings;
};

static const char *const level_words[] = {
    [FINDING_OK] = "ok", [FINDING_NOTE] = "note", [FINDING_WARNING] = "warning",
    [FINDING_ERROR] = "error"};

static void print_finding(FILE *out, const struct finding *finding)
{
    fprintf(out, "%-8s", level_words[finding->level]);
    print_text(out, finding->subject);
    fputs(": ", out);
    print_text(out, finding->text);
    if (finding->remedy[0]) {
        fputs("\n        -> ", out);
        print_text(out, finding->remedy);
    }
    fputc('\n', out);
}

static void take_finding(void *context, const struct finding *finding)
{
    struct check *check = context;
    check->errors += finding->level == FINDING_ERROR;
    check->warnings += finding->level == FINDING_WARNING;
    if (!check->cli->json) {
        print_finding(check->cli->out, finding);
        return;
    }
    document_open(&check->document, NULL, '{');
    document_text(&check->document, "level", level_words[finding->level]);
    document_text(&check->document, "subject", finding->subject);
    document_text(&check->document, "text", finding->text);
    document_text(&check->document, "remedy", finding->remedy);
    document_close(&check->document, '}');
}

static void add(struct check *check, enum finding_level level, const char *subject,
                const char *remedy, const char *format, ...) PRINTF_LIKE(5, 6);

static void add(struct check *check, enum finding_level level, const char *subject,
                const char *remedy, const char *format, ...)
{
    char text[ERROR_MESSAGE_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    struct finding finding = {level, subject, text, remedy};
    take_finding(check, &finding);
}

/* ---- flows against connections, lookups and schedules ------------------------------------------ */

static bool is_object_grant(const struct grant *grant)
{
    return grant->operation_count > 0 && strncmp(grant->operations[0], "object_", 7) == 0;
}

static bool fits(const struct grant *grant, enum connection_type type)
{
    if (strcmp(grant->capability, "ftp") == 0)
        return type == CONNECTION_FTP || type == CONNECTION_SFTP;
    if (strcmp(grant->capability, "smtp") == 0)
        return type == CONNECTION_SMTP;
    if (strcmp(grant->capability, "flow") == 0)
        return type == CONNECTION_LOCAL || type == CONNECTION_REST;
    return is_object_grant(grant) ? type == CONNECTION_OBJECT_STORAGE : type == CONNECTION_REST;
}

static const struct connection *find_connection(const struct workspace *workspace,
                                                const char *name)
{
    for (size_t i = 0; i < workspace->snapshot->connection_count; i++)
        if (strcmp(workspace->snapshot->connections[i].name, name) == 0)
            return &workspace->snapshot->connections[i];
    return NULL;
}

static bool check_grant(struct check *check, const struct workspace *workspace,
                        const char *subject, const struct grant *grant)
{
    struct error err = {0};
    const struct connection *connection = find_connection(workspace, grant->connection);
    if (!connection) {
        if (!workspace_connection(workspace, grant->connection, &err))
            add(check, FINDING_ERROR, subject, "add it to connections.json, or correct the name there",
                "%s", err.message);
        return false;
    }
    if (!fits(grant, connection->type)) {
        add(check, FINDING_ERROR, subject, "change its \"type\" in connections.json",
            "uses %s on connection '%s', whose type is \"%s\"", grant->capability, grant->connection,
            connection_type_name(connection->type));
        return false;
    }
    if (connection->disabled)
        add(check, FINDING_NOTE, subject, "", "may use connection '%s', which is disabled",
            grant->connection);
    return true;
}

static void check_flow(struct check *check, const struct workspace *workspace,
                       const struct manifest *manifest)
{
    char subject[256];
    struct error err = {0};
    bool ok = true;
    snprintf(subject, sizeof subject, "flow '%s'", manifest->identifier);
    for (size_t i = 0; i < manifest->grant_count; i++)
        ok = check_grant(check, workspace, subject, &manifest->grants[i]) && ok;
    for (size_t i = 0; i < manifest->lookup_count; i++) {
        if (workspace_lookup(workspace, manifest->lookups[i], &err))
            continue;
        add(check, FINDING_ERROR, subject, "import it: sluice lookups import", "%s", err.message);
        ok = false;
    }
    if (ok)
        add(check, FINDING_OK, subject, "", "%s", manifest->name);
}

static bool has_parameter(const struct manifest *manifest, const char *name)
{
    for (size_t i = 0; i < manifest->parameter_count; i++)
        if (strcmp(manifest->parameters[i].name, name) == 0)
            return true;
    return false;
}

static bool schedule_gives(const struct schedule *schedule,
                           const struct manifest_parameter *parameter)
{
    for (size_t i = 0; i < schedule->parameter_count; i++)
        if (strcmp(schedule->parameters[i].name, parameter->name) == 0)
            return true;
    return parameter->default_value != NULL;
}

static void check_recurrence(struct check *check, const char *subject,
                             const struct schedule *schedule)
{
    struct recurrence *recurrence = NULL;
    struct error err = {0};
    char warning[RECURRENCE_WARNING_SIZE];
    if (!recurrence_check_zone(schedule->time_zone, &err))
        add(check, FINDING_ERROR, subject, "correct \"time_zone\" there", "%s: %s", schedule->zone_at,
            err.message);
    else if (!recurrence_parse(&recurrence, schedule->recurrence, schedule->time_zone,
                               schedule->start, schedule->end, warning, &err))
        add(check, FINDING_ERROR, subject, "correct it there; sluice schedules shows due times",
            "%s: %s", schedule->recurrence_at, err.message);
    else if (warning[0])
        add(check, FINDING_WARNING, subject, "use FREQ=MINUTELY or longer", "%s: %s",
            schedule->recurrence_at, warning);
    recurrence_free(recurrence);
}

#define OIC_PARAMETERS_MAX 5

static void check_schedule(struct check *check, struct service *service,
                           const struct schedule *schedule)
{
    char subject[256];
    struct error err = {0};
    size_t index;
    snprintf(subject, sizeof subject, "schedule of '%s'", schedule->flow);
    check_recurrence(check, subject, schedule);
    if (!service_find(service, schedule->flow, &index, &err)) {
        add(check, FINDING_ERROR, subject, "correct it in schedules.json", "%s", err.message);
        return;
    }
    const struct manifest *manifest = service_manifest(service, index);
    if (strcmp(manifest->trigger_type, "schedule") != 0)
        add(check, FINDING_ERROR, subject, "remove it from schedules.json",
            "this flow is not started by a schedule but by \"%s\"", manifest->trigger_type);
    if (schedule->parameter_count > OIC_PARAMETERS_MAX)
        add(check, FINDING_WARNING, subject, "", "has more than %d parameters, the most in Oracle "
            "Integration", OIC_PARAMETERS_MAX);
    for (size_t i = 0; i < schedule->parameter_count; i++)
        if (!has_parameter(manifest, schedule->parameters[i].name))
            add(check, FINDING_ERROR, subject, "correct it in schedules.json",
                "the flow has no parameter '%s'", schedule->parameters[i].name);
    for (size_t i = 0; i < manifest->parameter_count; i++)
        if (manifest->parameters[i].required && !schedule_gives(schedule, &manifest->parameters[i]))
            add(check, FINDING_ERROR, subject, "add it to \"parameters\" in schedules.json",
                "the flow needs parameter '%s'", manifest->parameters[i].name);
}

/* ---- customisations ------------------------------------------------------------------------------ */

static void check_entry(void *context, const struct customise_entry *entry)
{
    struct check *check = context;
    char subject[256];
    snprintf(subject, sizeof subject, "customisation '%s/%s'", entry->flow, entry->name);
    if (!entry->point)
        add(check, FINDING_ERROR, subject, "rename it or take it away: docs/customise.md", "%s",
            entry->problem);
    else if (entry->problem)
        add(check, FINDING_ERROR, subject, "correct it or take it away: sluice customize remove", "%s",
            entry->problem);
    else if (!entry->signer[0])
        add(check, FINDING_WARNING, subject, "sign it: sluice sign", "it is not signed");
    else
        add(check, FINDING_OK, subject, "", "at '%s', signed by %s", entry->point, entry->signer);
}

static void check_setting(struct check *check, const struct workspace *workspace)
{
    if (workspace->filters.unsigned_ones == UNSIGNED_ALLOW)
        add(check, FINDING_WARNING, "sluice.json",
            "sign them, put the key into trusted_keys/ and take the setting away",
            "\"filters\": {\"unsigned\": \"allow\"}: whoever can write to customizations/ or flows/ "
            "decides what runs");
}

static void check_customisations(struct check *check, const struct workspace *workspace)
{
    struct error err = {0};
    struct customise *customise = NULL;
    check_setting(check, workspace);
    bool ok = customise_open(&customise, workspace, &err);
    for (size_t i = 0; ok && i < customise_flow_count(customise); i++) {
        const char *flow = customise_flow_at(customise, i)->identifier;
        bool is_new = i == 0 || strcmp(customise_flow_at(customise, i - 1)->identifier, flow) != 0;
        ok = !is_new || customise_list(customise, flow, check_entry, check, &err);
    }
    if (!ok)
        add(check, FINDING_ERROR, "customizations", "", "%s", err.message);
    customise_close(customise);
}

/* Takes ownership of workspace. */
static void check_flows(struct check *check, struct workspace *workspace)
{
    struct service *service = NULL;
    struct error err = {0};
    if (!service_open(&service, workspace, &err)) {
        add(check, FINDING_ERROR, "flows", "", "%s", err.message);
        return;
    }
    durability_inspect(service, take_finding, check);
    for (size_t i = 0; i < service_flow_count(service); i++)
        check_flow(check, service_workspace(service), service_manifest(service, i));
    for (size_t i = 0; i < service_workspace(service)->schedules.count; i++)
        check_schedule(check, service, &service_workspace(service)->schedules.items[i]);
    check_customisations(check, service_workspace(service));
    service_close(service);
}

/* ---- who may call ------------------------------------------------------------------------------ */

static void check_callers(struct check *check, const struct workspace *workspace)
{
    struct users users;
    struct issuer *issuer = NULL;
    struct error err = {0};
    if (!users_read(&users, workspace->folder, &err))
        add(check, FINDING_ERROR, "users.json", "correct it there, or use sluice users", "%s",
            err.message);
    else if (users.count > 0)
        add(check, FINDING_OK, "users.json", "", "%zu user%s", users.count,
            users.count == 1 ? "" : "s");
    users_release(&users);
    if (!issuer_read(&issuer, workspace->folder, &err))
        add(check, FINDING_ERROR, ISSUER_FILE, "correct it there", "%s", err.message);
    else if (issuer)
        add(check, FINDING_OK, ISSUER_FILE, "", "tokens of %s, verified with %zu key%s", issuer->name,
            issuer->keys.count, issuer->keys.count == 1 ? "" : "s");
    issuer_free(issuer);
}

static void finish(struct check *check)
{
    if (!check->cli->json) {
        fprintf(check->cli->out, "\n%zu error%s, %zu warning%s\n", check->errors,
                check->errors == 1 ? "" : "s", check->warnings, check->warnings == 1 ? "" : "s");
        return;
    }
    document_close(&check->document, ']');
    document_number(&check->document, "errors", (int64_t)check->errors);
    document_number(&check->document, "warnings", (int64_t)check->warnings);
    document_close(&check->document, '}');
    document_finish(&check->document, check->cli->out);
}

static int run(struct cli *cli, const struct arguments *arguments)
{
    struct workspace *workspace = NULL;
    struct error err = {0};
    struct check check = {.cli = cli};
    (void)arguments;
    if (!cli_open_workspace(cli, &workspace, &err))
        return cli_fail(cli, cli_status_of(&err), &err);
    document_init(&check.document);
    document_open(&check.document, NULL, '{');
    document_text(&check.document, "workspace", workspace->folder);
    document_open(&check.document, "findings", '[');
    if (!cli->json) {
        fputs("Workspace ", cli->out);
        print_text(cli->out, workspace->folder);
        fputs("\n\n", cli->out);
    }
    workspace_inspect(workspace, take_finding, &check);
    check_callers(&check, workspace);
    check_flows(&check, workspace);
    finish(&check);
    buf_release(&check.document.text);
    return check.errors ? EXIT_USAGE : EXIT_DONE;
}

const struct command cmd_check = {
    .name = "check",
    .summary = "checks the whole workspace without a network",
    .synopsis = "check",
    .description =
        "Reads every file of the workspace and every flow, and lists what is fine, what is missing "
        "and what somebody should have meant, each with what to do: secrets that cannot be read, key "
        "and certificate files that are missing or readable by others, transports without "
        "encryption, certificates that are not verified, addresses that are still the examples "
        "of a new workspace, lookup properties that are missing or malformed, flows whose "
        "connections or lookups are not there, schedules of unknown flows or without a parameter "
        "that the flow needs, recurrences and time zones that cannot be understood, users and token "
        "issuers of the server, customisations that cannot run or are not signed. Where the store does "
        "not outlive the process or the container, it says so, and for each flow what is lost."
        "\n\nNothing is connected to: 'sluice connections test' does that. A file that cannot be "
        "read at all (malformed, unknown key, wrong type) is reported with file, line and column, "
        "and ends the check.",
    .json = "{\"workspace\", \"findings\": [{\"level\": \"ok\"|\"note\"|\"warning\"|\"error\", "
            "\"subject\", \"text\", \"remedy\"}], \"errors\": number, \"warnings\": number}",
    .exit_status = "0  no error (there may be warnings)\n2  at least one error",
    .files = "sluice.json, connections.json, schedules.json, users.json, oauth.json, lookups/*.csv, "
             "certificates/, customizations/, flows/, trusted_keys/",
    .examples = " sluice check\n sluice -w /srv/ccs-dacs --json check",
    .run = run,
};
