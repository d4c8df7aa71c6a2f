/* SPDX-License-Identifier: MIT */
/* Unwrapping events; see invocation.h. */
#include "server/invocation.h"

#include <stdio.h>
#include <string.h>

#include "base/json_slice.h"

/* The body as a JSON object, or NULL where it is something else: then it is passed on as it is. */
static cJSON *parse_object(const void *data, size_t size)
{
    cJSON *root = size > 0 ? json_parse(data, size, "event", JSON_STRICT, NULL) : NULL;
    if (cJSON_IsObject(root))
        return root;
    cJSON_Delete(root);
    return NULL;
}

/* All members are of ours, and at least one is there. */
static bool is_ours(const cJSON *root)
{
    static const char *const names[] = {"flow", "parameters", "message"};
    const cJSON *member = root->child;
    if (!member)
        return false;
    for (; member; member = member->next) {
        size_t i = 0;
        while (i < 3 && strcmp(member->string, names[i]) != 0)
            i++;
        if (i == 3)
            return false;
    }
    return true;
}

static void narrow(struct invocation *invocation, const char *member)
{
    struct json_slice slice;
    bool found = json_slice_member(invocation->data, invocation->data_size, member, &slice);
    invocation->data = found ? slice.text : NULL;
    invocation->data_size = found ? slice.size : 0;
}

static bool take_ours(struct invocation *invocation, const cJSON *root, struct error *err)
{
    const cJSON *flow = cJSON_GetObjectItemCaseSensitive(root, "flow");
    const char *name = flow ? cJSON_GetStringValue(flow) : "";
    bool has_message = cJSON_GetObjectItemCaseSensitive(root, "message") != NULL;
    if (!name || strlen(name) > MANIFEST_NAME_SIZE_MAX)
        return error_set(err, ERROR_INVALID, "\"flow\" must be a flow's identifier");
    if (has_message && cJSON_GetObjectItemCaseSensitive(root, "parameters"))
        return error_set(err, ERROR_INVALID,
                         "\"message\" and \"parameters\" exclude each other: no flow takes both");
    snprintf(invocation->flow, sizeof invocation->flow, "%s", name);
    narrow(invocation, has_message ? "message" : "parameters");
    return true;
}

/* docs.aws.amazon.com, EventBridge user guide, "event structure". */
static bool is_event_bridge(const cJSON *root)
{
    return json_text(root, "detail-type") && json_text(root, "source") &&
           cJSON_IsObject(cJSON_GetObjectItemCaseSensitive(root, "detail"));
}

static bool unwrap(struct invocation *invocation, struct error *err)
{
    cJSON *root = parse_object(invocation->data, invocation->data_size);
    bool ok = true;
    if (root && is_event_bridge(root)) {
        narrow(invocation, "detail");
        cJSON_Delete(root);
        root = parse_object(invocation->data, invocation->data_size);
    }
    if (root && is_ours(root))
        ok = take_ours(invocation, root, err);
    cJSON_Delete(root);
    return ok;
}

static const char *no_field(void *context, const char *name)
{
    (void)context, (void)name;
    return NULL;
}

bool invocation_read(struct invocation *out, const char *content_type, cloud_event_field_fn *field,
                     void *context, const void *body, size_t size, struct error *err)
{
    *out = (struct invocation){.data = body, .data_size = size};
    if (!field)
        field = no_field;
    if (cloud_event_is_structured(content_type) || cloud_event_is_binary(field, context)) {
        if (!cloud_event_read(&out->event, content_type, field, context, body, size, err))
            return error_context(err, "CloudEvent");
        out->data = out->event.data;
        out->data_size = out->event.data_size;
    }
    return unwrap(out, err);
}

void invocation_release(struct invocation *invocation)
{
    cloud_event_release(&invocation->event);
    *invocation = (struct invocation){0};
}

/* ---- parameters and message ---- */

static bool take_parameters(struct flow_input *out, struct error *err)
{
    for (const cJSON *member = out->parsed->child; member; member = member->next) {
        const char *value = cJSON_GetStringValue(member);
        if (!value)
            return error_set(err, ERROR_INVALID, "parameter \"%.64s\" must be text in quotes",
                             member->string);
        if (out->parameter_count == INVOCATION_PARAMETERS_MAX)
            return error_set(err, ERROR_LIMIT, "more than %u parameters",
                             INVOCATION_PARAMETERS_MAX);
        out->parameters[out->parameter_count++] = (struct run_parameter){member->string, value};
    }
    return true;
}

static bool is_nothing(const char *data, size_t size)
{
    while (size > 0 && strchr(" \t\r\n", data[size - 1]) && data[size - 1])
        size--;
    return size == 0 || (size == 4 && memcmp(data, "null", 4) == 0);
}

bool flow_input_read(struct flow_input *out, const struct manifest *manifest, const void *data,
                     size_t size, struct error *err)
{
    *out = (struct flow_input){0};
    if (strcmp(manifest->trigger_type, "schedule") != 0) {
        out->body = data;
        out->body_size = size;
        return true;
    }
    if (is_nothing(data, size))
        return true;
    out->parsed = json_parse(data, size, "parameters", JSON_STRICT, err);
    if (!out->parsed)
        return false;
    if (!cJSON_IsObject(out->parsed))
        return error_set(err, ERROR_INVALID, "flow '%s' takes parameters: a JSON object "
                         "{\"NAME\": \"VALUE\"}, or nothing", manifest->identifier);
    return take_parameters(out, err);
}

void flow_input_release(struct flow_input *input)
{
    cJSON_Delete(input->parsed);
    *input = (struct flow_input){0};
}
