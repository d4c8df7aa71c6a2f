/* SPDX-License-Identifier: MIT */
/* sluice flows: what can be run, and what each flow may touch. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/document.h"
#include "cli/cli.h"
#include "cli/print.h"
#include "flow/activation.h"

static const char *durability_name(enum durability durability)
{
    return durability == DURABLE ? "durable" : "tracked";
}

static void write_activation(struct document *document, const struct activation *activation)
{
    document_text(document, "status", activation_status_name(activation->is_active));
    document_text(document, "tracing", tracing_names[activation->tracing]);
    document_text(document, "changed_by", activation->actor[0] ? activation->actor : NULL);
    document_time(document, "changed", activation->at_ms);
}

static void write_flow(struct document *document, const struct manifest *manifest,
                       const char *digest, const struct activation *activation)
{
    document_open(document, NULL, '{');
    document_text(document, "identifier", manifest->identifier);
    document_text(document, "name", manifest->name);
    document_text(document, "version", manifest->version);
    document_text(document, "description", manifest->description);
    document_text(document, "digest", digest);
    write_activation(document, activation);
    document_text(document, "trigger", manifest->trigger_type);
    document_text(document, "trigger_path", manifest->trigger_path);
    document_text(document, "durability", durability_name(manifest->durability));
    document_open(document, "aliases", '[');
    for (size_t i = 0; i < manifest->alias_count; i++)
        document_text(document, NULL, manifest->aliases[i]);
    document_close(document, ']');
    document_open(document, "parameters", '[');
    for (size_t i = 0; i < manifest->parameter_count; i++) {
        const struct manifest_parameter *parameter = &manifest->parameters[i];
        document_open(document, NULL, '{');
        document_text(document, "name", parameter->name);
        document_flag(document, "required", parameter->required);
        document_text(document, "default", parameter->default_value);
        document_text(document, "description", parameter->description);
        document_close(document, '}');
    }
    document_close(document, ']');
    document_open(document, "grants", '[');
    for (size_t i = 0; i < manifest->grant_count; i++) {
        const struct grant *grant = &manifest->grants[i];
        document_open(document, NULL, '{');
        document_text(document, "capability", grant->capability);
        document_text(document, "connection", grant->connection);
        document_open(document, "operations", '[');
        for (size_t j = 0; j < grant->operation_count; j++)
            document_text(document, NULL, grant->operations[j]);
        document_close(document, ']');
        document_close(document, '}');
    }
    document_close(document, ']');
    document_close(document, '}');
}

static void print_field(FILE *out, const char *name, const char *value)
{
    fprintf(out, "%-12s", name);
    print_text(out, value);
    fputc('\n', out);
}

static void print_activation(FILE *out, const struct activation *activation)
{
    char at[CLOCK_TEXT_SIZE];
    fprintf(out, "status      %s", activation->is_active ? "active" : "not active");
    if (activation->actor[0]) {
        fputs(", decided by ", out);
        print_text(out, activation->actor);
        fprintf(out, ", %.16sZ", clock_format_ms(activation->at_ms, at));
    }
    fprintf(out, "\ntracing     %s\n", tracing_names[activation->tracing]);
}

static void print_flow(FILE *out, const struct manifest *manifest, const char *digest,
                       const struct activation *activation)
{
    print_field(out, "identifier", manifest->identifier);
    for (size_t i = 0; i < manifest->alias_count; i++)
        print_field(out, "also called", manifest->aliases[i]);
    print_field(out, "name", manifest->name);
    print_field(out, "version", manifest->version);
    print_field(out, "module", digest);
    print_field(out, "purpose", manifest->description);
    print_activation(out, activation);
    print_field(out, "trigger", manifest->trigger_type);
    if (manifest->trigger_path)
        print_field(out, "path", manifest->trigger_path);
    print_field(out, "execution", durability_name(manifest->durability));
    fprintf(out, "limits      %u MiB memory, %u ms CPU, %u s run time, %llu calls, %llu bytes of "
                 "message\n",
            manifest->memory_mib, manifest->cpu_ms, manifest->wall_s,
            (unsigned long long)manifest->import_calls, (unsigned long long)manifest->input_bytes);
    for (size_t i = 0; i < manifest->parameter_count; i++) {
        const struct manifest_parameter *parameter = &manifest->parameters[i];
        fputs("parameter   ", out);
        print_text(out, parameter->name);
        if (parameter->default_value) {
            fputs(" (default ", out);
            print_text(out, parameter->default_value);
            fputc(')', out);
        }
        fputs(parameter->required ? " (required): " : ": ", out);
        print_text(out, parameter->description);
        fputc('\n', out);
    }
    for (size_t i = 0; i < manifest->grant_count; i++) {
        const struct grant *grant = &manifest->grants[i];
        fputs("may use     ", out);
        print_text(out, grant->connection);
        fprintf(out, ": %s", grant->capability);
        for (size_t j = 0; j < grant->operation_count; j++) {
            fputs(j ? ", " : " ", out);
            print_text(out, grant->operations[j]);
        }
        fputc('\n', out);
    }
    for (size_t i = 0; i < manifest->lookup_count; i++)
        print_field(out, "may read", manifest->lookups[i]);
}

static void print_table(struct cli *cli, struct service *service,
                        const struct activation *activations)
{
    struct table table;
    table_init(&table, 6);
    table_add(&table, "IDENTIFIER");
    table_add(&table, "VERSION");
    table_add(&table, "STATUS");
    table_add(&table, "TRACING");
    table_add(&table, "TRIGGER");
    table_add(&table, "NAME");
    for (size_t i = 0; i < service_flow_count(service); i++) {
        const struct manifest *manifest = service_manifest(service, i);
        table_add(&table, manifest->identifier);
        table_add(&table, manifest->version);
        table_add(&table, activations[i].is_active ? "active" : "-");
        table_add(&table, tracing_names[activations[i].tracing]);
        table_add(&table, manifest->trigger_type);
        table_add(&table, manifest->name);
    }
    table_print(&table, cli->out);
    table_release(&table);
}

static void print_document(struct cli *cli, struct service *service,
                           const struct activation *activations, size_t first, size_t end)
{
    struct document document;
    document_init(&document);
    document_open(&document, NULL, '{');
    document_open(&document, "flows", '[');
    for (size_t i = first; i < end; i++)
        write_flow(&document, service_manifest(service, i), service_digest(service, i),
                   &activations[i]);
    document_close(&document, ']');
    document_close(&document, '}');
    document_finish(&document, cli->out);
}

/* Caller frees *out. */
static bool read_activations(const struct service *service, struct activation **out,
                             struct error *err)
{
    *out = calloc(service_flow_count(service) + 1, sizeof **out);
    bool ok = *out || error_set(err, ERROR_LIMIT, "out of memory");
    for (size_t i = 0; ok && i < service_flow_count(service); i++)
        ok = activation_get(service, i, &(*out)[i], err);
    return ok;
}

static int run(struct cli *cli, const struct arguments *arguments)
{
    struct workspace *workspace = NULL;
    struct service *service = NULL;
    struct activation *activations = NULL;
    struct error err = {0};
    size_t index = 0;
    bool one = arguments->word_count == 1;
    bool ok = cli_open_workspace(cli, &workspace, &err) &&
              service_open(&service, workspace, &err) &&
              read_activations(service, &activations, &err) &&
              (!one || service_find(service, arguments->words[0], &index, &err));
    if (ok && cli->json)
        print_document(cli, service, activations, one ? index : 0,
                       one ? index + 1 : service_flow_count(service));
    else if (ok && one)
        print_flow(cli->out, service_manifest(service, index), service_digest(service, index),
                   &activations[index]);
    else if (ok)
        print_table(cli, service, activations);
    service_close(service);
    free(activations);
    return ok ? EXIT_DONE : cli_fail(cli, cli_status_of(&err), &err);
}

const struct command cmd_flows = {
    .name = "flows",
    .summary = "lists the flows, or shows one with everything it may touch",
    .synopsis = "flows [FLOW]",
    .description =
        "Lists the compiled flows of the workspace's functions folder, whether they are active, "
        "and how much of them is recorded ('sluice activate' changes both). With FLOW "
        "(identifier, alias or folder name; \"FLOW|VERSION\" where there are several versions, "
        "else the newest): its manifest, that is its parameters, its limits and the whole list of "
        "connections and lookups it may use. What is not in that list is refused when it runs.",
    .json = "{\"flows\": [{\"identifier\", \"name\", \"version\", \"description\", \"digest\", "
            "\"status\": \"ACTIVATED\"|\"CONFIGURED\", \"tracing\", \"changed_by\", \"changed\", "
            "\"trigger\", \"trigger_path\", \"durability\", \"aliases\": [text], \"parameters\": "
            "[{\"name\", \"required\", \"default\", \"description\"}], \"grants\": "
            "[{\"capability\", \"connection\", \"operations\": [text]}]}]}",
    .exit_status = "0  done\n2  no such flow, or a module or manifest is not usable",
    .examples = " sluice flows\n sluice flows OUTL-BA-CCS_DACS_CUST_SYNC_FTP",
    .words_max = 1,
    .run = run,
};
