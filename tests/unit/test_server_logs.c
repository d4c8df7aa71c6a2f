/* SPDX-License-Identifier: MIT */
/* The download of logs: which lines, in what shape, within what limits; read back by libzip. */
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zip.h>

#include "base/clock.h"
#include "base/log.h"
#include "check.h"
#include "server/api_logs.h"
#include "temporary.h"

#define FIRST "AAAAbbbbccccddddeeee11"
#define SECOND "BBBBbbbbccccddddeeee11"
#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"

static struct temporary temporary;
static struct store *store;
static char content[4 << 20];

/* The entry of the answer's archive, as text. */
static const char *entry(const struct http_answer *answer, const char *name)
{
    zip_error_t problem;
    zip_source_t *source =
        zip_source_buffer_create(buf_text(&answer->body), answer->body.size, 0, &problem);
    zip_t *archive = source ? zip_open_from_source(source, ZIP_RDONLY, &problem) : NULL;
    zip_file_t *file = archive ? zip_fopen(archive, name, 0) : NULL;
    zip_int64_t size = file ? zip_fread(file, content, sizeof content - 1) : -1;
    content[size > 0 ? size : 0] = '\0';
    CHECK(size >= 0);
    if (file)
        zip_fclose(file);
    if (archive)
        zip_discard(archive);
    return content;
}

static struct http_answer answered(const struct api_logs_request *request)
{
    struct http_answer answer = {.status = 0};
    struct error err;
    buf_init(&answer.body, 1 << 20);
    buf_init(&answer.fields, 1024);
    CHECK_OK(api_logs_answer(store, request, &answer, &err), &err);
    CHECK_EQ_INT(answer.status, 200);
    return answer;
}

static void release(struct http_answer *answer)
{
    buf_release(&answer->body);
    buf_release(&answer->fields);
}

/* An acknowledgement at second 1 that succeeded, one at second 5 that failed. */
static void fill(void)
{
    struct error err;
    temporary = temporary_make();
    CHECK_OK(store_open(&store, temporary_path(&temporary, "sluice.db"), &err), &err);
    struct instance_start start = {.id = FIRST, .flow = "ACK", .version = "01.23.3000",
                                   .trigger = "rest", .invoked_by = "da\ncs", .parameters = "{}",
                                   .started_ms = 1000, .trace = TRACE, .span = "1"};
    CHECK_OK(store_instance_start(store, &start, &err), &err);
    store_activity(store, FIRST, &(struct activity){
        .at_ms = 1001, .duration_us = 25, .import = "http.request", .connection = "CCS",
        .subject = "/rest", .result = "ok", .detail = "HTTP status 200", .bytes = 7});
    store_activity(store, FIRST, &(struct activity){
        .at_ms = 1002, .import = "log", .result = "ok", .detail = "hello"});
    struct instance_end end = {.state = INSTANCE_COMPLETED, .finished_ms = 1500};
    CHECK_OK(store_instance_finish(store, FIRST, &end, &err), &err);
    start.id = SECOND;
    start.started_ms = 5000;
    start.trace = NULL;
    start.invoked_by = NULL;
    CHECK_OK(store_instance_start(store, &start, &err), &err);
    store_activity(store, SECOND, &(struct activity){
        .at_ms = 5001, .import = "http.request", .result = "timeout", .detail = "too\nlate"});
    end = (struct instance_end){.state = INSTANCE_FAILED, .finished_ms = 6000,
                                .fault_code = "timeout", .fault_title = "CCS is slow"};
    CHECK_OK(store_instance_finish(store, SECOND, &end, &err), &err);
}

static void test_flow_log(void)
{
    struct http_answer answer = answered(&(struct api_logs_request){.id = "icsflowlog"});
    char host[256] = "", expected[4096];
    gethostname(host, sizeof host - 1);
#define HEAD(time, level, more) "[1970-01-01T00:00:0" time "+00:00] [%s] [" level "] [] [sluice.flow]" more \
    " [ICS Activity Stream Logging]: [Code:ACK][Version:01.23.3000]"
#define ONE " [userId: da?cs] [ecid: " TRACE "]"
    snprintf(expected, sizeof expected,
             HEAD("1.000", "NOTIFICATION", ONE) "[Instance:" FIRST "][Operation:begin][ActionType:rest]: "
             "Integration execution has started\n"
             HEAD("1.001", "NOTIFICATION", ONE) "[Instance:" FIRST "][Operation:http.request]"
             "[ActionType:ok]: CCS; /rest; HTTP status 200 (25 us, 7 bytes)\n"
             HEAD("1.002", "NOTIFICATION", ONE) "[Instance:" FIRST "][Operation:log][ActionType:ok]: "
             "hello\n"
             HEAD("1.500", "NOTIFICATION", ONE) "[Instance:" FIRST "][Operation:end]"
             "[ActionType:COMPLETED]: Integration execution has completed\n"
             HEAD("5.000", "NOTIFICATION", "") "[Instance:" SECOND "][Operation:begin]"
             "[ActionType:rest]: Integration execution has started\n"
             HEAD("5.001", "ERROR", "") "[Instance:" SECOND "][Operation:http.request]"
             "[ActionType:timeout]: too?late (0 us, 0 bytes)\n"
             HEAD("6.000", "ERROR", "") "[Instance:" SECOND "][Operation:end][ActionType:FAILED]: "
             "Integration execution has failed: CCS is slow\n",
             host, host, host, host, host, host, host);
    CHECK_EQ_TEXT(entry(&answer, "ics-flow.log"), expected);
    CHECK_EQ_TEXT(answer.content_type, "application/octet-stream");
    CHECK_EQ_TEXT(buf_text(&answer.fields),
                  "Content-Disposition: attachment; filename=\"icsflowlog.zip\"\n");
    release(&answer);
}

static void expect_only(const struct api_logs_request *request, const char *instance)
{
    struct http_answer answer = answered(request);
    const char *text = entry(&answer, "ics-flow.log");
    CHECK_EQ_INT(strstr(text, FIRST) != NULL, strcmp(instance, FIRST) == 0);
    CHECK_EQ_INT(strstr(text, SECOND) != NULL, strcmp(instance, SECOND) == 0);
    release(&answer);
}

static void test_flow_log_is_narrowed(void)
{
    struct http_answer answer = {.status = 0};
    struct error err;
    expect_only(&(struct api_logs_request){.id = "icsflowlog", .from_ms = 2000}, SECOND);
    expect_only(&(struct api_logs_request){.id = "icsflowlog", .to_ms = 2000}, FIRST);
    expect_only(&(struct api_logs_request){.id = "icsflowlog", .from_ms = 9000}, "none");
    expect_only(&(struct api_logs_request){.id = "icsflowlog", .from_ms = 9000, .instance = FIRST}, FIRST);
    CHECK_FAILS(api_logs_answer(store, &(struct api_logs_request){
                    .id = "icsflowlog", .instance = "CCCCbbbbccccddddeeee11"}, &answer, &err),
                &err, ERROR_NOT_FOUND);
    CHECK_FAILS(api_logs_answer(store, &(struct api_logs_request){.id = "other"}, &answer, &err), &err,
                ERROR_NOT_FOUND);
    CHECK_EQ_TEXT(err.message, "there is no log 'other'; there are icsflowlog, icsauditlog and "
                               "icsdiagnosticlog");
    CHECK_EQ_INT(answer.status, 0);
}

static void test_audit_log(void)
{
    store_audit(store, &(struct audit_record){.at_ms = 1000, .actor = "eve", .address = "192.0.2.1",
                                              .action = "call", .subject = "POST /x", .outcome = "refused",
                                              .detail = "401: wrong user or password"});
    store_audit(store, &(struct audit_record){.at_ms = 2000, .actor = "ro\not", .address = "",
                                              .action = "users.add", .subject = "dacs",
                                              .outcome = "done"});
    struct http_answer answer = answered(&(struct api_logs_request){.id = "icsauditlog"});
    CHECK_EQ_TEXT(entry(&answer, "ics-audit.log"),
                  "[1970-01-01T00:00:01.000+00:00] [userId: eve] [eve,CALL,POST /x] refused from "
                  "192.0.2.1: 401: wrong user or password\n"
                  "[1970-01-01T00:00:02.000+00:00] [userId: ro?ot] [ro?ot,USERS.ADD,dacs] done\n");
    CHECK_CONTAINS(buf_text(&answer.fields), "filename=\"icsauditlog.zip\"");
    release(&answer);
    answer = answered(&(struct api_logs_request){.id = "icsauditlog", .from_ms = 1500});
    CHECK(strstr(entry(&answer, "ics-audit.log"), "eve") == NULL);
    CHECK_CONTAINS(content, "USERS.ADD");
    release(&answer);
}

static void test_diagnostic_log(void)
{
    struct error err;
    int null = open("/dev/null", O_WRONLY);
    log_configure(LOG_INFO, LOG_PLAIN, null);
    CHECK_OK(log_start(&err), &err);
    log_line(LOG_INFO, FIRST, "of the first");
    log_line(LOG_WARNING, NULL, "of none");
    struct http_answer answer = answered(&(struct api_logs_request){.id = "icsdiagnosticlog"});
    CHECK_EQ_TEXT(entry(&answer, "ics-diagnostic.log"),
                  "[" FIRST "] of the first\nwarning: of none\n");
    CHECK_CONTAINS(entry(&answer, "metrics.txt"), "# TYPE sluice_executions_running gauge\n");
    CHECK_CONTAINS(buf_text(&answer.fields), "filename=\"icsdiagnosticlog.zip\"");
    release(&answer);
    answer = answered(&(struct api_logs_request){.id = "icsdiagnosticlog", .instance = FIRST,
                                                 .to_ms = 1});
    CHECK_EQ_TEXT(entry(&answer, "ics-diagnostic.log"), "[" FIRST "] of the first\n");
    release(&answer);
    answer = answered(&(struct api_logs_request){.id = "icsdiagnosticlog", .to_ms = 1});
    CHECK_EQ_TEXT(entry(&answer, "ics-diagnostic.log"), "");
    release(&answer);
    CHECK(log_stop(60000));
    log_configure(LOG_INFO, LOG_PLAIN, STDERR_FILENO);
    close(null);
}

#define CUT "not all lines are here: at most 10000 executions and 33554432 bytes of lines"

/* Straight into the file, without waiting for the disk each time. */
static void run_sql(const char *sql)
{
    sqlite3 *db = NULL;
    CHECK_EQ_INT(sqlite3_open(temporary_path(&temporary, "sluice.db"), &db), SQLITE_OK);
    CHECK_EQ_INT(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void insert(int first, int last)
{
    char sql[512];
    snprintf(sql, sizeof sql,
             "WITH RECURSIVE n (i) AS (SELECT %d UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
             " INSERT INTO instance (id, flow, state, owner, process, started_ms, finished_ms)"
             " SELECT printf('bulk%%018d', i), 'BULK', 'COMPLETED', 0, 0, 100000 + i, 100000 + i FROM n",
             first, last);
    run_sql(sql);
}

static void test_the_number_of_executions(void)
{
    const struct api_logs_request request = {.id = "icsflowlog", .from_ms = 100000};
    insert(1, API_LOGS_INSTANCES_MAX);
    struct http_answer answer = answered(&request);
    CHECK(strncmp(entry(&answer, "ics-flow.log"), CUT, strlen(CUT)) != 0);
    CHECK_CONTAINS(content, "bulk000000000000000001]");
    release(&answer);
    insert(API_LOGS_INSTANCES_MAX + 1, API_LOGS_INSTANCES_MAX + 1);
    answer = answered(&request);
    CHECK(strncmp(entry(&answer, "ics-flow.log"), CUT, strlen(CUT)) == 0);
    CHECK(strstr(content, "bulk000000000000000001]") == NULL);
    CHECK_CONTAINS(content, "bulk000000000000000002]");
    release(&answer);
}

static void test_the_number_of_records(void)
{
    const struct api_logs_request request = {.id = "icsauditlog", .from_ms = 100000};
    run_sql("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)"
            " INSERT INTO audit (at_ms, actor, address, action, subject, outcome)"
            " SELECT 100000 + i, 'a', '', 'bulk', 'n' || i, 'done' FROM n");
    struct http_answer answer = answered(&request);
    CHECK(strncmp(entry(&answer, "ics-audit.log"), CUT, strlen(CUT)) != 0);
    CHECK_CONTAINS(content, ",n1] done\n");
    release(&answer);
    run_sql("INSERT INTO audit (at_ms, actor, address, action, subject, outcome)"
            " VALUES (200000, 'a', '', 'bulk', 'n10001', 'done')");
    answer = answered(&request);
    CHECK(strncmp(entry(&answer, "ics-audit.log"), CUT, strlen(CUT)) == 0);
    CHECK(strstr(content, ",n1] done\n") == NULL);
    CHECK_CONTAINS(content, ",n2] done\n");
    CHECK_CONTAINS(content, ",n10001] done\n");
    release(&answer);
}

/* An execution with count lines of 1 MiB less a little. */
static void write_long(const char *id, int count)
{
    struct error err;
    static char text[(1 << 20) - 512];
    memset(text, 'x', sizeof text - 1);
    struct instance_start start = {.id = id, .flow = "LONG", .parameters = "{}", .trigger = "rest",
                                   .started_ms = 900000};
    CHECK_OK(store_instance_start(store, &start, &err), &err);
    for (int i = 0; i < count; i++)
        store_activity(store, id, &(struct activity){.at_ms = 900000, .import = "log",
                                                     .result = "ok", .detail = text});
}

_Static_assert(API_LOGS_SIZE_MAX == 32u << 20, "the MiB below are around it");

static void test_the_newest_bytes(void)
{
    const struct api_logs_request request = {.id = "icsflowlog", .from_ms = 900000};
    write_long("MMMMbbbbccccddddeeee11", 31);
    struct http_answer answer = answered(&request);
    CHECK(strncmp(entry(&answer, "ics-flow.log"), CUT, strlen(CUT)) != 0);
    release(&answer);

    /* The older one no longer fits beside it. */
    write_long("NNNNbbbbccccddddeeee11", 2);
    answer = answered(&request);
    CHECK(strncmp(entry(&answer, "ics-flow.log"), CUT, strlen(CUT)) == 0);
    CHECK(strstr(content, "MMMM") == NULL);
    CHECK_CONTAINS(content, "NNNN");
    release(&answer);

    /* One that does not fit alone is given as far as it does. */
    write_long("OOOObbbbccccddddeeee11", 33);
    answer = answered(&request);
    CHECK(strncmp(entry(&answer, "ics-flow.log"), CUT, strlen(CUT)) == 0);
    CHECK_CONTAINS(content, "OOOO");
    release(&answer);
}

int main(void)
{
    static const struct check_test tests[] = {
        TEST(test_flow_log),       TEST(test_flow_log_is_narrowed),
        TEST(test_audit_log),      TEST(test_diagnostic_log),
        TEST(test_the_number_of_executions), TEST(test_the_number_of_records),
        TEST(test_the_newest_bytes),
    };
    fill();
    int status = check_run(tests, sizeof tests / sizeof tests[0]);
    store_close(store);
    temporary_remove(&temporary);
    return status;
}
