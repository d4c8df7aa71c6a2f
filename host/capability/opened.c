/* SPDX-License-Identifier: MIT */
/* A ring of copies; see opened.h. */
#include "capability/opened.h"

#include <string.h>

#include "capability/folder.h"

bool opened_note(struct opened *opened, const struct remote_file *file)
{
    if (!file->connection || !file->folder || !file->name)
        return true;
    struct remote_file *slot = &opened->files[opened->next % OPENED_MAX];
    remote_file_release(slot);
    if (!remote_file_copy(file, slot))
        return false;
    opened->next++;
    return true;
}

const struct remote_file *opened_find(const struct opened *opened,
                                      const struct connection *connection, const char *folder,
                                      const char *name)
{
    for (unsigned i = 0; i < OPENED_MAX; i++) { /* the newest first */
        const struct remote_file *file = &opened->files[(opened->next + OPENED_MAX - 1 - i) % OPENED_MAX];
        if (file->name && strcmp(file->name, name) == 0 &&
            (!connection || file->connection == connection) &&
            (!folder || folder_is_same(file->folder, folder)))
            return file;
    }
    return NULL;
}

void opened_release(struct opened *opened)
{
    for (unsigned i = 0; i < OPENED_MAX; i++)
        remote_file_release(&opened->files[i]);
}
