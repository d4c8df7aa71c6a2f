/* SPDX-License-Identifier: MIT */
/* Settings and environment of the event sink; see sink.h. */
#include "cli/sink.h"

#include <stdlib.h>

#include "base/log.h"

static const char *from_environment(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

bool sink_open(struct event_sink **out, struct service *service, struct error *err)
{
    const struct workspace *workspace = service_workspace(service);
    const char *injected = from_environment("K_SINK");
    const struct event_sink_options options = {
        .url = injected ? injected : workspace->event_sink,
        .overrides = from_environment("K_CE_OVERRIDES"),
        .ca_pem = from_environment("K_CA_CERTS"),
        .ca_file = workspace->ca_file,
        .source = workspace->base_url[0] ? workspace->base_url : "/sluice",
    };
    *out = NULL;
    if (!options.url)
        return true;
    if (!event_sink_open(out, &options, err))
        return error_context(err, "%s", injected ? "K_SINK" : "event_sink");
    event_sink_observe(*out, service);
    return true;
}

void sink_close(struct event_sink *sink)
{
    if (!event_sink_flush(sink, SINK_END_MS))
        log_line(LOG_WARNING, NULL, "events did not reach their sink in time and are given up");
    event_sink_close(sink);
}
