/* SPDX-License-Identifier: MIT */
/* A span as JSON, what a collector's answers mean, how long pauses are. */
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/metrics.h"
#include "check.h"
#include "loopback.h"
#include "transfer/otlp.h"
#include "transfer/otlp_retry.h"

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"

static struct otlp_span span_of(const struct otlp_attribute *attributes, size_t count)
{
    return (struct otlp_span){.trace = TRACE, .span = "00f067aa0ba902b7", .name = "n\"\n",
                              .kind = OTLP_CLIENT, .start_ns = INT64_C(1795660620123456789),
                              .end_ns = INT64_C(1795660620123456790), .attributes = attributes,
                              .attribute_count = count};
}

static void test_span(void)
{
    const struct otlp_attribute attributes[] = {
        {"a", "x\"y", 0}, {"left.out", "", 0}, {"n", NULL, -5},
    };
    struct otlp_span span = span_of(attributes, 3);
    struct buf out;
    buf_init(&out, 65536);
    otlp_append_span(&out, &span);
    CHECK_EQ_TEXT(buf_text(&out),
                  "{\"traceId\":\"" TRACE "\",\"spanId\":\"00f067aa0ba902b7\",\"name\":\"n\\\"\\u000a\","
                  "\"kind\":3,\"startTimeUnixNano\":\"1795660620123456789\","
                  "\"endTimeUnixNano\":\"1795660620123456790\",\"attributes\":[{\"key\":\"a\",\"value\":"
                  "{\"stringValue\":\"x\\\"y\"}},{\"key\":\"n\",\"value\":{\"intValue\":\"-5\"}}]}");
    buf_clear(&out);
    span.parent = "1111111111111111";
    span.state = "a=1";
    span.has_failed = true;
    span.message = "why";
    span.attribute_count = 0;
    otlp_append_span(&out, &span);
    CHECK_CONTAINS(buf_text(&out), ",\"parentSpanId\":\"1111111111111111\",\"traceState\":\"a=1\",");
    CHECK_CONTAINS(buf_text(&out), ",\"attributes\":[],\"status\":{\"code\":2,\"message\":\"why\"}}");
    buf_release(&out);
}

/* The value of the only attribute, after a text of size bytes that ends in a two-byte character. */
static void check_cut(size_t size, size_t expected)
{
    static char text[OTLP_TEXT_SIZE_MAX + 8];
    struct buf out;
    struct error err;
    memset(text, 'x', sizeof text);
    memcpy(text + size - 2, "\xC3\xA4", 3);
    const struct otlp_attribute attribute = {"a", text, 0};
    const struct otlp_span span = span_of(&attribute, 1);
    buf_init(&out, 65536);
    otlp_append_span(&out, &span);
    cJSON *root = json_parse(buf_text(&out), out.size, "span", JSON_STRICT, &err);
    const cJSON *first = cJSON_GetArrayItem(cJSON_GetObjectItem(root, "attributes"), 0);
    const char *value = json_text(cJSON_GetObjectItem(first, "value"), "stringValue");
    CHECK(value != NULL);
    CHECK_EQ_INT(value ? strlen(value) : 0, expected);
    cJSON_Delete(root);
    buf_release(&out);
}

static void test_long_texts_are_cut_between_characters(void)
{
    check_cut(OTLP_TEXT_SIZE_MAX, OTLP_TEXT_SIZE_MAX);
    check_cut(OTLP_TEXT_SIZE_MAX + 1, OTLP_TEXT_SIZE_MAX - 1);
    check_cut(OTLP_TEXT_SIZE_MAX + 2, OTLP_TEXT_SIZE_MAX);
}

static struct otlp_verdict judged(int status, const char *headers, const char *body)
{
    struct http_response response = {.status = status};
    buf_init(&response.headers, 1024);
    buf_init(&response.body, 4096);
    buf_append_text(&response.headers, headers);
    buf_append_text(&response.body, body);
    struct otlp_verdict verdict = otlp_judge(&response, 784111777); /* of RFC 9110's example date */
    http_response_release(&response);
    return verdict;
}

static void test_answers(void)
{
    static const struct {
        int status;
        enum otlp_outcome outcome;
    } statuses[] = {
        {200, OTLP_TAKEN},   {202, OTLP_TAKEN}, {301, OTLP_REFUSED}, {400, OTLP_REFUSED},
        {401, OTLP_REFUSED}, {408, OTLP_REFUSED}, {429, OTLP_AGAIN}, {500, OTLP_REFUSED},
        {501, OTLP_REFUSED}, {502, OTLP_AGAIN}, {503, OTLP_AGAIN},   {504, OTLP_AGAIN},
        {505, OTLP_REFUSED},
    };
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        struct otlp_verdict verdict = judged(statuses[i].status, "", "{}");
        CHECK_EQ_INT(verdict.outcome, statuses[i].outcome);
        CHECK_EQ_INT(verdict.retry_after_s, -1);
        CHECK_EQ_INT(verdict.rejected, 0);
    }
}

static void test_partial_success(void)
{
    static const struct {
        const char *body;
        int64_t rejected;
        const char *message;
    } cases[] = {
        {"", 0, ""},
        {"not json", 0, ""},
        {"{\"partialSuccess\":{}}", 0, ""},
        {"{\"partialSuccess\":{\"rejectedSpans\":\"3\",\"errorMessage\":\"old\\nspans\"}}", 3, "old spans"},
        {"{\"partialSuccess\":{\"rejectedSpans\":4}}", 4, ""},
        {"{\"partialSuccess\":{\"rejectedSpans\":\"-1\",\"errorMessage\":\"warning\"}}", 0, "warning"},
        {"{\"partialSuccess\":{\"rejectedSpans\":1e300}}", 0, ""},
        {"{\"partialSuccess\":[1]}", 0, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct otlp_verdict verdict = judged(200, "", cases[i].body);
        CHECK_EQ_INT(verdict.outcome, OTLP_TAKEN);
        CHECK_EQ_INT(verdict.rejected, cases[i].rejected);
        CHECK_EQ_TEXT(verdict.message, cases[i].message);
    }
}

static void test_retry_after(void)
{
    CHECK_EQ_INT(judged(503, "retry-after: 7\n", "").retry_after_s, 7);
    CHECK_EQ_INT(judged(429, "retry-after: 0\n", "").retry_after_s, 0);
    CHECK_EQ_INT(judged(429, "retry-after: 3600\n", "").retry_after_s, 3600);
    CHECK_EQ_INT(judged(429, "retry-after: 3601\n", "").retry_after_s, 3600);
    CHECK_EQ_INT(judged(503, "retry-after: Sun, 06 Nov 1994 08:49:47 GMT\n", "").retry_after_s, 10);
    CHECK_EQ_INT(judged(503, "retry-after: Sun, 06 Nov 1994 08:49:00 GMT\n", "").retry_after_s, 0);
    CHECK_EQ_INT(judged(503, "retry-after: soon\n", "").retry_after_s, -1);
    CHECK_EQ_INT(judged(503, "retry-after: -5\n", "").retry_after_s, -1);
    CHECK_EQ_INT(judged(400, "retry-after: 7\n", "").retry_after_s, -1);
}

static void test_errors(void)
{
    struct error err;
    error_set(&err, ERROR_UNAVAILABLE, "nobody there");
    CHECK_EQ_INT(otlp_judge_error(&err).outcome, OTLP_AGAIN);
    CHECK_EQ_TEXT(otlp_judge_error(&err).message, "nobody there");
    error_set(&err, ERROR_UNKNOWN, "the answer was lost");
    CHECK_EQ_INT(otlp_judge_error(&err).outcome, OTLP_AGAIN);
    error_set(&err, ERROR_INVALID, "environment variable X is not set");
    CHECK_EQ_INT(otlp_judge_error(&err).outcome, OTLP_REFUSED);
    error_set(&err, ERROR_CANCELLED, "stopped");
    CHECK_EQ_INT(otlp_judge_error(&err).outcome, OTLP_REFUSED);
}

static void test_pauses(void)
{
    struct otlp_verdict verdict = {.retry_after_s = -1};
    int64_t base_ms = OTLP_RETRY_FIRST_MS;
    for (unsigned tries = 1; tries < 40; tries++) {
        int64_t pause_ms = otlp_pause_ms(&verdict, tries);
        CHECK(pause_ms >= base_ms / 2 && pause_ms < base_ms + base_ms / 2);
        base_ms = base_ms * 2 < OTLP_RETRY_MAX_MS ? base_ms * 2 : OTLP_RETRY_MAX_MS;
    }
    verdict.retry_after_s = 60;
    CHECK_EQ_INT(otlp_pause_ms(&verdict, 1), 60000);
    verdict.retry_after_s = 0; /* never asks without a pause */
    CHECK(otlp_pause_ms(&verdict, 1) >= OTLP_RETRY_FIRST_MS / 2);
}

/* ---- the queue --------------------------------------------------------------------------------- */

static int64_t later_ns(void *context)
{
    struct timespec now;
    (void)context;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return ((int64_t)now.tv_sec + 3600) * 1000000000 + now.tv_nsec;
}

static int64_t wall_ns(void *context)
{
    (void)context;
    return INT64_C(1795660620123456789);
}

/* An exporter whose pause before the first batch takes an hour: what is sent stays in its queue. */
static struct otlp *open_waiting(struct transfer *transfer, struct trace_settings *settings)
{
    static const struct clock_source source = {.monotonic_ns = later_ns, .wall_ns = wall_ns};
    struct otlp *otlp = NULL;
    struct error err;
    clock_use(&source);
    CHECK_OK(otlp_open(&otlp, transfer, settings, &err), &err);
    return otlp;
}

static int64_t dropped(void)
{
    return metric_value(METRIC_TRACE_SPANS, "dropped", "");
}

static void test_the_number_of_spans_that_wait(void)
{
    static char endpoint[] = "http://127.0.0.1:9", service[] = "test";
    struct trace_settings settings = {.endpoint = endpoint, .service = service, .queue_max = 3};
    struct transfer *transfer = transfer_new();
    struct otlp *otlp = open_waiting(transfer, &settings);
    const struct otlp_span span = span_of(NULL, 0);
    int64_t before = dropped();
    for (int i = 0; i < 3; i++)
        otlp_send(otlp, &span);
    CHECK_EQ_INT(dropped() - before, 0);
    otlp_send(otlp, &span);
    CHECK_EQ_INT(dropped() - before, 1);
    otlp_close(otlp, 0);
    CHECK_EQ_INT(dropped() - before, 4);
    CHECK_EQ_INT(metric_value(METRIC_TRACE_SPANS, "exported", ""), 0);
    transfer_free(transfer);
    clock_use(NULL);
}

static void test_the_bytes_of_spans_that_wait(void)
{
    static char endpoint[] = "http://127.0.0.1:9", service[] = "test", text[OTLP_TEXT_SIZE_MAX + 1];
    static struct otlp_attribute attributes[64];
    struct trace_settings settings = {.endpoint = endpoint, .service = service, .queue_max = 100000};
    struct transfer *transfer = transfer_new();
    struct otlp *otlp = open_waiting(transfer, &settings);
    struct buf json;
    memset(text, 'x', sizeof text - 1);
    for (size_t i = 0; i < 64; i++)
        attributes[i] = (struct otlp_attribute){"a", text, 0};
    struct otlp_span span = span_of(attributes, 32);
    buf_init(&json, 1 << 20);
    otlp_append_span(&json, &span);
    size_t fit = json.failed ? 0 : OTLP_QUEUE_SIZE_MAX / json.size;
    int64_t before = dropped();
    for (size_t i = 0; i < fit; i++)
        otlp_send(otlp, &span);
    CHECK_EQ_INT(dropped() - before, 0);
    otlp_send(otlp, &span);
    CHECK_EQ_INT(dropped() - before, 1);
    otlp_close(otlp, 0);

    /* One span that is larger than any of ours could be. */
    otlp = open_waiting(transfer, &settings);
    before = dropped();
    span.attribute_count = 64;
    otlp_send(otlp, &span);
    CHECK_EQ_INT(dropped() - before, 1);
    otlp_close(otlp, 0);
    transfer_free(transfer);
    buf_release(&json);
    clock_use(NULL);
}

/* ---- batches ---- */

/* A collector that takes everything, and counts the spans of each request. */
struct collector {
    int listener, requests;
    size_t spans[8];
};

static void *collect(void *context)
{
    struct collector *collector = context;
    struct buf request;
    buf_init(&request, 2 * OTLP_BATCH_SIZE_MAX);
    int connection = accept(collector->listener, NULL, NULL);
    while (collector->requests < 8 && loopback_read(connection, &request)) {
        size_t *spans = &collector->spans[collector->requests++];
        for (const char *at = buf_text(&request); (at = strstr(at, "\"spanId\"")) != NULL; at++)
            ++*spans;
        loopback_answer(connection, "200 OK", "Content-Type: application/json\r\n", "{}");
    }
    close(connection);
    buf_release(&request);
    return NULL;
}

static size_t json_size(const struct otlp_span *span)
{
    struct buf json;
    buf_init(&json, 1 << 20);
    otlp_append_span(&json, span);
    size_t size = json.size;
    buf_release(&json);
    return size;
}

#define TEXT_SIZE 900u /* of most attributes, less than one may have: so a span can have every size */

/* Gives the span attributes that make it so large. */
static void fill(struct otlp_span *span, size_t size)
{
    static char text[OTLP_TEXT_SIZE_MAX + 1], last[OTLP_TEXT_SIZE_MAX + 1];
    static struct otlp_attribute attributes[64];
    size_t left = 0;
    memset(text, 'x', TEXT_SIZE);
    memset(last, 'x', sizeof last - 1);
    *span = span_of(attributes, 0);
    while (span->attribute_count < 64) {
        attributes[span->attribute_count++] = (struct otlp_attribute){"a", "x", 0};
        left = size - json_size(span) + 1;
        if (left <= OTLP_TEXT_SIZE_MAX)
            break;
        attributes[span->attribute_count - 1].text = text;
    }
    attributes[span->attribute_count - 1].text = last + sizeof last - 1 - left;
    CHECK_EQ_INT(json_size(span), size);
}

#define SPANS 50u

/* Sends that many spans, which together have so many bytes. */
static void send_spans(size_t size, struct collector *collector)
{
    static char service[] = "test", endpoint[64];
    struct trace_settings settings = {.endpoint = endpoint, .service = service, .queue_max = SPANS};
    char address[LOOPBACK_ADDRESS_SIZE];
    struct otlp_span span;
    pthread_t thread;
    *collector = (struct collector){.listener = loopback_listen(address)};
    snprintf(endpoint, sizeof endpoint, "http://%s", address);
    struct transfer *transfer = transfer_new();
    struct otlp *otlp = open_waiting(transfer, &settings);
    fill(&span, size / SPANS);
    for (size_t i = 0; i < SPANS - 1; i++)
        otlp_send(otlp, &span);
    fill(&span, size / SPANS + size % SPANS);
    otlp_send(otlp, &span);
    CHECK_EQ_INT(pthread_create(&thread, NULL, collect, collector), 0);
    clock_use(NULL);
    CHECK(otlp_flush(otlp, 5000));
    otlp_close(otlp, 0);
    transfer_free(transfer);
    shutdown(collector->listener, SHUT_RDWR); /* where no request came */
    CHECK_EQ_INT(pthread_join(thread, NULL), 0);
    close(collector->listener);
}

static void test_the_bytes_of_one_request(void)
{
    struct collector collector;
    send_spans(OTLP_BATCH_SIZE_MAX, &collector);
    CHECK_EQ_INT(collector.requests, 1);
    CHECK_EQ_INT(collector.spans[0], SPANS);
    send_spans(OTLP_BATCH_SIZE_MAX + 1, &collector);
    CHECK_EQ_INT(collector.requests, 2);
    CHECK_EQ_INT(collector.spans[0], SPANS - 1);
    CHECK_EQ_INT(collector.spans[1], 1);
}

CHECK_MAIN(TEST(test_span), TEST(test_long_texts_are_cut_between_characters), TEST(test_answers),
           TEST(test_partial_success), TEST(test_retry_after), TEST(test_errors), TEST(test_pauses),
           TEST(test_the_number_of_spans_that_wait), TEST(test_the_bytes_of_spans_that_wait),
           TEST(test_the_bytes_of_one_request))
