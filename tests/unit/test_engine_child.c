/* SPDX-License-Identifier: MIT */
/* Tools that misbehave, run by child_run: limits hold, nothing of ours leaks in or survives. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "check.h"
#include "temporary.h"
#include "engine/child.h"

static char folder[64];
static struct error err;

static const struct child_limits generous = {.cpu_s = 20, .data_size = UINT64_C(1) << 30,
                                             .file_size = 1 << 20, .wall_ms = 20000};

static bool run_shell(const char *script, const struct child_limits *limits)
{
    const char *const argv[] = {"/bin/sh", "-c", script, NULL};
    err = (struct error){0};
    return child_run("testing", argv, folder, limits, &err);
}

static void read_output(const char *name, struct buf *out)
{
    char *path = file_join(folder, name);
    CHECK(path != NULL);
    buf_clear(out);
    CHECK_OK(file_read(path, out, &err), &err);
    unlink(path);
    free(path);
}

static void good_and_bad_ends(void)
{
    CHECK_OK(run_shell("exit 0", &generous), &err);
    CHECK_FAILS(run_shell("echo first; echo second >&2; exit 3", &generous), &err, ERROR_INVALID);
    CHECK_CONTAINS(err.message, "testing: the tool failed with status 3: first|second");
    CHECK_FAILS(run_shell("exit 1", &generous), &err, ERROR_INVALID);
    CHECK_CONTAINS(err.message, "it printed nothing");
    CHECK_FAILS(run_shell("kill -TERM $$", &generous), &err, ERROR_LIMIT);
    const char *const missing[] = {"/nonexistent/tool", NULL};
    CHECK_FAILS(child_run("testing", missing, folder, &generous, &err), &err, ERROR_INTERNAL);
    CHECK_CONTAINS(err.message, "cannot start '/nonexistent/tool'");
}

static void only_the_end_of_long_output(void)
{
    CHECK_FAILS(run_shell("i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done; exit 1",
                          &generous),
                &err, ERROR_INVALID);
    CHECK_CONTAINS(err.message, "line 2998|line 2999");
    CHECK(strlen(err.message) < 500);
    CHECK_FAILS(run_shell("printf 'a\\033[31mb\\001'; exit 1", &generous), &err, ERROR_INVALID);
    CHECK_CONTAINS(err.message, "a?[31mb?");
}

static void limits_hold(void)
{
    struct child_limits limits = generous;
    limits.cpu_s = 1;
    CHECK_FAILS(run_shell("while :; do :; done", &limits), &err, ERROR_LIMIT);
    limits = generous;
    limits.file_size = 4096;
    CHECK(!run_shell("exec dd if=/dev/zero of=large bs=4097 count=1 2>/dev/null", &limits));
    CHECK_OK(run_shell("exec dd if=/dev/zero of=large bs=4096 count=1 2>/dev/null", &limits), &err);
    limits = generous;
    limits.data_size = 64 << 20;
    CHECK(!run_shell("x=a; while :; do x=$x$x; done", &limits));
    CHECK(run_shell("ulimit -n > files; ulimit -c > core", &generous));
}

static void time_is_up(void)
{
    struct child_limits limits = generous;
    limits.wall_ms = 200;
    const int64_t begin_ms = clock_monotonic_ms();
    CHECK_FAILS(run_shell("echo started; sleep 30", &limits), &err, ERROR_TIMEOUT);
    CHECK_CONTAINS(err.message, "longer than 200 ms: started");
    CHECK_FAILS(run_shell("exec >&- 2>&-; exec sleep 30", &limits), &err, ERROR_TIMEOUT);
    CHECK(clock_monotonic_ms() - begin_ms < 5000);
}

/* A process that the tool left behind is killed with its group. */
static void leaves_nobody_behind(void)
{
    struct buf out;
    buf_init(&out, 4096);
    CHECK_OK(run_shell("sleep 30 >/dev/null 2>&1 & echo $! > pid", &generous), &err);
    read_output("pid", &out);
    const pid_t pid = (pid_t)strtol(buf_text(&out), NULL, 10);
    CHECK(pid > 1);
    char path[64];
    bool is_gone = false;
    for (int i = 0; i < 2000 && !is_gone; i++) { /* A zombie of init's for a moment. */
        snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pid);
        buf_clear(&out);
        is_gone = kill(pid, 0) != 0 || !file_read(path, &out, &err) || out.size == 0;
        clock_sleep_ms(1);
    }
    CHECK(is_gone);
    buf_release(&out);
}

static void nothing_of_ours_is_inherited(void)
{
    struct buf out;
    buf_init(&out, 65536);
    setenv("SLUICE_TEST_SECRET", "hunter2", 1);
    const int fd = open("/dev/null", O_RDONLY); /* without O_CLOEXEC */
    CHECK(fd > 2);
    CHECK_OK(run_shell("env > env; ls /proc/self/fd > fds; umask > umask", &generous), &err);
    close(fd);
    read_output("env", &out);
    CHECK(!strstr(buf_text(&out), "hunter2"));
    CHECK_CONTAINS(buf_text(&out), "LC_ALL=C");
    CHECK_CONTAINS(buf_text(&out), folder);
    read_output("fds", &out);
    CHECK_EQ_TEXT(buf_text(&out), "0\n1\n2\n3\n"); /* 3 is ls reading the folder */
    buf_release(&out);
}

static void the_network_is_out_of_reach(void)
{
    struct buf out;
    buf_init(&out, 65536);
    CHECK_OK(run_shell("cat /proc/self/net/dev > devices; cat /proc/self/net/route > routes",
                       &generous),
             &err);
    read_output("routes", &out);
    const char *second = strchr(buf_text(&out), '\n');
    if (second && second[1] != '\0')
        printf("       (this kernel does not let the tool leave the network)\n");
    read_output("devices", &out);
    CHECK_CONTAINS(buf_text(&out), "lo:");
    buf_release(&out);
}

static void other_files_are_out_of_reach(void)
{
    char outside[64];
    char script[128];
    temporary_name(outside, sizeof outside);
    const int fd = mkstemp(outside);
    CHECK(fd >= 0);
    snprintf(script, sizeof script, "echo x > inside && rm inside && echo x > %s", outside);
    if (run_shell(script, &generous)) {
        printf("       (this kernel does not keep the tool from writing elsewhere)\n");
    } else {
        CHECK_CONTAINS(err.message, "ermission denied");
        CHECK_CONTAINS(err.message, outside);
    }
    CHECK_OK(run_shell("echo x > /dev/null", &generous), &err);
    close(fd);
    unlink(outside);
}

int main(void)
{
    static const struct check_test tests[] = {
        TEST(good_and_bad_ends), TEST(only_the_end_of_long_output), TEST(limits_hold),
        TEST(time_is_up), TEST(leaves_nobody_behind), TEST(nothing_of_ours_is_inherited),
        TEST(the_network_is_out_of_reach), TEST(other_files_are_out_of_reach)};
    temporary_name(folder, sizeof folder);
    if (!mkdtemp(folder))
        return 1;
    const int status = check_run(tests, sizeof tests / sizeof tests[0]);
    static const char *const left[] = {"large", "files", "core", "env", "fds", "umask"};
    for (size_t i = 0; i < sizeof left / sizeof left[0]; i++) {
        char *path = file_join(folder, left[i]);
        unlink(path);
        free(path);
    }
    if (rmdir(folder) != 0)
        fprintf(stderr, "%s: %s\n", folder, strerror(errno));
    return status;
}
