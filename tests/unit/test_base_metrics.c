/* SPDX-License-Identifier: MIT */
/* Counting from many threads, what a series is, its limits, and the two forms of output. */
#include "base/metrics.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "check.h"

static struct buf out;

static const char *written(enum metrics_form form)
{
    buf_clear(&out);
    metrics_write(form, &out);
    return buf_text(&out);
}

static void test_numbers(void)
{
    metric_add(METRIC_HTTP_CONNECTIONS, 3);
    metric_add(METRIC_HTTP_CONNECTIONS, -1);
    metric_set(METRIC_WORKERS, 16);
    CHECK_EQ_INT(metric_value(METRIC_HTTP_CONNECTIONS, "", ""), 2);
    CHECK_EQ_INT(metric_value(METRIC_MAILS, "sent", ""), 0);
    metric_count(METRIC_MAILS, "sent", "", 0);
    CHECK_CONTAINS(written(METRICS_TEXT), "\nsluice_mails_total{result=\"sent\"} 0\n");
    metric_count(METRIC_MAILS, "sent", "", 2);
    CHECK_EQ_INT(metric_value(METRIC_MAILS, "sent", ""), 2);
    const char *text = written(METRICS_TEXT);
    CHECK_CONTAINS(text, "# TYPE sluice_http_connections gauge\nsluice_http_connections 2\n");
    CHECK_CONTAINS(text, "# TYPE sluice_mails_total counter\nsluice_mails_total{result=\"sent\"} 2\n");
    CHECK(strstr(text, "sluice_import_calls") == NULL);
}

static void test_labels(void)
{
    metric_count(METRIC_EXECUTIONS, "FLOW", "COMPLETED", 1);
    metric_count(METRIC_EXECUTIONS, "FLOW", "FAILED", 2);
    metric_count(METRIC_EXECUTIONS, "a\"b\\c\nd", "FAILED", 4);
    const char *text = written(METRICS_OPENMETRICS);
    CHECK_CONTAINS(text, "# TYPE sluice_executions counter\n"
                         "sluice_executions_total{flow=\"FLOW\",state=\"COMPLETED\"} 1\n"
                         "sluice_executions_total{flow=\"FLOW\",state=\"FAILED\"} 2\n"
                         "sluice_executions_total{flow=\"a\\\"b\\\\c\\nd\",state=\"FAILED\"} 4\n");
}

static void test_label_limit(void)
{
    char long_name[METRIC_LABEL_SIZE_MAX + 2];
    memset(long_name, 'x', sizeof long_name - 1);
    long_name[METRIC_LABEL_SIZE_MAX + 1] = '\0';
    metric_count(METRIC_HTTP_REFUSED, long_name, "", 1);
    long_name[METRIC_LABEL_SIZE_MAX] = '\0'; /* is the same, cut */
    metric_count(METRIC_HTTP_REFUSED, long_name, "", 1);
    CHECK_EQ_INT(metric_value(METRIC_HTTP_REFUSED, long_name, ""), 2);
    long_name[METRIC_LABEL_SIZE_MAX - 1] = '\0';
    CHECK_EQ_INT(metric_value(METRIC_HTTP_REFUSED, long_name, ""), 0);
}

static void test_histogram(void)
{
    metric_observe(METRIC_IMPORT_SECONDS, "ftp.store", 1000);
    metric_observe(METRIC_IMPORT_SECONDS, "ftp.store", 1001);
    metric_observe(METRIC_IMPORT_SECONDS, "ftp.store", INT64_C(7200000001));
    CHECK_EQ_INT(metric_value(METRIC_IMPORT_SECONDS, "ftp.store", ""), 3);
    const char *text = written(METRICS_OPENMETRICS);
    CHECK_CONTAINS(text, "# UNIT sluice_import_duration_seconds seconds\n"
                         "sluice_import_duration_seconds_bucket{import=\"ftp.store\",le=\"0.001\"} 1\n"
                         "sluice_import_duration_seconds_bucket{import=\"ftp.store\",le=\"0.0025\"} 2\n");
    CHECK_CONTAINS(text, "{import=\"ftp.store\",le=\"7200.0\"} 2\n");
    CHECK_CONTAINS(text, "{import=\"ftp.store\",le=\"+Inf\"} 3\n"
                         "sluice_import_duration_seconds_sum{import=\"ftp.store\"} 7200.002002\n"
                         "sluice_import_duration_seconds_count{import=\"ftp.store\"} 3\n");
    metric_observe(METRIC_STORE_COMMIT_SECONDS, "", 5);
    CHECK_CONTAINS(written(METRICS_TEXT), "sluice_store_commit_duration_seconds_bucket{le=\"0.001\"} 1\n");
}

static int64_t now_ns;

static int64_t monotonic_ns(void *context)
{
    (void)context;
    return now_ns;
}

static void test_age(void)
{
    static const struct clock_source source = {.monotonic_ns = monotonic_ns};
    CHECK_CONTAINS(written(METRICS_TEXT), "sluice_store_oldest_pending_seconds 0.000000\n");
    clock_use(&source);
    now_ns = INT64_C(5000000000);
    metric_set(METRIC_STORE_OLDEST, now_ns / 1000);
    now_ns += 1500000000;
    CHECK_CONTAINS(written(METRICS_TEXT), "sluice_store_oldest_pending_seconds 1.500000\n");
    clock_use(NULL);
}

static void test_single_ones(void)
{
    buf_clear(&out);
    metrics_write_one(METRICS_TEXT, METRIC_COUNTER, "process_cpu_seconds", "seconds", "CPU.", 1.5, &out);
    CHECK_EQ_TEXT(buf_text(&out), "# HELP process_cpu_seconds_total CPU.\n"
                                  "# TYPE process_cpu_seconds_total counter\n"
                                  "process_cpu_seconds_total 1.5\n");
    buf_clear(&out);
    metrics_write_one(METRICS_OPENMETRICS, METRIC_COUNTER, "process_cpu_seconds", "seconds", "CPU.", 2,
                      &out);
    CHECK_EQ_TEXT(buf_text(&out), "# HELP process_cpu_seconds CPU.\n"
                                  "# TYPE process_cpu_seconds counter\n"
                                  "# UNIT process_cpu_seconds seconds\n"
                                  "process_cpu_seconds_total 2\n");
    buf_clear(&out);
    metrics_write_info(METRICS_TEXT, "sluice_build", "Version.", "version=\"1\"", &out);
    CHECK_EQ_TEXT(buf_text(&out), "# HELP sluice_build_info Version.\n# TYPE sluice_build_info gauge\n"
                                  "sluice_build_info{version=\"1\"} 1\n");
    buf_clear(&out);
    metrics_write_info(METRICS_OPENMETRICS, "sluice_build", "Version.", "version=\"1\"", &out);
    CHECK_EQ_TEXT(buf_text(&out), "# HELP sluice_build Version.\n# TYPE sluice_build info\n"
                                  "sluice_build_info{version=\"1\"} 1\n");
}

#define THREADS 8
#define ROUNDS 2000

static void *count_a_lot(void *context)
{
    (void)context;
    char name[32];
    for (int i = 0; i < ROUNDS; i++) {
        snprintf(name, sizeof name, "flow-%d", i % 50);
        metric_count(METRIC_FILES, name, "found", 1);
        metric_observe(METRIC_EXECUTION_SECONDS, name, i);
    }
    return NULL;
}

static void test_threads(void)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        CHECK_EQ_INT(pthread_create(&threads[i], NULL, count_a_lot, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    int64_t files = 0, seen = 0;
    for (int i = 0; i < 50; i++) {
        char name[32];
        snprintf(name, sizeof name, "flow-%d", i);
        files += metric_value(METRIC_FILES, name, "found");
        seen += metric_value(METRIC_EXECUTION_SECONDS, name, "");
    }
    CHECK_EQ_INT(files, THREADS * ROUNDS);
    CHECK_EQ_INT(seen, THREADS * ROUNDS);
}

/* The last test: it fills the table. */
static void test_series_limit(void)
{
    char name[32];
    for (int i = 0; i < METRIC_SERIES_MAX + 10; i++) {
        snprintf(name, sizeof name, "r%d", i);
        metric_count(METRIC_RETRIES, name, "", 1);
    }
    const char *text = written(METRICS_TEXT);
    const char *rest = strstr(text, "sluice_transfer_retries_total{reason=\"other\"} ");
    CHECK(rest != NULL);
    size_t lines = 0;
    for (const char *at = text; (at = strstr(at, "\nsluice_transfer_retries_total{")) != NULL; at++)
        lines++;
    int64_t beyond = rest ? strtoll(strchr(rest, ' '), NULL, 10) : 0;
    CHECK(beyond >= 10);
    CHECK_EQ_INT((int64_t)lines - 1 + beyond, METRIC_SERIES_MAX + 10);
}

int main(void)
{
    static const struct check_test tests[] = {
        TEST(test_numbers), TEST(test_labels),      TEST(test_label_limit), TEST(test_histogram),
        TEST(test_age),     TEST(test_single_ones), TEST(test_threads),     TEST(test_series_limit),
    };
    buf_init(&out, 16u << 20);
    int status = check_run(tests, sizeof tests / sizeof tests[0]);
    buf_release(&out);
    return status;
}
