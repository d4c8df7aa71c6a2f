/* SPDX-License-Identifier: MIT */
#include "capability/manifest.h"

#include "base/buf.h"
#include "check.h"

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
        {"{" HEAD "," TRIGGER "," GRANTS
         ",\"limits\":{\"memory_mib\":0,\"cpu_ms\":1,\"wall_s\":1,\"import_calls\":1,"
         "\"log_lines\":1,\"input_bytes\":1}," DURABLE_ "}",
         "\"memory_mib\" must be from 1 to 4096"},
        {"{" HEAD "," TRIGGER "," GRANTS
         ",\"limits\":{\"memory_mib\":-1,\"cpu_ms\":1,\"wall_s\":1,\"import_calls\":1,"
         "\"log_lines\":1,\"input_bytes\":1}," DURABLE_ "}",
         "\"memory_mib\" must be a number of 0 or more"},
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
        {"{" HEAD "," TRIGGER "," GRANTS
         ",\"limits\":{\"memory_mib\":1,\"cpu_ms\":1,\"wall_s\":1,\"import_calls\":1,"
         "\"log_lines\":1,\"input_bytes\":67108865}," DURABLE_ "}",
         "\"input_bytes\" must be at most 67108864"},
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

CHECK_MAIN(TEST(a_name_ends_at_the_limit_and_not_before), TEST(a_whole_manifest_is_read), TEST(a_missing_grant_is_named),
           TEST(what_is_wrong_is_said))
