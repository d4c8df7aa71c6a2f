/* SPDX-License-Identifier: MIT */
/* Schedules of flows: what they are, whether they are started, and runs beside them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "flow/scheduler.h"
#include "flow/timetable.h"
#include "server/api_schedule_rule.h"
#include "workspace/schedules.h"

#define INTERVAL_MAX 10000

/* ---- schemas ---------------------------------------------------------------------------------------- */

static const char *const kinds[] = {"ONCE",   "MINUTELY", "HOURLY", "DAILY",
                                    "WEEKLY", "MONTHLY",  "YEARLY", NULL};
static const char *const missed_words[] = {"run_once", "skip", NULL};
static const char *const state_words[] = {"STARTED", "STOPPED", "PAUSED", NULL};
static const char *const now_words[] = {"NOW", "now", NULL};

static const struct api_field parameter_fields[] = {
    {.name = "name", .kind = API_TEXT, .about = "a parameter of the flow"},
    {.name = "value", .kind = API_TEXT, .about = "its value"},
    {.name = "type", .kind = API_TEXT, .may_lack = true, .about = "taken for the sake of scripts"},
};
static const struct api_schema parameter_schema =
    API_SCHEMA("ScheduleParameter", "A parameter of scheduled runs.", parameter_fields);

static const struct api_field frequency_fields[] = {
    {.name = "frequencyType", .kind = API_TEXT, .words = kinds, .about = "how often"},
    {.name = "interval", .kind = API_NUMBER, .may_lack = true, .min = 1, .max = INTERVAL_MAX,
     .about = "every so many of them; default 1"},
    {.name = "daysOfWeek", .kind = API_TEXTS, .may_lack = true, .about = "MONDAY, TUESDAY, ..."},
    {.name = "monthsOfYear", .kind = API_TEXTS, .may_lack = true, .about = "JANUARY, FEBRUARY, ..."},
    {.name = "datesOfMonth", .kind = API_TEXTS, .may_lack = true, .about = "\"1\" to \"31\", or \"-1\""},
};
static const struct api_schema frequency_schema = API_SCHEMA(
    "ScheduleFrequency", "OIC's simple form; startDate gives the time of day.", frequency_fields);

static const struct api_field definition_fields[] = {
    {.name = "name", .kind = API_TEXT, .may_lack = true, .about = "taken, not kept"},
    {.name = "description", .kind = API_TEXT, .may_lack = true, .about = "taken, not kept"},
    {.name = "icalExpression", .kind = API_TEXT, .may_lack = true,
     .about = "RRULE values joined by '&': FREQ=DAILY;BYHOUR=2;BYMINUTE=30;"},
    {.name = "frequency", .kind = API_OBJECT, .may_lack = true, .of = &frequency_schema,
     .about = "instead of icalExpression"},
    {.name = "scheduleType", .kind = API_TEXT, .may_lack = true, .about = "taken, not kept"},
    {.name = "scheduleTZ", .kind = API_TEXT, .may_lack = true, .about = "IANA zone; default UTC"},
    {.name = "startDate", .kind = API_TEXT, .may_lack = true,
     .about = "local: 11/24/2026|06:30:00 or 2026-11-24T06:30:00"},
    {.name = "endDate", .kind = API_TEXT, .may_lack = true, .about = "as startDate; inclusive"},
    {.name = "parameters", .kind = API_LIST, .may_lack = true, .of = &parameter_schema,
     .about = "given to every run"},
    {.name = "missedRuns", .kind = API_TEXT, .may_lack = true, .words = missed_words,
     .about = "what becomes of times that nothing could start: one run for all of them (default), or "
              "none"},
};
static const struct api_schema definition_schema =
    API_SCHEMA("ScheduleDefinition", "When a flow runs, and with what.", definition_fields);

static const struct api_field schedule_fields[] = {
    {.name = "name", .kind = API_TEXT, .about = "identifier of the flow"},
    {.name = "state", .kind = API_TEXT, .words = state_words, .about = "whether it starts runs"},
    {.name = "icalExpression", .kind = API_TEXT, .about = "RRULE values joined by '&'"},
    {.name = "scheduleTZ", .kind = API_TEXT, .about = "IANA zone"},
    {.name = "startDate", .kind = API_TEXT, .may_lack = true, .about = "local, 11/24/2026|06:30:00"},
    {.name = "endDate", .kind = API_TEXT, .may_lack = true, .about = "local, inclusive"},
    {.name = "parameters", .kind = API_LIST, .of = &parameter_schema, .about = "of every run"},
    {.name = "missedRuns", .kind = API_TEXT, .words = missed_words, .about = "as defined"},
    {.name = "nextRun", .kind = API_TIME, .may_lack = true, .about = "when it is due next"},
    {.name = "errorMessage", .kind = API_TEXT, .may_lack = true, .about = "what OIC would not take"},
    {.name = "updated", .kind = API_TIME, .may_lack = true, .about = "when it was changed last"},
    {.name = "updatedBy", .kind = API_TEXT, .may_lack = true, .about = "by whom"},
};
static const struct api_schema schedule_schema =
    API_SCHEMA("Schedule", "The schedule of a flow; it holds for all of its versions.",
               schedule_fields);

static const struct api_field job_fields[] = {
    {.name = "action", .kind = API_TEXT, .may_lack = true, .words = now_words, .about = "NOW"},
    {.name = "parameters", .kind = API_LIST, .may_lack = true, .of = &parameter_schema,
     .about = "of this run; those that lack are the schedule's"},
    {.name = "runAsSchedule", .kind = API_FLAG, .may_lack = true,
     .about = "taken for the sake of scripts"},
    {.name = "run-as-schedule", .kind = API_FLAG, .may_lack = true, .about = "the same"},
    {.name = "runAsUserName", .kind = API_TEXT, .may_lack = true,
     .about = "taken; the run is in the caller's name"},
    {.name = "run-as-user-name", .kind = API_TEXT, .may_lack = true, .about = "the same"},
};
static const struct api_schema job_schema =
    API_SCHEMA("ScheduleJob", "A run beside the schedule.", job_fields);

/* ---- the definition ------------------------------------------------------------------------------------ */

static bool take_text(struct api_call *call, char **to, const char *text)
{
    *to = strdup(text);
    return *to || api_fault(call, 503, "limit", "out of memory");
}

static bool take_date(struct api_call *call, const char *member, char **to)
{
    char local[SCHEDULE_TIME_SIZE];
    const char *text = api_body_text(call, member);
    if (!text || !*text)
        return true;
    if (!schedule_read_time(text, local))
        return api_fault(call, 400, "invalid", "%s '%.40s': expected local time as in "
                         "11/24/2026|06:30:00 or 2026-11-24T06:30:00", member, text);
    return take_text(call, to, local);
}

static bool take_rule(struct api_call *call, struct schedule *out)
{
    const char *ical = api_body_text(call, "icalExpression");
    const cJSON *frequency = cJSON_GetObjectItemCaseSensitive(call->body, "frequency");
    bool has_frequency = cJSON_IsObject(frequency);
    struct buf rule;
    if ((ical != NULL) == has_frequency)
        return api_fault(call, 400, "invalid", "give icalExpression or frequency");
    if (ical)
        return take_text(call, &out->recurrence, ical);
    buf_init(&rule, RECURRENCE_TEXT_MAX);
    bool ok = schedule_make_rule(call, frequency, out->start != NULL, &rule) &&
              take_text(call, &out->recurrence, buf_text(&rule));
    buf_release(&rule);
    return ok;
}

static const char *text_of(const cJSON *object, const char *member)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, member));
}

static bool take_parameters(struct api_call *call, struct schedule *out)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(call->body, "parameters");
    int count = cJSON_GetArraySize(list);
    if (count > SCHEDULE_PARAMETERS_MAX)
        return api_fault(call, 400, "limit", "parameters: at most %d", SCHEDULE_PARAMETERS_MAX);
    out->parameters = calloc((size_t)count + 1, sizeof *out->parameters);
    if (!out->parameters)
        return api_fault(call, 503, "limit", "out of memory");
    for (const cJSON *one = list ? list->child : NULL; one; one = one->next) {
        struct schedule_parameter *parameter = &out->parameters[out->parameter_count++];
        if (!take_text(call, &parameter->name, text_of(one, "name")) ||
            !take_text(call, &parameter->value, text_of(one, "value")))
            return false;
    }
    return true;
}

static bool read_definition(struct api_call *call, struct schedule *out)
{
    const char *zone = api_body_text(call, "scheduleTZ");
    const char *missed = api_body_text(call, "missedRuns");
    *out = (struct schedule){.missed = missed && strcmp(missed, "skip") == 0 ? MISSED_SKIP
                                                                             : MISSED_RUN_ONCE};
    snprintf(out->recurrence_at, sizeof out->recurrence_at, "icalExpression");
    snprintf(out->zone_at, sizeof out->zone_at, "scheduleTZ");
    return take_text(call, &out->time_zone, zone && *zone ? zone : "UTC") &&
           take_date(call, "startDate", &out->start) && take_date(call, "endDate", &out->end) &&
           take_rule(call, out) && take_parameters(call, out);
}

/* ---- answering ----------------------------------------------------------------------------------------- */

static void write_parameters(struct document *document, const struct schedule *schedule)
{
    document_open(document, "parameters", '[');
    for (size_t i = 0; i < schedule->parameter_count; i++) {
        document_open(document, NULL, '{');
        document_text(document, "name", schedule->parameters[i].name);
        document_text(document, "value", schedule->parameters[i].value);
        document_close(document, '}');
    }
    document_close(document, ']');
}

static void write_schedule(struct document *document, const struct timetable_entry *entry)
{
    int64_t due_ms = 0;
    struct error ignored;
    const struct schedule *schedule = &entry->definition;
    document_open(document, NULL, '{');
    document_text(document, "name", schedule->flow);
    document_text(document, "state", state_words[entry->state]);
    document_text(document, "icalExpression", schedule->recurrence);
    document_text(document, "scheduleTZ", schedule->time_zone);
    schedule_write_time(document, "startDate", schedule->start);
    schedule_write_time(document, "endDate", schedule->end);
    write_parameters(document, schedule);
    document_text(document, "missedRuns", missed_words[schedule->missed]);
    if (timetable_next(entry, clock_wall_ms(), &due_ms, &ignored))
        api_time(document, "nextRun", due_ms);
    if (entry->warning[0])
        document_text(document, "errorMessage", entry->warning);
    api_time(document, "updated", entry->changed_ms);
    if (entry->actor[0])
        document_text(document, "updatedBy", entry->actor);
    document_close(document, '}');
}

static bool fail(struct api_call *call, const struct error *err)
{
    if (err->kind == ERROR_EXISTS || err->kind == ERROR_REFUSED)
        return api_fault(call, 412, error_kind_name(err->kind), "%s", err->message);
    return api_fail(call, err);
}

static bool answer_schedule(struct api_call *call, size_t flow, int status)
{
    struct timetable_entry entry = {.flow = 0};
    struct error err = {0};
    bool ok = timetable_get(call->service, flow, &entry, &err) || fail(call, &err);
    if (ok) {
        write_schedule(&call->document, &entry);
        api_answer_document(call, status);
    }
    timetable_entry_release(&entry);
    return ok;
}

static void get_schedule(struct api_call *call)
{
    size_t flow;
    if (api_find_flow(call, &flow))
        (void)answer_schedule(call, flow, 200);
}

/* ---- changing ------------------------------------------------------------------------------------------ */

static bool has_schedule(struct api_call *call, size_t flow)
{
    struct timetable_entry entry = {.flow = 0};
    struct error ignored;
    bool has = timetable_get(call->service, flow, &entry, &ignored);
    timetable_entry_release(&entry);
    return has;
}

static bool set_schedule(struct api_call *call, size_t flow)
{
    struct schedule definition = {.flow = NULL};
    char warning[RECURRENCE_WARNING_SIZE];
    struct error err = {0};
    const struct actor actor = api_actor(call);
    bool ok = read_definition(call, &definition) &&
              (timetable_set(call->service, flow, &definition, &actor, warning, &err) ||
               fail(call, &err));
    schedule_release(&definition);
    return ok;
}

static void add_schedule(struct api_call *call)
{
    size_t flow;
    if (!api_find_flow(call, &flow))
        return;
    if (has_schedule(call, flow))
        api_fault(call, 409, "exists", "the flow has a schedule already: update it with PUT");
    else if (set_schedule(call, flow))
        (void)answer_schedule(call, flow, 200);
}

static void update_schedule(struct api_call *call)
{
    size_t flow;
    if (!api_find_flow(call, &flow))
        return;
    if (!has_schedule(call, flow))
        api_fault(call, 404, "not_found", "the flow has no schedule: define it with POST");
    else if (set_schedule(call, flow))
        (void)answer_schedule(call, flow, 200);
}

static void move(struct api_call *call, enum schedule_move how)
{
    size_t flow;
    char value[API_QUERY_SIZE];
    struct error err = {0};
    const struct actor actor = api_actor(call);
    const char *async = api_argument(call, "async", value);
    if (!api_find_flow(call, &flow))
        return;
    if (timetable_move(call->service, flow, how, &actor, &err))
        (void)answer_schedule(call, flow, async && strcasecmp(async, "true") == 0 ? 202 : 200);
    else if (err.kind == ERROR_NOT_FOUND && how == MOVE_STOP)
        api_fault(call, 412, "not_found", "%s", err.message); /* what scripts for OIC take as done */
    else
        fail(call, &err);
}

static void start_schedule(struct api_call *call)
{
    move(call, MOVE_START);
}

static void stop_schedule(struct api_call *call)
{
    move(call, MOVE_STOP);
}

static void pause_schedule(struct api_call *call)
{
    move(call, MOVE_PAUSE);
}

static void resume_schedule(struct api_call *call)
{
    move(call, MOVE_RESUME);
}

static void run_now(struct api_call *call)
{
    size_t flow, count = 0;
    struct run_parameter parameters[SCHEDULE_PARAMETERS_MAX];
    struct error err = {0};
    const struct actor actor = api_actor(call);
    const cJSON *list =
        call->body ? cJSON_GetObjectItemCaseSensitive(call->body, "parameters") : NULL;
    if (!api_find_flow(call, &flow))
        return;
    for (const cJSON *one = list ? list->child : NULL; one; one = one->next) {
        if (count == SCHEDULE_PARAMETERS_MAX) {
            api_fault(call, 400, "limit", "parameters: at most %d", SCHEDULE_PARAMETERS_MAX);
            return;
        }
        parameters[count++] = (struct run_parameter){text_of(one, "name"), text_of(one, "value")};
    }
    if (scheduler_run_now(call->service, flow, parameters, count, &actor, &err))
        api_answer_nothing(call, 204);
    else if (err.kind == ERROR_EXISTS)
        api_fail(call, &err);
    else
        fail(call, &err);
}

static const struct api_field move_query[] = {
    {.name = "async", .kind = API_FLAG, .may_lack = true, .about = "true: the answer is 202"},
    {.name = "retry", .kind = API_FLAG, .may_lack = true, .about = "taken for the sake of scripts"},
};

#define NO_FLOW {404, "no such flow, or it has no schedule", NULL, NULL}
#define UNSCHEDULED {501, "the flow is not started by a schedule", NULL, NULL}
#define MOVE(word, name, text, function, wrong)                                                    \
    {                                                                                              \
        .method = "POST", .path = "/integrations/{id}/schedule/" word, .id = name,                 \
        .role = API_CHANGE, .is_recorded_below = true, .about = text, .query = move_query,        \
        .query_count = API_COUNT(move_query), .body = &job_schema, .body_may_lack = true,          \
        .results = {{200, "done", &schedule_schema, NULL},                                         \
                    {202, "done, and async was asked for", &schedule_schema, NULL}, NO_FLOW,       \
                    {412, wrong, NULL, NULL}},                                                     \
        .run = function                                                                            \
    }

static const struct api_operation operations[] = {
    {.method = "GET", .path = "/integrations/{id}/schedule", .id = "getSchedule", .role = API_READ,
     .about = "The schedule of a flow.",
     .results = {{200, "the schedule", &schedule_schema, NULL}, NO_FLOW}, .run = get_schedule},
    {.method = "POST", .path = "/integrations/{id}/schedule", .id = "defineSchedule",
     .role = API_CHANGE, .is_recorded_below = true,
     .about = "Defines the schedule of a flow that has none. It is stopped until it is started.",
     .body = &definition_schema,
     .results = {{200, "defined", &schedule_schema, NULL}, {404, "no such flow", NULL, NULL},
                 {409, "there is a schedule: update it with PUT", NULL, NULL}, UNSCHEDULED},
     .run = add_schedule},
    {.method = "PUT", .path = "/integrations/{id}/schedule", .id = "updateSchedule",
     .role = API_CHANGE, .is_recorded_below = true,
     .about = "Replaces the schedule of a flow, also one of schedules.json; its state stays.",
     .body = &definition_schema,
     .results = {{200, "replaced", &schedule_schema, NULL}, NO_FLOW},
     .run = update_schedule},
    MOVE("start", "startSchedule", "Starts the schedule of a flow.", start_schedule,
         "it is started already, or the flow is not active"),
    MOVE("stop", "stopSchedule", "Stops the schedule of a flow; a run that goes on is finished.",
         stop_schedule, "it is stopped already, or there is none"),
    MOVE("pause", "pauseSchedule", "Pauses a started schedule.", pause_schedule,
         "it is not started"),
    MOVE("resume", "resumeSchedule", "Resumes a paused schedule.", resume_schedule,
         "it is not paused, or the flow is not active"),
    {.method = "POST", .path = "/integrations/{id}/schedule/jobs", .id = "runNow",
     .role = API_CHANGE, .is_recorded_below = true,
     .about = "Runs a scheduled flow once, now, beside its schedule.", .body = &job_schema,
     .body_may_lack = true,
     .results = {{204, "accepted: it is an instance of trigger manual", NULL, NULL},
                 {404, "no such flow", NULL, NULL}, {409, "a run of it goes on or waits", NULL, NULL},
                 {412, "the flow is not active", NULL, NULL}, UNSCHEDULED},
     .run = run_now},
};

const struct api_area api_schedules = {"Schedules", "When flows run.", operations,
                                       API_COUNT(operations)};
