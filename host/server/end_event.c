/* SPDX-License-Identifier: MIT */
/* Attributes and data of one event; see end_event.h. */
#include "server/end_event.h"

#include <ctype.h>
#include <string.h>

#include "base/clock.h"
#include "server/cloud_event.h"
#include "server/outcome.h"

#define EXTENSION_NAME_SIZE_MAX 20u /* cloudevents/spec, "Naming Conventions" */

static void append_field(struct buf *out, const char *name, const char *value)
{
    buf_printf(out, "ce-%s: ", name);
    cloud_event_append_value(out, value);
    buf_append_char(out, '\n');
}

static const char *type_of(enum instance_state state)
{
    return state == INSTANCE_COMPLETED ? "sluice.instance.completed"
           : state == INSTANCE_ABORTED ? "sluice.instance.aborted"
                                       : "sluice.instance.failed";
}

void end_event_write(const struct run_end *end, const char *source, struct buf *fields,
                     struct buf *data)
{
    char time[CLOCK_TEXT_SIZE];
    struct document document;
    append_field(fields, "specversion", "1.0");
    append_field(fields, "id", end->outcome->instance);
    append_field(fields, "source", source);
    append_field(fields, "type", type_of(end->outcome->state));
    append_field(fields, "subject", end->manifest->identifier);
    append_field(fields, "time", clock_format_ms(end->finished_ms, time));
    append_field(fields, "traceparent", end->traceparent);
    if (end->tracestate)
        append_field(fields, "tracestate", end->tracestate);
    buf_append_text(fields, "Content-Type: application/json\n");
    document_init(&document);
    outcome_write(&document, end->manifest, end->outcome);
    document_move(&document, data);
}

static bool is_extension_name(const char *name)
{
    size_t size = strlen(name);
    for (const char *at = name; *at; at++)
        if (!islower((unsigned char)*at) && !isdigit((unsigned char)*at))
            return false;
    return size > 0 && size <= EXTENSION_NAME_SIZE_MAX;
}

static bool append_extension(const cJSON *member, struct buf *fields, struct error *err)
{
    static const char *const ours[] = {"specversion", "id", "source", "type", "subject", "time",
                                       "datacontenttype", "data", "traceparent", "tracestate"};
    const char *value = cJSON_GetStringValue(member);
    if (!is_extension_name(member->string) || !value || !*value ||
        strlen(value) > CLOUD_EVENT_ATTRIBUTE_SIZE_MAX)
        return error_set(err, ERROR_INVALID, "extension \"%.40s\": expected a name of 1 to %u small "
                         "letters and digits, and text of 1 to %u bytes", member->string,
                         EXTENSION_NAME_SIZE_MAX, CLOUD_EVENT_ATTRIBUTE_SIZE_MAX);
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
        if (strcmp(member->string, ours[i]) == 0)
            return error_set(err, ERROR_INVALID, "extension \"%s\" is no extension but an attribute of "
                             "its own", member->string);
    append_field(fields, member->string, value);
    return true;
}

bool end_event_overrides(const char *json, struct buf *fields, struct error *err)
{
    cJSON *root = json_parse(json, strlen(json), "K_CE_OVERRIDES", JSON_STRICT, err);
    const cJSON *extensions = cJSON_GetObjectItemCaseSensitive(root, "extensions");
    bool ok = root != NULL;
    if (root && (!cJSON_IsObject(root) || (extensions && !cJSON_IsObject(extensions))))
        ok = error_set(err, ERROR_INVALID,
                       "K_CE_OVERRIDES must be {\"extensions\": {\"name\": \"value\"}}");
    const cJSON *member = ok && extensions ? extensions->child : NULL;
    for (; ok && member; member = member->next)
        ok = append_extension(member, fields, err);
    cJSON_Delete(root);
    return ok;
}
