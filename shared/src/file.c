/* SPDX-License-Identifier: MIT */
/* Handles; see file.h. */
#include "sluice/file.h"

#include "sluice/imports.h"

#define ENTRY_NAME_SIZE_MAX 4096u /* abi.h: a name of any server fits */

int32_t file_next(int32_t listing, struct text *name, struct sluice_file_info *info)
{
    text_clear(name);
    text_room(name, ENTRY_NAME_SIZE_MAX);
    int32_t size = sluice_file_next(listing, name->data, ENTRY_NAME_SIZE_MAX, info);
    if (size < 0)
        return size;
    /* A call that asks again would get the entry after it. */
    name->size = (uint32_t)size < ENTRY_NAME_SIZE_MAX ? (uint32_t)size : ENTRY_NAME_SIZE_MAX;
    name->data[name->size] = '\0';
    return SLUICE_OK;
}

int32_t file_info(int32_t file, struct sluice_file_info *info)
{
    return sluice_file_info(file, info);
}

void file_close(int32_t handle)
{
    if (handle > 0)
        sluice_file_close(handle);
}
