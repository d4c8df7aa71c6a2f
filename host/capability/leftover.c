/* SPDX-License-Identifier: MIT */
/* See leftover.h. */
#include "capability/leftover.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/pack.h"
#include "capability/watch.h"
#include "store/store_reminder.h"

#define KIND "leftover"
#define KEY_SIZE_MAX 16384
#define VALUE_SIZE_MAX (4096 + CONNECTION_PLACE_SIZE_MAX)

void leftover_note(void *context, const struct transfer_step *step)
{
    struct call *call = context;
    struct buf key, value;
    struct error err = {0};
    buf_init(&key, KEY_SIZE_MAX);
    buf_init(&value, VALUE_SIZE_MAX);
    buf_printf(&key, "%s\n%s\n%s", call->connection->name, call->args[1].text, step->temporary);
    pack_number(&value, step->is_object);
    pack_text(&value, step->name);
    connection_pack_place(call->connection, &value);
    pack_number(&value, (uint64_t)clock_wall_ms());
    const struct reminder reminder = {KIND, buf_text(&key), value.data, value.size};
    struct store *store = call->execution->environment->store;
    if (key.failed || value.failed || !store_may_remind(store, KIND, reminder.key, &err) ||
        !store_remind(store, call->execution->instance, &reminder, &err))
        log_line(LOG_WARNING, call->execution->instance, "'%s' stays in '%s': it could not be removed",
                 step->temporary, call->args[1].text);
    buf_release(&key);
    buf_release(&value);
}

/* ---- removing -------------------------------------------------------------------------------- */

/* What a sweep has met at a connection. */
struct standing {
    bool has_failed; /* asked in vain */
    bool is_moved;   /* told that it points elsewhere now */
    unsigned refusals;
};

struct sweep {
    const struct environment *environment;
    const struct snapshot *snapshot;
    const struct run_watch *watch;
    struct standing *standings; /* one for each connection of snapshot, in its order */
    struct error *err;
    bool ok;
};

/* What an earlier release did not note is NULL or 0. */
struct note {
    struct transfer_step step;
    const char *place; /* of the connection then */
    uint64_t noted_ms;
};

static bool read_note(const struct reminder *reminder, const char *temporary, struct note *note)
{
    struct transfer_step *step = &note->step;
    struct unpack in;
    unpack_begin(&in, reminder->value, reminder->size);
    *step = (struct transfer_step){.kind = STEP_SENDING, .is_object = unpack_number(&in) != 0};
    const char *name = unpack_text(&in);
    note->place = in.left > 0 ? unpack_text(&in) : NULL;
    note->noted_ms = in.left > 0 ? unpack_number(&in) : 0;
    snprintf(step->temporary, sizeof step->temporary, "%s", temporary);
    snprintf(step->name, sizeof step->name, "%s", name ? name : "");
    return unpack_end(&in) && name;
}

/* What another server lacks is not gone: it waits until the connection points back. */
static bool is_elsewhere(struct standing *standing, const struct connection *connection, const char *place,
                         char *const parts[3])
{
    if (!place || connection_is_at(connection, place))
        return false;
    if (!standing->is_moved)
        log_line(LOG_INFO, NULL, "'%s' stays in '%s' of %s: connection '%s' points elsewhere now", parts[2],
                 parts[1], place, connection->name);
    standing->is_moved = true;
    return true;
}

/* True: it has been refused for so long that it is forgotten. */
static bool is_over(const struct note *note, char *const parts[3])
{
    const int64_t most_ms = (int64_t)LEFTOVER_DAYS_MAX * 24 * 3600 * 1000;
    bool is_over = note->noted_ms > 0 && note->noted_ms <= (uint64_t)INT64_MAX &&
                   clock_wall_ms() - (int64_t)note->noted_ms > most_ms;
    if (is_over)
        log_line(LOG_WARNING, NULL,
                 "'%s' stays in '%s' of connection '%s', and is not tried again after %u days: remove it "
                 "there if it exists",
                 parts[2], parts[1], parts[0], LEFTOVER_DAYS_MAX);
    return is_over;
}

/* A refusal keeps nobody from what is behind it. */
static void note_failure(struct standing *standing, const struct error *why)
{
    if (why->kind == ERROR_REFUSED)
        standing->refusals++;
    else
        standing->has_failed = true;
}

static bool should_stop(void *context)
{
    const struct sweep *sweep = context;
    return watch_should_stop(sweep->watch);
}

/* Of a connection that cannot be had, which why says: whether it is none any more. One that is disabled comes back. */
static bool is_unknown(const struct snapshot *snapshot, char *const parts[3], const struct error *why)
{
    if (snapshot_knows_connection(snapshot, parts[0]))
        return false;
    log_line(LOG_WARNING, NULL, "'%s' stays in '%s': %s", parts[2], parts[1], why->message);
    return true;
}

/* True: there is nothing left to remove, be it that nobody knows any more where it was. */
static bool remove_one(struct sweep *sweep, const struct reminder *reminder)
{
    char key[KEY_SIZE_MAX], *parts[3];
    struct note note;
    struct error why = {0};
    const struct environment *environment = sweep->environment;
    const struct transfer_call call = {.deadline_ms = clock_monotonic_ms() + LEFTOVER_TIME_MS,
                                       .should_stop = should_stop, .context = sweep};
    snprintf(key, sizeof key, "%s", reminder->key);
    if (!reminder_split(key, parts) || !read_note(reminder, parts[2], &note))
        return true;
    const struct connection *connection = snapshot_connection(sweep->snapshot, parts[0], &why);
    if (!connection)
        return is_unknown(sweep->snapshot, parts, &why);
    struct standing *standing = &sweep->standings[connection - sweep->snapshot->connections];
    if (standing->has_failed || is_elsewhere(standing, connection, note.place, parts))
        return false;
    if (standing->refusals >= LEFTOVER_REFUSALS_MAX)
        return is_over(&note, parts); /* many would hold up the run that sweeps */
    if (remote_discard(environment->transfer, connection, parts[1], &note.step, &call, &why))
        return true;
    note_failure(standing, &why);
    if (why.kind == ERROR_REFUSED && is_over(&note, parts))
        return true;
    log_line(LOG_WARNING, NULL, "it is tried again later: %s", why.message);
    return false;
}

static bool sweep_one(void *context, const struct reminder *reminder)
{
    struct sweep *sweep = context;
    if (remove_one(sweep, reminder))
        sweep->ok = store_forget_now(sweep->environment->store, KIND, reminder->key, sweep->err);
    return sweep->ok && !should_stop(sweep);
}

bool leftover_sweep(const struct environment *environment, const struct run_watch *watch, struct error *err)
{
    struct snapshot *snapshot = workspace_snapshot(environment->workspace);
    struct sweep sweep = {.environment = environment, .snapshot = snapshot, .watch = watch, .err = err, .ok = true};
    sweep.standings = calloc(snapshot->connection_count + 1, sizeof *sweep.standings);
    bool ok = sweep.standings || error_out_of_memory(err);
    ok = ok && store_reminders(environment->store, KIND, "", sweep_one, &sweep, err) && sweep.ok;
    free(sweep.standings);
    snapshot_release(snapshot);
    return ok;
}
