/* SPDX-License-Identifier: MIT */
/* The API's description (OpenAPI 3.0.3), written from the tables that answer requests. */
#include <stdio.h>
#include <string.h>

#include "server/api_openapi.h"

#define PARAMETER_NAME_SIZE 64

/* ---- parameters and bodies ------------------------------------------------------------------------ */

static void write_parameter(struct document *document, const char *in, const struct api_field *field)
{
    document_open(document, NULL, '{');
    document_text(document, "name", field->name);
    document_text(document, "in", in);
    document_text(document, "description", field->about);
    document_flag(document, "required", !field->may_lack);
    document_open(document, "schema", '{');
    openapi_write_type(document, field);
    document_close(document, '}');
    document_close(document, '}');
}

static void write_path_parameters(struct document *document, const char *path)
{
    for (const char *open = strchr(path, '{'); open; open = strchr(open + 1, '{')) {
        char name[PARAMETER_NAME_SIZE];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(open + 1, "}"), open + 1);
        const struct api_field field = {.name = name, .kind = API_TEXT,
                                        .about = "as the path says; percent encoded"};
        write_parameter(document, "path", &field);
    }
}

static void write_parameters(struct document *document, const struct api_operation *operation,
                             bool by_post)
{
    static const char *const patch[] = {"PATCH", NULL};
    static const struct api_field override = {
        .name = "X-HTTP-Method-Override", .kind = API_TEXT, .may_lack = true, .words = patch,
        .about = "what OIC wants with POST; may be left out here"};
    size_t paging_count;
    const struct api_field *paging = api_paging(&paging_count);
    document_open(document, "parameters", '[');
    write_path_parameters(document, operation->path);
    for (size_t i = 0; i < operation->query_count; i++)
        write_parameter(document, "query", &operation->query[i]);
    for (size_t i = 0; operation->is_paged && i < paging_count; i++)
        write_parameter(document, "query", &paging[i]);
    if (by_post)
        write_parameter(document, "header", &override);
    document_close(document, ']');
}

static void write_file_body(struct document *document, const char *file)
{
    document_open(document, "multipart/form-data", '{');
    document_open(document, "schema", '{');
    document_text(document, "type", "object");
    document_open(document, "required", '[');
    document_text(document, NULL, file);
    document_close(document, ']');
    document_open(document, "properties", '{');
    document_open(document, file, '{');
    document_text(document, "type", "string");
    document_text(document, "format", "binary");
    document_close(document, '}');
    document_open(document, "type", '{');
    document_text(document, "type", "string");
    document_text(document, "description", "what scripts for OIC send; not used");
    document_close(document, '}');
    document_close(document, '}');
    document_close(document, '}');
    document_close(document, '}');
}

static void write_body(struct document *document, const struct api_operation *operation)
{
    if (!operation->body && !operation->file)
        return;
    document_open(document, "requestBody", '{');
    document_flag(document, "required", !operation->body_may_lack);
    document_open(document, "content", '{');
    if (operation->file) {
        write_file_body(document, operation->file);
    } else {
        document_open(document, "application/json", '{');
        document_open(document, "schema", '{');
        openapi_write_reference(document, operation->body);
        document_close(document, '}');
        document_close(document, '}');
    }
    document_close(document, '}');
    document_close(document, '}');
}

/* ---- results -------------------------------------------------------------------------------------- */

static void write_content(struct document *document, const char *type,
                          const struct api_schema *schema)
{
    document_open(document, "content", '{');
    document_open(document, type, '{');
    document_open(document, "schema", '{');
    if (schema)
        openapi_write_reference(document, schema);
    else
        document_text(document, "type",
                      strcmp(type, "application/json") == 0 ? "object" : "string");
    document_close(document, '}');
    document_close(document, '}');
    document_close(document, '}');
}

static void write_result(struct document *document, int status, const char *about,
                         const struct api_result *result)
{
    char key[8];
    snprintf(key, sizeof key, "%d", status);
    document_open(document, key, '{');
    document_text(document, "description", about);
    if (status >= 400)
        write_content(document, "application/json", &api_fault_schema);
    else if (result->schema || result->type)
        write_content(document, result->type ? result->type : "application/json", result->schema);
    document_close(document, '}');
}

static bool has_result(const struct api_operation *operation, int status)
{
    for (size_t i = 0; i < API_RESULTS_MAX && operation->results[i].status; i++)
        if (operation->results[i].status == status)
            return true;
    return false;
}

static void write_results(struct document *document, const struct api_operation *operation)
{
    static const struct {
        int status;
        const char *about;
        bool with_body;
    } shared[] = {
        {400, "an argument or the body is not as described; the detail names it", false},
        {401, "no credentials, or wrong ones", false},
        {403, "the caller lacks the role, or a page of another site asks", false},
        {413, "the body is too large", true},
        {415, "the body is of another media type", true},
        {429, "too many requests wait, or the caller is locked out; see Retry-After", false},
        {500, "the server failed", false},
        {503, "not available now", false},
    };
    document_open(document, "responses", '{');
    for (size_t i = 0; i < API_RESULTS_MAX && operation->results[i].status; i++)
        write_result(document, operation->results[i].status, operation->results[i].about,
                     &operation->results[i]);
    for (size_t i = 0; i < API_COUNT(shared); i++)
        if (!has_result(operation, shared[i].status) &&
            (!shared[i].with_body || operation->body || operation->file))
            write_result(document, shared[i].status, shared[i].about, NULL);
    document_close(document, '}');
}

/* ---- operations ----------------------------------------------------------------------------------- */

static void write_roles(struct document *document, enum role needed)
{
    static const enum role roles[] = {ROLE_INVOKE, ROLE_MONITOR, ROLE_ADMINISTER};
    document_open(document, "x-roles", '[');
    for (size_t i = 0; i < API_COUNT(roles); i++)
        if (roles_include(roles[i], needed))
            document_text(document, NULL, role_name(roles[i]));
    document_close(document, ']');
}

static void write_operation(struct document *document, const struct api_area *area,
                            const struct api_operation *operation, const char *method, bool by_post)
{
    char text[128];
    document_open(document, method, '{');
    snprintf(text, sizeof text, "%s%s", operation->id, by_post ? "ByPost" : "");
    document_text(document, "operationId", text);
    document_open(document, "tags", '[');
    document_text(document, NULL, area->name);
    document_close(document, ']');
    snprintf(text, sizeof text, "%.*s", (int)strcspn(operation->about, ".;:"), operation->about);
    document_text(document, "summary", text);
    document_text(document, "description", operation->about);
    write_roles(document, operation->role);
    write_parameters(document, operation, by_post);
    write_body(document, operation);
    write_results(document, operation);
    document_close(document, '}');
}

static bool has_operation(const char *path, const char *method)
{
    for (size_t i = 0; api_areas[i]; i++)
        for (size_t j = 0; j < api_areas[i]->count; j++)
            if (strcmp(api_areas[i]->operations[j].path, path) == 0 &&
                strcmp(api_areas[i]->operations[j].method, method) == 0)
                return true;
    return false;
}

static void write_method(struct document *document, const struct api_area *area,
                         const struct api_operation *operation)
{
    char method[16];
    size_t size = 0;
    for (; operation->method[size]; size++)
        method[size] = (char)(operation->method[size] | 0x20);
    method[size] = '\0';
    write_operation(document, area, operation, method, false);
    if (strcmp(method, "patch") == 0 && !has_operation(operation->path, "POST"))
        write_operation(document, area, operation, "post", true);
}

/* Whether an operation before [area][index] has that path: its operations are written there. */
static bool was_written(const char *path, size_t area, size_t index)
{
    for (size_t i = 0; i <= area; i++)
        for (size_t j = 0; j < api_areas[i]->count && (i < area || j < index); j++)
            if (strcmp(api_areas[i]->operations[j].path, path) == 0)
                return true;
    return false;
}

static void write_path(struct document *document, const char *path)
{
    char whole[256];
    snprintf(whole, sizeof whole, API_BASE "%s", path);
    document_open(document, whole, '{');
    for (size_t i = 0; api_areas[i]; i++)
        for (size_t j = 0; j < api_areas[i]->count; j++)
            if (strcmp(api_areas[i]->operations[j].path, path) == 0)
                write_method(document, api_areas[i], &api_areas[i]->operations[j]);
    document_close(document, '}');
}

static void write_paths(struct document *document)
{
    document_open(document, "paths", '{');
    for (size_t i = 0; api_areas[i]; i++)
        for (size_t j = 0; j < api_areas[i]->count; j++)
            if (!was_written(api_areas[i]->operations[j].path, i, j))
                write_path(document, api_areas[i]->operations[j].path);
    document_close(document, '}');
}

static void write_head(struct document *document, const char *server_url)
{
    document_text(document, "openapi", "3.0.3");
    document_open(document, "info", '{');
    document_text(document, "title", "Sluice developer API");
    document_text(document, "version", "1.0");
    document_text(document, "description",
                  "The part of Oracle Integration's developer API that has a meaning for Sluice. "
                  "Query arguments that are not described here are ignored, as OIC does.");
    document_close(document, '}');
    document_open(document, "servers", '[');
    document_open(document, NULL, '{');
    document_text(document, "url", *server_url ? server_url : "/");
    document_close(document, '}');
    document_close(document, ']');
    document_open(document, "tags", '[');
    for (size_t i = 0; api_areas[i]; i++) {
        document_open(document, NULL, '{');
        document_text(document, "name", api_areas[i]->name);
        document_text(document, "description", api_areas[i]->about);
        document_close(document, '}');
    }
    document_close(document, ']');
}

void api_write_openapi(struct document *document, const char *server_url)
{
    document_open(document, NULL, '{');
    write_head(document, server_url);
    document_open(document, "security", '[');
    document_open(document, NULL, '{');
    document_open(document, "basic", '[');
    document_close(document, ']');
    document_close(document, '}');
    document_open(document, NULL, '{');
    document_open(document, "bearer", '[');
    document_close(document, ']');
    document_close(document, '}');
    document_close(document, ']');
    write_paths(document);
    openapi_write_components(document);
    document_close(document, '}');
}

/* ---- where it is ----------------------------------------------------------------------------------- */

static void get_openapi(struct api_call *call)
{
    api_write_openapi(&call->document, service_workspace(call->service)->base_url);
    api_answer_document(call, 200);
}

static const struct api_operation operations[] = {
    {.method = "GET", .path = "/openapi.json", .id = "getDescription", .role = API_ANYBODY,
     .about = "This description. It is also at /openapi.json.",
     .results = {{200, "OpenAPI 3.0.3", NULL, "application/json"}}, .run = get_openapi},
};

const struct api_area api_documents = {"Description", "What the API can do.", operations,
                                       API_COUNT(operations)};
