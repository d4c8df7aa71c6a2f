/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: any bytes as connections.json of a workspace.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <stdio.h>
#include <unistd.h>

#include "workspace/workspace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[] = "/tmp/sluice-fuzz-XXXXXX";

static void write_file(const char *name, const void *bytes, size_t size)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, size, file) != size)
        abort();
    fclose(file);
}

static void remove_folder(void)
{
    char command[160];
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    if (system(command) != 0)
        perror(folder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct workspace *workspace = NULL;
    struct error err;
    static int is_begun;
    if (!is_begun) {
        if (!mkdtemp(folder))
            abort();
        atexit(remove_folder);
        write_file("sluice.json", "{}", 2);
        is_begun = 1;
    }
    write_file("connections.json", data, size);
    if (workspace_open(&workspace, folder, folder, &err))
        for (size_t i = 0; i < workspace->snapshot->connection_count; i++)
            if (!workspace->snapshot->connections[i].name)
                abort();
    workspace_close(workspace);
    return 0;
}
