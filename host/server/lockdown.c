/* SPDX-License-Identifier: MIT */
/* See lockdown.h. Names that an architecture does not have (open, poll, ... on arm64) are left out. */
#include "server/lockdown.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *const allowed[] = {
    /* memory */
    "brk", "madvise", "membarrier", "mincore", "mremap", "msync", "munmap",
    /* files; which ones is the file system's to say */
    "access", "chmod", "close", "close_range", "copy_file_range", "dup", "dup2", "dup3", "faccessat",
    "faccessat2", "fadvise64", "fallocate", "fchmod", "fchmodat", "fchown", "fcntl", "fdatasync",
    "flock", "fstat", "fstatfs", "fsync", "ftruncate", "getcwd", "getdents64", "link", "linkat",
    "lseek", "lstat", "memfd_create", "mkdir", "mkdirat", "newfstatat", "open", "openat", "pipe",
    "pipe2", "pread64", "preadv", "pwrite64", "pwritev", "read", "readlink", "readlinkat", "readv",
    "rename", "renameat", "renameat2", "rmdir", "sendfile", "splice", "stat", "statfs", "statx",
    "sync_file_range", "umask", "unlink", "unlinkat", "utimensat", "write", "writev",
    /* sockets and waiting */
    "accept", "accept4", "bind", "connect", "epoll_create1", "epoll_ctl", "epoll_pwait",
    "epoll_pwait2", "epoll_wait", "eventfd2", "getpeername", "getsockname", "getsockopt", "listen",
    "poll", "ppoll", "pselect6", "recvfrom", "recvmmsg", "recvmsg", "select", "sendmmsg", "sendmsg",
    "sendto", "setsockopt", "shutdown",
    /* threads, signals to oneself, time */
    "clock_getres", "clock_gettime", "clock_nanosleep", "exit", "exit_group", "futex",
    "futex_waitv", "get_robust_list", "getcpu", "gettid", "gettimeofday", "nanosleep",
    "restart_syscall", "rseq", "rt_sigaction", "rt_sigpending", "rt_sigprocmask", "rt_sigreturn",
    "rt_sigsuspend", "rt_sigtimedwait", "sched_getaffinity", "sched_yield", "set_robust_list",
    "sigaltstack", "time", "timer_create", "timer_delete", "timer_getoverrun", "timer_gettime",
    "timer_settime", "timerfd_create", "timerfd_gettime", "timerfd_settime", "times",
    /* questions */
    "getegid", "geteuid", "getgid", "getgroups", "getpgid", "getpgrp", "getpid", "getppid",
    "getrandom", "getresgid", "getresuid", "getrlimit", "getrusage", "getsid", "getuid", "sysinfo",
    "uname",
};

/* No server that is well asks for these: it ends, which is seen, instead of being asked again. */
static const char *const fatal[] = {
    "acct", "add_key", "bpf", "chroot", "clock_settime", "delete_module", "execve", "execveat",
    "finit_module", "fsconfig", "fsopen", "init_module", "ioperm", "iopl", "kexec_file_load",
    "kexec_load", "keyctl", "modify_ldt", "mount", "mount_setattr", "move_mount",
    "open_by_handle_at", "open_tree", "perf_event_open", "personality", "pidfd_getfd", "pivot_root",
    "process_vm_readv", "process_vm_writev", "ptrace", "quotactl", "reboot", "request_key", "setns",
    "settimeofday", "swapoff", "swapon", "umount2", "unshare", "userfaultfd",
};

/* A call that is allowed for some values of one argument. */
static const struct {
    const char *name;
    struct scmp_arg_cmp condition;
} allowed_if[] = {
    {"socket", {0, SCMP_CMP_EQ, AF_INET, 0}},
    {"socket", {0, SCMP_CMP_EQ, AF_INET6, 0}},
    {"socket", {0, SCMP_CMP_EQ, AF_UNIX, 0}},
    {"socket", {0, SCMP_CMP_EQ, AF_NETLINK, 0}},
    {"socketpair", {0, SCMP_CMP_EQ, AF_UNIX, 0}},
    {"clone", {0, SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD}},
    {"mprotect", {2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0}},
    {"mmap", {2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0}},
    {"mmap", {2, SCMP_CMP_EQ, PROT_READ | PROT_EXEC, 0}},
    {"prctl", {0, SCMP_CMP_EQ, PR_SET_NAME, 0}},
    {"prlimit64", {2, SCMP_CMP_EQ, 0, 0}}, /* only asks */
    {"ioctl", {1, SCMP_CMP_EQ, FIONBIO, 0}},
    {"ioctl", {1, SCMP_CMP_EQ, FIONREAD, 0}},
    {"ioctl", {1, SCMP_CMP_EQ, TCGETS, 0}},
    {"ioctl", {1, SCMP_CMP_EQ, TIOCGWINSZ, 0}},
};

static bool add(scmp_filter_ctx filter, uint32_t action, const char *name,
                const struct scmp_arg_cmp *condition, struct error *err)
{
    const int number = seccomp_syscall_resolve_name(name);
    const int code = number < 0 ? 0 /* not on this architecture, or newer than the library */
                                : seccomp_rule_add_array(filter, action, number, condition ? 1 : 0,
                                                         condition);
    return code == 0 || error_errno(err, ERROR_INTERNAL, -code, "cannot add '%s' to the filter", name);
}

static bool add_all(scmp_filter_ctx filter, uint32_t action, const char *const *names, size_t count,
                    struct error *err)
{
    for (size_t i = 0; i < count; i++)
        if (!add(filter, action, names[i], NULL, err))
            return false;
    return true;
}

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static bool fill(scmp_filter_ctx filter, struct error *err)
{
    for (size_t i = 0; i < COUNT(allowed_if); i++)
        if (!add(filter, SCMP_ACT_ALLOW, allowed_if[i].name, &allowed_if[i].condition, err))
            return false;
    const struct scmp_arg_cmp own = {0, SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0};
    return add(filter, SCMP_ACT_ALLOW, "tgkill", &own, err) &&
           add_all(filter, SCMP_ACT_ALLOW, allowed, COUNT(allowed), err) &&
           add_all(filter, SCMP_ACT_KILL_PROCESS, fatal, COUNT(fatal), err);
}

bool lockdown_privileges(struct error *err)
{
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ||
           error_errno(err, ERROR_INTERNAL, errno, "cannot give up new privileges");
}

bool lockdown_enter(struct error *err)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
    if (!filter)
        return error_set(err, ERROR_INTERNAL, "cannot make a filter of system calls");
    bool ok = fill(filter, err);
    int code = ok ? seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1) : 0;
    if (ok && code == 0)
        code = seccomp_load(filter);
    seccomp_release(filter);
    if (code == 0)
        return ok;
    const bool is_missing = code == -ENOSYS || code == -EINVAL || code == -EOPNOTSUPP;
    return error_errno(err, is_missing ? ERROR_UNSUPPORTED : ERROR_INTERNAL, -code,
                       "the kernel does not take the filter of system calls");
}
