/* SPDX-License-Identifier: MIT */
/* bind, listen, permissions, link: in this order; see fn_listener.h. */
#include "server/fn_listener.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define SCHEME "unix:"
#define BACKLOG 16
#define MODE 0666 /* the agent is another user */

static bool name_files(struct fn_listener *out, const char *value, struct error *err)
{
    if (!value || strncmp(value, SCHEME, strlen(SCHEME)) != 0)
        return error_set(err, ERROR_INVALID, "FN_LISTENER is %s; expected unix:PATH, as Fn sets it",
                         value ? "no unix: address" : "not set");
    const char *path = value + strlen(SCHEME);
    const char *slash = strrchr(path, '/');
    size_t size_max = sizeof out->phony - strlen(FN_LISTENER_PHONY) - 1;
    if (!slash || !slash[1] || strlen(path) > size_max)
        return error_set(err, ERROR_INVALID, "FN_LISTENER must name a file with its folder, in at "
                         "most %zu bytes", size_max);
    snprintf(out->path, sizeof out->path, "%s", path);
    snprintf(out->phony, sizeof out->phony, "%.*s/" FN_LISTENER_PHONY "%s", (int)(slash - path), path,
             slash + 1);
    return true;
}

static bool make_socket(const struct fn_listener *listener, int fd, struct error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, listener->phony, sizeof address.sun_path);
    if (bind(fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
        listen(fd, BACKLOG) != 0 || chmod(listener->phony, MODE) != 0)
        return error_errno(err, ERROR_INVALID, errno, "cannot listen on '%s'", listener->phony);
    if (symlink(strrchr(listener->phony, '/') + 1, listener->path) != 0)
        return error_errno(err, ERROR_INVALID, errno, "cannot create '%s'", listener->path);
    return true;
}

bool fn_listener_open(struct fn_listener *out, const char *value, struct error *err)
{
    *out = (struct fn_listener){.fd = -1};
    if (!name_files(out, value, err))
        return false;
    fn_listener_remove(out);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return error_errno(err, ERROR_INTERNAL, errno, "no socket for '%s'", out->path);
    if (make_socket(out, fd, err)) {
        out->fd = fd;
        return true;
    }
    fn_listener_remove(out);
    close(fd);
    return false;
}

void fn_listener_remove(const struct fn_listener *listener)
{
    unlink(listener->path);
    unlink(listener->phony);
}
