/* SPDX-License-Identifier: MIT */
/* How many events wait for a sink that does not answer. */
#include "server/event_sink.h"

#include <fcntl.h>

#include "base/log.h"
#include "loopback.h"

static struct run_observer observer;

/* In place of the flow layer's: the ends are told by this test. */
void service_observe(struct service *service, const struct run_observer *given)
{
    (void)service;
    observer = *given;
}

static void end_runs(unsigned count)
{
    static char name[] = "FLOW", version[] = "01.00.0000";
    static const struct manifest manifest = {.identifier = name, .name = name, .version = version};
    static const struct run_outcome outcome = {.instance = "AAAAbbbbccccddddeeee11",
                                               .state = INSTANCE_COMPLETED};
    const struct run_end end = {.manifest = &manifest, .outcome = &outcome, .traceparent = "00-0-0-00"};
    for (unsigned i = 0; i < count; i++)
        observer.ended(observer.context, &end);
}

/* What the log said since the last call. */
static const char *logged(int fd)
{
    static char text[4096];
    ssize_t size = read(fd, text, sizeof text - 1);
    text[size > 0 ? size : 0] = '\0';
    return text;
}

static void events_wait_up_to_the_limit_and_not_beyond(void)
{
    char address[LOOPBACK_ADDRESS_SIZE], url[64];
    int log_ends[2], listener = loopback_listen(address);
    struct event_sink *sink = NULL;
    struct error err = {0};
    const struct event_sink_options options = {.url = url, .source = "/test"};
    snprintf(url, sizeof url, "http://%s/", address);
    CHECK_EQ_INT(pipe2(log_ends, O_NONBLOCK | O_CLOEXEC), 0);
    log_configure(LOG_INFO, LOG_PLAIN, log_ends[1]);
    CHECK_OK(event_sink_open(&sink, &options, &err), &err);
    event_sink_observe(sink, NULL);
    end_runs(1);
    int peer = accept(listener, NULL, NULL); /* that one is being sent, and gets no answer */
    CHECK(peer >= 0);
    end_runs(EVENT_SINK_WAITING_MAX);
    CHECK_EQ_TEXT(logged(log_ends[0]), "");
    end_runs(1);
    CHECK_CONTAINS(logged(log_ends[0]), "the event sink is too slow: 1 events were dropped so far");
    close(listener);
    close(peer);
    event_sink_close(sink);
    log_configure(LOG_INFO, LOG_PLAIN, STDERR_FILENO);
    close(log_ends[0]);
    close(log_ends[1]);
}

CHECK_MAIN(TEST(events_wait_up_to_the_limit_and_not_beyond))
