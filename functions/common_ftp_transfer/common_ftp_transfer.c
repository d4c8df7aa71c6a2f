/* SPDX-License-Identifier: MIT */
/*
 * OU CCS DACS Common FTP Transfer: the child flow that stores one file on the FTP server DACS reads
 * from. Takes JSON {"Filename", "Directory", "File Reference"} and the file; answers 200 when the
 * file is complete under its name, else a fault document, and then nothing was published.
 */
#include "sluice/child_transfer.h"
#include "sluice/ftp.h"

#define TARGET "OU FTP DACS for CCS-DACS"

int main(void)
{
    struct child_transfer transfer = {0};

    /* 1. The request: where to, and the file that came with it. */
    if (!child_transfer_read(&transfer))
        return child_transfer_fail(&transfer);
    const char *name = child_transfer_member(&transfer, "Filename");
    const char *directory = child_transfer_member(&transfer, "Directory");
    if (!name || !directory)
        return child_transfer_fail(&transfer);

    /* What the tenant makes of it. */
    name = child_transfer_extend(&transfer, name);
    if (!name)
        return child_transfer_fail(&transfer);

    /* 2. Upload: temporary name, size checked, renamed into place. */
    int32_t status = ftp_store(TARGET, directory, name, transfer.file, &transfer.receipt);

    /* 3. 200 tells the caller to mark the source. */
    return child_transfer_end(&transfer, name, status);
}
