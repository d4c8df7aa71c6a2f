/* SPDX-License-Identifier: MIT */
/* The stand-in service and its clock; see fake_scheduled.h. */
#include "fake_scheduled.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "flow/activation.h"
#include "flow/timetable.h"
#include "store/store_changes.h"
#include "store/store_schedule.h"

struct service {
    struct workspace *workspace;
    struct store *store;
    struct activation_table *activations;
    struct timetable *timetable;
    struct scheduler *scheduler;
    size_t workers, held;
    bool waits; /* these, and held: under `mutex` */
    uint32_t seen;
    unsigned jumps;
    int64_t until_ms;
};

const struct actor fake_actor = {"ann", "192.0.2.1"};
int fake_exit_status;
bool fake_peers_answer;
enum error_kind fake_refusal;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static _Atomic int64_t now_ms;
static bool is_held;
static unsigned jumps; /* how often the clock was set */
static char runs[4096];

/* ---- the clock --------------------------------------------------------------------------------- */

static int64_t wall_ns(void *context)
{
    (void)context;
    return atomic_load(&now_ms) * 1000000;
}

static int64_t monotonic_ns(void *context)
{
    struct timespec now;
    (void)context;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void no_sleep(void *context, int64_t duration_ms)
{
    (void)context, (void)duration_ms;
}

int64_t fake_instant(const char *text)
{
    struct tm fields = {0};
    CHECK(strptime(text, "%Y-%m-%dT%H:%M:%SZ", &fields) != NULL);
    return (int64_t)timegm(&fields) * 1000;
}

void fake_set_clock(const char *text)
{
    static const struct clock_source source = {wall_ns, monotonic_ns, no_sleep, NULL};
    clock_use(&source);
    atomic_store(&now_ms, fake_instant(text));
}

static bool is_woken(const struct service *service)
{
    return atomic_load(&now_ms) >= service->until_ms || service->jumps != jumps ||
           store_changes(service->store) != service->seen;
}

/* The scheduler's wait: until the test has moved the clock that far or set it, or the store has changed. */
static void wait_change(void *context, uint32_t seen, int64_t looked_ms, int64_t until_ms)
{
    struct service *service = context;
    pthread_mutex_lock(&mutex);
    service->waits = true;
    service->seen = seen;
    service->until_ms = until_ms;
    service->jumps = looked_ms > atomic_load(&now_ms) ? jumps - 1 : jumps;
    pthread_cond_broadcast(&changed);
    while (!is_woken(service))
        pthread_cond_wait(&changed, &mutex);
    service->waits = false;
    pthread_mutex_unlock(&mutex);
}

static void wake(void)
{
    pthread_mutex_lock(&mutex);
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&mutex);
}

static bool is_settled(const struct service *service)
{
    return !service->scheduler || (service->waits && !is_woken(service));
}

/* Until what was started has ended or, while runs are held, has begun. */
static void wait_for_runs(const struct service *service)
{
    size_t running = 1, waiting = 1;
    bool is_done = !service->scheduler;
    while (!is_done) {
        nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
        scheduler_load(service->scheduler, &running, &waiting);
        pthread_mutex_lock(&mutex);
        is_done = is_held ? running == service->held && (waiting == 0 || running == service->workers)
                          : running + waiting == 0;
        pthread_mutex_unlock(&mutex);
    }
}

void fake_settle(struct host *hosts, size_t count)
{
    wake();
    pthread_mutex_lock(&mutex);
    for (size_t i = 0; i < count; i++)
        while (!is_settled(hosts[i].service))
            pthread_cond_wait(&changed, &mutex);
    pthread_mutex_unlock(&mutex);
    for (size_t i = 0; i < count; i++)
        wait_for_runs(hosts[i].service);
}

void fake_jump(struct host *hosts, size_t count, const char *to)
{
    pthread_mutex_lock(&mutex);
    atomic_store(&now_ms, fake_instant(to));
    jumps++;
    pthread_mutex_unlock(&mutex);
    fake_settle(hosts, count);
}

/* When the first scheduler wants to wake, but not after end_ms. */
static int64_t next_wake(struct host *hosts, size_t count, int64_t end_ms)
{
    int64_t next_ms = end_ms;
    pthread_mutex_lock(&mutex);
    for (size_t i = 0; i < count; i++)
        if (hosts[i].scheduler && hosts[i].service->until_ms < next_ms)
            next_ms = hosts[i].service->until_ms;
    pthread_mutex_unlock(&mutex);
    return next_ms;
}

void fake_pass(struct host *hosts, size_t count, const char *until)
{
    int64_t end_ms = fake_instant(until);
    while (atomic_load(&now_ms) < end_ms) {
        atomic_store(&now_ms, next_wake(hosts, count, end_ms));
        fake_settle(hosts, count);
    }
}

/* ---- runs -------------------------------------------------------------------------------------- */

void fake_hold_runs(void)
{
    pthread_mutex_lock(&mutex);
    is_held = true;
    pthread_mutex_unlock(&mutex);
}

void fake_release_runs(void)
{
    pthread_mutex_lock(&mutex);
    is_held = false;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&mutex);
}

static void add_text(char *text, size_t size, const char *format, ...) PRINTF_LIKE(3, 4);

static void add_text(char *text, size_t size, const char *format, ...)
{
    size_t used = strlen(text);
    va_list args;
    va_start(args, format);
    vsnprintf(text + used, size - used, format, args);
    va_end(args);
}

const char *fake_runs(void)
{
    static char text[sizeof runs];
    pthread_mutex_lock(&mutex);
    memcpy(text, runs, sizeof text);
    runs[0] = '\0';
    pthread_mutex_unlock(&mutex);
    return text;
}

/* Notes the run, then waits while runs are held and nobody asks it to stop. */
static bool go_on(struct service *service, const struct run_request *request)
{
    char at[CLOCK_TEXT_SIZE];
    pthread_mutex_lock(&mutex);
    add_text(runs, sizeof runs, "%s %.11s", service_manifest(service, request->flow)->identifier,
             clock_format_ms(atomic_load(&now_ms), at) + 8);
    if (strcmp(request->trigger, "schedule") != 0)
        add_text(runs, sizeof runs, " %s by %s", request->trigger, request->invoked_by);
    for (size_t i = 0; i < request->parameter_count; i++)
        add_text(runs, sizeof runs, " %s=%s", request->parameters[i].name,
                 request->parameters[i].value);
    add_text(runs, sizeof runs, "; ");
    bool stopped = false;
    service->held++;
    while (is_held && !stopped) {
        struct timespec soon;
        clock_gettime(CLOCK_REALTIME, &soon);
        soon.tv_nsec += 1000000;
        soon.tv_sec += soon.tv_nsec / 1000000000;
        soon.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&changed, &mutex, &soon);
        stopped = request->watch->should_stop(request->watch->context);
    }
    service->held--;
    pthread_mutex_unlock(&mutex);
    return !stopped;
}

bool service_run(struct service *service, const struct run_request *request,
                 struct run_outcome *outcome, struct error *err)
{
    static atomic_int number;
    const char *identifier = service_manifest(service, request->flow)->identifier;
    *outcome = (struct run_outcome){.state = INSTANCE_COMPLETED, .exit_status = fake_exit_status};
    buf_init(&outcome->response, 16);
    buf_init(&outcome->fault_detail, 16);
    if (fake_refusal != ERROR_NONE)
        return error_set(err, fake_refusal, "another run of flow '%s' is going on", identifier);
    snprintf(outcome->instance, sizeof outcome->instance, "instance-%d", atomic_fetch_add(&number, 1));
    request->watch->started(request->watch->context, outcome->instance, identifier);
    request->watch->started(request->watch->context, "a-child", "CHILD");
    if (!go_on(service, request))
        outcome->exit_status = 1;
    if (outcome->exit_status == 1)
        snprintf(outcome->fault_title, sizeof outcome->fault_title, "it failed");
    return true;
}

void run_outcome_release(struct run_outcome *outcome)
{
    buf_release(&outcome->response);
    buf_release(&outcome->fault_detail);
}

/* ---- what the store says ----------------------------------------------------------------------- */

static char record[4096], reason[256];

static bool add_record(void *context, const struct schedule_run *run)
{
    char one[256], at[CLOCK_TEXT_SIZE], first[CLOCK_TEXT_SIZE] = "";
    (void)context;
    if (run->first_ms != run->due_ms)
        snprintf(first, sizeof first, "%.11s..", clock_format_ms(run->first_ms, at) + 8);
    int size = snprintf(one, sizeof one, "%s %s%.11s %s; ", run->flow, first,
                        clock_format_ms(run->due_ms, at) + 8, run->outcome);
    if (record[0] == '\0')
        snprintf(reason, sizeof reason, "%s", run->reason ? run->reason : "");
    memmove(record + size, record, strlen(record) + 1); /* newest first: the oldest comes to the front */
    memcpy(record, one, (size_t)size);
    return strlen(record) + sizeof one < sizeof record;
}

const char *fake_record(struct host *host)
{
    struct error err = {0};
    record[0] = reason[0] = '\0';
    CHECK_OK(store_schedule_runs(service_store(host->service), NULL, 40, add_record, NULL, &err), &err);
    return record;
}

const char *fake_reason(struct host *host)
{
    fake_record(host);
    return reason;
}

/* ---- the service ------------------------------------------------------------------------------- */

static char a[] = "A", b[] = "B", old_version[] = "01.23.3000", new_version[] = "01.23.3001",
            schedule[] = "schedule", prefix[] = "prefix", text[] = "text";
static struct manifest_parameter parameters[] = {{prefix, text, NULL, true}};
static char ftp[] = "ftp", source[] = "SOURCE", target[] = "TARGET", list[] = "list";
static char *operations[] = {list};
static struct grant grants[] = {{ftp, source, operations, 1}, {ftp, target, operations, 1},
                                {ftp, source, operations, 1}};
static const struct manifest manifests[] = {
    {.identifier = a, .name = a, .version = old_version, .trigger_type = schedule,
     .parameters = parameters, .parameter_count = 1},
    {.identifier = a, .name = a, .version = new_version, .trigger_type = schedule,
     .parameters = parameters, .parameter_count = 1},
    {.identifier = b, .name = b, .version = old_version, .trigger_type = schedule,
     .grants = grants, .grant_count = sizeof grants / sizeof grants[0]},
};

struct workspace *service_workspace(const struct service *service)
{
    return service->workspace;
}

struct store *service_store(const struct service *service)
{
    return service->store;
}

struct transfer *service_transfer(const struct service *service)
{
    (void)service;
    return NULL;
}

struct activation_table *service_activations(const struct service *service)
{
    return service->activations;
}

struct timetable *service_timetable(const struct service *service)
{
    return service->timetable;
}

struct scheduler *service_scheduler(const struct service *service)
{
    return service->scheduler;
}

void service_set_scheduler(struct service *service, struct scheduler *scheduler)
{
    service->scheduler = scheduler;
}

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

bool service_find(const struct service *service, const char *name, size_t *index, struct error *err)
{
    (void)service;
    *index = strcmp(name, "B") == 0 ? FLOW_B : FLOW_A_NEW;
    return strcmp(name, "A") == 0 || strcmp(name, "B") == 0 ||
           error_set(err, ERROR_NOT_FOUND, "no flow '%s'", name);
}

bool service_check_run(const struct service *service, const struct run_request *request,
                       struct error *err)
{
    const struct manifest *manifest = service_manifest(service, request->flow);
    for (size_t i = 0; i < request->parameter_count; i++)
        if (manifest->parameter_count == 0 || strcmp(request->parameters[i].name, prefix) != 0)
            return error_set(err, ERROR_INVALID, "flow '%s' has no parameter '%s'",
                             manifest->identifier, request->parameters[i].name);
    return true;
}

bool manifest_answers(const struct manifest *one)
{
    return strcmp(one->trigger_type, "schedule") != 0;
}

bool manifest_is_called(const struct manifest *one, const char *name)
{
    return strcmp(one->identifier, name) == 0;
}

bool connection_test(struct transfer *transfer, const struct connection *connection,
                     const char *folder, struct connection_report *report, struct error *err)
{
    (void)transfer, (void)folder, (void)report;
    return fake_peers_answer ||
           error_set(err, ERROR_UNAVAILABLE, "connection '%s': nobody answers", connection->name);
}

/* The engine's: no thread here has sandboxes. */
void sandbox_thread_release(void);
void sandbox_thread_release(void)
{
}

/* ---- hosts ------------------------------------------------------------------------------------- */

void fake_write_schedules(struct temporary *temporary, const char *schedules)
{
    temporary_write(temporary, "schedules.json", schedules);
}

static struct service *open_service(struct temporary *temporary)
{
    struct service *service = calloc(1, sizeof *service);
    struct error err = {0};
    CHECK_OK(workspace_open(&service->workspace, temporary->folder, temporary->folder, &err), &err);
    CHECK_OK(store_open(&service->store, service->workspace->store_file, &err), &err);
    service->activations = activation_table_new(service_flow_count(service));
    service->timetable = timetable_new(&service->workspace->schedules);
    return service;
}

void host_open(struct host *host, struct temporary *temporary, const char *schedules)
{
    fake_exit_status = 0;
    fake_refusal = ERROR_NONE;
    temporary_write(temporary, "sluice.json", "{}");
    temporary_write(temporary, "connections.json",
                    "{\"SOURCE\": {\"type\": \"ftp\", \"host\": \"up\", \"tls\": \"none\", \"user\": \"u\","
                    " \"password\": {\"env\": \"P\"}}}");
    if (schedules)
        fake_write_schedules(temporary, schedules);
    *host = (struct host){.service = open_service(temporary)};
    fake_runs();
}

void host_start(struct host *host, size_t workers)
{
    struct error err = {0};
    const struct scheduler_options options = {.workers = workers, .wait = wait_change,
                                              .context = host->service};
    host->service->workers = workers;
    CHECK_OK(scheduler_open(&host->scheduler, host->service, &options, &err), &err);
    fake_settle(host, 1);
}

void host_stop(struct host *host, int64_t wait_ms)
{
    scheduler_quiesce(host->scheduler);
    wake();
    CHECK(scheduler_close(host->scheduler, clock_monotonic_ms() + wait_ms));
    host->scheduler = NULL;
}

void host_close(struct host *host)
{
    struct service *service = host->service;
    host_stop(host, 60000);
    activation_table_free(service->activations);
    timetable_free(service->timetable);
    store_close(service->store);
    workspace_close(service->workspace);
    free(service);
}
