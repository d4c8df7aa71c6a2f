/* SPDX-License-Identifier: MIT */
/* See confine.h. Landlock has no libc wrappers in Debian 12; its first version (Linux 5.13) is all
 * that is asked for. */
#include "engine/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CHANGES                                                                                    \
    (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |                               \
     LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | \
     LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |   \
     LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)

int confine_network(void)
{
    if (unshare(CLONE_NEWNET) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0)
        return 0;
    return errno;
}

static bool allow(int rules, const char *path, unsigned long long access)
{
    const int fd = open(path, O_PATH | O_CLOEXEC);
    const struct landlock_path_beneath_attr rule = {.allowed_access = access, .parent_fd = fd};
    const bool ok =
        fd >= 0 && syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
    const int number = errno;
    if (fd >= 0)
        close(fd);
    errno = number;
    return ok;
}

int confine_writes(const char *folder)
{
    const struct landlock_ruleset_attr handled = {.handled_access_fs = CHANGES};
    const int rules = (int)syscall(SYS_landlock_create_ruleset, &handled, sizeof handled, 0);
    if (rules < 0)
        return errno;
    const bool ok = allow(rules, folder, CHANGES) &&
                    allow(rules, "/dev/null", LANDLOCK_ACCESS_FS_WRITE_FILE) &&
                    syscall(SYS_landlock_restrict_self, rules, 0) == 0;
    const int number = ok ? 0 : errno;
    close(rules);
    return number;
}
