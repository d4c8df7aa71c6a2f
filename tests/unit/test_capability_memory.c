/* SPDX-License-Identifier: MIT */
/*
 * A host whose memory is wanting once: each call for memory of a journaled execution fails in turn, in its
 * first run and in one that goes on from the journal. Either nobody notices, or the execution stops to go on
 * later; the guest is told nothing that it was not told, or would not be told, in a run with memory enough.
 * Usage: test_capability_memory PROBE.wasm CACHE
 */
#include <stdlib.h>
#include <sys/mman.h>

#include "capability/call.h"
#include "capability/journal.h"
#include "capability/lease.h"
#include "capability/object.h"
#include "capability/settle.h"
#include "engine/import_rules.h"
#include "guests/probe.h"
#include "store_support.h"

#define LETTERS 64u /* of the guest's buffer stay what they are */
#define TOO_LONG (129u << 20) /* bytes: more than the journal takes of one result */

/* ---- memory that is wanting -------------------------------------------------------------------- */

static _Thread_local long left; /* calls for memory until one fails; 0: none does */
static _Thread_local const struct execution *within; /* while its imports run only; NULL: any time */
static _Thread_local bool was_wanting;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
char *__wrap_strdup(const char *text);

static bool is_wanting(void)
{
    if (left == 0 || (within && !within->guest) || --left > 0)
        return false;
    was_wanting = true;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return is_wanting() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return is_wanting() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
    return is_wanting() ? NULL : __real_realloc(memory, size);
}

char *__wrap_strdup(const char *text)
{
    return is_wanting() ? NULL : __real_strdup(text);
}

static void let_fail(long number, const struct execution *execution)
{
    left = number;
    within = execution;
    was_wanting = false;
}

/* Whether one failed since. */
static bool end_failing(void)
{
    left = 0;
    return was_wanting;
}

/* ---- an execution ------------------------------------------------------------------------------ */

static struct temporary temporary;
static struct environment environment;
static struct module *probe;
static struct manifest *manifest;
static struct connection connections[] = {{.name = "A", .type = CONNECTION_FTP, .host = "127.0.0.1", .port = 1},
                                          {.name = "AA", .type = CONNECTION_SMTP, .host = "127.0.0.1", .port = 1}};
static struct snapshot snapshot = {.connections = connections, .connection_count = 2, .holders = 1};
static struct workspace workspace = {.base_url = "", .snapshot = &snapshot};

static const char manifest_json[] =
    "{\"identifier\":\"PROBE\",\"name\":\"Probe\",\"version\":\"01.00.0000\",\"lookups\":[\"A\"],"
    "\"trigger\":{\"type\":\"schedule\"},\"durability\":\"durable\","
    "\"limits\":{\"memory_mib\":2,\"cpu_ms\":2000,\"wall_s\":20,\"import_calls\":1000,\"log_lines\":3,"
    "\"input_bytes\":100000},\"grants\":["
    "{\"capability\":\"smtp\",\"connection\":\"AA\",\"operations\":[\"send\"]},"
    "{\"capability\":\"flow\",\"connection\":\"A\",\"operations\":[\"A\"]}]}";

static bool answer_200(struct execution *caller, const struct connection *connection, const char *flow,
                       const void *body, size_t body_size, const struct remote_file *attachment,
                       struct http_response *response, struct error *err)
{
    (void)caller, (void)connection, (void)flow, (void)attachment, (void)err;
    response->status = 200;
    buf_init(&response->headers, 100);
    buf_init(&response->body, 100);
    buf_append(&response->body, body, body_size); /* as a flow's answer: nobody looks whether it is whole */
    return true;
}

static const char *new_instance(void)
{
    static int number;
    static char id[INSTANCE_ID_SIZE];
    struct error err = {0};
    snprintf(id, sizeof id, "memory-%015d", ++number);
    const struct instance_start start = {
        .id = id, .flow = "PROBE", .parameters = "{}", .started_ms = 1, .is_durable = true};
    CHECK_OK(store_instance_start(environment.store, &start, &err), &err);
    return id;
}

static void begin(struct execution *execution, const char *id)
{
    struct error err = {0};
    execution_init(execution, &environment, manifest);
    snprintf(execution->instance, sizeof execution->instance, "%s", id);
    execution->trigger = execution->invoked_by = "test";
    execution->snapshot = snapshot_hold(&snapshot);
    CHECK_OK(journal_open(&execution->journal, environment.store, id, JOURNAL_RECORD, &err), &err);
}

/* What is known by now is kept, as when an execution is suspended. */
static void end(struct execution *execution)
{
    struct error err = {0};
    CHECK_OK(journal_flush(execution->journal, &err), &err);
    execution_release(execution);
}

/* ---- a guest ----------------------------------------------------------------------------------- */

struct script {
    struct probe_step steps[32];
    uint32_t count;
};

/* Texts and bytes of so many letters, numbers of 200, answers behind the letters; handles are to be set. */
static struct probe_step *add(struct script *script, enum import_id id, uint32_t letters)
{
    struct probe_step *step = &script->steps[script->count++];
    const struct import *import = &imports[id];
    unsigned word = 0;
    *step = (struct probe_step){.import = id};
    for (unsigned i = 0; i < import->parameter_count; i++) {
        enum parameter_kind kind = import->parameters[i].kind;
        bool is_out = kind == PARAMETER_OUT || kind == PARAMETER_INFO;
        step->modes[word] = kind <= PARAMETER_INFO ? PROBE_SCRATCH : PROBE_LITERAL;
        step->words[word++] = kind == PARAMETER_NUMBER ? 200 : is_out ? LETTERS : 0;
        if (kind < PARAMETER_INFO)
            step->words[word++] = is_out ? PROBE_SCRATCH_SIZE - LETTERS : letters;
    }
    return step;
}

static void add_with_handle(struct script *script, enum import_id id, uint32_t from)
{
    struct probe_step *step = add(script, id, 1);
    step->words[0] = from;
    step->modes[0] = PROBE_RESULT;
}

static struct script make_script(void)
{
    struct script script = {.count = 0};
    add(&script, IMPORT_flow_about, 1);
    add(&script, IMPORT_flow_lookup, 1);
    add(&script, IMPORT_flow_attachment, 1);
    add_with_handle(&script, IMPORT_file_info, script.count - 1);
    add(&script, IMPORT_flow_track, 1);
    add(&script, IMPORT_flow_call, 1);
    add_with_handle(&script, IMPORT_http_status, script.count - 1);
    add_with_handle(&script, IMPORT_http_body, script.count - 2);
    add_with_handle(&script, IMPORT_http_header, script.count - 3);
    add(&script, IMPORT_flow_extensions, 1);
    add(&script, IMPORT_flow_extend, 1);
    add(&script, IMPORT_smtp_send, 2);
    add(&script, IMPORT_flow_fault, 64);
    add(&script, IMPORT_flow_report_file, 1)->words[2] = SLUICE_FILE_FOUND;
    add(&script, IMPORT_flow_respond, 1);
    return script;
}

struct outcome {
    enum fault fault;
    size_t size;
    int32_t results[32];
    bool is_spent;
};

static struct outcome run(const char *id, long number)
{
    static const struct remote_file attachment = {.name = "local"};
    static struct execution execution;
    const struct sandbox_limits limits = {.cpu_ms = 2000, .import_calls_max = 1000};
    const struct script script = make_script();
    struct sandbox_result result;
    struct outcome outcome = {.size = 0};
    begin(&execution, id);
    execution.input = script.steps;
    execution.input_size = script.count * sizeof script.steps[0];
    execution.attachment = &attachment;
    let_fail(number, &execution);
    sandbox_run(probe, &limits, &execution, &result);
    outcome.is_spent = end_failing();
    outcome.fault = result.fault;
    outcome.size = execution.response.size < sizeof outcome.results ? execution.response.size : 0;
    memcpy(outcome.results, buf_text(&execution.response), outcome.size);
    if (outcome.fault == FAULT_SUSPENDED)
        CHECK_CONTAINS(execution.stop_detail, "out of memory");
    end(&execution);
    return outcome;
}

static bool is_same(const struct outcome *a, const struct outcome *b)
{
    return a->fault == b->fault && a->size == b->size && memcmp(a->results, b->results, a->size) == 0;
}

static struct outcome undisturbed(void)
{
    const struct outcome outcome = run(new_instance(), 0);
    CHECK_EQ_TEXT(fault_name(outcome.fault), "none");
    CHECK_EQ_INT(outcome.size, make_script().count * sizeof outcome.results[0]);
    return outcome;
}

/* One that failed, and the same execution once there is memory again. */
static bool check_number(const struct outcome *expected, const char *id, long number, int *stops)
{
    const struct outcome failed = run(id, number);
    const struct outcome later = run(id, 0);
    bool is_right = failed.fault == FAULT_SUSPENDED || is_same(&failed, expected);
    if (!is_right || !is_same(&later, expected))
        fprintf(stderr, "call %ld for memory: %s, later %s\n", number, fault_name(failed.fault),
                fault_name(later.fault));
    CHECK(is_right);
    CHECK(is_same(&later, expected));
    *stops += failed.fault == FAULT_SUSPENDED;
    return failed.is_spent;
}

static void a_first_run_goes_on_later(void)
{
    const struct outcome expected = undisturbed();
    int stops = 0;
    long number = 1;
    while (check_number(&expected, new_instance(), number, &stops))
        number++;
    CHECK(number > 20 && stops > 20);
}

static void a_run_that_goes_on_does_so_later(void)
{
    const struct outcome expected = undisturbed();
    const char *id = new_instance();
    int stops = 0;
    long number = 1;
    run(id, 0);
    while (check_number(&expected, id, number, &stops))
        number++;
    CHECK(number > 20 && stops > 20);
}

/* ---- the journal alone ------------------------------------------------------------------------- */

struct values {
    int64_t first, second;
    char random[40];
};

static enum fault ask(const char *id, long number, struct values *values, bool *is_spent)
{
    static struct execution execution;
    begin(&execution, id);
    let_fail(number, NULL);
    values->first = journal_clock(&execution, 1000 + number);
    if (execution.stop == FAULT_NONE)
        (void)!journal_random(&execution, values->random, sizeof values->random);
    if (execution.stop == FAULT_NONE)
        values->second = journal_clock(&execution, 2000 + number);
    *is_spent = end_failing();
    enum fault stop = execution.stop;
    end(&execution);
    return stop;
}

static void clock_and_randomness_are_whole_or_not_kept(void)
{
    bool is_spent = true, ignored;
    for (long number = 1; is_spent; number++) {
        struct values failed = {.first = 0}, later, again;
        const char *id = new_instance();
        enum fault stop = ask(id, number, &failed, &is_spent);
        CHECK_EQ_TEXT(fault_name(stop), is_spent ? "suspended" : "none");
        CHECK_EQ_TEXT(fault_name(ask(id, 0, &later, &ignored)), "none");
        CHECK_EQ_TEXT(fault_name(ask(id, 0, &again, &ignored)), "none");
        CHECK(later.first == again.first && later.second == again.second);
        CHECK(memcmp(later.random, again.random, sizeof later.random) == 0);
    }
}

static const struct import look = {
    .capability = "ftp", .name = "look", .full_name = "ftp.look", .effect = SLUICE_EFFECT_READ,
    .parameter_count = 2, .parameters = {{PARAMETER_TEXT, "what"}, {PARAMETER_OUT, "found"}}};
static const struct import change = {
    .capability = "http", .name = "change", .full_name = "http.change", .effect = SLUICE_EFFECT_CHANGE,
    .parameter_count = 1, .parameters = {{PARAMETER_TEXT, "what"}}};

static struct call call_of(struct execution *execution, const struct import *import)
{
    return (struct call){.execution = execution, .import = import, .args = {{.text = "x", .size = 1}}};
}

/* Nothing of it is written, least of all a part without its seal; what was answered before it is whole. */
static void a_result_that_is_too_long_ends_the_execution(void)
{
    static struct execution execution;
    const char *id = new_instance();
    char *bytes = mmap(NULL, TOO_LONG, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    int32_t result;
    CHECK(bytes != MAP_FAILED);
    begin(&execution, id);
    for (int i = 0; i < 2; i++) {
        struct call call = call_of(&execution, &look);
        call.args[1] = (struct argument){.out = bytes, .size = i == 0 ? 5 : TOO_LONG};
        CHECK(!journal_answers(&call, &result));
        journal_result(&call, (int32_t)call.args[1].size);
        CHECK_EQ_TEXT(fault_name(execution.stop), i == 0 ? "none" : "journal_limit");
    }
    CHECK_CONTAINS(execution.stop_detail, "the answer to ftp.look has more than");
    end(&execution);
    begin(&execution, id);
    struct call call = call_of(&execution, &look);
    char answer[5];
    call.args[1] = (struct argument){.out = answer, .size = sizeof answer};
    CHECK(journal_answers(&call, &result));
    CHECK_EQ_INT(result, 5);
    CHECK_EQ_TEXT(fault_name(execution.stop), "none");
    call = call_of(&execution, &look);
    call.args[1] = (struct argument){.out = bytes, .size = TOO_LONG};
    CHECK(!journal_answers(&call, &result));
    CHECK_EQ_TEXT(fault_name(execution.stop), "none");
    end(&execution);
    munmap(bytes, TOO_LONG);
}

/* Half a plan would be another doubt, and none of it a doubt of which nothing is known. */
static void a_plan_is_read_whole_or_not_at_all(void)
{
    static struct execution execution;
    const char *id = new_instance();
    bool is_spent = true;
    int32_t result;
    begin(&execution, id);
    struct call call = call_of(&execution, &change);
    CHECK(!journal_answers(&call, &result));
    CHECK_OK(journal_announce(&call, "plan", 4, JOURNAL_ON_DISK), &call.error);
    end(&execution);
    for (long number = 1; is_spent; number++) {
        begin(&execution, id);
        call = call_of(&execution, &change);
        let_fail(number, NULL);
        bool is_settled = journal_answers(&call, &result);
        is_spent = end_failing();
        CHECK_EQ_INT(is_settled, execution.stop == FAULT_SUSPENDED);
        CHECK(is_settled || (call.is_in_doubt && call.doubt_size == 4 && memcmp(call.doubt, "plan", 4) == 0));
        end(&execution);
    }
}

/* ---- around it --------------------------------------------------------------------------------- */

/* What is renamed later is compared with it, so a file that is not noted is not opened. */
static void a_file_is_noted_or_not_opened(void)
{
    static struct execution execution;
    bool is_spent = true;
    for (long number = 1; is_spent; number++) {
        begin(&execution, new_instance());
        struct remote_file *file = calloc(1, sizeof *file);
        file->connection = &connections[0];
        file->place = strdup("ftp://u@h");
        file->folder = strdup("/f");
        file->name = strdup("a.csv");
        struct call call = call_of(&execution, &look);
        let_fail(number, NULL);
        int32_t handle = call_open_handle(&call, HANDLE_FILE, file, object_release_file);
        is_spent = end_failing();
        const struct remote_file *noted = opened_find(&execution.opened, &connections[0], "/f", "a.csv");
        CHECK_EQ_INT(handle > 0, !is_spent);
        CHECK_EQ_INT(execution.handles.count, is_spent ? 0 : 1);
        CHECK_EQ_INT(call.error.is_out_of_memory, is_spent);
        CHECK(is_spent ? !noted : noted && strcmp(noted->place, "ftp://u@h") == 0);
        end(&execution);
    }
}

static bool act(struct call *call, void *context)
{
    const struct transfer_step step = {.kind = STEP_PUBLISHING, .temporary = "t", .name = "n"};
    (void)context;
    return call->transfer.announce(call, &step, NULL) || error_set(&call->error, ERROR_BROKEN, "what a peer said");
}

/* Either the call fails for want of memory, which stops the execution where it comes from, or it stopped. */
static void check_waits(struct call *call, bool ok, bool is_spent)
{
    CHECK_EQ_INT(ok, !is_spent);
    CHECK(!is_spent || call->error.is_out_of_memory || call->execution->stop == FAULT_SUSPENDED);
}

static void leases_and_steps_wait_for_memory(void)
{
    static struct execution execution;
    bool is_spent = true;
    int32_t result;
    for (long number = 1; is_spent; number++) {
        char folder[24];
        snprintf(folder, sizeof folder, "/%ld", number);
        begin(&execution, new_instance());
        struct call call = call_of(&execution, &change);
        call.connection = &connections[0];
        call.args[1].text = folder;
        call.args[2].text = "";
        CHECK(!journal_answers(&call, &result));
        let_fail(number, NULL);
        bool ok = lease_take(&call);
        bool lease_is_spent = end_failing();
        check_waits(&call, ok, lease_is_spent);
        execution.stop = FAULT_NONE;
        let_fail(number, NULL);
        ok = settle(&call, act, NULL);
        is_spent = end_failing();
        check_waits(&call, ok, is_spent);
        is_spent |= lease_is_spent;
        end(&execution);
    }
}

static const struct check_test tests[] = {
    TEST(a_first_run_goes_on_later),
    TEST(a_run_that_goes_on_does_so_later),
    TEST(clock_and_randomness_are_whole_or_not_kept),
    TEST(a_result_that_is_too_long_ends_the_execution),
    TEST(a_plan_is_read_whole_or_not_at_all),
    TEST(a_file_is_noted_or_not_opened),
    TEST(leases_and_steps_wait_for_memory),
};

static bool set_up(const char *module, const char *cache, struct error *err)
{
    size_t rule_count;
    const struct import_rule *rules = import_rules_flow(&rule_count);
    const struct module_policy policy = {.imports = rules, .import_count = rule_count, .memory_pages_max = 256};
    temporary = temporary_make();
    environment = (struct environment){.workspace = &workspace, .call_flow = answer_200};
    return manifest_parse(&manifest, manifest_json, strlen(manifest_json), "probe", err) &&
           store_open(&environment.store, temporary_path(&temporary, "test.db"), err) &&
           module_open(&probe, module, cache, &policy, err);
}

int main(int argc, char **argv)
{
    struct error err = {0};
    if (argc != 3)
        return 2;
    if (!set_up(argv[1], argv[2], &err)) {
        fprintf(stderr, "set-up failed: %s\n", err.message);
        return 1;
    }
    int status = check_run(tests, sizeof tests / sizeof tests[0]);
    sandbox_thread_release();
    store_close(environment.store);
    module_close(probe);
    manifest_free(manifest);
    temporary_remove(&temporary);
    return status;
}
