/* SPDX-License-Identifier: MIT */
/* Pools from the limits of a control group, read from files that look like the kernel's. */
#include "check.h"
#include "server/sizing.h"
#include "temporary.h"

#define MIB (1024 * 1024)
#define RUN_BYTES (12 * MIB)

static struct sizing size_for(const char *cpu, const char *memory,
                              const struct server_settings *settings)
{
    struct temporary group = temporary_make();
    struct cgroup_limits limits;
    temporary_write(&group, "cpu.max", cpu);
    temporary_write(&group, "memory.max", memory);
    temporary_write(&group, "self", "0::/\n");
    cgroup_read(group.folder, temporary_path(&group, "self"), &limits);
    temporary_remove(&group);
    return sizing_choose(settings, &limits, RUN_BYTES);
}

static void pools_fit_the_container(void)
{
    static const struct {
        const char *cpu, *memory;
        unsigned workers, connections_max;
        size_t bodies_mib;
    } cases[] = {
        {"max 100000\n", "max\n", 16, 1000, 256},
        {"100000 100000\n", "max\n", 16, 1000, 256},
        {"50000 100000\n", "max\n", 8, 1000, 256},
        {"25000 100000\n", "max\n", 4, 1000, 256},
        {"10000 100000\n", "max\n", 2, 1000, 256},
        {"1000 100000\n", "max\n", 2, 1000, 256},  /* never less than two */
        {"800000 100000\n", "max\n", 16, 1000, 256},
        {"max 100000\n", "4294967296\n", 16, 1000, 256},
        {"max 100000\n", "402653184\n", 16, 768, 96},   /* 384 MiB: 16 runs just fit */
        {"max 100000\n", "402653183\n", 15, 767, 95},   /* and a byte less */
        {"max 100000\n", "134217728\n", 5, 256, 32},    /* 128 MiB */
        {"25000 100000\n", "134217728\n", 4, 256, 32},  /* the smaller of both */
        {"max 100000\n", "1048576\n", 2, 16, 1},        /* nothing useful fits: the least there is */
    };
    const struct server_settings none = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sizing sizing = size_for(cases[i].cpu, cases[i].memory, &none);
        CHECK_EQ_INT(sizing.workers, cases[i].workers);
        CHECK_EQ_INT(sizing.connections_max, cases[i].connections_max);
        CHECK_EQ_INT(sizing.bodies_size_max / MIB, cases[i].bodies_mib);
    }
}

static void settings_stand(void)
{
    const struct server_settings given = {.workers = 40, .connections_max = 7};
    struct sizing sizing = size_for("1000 100000\n", "1048576\n", &given);
    CHECK_EQ_INT(sizing.workers, 40);
    CHECK_EQ_INT(sizing.connections_max, 7);
}

CHECK_MAIN(TEST(pools_fit_the_container), TEST(settings_stand))
