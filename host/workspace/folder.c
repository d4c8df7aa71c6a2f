/* SPDX-License-Identifier: MIT */
/* Where the lookups say that the files of a content server are; see snapshot.h. */
#include <string.h>

#include "workspace/snapshot.h"

static const struct {
    const char *connection, *folder, *bucket;
} folders[] = {
    {"OU FTP CCS for CCS-DACS", "ccs.ftp.custsync.input.directory", NULL},
    {"OU FTP DACS for CCS-DACS", "dacs.ftp.custsync.output.directory", NULL},
    {"OU REST CCS OS for CCS-DACS", "ccs.os.custsync.namespace", "ccs.os.custsync.bucketname"},
    {"OU REST DACS OS for CCS-DACS", "dacs.os.custsync.namespace", "dacs.os.custsync.bucketname"},
};

bool snapshot_folder_of(const struct snapshot *snapshot, const struct connection *connection,
                        struct buf *out)
{
    const struct lookup *lookup = snapshot_lookup(snapshot, LOOKUP_CONFIG, NULL);
    for (size_t i = 0; lookup && i < sizeof folders / sizeof folders[0]; i++) {
        if (strcmp(folders[i].connection, connection->name) != 0)
            continue;
        const char *folder = lookup_get(lookup, folders[i].folder);
        const char *bucket = folders[i].bucket ? lookup_get(lookup, folders[i].bucket) : "";
        bool is_storage = connection->type == CONNECTION_OBJECT_STORAGE;
        if (!folder || !*folder || !bucket || is_storage != (folders[i].bucket != NULL))
            return false;
        buf_printf(out, folders[i].bucket ? "%s/%s" : "%s%s", folder, bucket);
        return true;
    }
    return false;
}
