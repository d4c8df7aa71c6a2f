/* SPDX-License-Identifier: MIT */
/* A queue of events and the thread that posts them; see event_sink.h. */
#include "server/event_sink.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "server/end_event.h"
#include "server/work_queue.h"
#include "transfer/header_list.h"
#include "workspace/url.h"

#define FIELDS_SIZE_MAX (64u << 10)
#define NO_MEMORY "the event of this run's end was not sent: out of memory"
#define PAUSE_MS 200 /* before the second attempt; doubled for each further one */

struct event {
    char instance[INSTANCE_ID_SIZE];
    struct buf fields, data;
};

struct event_sink {
    char *url, *source, *ca_pem, *ca_file;
    struct buf overrides; /* header fields */
    struct work_queue *queue;
    CURL *easy; /* the thread's */
    pthread_mutex_t mutex; /* all below */
    pthread_cond_t changed;
    size_t pending; /* put and not yet sent or given up */
    uint64_t dropped;
    bool is_closing;
};

static void event_free(struct event *event)
{
    buf_release(&event->fields);
    buf_release(&event->data);
    free(event);
}

/* ---- sending, on the thread ---- */

/* NULL: out of memory. */
static struct curl_slist *list_fields(const struct event *event)
{
    struct curl_slist *list = NULL;
    char *copy = strdup(buf_text(&event->fields)), *state = NULL;
    bool ok = copy && header_list_add(&list, "Expect:");
    for (char *line = ok ? strtok_r(copy, "\n", &state) : NULL; ok && line;
         line = strtok_r(NULL, "\n", &state))
        ok = header_list_add(&list, line);
    free(copy);
    if (ok)
        return list;
    curl_slist_free_all(list);
    return NULL;
}

static size_t ignore(char *data, size_t one, size_t size, void *context)
{
    (void)data, (void)context;
    return one * size;
}

static void set_up(struct event_sink *sink, const struct event *event, struct curl_slist *list)
{
    CURL *easy = sink->easy;
    curl_easy_reset(easy);
    curl_easy_setopt(easy, CURLOPT_URL, sink->url);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)EVENT_SINK_TIMEOUT_MS);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, ignore);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, list);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, buf_text(&event->data));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)event->data.size);
    if (sink->ca_pem) {
        struct curl_blob blob = {sink->ca_pem, strlen(sink->ca_pem), CURL_BLOB_NOCOPY};
        curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &blob);
    } else if (sink->ca_file) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, sink->ca_file);
    }
}

/* knative/specs, specs/eventing/data-plane.md: 404, 408, 409, 429 and 5xx are worth another
 * attempt. */
static bool may_be_tried_again(CURLcode code, long status)
{
    return code != CURLE_OK || status == 404 || status == 408 || status == 409 || status == 429 ||
           status >= 500;
}

static bool is_closing(struct event_sink *sink)
{
    pthread_mutex_lock(&sink->mutex);
    bool closing = sink->is_closing;
    pthread_mutex_unlock(&sink->mutex);
    return closing;
}

static struct timespec after_ms(int64_t duration_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t ns = until.tv_nsec + duration_ms * 1000000;
    until.tv_sec += ns / 1000000000;
    until.tv_nsec = ns % 1000000000;
    return until;
}

/* Waits, but not while everything comes to its end. */
static void pause_before_next(struct event_sink *sink, unsigned attempt)
{
    const struct timespec until = after_ms((int64_t)PAUSE_MS << attempt);
    pthread_mutex_lock(&sink->mutex);
    while (!sink->is_closing &&
           pthread_cond_timedwait(&sink->changed, &sink->mutex, &until) != ETIMEDOUT)
        ;
    pthread_mutex_unlock(&sink->mutex);
}

static void send_event(struct event_sink *sink, const struct event *event)
{
    struct curl_slist *list = list_fields(event);
    if (!list)
        log_line(LOG_WARNING, event->instance, NO_MEMORY);
    for (unsigned attempt = 0; list; attempt++) {
        long status = 0;
        set_up(sink, event, list);
        CURLcode code = curl_easy_perform(sink->easy);
        curl_easy_getinfo(sink->easy, CURLINFO_RESPONSE_CODE, &status);
        if (code == CURLE_OK && status >= 200 && status < 300)
            break;
        if (attempt + 1 == EVENT_SINK_ATTEMPTS || !may_be_tried_again(code, status) ||
            is_closing(sink)) {
            log_line(LOG_WARNING, event->instance,
                     "the event of this run's end did not reach its sink: "
                     "%s (status %ld)",
                     code == CURLE_OK ? "refused" : curl_easy_strerror(code), status);
            break;
        }
        pause_before_next(sink, attempt);
    }
    curl_slist_free_all(list);
}

static void run(void *context, void *item)
{
    struct event_sink *sink = context;
    if (!is_closing(sink))
        send_event(sink, item);
    event_free(item);
    pthread_mutex_lock(&sink->mutex);
    sink->pending--;
    pthread_cond_broadcast(&sink->changed);
    pthread_mutex_unlock(&sink->mutex);
}

/* ---- putting, on the threads of runs ---- */

static void count(struct event_sink *sink, int change, bool is_dropped)
{
    pthread_mutex_lock(&sink->mutex);
    sink->pending = (size_t)((int64_t)sink->pending + change);
    sink->dropped += is_dropped;
    uint64_t dropped = sink->dropped;
    pthread_cond_broadcast(&sink->changed);
    pthread_mutex_unlock(&sink->mutex);
    if (is_dropped && (dropped & (dropped - 1)) == 0) /* the 1st, 2nd, 4th, ... */
        log_line(LOG_WARNING, NULL, "the event sink is too slow: %llu events were dropped so far",
                 (unsigned long long)dropped);
}

static void on_end(void *context, const struct run_end *end)
{
    struct event_sink *sink = context;
    struct event *event = end->outcome->instance[0] ? calloc(1, sizeof *event) : NULL;
    if (!event)
        return;
    snprintf(event->instance, sizeof event->instance, "%s", end->outcome->instance);
    buf_init(&event->fields, FIELDS_SIZE_MAX);
    buf_init(&event->data, 0); /* the document takes its place */
    end_event_write(end, sink->source, &event->fields, &event->data);
    buf_append(&event->fields, buf_text(&sink->overrides), sink->overrides.size);
    if (event->fields.failed || event->data.failed) {
        log_line(LOG_WARNING, event->instance, NO_MEMORY);
        event_free(event);
        return;
    }
    count(sink, 1, false);
    if (work_queue_submit(sink->queue, event))
        return;
    event_free(event);
    count(sink, -1, true);
}

void event_sink_observe(struct event_sink *sink, struct service *service)
{
    const struct run_observer observer = {sink, on_end};
    service_observe(service, &observer);
}

bool event_sink_flush(struct event_sink *sink, int64_t limit_ms)
{
    int failure = 0;
    if (!sink)
        return true;
    const struct timespec until = after_ms(limit_ms);
    pthread_mutex_lock(&sink->mutex);
    while (sink->pending > 0 && failure == 0)
        failure = pthread_cond_timedwait(&sink->changed, &sink->mutex, &until);
    bool done = sink->pending == 0;
    pthread_mutex_unlock(&sink->mutex);
    return done;
}

/* ---- life ---- */

static char *copy(const char *text)
{
    return text ? strdup(text) : NULL;
}

static bool open_parts(struct event_sink *sink, const struct event_sink_options *options,
                       struct error *err)
{
    struct url_parts parts;
    char why[128];
    const struct work_queue_options queue = {
        .thread_count = 1, .waiting_max = EVENT_SINK_WAITING_MAX, .run = run, .context = sink};
    if (!url_parse(options->url, &parts, why, sizeof why))
        return error_set(err, ERROR_INVALID, "the event sink's address %s", why);
    if (options->overrides && !end_event_overrides(options->overrides, &sink->overrides, err))
        return false;
    sink->easy = curl_easy_init();
    if (!sink->url || !sink->source || !sink->easy)
        return error_set(err, ERROR_LIMIT, "out of memory");
    return work_queue_open(&sink->queue, &queue, err);
}

bool event_sink_open(struct event_sink **out, const struct event_sink_options *options,
                     struct error *err)
{
    pthread_condattr_t attributes;
    struct event_sink *sink = calloc(1, sizeof *sink);
    if (!sink)
        return error_set(err, ERROR_LIMIT, "out of memory");
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&sink->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&sink->mutex, NULL);
    buf_init(&sink->overrides, FIELDS_SIZE_MAX / 2);
    sink->url = copy(options->url);
    sink->source = copy(options->source);
    sink->ca_pem = copy(options->ca_pem);
    sink->ca_file = copy(options->ca_file);
    if (!open_parts(sink, options, err)) {
        event_sink_close(sink);
        return false;
    }
    *out = sink;
    return true;
}

void event_sink_close(struct event_sink *sink)
{
    if (!sink)
        return;
    pthread_mutex_lock(&sink->mutex);
    sink->is_closing = true;
    pthread_cond_broadcast(&sink->changed);
    pthread_mutex_unlock(&sink->mutex);
    work_queue_close(sink->queue);
    curl_easy_cleanup(sink->easy);
    buf_release(&sink->overrides);
    free(sink->url);
    free(sink->source);
    free(sink->ca_pem);
    free(sink->ca_file);
    pthread_cond_destroy(&sink->changed);
    pthread_mutex_destroy(&sink->mutex);
    free(sink);
}
