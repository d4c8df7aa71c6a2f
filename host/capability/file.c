/* SPDX-License-Identifier: MIT */
/* Capability file: what a guest may know of the files, listings and responses it holds. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "capability/handlers.h"
#include "capability/object.h"
#include "transfer/ftp_listing.h"

/* A name that cannot be used safely is shown in a printable form, so that it can be reported. */
static void append_printable(struct buf *out, const char *name)
{
    bool is_utf8 = text_is_utf8(name, strlen(name));
    for (const char *at = name; *at; at++) {
        unsigned char byte = (unsigned char)*at;
        if (byte < 0x20 || byte == 0x7F || (byte >= 0x80 && !is_utf8))
            buf_printf(out, "\\x%02X", byte);
        else
            buf_append_char(out, *at);
    }
}

int32_t capability_file_next(struct call *call)
{
    struct listing_cursor *cursor = call->args[0].object;
    if (cursor->next >= LISTING_ENTRIES_MAX && cursor->next < cursor->listing.count) {
        error_set(&call->error, ERROR_LIMIT, "the listing has more than %u files: the first were given",
                  LISTING_ENTRIES_MAX);
        return call_failed(call);
    }
    if (cursor->next >= cursor->listing.count)
        return SLUICE_NOT_FOUND;
    const struct remote_entry *entry = &cursor->listing.entries[cursor->next];
    struct sluice_file_info info = entry->info;
    if (!text_is_utf8(entry->name, strlen(entry->name)) || text_has_control(entry->name))
        info.flags |= SLUICE_FILE_UNSAFE;
    struct buf name;
    buf_init(&name, 4 * LISTING_LINE_SIZE_MAX); /* "\\xNN" for each byte; names of FTP may be as long as lines */
    append_printable(&name, entry->name);
    if (buf_is_out_of_memory(&name)) {
        buf_release(&name);
        return call_out_of_memory(call); /* a part of a name is another file's */
    }
    int32_t size = call_put_text(&call->args[1], buf_text(&name));
    buf_release(&name);
    memcpy(call->args[2].out, &info, sizeof info);
    cursor->next++;
    return size;
}

int32_t capability_file_info(struct call *call)
{
    const struct remote_file *file = call->args[0].object;
    if (!file) {
        error_set(&call->error, ERROR_INVALID, "no file was given");
        return SLUICE_BAD_HANDLE;
    }
    memcpy(call->args[1].out, &file->info, sizeof file->info);
    return SLUICE_OK;
}

int32_t capability_file_close(struct call *call)
{
    if (handle_close(&call->execution->handles, call->args[0].number))
        return SLUICE_OK;
    error_set(&call->error, ERROR_INVALID, "not an open handle");
    return SLUICE_BAD_HANDLE;
}
