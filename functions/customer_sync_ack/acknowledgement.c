/* SPDX-License-Identifier: MIT */
/* What surrounds the mapping of acknowledgements: finding the object, checking the id. */
#include "acknowledgement.h"

#include <string.h>

#include "sluice/flow.h"
#include "sluice/lookup.h"
#include "sluice/mapping_rules.h"

#define WRAPPERS_MAX 3 /* objects around the object that has the members */

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* mapping.json beside this file, made into tables by the build. */
extern const struct mapping customer_sync_ack_mapping;

static const char invalid_message[] = "invalid_message";

/* Members of which one is in the object that is looked for. */
static const char *const id_names[] = {"externalReferenceId", "sourceSyncRequestId",
                                       "syncRequestId"};

static bool refuse(struct fault *fault, const char *why)
{
    fault_set(fault, invalid_message, "The acknowledgement cannot be used",
              "The acknowledgement %s. Nothing was sent to CCS.", why);
    return false;
}

bool acknowledgement_is_to_blame(const struct fault *fault)
{
    return strcmp(text_string(&fault->code), invalid_message) == 0;
}

/* ---- the object --------------------------------------------------------------------------- */

static bool has_id_member(const cJSON *object)
{
    for (size_t i = 0; i < COUNT(id_names); i++)
        if (json_member(object, id_names[i]))
            return true;
    return false;
}

/* {"sendDetails": {...}} and the like: an object that has an id, or else the only object inside. */
static const cJSON *unwrap(const cJSON *object)
{
    for (int i = 0; i < WRAPPERS_MAX && !has_id_member(object); i++) {
        const cJSON *inner = json_member(object, "sendDetails");
        if (!inner && cJSON_GetArraySize(object) == 1)
            inner = object->child;
        if (!cJSON_IsObject(inner))
            break;
        object = inner;
    }
    return object;
}

bool acknowledgement_read(struct acknowledgement *ack, const char *bytes, size_t size,
                          struct fault *fault)
{
    struct text why = {0};
    ack->message = json_read(bytes, size, &why);
    if (!ack->message)
        return refuse(fault, text_string(&why));
    if (!cJSON_IsObject(ack->message))
        return refuse(fault, "is not a JSON object");
    ack->inner = unwrap(ack->message);
    return true;
}

/* ---- mapping ------------------------------------------------------------------------------ */

static bool is_usable_id(const struct text *id)
{
    static const char legal[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    return id->size <= ACKNOWLEDGEMENT_ID_SIZE_MAX && strspn(text_string(id), legal) == id->size;
}

static bool check_id(const struct text *id, struct fault *fault)
{
    if (id->size == 0)
        return refuse(fault, "names no sync request: externalReferenceId, sourceSyncRequestId or "
                             "syncRequestId is expected");
    return is_usable_id(id) ||
           refuse(fault, "names its sync request by something else than 1 to 60 letters, digits, "
                         "'-' and '_'");
}

static bool look_up(void *context, const char *lookup, const char *property, struct text *value)
{
    (void)context;
    return lookup_text(lookup, property, NULL, value);
}

static void log_notes(const struct text *notes)
{
    for (const char *line = text_string(notes); *line; line += strcspn(line, "\n") + 1)
        flow_log("%.*s", (int)strcspn(line, "\n"), line);
}

static bool fail(const struct mapping_report *report, struct fault *fault)
{
    bool is_lookup = report->failure == MAPPING_FAILED_LOOKUP;
    fault_set(fault, is_lookup ? "invalid_property" : invalid_message,
              is_lookup ? "A property has no usable value" : "The acknowledgement cannot be used",
              "%s: %s. Nothing was sent to CCS.", text_string(&report->rule),
              text_string(&report->error));
    return false;
}

bool acknowledgement_map(struct acknowledgement *ack, struct fault *fault)
{
    const struct mapping_input input = {.message = ack->inner, .lookup = look_up};
    struct mapping_report report = {0};
    cJSON *result = mapping_apply(&customer_sync_ack_mapping, &input, &report);
    log_notes(&report.notes);
    json_member_text(result ? result : report.unfinished, "syncRequestId", &ack->id);
    bool ok = result ? check_id(&ack->id, fault) && mapping_print(result, &ack->for_ccs, &report)
                     : false;
    if (!ok && !is_usable_id(&ack->id))
        text_clear(&ack->id);
    if (!ok && !fault_is_set(fault))
        fail(&report, fault);
    cJSON_Delete(result);
    cJSON_Delete(report.unfinished);
    return ok;
}
