/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: any bytes as the manifest that a module carries.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "capability/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct manifest *manifest = NULL;
    struct error err;
    if (!manifest_parse(&manifest, (const char *)data, size, "flow.json", &err))
        return 0;
    if (!manifest->identifier || !manifest->version || !manifest_is_called(manifest, manifest->identifier))
        abort();
    if (manifest_allows(manifest, "ftp", "no such connection", "store", &err))
        abort();
    manifest_free(manifest);
    return 0;
}
