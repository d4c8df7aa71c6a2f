/* SPDX-License-Identifier: MIT */
/*
 * A Knative service, and a Kubernetes deployment with a volume, a service and a CronJob for each
 * schedule. Both run as any user on a root that cannot be written; secrets come from one Secret by
 * their names. See package.h.
 */
#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/package.h"
#include "cli/yaml.h"
#include "flow/recurrence_cron.h"

#define PORT 8080
#define CREDENTIALS_FOLDER "/run/secrets/sluice"
#define KNATIVE_TIMEOUT_S 600 /* the longest that its default configuration lets a request take */
#define GRACE_S 60
#define DEADLINE_S 3600 /* a CronJob that could not start for that long is skipped */
#define NAME_SIZE 128

/* ---- pieces that both have ---- */

static bool has_kind(const struct package_plan *plan, enum package_secret_kind kind)
{
    for (size_t i = 0; i < plan->secret_count; i++)
        if (plan->secrets[i].kind == kind)
            return true;
    return false;
}

/* The key in the Secret: a variable's or credential's name; of a file its path in the workspace,
 * with '.' for what keys may not hold. */
static const char *key_of(const struct package_plan *plan, const struct package_secret *secret,
                          char key[static NAME_SIZE])
{
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "/%sworkspace/", plan->target->prefix);
    const char *name = secret->name;
    if (strncmp(name, folder, strlen(folder)) == 0)
        name += strlen(folder);
    size_t at = 0;
    for (; *name && at + 1 < NAME_SIZE; name++)
        key[at++] = isalnum((unsigned char)*name) || strchr("-_", *name) ? *name : '.';
    key[at] = '\0';
    return key[0] == '.' ? key + 1 : key;
}

static void write_secret_name(struct yaml *yaml, const struct package_plan *plan, const char *key)
{
    char name[PACKAGE_NAME_SIZE + 16];
    snprintf(name, sizeof name, "%s-secrets", plan->name);
    yaml_text(yaml, key, name);
}

static void write_environment(struct yaml *yaml, const struct package_plan *plan)
{
    yaml_open(yaml, "env");
    for (size_t i = 0; i < plan->secret_count; i++) {
        if (plan->secrets[i].kind != PACKAGE_SECRET_ENV)
            continue;
        yaml_item(yaml);
        yaml_text(yaml, "name", plan->secrets[i].name);
        yaml_open(yaml, "valueFrom");
        yaml_open(yaml, "secretKeyRef");
        write_secret_name(yaml, plan, "name");
        yaml_text(yaml, "key", plan->secrets[i].name);
        yaml_close(yaml);
        yaml_close(yaml);
        yaml_close(yaml);
    }
    yaml_item(yaml);
    yaml_text(yaml, "name", CREDENTIALS_DIRECTORY);
    yaml_text(yaml, "value", CREDENTIALS_FOLDER);
    yaml_close(yaml);
    yaml_close(yaml);
}

static void write_mount(struct yaml *yaml, const char *volume, const char *path,
                        const char *sub_path)
{
    yaml_item(yaml);
    yaml_text(yaml, "name", volume);
    yaml_text(yaml, "mountPath", path);
    if (sub_path)
        yaml_text(yaml, "subPath", sub_path);
    if (strcmp(volume, "secrets") == 0)
        yaml_flag(yaml, "readOnly", true);
    yaml_close(yaml);
}

static void write_mounts(struct yaml *yaml, const struct package_plan *plan, bool has_state)
{
    char key[NAME_SIZE];
    yaml_open(yaml, "volumeMounts");
    write_mount(yaml, "tmp", "/tmp", NULL);
    if (has_state)
        write_mount(yaml, "state", plan->target->state, NULL);
    if (has_kind(plan, PACKAGE_SECRET_CREDENTIAL))
        write_mount(yaml, "secrets", CREDENTIALS_FOLDER, NULL);
    for (size_t i = 0; i < plan->secret_count; i++)
        if (plan->secrets[i].kind == PACKAGE_SECRET_FILE)
            write_mount(yaml, "secrets", plan->secrets[i].name, key_of(plan, &plan->secrets[i], key));
    yaml_close(yaml);
}

static void write_volumes(struct yaml *yaml, const struct package_plan *plan, bool has_state)
{
    char name[PACKAGE_NAME_SIZE + 16];
    snprintf(name, sizeof name, "%s-state", plan->name);
    yaml_open(yaml, "volumes");
    yaml_item(yaml);
    yaml_text(yaml, "name", "tmp");
    yaml_word(yaml, "emptyDir", "{}");
    yaml_close(yaml);
    if (has_state) {
        yaml_item(yaml);
        yaml_text(yaml, "name", "state");
        yaml_open(yaml, "persistentVolumeClaim");
        yaml_text(yaml, "claimName", name);
        yaml_close(yaml);
        yaml_close(yaml);
    }
    if (has_kind(plan, PACKAGE_SECRET_CREDENTIAL) || has_kind(plan, PACKAGE_SECRET_FILE)) {
        yaml_item(yaml);
        yaml_text(yaml, "name", "secrets");
        yaml_open(yaml, "secret");
        write_secret_name(yaml, plan, "secretName");
        yaml_number(yaml, "defaultMode", 0440);
        yaml_close(yaml);
        yaml_close(yaml);
    }
    yaml_close(yaml);
}

static void write_security(struct yaml *yaml)
{
    yaml_open(yaml, "securityContext");
    yaml_flag(yaml, "allowPrivilegeEscalation", false);
    yaml_flag(yaml, "readOnlyRootFilesystem", true);
    yaml_flag(yaml, "runAsNonRoot", true);
    yaml_open(yaml, "capabilities");
    yaml_open(yaml, "drop");
    yaml_text(yaml, NULL, "ALL");
    yaml_close(yaml);
    yaml_close(yaml);
    yaml_open(yaml, "seccompProfile");
    yaml_text(yaml, "type", "RuntimeDefault");
    yaml_close(yaml);
    yaml_close(yaml);
}

static void write_resources(struct yaml *yaml)
{
    yaml_open(yaml, "resources");
    yaml_open(yaml, "requests");
    yaml_text(yaml, "cpu", "100m");
    yaml_text(yaml, "memory", "64Mi");
    yaml_close(yaml);
    yaml_open(yaml, "limits");
    yaml_text(yaml, "cpu", "1");
    yaml_text(yaml, "memory", "256Mi");
    yaml_close(yaml);
    yaml_close(yaml);
}

static void write_probe(struct yaml *yaml, const char *key, const char *path)
{
    yaml_open(yaml, key);
    yaml_open(yaml, "httpGet");
    yaml_text(yaml, "path", path);
    yaml_number(yaml, "port", PORT);
    yaml_close(yaml);
    yaml_close(yaml);
}

static void write_ports(struct yaml *yaml)
{
    yaml_open(yaml, "ports");
    yaml_item(yaml);
    yaml_number(yaml, "containerPort", PORT);
    yaml_close(yaml);
    yaml_close(yaml);
}

/* The container; flow: NULL for the server, or what a CronJob runs. Ends the item. */
static void write_container(struct yaml *yaml, const struct package_plan *plan, const char *flow,
                            bool has_state)
{
    yaml_open(yaml, "containers");
    yaml_item(yaml);
    yaml_text(yaml, "name", "sluice");
    yaml_text(yaml, "image", plan->image);
    yaml_open(yaml, "args");
    yaml_text(yaml, NULL, flow ? "run" : "serve");
    if (flow)
        yaml_text(yaml, NULL, flow);
    yaml_close(yaml);
    if (!flow) {
        write_ports(yaml);
        write_probe(yaml, "readinessProbe", "/health/ready");
        write_probe(yaml, "livenessProbe", "/health/live");
    }
    write_environment(yaml, plan);
    write_resources(yaml);
    write_security(yaml);
    write_mounts(yaml, plan, has_state);
    yaml_close(yaml);
    yaml_close(yaml);
}

static void write_head(struct yaml *yaml, const char *version, const char *kind, const char *name,
                       const struct package_plan *plan)
{
    yaml_text(yaml, "apiVersion", version);
    yaml_text(yaml, "kind", kind);
    yaml_open(yaml, "metadata");
    yaml_text(yaml, "name", name);
    yaml_open(yaml, "labels");
    yaml_text(yaml, "app.kubernetes.io/name", plan->name);
    yaml_text(yaml, "app.kubernetes.io/version", SLUICE_VERSION);
    yaml_close(yaml);
    yaml_close(yaml);
}

/* What somebody must create first. */
static void write_secret_comments(struct yaml *yaml, const struct package_plan *plan)
{
    char line[512], key[NAME_SIZE];
    snprintf(line, sizeof line, "Needs a Secret \"%s-secrets\" with these keys:", plan->name);
    if (plan->secret_count > 0)
        yaml_comment(yaml, line);
    for (size_t i = 0; i < plan->secret_count; i++) {
        snprintf(line, sizeof line, "  %s: %s", key_of(plan, &plan->secrets[i], key),
                 plan->secrets[i].use);
        yaml_comment(yaml, line);
    }
}

static bool take(struct yaml *yaml, struct buf *out, struct error *err)
{
    buf_release(out);
    *out = yaml->text;
    return !out->failed || error_set(err, ERROR_LIMIT, "the descriptor is too large");
}

/* ---- Knative ---- */

static bool offers_schedules(const struct package_plan *plan)
{
    for (size_t i = 0; i < service_flow_count(plan->service); i++)
        if (plan->is_offered[i] &&
            strcmp(service_manifest(plan->service, i)->trigger_type, "schedule") == 0)
            return true;
    return false;
}

/* One run of a flow at a time holds within one container. */
static void write_single(struct yaml *yaml)
{
    yaml_open(yaml, "metadata");
    yaml_open(yaml, "annotations");
    yaml_text(yaml, "autoscaling.knative.dev/max-scale", "1");
    yaml_close(yaml);
    yaml_close(yaml);
}

bool package_knative(const struct package_plan *plan, struct buf *out, struct error *err)
{
    struct yaml yaml;
    yaml_init(&yaml);
    write_secret_comments(&yaml, plan);
    write_head(&yaml, "serving.knative.dev/v1", "Service", plan->name, plan);
    yaml_open(&yaml, "spec");
    yaml_open(&yaml, "template");
    if (offers_schedules(plan))
        write_single(&yaml);
    yaml_open(&yaml, "spec");
    yaml_number(&yaml, "timeoutSeconds", KNATIVE_TIMEOUT_S);
    write_container(&yaml, plan, NULL, false);
    write_volumes(&yaml, plan, false);
    return take(&yaml, out, err);
}

/* ---- Kubernetes ---- */

static void write_pod(struct yaml *yaml, const struct package_plan *plan, const char *flow)
{
    yaml_open(yaml, "securityContext");
    yaml_number(yaml, "runAsUser", 1000);
    yaml_number(yaml, "runAsGroup", 1000);
    yaml_number(yaml, "fsGroup", 1000);
    yaml_close(yaml);
    yaml_number(yaml, "terminationGracePeriodSeconds", GRACE_S);
    yaml_flag(yaml, "automountServiceAccountToken", false);
    if (flow)
        yaml_word(yaml, "restartPolicy", "Never");
    write_container(yaml, plan, flow, true);
    write_volumes(yaml, plan, true);
}

static void write_claim(struct yaml *yaml, const struct package_plan *plan)
{
    char name[PACKAGE_NAME_SIZE + 16];
    snprintf(name, sizeof name, "%s-state", plan->name);
    write_head(yaml, "v1", "PersistentVolumeClaim", name, plan);
    yaml_open(yaml, "spec");
    yaml_open(yaml, "accessModes");
    yaml_text(yaml, NULL, "ReadWriteOnce");
    yaml_close(yaml);
    yaml_open(yaml, "resources");
    yaml_open(yaml, "requests");
    yaml_text(yaml, "storage", "1Gi");
    yaml_close(yaml);
    yaml_close(yaml);
    yaml_close(yaml);
}

static void write_selector(struct yaml *yaml, const struct package_plan *plan, const char *key)
{
    yaml_open(yaml, key);
    yaml_text(yaml, "app.kubernetes.io/name", plan->name);
    yaml_text(yaml, "app.kubernetes.io/component", "server");
    yaml_close(yaml);
}

/* One replica that is replaced, not two beside each other: the store is one file. */
static void write_deployment(struct yaml *yaml, const struct package_plan *plan)
{
    write_head(yaml, "apps/v1", "Deployment", plan->name, plan);
    yaml_open(yaml, "spec");
    yaml_number(yaml, "replicas", 1);
    yaml_open(yaml, "strategy");
    yaml_text(yaml, "type", "Recreate");
    yaml_close(yaml);
    yaml_open(yaml, "selector");
    write_selector(yaml, plan, "matchLabels");
    yaml_close(yaml);
    yaml_open(yaml, "template");
    yaml_open(yaml, "metadata");
    write_selector(yaml, plan, "labels");
    yaml_close(yaml);
    yaml_open(yaml, "spec");
    write_pod(yaml, plan, NULL);
    yaml_close(yaml);
    yaml_close(yaml);
    yaml_close(yaml);
}

static void write_service(struct yaml *yaml, const struct package_plan *plan)
{
    write_head(yaml, "v1", "Service", plan->name, plan);
    yaml_open(yaml, "spec");
    write_selector(yaml, plan, "selector");
    yaml_open(yaml, "ports");
    yaml_item(yaml);
    yaml_number(yaml, "port", 80);
    yaml_number(yaml, "targetPort", PORT);
    yaml_close(yaml);
    yaml_close(yaml);
    yaml_close(yaml);
}

/* Next to the server: a volume of one node holds the store of both. */
static void write_affinity(struct yaml *yaml, const struct package_plan *plan)
{
    yaml_open(yaml, "affinity");
    yaml_open(yaml, "podAffinity");
    yaml_open(yaml, "requiredDuringSchedulingIgnoredDuringExecution");
    yaml_item(yaml);
    yaml_text(yaml, "topologyKey", "kubernetes.io/hostname");
    yaml_open(yaml, "labelSelector");
    write_selector(yaml, plan, "matchLabels");
    yaml_close(yaml);
    yaml_close(yaml);
    yaml_close(yaml);
    yaml_close(yaml);
    yaml_close(yaml);
}

static void write_job(struct yaml *yaml, const struct package_plan *plan,
                      const struct schedule *schedule, const char *name, const char *cron)
{
    yaml_document(yaml);
    write_head(yaml, "batch/v1", "CronJob", name, plan);
    yaml_open(yaml, "spec");
    yaml_text(yaml, "schedule", cron);
    yaml_text(yaml, "timeZone", schedule->time_zone);
    yaml_text(yaml, "concurrencyPolicy", "Forbid");
    yaml_number(yaml, "startingDeadlineSeconds", DEADLINE_S);
    yaml_open(yaml, "jobTemplate");
    yaml_open(yaml, "spec");
    yaml_number(yaml, "backoffLimit", 0);
    yaml_open(yaml, "template");
    yaml_open(yaml, "spec");
    write_affinity(yaml, plan);
    write_pod(yaml, plan, schedule->flow);
    for (int i = 0; i < 5; i++)
        yaml_close(yaml);
}

/* "name-1": of one schedule's rules in the order in which they stand. */
static bool write_jobs(struct yaml *yaml, const struct package_plan *plan,
                       const struct schedule *schedule, size_t flow, struct error *err)
{
    struct buf lines;
    char name[NAME_SIZE], *state = NULL;
    unsigned number = 0;
    buf_init(&lines, 4096);
    bool ok = recurrence_cron(schedule->recurrence, schedule->time_zone, schedule->start,
                              schedule->end, &lines, err) ||
              error_context(err, "schedule of '%s' cannot be a CronJob", schedule->flow);
    for (char *line = ok ? strtok_r(lines.data, "\n", &state) : NULL; line;
         line = strtok_r(NULL, "\n", &state)) {
        /* 52 characters are what a CronJob's name may have */
        snprintf(name, sizeof name, "%.40s-%u", service_module_name(plan->service, flow), ++number);
        for (char *at = name; *at; at++)
            *at = isalnum((unsigned char)*at) ? (char)tolower((unsigned char)*at) : '-';
        write_job(yaml, plan, schedule, name, line);
    }
    buf_release(&lines);
    return ok;
}

bool package_kubernetes(const struct package_plan *plan, struct buf *out, struct error *err)
{
    const struct schedule_list *schedules = &service_workspace(plan->service)->schedules;
    struct yaml yaml;
    bool ok = true;
    yaml_init(&yaml);
    write_secret_comments(&yaml, plan);
    write_claim(&yaml, plan);
    yaml_document(&yaml);
    write_deployment(&yaml, plan);
    yaml_document(&yaml);
    write_service(&yaml, plan);
    for (size_t i = 0; ok && i < schedules->count; i++) {
        size_t flow;
        if (service_find(plan->service, schedules->items[i].flow, &flow, NULL) &&
            plan->is_offered[flow])
            ok = write_jobs(&yaml, plan, &schedules->items[i], flow, err);
    }
    if (ok)
        return take(&yaml, out, err);
    buf_release(&yaml.text);
    return false;
}
