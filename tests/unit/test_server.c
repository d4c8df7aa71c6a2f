/* SPDX-License-Identifier: MIT */
/* Addresses to flows, who may call, lock-out at its limits, the pool at its limits. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "base/buf.h"
#include "flow/flow.h"
#include "server/auth.h"
#include "server/lockout.h"
#include "server/metrics.h"
#include "server/route.h"
#include "server/work_queue.h"
#include "temporary.h"

#define BASE "/ic/api/integration/v1/flows/"

static char ack[] = "ACK", ack_path[] = "/sendAck", version[] = "01.23.3000", rest[] = "rest",
            sync_flow[] = "SYNC", schedule[] = "schedule", other[] = "ACK-OLD", many[] = "MANY",
            path_two[] = "/two", one_zero[] = "01.00.0007", patch[] = "01.23.3001",
            newest[] = "02.10.0000", stopped[] = "03.00.0000";
static char *aliases[] = {other};
static const struct manifest manifests[] = {
    {.identifier = ack, .version = version, .trigger_type = rest, .trigger_path = ack_path,
     .aliases = aliases, .alias_count = 1},
    {.identifier = many, .version = one_zero, .trigger_type = rest, .trigger_path = ack_path},
    {.identifier = many, .version = version, .trigger_type = rest, .trigger_path = ack_path},
    {.identifier = many, .version = patch, .trigger_type = rest, .trigger_path = ack_path},
    {.identifier = many, .version = newest, .trigger_type = rest, .trigger_path = path_two},
    {.identifier = many, .version = stopped, .trigger_type = rest, .trigger_path = ack_path},
    {.identifier = sync_flow, .version = version, .trigger_type = schedule, .trigger_path = ack_path},
};

size_t service_flow_count(const struct service *service)
{
    (void)service;
    return sizeof manifests / sizeof manifests[0];
}

const struct manifest *service_manifest(const struct service *service, size_t index)
{
    (void)service;
    return &manifests[index];
}

bool service_is_active(const struct service *service, size_t index)
{
    (void)service;
    return manifests[index].version != stopped;
}

static void test_forms_of_metrics(void)
{
    static const struct {
        const char *accept;
        enum metrics_form form;
    } cases[] = {
        {NULL, METRICS_TEXT},
        {"", METRICS_TEXT},
        {"*/*", METRICS_TEXT},
        {"text/plain", METRICS_TEXT},
        {"application/openmetrics-text", METRICS_OPENMETRICS},
        {"Application/OpenMetrics-Text; version=1.0.0; charset=utf-8", METRICS_OPENMETRICS},
        {"application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
         "text/plain;version=0.0.4;q=0.5,*/*;q=0.1", METRICS_OPENMETRICS},
        {"text/plain;version=0.0.4;q=1,application/openmetrics-text;q=0.9", METRICS_TEXT},
        {"text/*;q=0.5 , application/openmetrics-text;q=0.6", METRICS_OPENMETRICS},
        {"application/openmetrics-text;q=0", METRICS_TEXT},
        {"application/openmetrics-textual", METRICS_TEXT},
        {",,;q=1,application/openmetrics-text ;q=1", METRICS_OPENMETRICS},
        {"application/openmetrics-text;q=x", METRICS_TEXT},
        {"application/openmetrics-text;q=1e300,text/plain", METRICS_OPENMETRICS},
        {"application/openmetrics-text;q=-1e300", METRICS_TEXT},
        {"application/openmetrics-text;q=nan", METRICS_TEXT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (metrics_negotiate(cases[i].accept) != cases[i].form)
            fprintf(stderr, "Accept: %s\n", cases[i].accept ? cases[i].accept : "(none)");
        CHECK_EQ_INT(metrics_negotiate(cases[i].accept), cases[i].form);
    }
}

static void test_routes(void)
{
    static const struct {
        const char *path;
        enum route_kind kind;
    } cases[] = {
        {"/health/live", ROUTE_LIVE},
        {"/health/ready", ROUTE_READY},
        {"/health/live/", ROUTE_NONE},
        {"/", ROUTE_NONE},
        {BASE "rest/ACK/1.0/sendAck", ROUTE_TRIGGER},
        {BASE "oracleutilities/ACK-OLD/01.23.3000/sendAck", ROUTE_TRIGGER},
        {BASE "ebusiness/ACK/1.0/sendAck", ROUTE_UNKNOWN},
        {BASE "rest/ack/1.0/sendAck", ROUTE_UNKNOWN},
        {BASE "rest/SYNC/1.0/sendAck", ROUTE_UNKNOWN}, /* a schedule is no trigger of callers */
        {BASE "rest/ACK/9.9/sendAck", ROUTE_UNKNOWN},
        {BASE "rest/ACK/1.0/sendAck/", ROUTE_UNKNOWN},
        {BASE "rest/ACK/1.0/sendAck%00", ROUTE_UNKNOWN},
        {BASE "rest/ACK/1.0", ROUTE_UNKNOWN},
        {BASE "rest/ACK", ROUTE_UNKNOWN},
        {BASE "rest/", ROUTE_UNKNOWN},
        {BASE, ROUTE_UNKNOWN},
    };
    struct route route;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        route_find(NULL, cases[i].path, &route);
        if (route.kind != cases[i].kind)
            fprintf(stderr, "path \"%s\"\n", cases[i].path);
        CHECK_EQ_INT(route.kind, cases[i].kind);
    }
    struct buf list;
    buf_init(&list, 4096);
    route_list(NULL, &list);
    CHECK_EQ_TEXT(buf_text(&list), BASE "rest/ACK/01.23.3000/sendAck, "
                  BASE "rest/MANY/01.00.0007/sendAck, " BASE "rest/MANY/01.23.3000/sendAck, "
                  BASE "rest/MANY/01.23.3001/sendAck, " BASE "rest/MANY/02.10.0000/two");
    buf_release(&list);
}

static void test_versions(void)
{
    static const struct {
        const char *flow_and_version, *expected; /* "": refused */
    } cases[] = {
        {"ACK/1.0", version},       {"ACK/01.00", version},    {"ACK/1.23", version},
        {"ACK/01.23", version},     {"ACK/01.23.3000", version}, {"ACK/1.23.3000", version},
        {"ACK/1.000023", version},  {"ACK/1.24", ""},          {"ACK/1", ""},
        {"ACK/", ""},               {"ACK/1.", ""},            {"ACK/.23", ""},
        {"ACK/1.23.", ""},          {"ACK/1.23.3000.0", ""},   {"ACK/1.23.3001", ""},
        {"ACK/1.0.0", ""},          {"ACK/1.x", ""},           {"ACK/1.0000023", ""},
        {"ACK/-1.23", ""},          {"ACK/2.0", ""},
        {"MANY/1.0", one_zero}, /* a real one goes before what the guide prints */
        {"MANY/1.23", patch},       {"MANY/1.23.3000", version}, {"MANY/1.23.3001", patch},
        {"MANY/01.00.0007", one_zero}, {"MANY/1.0.0", ""},
        {"MANY/2.10", ""}, /* the newest version has another path */
        {"MANY/3.0", ""},  /* not active */
    };
    struct route route;
    char path[128];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        snprintf(path, sizeof path, BASE "rest/%s/sendAck", cases[i].flow_and_version);
        route_find(NULL, path, &route);
        const char *got = route.kind == ROUTE_TRIGGER ? manifests[route.flow].version : "";
        if (strcmp(got, cases[i].expected) != 0)
            fprintf(stderr, "path \"%s\"\n", path);
        CHECK_EQ_TEXT(got, cases[i].expected);
    }
}

static void test_lockout_limits(void)
{
    struct lockout *lockout = calloc(1, sizeof *lockout);
    for (unsigned i = 0; i < LOCKOUT_ACCOUNT_FAILURES_MAX; i++) {
        CHECK_EQ_INT(lockout_left_ms(lockout, 7, LOCKOUT_ACCOUNT_FAILURES_MAX, 1000), 0);
        lockout_fail(lockout, 7, 1000);
    }
    CHECK_EQ_INT(lockout_left_ms(lockout, 7, LOCKOUT_ACCOUNT_FAILURES_MAX, 1000), LOCKOUT_MS);
    CHECK_EQ_INT(lockout_left_ms(lockout, 7, LOCKOUT_ACCOUNT_FAILURES_MAX, 1000 + LOCKOUT_MS - 1), 1);
    CHECK_EQ_INT(lockout_left_ms(lockout, 7, LOCKOUT_ACCOUNT_FAILURES_MAX, 1000 + LOCKOUT_MS), 0);
    lockout_fail(lockout, 7, 1000 + LOCKOUT_MS); /* counts from one again */
    CHECK_EQ_INT(lockout_left_ms(lockout, 7, LOCKOUT_ACCOUNT_FAILURES_MAX, 1000 + LOCKOUT_MS), 0);
    lockout_forget(lockout, 7);
    CHECK_EQ_INT(lockout_left_ms(lockout, 7, 1, 1000 + LOCKOUT_MS), 0);
    /* One row full: the oldest is forgotten, the newest are kept. */
    for (uint64_t i = 0; i <= LOCKOUT_ROW_ENTRIES; i++)
        lockout_fail(lockout, 3 + i * LOCKOUT_ROWS, (int64_t)(10 + i));
    CHECK_EQ_INT(lockout_left_ms(lockout, 3, 1, 20), 0);
    CHECK(lockout_left_ms(lockout, 3 + LOCKOUT_ROWS, 1, 20) > 0);
    CHECK(lockout_left_ms(lockout, 3 + LOCKOUT_ROW_ENTRIES * LOCKOUT_ROWS, 1, 20) > 0);
    free(lockout);
}

static enum auth_verdict check(struct auth *auth, const char *credentials, const char *address,
                               enum role role)
{
    char name[USERS_NAME_SIZE_MAX + 1];
    struct buf header;
    buf_init(&header, 4096);
    buf_append_text(&header, "Basic ");
    buf_append_base64(&header, credentials, strlen(credentials));
    enum auth_verdict verdict = auth_check(auth, buf_text(&header), address, role, name);
    buf_release(&header);
    return verdict;
}

static void test_auth(void)
{
    struct error err = {0};
    struct auth *auth = NULL;
    char name[USERS_NAME_SIZE_MAX + 1];
    struct temporary temporary = temporary_make();
    const char *folder = temporary.folder;
    CHECK_OK(auth_open(&auth, folder, &(struct auth_limits){.account = {0}}, &err), &err);
    CHECK_EQ_INT(auth_user_count(auth), 0);
    CHECK_EQ_INT(check(auth, "dacs:secret-one", "a", ROLE_INVOKE), AUTH_WRONG);
    CHECK_OK(users_put(folder, "dacs", "secret-one", ROLE_INVOKE, &err), &err);
    CHECK_OK(users_put(folder, "eyes", "secret:two", ROLE_MONITOR, &err), &err);
    CHECK_OK(auth_reload(auth, &err), &err);
    CHECK_EQ_INT(auth_user_count(auth), 2);
    for (int i = 0; i < 3; i++) /* hashed once, remembered then */
        CHECK_EQ_INT(check(auth, "dacs:secret-one", "b", ROLE_INVOKE), AUTH_GRANTED);
    CHECK_EQ_INT(check(auth, "dacs:secret-one", "b", ROLE_MONITOR), AUTH_FORBIDDEN);
    CHECK_EQ_INT(check(auth, "eyes:secret:two", "b", ROLE_INVOKE), AUTH_FORBIDDEN);
    CHECK_EQ_INT(auth_check(auth, NULL, "b", ROLE_INVOKE, name), AUTH_MISSING);
    CHECK_EQ_INT(auth_check(auth, "Bearer x", "b", ROLE_INVOKE, name), AUTH_MISSING);
    CHECK_EQ_INT(auth_check(auth, "Basic !", "b", ROLE_INVOKE, name), AUTH_MISSING);
    CHECK_EQ_INT(check(auth, "no colon", "b", ROLE_INVOKE), AUTH_MISSING);
    for (unsigned i = 0; i < LOCKOUT_ACCOUNT_FAILURES_MAX; i++)
        CHECK_EQ_INT(check(auth, "dacs:wrong", "c", ROLE_INVOKE), AUTH_WRONG);
    CHECK_EQ_INT(check(auth, "dacs:secret-one", "c", ROLE_INVOKE), AUTH_LOCKED);
    CHECK_EQ_INT(check(auth, "dacs:secret-one", "b", ROLE_INVOKE), AUTH_GRANTED);
    CHECK_OK(users_put(folder, "dacs", "secret-new", ROLE_INVOKE, &err), &err);
    CHECK_OK(auth_reload(auth, &err), &err);
    CHECK_EQ_INT(check(auth, "dacs:secret-one", "b", ROLE_INVOKE), AUTH_WRONG);
    CHECK_EQ_INT(check(auth, "dacs:secret-new", "b", ROLE_INVOKE), AUTH_GRANTED);
    auth_close(auth);
    temporary_remove(&temporary);
}

static void test_user_limits(void)
{
    struct error err = {0};
    struct temporary temporary = temporary_make();
    const char *folder = temporary.folder;
    char text[USERS_PASSWORD_SIZE_MAX + 2];
    memset(text, 'x', sizeof text);
    text[USERS_PASSWORD_SIZE_MAX + 1] = '\0';
    CHECK_FAILS(users_put(folder, "a", text, ROLE_INVOKE, &err), &err, ERROR_INVALID);
    text[USERS_PASSWORD_SIZE_MAX] = '\0';
    CHECK_OK(users_put(folder, "a", text, ROLE_INVOKE, &err), &err);
    CHECK_FAILS(users_put(folder, "a", "1234567", ROLE_INVOKE, &err), &err, ERROR_INVALID);
    CHECK_OK(users_put(folder, "a", "12345678", ROLE_INVOKE, &err), &err);
    text[USERS_NAME_SIZE_MAX + 1] = '\0';
    CHECK_FAILS(users_put(folder, text, "12345678", ROLE_INVOKE, &err), &err, ERROR_INVALID);
    text[USERS_NAME_SIZE_MAX] = '\0';
    CHECK_OK(users_put(folder, text, "12345678", ROLE_INVOKE, &err), &err);
    CHECK_FAILS(users_put(folder, "a:b", "12345678", ROLE_INVOKE, &err), &err, ERROR_INVALID);
    temporary_remove(&temporary);
}

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static int items_run, threads_ended;

static void run_item(void *context, void *item)
{
    (void)context, (void)item;
    pthread_mutex_lock(&gate);
    items_run++;
    pthread_mutex_unlock(&gate);
}

static void thread_ended(void)
{
    threads_ended++;
}

static void test_queue_limit(void)
{
    struct error err = {0};
    struct work_queue *queue = NULL;
    const struct work_queue_options options = {.thread_count = 1, .waiting_max = 2, .run = run_item,
                                               .thread_end = thread_ended};
    pthread_mutex_lock(&gate);
    CHECK_OK(work_queue_open(&queue, &options, &err), &err);
    int taken = 0, item = 0;
    while (taken < 100 && work_queue_submit(queue, &item))
        taken++;
    CHECK(taken == 2 || taken == 3); /* two wait; the thread may hold one already */
    pthread_mutex_unlock(&gate);
    work_queue_close(queue);
    CHECK_EQ_INT(items_run, taken);
    CHECK_EQ_INT(threads_ended, 1);
}

CHECK_MAIN(TEST(test_routes), TEST(test_versions), TEST(test_forms_of_metrics),
           TEST(test_lockout_limits), TEST(test_auth),
           TEST(test_user_limits), TEST(test_queue_limit))
