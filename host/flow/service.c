/* SPDX-License-Identifier: MIT */
/* Opens what a workspace's runs share; see flow.h. */
#include <stdlib.h>

#include "base/file.h"
#include "flow/activation.h"
#include "flow/customisation.h"
#include "flow/execute.h"
#include "flow/flow.h"
#include "flow/observe.h"
#include "flow/timetable.h"
#include "workspace/customisation.h"

#define TRACES_WAIT_MS 3000 /* for a collector that is slow or away, once, at the end */

static bool open_all(struct service *service, struct error *err)
{
    service->transfer = transfer_new();
    if (!service->transfer)
        return error_set(err, ERROR_INTERNAL, "the transfer library could not be started");
    const struct trace_settings *traces = &service->workspace->traces;
    if (!registry_open(&service->registry, service->workspace, err) ||
        !store_open(&service->store, service->workspace->store_file, err) ||
        (traces->endpoint && !otlp_open(&service->otlp, service->transfer, traces, err)))
        return false;
    service->customisations = customisations_new(service->workspace);
    service->activations = activation_table_new(REGISTRY_FLOWS_MAX);
    service->timetable = timetable_new(&service->workspace->schedules);
    return (service->customisations && service->activations && service->timetable) ||
           error_set(err, ERROR_LIMIT, "out of memory");
}

bool service_open(struct service **out, struct workspace *workspace, struct error *err)
{
    struct service *service = calloc(1, sizeof *service);
    if (!service) {
        workspace_close(workspace);
        return error_set(err, ERROR_LIMIT, "out of memory");
    }
    service->workspace = workspace;
    running_init(&service->running);
    pthread_mutex_init(&service->taking_in, NULL);
    if (!open_all(service, err)) {
        service_close(service);
        return false;
    }
    service->environment = (struct environment){
        .workspace = workspace,
        .store = service->store,
        .transfer = service->transfer,
        .otlp = service->otlp,
        .filters = customisations_cache(service->customisations),
        .call_flow = child_call,
        .flows = service,
    };
    observe_flows(&service->registry);
    *out = service;
    return true;
}

void service_close(struct service *service)
{
    if (!service)
        return;
    sandbox_thread_release();
    activation_table_free(service->activations);
    timetable_free(service->timetable);
    otlp_close(service->otlp, TRACES_WAIT_MS);
    store_close(service->store);
    registry_close(&service->registry);
    customisations_free(service->customisations);
    transfer_free(service->transfer);
    workspace_close(service->workspace);
    running_release(&service->running);
    pthread_mutex_destroy(&service->taking_in);
    free(service);
}

bool service_stop_instance(struct service *service, const char *instance)
{
    return running_stop(&service->running, instance);
}

void service_tell_ends(struct service *service)
{
    service->tells_ends = true;
}

bool service_rest(struct service *service, int64_t wait_ms)
{
    bool is_sent = otlp_flush(service->otlp, wait_ms);
    return store_rest(service->store, wait_ms) && is_sent;
}

void service_observe(struct service *service, const struct run_observer *observer)
{
    service->observer = *observer;
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
    return service->transfer;
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
    return atomic_load(&service->registry.count);
}

const struct manifest *service_manifest(const struct service *service, size_t index)
{
    return registry_flow(&service->registry, index)->manifest;
}

const char *service_digest(const struct service *service, size_t index)
{
    return module_digest(registry_flow(&service->registry, index)->module);
}

const char *service_module_name(const struct service *service, size_t index)
{
    return registry_flow(&service->registry, index)->folder_name;
}

const char *service_module_path(const struct service *service, size_t index)
{
    return registry_flow(&service->registry, index)->path;
}

static bool tell(const struct service *service, const struct filter_set *set,
                 const struct filter *filter, service_customisation_fn *fn, void *context,
                 struct error *err)
{
    char *folder = customisation_folder(service->workspace->folder, set->flow);
    char *path = folder ? file_join(folder, filter->name) : NULL;
    const struct service_customisation one = {
        .flow = set->flow,
        .name = filter->name,
        .path = path,
        .digest = filter->digest,
        .is_mapping = filter->mapping != NULL,
        .library = filter->module ? module_library(filter->module) : NULL,
        .problem = filter->problem.message,
    };
    bool ok = path ? fn(context, &one, err) : error_set(err, ERROR_LIMIT, "out of memory");
    free(path);
    free(folder);
    return ok;
}

bool service_customisations(const struct service *service, size_t index,
                            service_customisation_fn *fn, void *context, struct error *err)
{
    struct filter_set *set;
    if (!customisations_current(service->customisations, service_manifest(service, index), &set, err))
        return false;
    bool ok = true;
    for (size_t i = 0; ok && set && i < set->count; i++)
        ok = tell(service, set, &set->filters[i], fn, context, err);
    filter_set_release(set);
    return ok;
}

const char *service_library(const struct service *service, size_t index)
{
    return module_library(registry_flow(&service->registry, index)->module);
}

bool service_find(const struct service *service, const char *name, size_t *index, struct error *err)
{
    return registry_find(&service->registry, name, index, err);
}
