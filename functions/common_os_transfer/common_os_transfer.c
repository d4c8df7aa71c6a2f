/* SPDX-License-Identifier: MIT */
/*
 * OU CCS DACS Common OS Transfer: the child flow that stores one file in the Object Storage bucket
 * DACS reads from. Takes JSON {"Object Name", "Namespace Name", "Bucket Name", "File Reference"}
 * and the file; answers 200 when the object is complete, else a fault document, and then nothing
 * was published.
 */
#include <string.h>

#include "sluice/child_transfer.h"
#include "sluice/http.h"

#define TARGET "OU REST DACS OS for CCS-DACS"

int main(void)
{
    struct child_transfer transfer = {0};

    /* 1. The request: where to, and the file that came with it. */
    if (!child_transfer_read(&transfer))
        return child_transfer_fail(&transfer);
    const char *name = child_transfer_member(&transfer, "Object Name");
    const char *name_space = child_transfer_member(&transfer, "Namespace Name");
    const char *bucket = child_transfer_member(&transfer, "Bucket Name");
    if (!name || !name_space || !bucket)
        return child_transfer_fail(&transfer);

    /* What the tenant makes of it. */
    name = child_transfer_extend(&transfer, name);
    if (!name)
        return child_transfer_fail(&transfer);

    /* 2. Upload: only if no object has that name, digest checked. */
    struct text place = {0};
    text_add_format(&place, "%s/%s", name_space, bucket);
    int32_t status =
        object_store(TARGET, text_string(&place), name, transfer.file, &transfer.receipt);

    /* 3. 200 tells the caller to mark the source. */
    return child_transfer_end(&transfer, name, status);
}
