/* SPDX-License-Identifier: MIT */
/* What is remembered, for people; see unmarked.h. */
#include <stdio.h>

#include "capability/unmarked.h"
#include "capability/unmarked_value.h"
#include "store/store_reminder.h"

struct showing {
    unmarked_fn *fn;
    void *context;
};

static bool show(void *context, const struct reminder *reminder)
{
    const struct showing *showing = context;
    char key[UNMARKED_KEY_SPACE], *parts[3];
    struct unmarked_delivery delivery;
    snprintf(key, sizeof key, "%s", reminder->key);
    if (!unmarked_split(key, parts))
        return true;
    (void)!unmarked_unpack(reminder->value, reminder->size, &delivery); /* what is damaged can be forgotten */
    const struct unmarked_file file = {reminder->key, parts[0], parts[1], parts[2], delivery.size,
                                       delivery.connection, delivery.folder, delivery.name,
                                       delivery.place};
    return showing->fn(showing->context, &file);
}

bool unmarked_list(struct store *store, unmarked_fn *fn, void *context, struct error *err)
{
    return store_reminders(store, UNMARKED_KIND, "", show, &(struct showing){fn, context}, err);
}

bool unmarked_forget(struct store *store, const struct unmarked_file *file, struct error *err)
{
    return store_forget_now(store, UNMARKED_KIND, file->key, err);
}
