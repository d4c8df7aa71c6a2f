/* SPDX-License-Identifier: MIT */
/* Which flows, and which secrets they need; see package.h. */
#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "cli/package.h"

#define SERVE_STATE "/var/lib/sluice"
#define TEMPORARY_STATE "/tmp/sluice"

const struct package_target package_targets[] = {
    {"fn", "a function of Fn or OCI Functions: func.yaml, Dockerfile and its rootfs", PACKAGE_CONTAINER,
     "opt/sluice/", "fn", TEMPORARY_STATE, "memory", NULL},
    {"lambda", "a function of AWS Lambda: function.zip with bootstrap", PACKAGE_ZIP, "sluice/", "lambda",
     TEMPORARY_STATE, "memory", NULL},
    {"lambda-container", "a function of AWS Lambda as a container: Containerfile and rootfs",
     PACKAGE_CONTAINER, "opt/sluice/", "lambda", TEMPORARY_STATE, "memory", NULL},
    {"knative", "a Knative or Cloud Run service: service.yaml, Containerfile and rootfs",
     PACKAGE_CONTAINER, "opt/sluice/", "serve", TEMPORARY_STATE, "memory", "platform"},
    {"kubernetes", "a Kubernetes deployment with a CronJob for each schedule: kubernetes.yaml, "
     "Containerfile and rootfs", PACKAGE_CONTAINER, "opt/sluice/", "serve", SERVE_STATE, "file",
     "platform"},
    {"oci-image", "an OCI image layout, to be pushed or run without building", PACKAGE_IMAGE,
     "opt/sluice/", "serve", SERVE_STATE, "file", NULL},
};
const size_t package_target_count = sizeof package_targets / sizeof package_targets[0];

/* ---- flows ---- */

static bool choose(struct package_plan *plan, const char *const *names, size_t name_count,
                   struct error *err)
{
    size_t count = service_flow_count(plan->service), flow;
    for (size_t i = 0; name_count == 0 && i < count; i++)
        plan->is_offered[i] = service_is_active(plan->service, i); /* the newest of each line */
    for (size_t i = 0; i < name_count; i++) {
        if (!service_find(plan->service, names[i], &flow, err))
            return false;
        plan->is_offered[flow] = true;
    }
    memcpy(plan->is_needed, plan->is_offered, sizeof plan->is_needed);
    return true;
}

/* What a flow may call must travel along. True: something was added. */
static bool add_called(struct package_plan *plan, const struct manifest *manifest)
{
    bool added = false;
    for (size_t i = 0; i < manifest->grant_count; i++) {
        const struct grant *grant = &manifest->grants[i];
        for (size_t j = 0; strcmp(grant->capability, "flow") == 0 && j < grant->operation_count; j++) {
            size_t flow;
            if (!service_find(plan->service, grant->operations[j], &flow, NULL))
                continue; /* at another host, or not there: `sluice check` tells */
            added |= !plan->is_needed[flow];
            plan->is_needed[flow] = true;
        }
    }
    return added;
}

static void close_over_calls(struct package_plan *plan)
{
    size_t count = service_flow_count(plan->service);
    for (bool added = true; added;) {
        added = false;
        for (size_t i = 0; i < count; i++)
            if (plan->is_needed[i])
                added |= add_called(plan, service_manifest(plan->service, i));
    }
}

/* A DNS label (RFC 1123): of the one flow, or "sluice". */
static void name_it(struct package_plan *plan)
{
    size_t count = service_flow_count(plan->service), offered = 0, only = 0, at = 0;
    for (size_t i = 0; i < count; i++)
        if (plan->is_offered[i]) {
            offered++;
            only = i;
        }
    const char *name = offered == 1 ? service_module_name(plan->service, only) : "sluice";
    for (; *name && at + 1 < sizeof plan->name; name++)
        plan->name[at++] =
            isalnum((unsigned char)*name) ? (char)tolower((unsigned char)*name) : '-';
    while (at > 0 && plan->name[at - 1] == '-')
        at--;
    plan->name[at] = '\0';
}

/* ---- secrets ---- */

const char *package_below_workspace(const struct package_plan *plan, const char *path)
{
    const char *folder = service_workspace(plan->service)->folder;
    size_t size = strlen(folder);
    return strncmp(path, folder, size) == 0 && path[size] == '/' ? path + size + 1 : NULL;
}

char *package_path_of(const struct package_plan *plan, const char *path)
{
    const char *below = package_below_workspace(plan, path);
    char *out;
    if (!below)
        return strdup(path);
    bool is_absolute = plan->target->form != PACKAGE_ZIP;
    return asprintf(&out, "%s%sworkspace/%s", is_absolute ? "/" : "", plan->target->prefix, below) < 0
               ? NULL : out;
}

static bool is_known(const struct package_plan *plan, enum package_secret_kind kind,
                     const char *name)
{
    for (size_t i = 0; i < plan->secret_count; i++)
        if (plan->secrets[i].kind == kind && strcmp(plan->secrets[i].name, name) == 0)
            return true;
    return false;
}

/* Takes ownership of name; NULL is no memory. */
static bool add_secret(struct package_plan *plan, enum package_secret_kind kind, char *name,
                       const char *use, struct error *err)
{
    if (name && is_known(plan, kind, name)) {
        free(name);
        return true;
    }
    char *copy = name ? strdup(use) : NULL;
    if (!copy || plan->secret_count == PACKAGE_SECRETS_MAX) {
        bool is_full = copy != NULL;
        free(copy);
        free(name);
        return is_full ? error_set(err, ERROR_LIMIT, "more than %u secrets", PACKAGE_SECRETS_MAX)
                       : error_set(err, ERROR_LIMIT, "out of memory");
    }
    plan->secrets[plan->secret_count++] = (struct package_secret){kind, name, copy};
    return true;
}

static bool add_file(struct package_plan *plan, const char *path, const char *use,
                     struct error *err)
{
    const char *credential = credential_of(path);
    if (credential)
        return add_secret(plan, PACKAGE_SECRET_CREDENTIAL, strdup(credential), use, err);
    return add_secret(plan, PACKAGE_SECRET_FILE, package_path_of(plan, path), use, err);
}

static bool add_field(struct package_plan *plan, const struct connection *connection,
                      const char *field, const struct secret *secret, struct error *err)
{
    char use[256];
    snprintf(use, sizeof use, "connection '%s': %s", connection->name, field);
    if (secret->env)
        return add_secret(plan, PACKAGE_SECRET_ENV, strdup(secret->env), use, err);
    return !secret->file || add_file(plan, secret->file, use, err);
}

/* What lies outside the workspace does not travel along, secret or not. */
static bool add_outside(struct package_plan *plan, const struct connection *connection,
                        const char *field, const char *path, struct error *err)
{
    const struct secret file = {.file = (char *)(uintptr_t)path};
    return !path || package_below_workspace(plan, path) || add_field(plan, connection, field, &file, err);
}

static bool add_connection(struct package_plan *plan, const char *name, struct error *err)
{
    const struct connection *connection =
        workspace_connection(service_workspace(plan->service), name, NULL);
    return !connection ||
           (add_field(plan, connection, "password", &connection->password, err) &&
            add_field(plan, connection, "private_key", &connection->private_key, err) &&
            add_field(plan, connection, "passphrase", &connection->passphrase, err) &&
            add_outside(plan, connection, "ca", connection->ca_file, err) &&
            add_outside(plan, connection, "known_hosts", connection->known_hosts, err));
}

static bool add_traces(struct package_plan *plan, struct error *err)
{
    static const struct connection traces = {.name = (char *)"traces"};
    const struct trace_settings *settings = &service_workspace(plan->service)->traces;
    return add_field(plan, &traces, "secret", &settings->secret, err) &&
           add_outside(plan, &traces, "ca", settings->ca_file, err);
}

static bool add_users(struct package_plan *plan, struct error *err)
{
    const struct workspace *workspace = service_workspace(plan->service);
    bool is_server = strcmp(plan->target->command, "serve") == 0;
    char *path = file_join(workspace->folder, "users.json");
    bool ok = path || error_set(err, ERROR_LIMIT, "out of memory");
    if (ok && (is_server || workspace->callers == CALLERS_USERS))
        ok = add_file(plan, path, "who may call", err);
    if (ok && is_server && workspace->server.key)
        ok = add_file(plan, workspace->server.key, "the server's private key", err);
    free(path);
    return ok;
}

static bool add_secrets(struct package_plan *plan, struct error *err)
{
    for (size_t i = 0; i < service_flow_count(plan->service); i++) {
        const struct manifest *manifest = service_manifest(plan->service, i);
        for (size_t j = 0; plan->is_needed[i] && j < manifest->grant_count; j++)
            if (!add_connection(plan, manifest->grants[j].connection, err))
                return false;
    }
    return add_traces(plan, err) && add_users(plan, err);
}

bool package_is_secret(const struct package_plan *plan, const char *path)
{
    char *inside = package_path_of(plan, path);
    bool found = inside && is_known(plan, PACKAGE_SECRET_FILE, inside);
    free(inside);
    return found;
}

/* ---- customisations ---- */

static void release_filter(struct package_filter *filter)
{
    free(filter->flow);
    free(filter->name);
    free(filter->path);
    free(filter->library);
}

/* What cannot be used would fail where the package runs, just as it does here. */
static bool add_filter(void *context, const struct service_customisation *one, struct error *err)
{
    struct package_plan *plan = context;
    if (!one->library)
        return error_set(err, ERROR_INVALID, "customisation '%s' of flow '%s' cannot be used: %s",
                         one->name, one->flow, one->problem);
    struct package_filter *longer =
        reallocarray(plan->filters, plan->filter_count + 1, sizeof *longer);
    if (!longer)
        return error_set(err, ERROR_LIMIT, "out of memory");
    plan->filters = longer;
    struct package_filter filter = {.flow = strdup(one->flow),
                                    .name = strdup(one->name),
                                    .path = strdup(one->path),
                                    .library = strdup(one->library),
                                    .is_mapping = one->is_mapping};
    snprintf(filter.digest, sizeof filter.digest, "%s", one->digest);
    if (filter.flow && filter.name && filter.path && filter.library) {
        plan->filters[plan->filter_count++] = filter;
        return true;
    }
    release_filter(&filter);
    return error_set(err, ERROR_LIMIT, "out of memory");
}

static bool add_customisations(struct package_plan *plan, struct error *err)
{
    for (size_t i = 0; i < service_flow_count(plan->service); i++)
        if (plan->is_needed[i] && !service_customisations(plan->service, i, add_filter, plan, err))
            return false;
    return true;
}

bool package_plan_make(struct package_plan *plan, struct service *service,
                       const struct package_target *target, const char *const *names,
                       size_t name_count, struct error *err)
{
    *plan = (struct package_plan){.service = service, .target = target, .command = target->command};
    if (!choose(plan, names, name_count, err))
        return false;
    close_over_calls(plan);
    name_it(plan);
    return add_customisations(plan, err) && add_secrets(plan, err);
}

void package_plan_release(struct package_plan *plan)
{
    for (size_t i = 0; i < plan->secret_count; i++) {
        free(plan->secrets[i].name);
        free(plan->secrets[i].use);
    }
    plan->secret_count = 0;
    for (size_t i = 0; i < plan->filter_count; i++)
        release_filter(&plan->filters[i]);
    free(plan->filters);
    plan->filters = NULL;
    plan->filter_count = 0;
}
