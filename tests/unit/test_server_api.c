/* SPDX-License-Identifier: MIT */
/* The developer API's table: how requests find their operation, what bodies may be, and its form. */
#include <stdlib.h>

#include "check.h"
#include "server/api_body.h"
#include "server/api_call.h"

#define BASE API_BASE

static void requests_find_their_operation(void)
{
    static const struct {
        const char *method, *override, *path, *id, *first, *second;
    } cases[] = {
        {"GET", NULL, "/integrations", "listIntegrations", "", ""},
        {"GET", NULL, "/integrations/", "listIntegrations", "", ""},
        {"HEAD", NULL, "/integrations", "listIntegrations", "", ""},
        {"GET", NULL, "/integrations/A%7C01.02.0003", "getIntegration", "A|01.02.0003", ""},
        {"GET", NULL, "/integrations/A|01.02.0003/archive", "exportIntegration", "A|01.02.0003", ""},
        {"GET", NULL, "/lookups/a%2Fb%20c+d", "getLookup", "a/b c+d", ""},
        {"POST", NULL, "/connections/C/attachments/privateKey", "attachFile", "C", "privateKey"},
        /* literals go before names */
        {"POST", NULL, "/integrations/archive", "importIntegration", "", ""},
        {"GET", NULL, "/integrations/archive/archive", "exportIntegration", "archive", ""},
        {"POST", NULL, "/monitoring/errors/resubmit", "resubmitErrors", "", ""},
        {"GET", NULL, "/monitoring/errors/recoveryJobs", "listRecoveryJobs", "", ""},
        {"POST", NULL, "/monitoring/errors/resubmit/resubmit", "resubmitError", "resubmit", ""},
        /* PATCH in three ways */
        {"PATCH", NULL, "/integrations/A", "updateIntegration", "A", ""},
        {"POST", "PATCH", "/integrations/A", "updateIntegration", "A", ""},
        {"POST", NULL, "/integrations/A", "updateIntegration", "A", ""},
    };
    for (size_t i = 0; i < API_COUNT(cases); i++) {
        struct api_route route;
        char path[256];
        snprintf(path, sizeof path, BASE "%s", cases[i].path);
        CHECK_EQ_INT(api_find(cases[i].method, cases[i].override, path, &route), API_MATCH);
        CHECK_EQ_TEXT(route.operation ? route.operation->id : NULL, cases[i].id);
        CHECK_EQ_TEXT(route.arguments[0], cases[i].first);
        CHECK_EQ_TEXT(route.arguments[1], cases[i].second);
    }
    struct api_route route;
    CHECK_EQ_INT(api_find("GET", NULL, "/openapi.json", &route), API_MATCH);
}

static void methods_that_do_not_fit_are_told_those_that_do(void)
{
    static const struct {
        const char *method, *override, *path, *allow;
    } cases[] = {
        {"PUT", NULL, "/integrations", "GET, HEAD"},
        {"HEAD", NULL, "/integrations/archive", "POST, PUT"},
        {"GET", NULL, "/integrations/archive/", "POST, PUT"},
        {"PUT", NULL, "/connections/C", "GET, HEAD, PATCH, POST, DELETE"},
        {"POST", "PATCH", "/lookups/archive", "POST, PUT"},
        {"get", NULL, "/lookups", "GET, HEAD"},
    };
    for (size_t i = 0; i < API_COUNT(cases); i++) {
        struct api_route route;
        char path[256];
        snprintf(path, sizeof path, BASE "%s", cases[i].path);
        CHECK_EQ_INT(api_find(cases[i].method, cases[i].override, path, &route), API_NO_METHOD);
        CHECK_EQ_TEXT(route.allow, cases[i].allow);
    }
}

static void other_paths_find_nothing(void)
{
    static const char *const paths[] = {
        "", "/", "/Integrations", "/integrations//", "/integrations//archive", "/integrations/%",
        "/integrations/%0", "/integrations/%00", "/integrations/%ff", "/integrations/A/archive//",
        "/integrations/A/archive/x", "integrations",
    };
    struct api_route route;
    for (size_t i = 0; i < API_COUNT(paths); i++) {
        char path[256];
        snprintf(path, sizeof path, BASE "%s", paths[i]);
        CHECK_EQ_INT(api_find("GET", NULL, path, &route), API_NO_PATH);
    }
    CHECK_EQ_INT(api_find("GET", NULL, "/ic/api/integration/v2/lookups", &route), API_NO_PATH);
}

/* size bytes, each written as percent sign and digits, as a lookup's name. */
static enum api_match find_long(size_t size, struct api_route *route)
{
    struct buf path;
    buf_init(&path, 8192);
    buf_append_text(&path, BASE "/lookups/");
    for (size_t i = 0; i < size; i++)
        buf_append_text(&path, "%41");
    enum api_match match = api_find("GET", NULL, buf_text(&path), route);
    buf_release(&path);
    return match;
}

static void arguments_have_a_limit(void)
{
    struct api_route route;
    CHECK_EQ_INT(find_long(API_ARGUMENT_SIZE - 1, &route), API_MATCH);
    CHECK_EQ_INT(strlen(route.arguments[0]), API_ARGUMENT_SIZE - 1);
    CHECK_EQ_INT(find_long(API_ARGUMENT_SIZE, &route), API_NO_PATH);
    CHECK_EQ_INT(find_long(API_ARGUMENT_SIZE + 1, &route), API_NO_PATH);
}

/* ---- bodies --------------------------------------------------------------------------------------- */

static const char *const words[] = {"NOW", "LATER", NULL};
static const struct api_field inner_fields[] = {
    {.name = "name", .kind = API_TEXT, .about = "a name"},
    {.name = "value", .kind = API_TEXT, .may_lack = true, .about = "a value"},
};
static const struct api_schema inner = API_SCHEMA("Inner", "inner", inner_fields);
static const struct api_field fields[] = {
    {.name = "action", .kind = API_TEXT, .words = words, .about = "what to do"},
    {.name = "count", .kind = API_NUMBER, .min = 1, .max = 10, .may_lack = true, .about = "how many"},
    {.name = "any", .kind = API_NUMBER, .may_lack = true, .about = "any number"},
    {.name = "flag", .kind = API_FLAG, .may_lack = true, .about = "a flag"},
    {.name = "one", .kind = API_OBJECT, .of = &inner, .may_lack = true, .about = "one"},
    {.name = "list", .kind = API_LIST, .of = &inner, .may_lack = true, .about = "many"},
    {.name = "texts", .kind = API_TEXTS, .may_lack = true, .about = "texts"},
    {.name = "map", .kind = API_MAP, .may_lack = true, .about = "a map"},
};
static const struct api_schema outer = API_SCHEMA("Outer", "outer", fields);

static bool check_body(const char *text, struct error *err)
{
    cJSON *body = cJSON_Parse(text);
    CHECK(body != NULL);
    *err = (struct error){0};
    bool ok = api_body_check(&outer, body, err);
    cJSON_Delete(body);
    return ok;
}

static void bodies_fit_their_schema(void)
{
    static const char *const good[] = {
        "{\"action\":\"NOW\"}",
        "{\"action\":\"LATER\",\"count\":1,\"any\":-9007199254740991,\"flag\":false,\"texts\":[],\"map\":{}}",
        "{\"count\":10,\"action\":\"NOW\",\"one\":{\"name\":\"\"},\"list\":[{\"name\":\"a\",\"value\":null}]}",
        "{\"action\":\"NOW\",\"list\":null,\"map\":{\"x\":\"y\"},\"texts\":[\"a\",\"b\"]}",
    };
    struct error err;
    for (size_t i = 0; i < API_COUNT(good); i++)
        CHECK_OK(check_body(good[i], &err), &err);
}

static void errors_name_the_member(void)
{
    static const struct {
        const char *text, *complaint;
    } bad[] = {
        {"[]", "must be an object"},
        {"null", "must be an object"},
        {"{}", "member \"action\" is missing (what to do)"},
        {"{\"action\":null}", "\"action\" must be text"},
        {"{\"action\":\"now\"}", "\"action\" must be one of \"NOW\", \"LATER\""},
        {"{\"action\":\"NOWW\"}", "did you mean \"NOW\"?"},
        {"{\"action\":\"NOW\",\"coun\":1}", "member \"coun\" is not known; did you mean \"count\"?"},
        {"{\"action\":\"NOW\",\"count\":0}", "\"count\" must be a whole number from 1 to 10"},
        {"{\"action\":\"NOW\",\"count\":11}", "from 1 to 10"},
        {"{\"action\":\"NOW\",\"count\":1.5}", "from 1 to 10"},
        {"{\"action\":\"NOW\",\"any\":9007199254740992}", "\"any\" must be a whole number"},
        {"{\"action\":\"NOW\",\"any\":\"1\"}", "\"any\" must be a whole number"},
        {"{\"action\":\"NOW\",\"flag\":1}", "\"flag\" must be true or false"},
        {"{\"action\":\"NOW\",\"one\":[]}", "\"one\" must be an object"},
        {"{\"action\":\"NOW\",\"one\":{\"nam\":\"x\"}}", "\"one.nam\" is not known; did you mean \"name\"?"},
        {"{\"action\":\"NOW\",\"list\":{}}", "\"list\" must be a list of objects"},
        {"{\"action\":\"NOW\",\"list\":[1]}", "\"list\" must be a list of objects"},
        {"{\"action\":\"NOW\",\"list\":[{\"name\":\"a\"},{}]}", "\"list[1].name\" is missing"},
        {"{\"action\":\"NOW\",\"texts\":\"a\"}", "\"texts\" must be a list of texts"},
        {"{\"action\":\"NOW\",\"texts\":[\"a\",1]}", "\"texts\" must be a list of texts"},
        {"{\"action\":\"NOW\",\"map\":{\"x\":{}}}", "\"map\" must be an object of texts"},
    };
    struct error err;
    for (size_t i = 0; i < API_COUNT(bad); i++) {
        CHECK_FAILS(check_body(bad[i].text, &err), &err, ERROR_INVALID);
        CHECK_CONTAINS(err.message, bad[i].complaint);
    }
}

/* ---- the table's form ----------------------------------------------------------------------------- */

static bool is_flat(const struct api_schema *schema)
{
    for (size_t i = 0; i < schema->field_count; i++)
        if (schema->fields[i].of)
            return false;
    return true;
}

static void check_body_schema(const struct api_schema *schema)
{
    for (size_t i = 0; i < schema->field_count; i++)
        CHECK(!schema->fields[i].of || is_flat(schema->fields[i].of)); /* as api_body.c needs it */
}

static void check_operation(const struct api_operation *operation)
{
    size_t names = 0, results = 0;
    for (const char *at = operation->path; (at = strchr(at, '{')) != NULL; at++)
        names++;
    CHECK(names <= API_ARGUMENTS_MAX);
    CHECK(operation->role != 0 && operation->run != NULL);
    /* who only looks cannot change anything, and nobody changes anything who may only look */
    bool changes = strcmp(operation->method, "GET") != 0 && operation->results[0].status < 400;
    CHECK(!changes || operation->role == ROLE_ADMINISTER);
    CHECK(!(operation->body && operation->file));
    if (operation->body)
        check_body_schema(operation->body);
    while (results < API_RESULTS_MAX && operation->results[results].status)
        results++;
    CHECK(results > 0);
    for (size_t i = 0; i < operation->query_count; i++)
        CHECK(operation->query[i].about && operation->query[i].may_lack);
}

static void the_table_has_its_form(void)
{
    for (size_t i = 0; api_areas[i]; i++)
        for (size_t j = 0; j < api_areas[i]->count; j++)
            check_operation(&api_areas[i]->operations[j]);
}

/* From each operation's own path the way leads back to it. */
static void every_operation_is_found(void)
{
    for (size_t i = 0; api_areas[i]; i++) {
        for (size_t j = 0; j < api_areas[i]->count; j++) {
            const struct api_operation *operation = &api_areas[i]->operations[j];
            struct api_route route;
            char path[256];
            snprintf(path, sizeof path, BASE "%s", operation->path);
            CHECK_EQ_INT(api_find(operation->method, NULL, path, &route), API_MATCH);
            CHECK(route.operation == operation && route.area == api_areas[i]);
        }
    }
}

CHECK_MAIN(TEST(requests_find_their_operation), TEST(methods_that_do_not_fit_are_told_those_that_do),
           TEST(other_paths_find_nothing), TEST(arguments_have_a_limit), TEST(bodies_fit_their_schema),
           TEST(errors_name_the_member), TEST(the_table_has_its_form), TEST(every_operation_is_found))
