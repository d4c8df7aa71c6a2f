/* SPDX-License-Identifier: MIT */
/* "ADDRESS:PORT" to a listening socket, and room for those it gives; see http_server.h. */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/http_server.h"

#define BACKLOG 1024
#define HOST_SIZE 256

static bool split(const char *address, char host[HOST_SIZE], const char **port, struct error *err)
{
    const char *colon = strrchr(address, ':');
    size_t size = colon ? (size_t)(colon - address) : 0;
    bool in_brackets = size >= 2 && address[0] == '[' && address[size - 1] == ']';
    if (in_brackets) {
        address++;
        size -= 2;
    }
    if (size == 0 || size >= HOST_SIZE || !colon[1] || (!in_brackets && memchr(address, ':', size)))
        return error_set(err, ERROR_INVALID, "'%.128s' is not an address to listen on; expected "
                         "ADDRESS:PORT, as in 127.0.0.1:8080 or [::1]:8080", address);
    memcpy(host, address, size);
    host[size] = '\0';
    *port = colon + 1;
    return true;
}

static bool bind_and_listen(const struct addrinfo *info, const char *address, int *out,
                            struct error *err)
{
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), one = 1;
    if (fd < 0)
        return error_errno(err, ERROR_INTERNAL, errno, "no socket for '%s'", address);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, info->ai_addr, info->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0) {
        enum error_kind kind = errno == EADDRINUSE ? ERROR_EXISTS : ERROR_INVALID;
        error_errno(err, kind, errno, "cannot listen on '%s'", address);
        close(fd);
        return false;
    }
    *out = fd;
    return true;
}

static void name_socket(int fd, const char *scheme, char *url, size_t url_size)
{
    struct sockaddr_storage bound = {.ss_family = AF_UNSPEC};
    socklen_t size = sizeof bound;
    char host[HOST_SIZE] = "", port[16] = "";
    if (getsockname(fd, (struct sockaddr *)&bound, &size) == 0)
        (void)getnameinfo((struct sockaddr *)&bound, size, host, sizeof host, port, sizeof port,
                          NI_NUMERICHOST | NI_NUMERICSERV);
    bool is_six = bound.ss_family == AF_INET6;
    snprintf(url, url_size, "%s://%s%s%s:%s", scheme, is_six ? "[" : "", host, is_six ? "]" : "",
             port);
}

bool http_listen(const char *address, const char *scheme, int *fd, char *url, size_t url_size,
                 struct error *err)
{
    char host[HOST_SIZE];
    const char *port = NULL;
    if (!split(address, host, &port, err))
        return false;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    int failure = getaddrinfo(host, port, &hints, &found);
    if (failure != 0)
        return error_set(err, ERROR_INVALID, "cannot listen on '%.128s': %s", address,
                         gai_strerror(failure));
    bool ok = bind_and_listen(found, address, fd, err);
    freeaddrinfo(found);
    if (ok)
        name_socket(*fd, scheme, url, url_size);
    return ok;
}

uint64_t http_raise_descriptors(uint64_t wanted)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 0;
    rlim_t possible = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    if (limit.rlim_cur < possible) {
        const struct rlimit raised = {.rlim_cur = possible, .rlim_max = limit.rlim_max};
        if (setrlimit(RLIMIT_NOFILE, &raised) == 0)
            limit.rlim_cur = possible;
    }
    return limit.rlim_cur;
}
