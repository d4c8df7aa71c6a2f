/* SPDX-License-Identifier: MIT */
/* How many connections there may be, how long each phase takes, and how they are left. */
#include <string.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"
#include "server/http_leaving.h"
#include "server/http_peers.h"

static const int64_t limits_ms[PEER_ANSWER + 1] = {
    [PEER_HEADER] = 100, [PEER_BODY] = 200, [PEER_FILE] = 50, [PEER_ANSWER] = 300};

struct pair {
    int server, client;
    struct peer *peer;
};

static struct pair pair_open(struct peers *peers, int64_t now_ms)
{
    int fds[2];
    CHECK_EQ_INT(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    struct pair pair = {.server = fds[0], .client = fds[1]};
    pair.peer = peers_add(peers, pair.server, now_ms);
    CHECK(pair.peer != NULL);
    return pair;
}

static bool is_cut(const struct pair *pair)
{
    char byte;
    return recv(pair->client, &byte, 1, MSG_DONTWAIT) == 0;
}

static void pair_close(struct peers *peers, struct pair *pair)
{
    CHECK_EQ_INT(peers_remove(peers, pair->peer), is_cut(pair));
    close(pair->server);
    close(pair->client);
}

static void test_each_phase_has_its_deadline(void)
{
    static const int64_t expected_ms[PEER_ANSWER + 1] = {
        [PEER_HEADER] = 100, [PEER_BODY] = 200, [PEER_FILE] = 50, [PEER_ANSWER] = 300};
    struct peers peers;
    peers_init(&peers, 10, limits_ms);
    for (int phase = PEER_HEADER; phase <= PEER_ANSWER; phase++) {
        struct pair pair = pair_open(&peers, 1000);
        peers_move(&peers, pair.peer, (enum peer_phase)phase, 2000);
        if (phase == PEER_RUN) {
            peers_expire(&peers, INT64_MAX / 2);
            CHECK(!is_cut(&pair));
        } else {
            peers_expire(&peers, 2000 + expected_ms[phase] - 1);
            CHECK(!is_cut(&pair));
            peers_expire(&peers, 2000 + expected_ms[phase]);
            CHECK(is_cut(&pair));
        }
        pair_close(&peers, &pair);
    }
    CHECK_EQ_INT(peers.count, 0);
    peers_release(&peers);
}

static void test_entering_anew_moves_the_deadline(void)
{
    struct peers peers;
    peers_init(&peers, 10, limits_ms);
    struct pair quiet = pair_open(&peers, 0), busy = pair_open(&peers, 0);
    for (int64_t now_ms = 0; now_ms < 1000; now_ms += 40) {
        if (now_ms == 0)
            peers_move(&peers, quiet.peer, PEER_FILE, now_ms);
        peers_move(&peers, busy.peer, PEER_FILE, now_ms);
        peers_expire(&peers, now_ms + 39);
    }
    CHECK(is_cut(&quiet));
    CHECK(!is_cut(&busy));
    peers_move(&peers, quiet.peer, PEER_RUN, 1000); /* what is cut stays so */
    pair_close(&peers, &quiet);
    pair_close(&peers, &busy);
    peers_release(&peers);
}

static void test_the_idlest_makes_room(void)
{
    struct peers peers;
    struct pair pairs[5];
    peers_init(&peers, 3, limits_ms);
    for (int i = 0; i < 3; i++)
        pairs[i] = pair_open(&peers, i);
    peers_move(&peers, pairs[0].peer, PEER_HEADER, 10); /* just answered: idle since then */
    pairs[3] = pair_open(&peers, 11);
    CHECK(is_cut(&pairs[1]));
    CHECK(!pairs[3].peer->is_extra);
    peers_move(&peers, pairs[2].peer, PEER_RUN, 12);
    peers_move(&peers, pairs[3].peer, PEER_BODY, 12);
    pairs[4] = pair_open(&peers, 13);
    CHECK(is_cut(&pairs[0])); /* the only one that is idle */
    for (int i = 0; i < 5; i++)
        pair_close(&peers, &pairs[i]);
    CHECK_EQ_INT(peers.count, 0);
    peers_release(&peers);
}

static void test_clients_that_went_away_in_a_request(void)
{
    struct peers peers;
    peers_init(&peers, 10, (const int64_t[PEER_ANSWER + 1]){0});
    for (int phase = PEER_HEADER; phase <= PEER_ANSWER; phase++) {
        struct pair pair = pair_open(&peers, 0);
        peers_move(&peers, pair.peer, (enum peer_phase)phase, 0);
        peers.looked_ms = 0;
        peers_expire(&peers, PEER_LOOK_MS);
        CHECK(!is_cut(&pair)); /* it is still there */
        CHECK_EQ_INT(send(pair.client, "x", 1, 0), 1);
        shutdown(pair.client, SHUT_WR);
        peers_expire(&peers, 3 * PEER_LOOK_MS);
        CHECK(!is_cut(&pair)); /* there is something to read before the end */
        char byte;
        CHECK_EQ_INT(recv(pair.server, &byte, 1, 0), 1);
        peers_expire(&peers, 4 * PEER_LOOK_MS - 1);
        CHECK(!is_cut(&pair)); /* it is not time to look again */
        peers_expire(&peers, 4 * PEER_LOOK_MS);
        CHECK_EQ_INT(is_cut(&pair), phase == PEER_BODY || phase == PEER_FILE);
        pair_close(&peers, &pair);
    }
    peers_release(&peers);
}

static void test_extra_ones_have_little_time(void)
{
    struct peers peers;
    peers_init(&peers, 2, limits_ms);
    struct pair first = pair_open(&peers, 0), second = pair_open(&peers, 0);
    peers_move(&peers, first.peer, PEER_RUN, 0);
    peers_move(&peers, second.peer, PEER_RUN, 0);
    struct pair extra = pair_open(&peers, 0);
    CHECK(extra.peer->is_extra && !first.peer->is_extra);
    peers_move(&peers, extra.peer, PEER_BODY, 1000); /* gives it no more time */
    peers_expire(&peers, PEER_EXTRA_MS - 1);
    CHECK(!is_cut(&extra));
    peers_expire(&peers, PEER_EXTRA_MS);
    CHECK(is_cut(&extra));
    CHECK_EQ_INT(peers.count, 2);
    pair_close(&peers, &first);
    struct pair third = pair_open(&peers, 0);
    CHECK(!third.peer->is_extra);
    pair_close(&peers, &second);
    pair_close(&peers, &third);
    pair_close(&peers, &extra);
    CHECK_EQ_INT(peers.count, 0);
    peers_release(&peers);
}

static void test_a_stop_ends_all_that_wait(void)
{
    struct peers peers;
    struct pair pairs[PEER_ANSWER + 1];
    peers_init(&peers, 10, limits_ms);
    for (int phase = PEER_HEADER; phase <= PEER_ANSWER; phase++) {
        pairs[phase] = pair_open(&peers, 0);
        peers_move(&peers, pairs[phase].peer, (enum peer_phase)phase, 0);
    }
    peers_cut_waiting(&peers, false);
    for (int phase = PEER_HEADER; phase <= PEER_ANSWER; phase++)
        CHECK_EQ_INT(is_cut(&pairs[phase]), phase < PEER_RUN);
    peers_cut_waiting(&peers, true);
    for (int phase = PEER_HEADER; phase <= PEER_ANSWER; phase++) {
        CHECK_EQ_INT(is_cut(&pairs[phase]), phase != PEER_RUN);
        pair_close(&peers, &pairs[phase]);
    }
    peers_release(&peers);
}

/* TCP, because that is where bytes can be dropped without a buffer. */
static void tcp_pair(int fds[2])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_EQ_INT(bind(listener, (struct sockaddr *)&address, size), 0);
    CHECK_EQ_INT(listen(listener, 1), 0);
    CHECK_EQ_INT(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    fds[1] = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_EQ_INT(connect(fds[1], (struct sockaddr *)&address, size), 0);
    fds[0] = accept(listener, NULL, NULL);
    CHECK(fds[0] >= 0);
    close(listener);
}

/* Whether the other end takes what is sent: over TCP, only the second byte tells that it does not. */
static bool is_open(int fd)
{
    bool first = send(fd, "x", 1, MSG_NOSIGNAL) == 1;
    return send(fd, "y", 1, MSG_NOSIGNAL) == 1 && first;
}

static void test_leaving_lasts_until_the_client_ends_or_the_time(void)
{
    struct leaving leaving;
    int fds[2];
    leaving_init(&leaving);
    for (int ends = 0; ends < 2; ends++) {
        tcp_pair(fds);
        leaving_add(&leaving, fds[0], 1000);
        close(fds[0]);
        CHECK(is_open(fds[1]));
        leaving_tick(&leaving, 1000 + LEAVING_MS - 1);
        CHECK(is_open(fds[1]));
        if (ends)
            shutdown(fds[1], SHUT_WR);
        leaving_tick(&leaving, ends ? 1001 : 1000 + LEAVING_MS);
        CHECK_EQ_INT(leaving.count, 0);
        CHECK(!is_open(fds[1]));
        close(fds[1]);
    }
    leaving_release(&leaving);
}

static void test_leaving_is_bounded(void)
{
    struct leaving leaving;
    int clients[LEAVING_MAX + 1];
    leaving_init(&leaving);
    for (unsigned i = 0; i <= LEAVING_MAX; i++) {
        int fds[2];
        tcp_pair(fds);
        leaving_add(&leaving, fds[0], 0);
        close(fds[0]);
        clients[i] = fds[1];
    }
    CHECK_EQ_INT(leaving.count, LEAVING_MAX);
    CHECK(is_open(clients[LEAVING_MAX - 1]));
    CHECK(!is_open(clients[LEAVING_MAX]));
    leaving_release(&leaving);
    for (unsigned i = 0; i <= LEAVING_MAX; i++) {
        CHECK(!is_open(clients[i]));
        close(clients[i]);
    }
}

CHECK_MAIN(TEST(test_each_phase_has_its_deadline), TEST(test_entering_anew_moves_the_deadline),
           TEST(test_the_idlest_makes_room),
           TEST(test_clients_that_went_away_in_a_request), TEST(test_extra_ones_have_little_time),
           TEST(test_a_stop_ends_all_that_wait),
           TEST(test_leaving_lasts_until_the_client_ends_or_the_time), TEST(test_leaving_is_bounded))
