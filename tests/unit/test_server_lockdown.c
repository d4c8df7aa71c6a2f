/* SPDX-License-Identifier: MIT */
/* What a process behind the filter can do and what ends it; each in a process of its own. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "engine/helper.h"
#include "engine/import_rules.h"
#include "engine/module.h"
#include "server/lockdown.h"
#include "temporary.h"

/* Runs act behind the filter; gives the wait status. What act returns (0 to 100) is the exit status. */
static int behind_filter(int (*act)(void))
{
    fflush(NULL);
    const pid_t pid = fork();
    if (pid == 0) {
        struct error err = {0};
        if (!lockdown_privileges(&err) || !lockdown_enter(&err)) {
            fprintf(stderr, "%s\n", err.message);
            _exit(101);
        }
        _exit(act());
    }
    int status = -1;
    CHECK_EQ_INT(waitpid(pid, &status, 0), pid);
    return status;
}

static void goes(const char *what, int (*act)(void))
{
    const int status = behind_filter(act);
    CHECK(WIFEXITED(status));
    CHECK_EQ_INT(WEXITSTATUS(status), 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fprintf(stderr, "    %s: status %x\n", what, (unsigned)status);
}

static void is_fatal(const char *what, int (*act)(void))
{
    const int status = behind_filter(act);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
    if (!WIFSIGNALED(status))
        fprintf(stderr, "    %s: status %x\n", what, (unsigned)status);
}

/* ---- what a server needs ----------------------------------------------------------------------- */

static void *add_one(void *number)
{
    ++*(int *)number;
    return NULL;
}

static int use_threads(void)
{
    pthread_t thread;
    int number = 1;
    return pthread_create(&thread, NULL, add_one, &number) != 0 || pthread_join(thread, NULL) != 0 ||
           number != 2;
}

static int use_files(void)
{
    char path[] = "/tmp/sluice-test-XXXXXX";
    const int fd = mkstemp(path);
    return fd < 0 || write(fd, "x", 1) != 1 || fsync(fd) != 0 || close(fd) != 0 || unlink(path) != 0;
}

static int use_sockets(void)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return fd < 0 || listen(fd, 1) != 0 || close(fd) != 0;
}

static int use_memory(void)
{
    void *memory = mmap(NULL, 65536, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED || mprotect(memory, 65536, PROT_READ | PROT_WRITE) != 0 ||
           munmap(memory, 65536) != 0;
}

static int load_a_library(void)
{
    return dlopen("libutil.so.1", RTLD_NOW) == NULL && dlopen("libdl.so.2", RTLD_NOW) == NULL;
}

static void what_a_server_needs(void)
{
    goes("threads", use_threads);
    goes("files", use_files);
    goes("sockets", use_sockets);
    goes("memory", use_memory);
    goes("libraries", load_a_library);
}

/* ---- what it does not -------------------------------------------------------------------------- */

static int refused(long result)
{
    return result == -1 && errno == ENOSYS ? 0 : 1;
}

static int make_process(void)
{
    return refused(fork());
}

static int spawn_program(void)
{
    char *const argv[] = {(char[]){"/bin/true"}, NULL};
    pid_t pid;
    return posix_spawn(&pid, argv[0], NULL, NULL, argv, NULL) == ENOSYS ? 0 : 1;
}

static int make_code(void)
{
    void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return refused(mprotect(memory, 4096, PROT_READ | PROT_EXEC)) ||
           mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
               MAP_FAILED;
}

static int make_raw_socket(void)
{
    return refused(socket(AF_PACKET, SOCK_RAW, 0));
}

static int signal_the_parent(void)
{
    return refused(kill(getppid(), 0)) || refused(syscall(SYS_tgkill, getppid(), getppid(), 0));
}

static int raise_limits(void)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_NOFILE, &limit) != 0 || refused(setrlimit(RLIMIT_NOFILE, &limit)) ||
           refused(setpriority(PRIO_PROCESS, 0, 1));
}

static int change_user(void)
{
    return refused(syscall(SYS_setuid, 65534)) || refused(syscall(SYS_setgroups, 0, NULL));
}

static void what_it_does_not_need_fails(void)
{
    goes("fork", make_process);
    goes("spawn", spawn_program);
    goes("code", make_code);
    goes("packet socket", make_raw_socket);
    goes("foreign signal", signal_the_parent);
    goes("limits", raise_limits);
    goes("user", change_user);
}

static int execute(void)
{
    char *const argv[] = {(char[]){"/bin/true"}, NULL};
    return execv(argv[0], argv);
}

static int trace(void)
{
    return (int)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static int mount_something(void)
{
    return mount("none", "/mnt", "tmpfs", 0, NULL);
}

static int leave_namespaces(void)
{
    return (int)syscall(SYS_unshare, 0);
}

static void what_nobody_needs_is_fatal(void)
{
    is_fatal("execve", execute);
    is_fatal("ptrace", trace);
    is_fatal("mount", mount_something);
    is_fatal("unshare", leave_namespaces);
}

/* ---- all threads ------------------------------------------------------------------------------- */

static pthread_barrier_t filter_is_on;

static void *try_to_fork(void *result)
{
    pthread_barrier_wait(&filter_is_on);
    *(int *)result = make_process();
    return NULL;
}

static int enter_with_threads(void)
{
    struct error err = {0};
    pthread_t thread;
    int result = 1;
    pthread_barrier_init(&filter_is_on, NULL, 2);
    if (pthread_create(&thread, NULL, try_to_fork, &result) != 0 || !lockdown_enter(&err))
        return 2;
    pthread_barrier_wait(&filter_is_on);
    pthread_join(thread, NULL);
    return result;
}

static void threads_that_were_there_before_are_behind_it_too(void)
{
    fflush(NULL);
    const pid_t pid = fork();
    if (pid == 0)
        _exit(enter_with_threads());
    int status = -1;
    CHECK_EQ_INT(waitpid(pid, &status, 0), pid);
    CHECK_EQ_INT(status, 0);
}

static int has_no_new_privileges(void)
{
    struct error err = {0};
    return lockdown_privileges(&err) && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : 1;
}

static void privileges_are_given_up_before(void)
{
    fflush(NULL);
    const pid_t pid = fork();
    if (pid == 0)
        _exit(has_no_new_privileges());
    int status = -1;
    CHECK_EQ_INT(waitpid(pid, &status, 0), pid);
    CHECK_EQ_INT(status, 0);
}

static int open_module(const char *cache)
{
    struct module *module = NULL;
    struct module_policy policy = {.memory_pages_max = 256};
    struct error err = {0};
    policy.imports = import_rules_filter(&policy.import_count);
    const bool ok = module_open(&module, TEST_GUEST_FOLDER "/nothing.wasm", cache, &policy, &err);
    if (!ok)
        fprintf(stderr, "%s\n", err.message);
    module_close(module);
    return ok ? 0 : 3;
}

static int translate_behind_filter(const char *cache)
{
    struct error err = {0};
    if (!lockdown_privileges(&err) || !helper_start(&err) || !lockdown_enter(&err))
        return 2;
    return open_module(cache);
}

static void modules_are_still_translated(void)
{
    struct temporary place = temporary_make();
    fflush(NULL);
    const pid_t pid = fork();
    if (pid == 0)
        _exit(translate_behind_filter(temporary_path(&place, "compiled")));
    int status = -1;
    CHECK_EQ_INT(waitpid(pid, &status, 0), pid);
    CHECK_EQ_INT(status, 0);
    temporary_remove(&place);
}

CHECK_MAIN(TEST(what_a_server_needs), TEST(modules_are_still_translated), TEST(what_it_does_not_need_fails), TEST(what_nobody_needs_is_fatal),
           TEST(threads_that_were_there_before_are_behind_it_too), TEST(privileges_are_given_up_before))
