/* SPDX-License-Identifier: MIT */
/* The table, and its copy in memory, from which it is read; see store_reminder.h. */
#include "store/store_reminder.h"

#include <stdlib.h>
#include <string.h>

#include "store/store_internal.h"
#include "store/store_walk.h"

struct kept_reminder {
    struct kept_reminder *next;
    char *kind, *key;
    void *value;
    size_t size;
};

bool reminder_split(char *key, char *parts[3])
{
    for (int i = 0; i < 3; i++) {
        parts[i] = key;
        key = key ? strchr(key, '\n') : NULL;
        if (key)
            *key++ = '\0';
    }
    return parts[2] != NULL;
}

/* ---- in memory ------------------------------------------------------------------------------- */

/* All of these: `reminding` is held. */

static struct kept_reminder **find(struct store *store, const char *kind, const char *key)
{
    struct kept_reminder **at = &store->reminders;
    while (*at && (strcmp((*at)->key, key) != 0 || strcmp((*at)->kind, kind) != 0))
        at = &(*at)->next;
    return at;
}

static void free_kept(struct kept_reminder *kept)
{
    if (!kept)
        return;
    free(kept->kind);
    free(kept->key);
    free(kept->value);
    free(kept);
}

static void drop(struct kept_reminder **at)
{
    struct kept_reminder *kept = *at;
    if (!kept)
        return;
    *at = kept->next;
    free_kept(kept);
}

static struct kept_reminder *copy(const struct reminder *reminder)
{
    struct kept_reminder *kept = calloc(1, sizeof *kept);
    if (!kept)
        return NULL;
    kept->kind = strdup(reminder->kind);
    kept->key = strdup(reminder->key);
    kept->value = malloc(reminder->size + 1);
    kept->size = reminder->size;
    if (kept->value && reminder->size > 0)
        memcpy(kept->value, reminder->value, reminder->size);
    if (kept->kind && kept->key && kept->value)
        return kept;
    free_kept(kept);
    return NULL;
}

static void link_kept(struct store *store, struct kept_reminder *kept)
{
    drop(find(store, kept->kind, kept->key));
    kept->next = store->reminders;
    store->reminders = kept;
}

void store_reminders_clear(struct store *store)
{
    while (store->reminders)
        drop(&store->reminders);
}

bool store_may_remind(struct store *store, const char *kind, const char *key, struct error *err)
{
    size_t count = 0;
    pthread_mutex_lock(&store->reminding);
    bool is_there = *find(store, kind, key) != NULL;
    for (const struct kept_reminder *kept = store->reminders; kept; kept = kept->next)
        count += strcmp(kept->kind, kind) == 0;
    pthread_mutex_unlock(&store->reminding);
    return is_there || count < REMINDERS_MAX ||
           error_set(err, ERROR_LIMIT, "%d reminders of the kind '%s' are kept, which is all there may "
                                       "be", REMINDERS_MAX, kind);
}

/* Copies, so that fn may call whatever it likes. */
bool store_reminders(struct store *store, const char *kind, const char *beginning, reminder_fn *fn,
                     void *context, struct error *err)
{
    const size_t beginning_size = strlen(beginning);
    struct kept_reminder *list = NULL;
    bool ok = true;
    pthread_mutex_lock(&store->reminding);
    for (const struct kept_reminder *kept = store->reminders; kept && ok; kept = kept->next) {
        if (strcmp(kept->kind, kind) != 0 || strncmp(kept->key, beginning, beginning_size) != 0)
            continue;
        const struct reminder reminder = {kept->kind, kept->key, kept->value, kept->size};
        struct kept_reminder *one = copy(&reminder);
        ok = one || error_out_of_memory(err);
        if (one)
            one->next = list;
        list = one ? one : list;
    }
    pthread_mutex_unlock(&store->reminding);
    bool goes_on = ok;
    while (list) {
        struct kept_reminder *one = list;
        list = one->next;
        const struct reminder reminder = {one->kind, one->key, one->value, one->size};
        goes_on = goes_on && fn(context, &reminder);
        free_kept(one);
    }
    return ok;
}

/* ---- on the disk ----------------------------------------------------------------------------- */

/* Memory and what is handed in change as one: who reads the table meanwhile finds neither or both. */
bool store_remind(struct store *store, const char *id, const struct reminder *reminder,
                  struct error *err)
{
    const struct record_parts parts = {
        .texts = {reminder->kind, reminder->key},
        .blobs = {{reminder->value, reminder->size}},
    };
    struct kept_reminder *kept = copy(reminder);
    if (!kept)
        return error_out_of_memory(err);
    pthread_mutex_lock(&store->reminding);
    bool ok = store_hand_in(store, id, record_new(RECORD_REMIND, &parts), err);
    if (ok)
        link_kept(store, kept);
    pthread_mutex_unlock(&store->reminding);
    if (!ok)
        free_kept(kept);
    return ok;
}

/* Whether memory has it or not: another process may have written it since the table was read. */
bool store_forget(struct store *store, const char *id, const char *kind, const char *key,
                  struct error *err)
{
    const struct record_parts parts = {.texts = {kind, key}};
    pthread_mutex_lock(&store->reminding);
    bool ok = store_hand_in(store, id, record_new(RECORD_FORGET, &parts), err);
    if (ok)
        drop(find(store, kind, key));
    pthread_mutex_unlock(&store->reminding);
    return ok;
}

static bool write_forget(struct store *store, void *context, struct error *err)
{
    const struct reminder *reminder = context;
    sqlite3_stmt *statement = store->statements[STATEMENT_FORGET];
    sqlite3_bind_text(statement, 1, reminder->kind, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, reminder->key, -1, SQLITE_STATIC);
    return store_step(store, STATEMENT_FORGET, err);
}

bool store_forget_now(struct store *store, const char *kind, const char *key, struct error *err)
{
    struct reminder reminder = {.kind = kind, .key = key};
    if (!store_write(store, write_forget, &reminder, err))
        return false;
    pthread_mutex_lock(&store->reminding);
    drop(find(store, kind, key));
    pthread_mutex_unlock(&store->reminding);
    return true;
}

static bool read_all(struct store *store, struct kept_reminder **list, struct error *err)
{
    struct walk walk;
    walk_begin(&walk, store,
               "SELECT number, kind, key, value FROM reminder WHERE number > ?1"
               " ORDER BY number LIMIT ?2",
               WALK_ASCENDING, 4 * REMINDERS_MAX); /* two kinds, with what was under way at the limit */
    bool has_room = true;
    while (has_room && walk_next(&walk)) {
        const struct reminder reminder = {walk_text(&walk, 1), walk_text(&walk, 2),
                                          walk_text(&walk, 3), walk_size(&walk, 3)};
        struct kept_reminder *kept = copy(&reminder);
        has_room = kept != NULL;
        if (kept)
            kept->next = *list;
        *list = kept ? kept : *list;
    }
    return walk_end(&walk, err) && (has_room || error_out_of_memory(err));
}

/* Nothing is handed in meanwhile, and what was handed in before is read. */
bool store_reminders_refresh(struct store *store, struct error *err)
{
    struct kept_reminder *list = NULL;
    pthread_mutex_lock(&store->reminding);
    bool ok = store_flush(store, err) && read_all(store, &list, err);
    if (ok)
        store_reminders_clear(store);
    while (list) {
        struct kept_reminder *kept = list;
        list = kept->next;
        if (ok)
            link_kept(store, kept);
        else
            free_kept(kept);
    }
    pthread_mutex_unlock(&store->reminding);
    return ok;
}
