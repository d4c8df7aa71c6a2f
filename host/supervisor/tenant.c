/* SPDX-License-Identifier: MIT */
/* See tenant.h. */
#include "supervisor/tenant.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "supervisor/address.h"
#include "supervisor/environment.h"

#define CHECK_LIMIT_MS 60000 /* for reading a configuration */
#define UNREADY_LIMIT_MS 5000 /* for stopping one that cannot be called yet; it may be compiling */
#define RETRY_MIN_MS 1000    /* between two looks at a configuration that keeps changing */
#define DRAIN_ROUNDS 16      /* of RELAY_BYTES each, of a process that has ended */
#define EXIT_CONFIGURATION 2 /* enum cli_exit */
#define ARGUMENTS_MAX 16

const char *const tenant_state_names[] = {"checking", "starting", "running",  "waiting",
                                          "wrong",    "refused",  "conflict", "stopping"};

/* ---- states ------------------------------------------------------------------------------------ */

static void enter(struct tenants *tenants, struct tenant *tenant, enum tenant_state state,
                  enum log_level level, const char *format, ...) PRINTF_LIKE(5, 6);

/* Without a process nothing is due but what the caller sets then. */
static void enter(struct tenants *tenants, struct tenant *tenant, enum tenant_state state,
                  enum log_level level, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(tenant->reason, sizeof tenant->reason, format, args);
    va_end(args);
    tenant->state = state;
    tenant->due_ms = TENANT_NEVER;
    tenant->since_wall_ms = clock_wall_ms();
    tenants->has_changed = true;
    const struct log_field fields[] = {
        {"tenant", tenant->found.name, 0},
        {"state", tenant_state_names[state], 0},
        {"user", tenant->account.name, 0},
        {"pid", NULL, tenant->process.pid ? tenant->process.pid : LOG_NO_VALUE},
    };
    log_event(level, tenant->reason[0] ? tenant->reason : tenant_state_names[state], fields, 4);
}

/* One that is only looked at again keeps what it had. */
static bool is_claiming(const struct tenant *tenant)
{
    return tenant->listen[0] && tenant->state != TENANT_WRONG && tenant->state != TENANT_REFUSED &&
           tenant->state != TENANT_CONFLICT;
}

/* Whoever waits for an address that may be free now is checked again. */
static void release_address(struct tenants *tenants, struct tenant *tenant, int64_t now_ms)
{
    if (tenant->listen[0])
        for (size_t i = 0; i < tenants->count; i++)
            if (tenants->items[i]->state == TENANT_CONFLICT)
                tenants->items[i]->due_ms = now_ms;
    tenant->listen[0] = '\0';
}

static const struct tenant *find_claim(const struct tenants *tenants, const struct tenant *tenant)
{
    for (size_t i = 0; i < tenants->count; i++)
        if (tenants->items[i] != tenant && is_claiming(tenants->items[i]) &&
            address_overlaps(tenants->items[i]->listen, tenant->listen))
            return tenants->items[i];
    return NULL;
}

static void wait_for_next_start(struct tenants *tenants, struct tenant *tenant, const char *why,
                                int64_t now_ms)
{
    const int64_t ran_ms = tenant->ready_ms ? now_ms - tenant->ready_ms : 0;
    const uint32_t wait_ms = restart_wait_ms(&tenant->restart, &tenants->settings, ran_ms);
    enter(tenants, tenant, TENANT_WAITING, LOG_WARNING, "%.600s; it is started again in %u s", why,
          (wait_ms + 999) / 1000);
    tenant->due_ms = now_ms + wait_ms;
}

/* ---- list -------------------------------------------------------------------------------------- */

bool tenant_add(struct tenants *tenants, const struct found_workspace *found, int64_t now_ms,
                struct error *err)
{
    struct tenant *tenant = tenants->count < SUPERVISION_TENANTS_MAX ? calloc(1, sizeof *tenant) : NULL;
    if (!tenant)
        return error_set(err, ERROR_LIMIT, "no room for one more tenant");
    if (snprintf(tenant->folder, sizeof tenant->folder, "%s/%s", tenants->folder, found->name) >=
        (int)sizeof tenant->folder) {
        free(tenant);
        return error_set(err, ERROR_LIMIT, "the path of its folder is too long");
    }
    tenant->found = *found;
    relay_init(&tenant->relay);
    tenants->items[tenants->count++] = tenant;
    enter(tenants, tenant, TENANT_WAITING, LOG_INFO, "a workspace was found");
    tenant->due_ms = now_ms;
    return true;
}

void tenant_remove(struct tenants *tenants, size_t index)
{
    struct tenant *tenant = tenants->items[index];
    launched_release(&tenant->process);
    relay_release(&tenant->relay);
    free(tenant);
    tenants->count--;
    memmove(&tenants->items[index], &tenants->items[index + 1],
            (tenants->count - index) * sizeof tenants->items[0]);
    tenants->has_changed = true;
}

/* ---- processes --------------------------------------------------------------------------------- */

static void list_arguments(const struct tenants *tenants, const struct tenant *tenant,
                           const char *arguments[ARGUMENTS_MAX])
{
    size_t count = 0;
    arguments[count++] = "sluice";
    arguments[count++] = "-w";
    arguments[count++] = tenant->folder;
    if (tenants->functions_folder) {
        arguments[count++] = "--functions";
        arguments[count++] = tenants->functions_folder;
    }
    arguments[count++] = "--json";
    arguments[count++] = "serve";
    if (!tenant->is_server) {
        arguments[count++] = "--dry-run";
    } else {
        arguments[count++] = "--listen"; /* the address that was looked at, whatever the file says by now */
        arguments[count++] = tenant->listen;
        if (tenants->settings.confine)
            arguments[count++] = "--confine";
    }
    arguments[count] = NULL;
}

static bool launch(struct tenants *tenants, struct tenant *tenant, struct error *err)
{
    const char *arguments[ARGUMENTS_MAX];
    char file[PATH_MAX + sizeof ".environment"];
    struct environment_block environment;
    snprintf(file, sizeof file, "%s.environment", tenant->folder);
    if (!environment_make(&environment, tenants->environment, tenant->account.name, tenant->folder, file,
                          err))
        return false;
    list_arguments(tenants, tenant, arguments);
    const struct launch launch = {
        .program = tenants->program,
        .arguments = arguments,
        .environment = environment.variables,
        .folder = tenant->folder,
        .tenant = tenant->found.name,
        .account = &tenant->account,
        .limits = supervision_of(&tenants->settings, tenant->found.name),
        .isolation = &tenants->isolation,
    };
    launched_release(&tenant->process);
    relay_release(&tenant->relay);
    relay_init(&tenant->relay);
    const bool ok = launch_start(&launch, &tenant->process, err);
    tenant->has_output = tenant->has_log = ok;
    environment_release(&environment);
    return ok;
}

/* What kept a process from being made may pass; what is refused does not before somebody changes it. */
static void tell_no_start(struct tenants *tenants, struct tenant *tenant, const struct error *err,
                          int64_t now_ms)
{
    if (err->kind == ERROR_INTERNAL) {
        wait_for_next_start(tenants, tenant, err->message, now_ms);
        return;
    }
    release_address(tenants, tenant, now_ms);
    enter(tenants, tenant, TENANT_REFUSED, LOG_ERROR, "%s", err->message);
}

static void warn_of_company(const struct tenants *tenants, const struct tenant *tenant)
{
    for (size_t i = 0; tenant->account.must_change && i < tenants->count; i++) {
        const struct tenant *other = tenants->items[i];
        if (other == tenant || !other->process.pid || other->account.uid != tenant->account.uid)
            continue;
        const struct log_field field = {"tenant", tenant->found.name, 0};
        char text[256];
        snprintf(text, sizeof text, "it runs as the user of tenant '%s', %s: each can read what is the "
                 "other's", other->found.name, tenant->account.name);
        log_event(LOG_WARNING, text, &field, 1);
        return;
    }
}

static void check(struct tenants *tenants, struct tenant *tenant, int64_t now_ms)
{
    struct error err = {0};
    const char *user = supervision_of(&tenants->settings, tenant->found.name)->user;
    tenant->is_server = false;
    tenant->ready_ms = 0;
    tenant->url[0] = '\0';
    tenant->fingerprint = workspaces_fingerprint(tenant->folder);
    if (!account_find(&tenant->account, user, tenant->folder, &err) || !launch(tenants, tenant, &err)) {
        tell_no_start(tenants, tenant, &err, now_ms);
        return;
    }
    enter(tenants, tenant, TENANT_CHECKING, LOG_DEBUG, "%s", "");
    tenant->due_ms = now_ms + CHECK_LIMIT_MS;
}

static void serve(struct tenants *tenants, struct tenant *tenant, int64_t now_ms)
{
    struct error err = {0};
    const struct tenant *other = find_claim(tenants, tenant);
    if (other) {
        enter(tenants, tenant, TENANT_CONFLICT, LOG_ERROR, "it would listen on %s, which tenant '%s' has "
              "(%s): change \"listen\" in one of their sluice.json", tenant->listen, other->found.name,
              other->listen);
        return;
    }
    tenant->is_server = true;
    if (!launch(tenants, tenant, &err)) {
        tell_no_start(tenants, tenant, &err, now_ms);
        return;
    }
    warn_of_company(tenants, tenant);
    enter(tenants, tenant, TENANT_STARTING, LOG_DEBUG, "%s", "");
}

static void kill_process(struct tenants *tenants, struct tenant *tenant)
{
    tenants->has_killed = tenants->has_killed || (tenant->state == TENANT_STOPPING && tenant->ready_ms);
    const struct log_field field = {"tenant", tenant->found.name, 0};
    log_event(LOG_ERROR, tenant->is_server ? "it did not stop in time and is killed"
                                           : "reading its configuration took too long", &field, 1);
    kill(-tenant->process.pid, SIGKILL);
    tenant->due_ms = TENANT_NEVER;
}

void tenant_due(struct tenants *tenants, struct tenant *tenant, int64_t now_ms)
{
    if (tenant->process.pid)
        kill_process(tenants, tenant);
    else if (tenants->is_stopping || tenant->is_gone)
        tenant->due_ms = TENANT_NEVER;
    else
        check(tenants, tenant, now_ms);
}

/* ---- ends -------------------------------------------------------------------------------------- */

static void describe_end(const struct tenant *tenant, int status, const cJSON *document, char *text,
                         size_t size)
{
    struct error err = {0};
    const cJSON *error = cJSON_GetObjectItemCaseSensitive(document, "error");
    const char *message = json_text(error, "message");
    if (!launch_check(&tenant->process, &err))
        snprintf(text, size, "%s", err.message);
    else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
        snprintf(text, size, "it asked the kernel for what a server does not need and was ended (SIGSYS)");
    else if (WIFSIGNALED(status))
        snprintf(text, size, "it was ended by signal %d (%s)", WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
    else if (message)
        snprintf(text, size, "%s", message);
    else
        snprintf(text, size, "it ended with status %d", WEXITSTATUS(status));
}

static void take_addresses(struct tenants *tenants, struct tenant *tenant, const cJSON *document,
                           int64_t now_ms)
{
    const char *listen = json_text(document, "listen");
    if (!listen || strlen(listen) >= sizeof tenant->listen) {
        enter(tenants, tenant, TENANT_WRONG, LOG_ERROR, "it does not say where it would listen");
        return;
    }
    if (strcmp(listen, tenant->listen) != 0)
        release_address(tenants, tenant, now_ms);
    snprintf(tenant->listen, sizeof tenant->listen, "%s", listen);
    serve(tenants, tenant, now_ms);
}

static void judge_end(struct tenants *tenants, struct tenant *tenant, int status,
                      const cJSON *document, int64_t now_ms)
{
    char why[ERROR_MESSAGE_SIZE];
    describe_end(tenant, status, document, why, sizeof why);
    const bool has_exited = WIFEXITED(status);
    if (!tenant->is_server && has_exited && WEXITSTATUS(status) == 0) {
        take_addresses(tenants, tenant, document, now_ms);
    } else if (has_exited && WEXITSTATUS(status) == EXIT_CONFIGURATION) {
        restart_forget(&tenant->restart);
        release_address(tenants, tenant, now_ms);
        enter(tenants, tenant, TENANT_WRONG, LOG_ERROR, "%s", why);
        tenant_retry(tenants, tenant, true, now_ms); /* it may have changed meanwhile */
    } else {
        wait_for_next_start(tenants, tenant, why, now_ms);
    }
}

static void drain(struct tenants *tenants, struct tenant *tenant, int64_t now_ms)
{
    for (int i = 0; i < DRAIN_ROUNDS && tenant->has_log; i++) {
        tenant->relay.window_bytes = 0;
        tenant_read_log(tenant, now_ms);
        if (tenant->relay.window_bytes < RELAY_BYTES)
            break;
    }
    relay_finish(&tenant->relay, tenant->found.name);
    if (tenant->has_output)
        tenant_read_output(tenants, tenant, now_ms);
}

void tenant_ended(struct tenants *tenants, struct tenant *tenant, int status, int64_t now_ms)
{
    drain(tenants, tenant, now_ms);
    const bool is_over = tenants->is_stopping || tenant->is_gone;
    cJSON *document = relay_document(&tenant->relay);
    tenant->process.pid = 0;
    tenant->has_output = tenant->has_log = false;
    isolation_remove(&tenants->isolation, tenant->found.name);
    if (is_over) {
        release_address(tenants, tenant, now_ms);
        enter(tenants, tenant, TENANT_STOPPING, LOG_INFO, "stopped");
    } else {
        judge_end(tenants, tenant, status, document, now_ms);
    }
    cJSON_Delete(document);
}

/* ---- what a process says ----------------------------------------------------------------------- */

void tenant_read_output(struct tenants *tenants, struct tenant *tenant, int64_t now_ms)
{
    tenant->has_output = relay_output(&tenant->relay, tenant->process.output);
    if (!tenant->is_server || tenant->state != TENANT_STARTING)
        return;
    cJSON *document = relay_document(&tenant->relay);
    const char *url = json_text(document, "url");
    if (url) {
        snprintf(tenant->url, sizeof tenant->url, "%s", url);
        tenant->ready_ms = now_ms;
        enter(tenants, tenant, TENANT_RUNNING, LOG_INFO, "%s", "");
    }
    cJSON_Delete(document);
}

void tenant_read_log(struct tenant *tenant, int64_t now_ms)
{
    tenant->has_log = relay_log(&tenant->relay, tenant->found.name, tenant->process.error, now_ms);
}

/* ---- from outside ------------------------------------------------------------------------------ */

void tenant_stop(struct tenants *tenants, struct tenant *tenant, int64_t now_ms)
{
    if (!tenant->process.pid || tenant->state == TENANT_STOPPING)
        return;
    kill(tenant->process.pid, SIGTERM);
    enter(tenants, tenant, TENANT_STOPPING, LOG_INFO, "%s", "");
    const int64_t limit_ms = tenants->settings.stop_ms;
    tenant->due_ms = now_ms + (tenant->ready_ms || limit_ms < UNREADY_LIMIT_MS ? limit_ms
                                                                              : UNREADY_LIMIT_MS);
}

void tenant_retry(struct tenants *tenants, struct tenant *tenant, bool only_changed, int64_t now_ms)
{
    if (tenant->process.pid || tenants->is_stopping || tenant->is_gone)
        return;
    if (!only_changed) {
        restart_forget(&tenant->restart);
        tenant->due_ms = now_ms;
    } else if (tenant->state != TENANT_WAITING &&
               workspaces_fingerprint(tenant->folder) != tenant->fingerprint) {
        tenant->due_ms = now_ms + RETRY_MIN_MS;
    }
}
