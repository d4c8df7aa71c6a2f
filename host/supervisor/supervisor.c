/* SPDX-License-Identifier: MIT */
/* See supervisor.h. */
#include "supervisor/supervisor.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "supervisor/status.h"

#define SETTLE_MS 200    /* changes of a folder that come together are looked at once */
#define LOOK_MS 10000    /* between two looks where not all can be watched */
#define POLLED_MAX (2 + 2 * SUPERVISION_TENANTS_MAX)

struct supervisor {
    struct tenants tenants;
    char program[PATH_MAX];
    int64_t since_wall_ms;
    int signals, changes;      /* signalfd, inotify */
    int64_t look_ms;           /* when the folder is looked at next */
    unsigned stop_signals;
    bool tells_unwatched, tells_status; /* said already */
    char odd_name[256];                 /* said already */
    struct pollfd polled[POLLED_MAX];
    struct tenant *polled_tenants[POLLED_MAX];
    size_t polled_count;
};

/* ---- the folder -------------------------------------------------------------------------------- */

static struct tenant *find_tenant(const struct tenants *tenants, const char *name)
{
    for (size_t i = 0; i < tenants->count; i++)
        if (strcmp(tenants->items[i]->found.name, name) == 0)
            return tenants->items[i];
    return NULL;
}

static bool is_listed(const struct workspace_list *list, const struct found_workspace *found)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i].name, found->name) == 0)
            return list->items[i].inode == found->inode && list->items[i].device == found->device;
    return false;
}

static void drop_gone(struct tenants *tenants, const struct workspace_list *list, int64_t now_ms)
{
    for (size_t i = 0; i < tenants->count; i++) {
        struct tenant *tenant = tenants->items[i];
        if (tenant->is_gone || is_listed(list, &tenant->found))
            continue;
        const struct log_field field = {"tenant", tenant->found.name, 0};
        log_event(LOG_INFO, "the workspace is gone", &field, 1);
        tenant->is_gone = true;
        tenant_stop(tenants, tenant, now_ms);
    }
}

static void tell_oddities(struct supervisor *supervisor, const struct workspace_list *list)
{
    if (list->is_cut)
        log_line(LOG_ERROR, NULL, "more than %d workspaces: the others are not run",
                 SUPERVISION_TENANTS_MAX);
    if (list->odd_name[0] && strcmp(list->odd_name, supervisor->odd_name) != 0)
        log_line(LOG_WARNING, NULL, "the workspace '%s' is not run: a tenant's name has letters, digits, "
                 "'-', '_' and '.', not first, at most %d", list->odd_name, TENANT_NAME_SIZE - 1);
    memcpy(supervisor->odd_name, list->odd_name, sizeof supervisor->odd_name);
}

static void take_new(struct tenants *tenants, const struct workspace_list *list, int64_t now_ms)
{
    for (size_t i = 0; i < list->count; i++) {
        struct error err = {0};
        if (!find_tenant(tenants, list->items[i].name) &&
            !tenant_add(tenants, &list->items[i], now_ms, &err))
            log_line(LOG_ERROR, NULL, "workspace '%s': %s", list->items[i].name, err.message);
    }
}

static void watch(struct supervisor *supervisor)
{
    if (workspaces_watch(supervisor->changes, supervisor->tenants.folder))
        return;
    supervisor->look_ms = clock_monotonic_ms() + LOOK_MS;
    if (!supervisor->tells_unwatched)
        log_line(LOG_WARNING, NULL, "not all folders can be watched (fs.inotify.max_user_watches): they "
                 "are looked at every %d s", LOOK_MS / 1000);
    supervisor->tells_unwatched = true;
}

/* Events only say that there is something to look at. */
static void forget_events(int fd)
{
    char events[16384];
    while (read(fd, events, sizeof events) > 0)
        ;
}

/* Watched first: what changes meanwhile is an event again. */
static void look(struct supervisor *supervisor, bool only_changed, int64_t now_ms)
{
    static struct workspace_list list; /* large */
    struct error err = {0};
    struct tenants *tenants = &supervisor->tenants;
    supervisor->look_ms = TENANT_NEVER;
    forget_events(supervisor->changes);
    watch(supervisor);
    if (!workspaces_list(tenants->folder, &list, &err)) {
        log_line(LOG_ERROR, NULL, "%s: nothing is changed", err.message);
        return;
    }
    tell_oddities(supervisor, &list);
    drop_gone(tenants, &list, now_ms);
    for (size_t i = 0; i < tenants->count; i++)
        tenant_retry(tenants, tenants->items[i], only_changed, now_ms);
    take_new(tenants, &list, now_ms);
}

/* ---- signals ----------------------------------------------------------------------------------- */

static void reload(struct supervisor *supervisor, int64_t now_ms)
{
    struct error err = {0};
    struct supervision fresh;
    struct tenants *tenants = &supervisor->tenants;
    if (!log_reopen(&err))
        log_line(LOG_ERROR, NULL, "the log stays where it is: %s", err.message);
    if (supervision_read(&fresh, tenants->folder, &err)) {
        supervision_release(&tenants->settings);
        tenants->settings = fresh;
        log_line(LOG_INFO, NULL, "read again: " SUPERVISION_FILE ", for processes that are started from now");
    } else {
        log_line(LOG_ERROR, NULL, "the old settings stay: %s", err.message);
    }
    for (size_t i = 0; i < tenants->count; i++)
        if (tenants->items[i]->state == TENANT_RUNNING)
            kill(tenants->items[i]->process.pid, SIGHUP);
    look(supervisor, false, now_ms);
}

static void begin_stop(struct supervisor *supervisor, int64_t now_ms)
{
    struct tenants *tenants = &supervisor->tenants;
    tenants->is_stopping = true;
    supervisor->look_ms = TENANT_NEVER;
    if (supervisor->stop_signals == 0)
        log_line(LOG_INFO, NULL, "stopping %zu tenants", tenants->count);
    for (size_t i = 0; i < tenants->count; i++) {
        tenant_stop(tenants, tenants->items[i], now_ms);
        if (supervisor->stop_signals > 0)
            tenants->items[i]->due_ms = now_ms;
    }
    supervisor->stop_signals++;
}

/* Whatever a process left behind is of its group, whose number is its own until it is waited for. */
static void reap(struct tenants *tenants, int64_t now_ms)
{
    for (size_t i = 0; i < tenants->count; i++) {
        struct tenant *tenant = tenants->items[i];
        siginfo_t info = {.si_pid = 0};
        int status = 0;
        if (!tenant->process.pid ||
            waitid(P_PID, (id_t)tenant->process.pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
            info.si_pid == 0)
            continue;
        kill(-tenant->process.pid, SIGKILL);
        waitpid(tenant->process.pid, &status, 0);
        tenant_ended(tenants, tenant, status, now_ms);
    }
}

static void take_signals(struct supervisor *supervisor, int64_t now_ms)
{
    struct signalfd_siginfo info;
    while (read(supervisor->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGHUP && !supervisor->tenants.is_stopping)
            reload(supervisor, now_ms);
        else if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT)
            begin_stop(supervisor, now_ms);
    }
    reap(&supervisor->tenants, now_ms);
}

/* ---- the loop ---------------------------------------------------------------------------------- */

static void poll_for(struct supervisor *supervisor, int fd, struct tenant *tenant)
{
    supervisor->polled[supervisor->polled_count] = (struct pollfd){.fd = fd, .events = POLLIN};
    supervisor->polled_tenants[supervisor->polled_count++] = tenant;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Gives when there is something to do at the latest. Events of the folder are left in the kernel while a
 * look is due anyway, so that they cost nothing however many there are. */
static int64_t list_polled(struct supervisor *supervisor, int64_t now_ms)
{
    int64_t next_ms = supervisor->look_ms;
    supervisor->polled_count = 0;
    poll_for(supervisor, supervisor->signals, NULL);
    if (next_ms > now_ms + SETTLE_MS)
        poll_for(supervisor, supervisor->changes, NULL);
    for (size_t i = 0; i < supervisor->tenants.count; i++) {
        struct tenant *tenant = supervisor->tenants.items[i];
        const int64_t log_ms = relay_due_ms(&tenant->relay);
        next_ms = earlier(next_ms, tenant->due_ms);
        if (tenant->has_output)
            poll_for(supervisor, tenant->process.output, tenant);
        if (tenant->has_log && log_ms <= now_ms)
            poll_for(supervisor, tenant->process.error, tenant);
        else if (tenant->has_log)
            next_ms = earlier(next_ms, log_ms);
    }
    return next_ms;
}

static bool has_changes(const struct supervisor *supervisor)
{
    return supervisor->polled_count > 1 && supervisor->polled[1].fd == supervisor->changes &&
           supervisor->polled[1].revents;
}

static void read_all(struct supervisor *supervisor, int64_t now_ms)
{
    for (size_t i = 0; i < supervisor->polled_count; i++) {
        struct tenant *tenant = supervisor->polled_tenants[i];
        if (!supervisor->polled[i].revents || !tenant)
            continue;
        if (supervisor->polled[i].fd == tenant->process.error)
            tenant_read_log(tenant, now_ms);
        else
            tenant_read_output(&supervisor->tenants, tenant, now_ms);
    }
}

static void do_what_is_due(struct supervisor *supervisor, int64_t now_ms)
{
    struct tenants *tenants = &supervisor->tenants;
    if (supervisor->look_ms <= now_ms)
        look(supervisor, true, now_ms);
    for (size_t i = 0; i < tenants->count; i++)
        if (tenants->items[i]->due_ms <= now_ms)
            tenant_due(tenants, tenants->items[i], now_ms);
    for (size_t i = tenants->count; i > 0; i--) {
        struct tenant *tenant = tenants->items[i - 1];
        if (tenant->process.pid || !(tenant->is_gone || tenants->is_stopping))
            continue;
        if (tenant->is_gone && !tenants->is_stopping)
            supervisor->look_ms = now_ms; /* another may have come in its place */
        tenant_remove(tenants, i - 1);
    }
}

static void tell_status(struct supervisor *supervisor)
{
    struct error err = {0};
    if (!supervisor->tenants.has_changed)
        return;
    supervisor->tenants.has_changed = false;
    const bool ok = status_write(&supervisor->tenants, supervisor->since_wall_ms, &err);
    if (!ok && !supervisor->tells_status)
        log_line(LOG_ERROR, NULL, "--status has old news: %s", err.message);
    supervisor->tells_status = !ok;
}

static void loop(struct supervisor *supervisor)
{
    struct tenants *tenants = &supervisor->tenants;
    while (!tenants->is_stopping || tenants->count > 0) {
        tell_status(supervisor);
        const int64_t before_ms = clock_monotonic_ms();
        const int64_t next_ms = list_polled(supervisor, before_ms), left_ms = next_ms - before_ms;
        const int timeout = next_ms == TENANT_NEVER ? -1 : left_ms < 0 ? 0
                            : left_ms > 60000 ? 60000 : (int)left_ms;
        if (poll(supervisor->polled, supervisor->polled_count, timeout) < 0 && errno != EINTR)
            log_line(LOG_ERROR, NULL, "poll: %s", strerror(errno));
        const int64_t now_ms = clock_monotonic_ms();
        read_all(supervisor, now_ms);
        if (has_changes(supervisor))
            supervisor->look_ms = now_ms + SETTLE_MS;
        take_signals(supervisor, now_ms);
        do_what_is_due(supervisor, now_ms);
    }
    tell_status(supervisor);
}

/* ---- beginning and end ------------------------------------------------------------------------- */

static bool find_program(char out[PATH_MAX], struct error *err)
{
    static const char replaced[] = " (deleted)"; /* a newer one has its place */
    const ssize_t size = readlink("/proc/self/exe", out, PATH_MAX - 1);
    if (size < 0)
        return error_errno(err, ERROR_INTERNAL, errno, "cannot find this program's own file");
    out[size] = '\0';
    const size_t suffix = sizeof replaced - 1;
    if ((size_t)size > suffix && strcmp(out + size - suffix, replaced) == 0)
        out[(size_t)size - suffix] = '\0';
    return true;
}

static sigset_t taken_signals(void)
{
    sigset_t taken;
    sigemptyset(&taken);
    sigaddset(&taken, SIGCHLD);
    sigaddset(&taken, SIGHUP);
    sigaddset(&taken, SIGINT);
    sigaddset(&taken, SIGTERM);
    return taken;
}

void supervisor_hold_signals(void)
{
    const sigset_t taken = taken_signals();
    sigprocmask(SIG_BLOCK, &taken, NULL);
}

static bool open_descriptors(struct supervisor *supervisor, struct error *err)
{
    const sigset_t taken = taken_signals();
    supervisor->signals = signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK);
    supervisor->changes = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    return (supervisor->signals >= 0 && supervisor->changes >= 0) ||
           error_errno(err, ERROR_INTERNAL, errno, "cannot wait for signals and changes");
}

static bool open_all(struct supervisor *supervisor, const struct supervisor_options *options,
                     struct error *err)
{
    struct tenants *tenants = &supervisor->tenants;
    tenants->folder = options->folder;
    tenants->functions_folder = options->functions_folder;
    tenants->environment = environ;
    tenants->program = supervisor->program;
    if (!workspaces_check(options->folder, err) || !find_program(supervisor->program, err) ||
        !supervision_read(&tenants->settings, options->folder, err))
        return false;
    if (!status_lock(options->folder, err) || !open_descriptors(supervisor, err))
        return false;
    isolation_open(&tenants->isolation, (enum cgroup_choice)tenants->settings.cgroup);
    return true;
}

static void tell_isolation(const struct supervisor *supervisor)
{
    const struct isolation *isolation = &supervisor->tenants.isolation;
    const struct log_field fields[] = {
        {"user", geteuid() == 0 ? "own" : "shared", 0},
        {"cpu", cpu_share_names[isolation->cpu], 0},
        {"memory", isolation->memory_by_cgroup ? "cgroup and process limit" : "process limit", 0},
        {"no_cgroup_because", isolation->why_no_cgroup, 0},
    };
    log_event(LOG_INFO, "how tenants are kept apart", fields, 4);
    if (geteuid() != 0)
        log_line(LOG_WARNING, NULL, "not started by root: all tenants run as the same user, and what one can "
                 "read, all can");
    if (isolation->cpu == CPU_SHARE_NICE)
        log_line(LOG_WARNING, NULL, "the processors are not shared out by tenant: one with more threads gets "
                 "more of them");
}

bool supervisor_run(const struct supervisor_options *options, bool *in_order, struct error *err)
{
    static struct supervisor supervisor; /* large, and there is one */
    supervisor = (struct supervisor){.since_wall_ms = clock_wall_ms(), .signals = -1, .changes = -1};
    const bool ok = open_all(&supervisor, options, err);
    if (ok) {
        tell_isolation(&supervisor);
        supervisor.tenants.has_changed = true;
        tell_status(&supervisor);
        options->ready(options->context, &supervisor.tenants.isolation);
        look(&supervisor, true, clock_monotonic_ms());
        loop(&supervisor);
    }
    *in_order = !supervisor.tenants.has_killed;
    supervision_release(&supervisor.tenants.settings);
    if (supervisor.signals >= 0)
        close(supervisor.signals);
    if (supervisor.changes >= 0)
        close(supervisor.changes);
    return ok;
}
