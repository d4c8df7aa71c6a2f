/* SPDX-License-Identifier: MIT */
/*
 * Hostile guests: each misdeed ends in the fault of its name, and the same thread runs a good
 * guest right after. A bad write of the host's own still kills the process.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "check.h"
#include "engine/deadline.h"
#include "test_engine_support.h"

#define THREADS 4
#define THREAD_ROUNDS 2000

static struct module *hostile;

static void check_fault(enum hostile_act act, enum fault expected)
{
    CHECK_EQ_TEXT(fault_name(support_act(hostile, act)), fault_name(expected));
    CHECK_EQ_TEXT(fault_name(support_act(hostile, ACT_COMPUTE)), "none");
}

static void good_guests_run(void)
{
    struct support_host host = {.act = ACT_STATUS};
    struct sandbox_result result = support_run(hostile, &host, NULL);
    CHECK_EQ_TEXT(fault_name(result.fault), "none");
    CHECK_EQ_INT(result.exit_status, 7);
    CHECK_EQ_INT(result.import_calls, 2); /* input and proc_exit */
    host.act = ACT_EXIT;
    result = support_run(hostile, &host, NULL);
    CHECK_EQ_TEXT(fault_name(result.fault), "none");
    CHECK_EQ_INT(result.exit_status, 9);
    host.act = ACT_NOTHING;
    result = support_run(hostile, &host, NULL);
    CHECK_EQ_INT(result.exit_status, 0);
    CHECK(result.memory_pages_peak >= 2);
}

static void memory_faults(void)
{
    check_fault(ACT_LOAD_FAR, FAULT_MEMORY_OUT_OF_BOUNDS);
    check_fault(ACT_LOAD_EDGE, FAULT_MEMORY_OUT_OF_BOUNDS);
    check_fault(ACT_STORE_FAR, FAULT_MEMORY_OUT_OF_BOUNDS);
    check_fault(ACT_BULK, FAULT_MEMORY_OUT_OF_BOUNDS);
    struct module *farthest = support_open("farthest");
    CHECK_EQ_TEXT(fault_name(support_act(farthest, ACT_NOTHING)), "memory_out_of_bounds");
    module_close(farthest);
}

static void stack_faults(void)
{
    check_fault(ACT_RECURSE_NATIVE, FAULT_STACK_EXHAUSTED);
    check_fault(ACT_RECURSE_SHADOW, FAULT_STACK_EXHAUSTED);
    check_fault(ACT_IMPORT_AT_DEPTH, FAULT_STACK_EXHAUSTED);
}

static void calls_through_bad_pointers(void)
{
    check_fault(ACT_CALL_FAR, FAULT_INDIRECT_CALL_MISMATCH);
    check_fault(ACT_CALL_NULL, FAULT_INDIRECT_CALL_MISMATCH);
    check_fault(ACT_CALL_MISMATCH, FAULT_INDIRECT_CALL_MISMATCH);
}

static void arithmetic_faults(void)
{
    check_fault(ACT_DIVIDE, FAULT_DIVIDE_BY_ZERO);
    check_fault(ACT_REMAINDER, FAULT_DIVIDE_BY_ZERO);
    check_fault(ACT_DIVIDE_OVERFLOW, FAULT_INTEGER_OVERFLOW);
    check_fault(ACT_CONVERT, FAULT_INVALID_CONVERSION);
    check_fault(ACT_UNREACHABLE, FAULT_UNREACHABLE);
    check_fault(ACT_ABORT, FAULT_UNREACHABLE);
}

static void memory_ceiling(void)
{
    struct support_host host = {.act = ACT_GROW};
    struct sandbox_result result = support_run(hostile, &host, NULL);
    CHECK_EQ_TEXT(fault_name(result.fault), "none");
    CHECK_EQ_INT(result.exit_status, 0);
    CHECK_EQ_INT(result.memory_pages_peak, SUPPORT_MEMORY_PAGES);
    const struct sandbox_limits lower = {.memory_pages_max = 9};
    result = support_run(hostile, &host, &lower);
    CHECK_EQ_INT(result.exit_status, 0);
    CHECK_EQ_INT(result.memory_pages_peak, 9);
}

static void nothing_is_left_behind(void)
{
    static const enum hostile_act acts[] = {ACT_MARK, ACT_COMPUTE, ACT_MARK, ACT_LOOK_BEHIND,
                                            ACT_MARK, ACT_GROW};
    for (int i = 0; i < 600; i++) { /* Hot pages are learned after runs 1, 16 and 256. */
        struct support_host host = {.act = acts[i % 6]};
        const struct sandbox_result result = support_run(hostile, &host, NULL);
        CHECK_EQ_TEXT(fault_name(result.fault), "none");
        CHECK_EQ_INT(result.exit_status, 0);
    }
}

static void bad_addresses(void)
{
    check_fault(ACT_BAD_WRAP, FAULT_BAD_ADDRESS);
    check_fault(ACT_BAD_STRADDLE, FAULT_BAD_ADDRESS);
    check_fault(ACT_BAD_LENGTH, FAULT_BAD_ADDRESS);
    check_fault(ACT_BAD_END, FAULT_BAD_ADDRESS);
    check_fault(ACT_GOOD_END, FAULT_NONE);
    struct support_host host = {.act = ACT_BAD_WRAP};
    const struct sandbox_result result = support_run(hostile, &host, NULL);
    CHECK_CONTAINS(result.detail, "flow.input was given 32 bytes at address 4294967280");
}

static void import_flood(void)
{
    struct support_host host = {.act = ACT_FLOOD};
    const struct sandbox_limits limits = {.import_calls_max = 1000, .cpu_ms = 1000};
    const struct sandbox_result result = support_run(hostile, &host, &limits);
    CHECK_EQ_TEXT(fault_name(result.fault), "import_limit");
    CHECK_EQ_INT(host.calls, 999); /* flow.input was the first of the 1,000 */
    CHECK_EQ_INT(result.import_calls, 1001);
}

static void cpu_deadline_stops_loops(void)
{
    static const enum hostile_act loops[] = {ACT_SPIN, ACT_SPIN_EMPTY, ACT_FLOOD};
    for (size_t i = 0; i < sizeof loops / sizeof loops[0]; i++) {
        struct support_host host = {.act = loops[i]};
        const struct sandbox_limits limits = {.cpu_ms = 20};
        const struct sandbox_result result = support_run(hostile, &host, &limits);
        CHECK_EQ_TEXT(fault_name(result.fault), "cpu_deadline");
        CHECK(result.cpu_us >= 20000);
        CHECK(result.cpu_us < 200000);
        CHECK_EQ_TEXT(fault_name(support_act(hostile, ACT_COMPUTE)), "none");
    }
}

/* The first call burns three times what the guest may use; the guest goes on for what it has left. */
static int32_t burn_paused(struct guest *guest, struct support_host *host)
{
    if (host->calls > 1)
        return 0;
    const int64_t left_ns = guest_pause_cpu(guest), until_ns = deadline_cpu_ns() + 90 * 1000000;
    while (deadline_cpu_ns() < until_ns)
        CHECK(!guest_should_stop(guest));
    guest_resume_cpu(guest, left_ns);
    return 0;
}

static void cpu_time_of_the_host_is_not_the_guests(void)
{
    struct support_host host = {.act = ACT_CALL_CHILD, .attachment = burn_paused};
    const struct sandbox_limits limits = {.cpu_ms = 30};
    CHECK_EQ_TEXT(fault_name(support_run(hostile, &host, &limits).fault), "none");
    host = (struct support_host){.act = ACT_FLOOD, .attachment = burn_paused};
    const struct sandbox_result result = support_run(hostile, &host, &limits);
    CHECK_EQ_TEXT(fault_name(result.fault), "cpu_deadline");
    CHECK(host.calls > 1);
    CHECK(result.cpu_us >= 120000);
    CHECK(result.cpu_us < 300000);
}

static void wall_deadline_stops_loops(void)
{
    struct support_host host = {.act = ACT_SPIN};
    const int64_t begin_ms = clock_monotonic_ms();
    const struct sandbox_limits limits = {.wall_deadline_ms = begin_ms + 30};
    const struct sandbox_result result = support_run(hostile, &host, &limits);
    CHECK_EQ_TEXT(fault_name(result.fault), "wall_deadline");
    CHECK(clock_monotonic_ms() - begin_ms >= 29);
    CHECK(clock_monotonic_ms() - begin_ms < 2000);
    const struct sandbox_limits past = {.wall_deadline_ms = 1};
    host.calls = 0;
    CHECK_EQ_TEXT(fault_name(support_run(hostile, &host, &past).fault), "wall_deadline");
}

/* An import that waits, as transfers do: it must see the deadline and not be interrupted by it. */
static int32_t wait_for_stop(struct guest *guest, struct support_host *host)
{
    while (!guest_should_stop(guest))
        clock_sleep_ms(1);
    CHECK_EQ_INT(guest_time_left_ms(guest), 0);
    host->calls += 100;
    return 0;
}

static void deadline_waits_for_the_host(void)
{
    struct support_host host = {.act = ACT_CALL_CHILD, .attachment = wait_for_stop};
    const struct sandbox_limits limits = {.wall_deadline_ms = clock_monotonic_ms() + 20};
    const struct sandbox_result result = support_run(hostile, &host, &limits);
    CHECK_EQ_TEXT(fault_name(result.fault), "wall_deadline");
    CHECK_EQ_INT(host.calls, 101);
}

static void faults_in_a_child_leave_the_parent(void)
{
    static const struct {
        enum hostile_act act;
        enum fault fault;
    } cases[] = {{ACT_LOAD_FAR, FAULT_MEMORY_OUT_OF_BOUNDS},
                 {ACT_RECURSE_NATIVE, FAULT_STACK_EXHAUSTED},
                 {ACT_RECURSE_SHADOW, FAULT_STACK_EXHAUSTED},
                 {ACT_BAD_WRAP, FAULT_BAD_ADDRESS},
                 {ACT_SPIN, FAULT_CPU_DEADLINE},
                 {ACT_UNREACHABLE, FAULT_UNREACHABLE},
                 {ACT_STATUS, FAULT_NONE}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct support_host child = {.act = cases[i].act};
        struct support_host parent = {.act = ACT_CALL_CHILD, .attachment = support_run_child,
                                      .child = hostile, .child_host = &child,
                                      .child_limits = {.cpu_ms = 20}};
        const struct sandbox_result result = support_run(hostile, &parent, NULL);
        CHECK_EQ_TEXT(fault_name(parent.child_result.fault), fault_name(cases[i].fault));
        CHECK_EQ_TEXT(fault_name(result.fault), "none");
        CHECK_EQ_INT(result.exit_status, cases[i].fault == FAULT_NONE ? 7 : -1);
    }
}

static void child_time_is_charged_once(void)
{
    struct support_host child = {.act = ACT_SPIN};
    struct support_host parent = {.act = ACT_CALL_CHILD, .attachment = support_run_child,
                                  .child = hostile, .child_host = &child,
                                  .child_limits = {.cpu_ms = 50}};
    const struct sandbox_limits limits = {.cpu_ms = 60};
    struct sandbox_result result = support_run(hostile, &parent, &limits);
    CHECK_EQ_TEXT(fault_name(result.fault), "none");
    CHECK(parent.child_result.cpu_us >= 50000);
    CHECK(result.cpu_us < 30000);
    /* What the parent has left bounds a child without a limit of its own. */
    parent.child_limits.cpu_ms = 0;
    const struct sandbox_limits short_limits = {.cpu_ms = 20};
    result = support_run(hostile, &parent, &short_limits);
    CHECK_EQ_TEXT(fault_name(parent.child_result.fault), "cpu_deadline");
    CHECK(parent.child_result.cpu_us < 200000);
}

static void parent_deadline_holds_in_a_child(void)
{
    struct support_host child = {.act = ACT_SPIN};
    struct support_host parent = {.act = ACT_CALL_CHILD, .attachment = support_run_child,
                                  .child = hostile, .child_host = &child};
    const struct sandbox_limits limits = {.wall_deadline_ms = clock_monotonic_ms() + 20};
    const struct sandbox_result result = support_run(hostile, &parent, &limits);
    CHECK_EQ_TEXT(fault_name(parent.child_result.fault), "wall_deadline");
    CHECK_EQ_TEXT(fault_name(result.fault), "wall_deadline");
}

static int32_t run_myself(struct guest *guest, struct support_host *host)
{
    (void)guest;
    const struct sandbox_limits none = {0};
    sandbox_run(hostile, &none, host, &host->child_result);
    return host->child_result.fault == FAULT_NO_SLOT ? 5 : host->child_result.exit_status;
}

static void nesting_has_a_floor(void)
{
    struct support_host host = {.act = ACT_CALL_CHILD, .attachment = run_myself};
    const struct sandbox_result result = support_run(hostile, &host, NULL);
    CHECK_EQ_TEXT(fault_name(result.fault), "none");
    CHECK_EQ_INT(result.exit_status, 5);
    CHECK_EQ_INT(host.calls, SANDBOX_DEPTH_MAX);
}

static void *cancel_soon(void *host)
{
    clock_sleep_ms(20);
    sandbox_cancel(host);
    return NULL;
}

static void cancelled_from_another_thread(void)
{
    static const enum hostile_act acts[] = {ACT_SPIN, ACT_FLOOD, ACT_CALL_CHILD};
    for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++) {
        struct support_host host = {.act = acts[i]};
        if (acts[i] == ACT_CALL_CHILD) {
            static struct support_host child = {.act = ACT_SPIN};
            host.attachment = support_run_child;
            host.child = hostile;
            host.child_host = &child;
        }
        pthread_t thread;
        CHECK_EQ_INT(pthread_create(&thread, NULL, cancel_soon, &host), 0);
        const struct sandbox_result result = support_run(hostile, &host, NULL);
        CHECK_EQ_TEXT(fault_name(result.fault), "cancelled");
        CHECK_EQ_INT(pthread_join(thread, NULL), 0);
        CHECK_EQ_TEXT(fault_name(support_act(hostile, ACT_COMPUTE)), "none");
    }
}

static void *trap_often(void *failures)
{
    static const struct {
        enum hostile_act act;
        enum fault fault;
    } cases[] = {{ACT_LOAD_FAR, FAULT_MEMORY_OUT_OF_BOUNDS}, {ACT_COMPUTE, FAULT_NONE},
                 {ACT_RECURSE_NATIVE, FAULT_STACK_EXHAUSTED}, {ACT_BAD_WRAP, FAULT_BAD_ADDRESS},
                 {ACT_UNREACHABLE, FAULT_UNREACHABLE}, {ACT_LOOK_BEHIND, FAULT_NONE}};
    for (int i = 0; i < THREAD_ROUNDS; i++) {
        const size_t which = (size_t)i % (sizeof cases / sizeof cases[0]);
        struct support_host host = {.act = cases[which].act};
        const struct sandbox_limits limits = {.cpu_ms = 5000};
        const struct sandbox_result result = support_run(hostile, &host, &limits);
        if (result.fault != cases[which].fault || result.exit_status != 0)
            atomic_fetch_add((atomic_int *)failures, 1);
    }
    sandbox_thread_release();
    return NULL;
}

static void threads_trap_at_once(void)
{
    pthread_t threads[THREADS];
    atomic_int failures = 0;
    for (int i = 0; i < THREADS; i++)
        CHECK_EQ_INT(pthread_create(&threads[i], NULL, trap_often, &failures), 0);
    for (int i = 0; i < THREADS; i++)
        CHECK_EQ_INT(pthread_join(threads[i], NULL), 0);
    CHECK_EQ_INT(failures, 0);
}

/* Deadlines that strike at random places: entry, imports, growth, return. */
static void deadlines_at_any_place(void)
{
    int stopped = 0;
    for (int i = 0; i < 400; i++) {
        static const enum hostile_act acts[] = {ACT_FLOOD, ACT_COMPUTE, ACT_GROW, ACT_LOOK_BEHIND};
        struct support_host host = {.act = acts[i & 3]};
        const struct sandbox_limits limits = {.wall_deadline_ms = clock_monotonic_ms() + 1};
        const struct sandbox_result result = support_run(hostile, &host, &limits);
        CHECK(result.fault == FAULT_NONE || result.fault == FAULT_WALL_DEADLINE);
        stopped += result.fault == FAULT_WALL_DEADLINE;
    }
    CHECK(stopped >= 100);
}

static int32_t write_badly(struct guest *guest, struct support_host *host)
{
    (void)guest;
    (void)host;
    static volatile uintptr_t nowhere = 64;
    *(volatile int *)nowhere = 1;
    return 0;
}

/* The host's own write into the guest's guard region is a host bug as well. */
static int32_t write_into_guard(struct guest *guest, struct support_host *host)
{
    (void)host;
    volatile char *memory = guest_range(guest, 0, 1);
    memory[UINT64_C(6) << 30] = 1;
    return 0;
}

static void check_host_crash(int32_t (*attachment)(struct guest *, struct support_host *))
{
    const pid_t pid = fork();
    if (pid == 0) {
        struct support_host host = {.act = ACT_CALL_CHILD, .attachment = attachment};
        support_run(hostile, &host, NULL);
        _exit(0);
    }
    int status = 0;
    CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
    CHECK(WIFSIGNALED(status));
    CHECK_EQ_INT(WIFSIGNALED(status) ? WTERMSIG(status) : 0, SIGSEGV);
}

static void bad_host_writes_crash(void)
{
    check_host_crash(write_badly);
    check_host_crash(write_into_guard);
}

static void modules_close_under_pooled_slots(void)
{
    struct module *again = support_open("hostile");
    CHECK_EQ_TEXT(fault_name(support_act(again, ACT_COMPUTE)), "none");
    module_close(again); /* this thread still pools a slot of it */
    CHECK_EQ_TEXT(fault_name(support_act(hostile, ACT_COMPUTE)), "none");
    sandbox_thread_release();
    CHECK_EQ_TEXT(fault_name(support_act(hostile, ACT_COMPUTE)), "none");
}

/* Servers leave signals to one thread and block them in all others. */
static void *spin_with_signals_blocked(void *fault)
{
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    struct support_host host = {.act = ACT_SPIN};
    const struct sandbox_limits limits = {.cpu_ms = 20};
    *(enum fault *)fault = support_run(hostile, &host, &limits).fault;
    if (support_act(hostile, ACT_LOAD_FAR) != FAULT_MEMORY_OUT_OF_BOUNDS)
        *(enum fault *)fault = FAULT_INTERNAL;
    return NULL; /* without sandbox_thread_release: the engine sees to it */
}

static void blocked_signals_do_not_matter(void)
{
    pthread_t thread;
    enum fault fault = FAULT_NONE;
    CHECK_EQ_INT(pthread_create(&thread, NULL, spin_with_signals_blocked, &fault), 0);
    CHECK_EQ_INT(pthread_join(thread, NULL), 0);
    CHECK_EQ_TEXT(fault_name(fault), "cpu_deadline");
}

/* Without address space nothing runs, and says so; with it again everything does. */
static void no_address_space(void)
{
    struct rlimit before, small;
    CHECK_EQ_INT(getrlimit(RLIMIT_AS, &before), 0);
    sandbox_thread_release();
    small = before;
    small.rlim_cur = UINT64_C(4) << 30;
    CHECK_EQ_INT(setrlimit(RLIMIT_AS, &small), 0);
    struct support_host host = {.act = ACT_COMPUTE};
    const struct sandbox_result result = support_run(hostile, &host, NULL);
    CHECK_EQ_INT(setrlimit(RLIMIT_AS, &before), 0);
    CHECK_EQ_TEXT(fault_name(result.fault), "no_slot");
    CHECK_EQ_INT(result.import_calls, 0);
    CHECK_EQ_TEXT(fault_name(support_act(hostile, ACT_COMPUTE)), "none");
}

int main(void)
{
    static const struct check_test tests[] = {
        TEST(good_guests_run), TEST(memory_faults), TEST(stack_faults),
        TEST(calls_through_bad_pointers), TEST(arithmetic_faults), TEST(memory_ceiling),
        TEST(nothing_is_left_behind), TEST(bad_addresses), TEST(import_flood),
        TEST(cpu_deadline_stops_loops),
           TEST(cpu_time_of_the_host_is_not_the_guests), TEST(wall_deadline_stops_loops),
        TEST(deadline_waits_for_the_host), TEST(faults_in_a_child_leave_the_parent),
        TEST(child_time_is_charged_once), TEST(parent_deadline_holds_in_a_child),
        TEST(nesting_has_a_floor), TEST(cancelled_from_another_thread),
        TEST(threads_trap_at_once), TEST(deadlines_at_any_place), TEST(bad_host_writes_crash),
        TEST(modules_close_under_pooled_slots), TEST(blocked_signals_do_not_matter),
        TEST(no_address_space)};
    hostile = support_open("hostile");
    const int status = check_run(tests, sizeof tests / sizeof tests[0]);
    module_close(hostile);
    sandbox_thread_release();
    return status;
}
