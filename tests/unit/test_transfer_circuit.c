/* SPDX-License-Identifier: MIT */
/* The states of a circuit, at n and n + 1, over time, between threads, and behind the pool. */
#include <pthread.h>

#include "base/log.h"
#include "base/metrics.h"
#include "loopback.h"
#include "transfer/pool.h"
#include "unit/fake_clock.h"

static const struct retry_policy policy = {.circuit_failures = 3, .circuit_open_ms = 30000};

static uint64_t defined; /* of the connection that the circuit is about */

static struct circuit *begin(void)
{
    defined = 0;
    log_configure(LOG_ERROR, false, 2);
    fake_clock_begin();
    struct circuit *circuit = circuit_new("C");
    CHECK(circuit != NULL);
    return circuit;
}

static void define(struct circuit *circuit, uint64_t definition)
{
    defined = definition;
    circuit_define(circuit, definition);
}

static bool admit(struct circuit *circuit, bool *is_probe)
{
    struct error err = {0};
    bool ok = circuit_admit(circuit, is_probe, &err);
    if (!ok) {
        CHECK_EQ_TEXT(error_kind_name(err.kind), "unavailable");
        CHECK_EQ_INT(err.retry, RETRY_NEVER);
    }
    return ok;
}

/* One call that is admitted and ends so. */
static void call(struct circuit *circuit, enum circuit_outcome outcome)
{
    bool is_probe;
    CHECK(admit(circuit, &is_probe));
    circuit_report(circuit, &policy, defined, outcome, is_probe, outcome == CIRCUIT_FAILED ? "refused" : "");
}

static enum circuit_state state_of(struct circuit *circuit)
{
    struct circuit_view view;
    circuit_look(circuit, &view);
    return view.state;
}

static void fail_times(struct circuit *circuit, int count)
{
    for (int i = 0; i < count; i++)
        call(circuit, CIRCUIT_FAILED);
}

static void it_opens_at_the_limit_and_not_before(void)
{
    struct circuit *circuit = begin();
    bool is_probe;
    fail_times(circuit, 2);
    CHECK_EQ_INT(state_of(circuit), CIRCUIT_CLOSED);
    CHECK_EQ_INT(metric_value(METRIC_CIRCUITS_OPEN, "C", ""), 0);
    fail_times(circuit, 1);
    CHECK_EQ_INT(state_of(circuit), CIRCUIT_OPEN);
    CHECK_EQ_INT(metric_value(METRIC_CIRCUITS_OPEN, "C", ""), 1);
    CHECK(!admit(circuit, &is_probe));
    circuit_free(circuit);
    CHECK_EQ_INT(metric_value(METRIC_CIRCUITS_OPEN, "C", ""), 0);
}

static void an_answer_in_between_begins_the_count_anew(void)
{
    struct circuit *circuit = begin();
    fail_times(circuit, 2);
    call(circuit, CIRCUIT_ANSWERED);
    fail_times(circuit, 2);
    CHECK_EQ_INT(state_of(circuit), CIRCUIT_CLOSED);
    call(circuit, CIRCUIT_NOTHING);
    CHECK_EQ_INT(state_of(circuit), CIRCUIT_CLOSED);
    fail_times(circuit, 1);
    CHECK_EQ_INT(state_of(circuit), CIRCUIT_OPEN);
    circuit_free(circuit);
}

static void with_0_it_never_opens(void)
{
    static const struct retry_policy never = {.circuit_failures = 0, .circuit_open_ms = 1};
    struct circuit *circuit = begin();
    bool is_probe;
    for (int i = 0; i < 1000; i++) {
        CHECK(admit(circuit, &is_probe));
        circuit_report(circuit, &never, defined, CIRCUIT_FAILED, is_probe, "x");
    }
    CHECK_EQ_INT(state_of(circuit), CIRCUIT_CLOSED);
    circuit_free(circuit);
}

static void refusals_say_since_when_and_until_when(void)
{
    struct circuit *circuit = begin();
    struct error err = {0};
    bool is_probe;
    fail_times(circuit, 3);
    fake_clock_go(1000);
    CHECK(!circuit_admit(circuit, &is_probe, &err));
    CHECK_EQ_TEXT(err.message,
                  "connection 'C': not tried: it is left alone since 2026-11-24T02:37:00.000Z until "
                  "2026-11-24T02:37:30.000Z, after 3 failures in a row (refused)");
    fake_clock_go(29000);
    CHECK(circuit_admit(circuit, &is_probe, &err));
    bool other;
    CHECK(!circuit_admit(circuit, &other, &err));
    CHECK_EQ_TEXT(err.message,
                  "connection 'C': not tried: it has failed since 2026-11-24T02:37:00.000Z, and "
                  "another call is finding out whether it answers again (refused)");
    circuit_free(circuit);
}

static void one_probe_closes_it_or_opens_it_again(void)
{
    struct circuit *circuit = begin();
    bool is_probe, other;
    fail_times(circuit, 3);
    fake_clock_go(29999);
    CHECK(!admit(circuit, &is_probe));
    fake_clock_go(1);
    CHECK_EQ_INT(state_of(circuit), CIRCUIT_HALF_OPEN);
    CHECK(admit(circuit, &is_probe));
    CHECK(is_probe);
    CHECK(!admit(circuit, &other));
    CHECK(!other);
    circuit_report(circuit, &policy, defined, CIRCUIT_FAILED, is_probe, "again");
    CHECK_EQ_INT(state_of(circuit), CIRCUIT_OPEN);
    CHECK_EQ_INT(metric_value(METRIC_CIRCUITS_OPEN, "C", ""), 1);
    fake_clock_go(29999);
    CHECK(!admit(circuit, &is_probe));
    fake_clock_go(1);
    CHECK(admit(circuit, &is_probe));
    circuit_report(circuit, &policy, defined, CIRCUIT_ANSWERED, is_probe, "");
    CHECK_EQ_INT(state_of(circuit), CIRCUIT_CLOSED);
    CHECK_EQ_INT(metric_value(METRIC_CIRCUITS_OPEN, "C", ""), 0);
    CHECK(admit(circuit, &is_probe));
    CHECK(!is_probe);
    fail_times(circuit, 2);
    CHECK_EQ_INT(state_of(circuit), CIRCUIT_CLOSED);
    circuit_free(circuit);
}

static void a_probe_that_learns_nothing_is_followed_by_another(void)
{
    struct circuit *circuit = begin();
    bool is_probe;
    fail_times(circuit, 3);
    fake_clock_go(30000);
    CHECK(admit(circuit, &is_probe));
    circuit_report(circuit, &policy, defined, CIRCUIT_NOTHING, is_probe, "");
    CHECK_EQ_INT(state_of(circuit), CIRCUIT_HALF_OPEN);
    CHECK(admit(circuit, &is_probe));
    CHECK(is_probe);
    circuit_free(circuit);
}

static void what_was_under_way_when_it_opened(void)
{
    struct circuit *circuit = begin();
    bool early, is_probe;
    CHECK(admit(circuit, &early));
    fail_times(circuit, 3);
    struct circuit_view before, after;
    circuit_look(circuit, &before);
    fake_clock_go(5000);
    circuit_report(circuit, &policy, defined, CIRCUIT_FAILED, early, "late"); /* does not put it off */
    circuit_look(circuit, &after);
    CHECK_EQ_INT(after.until_ms, before.until_ms);
    CHECK_EQ_INT(after.failures, 4);
    circuit_report(circuit, &policy, defined, CIRCUIT_ANSWERED, early, ""); /* it answers: no reason to wait */
    CHECK_EQ_INT(state_of(circuit), CIRCUIT_CLOSED);
    fail_times(circuit, 3);
    fake_clock_go(30000);
    CHECK(admit(circuit, &is_probe));
    CHECK(is_probe);
    circuit_report(circuit, &policy, defined, CIRCUIT_ANSWERED, early, "");
    fail_times(circuit, 3);
    fake_clock_go(30000);
    CHECK(admit(circuit, &is_probe)); /* the forgotten probe keeps nobody out */
    CHECK(is_probe);
    circuit_free(circuit);
}

/* ---- between threads ---- */

#define THREADS 8
#define ROUNDS 2000

static struct circuit *shared;
static _Atomic unsigned probes;

static void *knock(void *context)
{
    (void)context;
    for (int i = 0; i < ROUNDS; i++) {
        struct error err;
        bool is_probe;
        if (!circuit_admit(shared, &is_probe, &err))
            continue;
        probes += is_probe;
        circuit_report(shared, &policy, defined, CIRCUIT_NOTHING, is_probe, "");
    }
    return NULL;
}

static void threads_share_it(void)
{
    pthread_t threads[THREADS];
    shared = begin();
    fail_times(shared, 3);
    for (int i = 0; i < THREADS; i++)
        CHECK_EQ_INT(pthread_create(&threads[i], NULL, knock, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    CHECK_EQ_INT(probes, 0);
    fake_clock_go(30000);
    struct error err;
    bool is_probe;
    CHECK(circuit_admit(shared, &is_probe, &err)); /* held: everybody else is kept out */
    for (int i = 0; i < THREADS; i++)
        CHECK_EQ_INT(pthread_create(&threads[i], NULL, knock, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    CHECK_EQ_INT(probes, 0);
    circuit_free(shared);
}

static void another_definition_closes_it(void)
{
    struct circuit *circuit = begin();
    bool is_probe;
    define(circuit, 1);
    fail_times(circuit, 3);
    define(circuit, 1);
    CHECK_EQ_INT(state_of(circuit), CIRCUIT_OPEN);
    define(circuit, 2);
    CHECK_EQ_INT(state_of(circuit), CIRCUIT_CLOSED);
    CHECK_EQ_INT(metric_value(METRIC_CIRCUITS_OPEN, "C", ""), 0);
    CHECK(admit(circuit, &is_probe));
    CHECK(!is_probe);
    fail_times(circuit, 2);
    CHECK_EQ_INT(state_of(circuit), CIRCUIT_CLOSED);
    circuit_free(circuit);
}

static void what_an_earlier_definition_came_to_counts_no_more(void)
{
    struct circuit *circuit = begin();
    bool is_early_probe, is_probe;
    define(circuit, 1);
    fail_times(circuit, 3);
    fake_clock_go(30000);
    CHECK(admit(circuit, &is_early_probe));
    CHECK(is_early_probe);
    circuit_define(circuit, 2);
    circuit_report(circuit, &policy, 1, CIRCUIT_FAILED, is_early_probe, "the old host is silent");
    CHECK_EQ_INT(state_of(circuit), CIRCUIT_CLOSED);
    define(circuit, 2);
    fail_times(circuit, 3);
    fake_clock_go(30000);
    CHECK(admit(circuit, &is_probe));
    circuit_report(circuit, &policy, 1, CIRCUIT_ANSWERED, is_early_probe, "");
    CHECK_EQ_INT(state_of(circuit), CIRCUIT_HALF_OPEN);
    circuit_report(circuit, &policy, 2, CIRCUIT_ANSWERED, is_probe, "");
    CHECK_EQ_INT(state_of(circuit), CIRCUIT_CLOSED);
    circuit_free(circuit);
}

static void a_probe_that_ends_late_opens_nothing(void)
{
    struct circuit *circuit = begin();
    bool is_early, is_probe;
    CHECK(admit(circuit, &is_early));
    fail_times(circuit, 3);
    fake_clock_go(30000);
    CHECK(admit(circuit, &is_probe));
    circuit_report(circuit, &policy, defined, CIRCUIT_ANSWERED, is_early, "");
    CHECK_EQ_INT(state_of(circuit), CIRCUIT_CLOSED);
    circuit_report(circuit, &policy, defined, CIRCUIT_FAILED, is_probe, "slow");
    CHECK_EQ_INT(state_of(circuit), CIRCUIT_CLOSED);
    circuit_free(circuit);
}

/* ---- behind the pool ---- */

static char host[] = "127.0.0.1", name[] = "DEAD", url[] = "http://127.0.0.1:1";

static bool see(void *context, const struct circuit_view *view)
{
    *(struct circuit_view *)context = *view;
    return true;
}

static void a_dead_peer_is_left_alone(void)
{
    const struct connection dead = {.name = name, .type = CONNECTION_REST, .host = host, .url = url,
                                    .connect_timeout_ms = 1000, .retry = policy};
    const struct http_request request = {.method = "GET", .path = "/"};
    struct circuit_view view = {.state = CIRCUIT_OPEN};
    fake_clock_begin();
    struct transfer *transfer = transfer_new();
    CHECK(transfer);
    const struct transfer_call waits = {.instance = "i"};
    for (int i = 0; i < 4; i++) {
        struct http_response response;
        struct error err = {0};
        CHECK(!http_call(transfer, &dead, &request, &waits, &response, &err));
        CHECK_EQ_TEXT(error_kind_name(err.kind), "unavailable");
        CHECK_CONTAINS(err.message, i < 3 ? "cannot connect" : "left alone");
        CHECK_EQ_INT(err.retry, i < 3 ? RETRY_LATER : RETRY_NEVER);
        http_response_release(&response);
    }
    transfer_circuits(transfer, see, &view);
    CHECK_EQ_TEXT(view.connection, "DEAD");
    CHECK_EQ_INT(view.state, CIRCUIT_OPEN);
    CHECK_EQ_INT(view.failures, 3);
    CHECK_EQ_INT(view.until_ms - view.since_ms, 30000);
    CHECK_CONTAINS(view.why, "onnect");
    struct http_response response;
    struct error err = {0};
    CHECK(!http_call(transfer, &dead, &request, NULL, &response, &err)); /* nobody waits: tried */
    CHECK_CONTAINS(err.message, "cannot connect");
    http_response_release(&response);
    transfer_free(transfer);
}

/* Answers the first request slowly, and the others at once: for as long as the first one's body lasts. */
struct slow_peer {
    int listener;
    const char *status;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_let_go;
};

static void *serve_slowly(void *context)
{
    struct slow_peer *peer = context;
    struct buf request;
    buf_init(&request, 65536);
    int connection = accept(peer->listener, NULL, NULL);
    char head[128];
    int size = snprintf(head, sizeof head, "HTTP/1.1 %s\r\nContent-Length: 2\r\n\r\n", peer->status);
    CHECK(loopback_read(connection, &request));
    CHECK_EQ_INT(send(connection, head, (size_t)size, MSG_NOSIGNAL), size);
    pthread_mutex_lock(&peer->lock);
    while (!peer->is_let_go)
        pthread_cond_wait(&peer->changed, &peer->lock);
    pthread_mutex_unlock(&peer->lock);
    CHECK_EQ_INT(send(connection, "{}", 2, MSG_NOSIGNAL), 2);
    close(connection);
    buf_release(&request);
    return NULL;
}

struct probe {
    struct transfer *transfer;
    const struct connection *connection;
};

static bool ask(struct transfer *transfer, const struct connection *connection)
{
    const struct http_request request = {.method = "GET", .path = "/"};
    const struct transfer_call waits = {.instance = "i"};
    struct http_response response;
    struct error err = {0};
    bool ok = http_call(transfer, connection, &request, &waits, &response, &err);
    http_response_release(&response);
    return ok;
}

static void *ask_as_probe(void *context)
{
    const struct probe *probe = context;
    CHECK(ask(probe->transfer, probe->connection));
    return NULL;
}

static enum circuit_state state_behind(struct transfer *transfer)
{
    struct circuit_view view = {.state = CIRCUIT_OPEN};
    transfer_circuits(transfer, see, &view);
    return view.state;
}

static void let_go(struct slow_peer *peer)
{
    pthread_mutex_lock(&peer->lock);
    peer->is_let_go = true;
    pthread_cond_broadcast(&peer->changed);
    pthread_mutex_unlock(&peer->lock);
}

/* The peer has said its first reply and says no more for now: closed soon, or not for as long as one waits. */
static void check_first_reply(struct transfer *transfer, bool is_answer)
{
    for (int i = 0; i < (is_answer ? 2000 : 150) && state_behind(transfer) != CIRCUIT_CLOSED; i++)
        usleep(10000);
    CHECK_EQ_INT(state_behind(transfer), is_answer ? CIRCUIT_CLOSED : CIRCUIT_HALF_OPEN);
}

/* status says whether the first reply is an answer by itself. */
static void probe_slowly(const char *status, bool is_answer)
{
    char address[LOOPBACK_ADDRESS_SIZE], where[64];
    struct slow_peer peer = {.listener = loopback_listen(address), .status = status};
    pthread_mutex_init(&peer.lock, NULL);
    pthread_cond_init(&peer.changed, NULL);
    struct connection connection = {.name = name, .type = CONNECTION_REST, .host = host, .url = url,
                                    .connect_timeout_ms = 1000, .retry = policy};
    fake_clock_begin();
    struct transfer *transfer = transfer_new();
    CHECK(transfer);
    for (int i = 0; i < 3; i++)
        CHECK(!ask(transfer, &connection));
    CHECK_EQ_INT(state_behind(transfer), CIRCUIT_OPEN);
    fake_clock_go(30000);
    snprintf(where, sizeof where, "http://%s", address);
    connection.url = where;
    pthread_t server, client;
    const struct probe probe = {transfer, &connection};
    CHECK_EQ_INT(pthread_create(&server, NULL, serve_slowly, &peer), 0);
    CHECK_EQ_INT(pthread_create(&client, NULL, ask_as_probe, (void *)(uintptr_t)&probe), 0);
    check_first_reply(transfer, is_answer);
    let_go(&peer);
    pthread_join(client, NULL);
    pthread_join(server, NULL);
    CHECK_EQ_INT(state_behind(transfer), is_answer ? CIRCUIT_CLOSED : CIRCUIT_OPEN);
    transfer_free(transfer);
    close(peer.listener);
}

static void a_probe_is_over_with_its_first_answer(void)
{
    probe_slowly("200 OK", true);
    probe_slowly("503 Service Unavailable", false);
}

/* ---- FTP: many words before there is an answer ---- */

struct ftp_peer {
    int listener;
    const char *login;      /* the reply to USER; then nothing is said until it is let go */
    const char *afterwards; /* the reply to what comes behind it */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_let_go;
};

static void say(int connection, const char *reply)
{
    size_t size = strlen(reply);
    CHECK_EQ_INT(send(connection, reply, size, MSG_NOSIGNAL), (ssize_t)size);
}

static void *serve_ftp(void *context)
{
    struct ftp_peer *peer = context;
    char command[256];
    int connection = accept(peer->listener, NULL, NULL);
    say(connection, "220 hello\r\n");
    CHECK(recv(connection, command, sizeof command, 0) > 0);
    say(connection, peer->login);
    CHECK(recv(connection, command, sizeof command, 0) > 0);
    pthread_mutex_lock(&peer->lock);
    while (!peer->is_let_go)
        pthread_cond_wait(&peer->changed, &peer->lock);
    pthread_mutex_unlock(&peer->lock);
    say(connection, peer->afterwards);
    close(connection);
    return NULL;
}

static void list_in_vain(struct transfer *transfer, const struct connection *connection)
{
    const struct transfer_call waits = {.instance = "i"};
    struct remote_listing listing = {0};
    struct error err = {0};
    CHECK(!remote_list(transfer, connection, "/", "", &waits, &listing, &err));
}

static void *list_as_probe(void *context)
{
    const struct probe *probe = context;
    list_in_vain(probe->transfer, probe->connection);
    return NULL;
}

static void probe_ftp(const char *login, bool is_answer)
{
    static char user[] = "u", address[LOOPBACK_ADDRESS_SIZE];
    struct ftp_peer peer = {.listener = loopback_listen(address),
                            .login = login,
                            .afterwards = "421 too many users\r\n"};
    pthread_mutex_init(&peer.lock, NULL);
    pthread_cond_init(&peer.changed, NULL);
    struct connection connection = {.name = name, .type = CONNECTION_FTP, .host = host, .port = 1,
                                    .user = user, .connect_timeout_ms = 10000, .retry = policy};
    fake_clock_begin();
    struct transfer *transfer = transfer_new();
    CHECK(transfer);
    for (int i = 0; i < 3; i++)
        list_in_vain(transfer, &connection);
    CHECK_EQ_INT(state_behind(transfer), CIRCUIT_OPEN);
    fake_clock_go(30000);
    connection.port = (uint16_t)strtoul(strchr(address, ':') + 1, NULL, 10);
    pthread_t server, client;
    const struct probe probe = {transfer, &connection};
    CHECK_EQ_INT(pthread_create(&server, NULL, serve_ftp, &peer), 0);
    CHECK_EQ_INT(pthread_create(&client, NULL, list_as_probe, (void *)(uintptr_t)&probe), 0);
    check_first_reply(transfer, is_answer);
    pthread_mutex_lock(&peer.lock);
    peer.is_let_go = true;
    pthread_cond_broadcast(&peer.changed);
    pthread_mutex_unlock(&peer.lock);
    pthread_join(client, NULL);
    pthread_join(server, NULL);
    CHECK_EQ_INT(state_behind(transfer), is_answer ? CIRCUIT_CLOSED : CIRCUIT_OPEN);
    transfer_free(transfer);
    close(peer.listener);
}

static void a_greeting_is_no_answer(void)
{
    probe_ftp("331 and the password?\r\n", false);
    probe_ftp("230 come in\r\n", true);
}

CHECK_MAIN(TEST(it_opens_at_the_limit_and_not_before),
           TEST(an_answer_in_between_begins_the_count_anew), TEST(with_0_it_never_opens),
           TEST(refusals_say_since_when_and_until_when), TEST(one_probe_closes_it_or_opens_it_again),
           TEST(a_probe_that_learns_nothing_is_followed_by_another),
           TEST(what_was_under_way_when_it_opened), TEST(threads_share_it),
           TEST(another_definition_closes_it), TEST(what_an_earlier_definition_came_to_counts_no_more),
               TEST(a_probe_that_ends_late_opens_nothing),
           TEST(a_dead_peer_is_left_alone), TEST(a_probe_is_over_with_its_first_answer),
           TEST(a_greeting_is_no_answer))
