/* SPDX-License-Identifier: MIT */
/* The components of the API's description; see api_openapi.h. */
#include "server/api_openapi.h"

#include <assert.h>
#include <stdio.h>

#define SCHEMAS_MAX 128

static const char time_pattern[] =
    "^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}\\.\\d{3}\\+0000$";

struct schema_set {
    const struct api_schema *list[SCHEMAS_MAX];
    size_t count;
};

static void collect(struct schema_set *set, const struct api_schema *schema)
{
    for (size_t i = 0; i < set->count; i++)
        if (set->list[i] == schema)
            return;
    assert(set->count < SCHEMAS_MAX);
    set->list[set->count++] = schema;
    for (size_t i = 0; i < schema->field_count; i++)
        if (schema->fields[i].of)
            collect(set, schema->fields[i].of);
}

static void collect_all(struct schema_set *set)
{
    collect(set, &api_fault_schema);
    for (size_t i = 0; api_areas[i]; i++) {
        for (size_t j = 0; j < api_areas[i]->count; j++) {
            const struct api_operation *operation = &api_areas[i]->operations[j];
            if (operation->body)
                collect(set, operation->body);
            for (size_t k = 0; k < API_RESULTS_MAX && operation->results[k].status; k++)
                if (operation->results[k].schema)
                    collect(set, operation->results[k].schema);
        }
    }
}

void openapi_write_reference(struct document *document, const struct api_schema *schema)
{
    char reference[128];
    snprintf(reference, sizeof reference, "#/components/schemas/%s", schema->name);
    document_text(document, "$ref", reference);
}

static void write_items(struct document *document, const struct api_field *field)
{
    document_text(document, "type", "array");
    document_open(document, "items", '{');
    if (field->kind == API_LIST)
        openapi_write_reference(document, field->of);
    else
        document_text(document, "type", "string");
    document_close(document, '}');
}

static void write_text_type(struct document *document, const struct api_field *field)
{
    document_text(document, "type", "string");
    if (field->kind == API_TIME)
        document_text(document, "pattern", time_pattern);
    if (!field->words)
        return;
    document_open(document, "enum", '[');
    for (size_t i = 0; field->words[i]; i++)
        document_text(document, NULL, field->words[i]);
    document_close(document, ']');
}

static void write_number_type(struct document *document, const struct api_field *field)
{
    document_text(document, "type", "integer");
    if (field->min == 0 && field->max == 0)
        return;
    document_number(document, "minimum", field->min);
    document_number(document, "maximum", field->max);
}

void openapi_write_type(struct document *document, const struct api_field *field)
{
    switch (field->kind) {
    case API_TEXT:
    case API_TIME:
        write_text_type(document, field);
        break;
    case API_NUMBER:
        write_number_type(document, field);
        break;
    case API_FLAG:
        document_text(document, "type", "boolean");
        break;
    case API_OBJECT:
        openapi_write_reference(document, field->of);
        return; /* beside a reference nothing counts */
    case API_LIST:
    case API_TEXTS:
        write_items(document, field);
        break;
    case API_MAP:
        document_text(document, "type", "object");
        document_open(document, "additionalProperties", '{');
        document_text(document, "type", "string");
        document_close(document, '}');
        break;
    }
    document_text(document, "description", field->about);
}

static void write_schema(struct document *document, const struct api_schema *schema)
{
    bool requires = false;
    document_open(document, schema->name, '{');
    document_text(document, "type", "object");
    document_text(document, "description", schema->about);
    for (size_t i = 0; i < schema->field_count; i++) {
        if (schema->fields[i].may_lack)
            continue;
        if (!requires)
            document_open(document, "required", '[');
        requires = true;
        document_text(document, NULL, schema->fields[i].name);
    }
    if (requires)
        document_close(document, ']');
    document_open(document, "properties", '{');
    for (size_t i = 0; i < schema->field_count; i++) {
        document_open(document, schema->fields[i].name, '{');
        openapi_write_type(document, &schema->fields[i]);
        document_close(document, '}');
    }
    document_close(document, '}');
    document_flag(document, "additionalProperties", false);
    document_close(document, '}');
}

void openapi_write_components(struct document *document)
{
    struct schema_set set = {.count = 0};
    static const struct {
        const char *name, *scheme;
    } security[] = {{"basic", "basic"}, {"bearer", "bearer"}};
    collect_all(&set);
    document_open(document, "components", '{');
    document_open(document, "schemas", '{');
    for (size_t i = 0; i < set.count; i++)
        write_schema(document, set.list[i]);
    document_close(document, '}');
    document_open(document, "securitySchemes", '{');
    for (size_t i = 0; i < API_COUNT(security); i++) {
        document_open(document, security[i].name, '{');
        document_text(document, "type", "http");
        document_text(document, "scheme", security[i].scheme);
        document_close(document, '}');
    }
    document_close(document, '}');
    document_close(document, '}');
}
