/* SPDX-License-Identifier: MIT */
/*
 * The download of logs that OIC's users know from its monitoring pages:
 * GET /ic/api/integration/v1/monitoring/logs/{id}, for the role administer. The answer is a zip file named
 * after the id:
 *   icsflowlog        ics-flow.log: what executions did, line by line, from the store
 *   icsauditlog       ics-audit.log: who was refused, and who changed what, from the audit trail
 *   icsdiagnosticlog  ics-diagnostic.log: the newest lines of the host's own log (log.h keeps
 *                     LOG_RING_SIZE of them), and metrics.txt
 * Lines of ics-flow.log have the shape of OIC's: time, host, level, in brackets, then
 * "[ICS Activity Stream Logging]: [Code:...][Version:...][Instance:...]...: text"; lines of ics-audit.log
 * begin "[time] [userId: actor] [actor,ACTION,subject]". Payloads and secrets are in none of them.
 * Thread-safe.
 */
#ifndef SERVER_API_LOGS_H
#define SERVER_API_LOGS_H
#include "server/http_server.h"
#include "store/store.h"

#define API_LOGS_SIZE_MAX (32u << 20) /* bytes of lines; older ones are left out, and a line says so */
#define API_LOGS_INSTANCES_MAX 10000  /* executions, or records of the audit trail; the same */

/* The ids, NULL-terminated. */
extern const char *const api_logs_ids[];

struct api_logs_request {
    const char *id;         /* of the log */
    int64_t from_ms, to_ms; /* 0: open */
    const char *instance;   /* full id: only this execution, whenever it ran; NULL: all. Not of icsauditlog */
};

/* Answers with 200 and the archive. ERROR_NOT_FOUND: no such log (the error lists them) or instance;
 * ERROR_LIMIT, or what the store says. On error nothing is answered. */
MUST_USE bool api_logs_answer(struct store *store, const struct api_logs_request *request,
                              struct http_answer *answer, struct error *err);
#endif
