/* SPDX-License-Identifier: MIT */
/* Reading the outbox, and hearing of changes; see store_outbox.h. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "store/store_internal.h"
#include "store/store_outbox.h"
#include "store/store_walk.h"

#define COLUMNS                                                                                    \
    "SELECT number, instance, message_id, connection, sender, recipients, subject, body, pending," \
    " state, error, refused, attempts, written_ms, next_ms, finished_ms, held FROM outbox "

static struct outbox_row row_of(const struct walk *walk)
{
    return (struct outbox_row){
        .number = walk_number(walk, 0),
        .instance = walk_text(walk, 1),
        .message_id = walk_text(walk, 2),
        .connection = walk_text(walk, 3),
        .from = walk_text(walk, 4),
        .to = walk_text(walk, 5),
        .subject = walk_text(walk, 6),
        .body = walk_text(walk, 7),
        .pending = walk_text(walk, 8),
        .state = walk_text(walk, 9),
        .error = walk_text(walk, 10),
        .refused = walk_text(walk, 11),
        .attempts = walk_number(walk, 12),
        .written_ms = walk_number(walk, 13),
        .next_ms = walk_number(walk, 14),
        .finished_ms = walk_number(walk, 15),
        .held = walk_number(walk, 16),
    };
}

bool store_outbox_read(struct store *store, int64_t number, outbox_row_fn *fn, void *context,
                       struct error *err)
{
    struct walk walk;
    walk_begin(&walk, store, COLUMNS "WHERE number = ?3 AND number > ?1 LIMIT ?2", WALK_ASCENDING,
               1);
    walk_bind_number(&walk, 3, number);
    bool found = walk_next(&walk);
    if (found) {
        const struct outbox_row row = row_of(&walk);
        fn(context, &row);
    }
    return walk_end(&walk, err) &&
           (found || error_set(err, ERROR_NOT_FOUND, "the outbox has no mail %lld",
                               (long long)number));
}

bool store_outbox_list(struct store *store, const struct outbox_filter *filter, outbox_row_fn *fn,
                       void *context, struct error *err)
{
    struct walk walk;
    walk_begin(&walk, store,
               "WITH RECURSIVE tree (id) AS (SELECT ?3 UNION SELECT i.id FROM tree t"
               " JOIN instance i ON i.parent = t.id) " COLUMNS
               "WHERE (?3 IS NULL OR instance IN tree)"
               " AND (NOT ?4 OR state IN ('waiting', 'given_up')) AND number > ?1"
               " ORDER BY number LIMIT ?2",
               WALK_ASCENDING, filter->limit);
    walk_bind_text(&walk, 3, filter->instance);
    walk_bind_number(&walk, 4, filter->unsent_only);
    bool goes_on = true;
    while (goes_on && walk_next(&walk)) {
        const struct outbox_row row = row_of(&walk);
        goes_on = fn(context, &row);
    }
    return walk_end(&walk, err);
}

bool store_outbox_count(struct store *store, struct outbox_count *out, struct error *err)
{
    struct walk walk;
    *out = (struct outbox_count){.waiting = 0};
    walk_begin(&walk, store,
               "SELECT 1, ifnull(sum(state = 'waiting'), 0), ifnull(sum(state = 'given_up'), 0)"
               " FROM outbox",
               WALK_ASCENDING, 1);
    if (walk_next(&walk))
        *out = (struct outbox_count){walk_number(&walk, 1), walk_number(&walk, 2)};
    return walk_end(&walk, err);
}

static int64_t due_of(int64_t next_ms, int64_t now_ms)
{
    return next_ms > now_ms + STORE_OUTBOX_AHEAD_MS ? now_ms : next_ms;
}

/* Claims of processes that are gone, and ours, count as none. */
bool store_outbox_due(struct store *store, int64_t now_ms, int64_t *due_ms, struct error *err)
{
    struct walk walk;
    *due_ms = INT64_MAX;
    walk_begin(&walk, store,
               "SELECT 1, min(next_ms), max(next_ms) FROM outbox WHERE state = 'waiting'"
               " AND owner IN (0, ?3)",
               WALK_ASCENDING, 1);
    walk_bind_number(&walk, 3, store->owner.number);
    if (walk_next(&walk) && walk_number(&walk, 1) > 0) {
        int64_t first_ms = due_of(walk_number(&walk, 1), now_ms);
        int64_t last_ms = due_of(walk_number(&walk, 2), now_ms);
        *due_ms = first_ms < last_ms ? first_ms : last_ms;
    }
    if (!walk_end(&walk, err))
        return false;
    walk_begin(&walk, store,
               "SELECT number, owner, next_ms FROM outbox WHERE state = 'waiting'"
               " AND owner NOT IN (0, ?3) AND number > ?1 ORDER BY number LIMIT ?2",
               WALK_ASCENDING, 0);
    walk_bind_number(&walk, 3, store->owner.number);
    while (walk_next(&walk)) {
        bool is_alive = store_owner_lives(&store->owner, walk_number(&walk, 1));
        int64_t look_ms =
            is_alive ? now_ms + STORE_OUTBOX_LOOK_MS : due_of(walk_number(&walk, 2), now_ms);
        if (look_ms < *due_ms)
            *due_ms = look_ms;
    }
    return walk_end(&walk, err);
}

/* ---- hearing of changes ---------------------------------------------------------------------- */

bool store_outbox_watch(struct store *store, int *fd, struct error *err)
{
    char path[PATH_MAX];
    if (store->is_in_memory)
        snprintf(path, sizeof path, "/proc/self/fd/%d", store->owner.fd);
    else
        snprintf(path, sizeof path, "%s.owners", store->path);
    *fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (*fd >= 0 && inotify_add_watch(*fd, path, IN_ATTRIB) >= 0)
        return true;
    error_errno(err, ERROR_INTERNAL, errno, "cannot watch '%s'", path);
    if (*fd >= 0)
        close(*fd);
    return false;
}

void store_outbox_heard(int fd)
{
    char events[4096];
    while (read(fd, events, sizeof events) > 0)
        ;
}
