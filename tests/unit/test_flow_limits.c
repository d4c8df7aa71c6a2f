/* SPDX-License-Identifier: MIT */
/* How many modules a running server takes in. */
#include "flow/registry.h"

#include "check.h"

static char identifier[] = "FLOW", version[] = "01.00.0000";
static struct manifest manifest = {.identifier = identifier, .version = version};
static struct flow flow = {.manifest = &manifest, .folder_name = identifier};
static struct registry registry;

static void replacements_end_at_the_limit_and_not_before(void)
{
    struct error err = {0};
    size_t index = registry_add(&registry, &flow);
    for (int i = 0; i < REGISTRY_RETIRED_MAX; i++) {
        CHECK_OK(registry_check_replacement(&registry, &flow, &err), &err);
        registry_replace(&registry, index, &flow);
    }
    CHECK_FAILS(registry_check_replacement(&registry, &flow, &err), &err, ERROR_LIMIT);
    CHECK_EQ_TEXT(err.message, "256 modules were replaced since the server was started; restart it");
}

static void additions_end_at_the_limit_and_not_before(void)
{
    struct error err = {0};
    registry = (struct registry){.retired_count = 0};
    for (int i = 0; i < REGISTRY_FLOWS_MAX; i++) {
        CHECK_OK(registry_check(&registry, &flow, &err), &err);
        registry_add(&registry, &flow);
    }
    CHECK_FAILS(registry_check(&registry, &flow, &err), &err, ERROR_LIMIT);
    CHECK_EQ_TEXT(err.message, "there are 256 modules, which is the most");
}

CHECK_MAIN(TEST(replacements_end_at_the_limit_and_not_before),
           TEST(additions_end_at_the_limit_and_not_before))
