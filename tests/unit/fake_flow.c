/* SPDX-License-Identifier: MIT */
/*
 * A stand-in for the flow and transfer layers under the command line: one flow, "FLOW", that does
 * what its message says. Words of the message: "partly", "fail", "answer", "hostile".
 */
#include <stdlib.h>
#include <string.h>

#include "engine/helper.h"
#include "flow/activation.h"
#include "flow/clone.h"
#include "flow/customise.h"
#include "flow/outbox.h"
#include "flow/recovery.h"
#include "flow/replay.h"
#include "flow/sign.h"
#include "flow/scheduler.h"
#include "flow/timetable.h"
#include "store/store_outbox.h"
#include "unit/fake_flow.h"

struct service {
    struct workspace *workspace;
    struct store *store;
    struct activation_table *activations;
    struct timetable *timetable;
    struct scheduler *scheduler;
};

static char flow_identifier[] = "FLOW", flow_name[] = "OU Flow", flow_version[] = "01.23.3000",
            trigger[] = "schedule", prefix[] = "prefix", text[] = "text", ftp[] = "ftp",
            source[] = "OU FTP CCS for CCS-DACS", list[] = "list", config[] = LOOKUP_CONFIG;
static char *operations[] = {list};
static char *lookups[] = {config};
static struct manifest_parameter parameters[] = {{prefix, text, NULL, true}};
static struct grant grants[] = {{ftp, source, operations, 1}};
static struct manifest manifest = {
    .identifier = flow_identifier, .name = flow_name, .version = flow_version, .package = text,
    .description = text, .trigger_type = trigger, .parameters = parameters, .parameter_count = 1,
    .grants = grants, .grant_count = 1, .lookups = lookups, .lookup_count = 1, .memory_mib = 1,
};

void fake_flow_grant(struct grant *others, size_t count)
{
    manifest.grants = others;
    manifest.grant_count = count;
}

bool service_open(struct service **out, struct workspace *workspace, struct error *err)
{
    struct service *service = calloc(1, sizeof *service);
    service->workspace = workspace;
    if (!store_open(&service->store, workspace->store_file, err)) {
        service_close(service);
        return false;
    }
    service->activations = activation_table_new(1);
    service->timetable = timetable_new(&workspace->schedules);
    *out = service;
    return true;
}

void service_close(struct service *service)
{
    if (!service)
        return;
    activation_table_free(service->activations);
    timetable_free(service->timetable);
    store_close(service->store);
    workspace_close(service->workspace);
    free(service);
}

void service_tell_ends(struct service *service)
{
    (void)service;
}

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
    return NULL; /* connection_test below looks at the connection alone */
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
    return 1;
}

const struct manifest *service_manifest(const struct service *service, size_t index)
{
    (void)service, (void)index;
    return &manifest;
}

const char *service_digest(const struct service *service, size_t index)
{
    (void)service, (void)index;
    return "d1ge57";
}

const char *service_module_name(const struct service *service, size_t index)
{
    (void)service, (void)index;
    return "flow";
}

const char *service_module_path(const struct service *service, size_t index)
{
    (void)service, (void)index;
    return "/nowhere/flow.wasm";
}

bool service_customisations(const struct service *service, size_t index,
                            service_customisation_fn *fn, void *context, struct error *err)
{
    (void)service, (void)index, (void)fn, (void)context, (void)err;
    return true;
}

const char *service_library(const struct service *service, size_t index)
{
    (void)service, (void)index;
    return "/nonexistent/d1ge57.so";
}

bool service_find(const struct service *service, const char *name, size_t *index, struct error *err)
{
    (void)service;
    *index = 0;
    return strcmp(name, "FLOW") == 0 ||
           error_set(err, ERROR_NOT_FOUND, "no flow '%s'; did you mean 'FLOW'?", name);
}

bool service_check_run(const struct service *service, const struct run_request *request,
                       struct error *err)
{
    (void)service;
    return request->parameter_count > 0 ||
           error_set(err, ERROR_INVALID, "flow 'FLOW' needs parameter 'prefix'");
}

void service_observe(struct service *service, const struct run_observer *observer)
{
    (void)service, (void)observer;
}

bool service_rest(struct service *service, int64_t wait_ms)
{
    (void)service, (void)wait_ms;
    return true;
}

void service_resume(struct service *service, size_t flow, const struct run_watch *watch,
                    int64_t deadline_ms)
{
    (void)service, (void)flow, (void)watch, (void)deadline_ms;
}

static bool says(const struct run_request *request, const char *word)
{
    return request->body && memmem(request->body, request->body_size, word, strlen(word));
}

static void report(struct service *service, const struct run_request *request, const char *id,
                   const char *name, int state, const char *detail)
{
    static const char *const names[] = {"found", "started", "transferred", "not_transferred"};
    request->watch->file(request->watch->context, name, state, detail, 10, 1, 1);
    store_file(service->store, id, name, names[state], detail, 10, 2);
}

bool service_run(struct service *service, const struct run_request *request,
                 struct run_outcome *outcome, struct error *err)
{
    static const char id[] = "abcdefghijklmnopqrstuv";
    *outcome = (struct run_outcome){.state = INSTANCE_COMPLETED, .duration_ms = 1500};
    buf_init(&outcome->response, 1000);
    buf_init(&outcome->fault_detail, 1000);
    if (request->parameter_count == 0)
        return error_set(err, ERROR_INVALID, "flow 'FLOW' needs parameter 'prefix'");
    if (strcmp(request->parameters[0].value, "busy") == 0)
        return error_set(err, ERROR_EXISTS, "another run of flow 'FLOW' is going on");
    struct instance_start start = {.id = id, .flow = "FLOW", .started_ms = 1, .parameters = "{}",
                                   .invoked_by = request->invoked_by, .input = request->body,
                                   .input_size = request->body_size,
                                   .trace = "4bf92f3577b34da6a3ce929d0e0e4736",
                                   .span = "00f067aa0ba902b7"};
    if (!store_instance_start(service->store, &start, err))
        return false;
    snprintf(outcome->instance, sizeof outcome->instance, "%s", id);
    request->watch->started(request->watch->context, id, "FLOW");
    const char *name = says(request, "hostile") ? "a\x1b[2J\n.csv" : "a.csv";
    report(service, request, id, name, SLUICE_FILE_TRANSFERRED, "");
    outcome->files_found = outcome->files_transferred = 1;
    const struct outbox_mail mail = {.instance = id, .message_id = "1@b", .connection = "M",
                                     .from = "f@b", .to = "a@b", .subject = "Subject", .body = "x",
                                     .written_ms = 2};
    bool is_held;
    if (!store_outbox_add(service->store, &mail, &is_held, err))
        return false;
    request->watch->notice(request->watch->context, "Subject", "a@b", is_held);
    if (says(request, "partly") || says(request, "fail")) {
        outcome->exit_status = says(request, "fail") ? 1 : 3;
        outcome->state = INSTANCE_FAILED;
        snprintf(outcome->fault_code, sizeof outcome->fault_code, "exists");
        snprintf(outcome->fault_title, sizeof outcome->fault_title, "The name is taken");
        buf_append_text(&outcome->fault_detail, "b.csv exists");
    }
    if (says(request, "answer")) {
        outcome->response_status = 200;
        snprintf(outcome->response_type, sizeof outcome->response_type, "application/json");
        buf_append_text(&outcome->response, "{\"ok\":true}");
    }
    struct instance_end end = {.state = outcome->state, .finished_ms = 1501,
                               .exit_status = outcome->exit_status,
                               .fault_code = outcome->fault_code[0] ? outcome->fault_code : NULL,
                               .fault_title = outcome->fault_title,
                               .fault_detail = buf_text(&outcome->fault_detail)};
    return store_instance_finish(service->store, id, &end, err);
}

/* Nobody answers, and nothing is recorded of it. */
bool outbox_deliver(struct service *service, int64_t deadline_ms,
                    bool (*should_stop)(void *context), void *context, struct outbox_report *report,
                    struct error *err)
{
    (void)service, (void)deadline_ms, (void)should_stop, (void)context, (void)err;
    *report = (struct outbox_report){.later = 1, .why = "nobody answers"};
    return true;
}

bool outbox_open(struct outbox **out, struct service *service, struct error *err)
{
    (void)out, (void)service;
    return error_set(err, ERROR_UNSUPPORTED, "a stand-in");
}

void outbox_close(struct outbox *outbox)
{
    (void)outbox;
}

void run_outcome_release(struct run_outcome *outcome)
{
    buf_release(&outcome->response);
    buf_release(&outcome->fault_detail);
}

/* ---- transfer: connections whose host is "up" answer ------------------------------------------- */

struct transfer {
    int unused;
};

struct transfer *transfer_new(void)
{
    return calloc(1, sizeof(struct transfer));
}

void transfer_free(struct transfer *transfer)
{
    free(transfer);
}

const char *connection_step_name(enum connection_step step)
{
    return step == STEP_CONNECT ? "connect" : step == STEP_PERMISSION ? "permission" : "other";
}

bool connection_test(struct transfer *transfer, const struct connection *connection,
                     const char *folder, struct connection_report *report, struct error *err)
{
    (void)transfer, (void)folder;
    *report = (struct connection_report){.reached = STEP_PERMISSION, .duration_ms = 7};
    if (strcmp(connection->host, "up") == 0)
        return true;
    report->reached = STEP_NAME;
    report->failed = STEP_CONNECT;
    return error_set(err, ERROR_UNAVAILABLE, "connection '%s': nobody answers", connection->name);
}

bool manifest_is_called(const struct manifest *one, const char *name)
{
    return strcmp(one->identifier, name) == 0;
}

bool manifest_answers(const struct manifest *one)
{
    return strcmp(one->trigger_type, "schedule") != 0;
}

/* The engine's: no thread here has sandboxes. */
void sandbox_thread_release(void);
void sandbox_thread_release(void)
{
}

bool service_stop_instance(struct service *service, const char *instance)
{
    (void)service, (void)instance;
    return false;
}

bool service_read_module(const struct service *service, size_t index, struct buf *out,
                         struct error *err)
{
    (void)service, (void)index, (void)out;
    return error_set(err, ERROR_UNSUPPORTED, "no module here");
}

bool service_put_module(struct service *service, const struct buf *bytes, enum module_put how,
                        const struct actor *actor, size_t *index, struct error *err)
{
    (void)service, (void)bytes, (void)how, (void)actor, (void)index;
    return error_set(err, ERROR_UNSUPPORTED, "no module here");
}

/* Of the calls below no unit test needs more than that they say so. */
bool service_replay(struct service *service, const char *id, const char *module,
                    const struct run_watch *watch, struct replay_report *report, struct error *err)
{
    (void)service, (void)module, (void)watch, (void)report;
    return error_set(err, ERROR_NOT_FOUND, "no instance has the id '%s'", id);
}

bool recovery_open(struct recovery **out, struct service *service, struct error *err)
{
    (void)out, (void)service;
    return error_set(err, ERROR_UNSUPPORTED, "no recovery here");
}

bool recovery_close(struct recovery *recovery, int64_t deadline_ms)
{
    (void)recovery, (void)deadline_ms;
    return true;
}

bool customise_open(struct customise **out, const struct workspace *workspace, struct error *err)
{
    (void)workspace, (void)err;
    *out = NULL;
    return true; /* without a flow */
}

void customise_close(struct customise *customise)
{
    (void)customise;
}

const struct manifest *customise_flow(const struct customise *customise, const char *name,
                                      struct error *err)
{
    (void)customise, (void)name;
    error_set(err, ERROR_UNSUPPORTED, "no customisations here");
    return NULL;
}

size_t customise_flow_count(const struct customise *customise)
{
    (void)customise;
    return 0;
}

const struct manifest *customise_flow_at(const struct customise *customise, size_t index)
{
    (void)customise, (void)index;
    return NULL;
}

bool customise_list(struct customise *customise, const char *flow, customise_entry_fn *fn,
                    void *context, struct error *err)
{
    (void)customise, (void)flow, (void)fn, (void)context;
    return error_set(err, ERROR_UNSUPPORTED, "no customisations here");
}

bool customise_add(struct customise *customise, const char *flow, const char *point,
                   const char *label, const char *path,
                   char name[static CUSTOMISATION_NAME_SIZE_MAX + 1], unsigned *version,
                   struct error *err)
{
    (void)customise, (void)flow, (void)point, (void)label, (void)path, (void)name, (void)version;
    return error_set(err, ERROR_UNSUPPORTED, "no customisations here");
}

bool customise_remove(struct customise *customise, const char *flow, const char *name,
                      char removed[static CUSTOMISATION_NAME_SIZE_MAX + 1], struct error *err)
{
    (void)customise, (void)flow, (void)name, (void)removed;
    return error_set(err, ERROR_UNSUPPORTED, "no customisations here");
}

bool customise_roll_back(struct customise *customise, const char *flow, const char *name, unsigned to,
                         unsigned *version, struct error *err)
{
    (void)customise, (void)flow, (void)name, (void)to, (void)version;
    return error_set(err, ERROR_UNSUPPORTED, "no customisations here");
}

bool customise_try(struct customise *customise, const char *flow, const char *point,
                   const char *path, const void *message, size_t size, struct buf *out,
                   void (*tell)(void *context, const char *text), void *context, struct error *err)
{
    (void)customise, (void)flow, (void)point, (void)path, (void)message, (void)size, (void)out,
        (void)tell, (void)context;
    return error_set(err, ERROR_UNSUPPORTED, "no customisations here");
}

bool sign_file(const char *key_path, const char *path, char id[static SIGN_NAME_SIZE],
               struct error *err)
{
    (void)path, (void)id;
    return error_set(err, ERROR_NOT_FOUND, "'%s' is not here", key_path);
}

bool sign_new_key(const char *name, char id[static SIGN_NAME_SIZE], struct error *err)
{
    (void)id;
    return error_set(err, ERROR_EXISTS, "'%s.key' is there already", name);
}

bool sign_verify(const struct workspace *workspace, const char *path,
                 char signer[static SIGN_NAME_SIZE], struct error *err)
{
    (void)workspace, (void)signer;
    return error_set(err, ERROR_NOT_FOUND, "'%s' is not here", path);
}

bool clone_flow(const struct workspace *workspace, const struct clone_request *request,
                struct clone_result *result, struct error *err)
{
    (void)workspace, (void)result;
    return error_set(err, ERROR_NOT_FOUND, "no flow '%s'", request->flow);
}

/* No server is started over this stand-in. */
bool helper_start(struct error *err)
{
    return error_set(err, ERROR_UNSUPPORTED, "there is no engine here");
}
