/* SPDX-License-Identifier: MIT */
/* What people decide about schedules; see timetable.h. */
#include <string.h>

#include "base/clock.h"
#include "flow/activation.h"
#include "flow/audit.h"
#include "flow/timetable.h"
#include "store/store_schedule.h"
#include "workspace/schedules.h"

static const struct {
    const char *verb, *action;
    enum schedule_state to;
    bool from[3]; /* by enum schedule_state */
    bool needs_active;
} moves[] = {
    [MOVE_START] = {"started", "schedule.start", SCHEDULE_STARTED, {false, true, true}, true},
    [MOVE_STOP] = {"stopped", "schedule.stop", SCHEDULE_STOPPED, {true, false, true}, false},
    [MOVE_PAUSE] = {"paused", "schedule.pause", SCHEDULE_PAUSED, {true, false, false}, false},
    [MOVE_RESUME] = {"resumed", "schedule.resume", SCHEDULE_STARTED, {false, false, true}, true},
};

static bool move_to(struct service *service, size_t flow, enum schedule_move move,
                    const struct actor *actor, struct error *err)
{
    struct timetable_entry entry;
    if (!timetable_get(service, flow, &entry, err))
        return false;
    enum schedule_state state = entry.state;
    size_t index = entry.flow;
    timetable_entry_release(&entry);
    const char *identifier = service_manifest(service, flow)->identifier;
    if (!moves[move].from[state])
        return error_set(err, ERROR_EXISTS, "the schedule of flow '%s' is %s and cannot be %s",
                         identifier, schedule_state_name(state), moves[move].verb);
    if (moves[move].needs_active && !activation_require(service, index, err))
        return false;
    const struct schedule_decision decision = {.flow = identifier,
                                               .state = schedule_state_name(moves[move].to),
                                               .actor = actor->name, .at_ms = clock_wall_ms()};
    return store_decide_schedule(service_store(service), &decision, err);
}

bool timetable_move(struct service *service, size_t flow, enum schedule_move move,
                    const struct actor *actor, struct error *err)
{
    struct error why = {0};
    bool ok = move_to(service, flow, move, actor, &why);
    return audit_change(service, actor, moves[move].action, flow, NULL, ok, &why, err);
}

/* {"<flow>": {...}}, as schedules.json would have it, so that one reader understands both. */
static void format(const char *flow, const struct schedule *definition, struct buf *out)
{
    struct document document;
    document_init(&document);
    document_open(&document, NULL, '{');
    document_open(&document, flow, '{');
    schedule_format(definition, &document);
    document_close(&document, '}');
    document_close(&document, '}');
    document_move(&document, out);
}

static bool decide(struct service *service, size_t flow, const char *definition, bool is_new,
                   const struct actor *actor, struct error *err)
{
    const struct schedule_decision decision = {
        .flow = service_manifest(service, flow)->identifier,
        .state = is_new ? schedule_state_name(SCHEDULE_STOPPED) : NULL,
        .defines = true,
        .definition = definition,
        .actor = actor->name,
        .at_ms = clock_wall_ms(),
    };
    return store_decide_schedule(service_store(service), &decision, err);
}

static bool reset(struct service *service, size_t flow, const struct actor *actor,
                  struct error *err)
{
    struct schedule in_file = {0};
    const char *identifier = service_manifest(service, flow)->identifier;
    bool found;
    if (!timetable_file_entry(service, flow, &in_file, &found, err))
        return false;
    schedule_release(&in_file);
    if (!found)
        return error_set(err, ERROR_NOT_FOUND, "schedules.json has no schedule of flow '%s'",
                         identifier);
    return decide(service, flow, NULL, false, actor, err);
}

static bool set(struct service *service, size_t flow, const struct schedule *definition,
                const struct actor *actor, char warning[static RECURRENCE_WARNING_SIZE],
                struct error *err)
{
    struct timetable_entry entry;
    struct error why = {0};
    struct buf text = {0};
    if (!timetable_check_definition(service, flow, definition, warning, err))
        return false;
    bool exists = timetable_get(service, flow, &entry, &why);
    if (exists)
        timetable_entry_release(&entry);
    format(service_manifest(service, flow)->identifier, definition, &text);
    bool ok = text.failed ? error_set(err, ERROR_LIMIT, "the schedule is too large")
                          : decide(service, flow, buf_text(&text),
                                   !exists && why.kind == ERROR_NOT_FOUND, actor, err);
    buf_release(&text);
    return ok;
}

bool timetable_set(struct service *service, size_t flow, const struct schedule *definition,
                   const struct actor *actor, char warning[static RECURRENCE_WARNING_SIZE],
                   struct error *err)
{
    struct error why = {0};
    warning[0] = '\0';
    bool ok = definition ? set(service, flow, definition, actor, warning, &why)
                         : reset(service, flow, actor, &why);
    return audit_change(service, actor, definition ? "schedule.set" : "schedule.reset", flow,
                        definition ? definition->recurrence : NULL, ok, &why, err);
}
