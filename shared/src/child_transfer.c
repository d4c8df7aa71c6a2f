/* SPDX-License-Identifier: MIT */
/* Request and answer of the child transfer flows; see child_transfer.h. */
#include "sluice/child_transfer.h"

#include <string.h>

#include "sluice/extend.h"
#include "sluice/flow.h"

#define SHOWN_SIZE_MAX 300u

static bool refuse(struct child_transfer *transfer, const char *why)
{
    fault_set(&transfer->fault, "invalid_message", "The request cannot be used", "The request %s.",
              why);
    transfer->http_status = 400;
    return false;
}

bool child_transfer_read(struct child_transfer *transfer)
{
    struct text body = {0}, why = {0};
    flow_input(&body);
    transfer->message = json_read(text_string(&body), body.size, &why);
    text_release(&body);
    if (!transfer->message)
        return refuse(transfer, text_string(&why));
    if (!cJSON_IsObject(transfer->message))
        return refuse(transfer, "is not a JSON object");
    transfer->file = flow_attachment();
    return transfer->file > 0 || refuse(transfer, "came without a file");
}

const char *child_transfer_member(struct child_transfer *transfer, const char *name)
{
    const cJSON *member = json_member(transfer->message, name);
    if (cJSON_IsString(member) && member->valuestring[0])
        return member->valuestring;
    struct text why = {0};
    text_add_format(&why, "has no text in its member \"%s\"", name);
    refuse(transfer, text_string(&why));
    text_release(&why);
    return NULL;
}

/* Faults name files for people. */
static void name_file(struct child_transfer *transfer, const char *name)
{
    text_add_printable(&transfer->fault.file_name, name, SHOWN_SIZE_MAX);
}

const char *child_transfer_extend(struct child_transfer *transfer, const char *name)
{
    text_set(&transfer->name, name);
    if (!extend_text("name", &transfer->name, &transfer->fault)) {
        name_file(transfer, name);
        transfer->http_status = fault_http_status(&transfer->fault);
        return NULL;
    }
    transfer->file = extend_file("content", transfer->file);
    if (transfer->file > 0)
        return text_string(&transfer->name);
    fault_take(&transfer->fault, transfer->file, "The file cannot be filtered");
    name_file(transfer, name);
    transfer->http_status = fault_http_status(&transfer->fault);
    return NULL;
}

int child_transfer_fail(struct child_transfer *transfer)
{
    return fault_respond(&transfer->fault, transfer->http_status);
}

static void succeed(const struct child_transfer *transfer, const char *name)
{
    struct text out = {0};
    cJSON *answer = json_object();
    json_add_text(answer, "status", "transferred");
    json_add_text(answer, "name", name);
    if (transfer->receipt.size)
        cJSON_AddRawToObject(answer, "receipt", text_string(&transfer->receipt));
    json_print(answer, &out);
    flow_respond(200, out.data, out.size);
    cJSON_Delete(answer);
    text_release(&out);
}

/* A flow that calls this one reports the file itself, in its own run. */
static void report(const char *name, enum sluice_file_state state, const char *detail)
{
    struct text trigger = {0};
    flow_about("trigger", &trigger);
    if (strcmp(text_string(&trigger), "call") != 0)
        flow_report_file(name, state, detail);
    text_release(&trigger);
}

int child_transfer_end(struct child_transfer *transfer, const char *name, int32_t status)
{
    if (status < 0) {
        fault_take(&transfer->fault, status, "The file could not be stored at the target");
        name_file(transfer, name);
        transfer->http_status = fault_http_status(&transfer->fault);
        flow_track("file_name", name);
        report(name, SLUICE_FILE_NOT_TRANSFERRED, text_string(&transfer->fault.detail));
        return child_transfer_fail(transfer);
    }
    flow_track("file_name", name);
    report(name, SLUICE_FILE_TRANSFERRED, "");
    succeed(transfer, name);
    return FLOW_DONE;
}
