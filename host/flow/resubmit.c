/* SPDX-License-Identifier: MIT */
/* A failed instance done again with what it was started with; see flow.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/version.h"
#include "flow/activation.h"
#include "flow/execute.h"

#define NAME_SIZE (2 * MANIFEST_NAME_SIZE_MAX) /* of a flow with a version */

/* What an instance was started with. */
struct original {
    char *id, *flow, *version;
    cJSON *parameters;
    struct buf message;
};

static bool take_original(void *context, const struct instance_row *row)
{
    struct original *original = context;
    original->id = strdup(row->id);
    original->flow = strdup(row->flow);
    original->version = strdup(row->version ? row->version : "");
    original->parameters = cJSON_Parse(row->parameters ? row->parameters : "{}");
    return true;
}

static void original_release(struct original *original)
{
    free(original->id);
    free(original->flow);
    free(original->version);
    cJSON_Delete(original->parameters);
    buf_release(&original->message);
}

static bool read_original(struct store *store, const char *id, struct original *original,
                          struct error *err)
{
    return store_instance(store, id, take_original, original, err) &&
           ((original->id && original->flow && original->version && original->parameters) ||
            error_set(err, ERROR_INTERNAL, "what instance %s was started with cannot be read", id));
}

/* "FLOW|1.23.3000": no other version is covered by all three parts. A version that was not recorded means
 * the flow alone, and what somebody asks for is taken as it is. */
static bool name_flow(const struct original *original, const char *wanted, char name[NAME_SIZE])
{
    struct version version;
    const char *was = original->version;
    int size;
    if (wanted)
        size = snprintf(name, NAME_SIZE, "%s|%s", original->flow, wanted);
    else if (version_parse(was, strlen(was), &version))
        size = snprintf(name, NAME_SIZE, "%s|%u.%u.%u", original->flow, version.parts[0],
                        version.parts[1], version.parts[2]);
    else
        size = snprintf(name, NAME_SIZE, "%s", original->flow);
    return size >= 0 && size < (int)NAME_SIZE;
}

static bool find_flow(const struct service *service, const struct original *original,
                      const char *wanted, size_t *index, struct error *err)
{
    char name[NAME_SIZE];
    struct error why = {0};
    if (!name_flow(original, wanted, name))
        return error_set(err, ERROR_INVALID, "'%.40s' is no version of a flow", wanted ? wanted : "");
    if (activation_find(service, name, index, &why))
        return true;
    return error_set(err, ERROR_REFUSED, "instance %s cannot be done again%s%s: %s%s", original->id,
                     wanted ? "" : " by its version ", wanted ? "" : original->version, why.message,
                     wanted ? "" : "; name the version that is to do it");
}

static bool run_again(struct service *service, const struct resubmission *resubmission,
                      const struct original *original, struct run_outcome *outcome,
                      struct error *err)
{
    struct run_parameter parameters[MANIFEST_PARAMETERS_MAX];
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
    for (; one && request.parameter_count < MANIFEST_PARAMETERS_MAX; one = one->next)
        if (cJSON_IsString(one))
            parameters[request.parameter_count++] =
                (struct run_parameter){one->string, one->valuestring};
    return find_flow(service, original, resubmission->version, &request.flow, err) &&
           service_run(service, &request, outcome, err);
}

bool service_check_resubmission(const struct service *service, const char *id, const char *version,
                                struct error *err)
{
    struct original original = {.flow = NULL};
    struct store *store = service_store(service);
    size_t index;
    bool ok = store_check_resubmission(store, id, err) && read_original(store, id, &original, err) &&
              find_flow(service, &original, version, &index, err);
    original_release(&original);
    return ok;
}

bool service_resubmit(struct service *service, const struct resubmission *resubmission,
                      char original_id[static INSTANCE_ID_SIZE], struct run_outcome *outcome,
                      struct error *err)
{
    struct original original = {.flow = NULL};
    *outcome = (struct run_outcome){.state = INSTANCE_FAILED, .exit_status = 1};
    struct store *store = service_store(service);
    buf_init(&original.message, MANIFEST_INPUT_BYTES_MAX);
    bool ok = read_original(store, resubmission->id, &original, err);
    if (ok)
        snprintf(original_id, INSTANCE_ID_SIZE, "%s", original.id);
    ok = ok && store_payload(store, original.id, "input", &original.message, err) &&
         run_again(service, resubmission, &original, outcome, err);
    original_release(&original);
    return ok;
}
