/* SPDX-License-Identifier: MIT */
/* See helper.h. A request is one packet that carries the socket for its answer; both processes are
 * the same program, so an answer is a plain struct. */
#include "engine/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/translate.h"

struct request {
    bool is_large;
    char folder[PATH_MAX]; /* ends with a NUL */
};

struct answer {
    bool ok;
    struct error err;
};

/* Room for one descriptor, aligned as the kernel wants it. */
union passed {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
};

static int requests = -1; /* our end; -1: there is no helper */

bool helper_is_started(void)
{
    return requests >= 0;
}

/* ---- in the helper ----------------------------------------------------------------------------- */

/* False: there is no whole request. *answer_fd is then -1 or closed. */
static bool receive(int fd, struct request *request, int *answer_fd, bool *is_over)
{
    union passed passed = {.bytes = {0}};
    struct iovec bytes = {.iov_base = request, .iov_len = sizeof *request};
    struct msghdr message = {.msg_iov = &bytes, .msg_iovlen = 1, .msg_control = &passed,
                             .msg_controllen = sizeof passed};
    *answer_fd = -1;
    const ssize_t got = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
    *is_over = got == 0 || (got < 0 && errno != EINTR);
    const struct cmsghdr *header = got > 0 ? CMSG_FIRSTHDR(&message) : NULL;
    if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
        memcpy(answer_fd, CMSG_DATA(header), sizeof *answer_fd);
    if (*answer_fd >= 0 && got == (ssize_t)sizeof *request &&
        memchr(request->folder, '\0', sizeof request->folder))
        return true;
    if (*answer_fd >= 0)
        close(*answer_fd);
    return false;
}

/* A folder that translate() made for itself: nobody else's, and in nobody else's reach. */
static bool check_folder(const char *folder, struct error *err)
{
    struct stat status;
    const char *slash = strrchr(folder, '/');
    const size_t prefix_size = sizeof TRANSLATE_WORK_PREFIX - 1;
    if (folder[0] == '/' && strncmp(slash + 1, TRANSLATE_WORK_PREFIX, prefix_size) == 0 &&
        lstat(folder, &status) == 0 && S_ISDIR(status.st_mode) && status.st_uid == geteuid() &&
        (status.st_mode & (S_IRWXG | S_IRWXO)) == 0)
        return true;
    return error_set(err, ERROR_DENIED, "'%.256s' is no folder of a translation", folder);
}

static _Noreturn void do_job(const struct request *request, int answer_fd)
{
    struct answer answer = {.ok = false};
    struct translate_tools tools;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    translate_tools_default(&tools);
    answer.ok = check_folder(request->folder, &answer.err) &&
                translate_run_tools(&tools, request->folder, request->is_large, &answer.err);
    _exit(send(answer_fd, &answer, sizeof answer, MSG_NOSIGNAL) == (ssize_t)sizeof answer ? 0 : 1);
}

/* Waits until there is room for one more. */
static void reap(unsigned *jobs)
{
    while (*jobs > 0) {
        const pid_t pid = waitpid(-1, NULL, *jobs >= HELPER_JOBS_MAX ? 0 : WNOHANG);
        if (pid == 0 || (pid < 0 && errno != EINTR))
            return;
        *jobs -= pid > 0;
    }
}

/* A signal for all of a terminal's processes is the server's to act on: it may still need us. */
static void leave_signals_to_the_server(void)
{
    static const int numbers[] = {SIGHUP, SIGINT, SIGTERM, SIGQUIT};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        signal(numbers[i], SIG_IGN);
}

static _Noreturn void serve(int fd)
{
    static struct request request;
    unsigned jobs = 0;
    bool is_over = false;
    while (!is_over) {
        int answer_fd;
        if (!receive(fd, &request, &answer_fd, &is_over))
            continue;
        reap(&jobs);
        const pid_t pid = fork();
        if (pid == 0)
            do_job(&request, answer_fd);
        jobs += pid > 0;
        close(answer_fd); /* Without a process for it the other side sees the end of the socket. */
    }
    _exit(0);
}

/* ---- in the process that asks ------------------------------------------------------------------ */

bool helper_start(struct error *err)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return error_errno(err, ERROR_INTERNAL, errno, "cannot make a socket for the translation helper");
    const pid_t own = getpid(), pid = fork();
    if (pid == 0) {
        leave_signals_to_the_server();
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        prctl(PR_SET_NAME, "sluice-helper");
        if (getppid() != own || dup2(ends[1], STDIN_FILENO) < 0 ||
            dup2(STDERR_FILENO, STDOUT_FILENO) < 0 ||
            syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 0) != 0)
            _exit(1);
        serve(STDIN_FILENO);
    }
    const int number = errno;
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return error_errno(err, ERROR_INTERNAL, number, "cannot start the translation helper");
    }
    requests = ends[0];
    return true;
}

static bool ask(const struct request *request, int answer_fd)
{
    union passed passed = {.bytes = {0}};
    struct iovec bytes = {.iov_base = (void *)(uintptr_t)request, .iov_len = sizeof *request};
    struct msghdr message = {.msg_iov = &bytes, .msg_iovlen = 1, .msg_control = &passed,
                             .msg_controllen = sizeof passed};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof answer_fd);
    memcpy(CMSG_DATA(header), &answer_fd, sizeof answer_fd);
    return sendmsg(requests, &message, MSG_NOSIGNAL) == (ssize_t)sizeof *request;
}

bool helper_run_tools(const char *folder, bool is_large, struct error *err)
{
    struct request request = {.is_large = is_large};
    struct answer answer;
    int ends[2];
    if (strlen(folder) >= sizeof request.folder)
        return error_set(err, ERROR_LIMIT, "the folder's name is too long");
    memcpy(request.folder, folder, strlen(folder));
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return error_errno(err, ERROR_INTERNAL, errno, "cannot make a socket for the translation helper");
    const bool is_asked = ask(&request, ends[1]);
    close(ends[1]);
    ssize_t got = -1;
    while (is_asked && (got = recv(ends[0], &answer, sizeof answer, 0)) < 0 && errno == EINTR)
        continue;
    close(ends[0]);
    if (got != (ssize_t)sizeof answer)
        return error_set(err, ERROR_INTERNAL, "the translation helper %s: restart this server, or "
                         "translate the module before (sluice-translate)",
                         is_asked ? "gave no answer" : "has ended");
    if (!answer.ok && err)
        *err = answer.err;
    return answer.ok;
}
