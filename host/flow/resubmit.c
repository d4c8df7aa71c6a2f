/* SPDX-License-Identifier: MIT */
/* A failed instance done again with what it was started with; see flow.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "flow/activation.h"

#define PARAMETERS_MAX 32

/* What an instance was started with. */
struct original {
    char *id, *flow;
    cJSON *parameters;
    struct buf message;
};

static bool take_original(void *context, const struct instance_row *row)
{
    struct original *original = context;
    original->id = strdup(row->id);
    original->flow = strdup(row->flow);
    original->parameters = cJSON_Parse(row->parameters ? row->parameters : "{}");
    return true;
}

static void original_release(struct original *original)
{
    free(original->id);
    free(original->flow);
    cJSON_Delete(original->parameters);
    buf_release(&original->message);
}

static bool read_original(struct store *store, const char *id, struct original *original,
                          struct error *err)
{
    buf_init(&original->message, MANIFEST_INPUT_BYTES_MAX);
    if (!store_instance(store, id, take_original, original, err) ||
        !store_payload(store, id, "input", &original->message, err))
        return false;
    return (original->id && original->flow && original->parameters) ||
           error_set(err, ERROR_INTERNAL, "what instance %s was started with cannot be read", id);
}

static bool run_again(struct service *service, const struct resubmission *resubmission,
                      const struct original *original, struct run_outcome *outcome,
                      struct error *err)
{
    struct run_parameter parameters[PARAMETERS_MAX];
    struct run_request request = {
        .trigger = "resubmit",
        .invoked_by = resubmission->invoked_by,
        .parameters = parameters,
        .without_schedule = true,
        .body = original->message.size ? original->message.data : NULL,
        .body_size = original->message.size,
        .resubmits = original->id,
        .watch = resubmission->watch,
        .tracing = resubmission->tracing,
    };
    const cJSON *one = original->parameters->child;
    for (; one && request.parameter_count < PARAMETERS_MAX; one = one->next)
        if (cJSON_IsString(one))
            parameters[request.parameter_count++] =
                (struct run_parameter){one->string, one->valuestring};
    return activation_find(service, original->flow, &request.flow, err) &&
           service_run(service, &request, outcome, err);
}

bool service_resubmit(struct service *service, const struct resubmission *resubmission,
                      char original_id[static INSTANCE_ID_SIZE], struct run_outcome *outcome,
                      struct error *err)
{
    struct original original = {.flow = NULL};
    *outcome = (struct run_outcome){.state = INSTANCE_FAILED, .exit_status = 1};
    bool ok = read_original(service_store(service), resubmission->id, &original, err);
    if (ok)
        snprintf(original_id, INSTANCE_ID_SIZE, "%s", original.id);
    ok = ok && run_again(service, resubmission, &original, outcome, err);
    original_release(&original);
    return ok;
}
