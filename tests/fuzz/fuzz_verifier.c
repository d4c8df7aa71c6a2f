/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: any bytes into the verifier. What it accepts must be accepted again as its clean
 * copy, and that copy must be its own clean copy. Seeds: the modules in tests/guests of the build.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/import_rules.h"
#include "engine/verifier.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct module_policy policy = {.memory_pages_max = VERIFIER_MEMORY_PAGES_MAX};
    struct verified_module first, second;
    struct error err;
    policy.imports = import_rules_flow(&policy.import_count);
    if (verifier_check(data, size, &policy, &first, &err)) {
        if (!verifier_check(first.clean.data, first.clean.size, &policy, &second, &err) ||
            second.clean.size != first.clean.size ||
            memcmp(second.clean.data, first.clean.data, first.clean.size) != 0)
            abort();
        verified_module_release(&second);
    }
    verified_module_release(&first);
    return 0;
}
