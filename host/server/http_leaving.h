/* SPDX-License-Identifier: MIT */
/*
 * Closing without a reset (RFC 9112 9.6): a socket that is closed while its client still sends makes
 * the client's system throw the answer away. What the library is about to close is kept open for a
 * while, and what comes is dropped. leaving_add from the thread of the sockets, the rest from one other.
 */
#ifndef SERVER_HTTP_LEAVING_H
#define SERVER_HTTP_LEAVING_H
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#define LEAVING_MAX 64u  /* sockets at once; more are closed at once */
#define LEAVING_MS 10000 /* for one */
#define LEAVING_ROUND_SIZE_MAX (64u << 20) /* bytes dropped of one in one leaving_tick */

struct leaving {
    pthread_mutex_t mutex; /* all below */
    struct leaving_socket {
        int fd;
        int64_t until_ms;
    } sockets[LEAVING_MAX];
    size_t count;
};

void leaving_init(struct leaving *leaving);
/* Takes a duplicate of fd, whose writing side is closed already or will be. */
void leaving_add(struct leaving *leaving, int fd, int64_t now_ms);
/* Drops what came, closes what is over. Call a few times a second. */
void leaving_tick(struct leaving *leaving, int64_t now_ms);
void leaving_release(struct leaving *leaving); /* closes all */
#endif
