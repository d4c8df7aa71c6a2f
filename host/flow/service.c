/* SPDX-License-Identifier: MIT */
/* Opens what a workspace's runs share; see flow.h. */
#include <stdlib.h>

#include "flow/execute.h"
#include "flow/flow.h"

static bool open_all(struct service *service, struct error *err)
{
    service->transfer = transfer_new();
    if (!service->transfer)
        return error_set(err, ERROR_INTERNAL, "the transfer library could not be started");
    return registry_open(&service->registry, service->workspace, err) &&
           store_open(&service->store, service->workspace->store_file, err);
}

bool service_open(struct service **out, struct workspace *workspace, struct error *err)
{
    struct service *service = calloc(1, sizeof *service);
    if (!service) {
        workspace_close(workspace);
        return error_set(err, ERROR_LIMIT, "out of memory");
    }
    service->workspace = workspace;
    if (!open_all(service, err)) {
        service_close(service);
        return false;
    }
    service->environment = (struct environment){
        .workspace = workspace,
        .store = service->store,
        .transfer = service->transfer,
        .call_flow = child_call,
        .flows = service,
    };
    *out = service;
    return true;
}

void service_close(struct service *service)
{
    if (!service)
        return;
    sandbox_thread_release();
    store_close(service->store);
    registry_close(&service->registry);
    transfer_free(service->transfer);
    workspace_close(service->workspace);
    free(service);
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

size_t service_flow_count(const struct service *service)
{
    return service->registry.count;
}

const struct manifest *service_manifest(const struct service *service, size_t index)
{
    return service->registry.flows[index].manifest;
}

const char *service_digest(const struct service *service, size_t index)
{
    return module_digest(service->registry.flows[index].module);
}

const char *service_module_name(const struct service *service, size_t index)
{
    return service->registry.flows[index].folder_name;
}

const char *service_library(const struct service *service, size_t index)
{
    return module_library(service->registry.flows[index].module);
}

bool service_find(const struct service *service, const char *name, size_t *index, struct error *err)
{
    const struct flow *flow = registry_find(&service->registry, name, err);
    if (flow)
        *index = (size_t)(flow - service->registry.flows);
    return flow != NULL;
}
