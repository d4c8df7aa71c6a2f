/* SPDX-License-Identifier: MIT */
/* How many handles wait in the pool, and how many connections a handle keeps. */
#include <poll.h>
#include <pthread.h>

#include "base/metrics.h"
#include "loopback.h"
#include "transfer/pool.h"

static struct connection named(const char *name)
{
    return (struct connection){.name = (char *)(uintptr_t)name, .type = CONNECTION_REST,
                               .definition = 1};
}

/* Takes so many handles at once and gives them back. */
static void use(struct transfer *transfer, const struct connection *connection, size_t count)
{
    struct handle *handles[POOL_IDLE_MAX + 1];
    struct error err = {0};
    for (size_t i = 0; i < count; i++) {
        handles[i] = pool_acquire(transfer, connection, NULL, &err);
        CHECK(handles[i] != NULL);
    }
    for (size_t i = 0; i < count; i++)
        pool_release(transfer, handles[i]);
}

static size_t waiting(const struct transfer *transfer, const char *name)
{
    size_t count = 0;
    for (const struct handle *handle = transfer->idle; handle; handle = handle->next)
        count += strcmp(handle->name, name) == 0;
    return count;
}

static void n_handles_wait_and_n_plus_1_do_not(void)
{
    struct transfer *transfer = transfer_new();
    const struct connection one = named("A"), other = named("B");
    use(transfer, &one, POOL_IDLE_MAX);
    CHECK_EQ_INT(waiting(transfer, "A"), POOL_IDLE_MAX);
    use(transfer, &one, POOL_IDLE_MAX + 1);
    CHECK_EQ_INT(waiting(transfer, "A"), POOL_IDLE_MAX);
    use(transfer, &other, 1); /* of each connection */
    CHECK_EQ_INT(waiting(transfer, "B"), 1);
    CHECK_EQ_INT(metric_value(METRIC_HANDLES_IDLE, "", ""), POOL_IDLE_MAX + 1);
    CHECK_EQ_INT(metric_value(METRIC_HANDLES_BUSY, "", ""), 0);
    transfer_free(transfer);
    CHECK_EQ_INT(metric_value(METRIC_HANDLES_IDLE, "", ""), 0);
}

/* ---- connections of one handle ---- */

struct peer {
    int listener, connection;
    char address[LOOPBACK_ADDRESS_SIZE];
};

static void *answer_once(void *context)
{
    struct peer *peer = context;
    struct buf request;
    buf_init(&request, 65536);
    peer->connection = accept(peer->listener, NULL, NULL);
    CHECK(loopback_read(peer->connection, &request));
    loopback_answer(peer->connection, "200 OK", "", "");
    buf_release(&request);
    return NULL;
}

static void ask(struct handle *handle, struct peer *peer)
{
    char url[64];
    pthread_t thread;
    peer->listener = loopback_listen(peer->address);
    snprintf(url, sizeof url, "http://%s/", peer->address);
    CHECK_EQ_INT(pthread_create(&thread, NULL, answer_once, peer), 0);
    curl_easy_setopt(handle->easy, CURLOPT_URL, url);
    CHECK_EQ_INT(handle_perform(handle), CURLE_OK);
    CHECK_EQ_INT(pthread_join(thread, NULL), 0);
}

/* To how many of the first peers the connection is not closed. */
static size_t kept(const struct peer *peers, size_t count)
{
    size_t open = 0;
    for (size_t i = 0; i < count; i++) {
        struct pollfd end = {.fd = peers[i].connection, .events = POLLIN};
        open += poll(&end, 1, 0) == 0;
    }
    return open;
}

static void a_handle_keeps_n_connections_and_not_n_plus_1(void)
{
    struct transfer *transfer = transfer_new();
    const struct connection connection = named("A");
    struct error err = {0};
    struct handle *handle = pool_acquire(transfer, &connection, NULL, &err);
    struct peer peers[POOL_CONNECTIONS_MAX + 1];
    for (size_t i = 0; i <= POOL_CONNECTIONS_MAX; i++) {
        ask(handle, &peers[i]);
        CHECK_EQ_INT(kept(peers, i + 1), i < POOL_CONNECTIONS_MAX ? i + 1 : POOL_CONNECTIONS_MAX);
    }
    pool_release(transfer, handle);
    transfer_free(transfer);
    CHECK_EQ_INT(kept(peers, POOL_CONNECTIONS_MAX + 1), 0);
    for (size_t i = 0; i <= POOL_CONNECTIONS_MAX; i++) {
        close(peers[i].connection);
        close(peers[i].listener);
    }
}

CHECK_MAIN(TEST(n_handles_wait_and_n_plus_1_do_not),
           TEST(a_handle_keeps_n_connections_and_not_n_plus_1))
