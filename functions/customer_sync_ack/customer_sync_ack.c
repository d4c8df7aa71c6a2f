/* SPDX-License-Identifier: MIT */
/*
 * OU DACS CCS Customer Sync Ack: takes DACS's acknowledgement of a synchronization request and
 * gives it to CCS, whose answer decides what DACS gets. Synchronous. The numbers are the steps of
 * the configuration guide's chapter 2; what the messages look like is in acknowledgement.c and
 * mapping.json.
 */
#include "acknowledgement.h"
#include "sluice/extend.h"
#include "sluice/flow.h"
#include "sluice/http.h"
#include "sluice/notify.h"

#define CCS "OU REST CCS for CCS-DACS"
#define SYNC_REQUEST_PATH "/rest/apis/common/sync/syncRequest/"

#define NEXT_STEP                                                                                  \
    "Remove the cause, then send the message again from DACS: the acknowledgement did not reach "  \
    "CCS and is not repeated by this flow."

/* The status that tells DACS best what to make of CCS's: come back later, or look into it. */
static int status_for_caller(const struct fault *fault)
{
    if (fault->http_status == 429 || fault->http_status == 503)
        return 503;
    return fault->status < 0 || fault->http_status == 0 ? fault_http_status(fault) : 502;
}

/* The raw answer is kept: CCS's error bodies have no published shape. */
static void fault_from_ccs(struct fault *fault, const char *id, int status,
                           const struct text *answer)
{
    struct text shown = {0}, code = {0};
    text_add_printable(&shown, answer->size ? text_string(answer) : "(nothing)", 1000);
    text_add_format(&code, "ccs_%d", status);
    fault_set(fault, text_string(&code), "CCS did not accept the acknowledgement",
              "CCS answered status %d for sync request %s: %s", status, id, text_string(&shown));
    text_set(&fault->connection, CCS);
    fault->http_status = status;
    text_release(&shown);
    text_release(&code);
}

/* false: fault is set. */
static bool tell_ccs(const struct acknowledgement *ack, struct fault *fault)
{
    struct text path = {0}, answer = {0};
    int status = 0;
    text_add_format(&path, "%s%s", SYNC_REQUEST_PATH, text_string(&ack->id));
    int32_t result = http_request(CCS, "PATCH", text_string(&path), ack->for_ccs.data,
                                  ack->for_ccs.size, &status, &answer);
    bool ok = result >= 0 && status >= 200 && status < 300;
    if (result < 0)
        fault_take(fault, result, "CCS could not be asked");
    else if (!ok)
        fault_from_ccs(fault, text_string(&ack->id), status, &answer);
    text_release(&path);
    text_release(&answer);
    return ok;
}

static int respond_ok(const struct acknowledgement *ack)
{
    struct text out = {0};
    cJSON *document = json_object();
    json_add_text(document, "syncRequestId", text_string(&ack->id));
    json_add_text(document, "status", "OK");
    json_print(document, &out);
    flow_respond(200, out.data, out.size);
    return FLOW_DONE;
}

/* 5. The administrators are told by mail, DACS by a fault. */
static int end_failed(const struct fault *fault, int http_status)
{
    struct text why = {0};
    notify_error(fault, NEXT_STEP, &why);
    return fault_respond(fault, http_status);
}

int main(void)
{
    struct text input = {0};
    struct acknowledgement ack = {0};
    struct fault fault = {0};

    /* 1. DACS sends an acknowledgement. One that cannot be understood goes no further. */
    flow_input(&input);
    if (!extend_text("request", &input, &fault))
        return end_failed(&fault, 500);
    if (!acknowledgement_read(&ack, text_string(&input), input.size, &fault))
        return fault_respond(&fault, 400);

    /* 2. It is put into CCS's form. */
    bool ok = acknowledgement_map(&ack, &fault);
    if (ack.id.size)
        flow_track("sync_request_id", text_string(&ack.id));
    if (!ok && acknowledgement_is_to_blame(&fault))
        return fault_respond(&fault, 400);

    /* 3. It is sent to the sync request, as the tenant's customisations make it. */
    ok = ok && extend_text("message", &ack.for_ccs, &fault) && tell_ccs(&ack, &fault);
    if (ok)
        return respond_ok(&ack); /* 4. CCS took it. */

    return end_failed(&fault, status_for_caller(&fault));
}
