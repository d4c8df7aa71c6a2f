/* SPDX-License-Identifier: MIT */
/*
 * The border as a hostile guest sees it: every import of the table with bad addresses, lengths and
 * handles, without grants, after close, nested. Usage: test_capability_imports PROBE.wasm CACHE
 */
#include <stdlib.h>
#include <unistd.h>

#include "capability/call.h"
#include "capability/journal.h"
#include "store/store_journal.h"
#include "check.h"
#include "temporary.h"
#include "engine/import_rules.h"
#include "guests/probe.h"

static const char *probe_path, *cache_folder;
static char folder[64];
static struct environment environment;
static struct module *probe;

static const char manifest_json[] =
    "{\"identifier\":\"PROBE\",\"name\":\"Probe\",\"version\":\"01.00.0000\","
    "\"lookups\":[\"A\"],\"trigger\":{\"type\":\"rest\"},\"durability\":\"tracked\","
    "\"limits\":{\"memory_mib\":2,\"cpu_ms\":2000,\"wall_s\":20,\"import_calls\":100000,"
    "\"log_lines\":3,\"input_bytes\":100000},\"grants\":["
    "{\"capability\":\"ftp\",\"connection\":\"A\",\"operations\":"
    "[\"open\",\"store\",\"stat\",\"rename\"]},"
    "{\"capability\":\"http\",\"connection\":\"A\",\"operations\":[\"request\",\"object_list\","
    "\"object_open\",\"object_store\",\"object_stat\",\"object_rename\"]},"
    "{\"capability\":\"http\",\"connection\":\"R\",\"operations\":[\"request\"]},"
    "{\"capability\":\"smtp\",\"connection\":\"A\",\"operations\":[\"send\"]},"
    "{\"capability\":\"flow\",\"connection\":\"A\",\"operations\":[\"A\"]}]}";

static struct manifest *manifest;
static struct connection connections[] = {
    {.name = "A", .type = CONNECTION_FTP, .host = "127.0.0.1", .port = 1, .user = "u",
     .connect_timeout_ms = 1000, .stall_timeout_ms = 1000, .request_timeout_ms = 1000},
    {.name = "R", .type = CONNECTION_REST, .url = "http://127.0.0.1:1/base",
     .connect_timeout_ms = 1000, .stall_timeout_ms = 1000, .request_timeout_ms = 1000},
};
static struct snapshot snapshot = {.connections = connections, .connection_count = 2, .holders = 1};
static struct workspace workspace = {
    .folder = folder,
    .state_folder = folder,
    .base_url = "",
    .snapshot = &snapshot,
};

/* ---- one run of the probe --------------------------------------------------------------------- */

struct run {
    struct probe_step steps[PROBE_STEPS_MAX];
    uint32_t count;
    struct execution execution;
    struct sandbox_result result;
};

static size_t answer_size = 5;
static const char *journaled; /* the instance whose journal is kept; NULL: none is */

static bool answer_200(struct execution *caller, const struct connection *connection,
                       const char *flow, const void *body, size_t body_size,
                       const struct remote_file *attachment, struct http_response *response,
                       struct error *err)
{
    (void)caller, (void)connection, (void)flow, (void)body, (void)body_size, (void)attachment,
        (void)err;
    response->status = 200;
    buf_init(&response->headers, 100);
    buf_init(&response->body, answer_size);
    while (response->body.size < answer_size)
        buf_append(&response->body, "hello...", answer_size - response->body.size < 8 ? 1 : 8);
    return !response->body.failed;
}

static struct probe_step *add(struct run *run, enum import_id import)
{
    struct probe_step *step = &run->steps[run->count++];
    *step = (struct probe_step){.import = import};
    return step;
}

/* Gives every pointer a good address and a size of 1, everything else 0. Returns the word count. */
static unsigned fill_good(struct probe_step *step)
{
    const struct import *import = &imports[step->import];
    unsigned word = 0;
    for (unsigned i = 0; i < import->parameter_count; i++) {
        enum parameter_kind kind = import->parameters[i].kind;
        bool has_address = kind <= PARAMETER_INFO;
        step->modes[word++] = has_address ? PROBE_SCRATCH : PROBE_LITERAL;
        if (kind < PARAMETER_INFO)
            step->words[word++] = 1;
    }
    return word;
}

static void open_journal(struct execution *execution)
{
    struct error err = {0};
    const struct instance_start start = {
        .id = journaled, .flow = "PROBE", .parameters = "{}", .started_ms = 1};
    snprintf(execution->instance, INSTANCE_ID_SIZE, "%s", journaled);
    CHECK_OK(store_instance_start(environment.store, &start, &err), &err);
    CHECK_OK(journal_open(&execution->journal, environment.store, execution->instance,
                          JOURNAL_RECORD, &err), &err);
}

static void run_probe(struct run *run)
{
    static const struct remote_file attachment = {.name = "local"};
    execution_init(&run->execution, &environment, manifest);
    memcpy(run->execution.instance, "test-instance-00000000", INSTANCE_ID_SIZE);
    run->execution.trigger = run->execution.invoked_by = "test";
    run->execution.input = run->steps;
    run->execution.input_size = run->count * sizeof run->steps[0];
    run->execution.attachment = &attachment;
    run->execution.snapshot = snapshot_hold(&snapshot);
    if (journaled)
        open_journal(&run->execution);
    const struct sandbox_limits limits = {.cpu_ms = 2000, .import_calls_max = 100000};
    sandbox_run(probe, &limits, &run->execution, &run->result);
}

static int32_t result_of(const struct run *run, unsigned step)
{
    int32_t result = -1000;
    if (run->execution.response.size >= (step + 1) * sizeof result)
        memcpy(&result, run->execution.response.data + step * sizeof result, sizeof result);
    return result;
}

/* ---- tests ------------------------------------------------------------------------------------ */

static const struct {
    const char *why;
    uint32_t address, mode, size;
} bad_ranges[] = {
    {"address + size wraps", 0xFFFFFFF0u, PROBE_LITERAL, 0x20},
    {"straddles the end", (uint32_t)-4, PROBE_MEMORY_END, 8},
    {"begins behind the end", 0, PROBE_MEMORY_END, 1},
    {"length 2^31", 0, PROBE_LITERAL, 0x80000000u},
    {"length 2^32 - 1", 1, PROBE_LITERAL, 0xFFFFFFFFu},
};

static void expect_bad_address(enum import_id import, unsigned parameter, unsigned word,
                               unsigned range)
{
    static struct run run;
    run.count = 0;
    struct probe_step *step = add(&run, import);
    fill_good(step);
    step->words[word] = bad_ranges[range].address;
    step->modes[word] = bad_ranges[range].mode;
    bool has_size = imports[import].parameters[parameter].kind < PARAMETER_INFO;
    if (has_size)
        step->words[word + 1] = bad_ranges[range].size;
    bool is_bad_for_info = bad_ranges[range].address != 0 || bad_ranges[range].mode;
    if (!has_size && (!is_bad_for_info || bad_ranges[range].address == 1))
        return;
    run_probe(&run);
    if (run.result.fault != FAULT_BAD_ADDRESS)
        fprintf(stderr, "%s, parameter %s: %s\n", imports[import].full_name,
                imports[import].parameters[parameter].name, bad_ranges[range].why);
    CHECK_EQ_TEXT(fault_name(run.result.fault), "bad_address");
    CHECK_CONTAINS(run.result.detail, imports[import].full_name);
    execution_release(&run.execution);
}

static void every_bad_range_in_every_import_ends_the_execution(void)
{
    for (int import = 0; import < IMPORT_COUNT; import++) {
        unsigned word = 0;
        for (unsigned i = 0; i < imports[import].parameter_count; i++) {
            enum parameter_kind kind = imports[import].parameters[i].kind;
            for (unsigned range = 0; kind <= PARAMETER_INFO && range < 5; range++)
                expect_bad_address((enum import_id)import, i, word, range);
            word += kind < PARAMETER_INFO ? 2 : 1;
        }
    }
}

static bool is_handle(enum parameter_kind kind)
{
    return kind >= PARAMETER_FILE && kind <= PARAMETER_HANDLE;
}

/* Forged ones in every import that takes a handle; whatever else is wrong is found later. */
static void forged_handles_are_refused_in_every_import(void)
{
    static const uint32_t forged[] = {1, 0xDEADBEEFu, 0x7FFFFFFFu, 0xFFFFFFFFu, 0x400u, 0x500u};
    for (int import = 0; import < IMPORT_COUNT; import++) {
        unsigned word = 0;
        for (unsigned i = 0; i < imports[import].parameter_count; i++) {
            enum parameter_kind kind = imports[import].parameters[i].kind;
            for (size_t j = 0; is_handle(kind) && j < sizeof forged / sizeof forged[0]; j++) {
                static struct run run;
                run.count = 0;
                struct probe_step *step = add(&run, (enum import_id)import);
                fill_good(step);
                step->words[word] = forged[j];
                run_probe(&run);
                CHECK_EQ_TEXT(fault_name(run.result.fault), "none");
                CHECK_EQ_INT(result_of(&run, 0), SLUICE_BAD_HANDLE);
                execution_release(&run.execution);
            }
            word += kind < PARAMETER_INFO ? 2 : 1;
        }
    }
}

static void a_handle_of_another_kind_is_refused(void)
{
    static struct run run;
    run.count = 0;
    add(&run, IMPORT_flow_attachment);
    struct probe_step *next = add(&run, IMPORT_file_next);
    fill_good(next);
    next->modes[0] = PROBE_RESULT;
    struct probe_step *status = add(&run, IMPORT_http_status);
    status->modes[0] = PROBE_RESULT;
    run_probe(&run);
    CHECK(result_of(&run, 0) > 0);
    CHECK_EQ_INT(result_of(&run, 1), SLUICE_BAD_HANDLE);
    CHECK_EQ_INT(result_of(&run, 2), SLUICE_BAD_HANDLE);
    execution_release(&run.execution);
}

static void use_after_close_is_refused(void)
{
    static struct run run;
    run.count = 0;
    struct probe_step *call = add(&run, IMPORT_flow_call);
    fill_good(call);
    add(&run, IMPORT_http_status)->modes[0] = PROBE_RESULT;
    add(&run, IMPORT_file_close)->modes[0] = PROBE_RESULT;
    add(&run, IMPORT_http_status)->modes[0] = PROBE_RESULT;
    add(&run, IMPORT_file_close)->modes[0] = PROBE_RESULT;
    run_probe(&run);
    CHECK(result_of(&run, 0) > 0);
    CHECK_EQ_INT(result_of(&run, 1), 200);
    CHECK_EQ_INT(result_of(&run, 2), SLUICE_OK);
    CHECK_EQ_INT(result_of(&run, 3), SLUICE_BAD_HANDLE);
    CHECK_EQ_INT(result_of(&run, 4), SLUICE_BAD_HANDLE);
    execution_release(&run.execution);
}

static void handles_end_at_the_limit_and_not_before(void)
{
    static struct run run;
    run.count = 0;
    for (uint32_t i = 0; i <= SLUICE_HANDLES_MAX; i++)
        add(&run, IMPORT_flow_attachment);
    run_probe(&run);
    CHECK(result_of(&run, SLUICE_HANDLES_MAX - 1) > 0);
    CHECK_EQ_INT(result_of(&run, SLUICE_HANDLES_MAX), SLUICE_LIMIT);
    execution_release(&run.execution);
}

static void a_missing_grant_is_told_by_name(void)
{
    static struct run run;
    run.count = 0;
    fill_good(add(&run, IMPORT_ftp_list));
    run_probe(&run);
    CHECK_EQ_INT(result_of(&run, 0), SLUICE_DENIED);
    CHECK_CONTAINS(run.execution.failure.error.message,
                   "no grant for \"list\" of capability \"ftp\" on connection 'A'");
    execution_release(&run.execution);
}

static void a_connection_of_the_wrong_type_is_told(void)
{
    static struct run run;
    run.count = 0;
    fill_good(add(&run, IMPORT_http_request));
    fill_good(add(&run, IMPORT_smtp_send));
    run_probe(&run);
    CHECK_EQ_INT(result_of(&run, 0), SLUICE_UNSUPPORTED);
    CHECK_EQ_INT(result_of(&run, 1), SLUICE_UNSUPPORTED);
    execution_release(&run.execution);
}

static void a_dead_peer_is_unavailable_and_the_host_goes_on(void)
{
    static struct run run;
    run.count = 0;
    fill_good(add(&run, IMPORT_ftp_open));
    fill_good(add(&run, IMPORT_flow_about));
    run_probe(&run);
    CHECK_EQ_INT(result_of(&run, 0), SLUICE_UNAVAILABLE);
    CHECK_EQ_INT(result_of(&run, 1), SLUICE_INVALID);
    CHECK_EQ_TEXT(run.execution.failure.import, "flow.about");
    execution_release(&run.execution);
}

static void a_text_ends_at_the_limit_and_not_before(void)
{
    static struct run run;
    run.count = 0;
    for (uint32_t extra = 0; extra < 2; extra++) {
        struct probe_step *step = add(&run, IMPORT_flow_parameter);
        fill_good(step);
        step->words[1] = SLUICE_TEXT_SIZE_MAX + extra;
    }
    run_probe(&run);
    CHECK_EQ_INT(result_of(&run, 0), SLUICE_NOT_FOUND);
    CHECK_EQ_INT(result_of(&run, 1), SLUICE_LIMIT);
    execution_release(&run.execution);
}

/* A run of eight calls of a flow, each of which answers with size bytes; the fault that ended it. */
static enum fault call_eight_times(struct run *run, const char *instance, size_t size)
{
    run->count = 0;
    for (int i = 0; i < 8; i++) {
        struct probe_step *step = add(run, IMPORT_flow_call);
        fill_good(step);
        step->words[6] = 0; /* no file */
    }
    journaled = instance;
    answer_size = size;
    run_probe(run);
    journaled = NULL;
    return run->result.fault;
}

static bool add_size(void *context, const struct journal_record *record)
{
    *(size_t *)context += record->result_size;
    return true;
}

static void the_journal_ends_at_the_limit_and_not_before(void)
{
    static struct run run;
    struct error err = {0};
    size_t rest = 0;
    CHECK_EQ_INT(call_eight_times(&run, "journal-short", 0), FAULT_NONE);
    CHECK_OK(journal_flush(run.execution.journal, &err), &err);
    CHECK_OK(store_journal_read(environment.store, "journal-short", 0, add_size, &rest, &err), &err);
    CHECK(rest > 0);
    execution_release(&run.execution);
    CHECK_EQ_INT(call_eight_times(&run, "journal-full", JOURNAL_SIZE_MAX / 8 - rest), FAULT_NONE);
    CHECK(result_of(&run, 7) > 0);
    execution_release(&run.execution);
    CHECK_EQ_INT(call_eight_times(&run, "journal-over", JOURNAL_SIZE_MAX / 8 - rest + 1),
                 FAULT_JOURNAL_LIMIT);
    CHECK_EQ_TEXT(run.execution.stop_detail, "after flow.call the answers to its calls have 67108872 "
                                             "bytes, the journal of one execution takes 67108864");
    execution_release(&run.execution);
    answer_size = 5;
}

/* The largest argument is the largest answer, so that no flow need ask which of the two it meets. */
_Static_assert(SLUICE_BYTES_SIZE_MAX == EXECUTION_RESPONSE_MAX, "bytes that are taken can be answered");

static void bytes_end_at_the_limit_and_not_before(void)
{
    static struct run run;
    run.count = 0;
    add(&run, (enum import_id)PROBE_GROW)->words[0] = SLUICE_BYTES_SIZE_MAX / 65536 + 1;
    for (uint32_t extra = 0; extra < 2; extra++) {
        struct probe_step *step = add(&run, IMPORT_flow_respond);
        fill_good(step);
        step->words[0] = 200;
        step->modes[3] = PROBE_LITERAL;
        step->words[3] = 0;
        step->words[4] = SLUICE_BYTES_SIZE_MAX + extra;
    }
    run_probe(&run);
    CHECK(result_of(&run, 0) > 0);
    CHECK_EQ_INT(result_of(&run, 1), SLUICE_OK);
    CHECK_EQ_INT(result_of(&run, 2), SLUICE_LIMIT);
    CHECK_CONTAINS(run.execution.failure.error.message, "is longer than 8388608 bytes");
    execution_release(&run.execution);
}

#define TEXTS_AT 16u /* the probe answers with the first byte of its buffer as content type */

/* Texts reach the probe inside steps that do nothing: the input is copied into its scratch buffer.
 * Gives the text's place there. */
static uint32_t add_text(struct run *run, const char *text)
{
    struct probe_step *step = add(run, IMPORT_COUNT);
    snprintf((char *)step->words, sizeof step->words, "%s", text);
    return TEXTS_AT + (uint32_t)((char *)step->words - (char *)run->steps);
}

static void begin_with_texts(struct run *run)
{
    run->count = 0;
    struct probe_step *step = add(run, IMPORT_flow_input);
    fill_good(step);
    step->words[0] = TEXTS_AT;
    step->words[1] = PROBE_SCRATCH_SIZE - TEXTS_AT;
}

static void set_text(struct probe_step *step, unsigned word, uint32_t place, const char *text)
{
    step->words[word] = place;
    step->words[word + 1] = (uint32_t)strlen(text);
}

static int32_t request(const char *path)
{
    static struct run run;
    begin_with_texts(&run);
    uint32_t connection = add_text(&run, "R"), method = add_text(&run, "GET");
    uint32_t place = add_text(&run, path);
    struct probe_step *step = add(&run, IMPORT_http_request);
    fill_good(step);
    set_text(step, 0, connection, "R");
    set_text(step, 2, method, "GET");
    set_text(step, 4, place, path);
    step->words[7] = step->words[9] = 0;
    run_probe(&run);
    int32_t result = result_of(&run, 4);
    execution_release(&run.execution);
    return result;
}

static void a_path_cannot_leave_the_address_of_its_connection(void)
{
    static const char *const bad[] = {"/..", "/a/..", "/../a", "/a/../b", "/%2e%2E/x", "/.%2e",
                                      "/a/..?x", "/.", "/%2E/a", "//a", "a", "/a b", "/a#b"};
    static const char *const good[] = {"/", "/a..b", "/...", "/a?x=/../y", "/..a/b", "/a//b"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int32_t result = request(bad[i]);
        if (result != SLUICE_INVALID)
            fprintf(stderr, "path %s\n", bad[i]);
        CHECK_EQ_INT(result, SLUICE_INVALID);
    }
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        CHECK_EQ_INT(request(good[i]), SLUICE_UNAVAILABLE);
}

static void a_content_type_cannot_carry_another_header(void)
{
    static struct run run;
    begin_with_texts(&run);
    static const char type[] = "text/plain\r\nset-cookie: a";
    uint32_t place = add_text(&run, type);
    struct probe_step *step = add(&run, IMPORT_flow_respond);
    fill_good(step);
    step->words[0] = 200;
    set_text(step, 1, place, type);
    for (uint32_t extra = 0; extra < 2; extra++) {
        step = add(&run, IMPORT_flow_respond);
        fill_good(step);
        step->words[0] = 200;
        step->words[2] = (uint32_t)sizeof run.execution.response_type - 1 + extra;
        step->words[1] = 8192; /* of the letters that no step covers */
    }
    run_probe(&run);
    CHECK_EQ_INT(result_of(&run, 2), SLUICE_INVALID);
    CHECK_EQ_INT(result_of(&run, 3), SLUICE_OK);
    CHECK_EQ_INT(result_of(&run, 4), SLUICE_INVALID);
    execution_release(&run.execution);
}

static void an_answer_without_content_is_no_failure(void)
{
    static struct run run;
    run.count = 0;
    fill_good(add(&run, IMPORT_flow_fault));
    fill_good(add(&run, IMPORT_flow_fault));
    run_probe(&run);
    CHECK_EQ_INT(result_of(&run, 0), SLUICE_NOT_FOUND);
    CHECK_EQ_INT(result_of(&run, 1), SLUICE_NOT_FOUND);
    CHECK(!run.execution.failure.is_set);
    execution_release(&run.execution);
}

static void out_arguments_are_written_up_to_their_capacity(void)
{
    static struct run run;
    run.count = 0;
    struct probe_step *step = add(&run, IMPORT_flow_input);
    step->modes[0] = PROBE_SCRATCH;
    step->words[1] = 0;
    run_probe(&run);
    CHECK_EQ_INT(result_of(&run, 0), sizeof(struct probe_step));
    execution_release(&run.execution);
}

static void an_import_flood_is_stopped(void)
{
    static struct run run;
    run.count = 0;
    for (int i = 0; i < 50; i++)
        add(&run, IMPORT_flow_attachment);
    execution_init(&run.execution, &environment, manifest);
    memcpy(run.execution.instance, "test-instance-00000000", INSTANCE_ID_SIZE);
    run.execution.input = run.steps;
    run.execution.input_size = run.count * sizeof run.steps[0];
    const struct sandbox_limits limits = {.cpu_ms = 2000, .import_calls_max = 20};
    sandbox_run(probe, &limits, &run.execution, &run.result);
    CHECK_EQ_TEXT(fault_name(run.result.fault), "import_limit");
    CHECK(run.result.import_calls <= 21);
    execution_release(&run.execution);
}

static const struct check_test tests[] = {
    TEST(every_bad_range_in_every_import_ends_the_execution),
    TEST(forged_handles_are_refused_in_every_import),
    TEST(a_handle_of_another_kind_is_refused),
    TEST(use_after_close_is_refused),
    TEST(handles_end_at_the_limit_and_not_before),
    TEST(a_missing_grant_is_told_by_name),
    TEST(a_connection_of_the_wrong_type_is_told),
    TEST(a_dead_peer_is_unavailable_and_the_host_goes_on),
    TEST(a_text_ends_at_the_limit_and_not_before),
    TEST(bytes_end_at_the_limit_and_not_before),
    TEST(the_journal_ends_at_the_limit_and_not_before),
    TEST(a_path_cannot_leave_the_address_of_its_connection),
    TEST(a_content_type_cannot_carry_another_header),
    TEST(an_answer_without_content_is_no_failure),
    TEST(out_arguments_are_written_up_to_their_capacity),
    TEST(an_import_flood_is_stopped),
};

static bool set_up(struct error *err)
{
    size_t rule_count;
    const struct import_rule *rules = import_rules_flow(&rule_count);
    const struct module_policy policy = {
        .imports = rules, .import_count = rule_count, .memory_pages_max = 256};
    char store_path[80];
    snprintf(store_path, sizeof store_path, "%s/test.db", folder);
    environment = (struct environment){
        .workspace = &workspace, .transfer = transfer_new(), .call_flow = answer_200};
    return manifest_parse(&manifest, manifest_json, strlen(manifest_json), "probe", err) &&
           store_open(&environment.store, store_path, err) &&
           module_open(&probe, probe_path, cache_folder, &policy, err);
}

int main(int argc, char **argv)
{
    struct error err = {0};
    temporary_name(folder, sizeof folder);
    if (argc != 3 || !mkdtemp(folder))
        return 2;
    probe_path = argv[1];
    cache_folder = argv[2];
    if (!set_up(&err)) {
        fprintf(stderr, "set-up failed: %s\n", err.message);
        return 1;
    }
    int status = check_run(tests, sizeof tests / sizeof tests[0]);
    sandbox_thread_release();
    store_close(environment.store);
    module_close(probe);
    transfer_free(environment.transfer);
    manifest_free(manifest);
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) == 0 ? status : 1;
}
