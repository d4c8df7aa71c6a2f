/* SPDX-License-Identifier: MIT */
/* The queue of spans and the thread that sends them; see otlp.h. */
#include "transfer/otlp.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/text.h"
#include "transfer/otlp_retry.h"

#define SPAN_SIZE_MAX (64u << 10) /* of one as JSON */
#define TIMEOUT_MS 10000          /* connecting, and one request */
#define HOST_SIZE 256

/* One span as JSON behind the struct. */
struct item {
    struct item *next;
    size_t size;
};

struct list {
    struct item *first, **last;
    size_t count, size;
};

struct otlp {
    struct transfer *transfer;
    const struct trace_settings *settings;
    struct connection connection; /* the endpoint without its last segment, which is in path */
    char *path;
    char host[HOST_SIZE];
    pthread_mutex_t mutex; /* all below */
    pthread_cond_t changed;
    struct list queue;
    size_t leaving;  /* spans that the thread has taken and not settled */
    bool is_hurried; /* somebody waits until all are sent */
    bool is_closing;
    int64_t close_ms; /* when closing gives up */
    pthread_t thread;
    bool thread_runs;
    unsigned tries;    /* of the thread: in a row that had to be made again; the log says so */
    int64_t resume_ms; /* of the thread: no request before this monotonic time */
    bool is_refused;   /* of the thread: the last batch was not taken, and the log says so */
};

/* ---- queue ------------------------------------------------------------------------------------- */

static void list_init(struct list *list)
{
    *list = (struct list){.first = NULL};
    list->last = &list->first;
}

static void list_add(struct list *list, struct item *item)
{
    *list->last = item;
    list->last = &item->next;
    list->count++;
    list->size += item->size;
}

static struct item *list_take(struct list *list)
{
    struct item *item = list->first;
    list->first = item->next;
    if (!list->first)
        list->last = &list->first;
    list->count--;
    list->size -= item->size;
    return item;
}

static void list_free(struct list *list)
{
    while (list->first)
        free(list_take(list));
}

static struct item *item_new(const struct otlp_span *span)
{
    struct buf json;
    buf_init(&json, SPAN_SIZE_MAX);
    otlp_append_span(&json, span);
    struct item *item = json.failed ? NULL : malloc(sizeof *item + json.size);
    if (item) {
        item->next = NULL;
        item->size = json.size;
        memcpy(item + 1, json.data, json.size);
    }
    buf_release(&json);
    return item;
}

static bool put(struct otlp *otlp, struct item *item)
{
    pthread_mutex_lock(&otlp->mutex);
    bool fits = !otlp->is_closing && otlp->queue.count < otlp->settings->queue_max &&
                otlp->queue.size + item->size <= OTLP_QUEUE_SIZE_MAX;
    if (fits) {
        list_add(&otlp->queue, item);
        if (otlp->queue.count == 1 || otlp->queue.count == OTLP_BATCH_COUNT)
            pthread_cond_broadcast(&otlp->changed);
    }
    pthread_mutex_unlock(&otlp->mutex);
    return fits;
}

void otlp_send(struct otlp *otlp, const struct otlp_span *span)
{
    struct item *item = item_new(span);
    if (item && put(otlp, item))
        return;
    free(item);
    metric_count(METRIC_TRACE_SPANS, "dropped", "", 1);
}

/* ---- waiting; under the mutex ------------------------------------------------------------------ */

/* Waits for a change, at most until the monotonic time; false: that has come. */
static bool wait_until(struct otlp *otlp, int64_t until_ms)
{
    const struct timespec until = {.tv_sec = (time_t)(until_ms / 1000),
                                   .tv_nsec = (long)(until_ms % 1000) * 1000000};
    return pthread_cond_timedwait(&otlp->changed, &otlp->mutex, &until) == 0;
}

/* Waits for a first span, then until a batch is full, the pause is over or somebody waits for it; moves it
 * into batch. */
static void wait_for_batch(struct otlp *otlp, struct list *batch)
{
    while (otlp->queue.count == 0 && !otlp->is_closing)
        pthread_cond_wait(&otlp->changed, &otlp->mutex);
    int64_t until_ms = clock_monotonic_ms() + OTLP_PAUSE_MS;
    while (otlp->queue.count < OTLP_BATCH_COUNT && !otlp->is_closing && !otlp->is_hurried)
        if (!wait_until(otlp, until_ms))
            break;
    while (otlp->queue.count > 0 && batch->count < OTLP_BATCH_COUNT &&
           batch->size + otlp->queue.first->size <= OTLP_BATCH_SIZE_MAX) {
        struct item *item = list_take(&otlp->queue);
        item->next = NULL;
        list_add(batch, item);
    }
    otlp->leaving = batch->count;
}

/* Waits until the collector may be asked again; closing cuts that short. */
static void wait_to_resume(struct otlp *otlp)
{
    pthread_mutex_lock(&otlp->mutex);
    while (!otlp->is_closing && wait_until(otlp, otlp->resume_ms))
        ;
    pthread_mutex_unlock(&otlp->mutex);
}

static void note_settled(struct otlp *otlp)
{
    pthread_mutex_lock(&otlp->mutex);
    otlp->leaving = 0;
    pthread_cond_broadcast(&otlp->changed);
    pthread_mutex_unlock(&otlp->mutex);
}

static bool is_closing(struct otlp *otlp)
{
    pthread_mutex_lock(&otlp->mutex);
    bool closing = otlp->is_closing;
    pthread_mutex_unlock(&otlp->mutex);
    return closing;
}

static bool should_stop(void *context)
{
    struct otlp *otlp = context;
    pthread_mutex_lock(&otlp->mutex);
    bool stops = otlp->is_closing && clock_monotonic_ms() >= otlp->close_ms;
    pthread_mutex_unlock(&otlp->mutex);
    return stops;
}

/* ---- one request ------------------------------------------------------------------------------- */

static void append_resource(const struct otlp *otlp, struct buf *out)
{
    const char *service = otlp->settings->service;
    buf_append_text(out, "{\"resourceSpans\":[{\"resource\":{\"attributes\":["
                         "{\"key\":\"service.name\",\"value\":{\"stringValue\":");
    json_append_text(out, service, strlen(service));
    buf_printf(out, "}},{\"key\":\"service.version\",\"value\":{\"stringValue\":\"%s\"}},"
                    "{\"key\":\"process.pid\",\"value\":{\"intValue\":\"%d\"}},"
                    "{\"key\":\"host.name\",\"value\":{\"stringValue\":",
               SLUICE_VERSION, (int)getpid());
    json_append_text(out, otlp->host, strlen(otlp->host));
    buf_append_text(out, "}}]},\"scopeSpans\":[{\"scope\":{\"name\":\"sluice\"},\"spans\":[");
}

static void format_batch(const struct otlp *otlp, const struct list *batch, struct buf *out)
{
    append_resource(otlp, out);
    for (const struct item *item = batch->first; item; item = item->next) {
        if (item != batch->first)
            buf_append_char(out, ',');
        buf_append(out, item + 1, item->size);
    }
    buf_append_text(out, "]}]}]}");
}

static bool post(struct otlp *otlp, const struct buf *body, struct http_response *response,
                 struct error *err)
{
    struct buf secret;
    buf_init(&secret, SECRET_SIZE_MAX);
    if (!secret_read(&otlp->connection, "secret", &otlp->settings->secret, &secret, err)) {
        buf_release(&secret);
        return false;
    }
    const struct http_field field = {otlp->settings->header, buf_text(&secret)};
    const struct http_request request = {
        .method = "POST",
        .path = otlp->path,
        .content_type = "application/json",
        .body = body->data,
        .body_size = body->size,
        .fields = &field,
        .field_count = otlp->settings->header ? 1 : 0,
    };
    const struct transfer_call call = {.should_stop = should_stop, .context = otlp};
    bool ok = http_call(otlp->transfer, &otlp->connection, &request, &call, response, err);
    if (secret.data)
        explicit_bzero(secret.data, secret.capacity);
    buf_release(&secret);
    return ok;
}

/* ---- a batch until it is taken or given up ----------------------------------------------------- */

static void tell_rejected(const struct otlp_verdict *verdict)
{
    if (verdict->rejected > 0 || verdict->message[0])
        log_line(LOG_WARNING, NULL, "the trace collector rejected %lld spans: %s",
                 (long long)verdict->rejected, verdict->message);
}

static void settle(struct otlp *otlp, const struct list *batch, const struct otlp_verdict *verdict)
{
    int64_t count = (int64_t)batch->count;
    if (verdict->outcome != OTLP_TAKEN) {
        metric_count(METRIC_TRACE_SPANS, "failed", "", count);
        if (otlp->is_refused)
            return;
        otlp->is_refused = true;
        log_line(LOG_WARNING, NULL, "%lld spans were not taken by the trace collector: %s",
                 (long long)count, verdict->message);
        return;
    }
    int64_t rejected = verdict->rejected < count ? verdict->rejected : count;
    metric_count(METRIC_TRACE_SPANS, "rejected", "", rejected);
    metric_count(METRIC_TRACE_SPANS, "exported", "", count - rejected);
    tell_rejected(verdict);
    if (otlp->tries > 0 || otlp->is_refused)
        log_line(LOG_INFO, NULL, "the trace collector takes spans again");
    otlp->tries = 0;
    otlp->is_refused = false;
}

static void postpone(struct otlp *otlp, const struct otlp_verdict *verdict)
{
    if (otlp->tries++ == 0)
        log_line(LOG_WARNING, NULL, "traces cannot be sent, trying again: %s", verdict->message);
    otlp->resume_ms = clock_monotonic_ms() + otlp_pause_ms(verdict, otlp->tries);
}

static void send_once(struct otlp *otlp, const struct buf *body, struct otlp_verdict *verdict)
{
    struct http_response response;
    struct error err = {0};
    bool ok = post(otlp, body, &response, &err);
    *verdict = ok ? otlp_judge(&response, clock_wall_ms() / 1000) : otlp_judge_error(&err);
    http_response_release(&response);
}

static void deliver(struct otlp *otlp, const struct list *batch)
{
    struct buf body;
    struct otlp_verdict verdict;
    int64_t give_up_ms = clock_monotonic_ms() + OTLP_RETRY_FOR_MS;
    buf_init(&body, OTLP_BATCH_SIZE_MAX + (64u << 10));
    format_batch(otlp, batch, &body);
    do {
        wait_to_resume(otlp);
        send_once(otlp, &body, &verdict);
        if (verdict.outcome == OTLP_AGAIN)
            postpone(otlp, &verdict);
    } while (verdict.outcome == OTLP_AGAIN && otlp->resume_ms < give_up_ms && !is_closing(otlp));
    settle(otlp, batch, &verdict);
    buf_release(&body);
}

static void *export(void *context)
{
    struct otlp *otlp = context;
    for (;;) {
        struct list batch;
        list_init(&batch);
        pthread_mutex_lock(&otlp->mutex);
        wait_for_batch(otlp, &batch);
        bool is_over = batch.count == 0;
        if (otlp->is_closing && clock_monotonic_ms() >= otlp->close_ms) {
            metric_count(METRIC_TRACE_SPANS, "dropped", "",
                         (int64_t)(batch.count + otlp->queue.count));
            is_over = true;
        }
        pthread_mutex_unlock(&otlp->mutex);
        if (!is_over)
            deliver(otlp, &batch);
        list_free(&batch);
        note_settled(otlp);
        if (is_over)
            return NULL;
    }
}

/* ---- life -------------------------------------------------------------------------------------- */

static bool set_endpoint(struct otlp *otlp, struct error *err)
{
    const char *endpoint = otlp->settings->endpoint;
    const char *host = strstr(endpoint, "://"); /* CONFIG_URL has checked it */
    const char *path = host ? strchr(host + 3, '/') : NULL;
    const char *last = path ? strrchr(path, '/') : NULL;
    size_t url_size = last ? (size_t)(last - endpoint) : strlen(endpoint);
    otlp->connection.name = strdup("traces");
    otlp->connection.url = strndup(endpoint, url_size);
    otlp->path = strdup(last ? last : "/v1/traces");
    otlp->connection.ca_file =
        otlp->settings->ca_file ? strdup(otlp->settings->ca_file) : NULL;
    bool ok = otlp->connection.name && otlp->connection.url && otlp->path &&
              !otlp->connection.ca_file == !otlp->settings->ca_file;
    return ok || error_set(err, ERROR_LIMIT, "out of memory");
}

static bool start_thread(struct otlp *otlp, struct error *err)
{
    int number = pthread_create(&otlp->thread, NULL, export, otlp);
    otlp->thread_runs = number == 0;
    return number == 0 ||
           error_errno(err, ERROR_INTERNAL, number, "cannot start the thread of the traces");
}

bool otlp_open(struct otlp **out, struct transfer *transfer, const struct trace_settings *settings,
               struct error *err)
{
    pthread_condattr_t attributes;
    struct otlp *otlp = calloc(1, sizeof *otlp);
    if (!otlp)
        return error_set(err, ERROR_LIMIT, "out of memory");
    otlp->transfer = transfer;
    otlp->settings = settings;
    otlp->connection.type = CONNECTION_REST;
    otlp->connection.tls_verify = true;
    otlp->connection.connect_timeout_ms = TIMEOUT_MS;
    otlp->connection.stall_timeout_ms = TIMEOUT_MS;
    otlp->connection.request_timeout_ms = TIMEOUT_MS;
    if (gethostname(otlp->host, sizeof otlp->host - 1) != 0)
        otlp->host[0] = '\0';
    list_init(&otlp->queue);
    pthread_mutex_init(&otlp->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&otlp->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    static const char *const results[] = {"exported", "dropped", "rejected", "failed"};
    for (size_t i = 0; i < sizeof results / sizeof results[0]; i++)
        metric_count(METRIC_TRACE_SPANS, results[i], "", 0);
    if (!set_endpoint(otlp, err) || !start_thread(otlp, err)) {
        otlp_close(otlp, 0);
        return false;
    }
    *out = otlp;
    return true;
}

bool otlp_flush(struct otlp *otlp, int64_t wait_ms)
{
    int64_t until_ms = clock_monotonic_ms() + wait_ms;
    if (!otlp)
        return true;
    pthread_mutex_lock(&otlp->mutex);
    otlp->is_hurried = true;
    pthread_cond_broadcast(&otlp->changed);
    while (otlp->queue.count + otlp->leaving > 0 && clock_monotonic_ms() < until_ms)
        wait_until(otlp, until_ms);
    otlp->is_hurried = false;
    bool is_sent = otlp->queue.count + otlp->leaving == 0;
    pthread_mutex_unlock(&otlp->mutex);
    return is_sent;
}

void otlp_close(struct otlp *otlp, int64_t wait_ms)
{
    if (!otlp)
        return;
    pthread_mutex_lock(&otlp->mutex);
    otlp->is_closing = true;
    otlp->close_ms = clock_monotonic_ms() + wait_ms;
    pthread_cond_broadcast(&otlp->changed);
    pthread_mutex_unlock(&otlp->mutex);
    if (otlp->thread_runs)
        pthread_join(otlp->thread, NULL);
    list_free(&otlp->queue);
    pthread_cond_destroy(&otlp->changed);
    pthread_mutex_destroy(&otlp->mutex);
    connection_release(&otlp->connection);
    free(otlp->path);
    free(otlp);
}
