/* SPDX-License-Identifier: MIT */
/* Instances that one call does something with, each with a verdict: accepted, unknown, refused. */
#ifndef SERVER_API_SELECTION_H
#define SERVER_API_SELECTION_H
#include "server/api_call.h"

#define SELECTION_IDS_MAX 1000

enum selection_verdict { SELECTION_ACCEPTED, SELECTION_UNKNOWN, SELECTION_REFUSED };

struct selection {
    struct api_call *call;
    char (*ids)[INSTANCE_ID_SIZE]; /* of all verdicts, as they came; released with free */
    enum selection_verdict verdicts[SELECTION_IDS_MAX];
    size_t count, accepted;
    struct error refusal; /* of the first that was refused */
};

/* False: refused. */
bool selection_init(struct selection *selection, struct api_call *call);
/* ok false: err says why, ERROR_NOT_FOUND for what nobody knows. At most SELECTION_IDS_MAX. */
void selection_add(struct selection *selection, const char *id, bool ok, const struct error *err);

/* What is done with each id. */
typedef bool selection_fn(struct api_call *call, const char *id, struct error *err);
/* With each of a body's list of texts, once the whole list was looked at. False: refused. */
bool selection_act(struct selection *selection, const cJSON *ids, selection_fn *act);

/* The last one becomes the first. */
void selection_reverse(struct selection *selection);

/* The members of SELECTION_FIELDS, into an open object. */
void selection_write(const struct selection *selection);
#define SELECTION_FIELDS                                                                             \
    {.name = "acceptedIds", .kind = API_TEXTS, .about = "what is done"},                           \
        {.name = "invalidIds", .kind = API_TEXTS, .about = "no instance has that id"},             \
        {.name = "nonRecoverableIds", .kind = API_TEXTS,                                           \
         .about = "did not fail, is discarded or done already, is being resubmitted, was "         \
                  "resubmitted ten times, or the version that it was of is not active"},           \
        {.name = "message", .kind = API_TEXT, .may_lack = true, .about = "why the first was refused"}
#endif
