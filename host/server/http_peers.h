/* SPDX-License-Identifier: MIT */
/*
 * The open connections of a server: how many there may be, and how long each phase of one may take.
 * Peers of one phase stand in a queue in the order in which they entered it, so looking for those that
 * are late costs what it finds. When there are too many, the one that has been idle longest makes room;
 * when none is idle, the new one is extra: it is told so and gets no more.
 * peers_add, _move and _remove from the thread of the sockets; the others from any one thread.
 */
#ifndef SERVER_HTTP_PEERS_H
#define SERVER_HTTP_PEERS_H
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum peer_phase {
    PEER_HEADER, /* the header of the next request is awaited; being idle counts */
    PEER_BODY,   /* the rest of a request is awaited */
    PEER_FILE,   /* a body that is handled while it comes: entered anew with each byte */
    PEER_RUN,    /* the server's turn: no deadline */
    PEER_ANSWER, /* the client is to take its answer */
    PEER_EXTRA,  /* the request of one that is too many */
    PEER_CUT,    /* its socket was shut down */
    PEER_PHASES,
};

#define PEER_EXTRA_MS 2000
#define PEER_LOOK_MS 500 /* how late it may be noticed that a client went away in a request */

/* How a connection that the server ends is to be left. */
enum peer_leave {
    LEAVE_LOOK,   /* as what has come and was not read tells */
    LEAVE_SLOWLY, /* what is still under way must not spoil the answer */
    LEAVE_NOW,
};

struct peer {
    int fd;
    enum peer_phase phase;
    bool is_extra;
    enum peer_leave leave; /* thread of the sockets */
    int64_t since_ms;
    struct peer *before, *after;
};

struct peer_queue {
    struct peer *first, *last;
};

struct peers {
    pthread_mutex_t mutex; /* all below */
    struct peer_queue queues[PEER_PHASES];
    int64_t limits_ms[PEER_PHASES]; /* 0: no deadline */
    size_t count, count_max;        /* neither extra nor cut */
    int64_t looked_ms;
};

/* limits_ms: of PEER_HEADER to PEER_ANSWER; the rest is set here. */
void peers_init(struct peers *peers, size_t count_max,
                const int64_t limits_ms[static PEER_ANSWER + 1]);
void peers_release(struct peers *peers); /* no peer may be left */

/* A new connection, in PEER_HEADER or PEER_EXTRA; NULL: out of memory. */
struct peer *peers_add(struct peers *peers, int fd, int64_t now_ms);
/* Begins phase, also if it is the same. peer: NULL is fine. */
void peers_move(struct peers *peers, struct peer *peer, enum peer_phase phase, int64_t now_ms);
/* Frees it. True: its socket was shut down here. */
bool peers_remove(struct peers *peers, struct peer *peer);

/* Shuts down the sockets of those whose phase took too long, or whose client closed its side before
 * its request was complete: the library, being told of data and end at once, may see the data only. */
void peers_expire(struct peers *peers, int64_t now_ms);
/* Shuts down those from which a request, or the rest of one, is awaited; answers: also those that are
 * to take an answer. */
void peers_cut_waiting(struct peers *peers, bool answers);
#endif
