/* SPDX-License-Identifier: MIT */
/* See api_selection.h. */
#include "server/api_selection.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool selection_init(struct selection *selection, struct api_call *call)
{
    *selection = (struct selection){.call = call};
    selection->ids = calloc(SELECTION_IDS_MAX, sizeof *selection->ids);
    return selection->ids || api_fault(call, 503, "limit", "out of memory");
}

void selection_add(struct selection *selection, const char *id, bool ok, const struct error *err)
{
    size_t index = selection->count++;
    snprintf(selection->ids[index], INSTANCE_ID_SIZE, "%s", id);
    selection->verdicts[index] = ok                              ? SELECTION_ACCEPTED
                                 : err->kind == ERROR_NOT_FOUND ? SELECTION_UNKNOWN
                                                                : SELECTION_REFUSED;
    selection->accepted += ok;
    if (!ok && selection->refusal.kind == ERROR_NONE)
        selection->refusal = *err;
}

/* All of the list is looked at before anything is done. */
static bool check_ids(struct api_call *call, const cJSON *ids)
{
    if (cJSON_GetArraySize(ids) > SELECTION_IDS_MAX)
        return api_fault(call, 400, "limit", "ids: at most %d at once", SELECTION_IDS_MAX);
    for (const cJSON *one = ids->child; one; one = one->next)
        if (strlen(one->valuestring) >= INSTANCE_ID_SIZE)
            return api_fault(call, 400, "invalid", "ids: '%.64s' is not an instance id",
                             one->valuestring);
    return true;
}

bool selection_act(struct selection *selection, const cJSON *ids, selection_fn *act)
{
    if (!check_ids(selection->call, ids))
        return false;
    for (const cJSON *one = ids->child; one; one = one->next) {
        struct error err = {0};
        bool ok = act(selection->call, one->valuestring, &err);
        selection_add(selection, one->valuestring, ok, &err);
    }
    return true;
}

void selection_reverse(struct selection *selection)
{
    for (size_t low = 0, high = selection->count; low + 1 < high; low++) {
        char id[INSTANCE_ID_SIZE];
        enum selection_verdict verdict = selection->verdicts[low];
        memcpy(id, selection->ids[low], sizeof id);
        selection->verdicts[low] = selection->verdicts[--high];
        memcpy(selection->ids[low], selection->ids[high], sizeof id);
        selection->verdicts[high] = verdict;
        memcpy(selection->ids[high], id, sizeof id);
    }
}

static void write_ids(const struct selection *selection, const char *key,
                      enum selection_verdict verdict)
{
    struct document *document = &selection->call->document;
    document_open(document, key, '[');
    for (size_t i = 0; i < selection->count; i++)
        if (selection->verdicts[i] == verdict)
            document_text(document, NULL, selection->ids[i]);
    document_close(document, ']');
}

void selection_write(const struct selection *selection)
{
    write_ids(selection, "acceptedIds", SELECTION_ACCEPTED);
    write_ids(selection, "invalidIds", SELECTION_UNKNOWN);
    write_ids(selection, "nonRecoverableIds", SELECTION_REFUSED);
    if (selection->refusal.kind != ERROR_NONE)
        document_text(&selection->call->document, "message", selection->refusal.message);
}
