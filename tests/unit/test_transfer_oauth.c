/* SPDX-License-Identifier: MIT */
/* Threads that need one token at the same time, and a token service that keeps them waiting. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "check.h"
#include "transfer/oauth.h"
#include "unit/loopback.h"

#define CALLERS 3

/* Takes one connection after the other; answers none before it is told to. */
struct service {
    int listener;
    char url[64];
    pthread_t thread;
    atomic_int taken, ended; /* requests, and callers that have their answer */
    atomic_bool may_answer;
    const char *answer;
};

static struct service service;
static struct transfer *transfer;
static struct connection connection;

static void *serve(void *context)
{
    struct service *own = context;
    for (;;) {
        char request[4096];
        int peer = accept(own->listener, NULL, NULL);
        if (peer < 0)
            return NULL;
        atomic_fetch_add(&own->taken, 1);
        ssize_t size = recv(peer, request, sizeof request, 0);
        while (size > 0 && !atomic_load(&own->may_answer))
            clock_sleep_ms(5);
        if (size > 0 && own->answer)
            size = send(peer, own->answer, strlen(own->answer), MSG_NOSIGNAL);
        close(peer);
    }
}

static void begin(const char *answer)
{
    char address[LOOPBACK_ADDRESS_SIZE];
    service = (struct service){.answer = answer};
    service.listener = loopback_listen(address);
    snprintf(service.url, sizeof service.url, "http://%s/token", address);
    CHECK(pthread_create(&service.thread, NULL, serve, &service) == 0);
    setenv("SLUICE_TEST_SECRET", "secret", 1);
    connection = (struct connection){.name = "R", .type = CONNECTION_REST, .url = service.url,
                                     .token_url = service.url, .user = (char *)"client",
                                     .password = {.env = (char *)"SLUICE_TEST_SECRET"}};
    transfer = transfer_new();
    CHECK(transfer != NULL);
}

static void end(void)
{
    shutdown(service.listener, SHUT_RDWR);
    pthread_join(service.thread, NULL);
    close(service.listener);
    transfer_free(transfer);
}

struct caller {
    pthread_t thread;
    struct transfer_call call;
    struct buf token;
    struct error err;
    bool ok;
};

static void *ask(void *context)
{
    struct caller *caller = context;
    buf_init(&caller->token, OAUTH_TOKEN_SIZE_MAX);
    caller->ok = oauth_token(transfer, &connection, &caller->call, NULL, &caller->token, &caller->err);
    atomic_fetch_add(&service.ended, 1);
    return NULL;
}

static void await_request(void)
{
    while (atomic_load(&service.taken) == 0 && atomic_load(&service.ended) == 0)
        clock_sleep_ms(1);
}

/* The first asks; then the others come while it waits. */
static void begin_callers(struct caller callers[static CALLERS])
{
    for (int i = 0; i < CALLERS; i++) {
        CHECK(pthread_create(&callers[i].thread, NULL, ask, &callers[i]) == 0);
        await_request();
    }
}

static void test_one_that_waits_keeps_its_deadline(void)
{
    struct caller callers[CALLERS] = {{.ok = false}};
    begin("HTTP/1.1 200 OK\r\nContent-Length: 22\r\nConnection: close\r\n\r\n{\"access_token\":\"abc\"}");
    callers[1].call.deadline_ms = clock_monotonic_ms() + 300;
    begin_callers(callers);
    pthread_join(callers[1].thread, NULL); /* although nobody has answered yet */
    CHECK(!callers[1].ok);
    CHECK_EQ_INT(callers[1].err.kind, ERROR_TIMEOUT);
    CHECK_CONTAINS(callers[1].err.message, "connection 'R'");
    atomic_store(&service.may_answer, true);
    for (int i = 0; i < CALLERS; i += 2) {
        pthread_join(callers[i].thread, NULL);
        CHECK_OK(callers[i].ok, &callers[i].err);
        CHECK_EQ_TEXT(buf_text(&callers[i].token), "abc");
    }
    CHECK_EQ_INT(atomic_load(&service.taken), 1);
    for (int i = 0; i < CALLERS; i++)
        buf_release(&callers[i].token);
    end();
}

static void test_a_failure_is_shared(void)
{
    struct caller callers[CALLERS] = {{.ok = false}};
    begin("HTTP/1.1 503 Away\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    begin_callers(callers);
    clock_sleep_ms(300); /* until the others wait: one that comes later would ask by itself */
    atomic_store(&service.may_answer, true);
    for (int i = 0; i < CALLERS; i++) {
        pthread_join(callers[i].thread, NULL);
        CHECK(!callers[i].ok);
        CHECK_EQ_INT(callers[i].err.kind, ERROR_UNAVAILABLE);
        buf_release(&callers[i].token);
    }
    CHECK_EQ_INT(atomic_load(&service.taken), 1);
    end();
}

/* Whose call has ended says nothing of the service: another one asks in its place. */
static void test_the_limits_of_one_are_not_those_of_others(void)
{
    struct caller callers[CALLERS] = {{.ok = false}};
    begin("HTTP/1.1 200 OK\r\nContent-Length: 22\r\nConnection: close\r\n\r\n{\"access_token\":\"abc\"}");
    callers[0].call.deadline_ms = clock_monotonic_ms() + 600;
    begin_callers(callers);
    pthread_join(callers[0].thread, NULL);
    CHECK_EQ_INT(callers[0].err.kind, ERROR_TIMEOUT);
    atomic_store(&service.may_answer, true);
    for (int i = 1; i < CALLERS; i++) {
        pthread_join(callers[i].thread, NULL);
        CHECK_OK(callers[i].ok, &callers[i].err);
    }
    CHECK_EQ_INT(atomic_load(&service.taken), 2);
    for (int i = 0; i < CALLERS; i++)
        buf_release(&callers[i].token);
    end();
}

CHECK_MAIN(TEST(test_one_that_waits_keeps_its_deadline), TEST(test_a_failure_is_shared),
           TEST(test_the_limits_of_one_are_not_those_of_others))
