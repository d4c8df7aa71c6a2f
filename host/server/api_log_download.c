/* SPDX-License-Identifier: MIT */
/* Monitoring: logs as OIC's users download them; what is in them is told by api_logs.h. */
#include "server/api_logs.h"
#include "server/api_monitoring.h"

static const struct api_field log_query[] = {
    {.name = "q", .kind = API_TEXT, .may_lack = true,
     .about = "filter {key:'value', ...}: timewindow (1h, 6h, 1d, 2d, 3d, RETENTIONPERIOD; default 1h) or "
              "startdate and enddate (UTC, 'YYYY-MM-DD HH:MM:SS'), or id: of one instance, whenever it "
              "ran (not of icsauditlog)"},
};

static void download_log(struct api_call *call)
{
    struct api_filter parsed;
    struct store_filter filter = {.limit = 0};
    struct monitoring_instance instance;
    struct error err = {0};
    if (!monitoring_filter(call, FILTER_TIMES | FILTER(ID), &parsed, &filter))
        return;
    if (filter.id && !monitoring_find(call, filter.id, &instance))
        return;
    const struct api_logs_request request = {
        .id = call->arguments[0], .from_ms = parsed.from_ms, .to_ms = parsed.to_ms,
        .instance = filter.id ? instance.id : NULL,
    };
    if (!api_logs_answer(call->store, &request, &call->exchange->answer, &err))
        api_fail(call, &err);
}

static const struct api_operation operations[] = {
    {.method = "GET", .path = "/monitoring/logs/{id}", .id = "downloadLog", .role = API_CHANGE,
     .about = "A log as a zip file: icsflowlog (what executions did), icsauditlog (who was refused, and "
              "who changed what) or icsdiagnosticlog (the server's own newest lines, and its metrics).",
     .query = log_query, .query_count = API_COUNT(log_query),
     .results = {{200, "the zip file", NULL, "application/octet-stream"},
                 {404, "there is no such log or instance", NULL, NULL}}, .run = download_log},
};

const struct api_area api_log_downloads = {"Logs", "Logs for those who look for a cause.", operations,
                                           API_COUNT(operations)};
