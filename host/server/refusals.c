/* SPDX-License-Identifier: MIT */
/* See refusals.h. */
#include "server/refusals.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "server/http_server.h"
#include "server/users.h"
#include "store/store.h"

/* A caller and a reason, or all beyond the limit together. */
struct window {
    char name[USERS_NAME_SIZE_MAX + 1], address[HTTP_ADDRESS_SIZE];
    const char *reason; /* NULL: free */
    int status;
    int64_t since_ms;
    uint64_t more; /* refusals that were counted and not yet said */
};

struct refusals {
    struct store *store;
    pthread_mutex_t mutex;
    struct window windows[REFUSALS_CALLERS_MAX];
    struct window others;
};

static void record(struct refusals *refusals, const struct window *window, const char *subject,
                   const char *detail)
{
    store_audit(refusals->store, &(struct audit_record){
        .at_ms = clock_wall_ms(), .actor = window->name, .address = window->address,
        .action = "call", .subject = subject, .outcome = "refused", .detail = detail});
}

static void record_first(struct refusals *refusals, const struct window *window,
                         const struct refusal *refusal)
{
    char subject[AUDIT_TEXT_SIZE_MAX + 1], detail[160];
    log_line(LOG_WARNING, NULL, "refused: %s: user '%s' at %s: %s %.200s", window->reason,
             window->name, window->address, refusal->method, refusal->path);
    snprintf(subject, sizeof subject, "%s %s", refusal->method, refusal->path);
    snprintf(detail, sizeof detail, "%d: %s", window->status, window->reason);
    record(refusals, window, subject, detail);
}

static void record_more(struct refusals *refusals, struct window *window)
{
    char detail[200];
    if (window->more == 0)
        return;
    snprintf(detail, sizeof detail, "%s: %llu more in %lld seconds", window->reason,
             (unsigned long long)window->more,
             (long long)((clock_monotonic_ms() - window->since_ms) / 1000));
    log_line(LOG_WARNING, NULL, "refused: user '%s' at %s: %s", window->name, window->address, detail);
    record(refusals, window, "", detail);
    window->more = 0;
}

/* The caller's window, else a free one, else that of all others. */
static struct window *find(struct refusals *refusals, const struct refusal *refusal)
{
    struct window *unused = NULL;
    for (size_t i = 0; i < REFUSALS_CALLERS_MAX; i++) {
        struct window *window = &refusals->windows[i];
        if (!window->reason)
            unused = unused ? unused : window;
        else if (window->reason == refusal->reason && strcmp(window->name, refusal->name) == 0 &&
                 strcmp(window->address, refusal->address) == 0)
            return window;
    }
    return unused ? unused : &refusals->others;
}

static void begin_window(struct window *window, const struct refusal *refusal)
{
    *window = (struct window){.reason = refusal->reason, .status = refusal->status,
                              .since_ms = clock_monotonic_ms()};
    snprintf(window->name, sizeof window->name, "%s", refusal->name);
    snprintf(window->address, sizeof window->address, "%s", refusal->address);
}

void refusals_add(struct refusals *refusals, const struct refusal *refusal)
{
    static const struct refusal others = {.name = "", .address = "", .reason = "further callers"};
    pthread_mutex_lock(&refusals->mutex);
    struct window *window = find(refusals, refusal);
    if (window == &refusals->others && !window->reason)
        begin_window(window, &others);
    if (window->reason) {
        window->more++;
    } else {
        begin_window(window, refusal);
        record_first(refusals, window, refusal);
    }
    pthread_mutex_unlock(&refusals->mutex);
}

static void end_window(struct refusals *refusals, struct window *window, int64_t latest_ms)
{
    if (!window->reason || window->since_ms > latest_ms)
        return;
    record_more(refusals, window);
    window->reason = NULL;
}

static void end_windows(struct refusals *refusals, int64_t latest_ms)
{
    pthread_mutex_lock(&refusals->mutex);
    for (size_t i = 0; i < REFUSALS_CALLERS_MAX; i++)
        end_window(refusals, &refusals->windows[i], latest_ms);
    end_window(refusals, &refusals->others, latest_ms);
    pthread_mutex_unlock(&refusals->mutex);
}

void refusals_tick(struct refusals *refusals)
{
    end_windows(refusals, clock_monotonic_ms() - REFUSALS_WINDOW_MS);
}

struct refusals *refusals_new(struct store *store)
{
    struct refusals *refusals = calloc(1, sizeof *refusals);
    if (!refusals)
        return NULL;
    refusals->store = store;
    pthread_mutex_init(&refusals->mutex, NULL);
    return refusals;
}

void refusals_free(struct refusals *refusals)
{
    if (!refusals)
        return;
    end_windows(refusals, INT64_MAX);
    pthread_mutex_destroy(&refusals->mutex);
    free(refusals);
}
