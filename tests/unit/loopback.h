/* SPDX-License-Identifier: MIT */
/* Peers on the loopback interface that read a request of HTTP/1.1 and give an answer to it. */
#ifndef TESTS_LOOPBACK_H
#define TESTS_LOOPBACK_H
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "check.h"

#define LOOPBACK_ADDRESS_SIZE 32
#define LOOPBACK_PATIENCE_S 9 /* for a connection that does not come, and for each of its bytes */

/* A socket that listens; address is "127.0.0.1:PORT". */
static inline int loopback_listen(char address[static LOOPBACK_ADDRESS_SIZE])
{
    struct sockaddr_in place = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof place;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK_EQ_INT(bind(fd, (struct sockaddr *)&place, size), 0);
    CHECK_EQ_INT(listen(fd, 1), 0);
    const struct timeval patience = {.tv_sec = LOOPBACK_PATIENCE_S};
    CHECK_EQ_INT(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    CHECK_EQ_INT(getsockname(fd, (struct sockaddr *)&place, &size), 0);
    snprintf(address, LOOPBACK_ADDRESS_SIZE, "127.0.0.1:%u", ntohs(place.sin_port));
    return fd;
}

/* Bytes of the request that begins in text; 0: its header is not there yet. */
static inline size_t loopback_request_size(const struct buf *text)
{
    const char *end = strstr(buf_text(text), "\r\n\r\n");
    const char *length = strcasestr(buf_text(text), "\r\nContent-Length: ");
    size_t body = length && length < end ? strtoul(length + 18, NULL, 10) : 0;
    return end ? (size_t)(end + 4 - buf_text(text)) + body : 0;
}

/* Reads one request into request, which is cleared first. False: the peer ended the connection. */
static inline bool loopback_read(int connection, struct buf *request)
{
    static _Thread_local char bytes[65536];
    buf_clear(request);
    for (;;) {
        size_t size = loopback_request_size(request);
        if (size > 0 && request->size >= size)
            return true;
        ssize_t got = recv(connection, bytes, sizeof bytes, 0);
        if (got <= 0)
            return false;
        buf_append(request, bytes, (size_t)got);
    }
}

/* fields: header lines, each ended by CR LF. */
static inline void loopback_answer(int connection, const char *status, const char *fields,
                                   const char *body)
{
    char text[1024];
    int size = snprintf(text, sizeof text, "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n\r\n%s", status,
                        fields, strlen(body), body);
    CHECK_EQ_INT(send(connection, text, (size_t)size, MSG_NOSIGNAL), size);
}
#endif
