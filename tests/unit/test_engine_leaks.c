/* SPDX-License-Identifier: MIT */
/*
 * Two hundred thousand executions (under AddressSanitizer a tenth of them), a part of them ending in
 * faults, leave address space, resident memory and descriptors where they were; pools stay within
 * their bounds.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "check.h"
#include "engine/slot.h"
#include "test_engine_support.h"

#ifdef STACK_ASAN
#define EXECUTIONS 20000 /* ten times slower, and it counts what is left itself */
#else
#define EXECUTIONS 200000
#endif
#define RESIDENT_SLACK_KB 2048 /* page tables and the allocator's own moods */

struct footprint {
    long address_space_kb;
    long resident_kb;
    int descriptors;
};

static long status_value(const char *text, const char *key)
{
    const char *at = strstr(text, key);
    return at ? strtol(at + strlen(key), NULL, 10) : -1;
}

static struct footprint measure(void)
{
    struct footprint footprint = {0};
    char text[8192];
    FILE *status = fopen("/proc/self/status", "re");
    const size_t size = status ? fread(text, 1, sizeof text - 1, status) : 0;
    text[size] = '\0';
    if (status)
        fclose(status);
    footprint.address_space_kb = status_value(text, "VmSize:");
    footprint.resident_kb = status_value(text, "VmRSS:");
    DIR *descriptors = opendir("/proc/self/fd");
    while (descriptors && readdir(descriptors))
        footprint.descriptors++;
    closedir(descriptors);
    return footprint;
}

static int run_one(struct module *module, int i)
{
    static const struct {
        enum hostile_act act;
        enum fault fault;
    } cases[] = {{ACT_COMPUTE, FAULT_NONE}, {ACT_LOAD_FAR, FAULT_MEMORY_OUT_OF_BOUNDS},
                 {ACT_NOTHING, FAULT_NONE}, {ACT_LOOK_BEHIND, FAULT_NONE},
                 {ACT_COMPUTE, FAULT_NONE}, {ACT_BAD_WRAP, FAULT_BAD_ADDRESS},
                 {ACT_EXIT, FAULT_NONE}, {ACT_UNREACHABLE, FAULT_UNREACHABLE},
                 {ACT_GROW, FAULT_NONE}, {ACT_RECURSE_SHADOW, FAULT_STACK_EXHAUSTED}};
    const size_t which = (size_t)i % (sizeof cases / sizeof cases[0]);
    struct support_host host = {.act = cases[which].act};
    const struct sandbox_limits limits = {.cpu_ms = 10000};
    return support_run(module, &host, &limits).fault == cases[which].fault ? 0 : 1;
}

static void executions_leave_nothing(void)
{
    struct module *module = support_open("hostile");
    int wrong = 0;
    for (int i = 0; i < 1000; i++)
        wrong += run_one(module, i);
    const struct footprint before = measure();
    const int64_t begin_ms = clock_monotonic_ms();
    for (int i = 0; i < EXECUTIONS; i++)
        wrong += run_one(module, i);
    const struct footprint after = measure();
    printf("       %d executions in %lld ms; VmSize %ld -> %ld kB, VmRSS %ld -> %ld kB, "
           "descriptors %d -> %d\n",
           EXECUTIONS, (long long)(clock_monotonic_ms() - begin_ms), before.address_space_kb,
           after.address_space_kb, before.resident_kb, after.resident_kb, before.descriptors,
           after.descriptors);
    CHECK_EQ_INT(wrong, 0);
    CHECK(before.address_space_kb > 8L << 20); /* a slot is in there: it means something */
    CHECK_EQ_INT(after.address_space_kb, before.address_space_kb);
    CHECK_EQ_INT(after.descriptors, before.descriptors);
    CHECK(after.resident_kb <= before.resident_kb + RESIDENT_SLACK_KB);
    module_close(module);
}

static long reservations_since(long base_kb)
{
    const long grown_kb = measure().address_space_kb - base_kb;
    return (grown_kb + (4L << 20)) / (8L << 20); /* rounded: the allocator moves, too */
}

/* More modules than a thread may keep slots for: the oldest make room. */
static void pools_are_bounded(void)
{
    sandbox_thread_release();
    const long base_kb = measure().address_space_kb;
    struct module *modules[SLOT_COUNT_MAX + 4];
    for (size_t i = 0; i < SLOT_COUNT_MAX + 4; i++) {
        modules[i] = support_open("nothing");
        CHECK_EQ_TEXT(fault_name(support_act(modules[i], ACT_NOTHING)), "none");
    }
    CHECK_EQ_INT(reservations_since(base_kb), SLOT_COUNT_MAX);
    for (size_t i = 0; i < SLOT_COUNT_MAX + 4; i++)
        module_close(modules[i]);
    struct module *last = support_open("hostile"); /* closed modules' slots go first */
    CHECK_EQ_TEXT(fault_name(support_act(last, ACT_NOTHING)), "none");
    CHECK_EQ_INT(reservations_since(base_kb), 1);
    module_close(last);
    sandbox_thread_release();
    CHECK_EQ_INT(reservations_since(base_kb), 0);
}

int main(void)
{
    static const struct check_test tests[] = {TEST(executions_leave_nothing),
                                              TEST(pools_are_bounded)};
    return check_run(tests, sizeof tests / sizeof tests[0]);
}
