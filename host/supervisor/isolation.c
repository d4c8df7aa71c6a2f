/* SPDX-License-Identifier: MIT */
/* See isolation.h. Files of cgroups as Linux's admin-guide/cgroup-v2 has them. */
#include "supervisor/isolation.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#define CGROUP_ROOT "/sys/fs/cgroup"
#define AUTOGROUP_SWITCH "/proc/sys/kernel/sched_autogroup_enabled"
#define SUPERVISOR_LEAF "supervisor"
#define TENANT_PREFIX "tenant-"
#define SMALL_SIZE 4096

const char *const cpu_share_names[] = {"cgroup", "autogroup", "nice"};

static bool path_of(char out[PATH_MAX], const char *folder, const char *name, const char *file)
{
    return snprintf(out, PATH_MAX, "%s%s%s%s%s", folder, name[0] ? "/" : "", name,
                    file[0] ? "/" : "", file) < PATH_MAX;
}

/* False: errno. Files of a cgroup exist already; none is ever made. */
static bool put(const char *folder, const char *name, const char *file, const char *text)
{
    char path[PATH_MAX];
    if (!path_of(path, folder, name, file)) {
        errno = ENAMETOOLONG;
        return false;
    }
    const int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    const ssize_t size = (ssize_t)strlen(text);
    const bool ok = fd >= 0 && write(fd, text, (size_t)size) == size;
    const int number = errno;
    if (fd >= 0)
        close(fd);
    errno = number;
    return ok;
}

/* At most size - 1 bytes of the file as text; "" where it cannot be read. */
static void get(const char *folder, const char *file, char *text, size_t size)
{
    char path[PATH_MAX];
    text[0] = '\0';
    if (!path_of(path, folder, "", file))
        return;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t got = fd >= 0 ? read(fd, text, size - 1) : -1;
    text[got > 0 ? got : 0] = '\0';
    if (fd >= 0)
        close(fd);
}

static bool has_word(const char *text, const char *word)
{
    const size_t size = strlen(word);
    for (const char *at = text; (at = strstr(at, word)); at += size)
        if ((at == text || at[-1] == ' ') && strchr(" \n", at[size]))
            return true;
    return false;
}

static bool give_up(struct isolation *out, const char *why)
{
    snprintf(out->why_no_cgroup, sizeof out->why_no_cgroup, "%s", why);
    out->cgroup[0] = '\0';
    return false;
}

static bool give_up_errno(struct isolation *out, const char *what)
{
    char why[200];
    snprintf(why, sizeof why, "%s: %s", what, strerror(errno));
    return give_up(out, why);
}

/* A cgroup with processes in it cannot be divided, and others' processes are not ours to move. */
static bool is_alone(const char *cgroup)
{
    char text[SMALL_SIZE];
    get(cgroup, "cgroup.procs", text, sizeof text);
    return strtol(text, NULL, 10) == getpid() && strspn(text, "0123456789\n") == strlen(text) &&
           strchr(text, '\n') == strrchr(text, '\n');
}

static bool make_folder(const char *cgroup, const char *name)
{
    char path[PATH_MAX];
    if (path_of(path, cgroup, name, "") && (mkdir(path, 0755) == 0 || errno == EEXIST))
        return true;
    return false;
}

static bool divide(struct isolation *out, const char *controllers)
{
    static const char *const names[] = {"cpu", "memory", "pids"};
    char wanted[64] = "";
    for (size_t i = 0; i < 3; i++)
        if (has_word(controllers, names[i]))
            snprintf(wanted + strlen(wanted), sizeof wanted - strlen(wanted), "%s+%s",
                     wanted[0] ? " " : "", names[i]);
    if (!make_folder(out->cgroup, SUPERVISOR_LEAF) ||
        !put(out->cgroup, SUPERVISOR_LEAF, "cgroup.procs", "0"))
        return give_up_errno(out, "its own cgroup may not be divided");
    if (put(out->cgroup, "", "cgroup.subtree_control", wanted))
        return true;
    const int number = errno;
    const bool is_back = put(out->cgroup, "", "cgroup.procs", "0");
    errno = number;
    return give_up_errno(out, is_back ? "controllers cannot be passed on to tenants"
                                      : "controllers cannot be passed on, and it stays in a leaf");
}

void isolation_open_at(struct isolation *out, const char *root, const char *own)
{
    char controllers[SMALL_SIZE];
    if (!path_of(out->cgroup, root, own[0] == '/' ? own + 1 : own, "")) {
        give_up(out, "the name of its own cgroup is too long");
        return;
    }
    if (!is_alone(out->cgroup)) {
        give_up(out, "it is not alone in its own cgroup (systemd: a service with Delegate=yes)");
        return;
    }
    get(out->cgroup, "cgroup.controllers", controllers, sizeof controllers);
    if (!has_word(controllers, "cpu") || !has_word(controllers, "memory")) {
        give_up(out, "its own cgroup has no cpu and memory controllers to share out");
        return;
    }
    if (!divide(out, controllers))
        return;
    out->cpu = CPU_SHARE_CGROUP;
    out->memory_by_cgroup = true;
    out->processes_by_cgroup = has_word(controllers, "pids");
}

/* Our place in the hierarchy of version 2: the line "0::/path". */
static bool find_own(char own[PATH_MAX])
{
    char line[PATH_MAX];
    FILE *file = fopen("/proc/self/cgroup", "re");
    bool found = false;
    while (file && !found && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        found = strncmp(line, "0::", 3) == 0;
    }
    if (file)
        fclose(file);
    snprintf(own, PATH_MAX, "%s", found ? line + 3 : "");
    return found;
}

static enum cpu_share share_without_cgroups(void)
{
    char text[8];
    get(AUTOGROUP_SWITCH, "", text, sizeof text);
    return text[0] == '1' ? CPU_SHARE_AUTOGROUP : CPU_SHARE_NICE;
}

void isolation_open(struct isolation *out, enum cgroup_choice choice)
{
    char own[PATH_MAX];
    struct statfs about;
    *out = (struct isolation){.cpu = share_without_cgroups()};
    if (choice == CGROUP_OFF)
        give_up(out, "\"cgroup\" in supervise.json is \"off\"");
    else if (statfs(CGROUP_ROOT, &about) != 0 || about.f_type != CGROUP2_SUPER_MAGIC || !find_own(own))
        give_up(out, "this machine has no cgroups of version 2 at " CGROUP_ROOT);
    else
        isolation_open_at(out, CGROUP_ROOT, own);
}

static bool set_limit(const struct isolation *isolation, const char *name, const char *file,
                      uint64_t value, struct error *err)
{
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    return put(isolation->cgroup, name, file, text) ||
           error_errno(err, ERROR_INTERNAL, errno, "cannot write '%s' of its cgroup", file);
}

bool isolation_prepare(const struct isolation *isolation, const char *tenant,
                       const struct tenant_settings *limits, struct error *err)
{
    char name[TENANT_NAME_SIZE + sizeof TENANT_PREFIX];
    if (!isolation->cgroup[0])
        return true;
    snprintf(name, sizeof name, TENANT_PREFIX "%s", tenant);
    if (!make_folder(isolation->cgroup, name))
        return error_errno(err, ERROR_INTERNAL, errno, "cannot make a cgroup for it");
    return set_limit(isolation, name, "cpu.weight", limits->cpu_weight, err) &&
           set_limit(isolation, name, "memory.max", limits->memory, err) &&
           set_limit(isolation, name, "memory.oom.group", 1, err) &&
           (!isolation->processes_by_cgroup ||
            set_limit(isolation, name, "pids.max", limits->processes, err));
}

void isolation_entrance(const struct isolation *isolation, const char *tenant, char path[PATH_MAX])
{
    char name[TENANT_NAME_SIZE + sizeof TENANT_PREFIX];
    snprintf(name, sizeof name, TENANT_PREFIX "%s", tenant);
    if (!isolation->cgroup[0] || !path_of(path, isolation->cgroup, name, "cgroup.procs"))
        path[0] = '\0';
}

void isolation_remove(const struct isolation *isolation, const char *tenant)
{
    char name[TENANT_NAME_SIZE + sizeof TENANT_PREFIX], path[PATH_MAX];
    snprintf(name, sizeof name, TENANT_PREFIX "%s", tenant);
    if (!isolation->cgroup[0] || !path_of(path, isolation->cgroup, name, ""))
        return;
    if (!put(isolation->cgroup, name, "cgroup.kill", "1"))
        errno = 0; /* before Linux 5.14: its process group has been killed, which is nearly all */
    rmdir(path); /* One that still dies in it keeps it until the next time. */
}

int isolation_nice(uint32_t cpu_weight)
{
    const double steps = -log((double)cpu_weight / 100.0) / log(1.25);
    const double nearest = round(steps);
    return nearest < -20 ? -20 : nearest > 19 ? 19 : (int)nearest;
}
