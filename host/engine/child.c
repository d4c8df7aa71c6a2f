/* SPDX-License-Identifier: MIT */
/* See child.h. Between fork and exec only async-signal-safe calls are made, because other threads
 * may have held any lock at the time of the fork. */
#include "engine/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "engine/confine.h"

#define OUTPUT_TAIL_SIZE 400      /* of what the tool printed; this much fits into an error */
#define CHILD_FILES_MAX 64        /* RLIMIT_NOFILE */
#define CHILD_SETUP_FAILED 125    /* exit status: the tool was not started */
#define CHILD_ENVIRONMENT_MAX 5

struct tail {
    char text[OUTPUT_TAIL_SIZE + 1];
    size_t size;
};

/* Shared with the child so that it can say what it could not do. */
struct child_note {
    int network_errno; /* why it still has the network; 0: it has not */
    int writes_errno;  /* why it may write outside its folder; 0: it may not */
    int setup_errno;   /* why the tool was not started */
};

struct child {
    const char *const *argv;
    char *environment[CHILD_ENVIRONMENT_MAX];
    const char *folder;
    const struct child_limits *limits;
    struct child_note *note;
    int output[2];
};

static void limit(int resource, uint64_t value)
{
    const struct rlimit both = {.rlim_cur = value, .rlim_max = value};
    setrlimit((__rlimit_resource_t)resource, &both);
}

static void apply_limits(const struct child_limits *limits)
{
    limit(RLIMIT_CPU, limits->cpu_s);
    limit(RLIMIT_DATA, limits->data_size);
    if (limits->address_size)
        limit(RLIMIT_AS, limits->address_size);
    limit(RLIMIT_FSIZE, limits->file_size);
    limit(RLIMIT_NOFILE, CHILD_FILES_MAX);
    limit(RLIMIT_CORE, 0);
}

static bool set_up_descriptors(const struct child *child)
{
    const int null = open("/dev/null", O_RDONLY);
    return null >= 0 && dup2(null, STDIN_FILENO) >= 0 &&
           dup2(child->output[1], STDOUT_FILENO) >= 0 &&
           dup2(child->output[1], STDERR_FILENO) >= 0 &&
           syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 0) == 0;
}

static _Noreturn void run_tool(const struct child *child)
{
    sigset_t none;
    sigemptyset(&none);
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    child->note->network_errno = confine_network();
    child->note->writes_errno = confine_writes(child->folder);
    if (set_up_descriptors(child) && chdir(child->folder) == 0) {
        apply_limits(child->limits);
        sigprocmask(SIG_SETMASK, &none, NULL);
        /* execve takes what it does not change as if it could. */
        execve(child->argv[0], (char *const *)(uintptr_t)child->argv, child->environment);
    }
    child->note->setup_errno = errno;
    _exit(CHILD_SETUP_FAILED);
}

static void tail_add(struct tail *tail, const char *bytes, size_t size)
{
    if (size > OUTPUT_TAIL_SIZE) {
        bytes += size - OUTPUT_TAIL_SIZE;
        size = OUTPUT_TAIL_SIZE;
    }
    const size_t kept = tail->size + size > OUTPUT_TAIL_SIZE ? OUTPUT_TAIL_SIZE - size : tail->size;
    memmove(tail->text, tail->text + tail->size - kept, kept);
    memcpy(tail->text + kept, bytes, size);
    tail->size = kept + size;
    tail->text[tail->size] = '\0';
}

/* Whole lines, on one line, printable: an error is one sentence and may end in a log. */
static const char *tail_text(struct tail *tail)
{
    char *text = tail->text;
    while (tail->size > 0 && text[tail->size - 1] == '\n')
        text[--tail->size] = '\0';
    for (char *at = text; *at; at++)
        if (*at == '\n')
            *at = '|';
        else if (*at < ' ' || *at > '~')
            *at = '?';
    return tail->size > 0 ? text : "(it printed nothing)";
}

/* Collects output until the tool closes it. False: the time was up. */
static bool collect(int fd, int64_t deadline_ms, struct tail *tail)
{
    for (;;) {
        const int64_t left_ms = deadline_ms - clock_monotonic_ms();
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        if (left_ms <= 0)
            return false;
        const int ready = poll(&wait, 1, left_ms > 1000 ? 1000 : (int)left_ms);
        if (ready <= 0)
            continue;
        char chunk[4096];
        const ssize_t got = read(fd, chunk, sizeof chunk);
        if (got == 0 || (got < 0 && errno != EINTR))
            return true;
        if (got > 0)
            tail_add(tail, chunk, (size_t)got);
    }
}

static int reap(pid_t pid)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return status;
}

/* A tool that closed its output but does not end is not waited for longer than it may run. */
static bool wait_for_end(pid_t pid, int64_t deadline_ms)
{
    siginfo_t info;
    for (;;) {
        info.si_pid = 0;
        if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid)
            return true;
        if (clock_monotonic_ms() >= deadline_ms)
            return false;
        poll(NULL, 0, 1);
    }
}

static bool judge(const char *what, int status, const struct child *child, struct tail *tail,
                  struct error *err)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    if (child->note->setup_errno)
        return error_errno(err, ERROR_INTERNAL, child->note->setup_errno, "%s: cannot start '%s'",
                           what, child->argv[0]);
    if (WIFSIGNALED(status))
        return error_set(err, ERROR_LIMIT, "%s: the tool was ended by signal %d (%s): %s", what,
                         WTERMSIG(status), strsignal(WTERMSIG(status)), tail_text(tail));
    return error_set(err, ERROR_INVALID, "%s: the tool failed with status %d: %s", what,
                     WEXITSTATUS(status), tail_text(tail));
}

/* Said once per process: it is a property of the machine. */
static void tell_of_weakness(const struct child_note *note)
{
    static atomic_bool said;
    if ((!note->network_errno && !note->writes_errno) || atomic_exchange(&said, true))
        return;
    if (note->network_errno)
        log_line(LOG_WARNING, NULL, "modules are translated with the network in reach: %s",
                 strerror(note->network_errno));
    if (note->writes_errno)
        log_line(LOG_WARNING, NULL, "modules are translated with all files in reach: %s",
                 strerror(note->writes_errno));
}

static bool supervise(const char *what, pid_t pid, struct child *child, struct error *err)
{
    struct tail tail = {.size = 0};
    const int64_t deadline_ms = clock_monotonic_ms() + child->limits->wall_ms;
    const bool in_time = collect(child->output[0], deadline_ms, &tail) &&
                         wait_for_end(pid, deadline_ms);
    kill(-pid, SIGKILL); /* Before the leader is reaped its group's number cannot be another's. */
    kill(pid, SIGKILL);
    const int status = reap(pid);
    tell_of_weakness(child->note);
    if (!in_time)
        return error_set(err, ERROR_TIMEOUT, "%s: the tool took longer than %lld ms: %s", what,
                         (long long)child->limits->wall_ms, tail_text(&tail));
    return judge(what, status, child, &tail, err);
}

static bool start(const char *what, struct child *child, struct error *err)
{
    if (pipe2(child->output, O_CLOEXEC) != 0)
        return error_errno(err, ERROR_INTERNAL, errno, "%s: cannot make a pipe", what);
    const pid_t pid = fork();
    if (pid == 0)
        run_tool(child);
    const int number = errno;
    close(child->output[1]);
    bool ok = false;
    if (pid < 0) {
        error_errno(err, ERROR_INTERNAL, number, "%s: cannot start a process", what);
    } else {
        setpgid(pid, pid); /* Both sides do it, so that neither has to wait for the other. */
        ok = supervise(what, pid, child, err);
    }
    close(child->output[0]);
    return ok;
}

bool child_run(const char *what, const char *const argv[], const char *folder,
               const struct child_limits *limits, struct error *err)
{
    char home[4200], temporary[4200];
    static char path[] = "PATH=/usr/local/bin:/usr/bin:/bin", locale[] = "LC_ALL=C";
    const int home_size = snprintf(home, sizeof home, "HOME=%s", folder);
    const int temporary_size = snprintf(temporary, sizeof temporary, "TMPDIR=%s", folder);
    if (home_size >= (int)sizeof home || temporary_size >= (int)sizeof temporary)
        return error_set(err, ERROR_LIMIT, "%s: the folder's name is too long", what);
    struct child child = {.argv = argv, .folder = folder, .limits = limits,
                          .environment = {path, locale, home, temporary, NULL}};
    child.note = mmap(NULL, sizeof *child.note, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (child.note == MAP_FAILED)
        return error_errno(err, ERROR_INTERNAL, errno, "%s: cannot map a page", what);
    const bool ok = start(what, &child, err);
    munmap(child.note, sizeof *child.note);
    return ok;
}
