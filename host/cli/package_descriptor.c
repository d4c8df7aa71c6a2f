/* SPDX-License-Identifier: MIT */
/* What starts a package on its platform, and what it holds; see package.h. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/document.h"
#include "base/json.h"
#include "cli/package.h"
#include "cli/yaml.h"

#define TEXT_SIZE_MAX (1u << 20)
#define FN_TIMEOUT_S_MAX 300u /* of Fn and OCI Functions */
#define FN_MEMORY_MIB 256

/* ---- the command ---- */

/* A copy of "<a><b><c>" as the next word. */
static bool add_word(struct package_command *command, const char *a, const char *b, const char *c)
{
    size_t count = 0;
    while (command->words[count])
        count++;
    return asprintf(&command->words[count], "%s%s%s", a, b, c) >= 0;
}

bool package_command_make(struct package_command *out, const struct package_plan *plan,
                          const char *loader, struct error *err)
{
    char folder[PATH_MAX];
    *out = (struct package_command){0};
    snprintf(folder, sizeof folder, "/%s", plan->target->prefix);
    return (add_word(out, folder, "lib/", loader) && add_word(out, "--library-path", "", "") &&
            add_word(out, folder, "lib", "") && add_word(out, folder, "bin/sluice", "") &&
            add_word(out, "-w", "", "") && add_word(out, folder, "workspace", "")) ||
           error_set(err, ERROR_LIMIT, "out of memory");
}

void package_command_release(struct package_command *command)
{
    for (size_t i = 0; command->words[i]; i++)
        free(command->words[i]);
}

/* ---- arguments that name the flows ---- */

/* Calls fn for the command and each flow that it offers; serve offers whatever is there. */
static void each_argument(const struct package_plan *plan, void (*fn)(struct buf *, const char *),
                          struct buf *out)
{
    fn(out, plan->command);
    for (size_t i = 0; strcmp(plan->command, "serve") != 0 && i < service_flow_count(plan->service);
         i++)
        if (plan->is_offered[i])
            fn(out, service_manifest(plan->service, i)->identifier);
}

/* For sh: in single quotes, which only a single quote ends. */
static void append_quoted(struct buf *out, const char *word)
{
    buf_append_text(out, " '");
    for (; *word; word++) {
        if (*word == '\'')
            buf_append_text(out, "'\\''");
        else
            buf_append_char(out, *word);
    }
    buf_append_char(out, '\'');
}

static void append_listed(struct buf *out, const char *word)
{
    if (out->size > 0 && out->data[out->size - 1] != '[')
        buf_append_text(out, ", ");
    json_append_text(out, word, strlen(word));
}

/* ---- bootstrap of an AWS Lambda archive ---- */

static bool add_bootstrap(struct package_tree *inner, const struct package_plan *plan,
                          const struct package_command *command, struct error *err)
{
    struct buf text;
    buf_init(&text, TEXT_SIZE_MAX);
    buf_printf(&text,
               "#!/bin/sh\n"
               "# Starts the function: the system's own loader and libraries are of another age.\n"
               "cd \"$(dirname \"$0\")\" || exit 1\n"
               "exec \"$PWD%s\" --library-path \"$PWD%s\" \"$PWD%s\" -w \"$PWD%s\"",
               command->words[0], command->words[2], command->words[3], command->words[5]);
    each_argument(plan, append_quoted, &text);
    buf_append_char(&text, '\n');
    bool ok = !text.failed ? package_add_bytes(inner, PART_DESCRIPTOR, "bootstrap", 0755, text.data,
                                               text.size, err)
                           : error_set(err, ERROR_LIMIT, "out of memory");
    buf_release(&text);
    return ok;
}

/* ---- container files ---- */

static void write_container_file(const struct package_plan *plan,
                                 const struct package_command *command, struct buf *out)
{
    bool is_server = strcmp(plan->command, "serve") == 0;
    buf_append_text(out, "FROM scratch\nCOPY rootfs/ /\nUSER 1000:1000\nWORKDIR /opt/sluice\n");
    if (is_server)
        buf_append_text(out, "ENV PORT=8080\nEXPOSE 8080\n");
    struct buf list;
    buf_init(&list, TEXT_SIZE_MAX);
    buf_append_char(&list, '[');
    for (char *const *word = command->words; *word; word++)
        append_listed(&list, *word);
    buf_printf(out, "ENTRYPOINT %s]\n", buf_text(&list));
    buf_clear(&list);
    buf_append_char(&list, '[');
    each_argument(plan, append_listed, &list);
    buf_printf(out, "CMD %s]\n", buf_text(&list));
    buf_release(&list);
}

/* ---- func.yaml (fnproject/docs: fn/develop/func-file.md) ---- */

static uint32_t timeout_of(const struct package_plan *plan)
{
    uint32_t longest = 30;
    for (size_t i = 0; i < service_flow_count(plan->service); i++) {
        const struct manifest *manifest = service_manifest(plan->service, i);
        if (plan->is_offered[i] && manifest->wall_s > longest)
            longest = manifest->wall_s;
    }
    return longest < FN_TIMEOUT_S_MAX ? longest : FN_TIMEOUT_S_MAX;
}

static void write_func_yaml(const struct package_plan *plan, struct buf *out)
{
    struct yaml yaml;
    char line[512];
    yaml_init(&yaml);
    yaml_number(&yaml, "schema_version", 20180708);
    yaml_text(&yaml, "name", plan->name);
    yaml_text(&yaml, "version", SLUICE_VERSION);
    yaml_word(&yaml, "runtime", "docker");
    yaml_number(&yaml, "memory", FN_MEMORY_MIB);
    yaml_number(&yaml, "timeout", timeout_of(plan));
    for (size_t i = 0; i < plan->secret_count; i++) {
        const struct package_secret *secret = &plan->secrets[i];
        if (secret->kind == PACKAGE_SECRET_ENV)
            snprintf(line, sizeof line, "fn config function APP %s %s VALUE    (%s)", plan->name,
                     secret->name, secret->use);
        else
            snprintf(line, sizeof line, "a file that Fn cannot mount: %s (%s); use {\"env\": NAME}, or "
                     "\"callers\": \"platform\" for users.json", secret->name, secret->use);
        yaml_comment(&yaml, line);
    }
    buf_release(out);
    *out = yaml.text;
}

/* ---- contents.json ---- */

static void write_flows(struct document *document, const struct package_plan *plan)
{
    document_open(document, "flows", '[');
    for (size_t i = 0; i < service_flow_count(plan->service); i++) {
        const struct manifest *manifest = service_manifest(plan->service, i);
        if (!plan->is_needed[i])
            continue;
        document_open(document, NULL, '{');
        document_text(document, "identifier", manifest->identifier);
        document_text(document, "version", manifest->version);
        document_text(document, "module_digest", service_digest(plan->service, i));
        document_flag(document, "offered", plan->is_offered[i]);
        document_close(document, '}');
    }
    document_close(document, ']');
}

void package_write_secrets(struct document *document, const struct package_plan *plan)
{
    static const char *const kinds[] = {"env", "file", "credential"};
    document_open(document, "secrets", '[');
    for (size_t i = 0; i < plan->secret_count; i++) {
        document_open(document, NULL, '{');
        document_text(document, "kind", kinds[plan->secrets[i].kind]);
        document_text(document, "name", plan->secrets[i].name);
        document_text(document, "use", plan->secrets[i].use);
        document_close(document, '}');
    }
    document_close(document, ']');
}

void package_write_parts(struct document *document, const struct package_tree *inner)
{
    uint64_t sizes[PART_COUNT] = {0}, counts[PART_COUNT] = {0};
    for (size_t i = 0; i < inner->count; i++) {
        sizes[inner->entries[i].part] += inner->entries[i].size;
        counts[inner->entries[i].part] += !inner->entries[i].is_folder;
    }
    document_open(document, "parts", '[');
    for (size_t i = 0; i < PART_COUNT; i++) {
        document_open(document, NULL, '{');
        document_text(document, "part", package_part_names[i]);
        document_number(document, "files", (int64_t)counts[i]);
        document_number(document, "bytes", (int64_t)sizes[i]);
        document_close(document, '}');
    }
    document_close(document, ']');
}

static bool add_contents_file(struct package_tree *inner, const struct package_plan *plan,
                              struct error *err)
{
    struct document document;
    struct buf text = {0};
    char path[PATH_MAX];
    document_init(&document);
    document_open(&document, NULL, '{');
    document_text(&document, "sluice", SLUICE_VERSION);
    document_text(&document, "target", plan->target->name);
    write_flows(&document, plan);
    package_write_secrets(&document, plan);
    document_close(&document, '}');
    document_move(&document, &text);
    buf_append_char(&text, '\n');
    snprintf(path, sizeof path, "%scontents.json", plan->target->prefix);
    bool ok = !text.failed
                  ? package_add_bytes(inner, PART_DESCRIPTOR, path, 0644, text.data, text.size, err)
                  : error_set(err, ERROR_LIMIT, "out of memory");
    buf_release(&text);
    return ok;
}

/* ---- all of a target ---- */

static bool is_target(const struct package_plan *plan, const char *name)
{
    return strcmp(plan->target->name, name) == 0;
}

static bool add_outer(struct package_tree *outer, const char *name, const struct buf *text,
                      struct error *err)
{
    return !text->failed ? package_add_bytes(outer, PART_DESCRIPTOR, name, 0644, buf_text(text),
                                             text->size, err)
                         : error_set(err, ERROR_LIMIT, "out of memory");
}

static bool add_platform_file(struct package_tree *outer, const struct package_plan *plan,
                              struct error *err)
{
    struct buf text;
    bool ok = true;
    buf_init(&text, TEXT_SIZE_MAX);
    if (is_target(plan, "fn")) {
        write_func_yaml(plan, &text);
        ok = add_outer(outer, "func.yaml", &text, err);
    } else if (is_target(plan, "knative")) {
        ok = package_knative(plan, &text, err) && add_outer(outer, "service.yaml", &text, err);
    } else if (is_target(plan, "kubernetes")) {
        ok = package_kubernetes(plan, &text, err) && add_outer(outer, "kubernetes.yaml", &text, err);
    }
    buf_release(&text);
    return ok;
}

bool package_add_descriptors(struct package_tree *outer, struct package_tree *inner,
                             const struct package_plan *plan, const struct package_command *command,
                             struct error *err)
{
    struct buf text;
    bool ok = add_contents_file(inner, plan, err);
    if (plan->target->form == PACKAGE_ZIP)
        return ok && add_bootstrap(inner, plan, command, err);
    if (plan->target->form == PACKAGE_IMAGE)
        return ok;
    buf_init(&text, TEXT_SIZE_MAX);
    write_container_file(plan, command, &text);
    ok = ok && add_outer(outer, is_target(plan, "fn") ? "Dockerfile" : "Containerfile", &text, err) &&
         add_platform_file(outer, plan, err);
    buf_release(&text);
    return ok;
}
