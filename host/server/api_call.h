/* SPDX-License-Identifier: MIT */
/*
 * What the areas of the developer API are made of: operations in tables, and the call that a handler
 * gets. Routing, checks of arguments and bodies, the record of changes and the OpenAPI document all
 * come from the tables.
 *
 * To add an operation: a row in the table of its area (api_<area>.c) with its handler, its results and
 * the schema of what it answers. tests/integration/test_api_document.py then calls it.
 */
#ifndef SERVER_API_CALL_H
#define SERVER_API_CALL_H
#include <cjson/cJSON.h>

#include "base/document.h"
#include "server/api.h"
#include "server/api_filter.h"
#include "server/users.h"

#define API_BASE "/ic/api/integration/v1"
#define API_ARGUMENTS_MAX 2       /* {names} in one path */
#define API_ARGUMENT_SIZE 512     /* bytes of one, decoded */
#define API_QUERY_SIZE 2048       /* bytes of one query argument, decoded */
#define API_RESULTS_MAX 10
#define API_JSON_SIZE_MAX (256u << 10) /* body of a JSON request */
#define API_READ ROLE_MONITOR
#define API_CHANGE ROLE_ADMINISTER
#define API_ANYBODY (ROLE_INVOKE | ROLE_MONITOR) /* who may call at all */

#define API_COUNT(array) (sizeof(array) / sizeof(array)[0])

/* ---- what is said about data ---- */

enum api_kind {
    API_TEXT,
    API_NUMBER, /* whole, min to max; both 0: any */
    API_FLAG,
    API_TIME,   /* "2026-04-23T14:13:26.594+0000", as OIC writes it */
    API_OBJECT, /* of */
    API_LIST,   /* of objects `of` */
    API_TEXTS,  /* list of texts */
    API_MAP,    /* object of texts, any keys */
};

struct api_schema;

struct api_field {
    const char *name;
    enum api_kind kind;
    bool may_lack;               /* else it is always there */
    const char *about;
    const struct api_schema *of; /* API_OBJECT, API_LIST */
    const char *const *words;    /* API_TEXT: the legal ones, NULL-terminated; NULL: any */
    int64_t min, max;
};

struct api_schema {
    const char *name, *about;
    const struct api_field *fields;
    size_t field_count;
};
#define API_SCHEMA(schema_name, text, list)                                                        \
    {                                                                                              \
        .name = schema_name, .about = text, .fields = list, .field_count = API_COUNT(list)         \
    }

/* ---- operations ---- */

struct api_call;

struct api_result {
    int status; /* 0 ends the list; 400 and above: in the fault shape */
    const char *about;
    const struct api_schema *schema; /* JSON of that form */
    const char *type;                /* else: a media type; NULL: no body */
};

struct api_operation {
    const char *method; /* "GET", "POST", "PUT", "PATCH", "DELETE" */
    const char *path;   /* below API_BASE: "/integrations/{id}" */
    const char *id;     /* name in the document and in the record of changes */
    enum role role;     /* that it needs; see roles_include */
    const char *about;  /* first sentence: the summary */
    const struct api_field *query;
    size_t query_count;
    bool is_paged;                 /* takes limit and offset */
    const struct api_schema *body; /* of the JSON body */
    bool body_may_lack;
    const char *file;              /* instead: multipart/form-data with this field as a file */
    size_t body_max;               /* 0: API_JSON_SIZE_MAX where there is a body */
    bool is_recorded_below;        /* the flow layer writes the audit trail of this change */
    struct api_result results[API_RESULTS_MAX];
    void (*run)(struct api_call *call);
};

struct api_area {
    const char *name, *about;
    const struct api_operation *operations;
    size_t count;
};
extern const struct api_area api_integrations, api_integration_updates, api_archives, api_schedules,
    api_connections, api_connection_updates, api_attachments, api_lookups, api_instances,
    api_counts, api_errors, api_resubmissions, api_discards, api_jobs, api_log_downloads,
    api_documents, api_unsupported;
/* All of them; NULL-terminated. */
extern const struct api_area *const api_areas[];

extern const struct api_schema api_fault_schema, api_link_schema;

/* ---- a call ---- */

struct api_call {
    struct api *api;
    struct service *service;
    struct store *store;
    const struct api_operation *operation;
    struct http_exchange *exchange;
    const char *user;
    char arguments[API_ARGUMENTS_MAX][API_ARGUMENT_SIZE]; /* of the path, decoded */
    int64_t limit, offset;                                /* of a paged operation */
    cJSON *body;              /* checked against the schema; NULL: none */
    struct document document; /* becomes the answer */
    char note[512];           /* for the record of changes: what was done, or why not; no secret */
};

/* The fault shape. Returns false, so that a handler may `return`. */
bool api_fault(struct api_call *call, int status, const char *code, const char *format, ...)
    PRINTF_LIKE(4, 5);
/* The same with the status that fits the error's kind: 400, 404, 409, 412, 501, 503 ... */
bool api_fail(struct api_call *call, const struct error *err);
/* call->document as JSON. */
void api_answer_document(struct api_call *call, int status);
void api_answer_nothing(struct api_call *call, int status);

/* A query argument, which its field has checked; NULL: not given. */
const char *api_argument(struct api_call *call, const char *name, char value[API_QUERY_SIZE]);

/* The file that operation->file names, as http_form_file gives it; file->bytes is initialised by the
 * caller with its ceiling, and released. */
struct http_form_file;
MUST_USE bool api_form_file(struct api_call *call, struct http_form_file *file);

/* Members of call->body, which its schema has checked; NULL or false where they lack. */
const char *api_body_text(const struct api_call *call, const char *name);
bool api_body_flag(const struct api_call *call, const char *name, bool *value);

void api_time(struct document *document, const char *key, int64_t wall_ms); /* left out for 0 */
void api_text(struct document *document, const char *key, const char *value); /* left out for NULL */
/* "links": [{"rel": "self", "href": base_url + API_BASE + path}]; segment is encoded behind path. */
void api_links(struct api_call *call, const char *rel, const char *path, const char *segment);

/* The members of a page around its "items": hasMore, limit, offset, totalResults. */
#define API_PAGE_FIELDS(item_schema)                                                               \
    {.name = "items", .kind = API_LIST, .of = &(item_schema), .about = "the page"},                 \
        {.name = "totalResults", .kind = API_NUMBER,                                               \
         .about = "how many there are in all; counted up to 10000"},                               \
        {.name = "hasMore", .kind = API_FLAG, .about = "whether there are more behind this page"}, \
        {.name = "limit", .kind = API_NUMBER, .about = "as asked for"},                            \
        {.name = "offset", .kind = API_NUMBER, .about = "as asked for"}
/* Writes them behind the items. */
void api_page(struct api_call *call, int64_t total);
/* Whether the index-th of a list that is all there belongs to the page. */
bool api_on_page(const struct api_call *call, int64_t index);

#define API_LIMIT_DEFAULT 100
#define API_LIMIT_MAX 1000
#define API_OFFSET_MAX 100000
#define API_TOTAL_MAX 10000 /* totals are counted up to this */

/* ---- shared by areas ---- */

/* The flow of the path's first argument: "CODE|VERSION" (or a part: "CODE|01.23"), or a fault 404. */
bool api_find_flow(struct api_call *call, size_t *flow);
/* Who makes the call. Borrowed from it. */
struct actor api_actor(const struct api_call *call);
/* "OU FTP CCS for CCS-DACS" as OIC would identify it: "OU_FTP_CCS_FOR_CCS_DACS". Returns id. */
const char *api_connection_id(const char *name, char id[static API_ARGUMENT_SIZE]);
/* "CODE|VERSION". */
#define API_FLOW_ID_SIZE 256
const char *api_flow_id(const char *code, const char *version, char id[static API_FLOW_ID_SIZE]);

/* Resubmissions in the background (api_recovery.h). */
struct recovery_jobs;
struct recovery_jobs *api_recovery(struct api *api);

/* ---- api_router.c, api_openapi.c ---- */
enum api_match { API_MATCH, API_NO_PATH, API_NO_METHOD };
struct api_route {
    const struct api_operation *operation;
    const struct api_area *area;
    char arguments[API_ARGUMENTS_MAX][API_ARGUMENT_SIZE];
    char allow[64]; /* where the method does not fit: value of Allow */
};
/* method: as sent; override: X-HTTP-Method-Override, or NULL. */
enum api_match api_find(const char *method, const char *override, const char *path,
                        struct api_route *route);
void api_write_openapi(struct document *document, const char *server_url);
/* The query arguments of paged operations. */
const struct api_field *api_paging(size_t *count);
#endif
