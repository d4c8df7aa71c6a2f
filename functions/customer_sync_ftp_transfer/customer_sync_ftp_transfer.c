/* SPDX-License-Identifier: MIT */
/*
 * OU CCS DACS Customer Sync FTP Transfer: carries the customer extract files from the FTP server
 * that CCS writes to, to the content server of DACS. The numbers are the steps of the configuration
 * guide's chapter 2; what the steps do is in shared/src/customer_sync.c.
 */
#include "sluice/customer_sync.h"
#include "sluice/ftp.h"
#include "sluice/lookup.h"

#define NAME_SIZE_MAX 255 /* of practically every file system behind an FTP server */

static bool locate(struct text *place, struct fault *fault)
{
    return lookup_required(LOOKUP_CONFIG, "ccs.ftp.custsync.input.directory", place, fault);
}

static const struct sync_source source = {
    .connection = "OU FTP CCS for CCS-DACS",
    .name_size_max = NAME_SIZE_MAX,
    .grows = true,
    .locate = locate,
    .list = ftp_list,
    .open = ftp_open,
    .rename = ftp_rename,
};

int main(void)
{
    struct customer_sync sync = {.source = &source};

    /* 1. Started by the schedule or by hand: what is to be moved, from where to where. */
    if (!customer_sync_prepare(&sync))
        return customer_sync_end_failed(&sync);

    /* 2. The files in the CCS folder that begin with the prefix. None: tell people and be done. */
    if (!customer_sync_list(&sync))
        return customer_sync_end_failed(&sync);
    if (sync.file_count == 0)
        return customer_sync_end_without_file(&sync);

    /* 3. Each file, in the order of their names, until the first error. */
    struct sync_file *file;
    while ((file = customer_sync_next(&sync))) {
        /* 3a. Take hold of it. */
        int32_t handle = customer_sync_open(&sync, file);
        if (!handle)
            continue;
        /* 3b, 3c. The child flow for the kind of server DACS reads from stores it there. */
        bool is_sent = sync.target == SYNC_TARGET_FTP ? customer_sync_send_ftp(&sync, file, handle)
                                                      : customer_sync_send_os(&sync, file, handle);
        /* Only a file that arrived is renamed at the source. */
        if (is_sent)
            customer_sync_mark(&sync, file);
    }

    /* 4. The summary for the business users; 5. the error, if any, for the administrators. */
    return customer_sync_end(&sync);
}
