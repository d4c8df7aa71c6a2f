/* SPDX-License-Identifier: MIT */
/* Queues of connections; see http_peers.h. A socket that is shut down is seen by its own thread. */
#include "server/http_peers.h"

#include <linux/sockios.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

void peers_init(struct peers *peers, size_t count_max,
                const int64_t limits_ms[static PEER_ANSWER + 1])
{
    *peers = (struct peers){.count_max = count_max};
    pthread_mutex_init(&peers->mutex, NULL);
    for (int phase = 0; phase <= PEER_ANSWER; phase++)
        peers->limits_ms[phase] = limits_ms[phase];
    peers->limits_ms[PEER_EXTRA] = PEER_EXTRA_MS;
}

void peers_release(struct peers *peers)
{
    pthread_mutex_destroy(&peers->mutex);
}

/* ---- with the mutex held --------------------------------------------------------------------- */

static void unlink_peer(struct peers *peers, struct peer *peer)
{
    struct peer_queue *queue = &peers->queues[peer->phase];
    *(peer->before ? &peer->before->after : &queue->first) = peer->after;
    *(peer->after ? &peer->after->before : &queue->last) = peer->before;
}

static void append(struct peers *peers, struct peer *peer, enum peer_phase phase, int64_t now_ms)
{
    struct peer_queue *queue = &peers->queues[phase];
    peer->phase = phase;
    peer->since_ms = now_ms;
    peer->before = queue->last;
    peer->after = NULL;
    *(queue->last ? &queue->last->after : &queue->first) = peer;
    queue->last = peer;
}

static bool counts(const struct peer *peer)
{
    return !peer->is_extra && peer->phase != PEER_CUT;
}

/* What nobody takes must not stay with the kernel, which would offer it for minutes: reset at close. */
static void drop_unsent(int fd)
{
    const struct linger none = {.l_onoff = 1, .l_linger = 0};
    int unsent = 0;
    if (ioctl(fd, SIOCOUTQ, &unsent) == 0 && unsent > 0)
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
}

static void cut(struct peers *peers, struct peer *peer)
{
    peers->count -= counts(peer);
    drop_unsent(peer->fd);
    unlink_peer(peers, peer);
    append(peers, peer, PEER_CUT, 0);
    shutdown(peer->fd, SHUT_RDWR);
}

/* ---- public ---------------------------------------------------------------------------------- */

struct peer *peers_add(struct peers *peers, int fd, int64_t now_ms)
{
    struct peer *peer = calloc(1, sizeof *peer);
    if (!peer)
        return NULL;
    peer->fd = fd;
    pthread_mutex_lock(&peers->mutex);
    struct peer *idlest = peers->queues[PEER_HEADER].first;
    if (peers->count == peers->count_max && idlest)
        cut(peers, idlest);
    peer->is_extra = peers->count == peers->count_max;
    peers->count += !peer->is_extra;
    append(peers, peer, peer->is_extra ? PEER_EXTRA : PEER_HEADER, now_ms);
    pthread_mutex_unlock(&peers->mutex);
    return peer;
}

void peers_move(struct peers *peers, struct peer *peer, enum peer_phase phase, int64_t now_ms)
{
    if (!peer)
        return;
    pthread_mutex_lock(&peers->mutex);
    if (peer->phase != PEER_CUT && !(peer->is_extra && phase < PEER_RUN)) {
        unlink_peer(peers, peer);
        append(peers, peer, phase, now_ms);
    }
    pthread_mutex_unlock(&peers->mutex);
}

bool peers_remove(struct peers *peers, struct peer *peer)
{
    pthread_mutex_lock(&peers->mutex);
    bool is_cut = peer->phase == PEER_CUT;
    peers->count -= counts(peer);
    unlink_peer(peers, peer);
    pthread_mutex_unlock(&peers->mutex);
    free(peer);
    return is_cut;
}

static bool is_gone(const struct peer *peer)
{
    char byte;
    return recv(peer->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static void cut_gone(struct peers *peers, enum peer_phase phase)
{
    for (struct peer *peer = peers->queues[phase].first, *next; peer; peer = next) {
        next = peer->after;
        if (is_gone(peer))
            cut(peers, peer);
    }
}

void peers_expire(struct peers *peers, int64_t now_ms)
{
    pthread_mutex_lock(&peers->mutex);
    if (now_ms - peers->looked_ms >= PEER_LOOK_MS) {
        peers->looked_ms = now_ms;
        cut_gone(peers, PEER_BODY);
        cut_gone(peers, PEER_FILE);
    }
    for (int phase = 0; phase < PEER_PHASES; phase++) {
        int64_t limit_ms = peers->limits_ms[phase];
        struct peer *peer;
        while (limit_ms > 0 && (peer = peers->queues[phase].first) != NULL &&
               now_ms - peer->since_ms >= limit_ms)
            cut(peers, peer);
    }
    pthread_mutex_unlock(&peers->mutex);
}

void peers_cut_waiting(struct peers *peers, bool answers)
{
    pthread_mutex_lock(&peers->mutex);
    for (int phase = 0; phase < PEER_CUT; phase++)
        while (phase != PEER_RUN && (phase != PEER_ANSWER || answers) && peers->queues[phase].first)
            cut(peers, peers->queues[phase].first);
    pthread_mutex_unlock(&peers->mutex);
}
