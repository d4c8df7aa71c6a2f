/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: random import calls from a guest, with any words: nothing of the host is reached that was
 * not granted, and whatever the guest does the sandbox ends as itself. Input: steps of tests/guests/probe.h.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capability/call.h"
#include "engine/import_rules.h"
#include "guests/probe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct module *probe;
static struct environment environment;
static struct manifest *manifest;
static struct workspace workspace = {.folder = "/nowhere", .state_folder = "/nowhere", .base_url = ""};

static void begin(void)
{
    static const char json[] =
        "{\"identifier\":\"PROBE\",\"name\":\"Probe\",\"version\":\"01.00.0000\","
        "\"lookups\":[],\"trigger\":{\"type\":\"rest\"},\"durability\":\"tracked\","
        "\"limits\":{\"memory_mib\":2,\"cpu_ms\":500,\"wall_s\":5,\"import_calls\":10000,"
        "\"log_lines\":3,\"input_bytes\":100000},\"grants\":[]}";
    struct error err = {0};
    struct module_policy policy = {.memory_pages_max = 32};
    char path[] = "/tmp/sluice-fuzz-imports-XXXXXX";
    policy.imports = import_rules_flow(&policy.import_count);
    if (!mkdtemp(path) ||
        !module_open(&probe, getenv("PROBE_WASM"), getenv("PROBE_CACHE"), &policy, &err) ||
        !manifest_parse(&manifest, json, sizeof json - 1, "probe", &err)) {
        fprintf(stderr, "%s\n", err.message);
        abort();
    }
    static char *store_path; /* the store keeps it */
    if (asprintf(&store_path, "%s/fuzz.db", path) < 0 ||
        !store_open(&environment.store, store_path, &err))
        abort();
    environment.workspace = &workspace;
    environment.transfer = transfer_new();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct execution execution;
    struct sandbox_result result;
    const struct sandbox_limits limits = {.memory_pages_max = 32, .cpu_ms = 500,
                                          .import_calls_max = 10000};
    if (!probe)
        begin();
    execution_init(&execution, &environment, manifest);
    execution.trigger = "rest";
    execution.invoked_by = "fuzz";
    execution.input = data;
    execution.input_size = size < 100000 ? size : 100000;
    sandbox_run(probe, &limits, &execution, &result);
    if (result.fault == FAULT_INTERNAL)
        abort();
    execution_release(&execution);
    return 0;
}
