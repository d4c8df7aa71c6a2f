/* SPDX-License-Identifier: MIT */
#include "capability/manifest.h"

#include "base/buf.h"
#include "check.h"
#include "workspace/workspace.h"

#define TRIGGER "\"trigger\":{\"type\":\"schedule\",\"parameters\":{\"p\":{\"required\":true}}}"
#define GRANTS                                                                                     \
    "\"grants\":[{\"capability\":\"ftp\",\"connection\":\"A\",\"operations\":[\"list\",\"open\"]}]"
#define LIMITS                                                                                     \
    "\"limits\":{\"memory_mib\":4,\"cpu_ms\":100,\"wall_s\":60,\"import_calls\":1000,"             \
    "\"log_lines\":10,\"input_bytes\":0}"
#define HEAD "\"identifier\":\"X\",\"name\":\"A flow\",\"version\":\"01.00.0000\",\"lookups\":[\"L\"]"
#define DURABLE_ "\"durability\":\"durable\""

static struct manifest *parse(const char *json, struct error *err)
{
    struct manifest *manifest = NULL;
    *err = (struct error){0};
    if (!manifest_parse(&manifest, json, strlen(json), "x.wasm", err))
        return NULL;
    return manifest;
}

static void a_whole_manifest_is_read(void)
{
    struct error err;
    struct manifest *manifest =
        parse("{" HEAD ",\"aliases\":[\"Y\"]," TRIGGER "," GRANTS "," LIMITS "," DURABLE_ "}", &err);
    CHECK_EQ_TEXT(err.message, "");
    if (!manifest)
        return;
    CHECK_EQ_TEXT(manifest->identifier, "X");
    CHECK(manifest_is_called(manifest, "Y"));
    CHECK(!manifest_is_called(manifest, "y"));
    CHECK_EQ_INT(manifest->parameter_count, 1);
    CHECK(manifest->parameters[0].required);
    CHECK_EQ_INT(manifest->durability, DURABLE);
    CHECK_EQ_INT(manifest->wall_s, 60);
    manifest_free(manifest);
}

static void a_missing_grant_is_named(void)
{
    struct error err;
    struct manifest *manifest =
        parse("{" HEAD "," TRIGGER "," GRANTS "," LIMITS "," DURABLE_ "}", &err);
    if (!manifest) {
        CHECK_EQ_TEXT(err.message, "");
        return;
    }
    CHECK_OK(manifest_allows(manifest, "ftp", "A", "open", &err), &err);
    CHECK_FAILS(manifest_allows(manifest, "ftp", "A", "store", &err), &err, ERROR_DENIED);
    CHECK_EQ_TEXT(err.message, "flow 'X' has no grant for \"store\" of capability \"ftp\" on "
                               "connection 'A': its manifest lists none under \"grants\"");
    CHECK_FAILS(manifest_allows(manifest, "ftp", "B", "open", &err), &err, ERROR_DENIED);
    CHECK_FAILS(manifest_allows(manifest, "http", "A", "open", &err), &err, ERROR_DENIED);
    CHECK_OK(manifest_allows_lookup(manifest, "L", &err), &err);
    CHECK_FAILS(manifest_allows_lookup(manifest, "M", &err), &err, ERROR_DENIED);
    manifest_free(manifest);
}

static void what_is_wrong_is_said(void)
{
    static const struct {
        const char *json, *message;
    } cases[] = {
        {"[]", "manifest of x.wasm: manifest: expected an object"},
        {"{", "not valid JSON"},
        {"{" HEAD "," TRIGGER "," GRANTS "," LIMITS "}", "\"durability\" is missing"},
        {"{" HEAD ",\"colour\":1," TRIGGER "," GRANTS "," LIMITS "," DURABLE_ "}",
         "unknown key \"colour\""},
        {"{" HEAD "," TRIGGER "," GRANTS "," LIMITS ",\"durability\":\"maybe\"}",
         "\"durability\" must be \"durable\" or \"tracked\""},
        {"{" HEAD ",\"trigger\":{\"type\":\"moon\"}," GRANTS "," LIMITS "," DURABLE_ "}",
         "\"type\" must be \"schedule\", \"rest\" or \"call\""},
        {"{" HEAD "," TRIGGER ",\"grants\":[{\"capability\":\"disk\",\"connection\":\"A\","
         "\"operations\":[]}]," LIMITS "," DURABLE_ "}",
         "capability \"disk\" is not one of ftp, http, smtp, flow"},
        {"{" HEAD "," TRIGGER ",\"grants\":[{\"capability\":\"ftp\",\"connection\":\"A\","
         "\"operations\":[\"lst\"]}]," LIMITS "," DURABLE_ "}",
         "capability \"ftp\" has no operation \"lst\""},
        {"{" HEAD "," TRIGGER ",\"grants\":[7]," LIMITS "," DURABLE_ "}", "expected an object"},
        {"{" HEAD ",\"trigger\":{\"type\":\"schedule\",\"parameters\":[{}]}," GRANTS "," LIMITS
         "," DURABLE_ "}",
         "\"parameters\" must be an object"},
        {"{" HEAD "," TRIGGER ",\"grants\":{\"a\":{}}," LIMITS "," DURABLE_ "}",
         "\"grants\" must be an array"},
        {"{" HEAD ",\"aliases\":[\"../../X\"]," TRIGGER "," GRANTS "," LIMITS "," DURABLE_ "}",
         "aliases: \"../../X\" is not the name of a flow"},
        {"{\"identifier\":\"X\",\"name\":\"\",\"version\":\"1\",\"lookups\":[]," TRIGGER
         "," GRANTS "," LIMITS "," DURABLE_ "}",
         "\"version\" must be two or three numbers, as in \"01.23.3000\", not \"1\""},
        {"{\"identifier\":\"a/b\",\"name\":\"\",\"version\":\"1\",\"lookups\":[]," TRIGGER
         "," GRANTS "," LIMITS "," DURABLE_ "}",
         "identifier: \"a/b\" is not the name of a flow"},
        {"{" HEAD "," TRIGGER ",\"grants\":[{\"capability\":\"flow\",\"connection\":\"A\","
         "\"operations\":[\"B?x\"]}]," LIMITS "," DURABLE_ "}",
         "\"B?x\" is not the name of a flow"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error err;
        struct manifest *manifest = parse(cases[i].json, &err);
        CHECK(manifest == NULL);
        CHECK_EQ_INT(err.kind, ERROR_INVALID);
        CHECK_CONTAINS(err.message, cases[i].message);
        manifest_free(manifest);
    }
}

static void a_name_ends_at_the_limit_and_not_before(void)
{
    for (size_t extra = 0; extra < 2; extra++) {
        struct buf json;
        struct error err;
        buf_init(&json, 4096);
        buf_printf(&json,
                   "{\"identifier\":\"%0*d\",\"name\":\"\",\"version\":\"1.0\",\"lookups\":[]," TRIGGER
                   "," GRANTS "," LIMITS "," DURABLE_ "}",
                   (int)(MANIFEST_NAME_SIZE_MAX + extra), 0);
        struct manifest *manifest = parse(buf_text(&json), &err);
        CHECK_EQ_INT(manifest != NULL, extra == 0);
        manifest_free(manifest);
        buf_release(&json);
    }
}

/* A manifest with one limit set to value and the others to 1. */
static void check_limit(const char *key, const char *value, const char *complaint)
{
    static const char *const keys[] = {"memory_mib",   "cpu_ms",    "wall_s",
                                       "import_calls", "log_lines", "input_bytes"};
    struct buf json;
    struct error err = {0};
    buf_init(&json, 4096);
    buf_printf(&json, "{" HEAD "," TRIGGER "," GRANTS ",\"limits\":{");
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        buf_printf(&json, "%s\"%s\":%s", i ? "," : "", keys[i],
                   strcmp(keys[i], key) == 0 ? value : "1");
    buf_append_text(&json, "}," DURABLE_ "}");
    struct manifest *manifest = parse(buf_text(&json), &err);
    if (!complaint)
        CHECK_OK(manifest != NULL, &err);
    else
        CHECK_CONTAINS(manifest ? "" : err.message, complaint);
    manifest_free(manifest);
    buf_release(&json);
}

static void limits_hold_at_their_ends_and_not_beyond(void)
{
    static const struct {
        const char *key;
        uint64_t min, max;
    } limits[] = {
        {"memory_mib", 1, WORKSPACE_MEMORY_MIB_MAX}, {"cpu_ms", 1, MANIFEST_CPU_MS_MAX},
        {"wall_s", 1, WORKSPACE_RUN_WALL_S_MAX},     {"import_calls", 0, MANIFEST_COUNT_MAX},
        {"log_lines", 0, MANIFEST_COUNT_MAX},        {"input_bytes", 0, MANIFEST_INPUT_BYTES_MAX},
    };
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        const int64_t min = (int64_t)limits[i].min, max = (int64_t)limits[i].max;
        const int64_t values[] = {min - 1, min, max, max + 1};
        for (size_t j = 0; j < 4; j++) {
            char value[32], complaint[160];
            snprintf(value, sizeof value, "%" PRId64, values[j]);
            snprintf(complaint, sizeof complaint,
                     "limits: \"%s\" must be a whole number from %" PRId64 " to %" PRId64 ", not %s",
                     limits[i].key, min, max, value);
            check_limit(limits[i].key, value, j == 1 || j == 2 ? NULL : complaint);
        }
        check_limit(limits[i].key, "1.5", ", not 1.5");
        check_limit(limits[i].key, "true", "must be a number");
    }
}

static void parameters_end_at_the_limit_and_not_before(void)
{
    for (int count = MANIFEST_PARAMETERS_MAX; count <= MANIFEST_PARAMETERS_MAX + 1; count++) {
        struct buf json;
        struct error err = {0};
        buf_init(&json, 4096);
        buf_printf(&json, "{" HEAD ",\"trigger\":{\"type\":\"schedule\",\"parameters\":{");
        for (int i = 0; i < count; i++)
            buf_printf(&json, "%s\"p%d\":{}", i ? "," : "", i);
        buf_printf(&json, "}}," GRANTS "," LIMITS "," DURABLE_ "}");
        struct manifest *manifest = parse(buf_text(&json), &err);
        CHECK_EQ_INT(manifest != NULL, count == MANIFEST_PARAMETERS_MAX);
        if (!manifest)
            CHECK_CONTAINS(err.message, "trigger: 33 parameters, at most 32 are possible");
        manifest_free(manifest);
        buf_release(&json);
    }
}

CHECK_MAIN(TEST(limits_hold_at_their_ends_and_not_beyond),
           TEST(parameters_end_at_the_limit_and_not_before), TEST(a_name_ends_at_the_limit_and_not_before), TEST(a_whole_manifest_is_read), TEST(a_missing_grant_is_named),
           TEST(what_is_wrong_is_said))
