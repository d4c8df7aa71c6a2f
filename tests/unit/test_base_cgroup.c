/* SPDX-License-Identifier: MIT */
/* Limits of control groups, read from files that look like the kernel's. */
#include "base/cgroup.h"

#include "check.h"
#include "temporary.h"

static struct temporary place;

static struct cgroup_limits limits_of(const char *self)
{
    struct cgroup_limits limits = {1, 1};
    temporary_write(&place, "self", self);
    cgroup_read(place.folder, temporary_path(&place, "self"), &limits);
    return limits;
}

static void set(const char *group, const char *cpu, const char *memory)
{
    char name[64];
    snprintf(name, sizeof name, "%s/cpu.max", group);
    temporary_write(&place, name, cpu);
    snprintf(name, sizeof name, "%s/memory.max", group);
    temporary_write(&place, name, memory);
}

static void values_are_read(void)
{
    static const struct {
        const char *cpu, *memory;
        uint32_t cpu_percent;
        uint64_t memory_bytes;
        const char *why;
    } cases[] = {
        {"max 100000\n", "max\n", 0, 0, "no limit"},
        {"50000 100000\n", "134217728\n", 50, 134217728, "half a CPU, 128 MiB"},
        {"250000 100000\n", "1\n", 250, 1, "two and a half"},
        {"1 100000\n", "max\n", 1, 0, "never rounded down to no limit"},
        {"50000\n", "-5\n", 0, 0, "half a line, a negative number"},
        {"a b\n", "12x\n", 0, 0, "no numbers"},
        {"0 100000\n", "0\n", 0, 0, "zero is nothing the kernel writes"},
        {"50000 0\n", "\n", 0, 0, "no period"},
        {"99999999999999999999 1\n", "99999999999999999999\n", 0, 0, "out of range"},
        {"", "", 0, 0, "empty"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        set(".", cases[i].cpu, cases[i].memory);
        struct cgroup_limits limits = limits_of("0::/\n");
        if (limits.cpu_percent != cases[i].cpu_percent ||
            limits.memory_bytes != cases[i].memory_bytes)
            fprintf(stderr, "case: %s\n", cases[i].why);
        CHECK_EQ_INT(limits.cpu_percent, cases[i].cpu_percent);
        CHECK_EQ_INT(limits.memory_bytes, cases[i].memory_bytes);
    }
}

static void the_smallest_on_the_way_up_counts(void)
{
    set(".", "max 100000\n", "max\n");
    set("pod", "200000 100000\n", "1000000\n");
    set("pod/container", "400000 100000\n", "2000\n");
    struct cgroup_limits limits = limits_of("1:memory:/old\n0::/pod/container\n");
    CHECK_EQ_INT(limits.cpu_percent, 200);
    CHECK_EQ_INT(limits.memory_bytes, 2000);
    limits = limits_of("0::/pod\n");
    CHECK_EQ_INT(limits.cpu_percent, 200);
    CHECK_EQ_INT(limits.memory_bytes, 1000000);
}

static void what_is_not_there_sets_no_limit(void)
{
    set(".", "max 100000\n", "4096\n");
    CHECK_EQ_INT(limits_of("0::/gone/deeper\n").memory_bytes, 4096);
    CHECK_EQ_INT(limits_of("1:cpu:/version/one/only\n").memory_bytes, 4096);
    struct cgroup_limits limits = {1, 1};
    cgroup_read("/nonexistent", "/nonexistent/self", &limits);
    CHECK_EQ_INT(limits.cpu_percent, 0);
    CHECK_EQ_INT(limits.memory_bytes, 0);
}

int main(void)
{
    static const struct check_test tests[] = {
        TEST(values_are_read), TEST(the_smallest_on_the_way_up_counts),
        TEST(what_is_not_there_sets_no_limit)};
    place = temporary_make();
    CHECK(mkdir(temporary_path(&place, "pod"), 0700) == 0);
    CHECK(mkdir(temporary_path(&place, "pod/container"), 0700) == 0);
    int status = check_run(tests, sizeof tests / sizeof tests[0]);
    temporary_remove(&place);
    return status;
}
