/* SPDX-License-Identifier: MIT */
/* See test_engine_support.h. The imports below are found by name when a guest is loaded. */
#include "test_engine_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "engine/import_rules.h"

struct w2c_sluice__flow;
struct w2c_wasi__snapshot__preview1;

uint32_t w2c_sluice__flow_input(struct w2c_sluice__flow *context, uint32_t address, uint32_t size);
uint32_t w2c_sluice__flow_attachment(struct w2c_sluice__flow *context);
void w2c_wasi__snapshot__preview1_proc_exit(struct w2c_wasi__snapshot__preview1 *context,
                                            uint32_t status);

uint32_t w2c_sluice__flow_input(struct w2c_sluice__flow *context, uint32_t address, uint32_t size)
{
    struct guest *guest = (struct guest *)context;
    guest_enter_host(guest, "flow.input");
    struct support_host *host = guest_host(guest);
    uint8_t *bytes = guest_range(guest, address, size);
    const size_t input_size = host->input ? strlen(host->input) : 0;
    if (size > 0 && !host->input)
        bytes[0] = (uint8_t)host->act;
    memcpy(bytes, host->input ? host->input : "", input_size < size ? input_size : size);
    guest_leave_host(guest);
    return (uint32_t)input_size;
}

uint32_t w2c_sluice__flow_attachment(struct w2c_sluice__flow *context)
{
    struct guest *guest = (struct guest *)context;
    guest_enter_host(guest, "flow.attachment");
    struct support_host *host = guest_host(guest);
    host->calls++;
    const int32_t result = host->attachment ? host->attachment(guest, host) : 0;
    guest_leave_host(guest);
    return (uint32_t)result;
}

void w2c_wasi__snapshot__preview1_proc_exit(struct w2c_wasi__snapshot__preview1 *context,
                                            uint32_t status)
{
    struct guest *guest = (struct guest *)context;
    guest_enter_host(guest, "proc_exit");
    guest_exit(guest, (int)status);
}

bool support_open_at(struct module **out, const char *path, struct error *err)
{
    struct module_policy policy = {.memory_pages_max = SUPPORT_MEMORY_PAGES};
    policy.imports = import_rules_flow(&policy.import_count);
    return module_open(out, path, TEST_CACHE_FOLDER, &policy, err);
}

struct module *support_open(const char *name)
{
    char path[1024];
    struct module *module;
    struct error err;
    snprintf(path, sizeof path, "%s/%s.wasm", TEST_GUEST_FOLDER, name);
    if (!support_open_at(&module, path, &err)) {
        fprintf(stderr, "%s\n", err.message);
        exit(1);
    }
    return module;
}

struct sandbox_result support_run(struct module *module, struct support_host *host,
                                  const struct sandbox_limits *limits)
{
    const struct sandbox_limits generous = {.cpu_ms = 1000,
                                            .wall_deadline_ms = clock_monotonic_ms() + 10000};
    struct sandbox_result result;
    sandbox_run(module, limits ? limits : &generous, host, &result);
    return result;
}

enum fault support_act(struct module *module, enum hostile_act act)
{
    struct support_host host = {.act = act};
    return support_run(module, &host, NULL).fault;
}

int32_t support_run_child(struct guest *guest, struct support_host *host)
{
    (void)guest;
    sandbox_run(host->child, &host->child_limits, host->child_host, &host->child_result);
    return host->child_result.fault == FAULT_NONE ? host->child_result.exit_status : -1;
}
