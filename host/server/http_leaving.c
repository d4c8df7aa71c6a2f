/* SPDX-License-Identifier: MIT */
/* Sockets that outlive their connection; see http_leaving.h. */
#include "server/http_leaving.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROUND_STEP (1u << 20)

void leaving_init(struct leaving *leaving)
{
    leaving->count = 0;
    pthread_mutex_init(&leaving->mutex, NULL);
}

void leaving_add(struct leaving *leaving, int fd, int64_t now_ms)
{
    pthread_mutex_lock(&leaving->mutex);
    int copy = leaving->count < LEAVING_MAX ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
    if (copy >= 0)
        leaving->sockets[leaving->count++] = (struct leaving_socket){copy, now_ms + LEAVING_MS};
    pthread_mutex_unlock(&leaving->mutex);
}

/* Whether more may come. On TCP, MSG_TRUNC drops bytes without copying them (tcp(7)). */
static bool drop(int fd)
{
    for (size_t dropped = 0; dropped < LEAVING_ROUND_SIZE_MAX;) {
        ssize_t got = recv(fd, NULL, ROUND_STEP, MSG_DONTWAIT | MSG_TRUNC);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
        dropped += (size_t)got;
    }
    return true;
}

/* Only this thread takes entries out, so those it has seen stay where they are without the mutex. */
void leaving_tick(struct leaving *leaving, int64_t now_ms)
{
    pthread_mutex_lock(&leaving->mutex);
    size_t count = leaving->count;
    pthread_mutex_unlock(&leaving->mutex);
    while (count-- > 0) {
        struct leaving_socket *socket = &leaving->sockets[count];
        if (drop(socket->fd) && now_ms < socket->until_ms)
            continue;
        close(socket->fd);
        pthread_mutex_lock(&leaving->mutex);
        *socket = leaving->sockets[--leaving->count];
        pthread_mutex_unlock(&leaving->mutex);
    }
}

void leaving_release(struct leaving *leaving)
{
    for (size_t i = 0; i < leaving->count; i++)
        close(leaving->sockets[i].fd);
    leaving->count = 0;
    pthread_mutex_destroy(&leaving->mutex);
}
