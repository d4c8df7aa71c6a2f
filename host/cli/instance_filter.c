/* SPDX-License-Identifier: MIT */
/* Which instances a command line asks for; see instance.h. */
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "base/trace.h"
#include "cli/instance.h"
#include "flow/flow.h"

#define LIMIT_DEFAULT 20

static const char *const states[] = {"IN_PROGRESS", "COMPLETED", "FAILED", "ABORTED"};

static bool parse_state(const char *text, const char **state, struct error *err)
{
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        if (strcasecmp(text, states[i]) == 0) {
            *state = states[i];
            return true;
        }
    }
    const char *nearest = text_nearest(text, states, sizeof states / sizeof states[0]);
    return error_set(err, ERROR_INVALID, "'--state %.64s': expected in_progress, completed, failed or "
                     "aborted%s%s%s", text, nearest ? "; did you mean '" : "",
                     nearest ? nearest : "", nearest ? "'?" : "");
}

static bool parse_trace(const char *trace, struct error *err)
{
    if (!trace || (strlen(trace) == TRACE_ID_SIZE - 1 &&
                   strspn(trace, "0123456789abcdef") == TRACE_ID_SIZE - 1))
        return true;
    return error_set(err, ERROR_INVALID, "'--trace %.64s': expected the 32 hexadecimal digits of a "
                                         "trace, in lower case", trace);
}

bool instances_filter(const struct arguments *arguments, struct store_filter *filter,
                      struct error *err)
{
    const char *state = option_value(arguments, "state");
    filter->limit = LIMIT_DEFAULT;
    filter->flow = option_value(arguments, "flow");
    filter->tracking = option_value(arguments, "tracking");
    filter->trace = option_value(arguments, "trace");
    filter->parent = option_value(arguments, "parent");
    filter->top_level_only = !option_given(arguments, "all") && !filter->parent;
    return parse_trace(filter->trace, err) && (!state || parse_state(state, &filter->state, err)) &&
           option_time(arguments, "since", &filter->from_ms, err) &&
           option_time(arguments, "until", &filter->to_ms, err) &&
           option_count(arguments, "limit", &filter->limit, err) &&
           option_count(arguments, "offset", &filter->offset, err);
}

bool instances_find_flow(const struct service *service, struct store_filter *filter,
                         struct error *err)
{
    size_t index;
    if (!filter->flow)
        return true;
    if (!service_find(service, filter->flow, &index, err))
        return false;
    filter->flow = service_manifest(service, index)->identifier;
    return true;
}

static bool keep_id(void *context, const struct instance_row *row)
{
    snprintf(context, INSTANCE_ID_SIZE, "%s", row->id);
    return false;
}

bool instances_newest(struct store *store, struct store_filter *filter, char id[INSTANCE_ID_SIZE],
                      struct error *err)
{
    filter->limit = 1;
    id[0] = '\0';
    if (!store_instances(store, filter, keep_id, id, err))
        return false;
    return id[0] || error_set(err, ERROR_NOT_FOUND, "no instance matches: sluice instances lists what "
                                                    "there is");
}

