/* SPDX-License-Identifier: MIT */
/* Monitoring: failed instances taken off the list of errors for good, one or many. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "server/api_monitoring.h"
#include "server/api_selection.h"

static const struct api_field discard_fields[] = {
    {.name = "ids", .kind = API_TEXTS, .about = "these instances; at most 1000"},
};
static const struct api_schema discard_many_schema =
    API_SCHEMA("DiscardMany", "Instances to discard.", discard_fields);
static const struct api_field discarded_fields[] = {SELECTION_FIELDS};
static const struct api_schema discarded_schema =
    API_SCHEMA("Discarded", "What was discarded.", discarded_fields);

static bool discard(struct api_call *call, const char *id, struct error *err)
{
    return store_discard(call->store, id, clock_wall_ms(), err);
}

static void discard_many(struct api_call *call)
{
    struct selection selection = {.ids = NULL};
    const cJSON *ids = cJSON_GetObjectItemCaseSensitive(call->body, "ids");
    if (selection_init(&selection, call) && selection_act(&selection, ids, discard)) {
        document_open(&call->document, NULL, '{');
        selection_write(&selection);
        document_close(&call->document, '}');
        snprintf(call->note, sizeof call->note, "%zu of %zu discarded", selection.accepted,
                 selection.count);
        api_answer_document(call, 200);
    }
    free(selection.ids);
}

static void discard_one(struct api_call *call)
{
    struct error err = {0};
    struct monitoring_instance instance;
    if (!monitoring_find(call, call->arguments[0], &instance))
        return;
    if (discard(call, instance.id, &err))
        api_answer_nothing(call, 200);
    else if (err.kind == ERROR_EXISTS || err.kind == ERROR_REFUSED)
        api_fault(call, 412, error_kind_name(err.kind), "%s", err.message);
    else
        api_fail(call, &err);
}

static const struct api_operation operations[] = {
    {.method = "POST", .path = "/monitoring/errors/{id}/discard", .id = "discardError",
     .role = API_CHANGE, .about = "Takes an error off the list for good: it cannot be resubmitted.",
     .results = {{200, "discarded", NULL, NULL}, {404, "no instance has that id", NULL, NULL},
                 {412, "it did not fail, is discarded or done already, or is being resubmitted", NULL,
                  NULL}}, .run = discard_one},
    {.method = "POST", .path = "/monitoring/errors/discard", .id = "discardErrors",
     .role = API_CHANGE, .about = "Takes many errors off the list for good.",
     .body = &discard_many_schema,
     .results = {{200, "what was discarded", &discarded_schema, NULL}}, .run = discard_many},
};

const struct api_area api_discards = {"Discards", "Failed instances that nobody does again.", operations,
                                      API_COUNT(operations)};
