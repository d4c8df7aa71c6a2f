/* SPDX-License-Identifier: MIT */
/* Lookups over the API: read, exported, imported, deleted. Executions that run keep what they have. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "server/api_call.h"
#include "server/http_form.h"
#include "workspace/properties.h"

#define FORM_EXTRA_SIZE (16u << 10) /* of a form around its file */

/* ---- what is answered ------------------------------------------------------------------------------ */

static const struct api_field row_fields[] = {
    {.name = "rowData", .kind = API_TEXTS, .about = "one cell for each column"},
};
static const struct api_schema row_schema = API_SCHEMA("LookupRow", "One row.", row_fields);

#define SUMMARY_FIELDS                                                                             \
    {.name = "id", .kind = API_TEXT, .about = "the name"},                                         \
        {.name = "name", .kind = API_TEXT, .about = "the file name without .csv"},                 \
        {.name = "columns", .kind = API_TEXTS, .about = "names of the two columns"},               \
        {.name = "rowCount", .kind = API_NUMBER, .about = "how many rows there are"},              \
        {.name = "usage", .kind = API_NUMBER, .about = "how many flows may read it"},              \
        {.name = "lockedFlag", .kind = API_FLAG, .about = "always false: nothing is locked here"}, \
        {.name = "status", .kind = API_TEXT, .about = "always CONFIGURED"},                        \
        {.name = "links", .kind = API_LIST, .of = &api_link_schema, .about = "itself"}

static const struct api_field summary_fields[] = {SUMMARY_FIELDS};
static const struct api_schema summary_schema =
    API_SCHEMA("LookupSummary", "A lookup without its rows.", summary_fields);
static const struct api_field lookup_fields[] = {
    SUMMARY_FIELDS,
    {.name = "rows", .kind = API_LIST, .of = &row_schema, .about = "in the order of the file"},
};
static const struct api_schema lookup_schema = API_SCHEMA("Lookup", "A lookup.", lookup_fields);
static const struct api_field page_fields[] = {API_PAGE_FIELDS(summary_schema)};
static const struct api_schema page_schema =
    API_SCHEMA("Lookups", "A page of lookups, ordered by name.", page_fields);

static const struct api_field usage_item_fields[] = {
    {.name = "code", .kind = API_TEXT, .about = "identifier"},
    {.name = "version", .kind = API_TEXT, .about = "version"},
    {.name = "name", .kind = API_TEXT, .about = "display name"},
};
static const struct api_schema usage_item_schema =
    API_SCHEMA("LookupUser", "A flow that may read the lookup.", usage_item_fields);
static const struct api_field usage_fields[] = {
    {.name = "name", .kind = API_TEXT, .about = "the lookup"},
    {.name = "integrationUsage", .kind = API_LIST, .of = &usage_item_schema, .about = "its readers"},
};
static const struct api_schema usage_schema =
    API_SCHEMA("LookupUsage", "Who may read a lookup.", usage_fields);

/* ---- who reads it ----------------------------------------------------------------------------------- */

static bool may_read(const struct manifest *manifest, const char *lookup)
{
    for (size_t i = 0; i < manifest->lookup_count; i++)
        if (strcmp(manifest->lookups[i], lookup) == 0)
            return true;
    return false;
}

static size_t count_readers(const struct api_call *call, const char *lookup,
                            const struct manifest **first)
{
    size_t count = 0;
    for (size_t i = 0; i < service_flow_count(call->service); i++) {
        const struct manifest *manifest = service_manifest(call->service, i);
        if (!may_read(manifest, lookup))
            continue;
        if (first && count == 0)
            *first = manifest;
        count++;
    }
    return count;
}

/* ---- reading ---------------------------------------------------------------------------------------- */

static void write_summary(struct api_call *call, const struct lookup *lookup)
{
    struct document *document = &call->document;
    document_text(document, "id", lookup->name);
    document_text(document, "name", lookup->name);
    document_open(document, "columns", '[');
    document_text(document, NULL, lookup->key_column);
    document_text(document, NULL, lookup->value_column);
    document_close(document, ']');
    document_number(document, "rowCount", (int64_t)lookup->row_count);
    document_number(document, "usage", (int64_t)count_readers(call, lookup->name, NULL));
    document_flag(document, "lockedFlag", false);
    document_text(document, "status", "CONFIGURED");
    api_links(call, "self", "/lookups/", lookup->name);
}

static bool read_filter(struct api_call *call, struct api_filter *filter)
{
    static const char *const words[] = {"CONFIGURED", "LOCKED", NULL};
    struct error err = {0};
    char q[API_QUERY_SIZE];
    return (api_filter_parse(filter, api_argument(call, "q", q), FILTER(NAME) | FILTER(STATUS), 0, 0,
                             &err) &&
            api_filter_check_word(filter, FILTER_STATUS, words, &err)) ||
           api_fail(call, &err);
}

static bool is_asked(const struct api_filter *filter, const struct lookup *lookup)
{
    const char *status = api_filter_value(filter, FILTER_STATUS);
    return (!status || strcasecmp(status, "CONFIGURED") == 0) &&
           api_filter_takes_name(filter, lookup->name);
}

static void list_lookups(struct api_call *call)
{
    struct document *document = &call->document;
    struct api_filter filter;
    int64_t total = 0;
    if (!read_filter(call, &filter))
        return;
    struct snapshot *snapshot = workspace_snapshot(service_workspace(call->service));
    document_open(document, NULL, '{');
    document_open(document, "items", '[');
    for (size_t i = 0; i < snapshot->lookup_count; i++) {
        if (!is_asked(&filter, &snapshot->lookups[i]) || !api_on_page(call, total++))
            continue;
        document_open(document, NULL, '{');
        write_summary(call, &snapshot->lookups[i]);
        document_close(document, '}');
    }
    document_close(document, ']');
    api_page(call, total);
    document_close(document, '}');
    snapshot_release(snapshot);
    api_answer_document(call, 200);
}

static void write_rows(struct api_call *call, const struct lookup *lookup)
{
    struct document *document = &call->document;
    document_open(document, NULL, '{');
    write_summary(call, lookup);
    document_open(document, "rows", '[');
    for (size_t i = 0; i < lookup->row_count; i++) {
        document_open(document, NULL, '{');
        document_open(document, "rowData", '[');
        document_text(document, NULL, lookup->rows[i].key);
        document_text(document, NULL, lookup->rows[i].value);
        document_close(document, ']');
        document_close(document, '}');
    }
    document_close(document, ']');
    document_close(document, '}');
    api_answer_document(call, 200);
}

/* Byte for byte what `sluice lookups export` writes. */
static void write_csv(struct api_call *call, const struct lookup *lookup)
{
    struct http_answer *answer = &call->exchange->answer;
    char disposition[API_ARGUMENT_SIZE * 3 + 64];
    struct buf name;
    buf_init(&name, API_ARGUMENT_SIZE * 3);
    buf_append_percent(&name, lookup->name);
    snprintf(disposition, sizeof disposition, "attachment; filename*=UTF-8''%s.csv",
             buf_text(&name));
    buf_release(&name);
    lookup_format(lookup, &answer->body);
    answer->status = 200;
    snprintf(answer->content_type, sizeof answer->content_type, "application/octet-stream");
    http_answer_field(answer, "Content-Disposition", disposition);
}

static void write_usage(struct api_call *call, const struct lookup *lookup)
{
    struct document *document = &call->document;
    document_open(document, NULL, '{');
    document_text(document, "name", lookup->name);
    document_open(document, "integrationUsage", '[');
    for (size_t i = 0; i < service_flow_count(call->service); i++) {
        const struct manifest *manifest = service_manifest(call->service, i);
        if (!may_read(manifest, lookup->name))
            continue;
        document_open(document, NULL, '{');
        document_text(document, "code", manifest->identifier);
        document_text(document, "version", manifest->version);
        document_text(document, "name", manifest->name);
        document_close(document, '}');
    }
    document_close(document, ']');
    document_close(document, '}');
    api_answer_document(call, 200);
}

static void with_lookup(struct api_call *call,
                        void (*write)(struct api_call *call, const struct lookup *lookup))
{
    struct error err = {0};
    struct snapshot *snapshot = workspace_snapshot(service_workspace(call->service));
    const struct lookup *lookup = snapshot_lookup(snapshot, call->arguments[0], &err);
    if (lookup)
        write(call, lookup);
    else
        api_fail(call, &err);
    snapshot_release(snapshot);
}

static void get_lookup(struct api_call *call)
{
    with_lookup(call, write_rows);
}

static void export_lookup(struct api_call *call)
{
    with_lookup(call, write_csv);
}

static void get_usage(struct api_call *call)
{
    with_lookup(call, write_usage);
}

/* ---- changing --------------------------------------------------------------------------------------- */

static bool name_of_file(struct api_call *call, struct http_form_file *file)
{
    size_t size = strlen(file->name);
    if (size > 4 && strcmp(file->name + size - 4, ".csv") == 0) {
        file->name[size - 4] = '\0';
        return true;
    }
    return api_fault(call, 400, "invalid", "the file is to be called NAME.csv, where NAME is the "
                     "lookup's, not '%s'", file->name);
}

static bool put(struct api_call *call, const struct http_form_file *file, enum lookup_put how)
{
    struct lookup lookup = {0};
    struct error err = {0};
    char source[HTTP_FORM_NAME_SIZE + 8];
    snprintf(source, sizeof source, "%s.csv", file->name);
    bool ok = lookup_parse(&lookup, file->name, buf_text(&file->bytes), file->bytes.size, source,
                           &err) &&
              property_check_all(&lookup, &err) &&
              workspace_put_lookup(service_workspace(call->service), &lookup, how, &err);
    if (ok)
        snprintf(call->note, sizeof call->note, "%zu rows", lookup.row_count);
    lookup_release(&lookup);
    if (!ok && err.kind == ERROR_LIMIT)
        return api_fault(call, 413, "limit", "%s", err.message);
    return ok || api_fail(call, &err);
}

static void import_lookup(struct api_call *call, enum lookup_put how, int status)
{
    struct http_form_file file;
    struct buf location;
    buf_init(&file.bytes, LOOKUP_SIZE_MAX);
    if (api_form_file(call, &file) && name_of_file(call, &file) && put(call, &file, how)) {
        buf_init(&location, 4096);
        buf_append_text(&location, API_BASE "/lookups/");
        buf_append_percent(&location, file.name);
        http_answer_field(&call->exchange->answer, "Location", buf_text(&location));
        buf_release(&location);
        api_answer_nothing(call, status);
    }
    buf_release(&file.bytes);
}

static void add_lookup(struct api_call *call)
{
    import_lookup(call, LOOKUP_ADD, 204);
}

static void replace_lookup(struct api_call *call)
{
    import_lookup(call, LOOKUP_REPLACE, 200);
}

static void delete_lookup(struct api_call *call)
{
    const struct manifest *reader = NULL;
    const char *name = call->arguments[0];
    struct error err = {0};
    size_t readers = count_readers(call, name, &reader);
    if (readers > 0)
        api_fault(call, 412, "refused", "%zu flow%s may read lookup '%s', %s is one of them: import "
                  "another content with PUT instead", readers, readers == 1 ? "" : "s", name,
                  reader->identifier);
    else if (workspace_delete_lookup(service_workspace(call->service), name, &err))
        api_answer_nothing(call, 200);
    else
        api_fail(call, &err);
}

static const char *const order_words[] = {"name", NULL};
static const struct api_field list_query[] = {
    {.name = "q", .kind = API_TEXT, .may_lack = true,
     .about = "filter {key:'value', ...}: name (name:/x/ means a part of it), status (all are CONFIGURED)"},
    {.name = "orderBy", .kind = API_TEXT, .may_lack = true, .words = order_words,
     .about = "name: as without it"},
};

static const struct api_operation operations[] = {
    {.method = "GET", .path = "/lookups", .id = "listLookups", .role = API_READ, .query = list_query,
     .query_count = API_COUNT(list_query), .is_paged = true,
     .about = "Lists the lookups, without their rows.",
     .results = {{200, "a page", &page_schema, NULL}}, .run = list_lookups},
    {.method = "GET", .path = "/lookups/{name}", .id = "getLookup", .role = API_READ,
     .about = "One lookup with its rows.",
     .results = {{200, "the lookup", &lookup_schema, NULL},
                 {404, "no lookup has that name; the nearest is named", NULL, NULL}},
     .run = get_lookup},
    {.method = "GET", .path = "/lookups/{name}/usage", .id = "getLookupUsage", .role = API_READ,
     .about = "The flows that may read a lookup.",
     .results = {{200, "who reads it", &usage_schema, NULL},
                 {404, "no lookup has that name", NULL, NULL}},
     .run = get_usage},
    {.method = "GET", .path = "/lookups/{name}/archive", .id = "exportLookup", .role = API_READ,
     .about = "A lookup as CSV: byte for byte what `sluice lookups export` writes.",
     .results = {{200, "CSV", NULL, "application/octet-stream"},
                 {404, "no lookup has that name", NULL, NULL}},
     .run = export_lookup},
    {.method = "POST", .path = "/lookups/archive", .id = "importLookup", .role = API_CHANGE,
     .about = "Adds a lookup from the file NAME.csv. Executions that begin from then on read it.",
     .file = "file", .body_max = LOOKUP_SIZE_MAX + FORM_EXTRA_SIZE,
     .results = {{204, "added; Location leads to it", NULL, NULL},
                 {409, "there is one of that name: replace it with PUT", NULL, NULL}},
     .run = add_lookup},
    {.method = "PUT", .path = "/lookups/archive", .id = "replaceLookup", .role = API_CHANGE,
     .about = "Replaces a lookup by the file NAME.csv. Executions that begin from then on read it; "
              "those that run keep what they began with.",
     .file = "file", .body_max = LOOKUP_SIZE_MAX + FORM_EXTRA_SIZE,
     .results = {{200, "replaced; Location leads to it", NULL, NULL},
                 {404, "there is none of that name: add it with POST", NULL, NULL}},
     .run = replace_lookup},
    {.method = "DELETE", .path = "/lookups/{name}", .id = "deleteLookup", .role = API_CHANGE,
     .about = "Deletes a lookup that no flow may read.",
     .results = {{200, "deleted", NULL, NULL}, {404, "no lookup has that name", NULL, NULL},
                 {412, "a flow may read it", NULL, NULL}},
     .run = delete_lookup},
};

const struct api_area api_lookups = {"Lookups", "Tables of properties that flows read.", operations,
                                     API_COUNT(operations)};
