/* SPDX-License-Identifier: MIT */
/* The thread that delivers while a service runs; see outbox.h. It sleeps until the next mail is due or
 * somebody, in whatever process, changes what is due. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "flow/outbox.h"
#include "store/store_outbox.h"

#define LOOK_MS_MAX 3600000 /* a wall clock that is set back makes due times late by this much at most */
#define STORE_PAUSE_MS 60000 /* after the store failed */

struct outbox {
    struct service *service;
    int changes; /* of the outbox */
    int stop;    /* an eventfd */
    atomic_int_least64_t stop_ms; /* monotonic: when sending is broken off; 0: it goes on */
    pthread_t thread;
};

static bool should_stop(void *context)
{
    struct outbox *outbox = context;
    int64_t stop_ms = atomic_load(&outbox->stop_ms);
    return stop_ms && clock_monotonic_ms() >= stop_ms;
}

/* How long to sleep when everything that was due has been tried. */
static int64_t pause_of(struct outbox *outbox)
{
    struct error err = {0};
    int64_t now_ms = clock_wall_ms(), due_ms;
    if (!store_outbox_due(service_store(outbox->service), now_ms, &due_ms, &err)) {
        log_line(LOG_ERROR, NULL, "the outbox cannot be read: %s", err.message);
        return STORE_PAUSE_MS;
    }
    int64_t pause_ms = due_ms > now_ms ? due_ms - now_ms : 0;
    return pause_ms < LOOK_MS_MAX ? pause_ms : LOOK_MS_MAX;
}

/* False: it is to end. */
static bool sleep_for(struct outbox *outbox, int64_t pause_ms)
{
    struct pollfd waits[] = {{.fd = outbox->stop, .events = POLLIN},
                             {.fd = outbox->changes, .events = POLLIN}};
    while (poll(waits, 2, (int)pause_ms) < 0 && errno == EINTR)
        ;
    store_outbox_heard(outbox->changes);
    return waits[0].revents == 0;
}

static void *deliver(void *context)
{
    struct outbox *outbox = context;
    bool goes_on = true;
    while (goes_on) {
        struct outbox_report report;
        struct error err = {0};
        bool ok = outbox_deliver(outbox->service, 0, should_stop, outbox, &report, &err);
        if (!ok)
            log_line(LOG_ERROR, NULL, "mails cannot be delivered: %s", err.message);
        goes_on = sleep_for(outbox, ok ? pause_of(outbox) : STORE_PAUSE_MS);
    }
    struct outbox_report report;
    struct error ignored;
    (void)!outbox_deliver(outbox->service, 0, should_stop, outbox, &report, &ignored);
    return NULL;
}

static void release(struct outbox *outbox)
{
    if (outbox->changes >= 0)
        close(outbox->changes);
    if (outbox->stop >= 0)
        close(outbox->stop);
    free(outbox);
}

static bool start(struct outbox *outbox, struct error *err)
{
    outbox->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (outbox->stop < 0)
        return error_errno(err, ERROR_INTERNAL, errno, "eventfd");
    if (!store_outbox_watch(service_store(outbox->service), &outbox->changes, err))
        return false;
    int number = pthread_create(&outbox->thread, NULL, deliver, outbox);
    return number == 0 ||
           error_errno(err, ERROR_INTERNAL, number, "cannot start the thread that sends mails");
}

bool outbox_open(struct outbox **out, struct service *service, struct error *err)
{
    struct outbox *outbox = calloc(1, sizeof *outbox);
    if (!outbox)
        return error_set(err, ERROR_LIMIT, "out of memory");
    *outbox = (struct outbox){.service = service, .changes = -1, .stop = -1};
    if (!start(outbox, err)) {
        release(outbox);
        return false;
    }
    *out = outbox;
    return true;
}

void outbox_close(struct outbox *outbox)
{
    if (!outbox)
        return;
    atomic_store(&outbox->stop_ms, clock_monotonic_ms() + OUTBOX_STOP_MS);
    eventfd_write(outbox->stop, 1);
    pthread_join(outbox->thread, NULL);
    release(outbox);
}
