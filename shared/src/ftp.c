/* SPDX-License-Identifier: MIT */
/* Content servers over FTP; see ftp.h. */
#include "sluice/ftp.h"

#include "sluice/imports.h"

/* Calls with an effect are made once, so there must be room for any result at the first go. */
#define RESULT_ROOM 4095

int32_t ftp_list(const char *connection, const char *directory, const char *prefix)
{
    return sluice_ftp_list(SLUICE_STRING(connection), SLUICE_STRING(directory),
                           SLUICE_STRING(prefix));
}

int32_t ftp_open(const char *connection, const char *directory, const char *name)
{
    return sluice_ftp_open(SLUICE_STRING(connection), SLUICE_STRING(directory),
                           SLUICE_STRING(name));
}

int32_t ftp_store(const char *connection, const char *directory, const char *name, int32_t file,
                  struct text *receipt)
{
    text_clear(receipt);
    text_room(receipt, RESULT_ROOM);
    int32_t result = sluice_ftp_store(SLUICE_STRING(connection), SLUICE_STRING(directory),
                                      SLUICE_STRING(name), file, receipt->data, RESULT_ROOM);
    text_must_repeat(receipt, result);
    return result < 0 ? result : SLUICE_OK;
}

int32_t ftp_stat(const char *connection, const char *directory, const char *name,
                 struct sluice_file_info *info)
{
    return sluice_ftp_stat(SLUICE_STRING(connection), SLUICE_STRING(directory), SLUICE_STRING(name),
                           info);
}

int32_t ftp_rename(const char *connection, const char *directory, const char *from, const char *to,
                   struct text *name_used)
{
    text_clear(name_used);
    text_room(name_used, RESULT_ROOM);
    int32_t result =
        sluice_ftp_rename(SLUICE_STRING(connection), SLUICE_STRING(directory), SLUICE_STRING(from),
                          SLUICE_STRING(to), name_used->data, RESULT_ROOM);
    text_must_repeat(name_used, result);
    return result < 0 ? result : SLUICE_OK;
}
