/* SPDX-License-Identifier: MIT */
/* What is written where of a hierarchy of cgroups, into plain files that stand for it. The kernel itself is
 * asked only whether it has one. */
#include "supervisor/isolation.h"

#include "check.h"
#include "temporary.h"

static struct temporary place;
static struct isolation isolation;
static struct error err;

static const struct tenant_settings limits = {.memory = 1 << 20, .processes = 77, .cpu_weight = 250};

static void make_cgroup(const char *name)
{
    static const char *const files[] = {"cgroup.procs", "cgroup.subtree_control", "cgroup.controllers",
                                        "cpu.weight", "memory.max", "memory.oom.group", "pids.max",
                                        "cgroup.kill"};
    char path[256];
    CHECK_EQ_INT(mkdir(temporary_path(&place, name), 0755), 0);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", name, files[i]);
        temporary_write(&place, path, "");
    }
}

static const char *content(const char *name)
{
    static char text[512];
    FILE *file = fopen(temporary_path(&place, name), "r");
    const size_t size = file ? fread(text, 1, sizeof text - 1, file) : 0;
    text[size] = '\0';
    if (file)
        fclose(file);
    return text;
}

/* own: a service whose only process this is; the kernel would make the files of the folders below. */
static void make_service(const char *controllers)
{
    char text[32];
    place = temporary_make();
    isolation = (struct isolation){.cpu = CPU_SHARE_NICE};
    snprintf(text, sizeof text, "%d\n", (int)getpid());
    make_cgroup("own");
    make_cgroup("own/supervisor");
    make_cgroup("own/tenant-acme");
    temporary_write(&place, "own/cgroup.procs", text);
    temporary_write(&place, "own/cgroup.controllers", controllers);
}

static void a_cgroup_of_its_own_is_divided(void)
{
    char entrance[PATH_MAX];
    make_service("cpuset cpu io memory hugetlb pids\n");
    isolation_open_at(&isolation, place.folder, "/own");
    CHECK_EQ_INT(isolation.cpu, CPU_SHARE_CGROUP);
    CHECK(isolation.memory_by_cgroup && isolation.processes_by_cgroup);
    CHECK_EQ_TEXT(isolation.why_no_cgroup, "");
    CHECK_EQ_TEXT(content("own/supervisor/cgroup.procs"), "0");
    CHECK_EQ_TEXT(content("own/cgroup.subtree_control"), "+cpu +memory +pids");
    CHECK_OK(isolation_prepare(&isolation, "acme", &limits, &err), &err);
    CHECK_EQ_TEXT(content("own/tenant-acme/cpu.weight"), "250");
    CHECK_EQ_TEXT(content("own/tenant-acme/memory.max"), "1048576");
    CHECK_EQ_TEXT(content("own/tenant-acme/memory.oom.group"), "1");
    CHECK_EQ_TEXT(content("own/tenant-acme/pids.max"), "77");
    isolation_entrance(&isolation, "acme", entrance);
    CHECK_EQ_TEXT(entrance, temporary_path(&place, "own/tenant-acme/cgroup.procs"));
    isolation_remove(&isolation, "acme");
    CHECK_EQ_TEXT(content("own/tenant-acme/cgroup.kill"), "1");
    temporary_remove(&place);
}

static void without_pids_the_user_limit_is_what_there_is(void)
{
    make_service("memory cpu");
    isolation_open_at(&isolation, place.folder, "/own");
    CHECK_EQ_INT(isolation.cpu, CPU_SHARE_CGROUP);
    CHECK(!isolation.processes_by_cgroup);
    CHECK_EQ_TEXT(content("own/cgroup.subtree_control"), "+cpu +memory");
    CHECK_OK(isolation_prepare(&isolation, "acme", &limits, &err), &err);
    CHECK_EQ_TEXT(content("own/tenant-acme/pids.max"), "");
    temporary_remove(&place);
}

static void expect_none(const char *why)
{
    char entrance[PATH_MAX] = "x";
    isolation_open_at(&isolation, place.folder, "/own");
    CHECK_EQ_INT(isolation.cpu, CPU_SHARE_NICE);
    CHECK(!isolation.memory_by_cgroup);
    CHECK_CONTAINS(isolation.why_no_cgroup, why);
    CHECK_EQ_TEXT(isolation.cgroup, "");
    CHECK_OK(isolation_prepare(&isolation, "acme", &limits, &err), &err);
    CHECK_EQ_TEXT(content("own/tenant-acme/memory.max"), "");
    isolation_entrance(&isolation, "acme", entrance);
    CHECK_EQ_TEXT(entrance, "");
    isolation_remove(&isolation, "acme");
    temporary_remove(&place);
}

static void what_is_not_its_own_is_left_alone(void)
{
    char text[64];
    make_service("cpu memory pids");
    snprintf(text, sizeof text, "%d\n%d\n", (int)getpid(), (int)getppid());
    temporary_write(&place, "own/cgroup.procs", text);
    expect_none("not alone");
    make_service("memory pids");
    expect_none("no cpu and memory controllers");
    make_service("cpuset memory pids"); /* "cpu" is not a part of a word */
    expect_none("no cpu and memory controllers");
    make_service("cpu memory");
    CHECK_EQ_INT(unlink(temporary_path(&place, "own/supervisor/cgroup.procs")), 0);
    expect_none("may not be divided");
    make_service("cpu memory");
    CHECK_EQ_INT(unlink(temporary_path(&place, "own/cgroup.subtree_control")), 0);
    expect_none("controllers cannot be passed on");
    place = temporary_make(); /* nothing there */
    expect_none("not alone");
}

static void a_limit_that_cannot_be_set_is_an_error(void)
{
    make_service("cpu memory pids");
    isolation_open_at(&isolation, place.folder, "/own");
    CHECK_EQ_INT(unlink(temporary_path(&place, "own/tenant-acme/memory.max")), 0);
    CHECK_FAILS(isolation_prepare(&isolation, "acme", &limits, &err), &err, ERROR_INTERNAL);
    CHECK_CONTAINS(err.message, "memory.max");
    temporary_remove(&place);
}

static void it_can_be_turned_off(void)
{
    isolation_open(&isolation, CGROUP_OFF);
    CHECK(isolation.cpu == CPU_SHARE_AUTOGROUP || isolation.cpu == CPU_SHARE_NICE);
    CHECK_CONTAINS(isolation.why_no_cgroup, "\"off\"");
}

static void weights_become_niceness(void)
{
    CHECK_EQ_INT(isolation_nice(100), 0);
    CHECK_EQ_INT(isolation_nice(125), -1);
    CHECK_EQ_INT(isolation_nice(80), 1);
    CHECK_EQ_INT(isolation_nice(1), 19);
    CHECK_EQ_INT(isolation_nice(10000), -20);
}

CHECK_MAIN(TEST(a_cgroup_of_its_own_is_divided), TEST(without_pids_the_user_limit_is_what_there_is),
           TEST(what_is_not_its_own_is_left_alone), TEST(a_limit_that_cannot_be_set_is_an_error),
           TEST(it_can_be_turned_off), TEST(weights_become_niceness))
