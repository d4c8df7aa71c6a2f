/* SPDX-License-Identifier: MIT */
/* What is left when processes are killed, disks are full, and several processes share a store. */
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/buf.h"
#include "base/log.h"
#include "check.h"
#include "store/store.h"
#include "unit/temporary.h"

static const char first_id[] = "AAAAbbbbccccddddeeee11";

static bool start(struct store *store, const char *id, const void *input, size_t size,
                  struct error *err)
{
    struct instance_start begin = {.id = id, .flow = "FLOW", .trigger = "manual", .started_ms = 1,
                                   .input = input, .input_size = size};
    return store_instance_start(store, &begin, err);
}

/* A child that starts an instance, reports a file, says so on the pipe, and then only waits. */
static pid_t fork_runner(const char *path, int *ready)
{
    int ends[2];
    CHECK_EQ_INT(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct store *store = NULL;
        struct error err = {0};
        bool ok = store_open(&store, path, &err) && start(store, first_id, "in", 2, &err);
        if (ok) {
            struct buf seen;
            buf_init(&seen, 16);
            store_file(store, first_id, "a.csv", "transferred", NULL, 3, 2);
            ok = store_payload(store, first_id, "input", &seen, &err); /* flushes */
            buf_release(&seen);
        }
        char byte = ok ? 'y' : 'n';
        if (write(ends[1], &byte, 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    close(ends[1]);
    *ready = ends[0];
    return pid;
}

struct seen {
    char state[32], fault[64], detail[512];
    int64_t transferred, finished_ms;
};

static bool see(void *context, const struct instance_row *row)
{
    struct seen *seen = context;
    snprintf(seen->state, sizeof seen->state, "%s", row->state);
    snprintf(seen->fault, sizeof seen->fault, "%s", row->fault_code ? row->fault_code : "");
    snprintf(seen->detail, sizeof seen->detail, "%s", row->fault_detail ? row->fault_detail : "");
    seen->transferred = row->files_transferred;
    seen->finished_ms = row->finished_ms;
    return true;
}

static struct seen look(const char *path)
{
    struct seen seen = {0};
    struct store *store = NULL;
    struct error err = {0};
    CHECK_OK(store_open(&store, path, &err), &err);
    if (store)
        CHECK_OK(store_instance(store, first_id, see, &seen, &err), &err);
    store_close(store);
    return seen;
}

static void a_killed_process_leaves_an_aborted_instance(void)
{
    struct temporary temporary = temporary_make();
    const char *path = temporary_path(&temporary, "sluice.db");
    char byte = 0, process[64];
    int ready, status;
    pid_t pid = fork_runner(path, &ready);
    CHECK_EQ_INT(read(ready, &byte, 1), 1);
    CHECK_EQ_INT(byte, 'y');

    struct seen alive = look(path);
    CHECK_EQ_TEXT(alive.state, "IN_PROGRESS");
    CHECK_EQ_INT(alive.finished_ms, 0);

    CHECK_EQ_INT(kill(pid, SIGKILL), 0);
    CHECK_EQ_INT(waitpid(pid, &status, 0), pid);
    struct seen dead = look(path);
    CHECK_EQ_TEXT(dead.state, "ABORTED");
    CHECK_EQ_TEXT(dead.fault, "interrupted");
    CHECK_EQ_INT(dead.transferred, 1);
    CHECK(dead.finished_ms > 0);
    snprintf(process, sizeof process, "process %d, which ran it, ended before the flow did", pid);
    CHECK_CONTAINS(dead.detail, process);
    close(ready);
    temporary_remove(&temporary);
}

static void two_stores_of_one_process_are_both_alive(void)
{
    struct temporary temporary = temporary_make();
    const char *path = temporary_path(&temporary, "sluice.db");
    struct store *store = NULL;
    struct error err = {0};
    CHECK_OK(store_open(&store, path, &err), &err);
    CHECK_OK(start(store, first_id, NULL, 0, &err), &err);
    CHECK_EQ_TEXT(look(path).state, "IN_PROGRESS");
    store_close(store);
    CHECK_EQ_TEXT(look(path).state, "ABORTED");
    temporary_remove(&temporary);
}

/* Runs body in a child whose files may not grow past limit bytes, as on a full disk. */
static void in_limited_child(void (*body)(const char *path), const char *path, rlim_t limit)
{
    int status = -1;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        struct rlimit size = {limit, limit};
        signal(SIGXFSZ, SIG_IGN);
        check_failures = 0;
        if (setrlimit(RLIMIT_FSIZE, &size) != 0)
            _exit(2);
        body(path);
        _exit(check_failures ? 1 : 0);
    }
    CHECK_EQ_INT(waitpid(pid, &status, 0), pid);
    CHECK_EQ_INT(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 0);
}

static void write_too_much(const char *path)
{
    static char big[1 << 20];
    struct store *store = NULL;
    struct error err = {0};
    memset(big, 'x', sizeof big);
    CHECK_OK(store_open(&store, path, &err), &err);
    if (!store)
        return;
    CHECK(!start(store, "bigbigbig", big, sizeof big, &err));
    CHECK(err.kind == ERROR_INTERNAL || err.kind == ERROR_UNAVAILABLE);
    CHECK_CONTAINS(err.message, "cannot write to the store: ");
    err = (struct error){0};
    const struct instance_start durable = {.id = first_id, .flow = "FLOW", .trigger = "manual", .started_ms = 1,
                                           .is_durable = true};
    CHECK_OK(store_instance_start(store, &durable, &err), &err);
    struct instance_end end = {.state = INSTANCE_COMPLETED, .finished_ms = 2, .response = big,
                               .response_size = sizeof big};
    store_activity(store, first_id, &(struct activity){.import = "log", .detail = "kept"});
    CHECK(!store_instance_finish(store, first_id, &end, &err));
    end.response_size = 1;
    CHECK_OK(store_instance_finish(store, first_id, &end, &err), &err);
    store_close(store);
}

static bool count(void *context, const struct activity *row)
{
    (void)row;
    ++*(int *)context;
    return true;
}

static void a_full_disk_is_an_error_and_nothing_is_half_written(void)
{
    struct temporary temporary = temporary_make();
    const char *path = temporary_path(&temporary, "sluice.db");
    struct store *store = NULL;
    struct error err = {0};
    int activities = 0;
    in_limited_child(write_too_much, path, 512 * 1024);
    CHECK_OK(store_open(&store, path, &err), &err);
    CHECK_FAILS(store_instance(store, "bigbigbig", see, &(struct seen){0}, &err), &err,
                ERROR_NOT_FOUND);
    CHECK_OK(store_activities(store, first_id, count, &activities, &err), &err);
    CHECK_EQ_INT(activities, 1);
    store_close(store);
    temporary_remove(&temporary);
}

#define PROCESSES 6

static void processes_open_a_new_store_at_once(void)
{
    struct temporary temporary = temporary_make();
    const char *path = temporary_path(&temporary, "sluice.db");
    pid_t pids[PROCESSES];
    fflush(stdout);
    for (int i = 0; i < PROCESSES; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            struct store *store = NULL;
            struct error err = {0};
            char id[16];
            snprintf(id, sizeof id, "process%d", i);
            struct instance_end end = {.state = INSTANCE_COMPLETED, .finished_ms = 2};
            bool ok = store_open(&store, path, &err) && start(store, id, NULL, 0, &err) &&
                      store_instance_finish(store, id, &end, &err);
            if (!ok)
                fprintf(stderr, "process %d: %s\n", i, err.message);
            store_close(store);
            _exit(ok ? 0 : 1);
        }
    }
    for (int i = 0; i < PROCESSES; i++) {
        int status = -1;
        CHECK_EQ_INT(waitpid(pids[i], &status, 0), pids[i]);
        CHECK_EQ_INT(status, 0);
    }
    temporary_remove(&temporary);
}

CHECK_MAIN(TEST(a_killed_process_leaves_an_aborted_instance),
           TEST(two_stores_of_one_process_are_both_alive),
           TEST(a_full_disk_is_an_error_and_nothing_is_half_written),
           TEST(processes_open_a_new_store_at_once))
