/* SPDX-License-Identifier: MIT */
/* What the monitoring areas of the API share: filters, and instances as JSON. */
#ifndef SERVER_API_MONITORING_H
#define SERVER_API_MONITORING_H
#include "server/api_call.h"

#define MONITORING_TEXT_MAX 1024 /* bytes of a fault's detail in a list */

/* A flow's state in OIC's words; NULL-terminated. */
extern const char *const monitoring_states[];
extern const char *const monitoring_levels[]; /* OIC's words for enum tracing */
/* The level that it began with, or NULL where that was not yet recorded. */
const char *monitoring_level(const struct instance_row *row);
/* The query argument q, described with the keys that are legal in all lists of instances. */
#define MONITORING_Q                                                                               \
    {.name = "q", .kind = API_TEXT, .may_lack = true,                                              \
     .about = "filter {key:'value', ...}: timewindow (1h, 6h, 1d, 2d, 3d, RETENTIONPERIOD; default " \
              "1h) or startdate and enddate (UTC, 'YYYY-MM-DD HH:MM:SS'), code, version, "         \
              "primaryValue, secondaryValue, tertiaryValue, businessIDValue, minDuration and "     \
              "maxDuration (ms), includePurged, id, and what the operation says"}
#define MONITORING_KEYS                                                                            \
    (FILTER_TIMES | FILTER_FLOW | FILTER_TRACKING | FILTER(MIN_DURATION) | FILTER(MAX_DURATION) |  \
     FILTER(INCLUDE_PURGED) | FILTER(ID))

/* q into both; borrowed from parsed. False: refused. */
bool monitoring_filter(struct api_call *call, unsigned legal, struct api_filter *parsed,
                       struct store_filter *filter);

enum monitoring_form {
    MONITORING_ID,     /* the id alone */
    MONITORING_BRIEF,  /* without tracking values */
    MONITORING_ITEM,   /* of a list */
    MONITORING_WHOLE,  /* all there is */
};
extern const struct api_schema monitoring_item_schema, monitoring_instance_schema;
/* The members of an instance, into an open object. */
void monitoring_write_instance(struct api_call *call, const struct instance_row *row,
                               enum monitoring_form form);

/* Text of at most `most` bytes, cut between characters. */
void monitoring_write_cut(struct document *document, const char *key, const char *value, size_t most);

/* Copies what is kept of the instance of exactly that id. False: refused with 404. */
struct monitoring_instance {
    char id[INSTANCE_ID_SIZE], flow[MANIFEST_NAME_SIZE_MAX + 1], version[64], state[16];
};
bool monitoring_find(struct api_call *call, const char *id, struct monitoring_instance *out);
/* The same, with all of its members written into an open object. */
bool monitoring_write_found(struct api_call *call, const char *id);

/* How many instances the filter finds, up to API_TOTAL_MAX. False: refused. */
bool monitoring_count(struct api_call *call, const struct store_filter *filter, int64_t *total);
#endif
