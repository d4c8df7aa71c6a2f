/* SPDX-License-Identifier: MIT */
/* Capability ftp: files at an FTP, FTPS or SFTP server. */
#include "capability/content.h"
#include "capability/handlers.h"

int32_t capability_ftp_list(struct call *call)
{
    return content_check(call, false) ? content_list(call) : call_failed(call);
}

int32_t capability_ftp_open(struct call *call)
{
    return content_check(call, false) ? content_open(call) : call_failed(call);
}

int32_t capability_ftp_store(struct call *call)
{
    return content_check(call, false) ? content_store(call) : call_failed(call);
}

int32_t capability_ftp_stat(struct call *call)
{
    return content_check(call, false) ? content_stat(call) : call_failed(call);
}

int32_t capability_ftp_rename(struct call *call)
{
    return content_check(call, false) ? content_rename(call) : call_failed(call);
}
