/* SPDX-License-Identifier: MIT */
/* See launch.h. Between fork and execve only async-signal-safe calls and bare system calls are made:
 * the log has a thread. */
#include "supervisor/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NOT_STARTED 125     /* exit status */
#define OOM_SCORE "300"     /* the kernel takes a tenant before the supervisor; of 1000 */
#define PRIVATE_MASK 077    /* what a tenant writes is its own */

/* Shared with the child, which says where it failed. */
struct launch_note {
    const char *volatile step; /* a literal of this program: NULL: it did not */
    volatile int number;
};

/* What the child does, worked out before the fork. */
struct child_plan {
    const struct launch *launch;
    struct launch_note *note;
    pid_t supervisor;
    int output, error;
    char entrance[PATH_MAX];
    char nice_text[8];
    int nice;
    struct rlimit limits[RLIM_NLIMITS];
    bool has_limit[RLIM_NLIMITS];
};

static void plan_limit(struct child_plan *plan, int resource, uint64_t value)
{
    struct rlimit limit;
    if (getrlimit((__rlimit_resource_t)resource, &limit) != 0)
        return;
    const rlim_t possible = geteuid() != 0 && limit.rlim_max < value ? limit.rlim_max : value;
    plan->limits[resource] = (struct rlimit){.rlim_cur = possible, .rlim_max = possible};
    plan->has_limit[resource] = true;
}

static void plan_limits(struct child_plan *plan, const struct launch *launch)
{
    const struct tenant_settings *limits = launch->limits;
    plan_limit(plan, RLIMIT_DATA, limits->memory);
    plan_limit(plan, RLIMIT_AS, limits->address_space);
    plan_limit(plan, RLIMIT_FSIZE, limits->file_size);
    plan_limit(plan, RLIMIT_NOFILE, limits->descriptors);
    plan_limit(plan, RLIMIT_CORE, 0);
    if (launch->account->must_change) /* It counts all processes of the user: here, the tenant's. */
        plan_limit(plan, RLIMIT_NPROC, limits->processes);
}

static void plan_nice(struct child_plan *plan, const struct launch *launch)
{
    if (launch->isolation->cpu == CPU_SHARE_CGROUP)
        return;
    plan->nice = isolation_nice(launch->limits->cpu_weight);
    if (plan->nice < 0 && geteuid() != 0)
        plan->nice = 0;
    snprintf(plan->nice_text, sizeof plan->nice_text, "%d", plan->nice);
}

/* ---- in the child ------------------------------------------------------------------------------ */

static _Noreturn void give_up(const struct child_plan *plan, const char *step)
{
    plan->note->number = errno;
    plan->note->step = step;
    _exit(NOT_STARTED);
}

static bool write_text(const char *path, const char *text)
{
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    const bool ok = fd >= 0 && write(fd, text, strlen(text)) >= 0;
    const int number = errno;
    if (fd >= 0)
        close(fd);
    errno = number;
    return ok;
}

static void take_share(const struct child_plan *plan)
{
    if (plan->entrance[0] && !write_text(plan->entrance, "0"))
        give_up(plan, "enter its cgroup");
    if (plan->nice == 0)
        return;
    const bool ok = plan->launch->isolation->cpu == CPU_SHARE_AUTOGROUP
                        ? write_text("/proc/self/autogroup", plan->nice_text)
                        : setpriority(PRIO_PROCESS, 0, plan->nice) == 0;
    if (!ok)
        give_up(plan, "take its share of the processors");
}

static void take_limits(const struct child_plan *plan)
{
    for (int i = 0; i < RLIM_NLIMITS; i++)
        if (plan->has_limit[i] && setrlimit((__rlimit_resource_t)i, &plan->limits[i]) != 0)
            give_up(plan, "take its limits");
}

/* Bare system calls: the C library's would speak to threads that this child does not have. */
static void become_user(const struct child_plan *plan)
{
    const struct account *account = plan->launch->account;
    if (account->must_change &&
        (syscall(SYS_setgroups, account->group_count, account->groups) != 0 ||
         syscall(SYS_setresgid, account->gid, account->gid, account->gid) != 0 ||
         syscall(SYS_setresuid, account->uid, account->uid, account->uid) != 0))
        give_up(plan, "become its user");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_PDEATHSIG, SIGTERM) != 0)
        give_up(plan, "give up privileges");
    if (getppid() != plan->supervisor)
        _exit(NOT_STARTED);
}

static void set_up_streams(const struct child_plan *plan)
{
    const int null = open("/dev/null", O_RDONLY);
    if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(plan->output, STDOUT_FILENO) < 0 ||
        dup2(plan->error, STDERR_FILENO) < 0 ||
        syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 0) != 0)
        give_up(plan, "set up its streams");
}

static _Noreturn void become_tenant(const struct child_plan *plan)
{
    const struct launch *launch = plan->launch;
    sigset_t none;
    sigemptyset(&none);
    setsid();
    take_share(plan);
    if (!write_text("/proc/self/oom_score_adj", OOM_SCORE))
        errno = 0; /* only an order of who goes first */
    take_limits(plan);
    become_user(plan);
    umask(PRIVATE_MASK);
    if (chdir(launch->folder) != 0)
        give_up(plan, "enter the folder");
    set_up_streams(plan);
    signal(SIGTERM, SIG_DFL); /* a handler of ours would swallow it on the way */
    signal(SIGINT, SIG_DFL);
    signal(SIGHUP, SIG_IGN);  /* until the server has its own */
    sigprocmask(SIG_SETMASK, &none, NULL);
    /* execve takes what it does not change as if it could. */
    execve(launch->program, (char *const *)(uintptr_t)launch->arguments, launch->environment);
    give_up(plan, "start the program");
}

/* ---- in the supervisor ------------------------------------------------------------------------- */

static bool make_pipes(int output[2], int error[2], struct error *err)
{
    if (pipe2(output, O_CLOEXEC) != 0)
        return error_errno(err, ERROR_INTERNAL, errno, "cannot make a pipe");
    if (pipe2(error, O_CLOEXEC) != 0) {
        error_errno(err, ERROR_INTERNAL, errno, "cannot make a pipe");
        close(output[0]);
        close(output[1]);
        return false;
    }
    fcntl(output[0], F_SETFL, O_NONBLOCK);
    fcntl(error[0], F_SETFL, O_NONBLOCK);
    return true;
}

static bool fork_child(struct child_plan *plan, struct launched *out, struct error *err)
{
    int output[2], error[2];
    if (!make_pipes(output, error, err))
        return false;
    plan->output = output[1];
    plan->error = error[1];
    plan->supervisor = getpid();
    const pid_t pid = fork();
    if (pid == 0)
        become_tenant(plan);
    const int number = errno;
    close(output[1]);
    close(error[1]);
    if (pid < 0) {
        close(output[0]);
        close(error[0]);
        return error_errno(err, ERROR_INTERNAL, number, "cannot make a process");
    }
    *out = (struct launched){.pid = pid, .output = output[0], .error = error[0], .note = plan->note};
    return true;
}

bool launch_start(const struct launch *launch, struct launched *out, struct error *err)
{
    static struct child_plan plan; /* holds a path; the main thread's alone */
    *out = (struct launched){.pid = 0};
    if (!isolation_prepare(launch->isolation, launch->tenant, launch->limits, err))
        return false;
    plan = (struct child_plan){.launch = launch};
    isolation_entrance(launch->isolation, launch->tenant, plan.entrance);
    plan_limits(&plan, launch);
    plan_nice(&plan, launch);
    plan.note = mmap(NULL, sizeof *plan.note, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (plan.note == MAP_FAILED)
        return error_errno(err, ERROR_INTERNAL, errno, "cannot map a page");
    if (fork_child(&plan, out, err))
        return true;
    munmap(plan.note, sizeof *plan.note);
    return false;
}

bool launch_check(const struct launched *launched, struct error *err)
{
    if (!launched->note || !launched->note->step)
        return true;
    return error_errno(err, ERROR_INTERNAL, launched->note->number, "its process could not %s",
                       launched->note->step);
}

void launched_release(struct launched *launched)
{
    if (!launched->note)
        return;
    close(launched->output);
    close(launched->error);
    munmap(launched->note, sizeof *launched->note);
    *launched = (struct launched){.pid = 0};
}
