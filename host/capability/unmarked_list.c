/* SPDX-License-Identifier: MIT */
/* What is remembered, for people; see unmarked.h. */
#include <stdio.h>

#include "base/pack.h"
#include "capability/unmarked.h"
#include "store/store_reminder.h"

struct showing {
    unmarked_fn *fn;
    void *context;
};

static bool show(void *context, const struct reminder *reminder)
{
    const struct showing *showing = context;
    char key[UNMARKED_KEY_SPACE], *parts[3];
    struct unpack value;
    snprintf(key, sizeof key, "%s", reminder->key);
    if (!reminder_split(key, parts))
        return true;
    unpack_begin(&value, reminder->value, reminder->size);
    struct unmarked_file file = {parts[0], parts[1], parts[2], .size = unpack_number(&value)};
    (void)unpack_number(&value); /* time and etag: its version */
    (void)unpack_text(&value);
    file.to_connection = unpack_text(&value);
    file.to_folder = unpack_text(&value);
    file.to_name = unpack_text(&value);
    return showing->fn(showing->context, &file);
}

bool unmarked_list(struct store *store, unmarked_fn *fn, void *context, struct error *err)
{
    return store_reminders(store, UNMARKED_KIND, show, &(struct showing){fn, context}, err);
}

bool unmarked_forget(struct store *store, const struct unmarked_file *file, struct error *err)
{
    struct buf key;
    buf_init(&key, UNMARKED_KEY_SPACE);
    buf_printf(&key, "%s\n%s\n%s", file->connection, file->folder, file->name);
    bool ok = key.failed ? error_set(err, ERROR_LIMIT, "out of memory")
                         : store_forget_now(store, UNMARKED_KIND, buf_text(&key), err);
    buf_release(&key);
    return ok;
}
