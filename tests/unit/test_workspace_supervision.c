/* SPDX-License-Identifier: MIT */
/* supervise.json: defaults, what a tenant overrides, what is refused and how that is said. */
#include "workspace/supervision.h"

#include "check.h"
#include "temporary.h"

static struct error err;

static bool read_text(struct supervision *out, const char *text)
{
    struct temporary place = temporary_make();
    if (text)
        temporary_write(&place, SUPERVISION_FILE, text);
    err = (struct error){0};
    const bool ok = supervision_read(out, place.folder, &err);
    temporary_remove(&place);
    return ok;
}

static void everything_has_a_default(void)
{
    struct supervision supervision;
    CHECK_OK(read_text(&supervision, NULL), &err);
    const struct tenant_settings *anybody = supervision_of(&supervision, "anybody");
    CHECK(supervision.confine);
    CHECK_EQ_INT(supervision.cgroup, CGROUP_AUTO);
    CHECK_EQ_INT(anybody->memory, 2LL << 30);
    CHECK_EQ_INT(anybody->descriptors, 8192);
    CHECK_EQ_INT(anybody->cpu_weight, 100);
    CHECK(!anybody->user);
    supervision_release(&supervision);
    CHECK_OK(read_text(&supervision, "{}"), &err);
    supervision_release(&supervision);
}

static void a_tenant_overrides_the_limits_of_all(void)
{
    struct supervision supervision;
    CHECK_OK(read_text(&supervision, "{\"tenants\": {\"acme\": {\"user\": \"acme\", \"memory\": \"1GiB\"}},\n"
                                     " \"limits\": {\"memory\": \"3GiB\", \"processes\": 64},\n"
                                     " \"confine\": false, \"cgroup\": \"off\", \"stop_s\": 7.5}"), &err);
    const struct tenant_settings *acme = supervision_of(&supervision, "acme");
    const struct tenant_settings *other = supervision_of(&supervision, "other");
    CHECK_EQ_TEXT(acme->user, "acme");
    CHECK_EQ_INT(acme->memory, 1LL << 30);
    CHECK_EQ_INT(acme->processes, 64);
    CHECK_EQ_INT(other->memory, 3LL << 30);
    CHECK(!other->user);
    CHECK(!supervision.confine);
    CHECK_EQ_INT(supervision.cgroup, CGROUP_OFF);
    CHECK_EQ_INT(supervision.stop_ms, 7500);
    supervision_release(&supervision);
}

static void what_is_wrong_is_named(void)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"{\"limit\": {}}", "supervise.json:1:2: unknown key \"limit\" (did you mean \"limits\"?)"},
        {"{\"limits\": {\"user\": \"x\"}}", "limits: unknown key \"user\""},
        {"{\"limits\": {\"memory\": \"255MiB\"}}", "\"memory\" must be a size from 256.0 MiB"},
        {"{\"limits\": {\"descriptors\": 1023}}", "\"descriptors\" must be a whole number from 1024"},
        {"{\"limits\": {\"cpu_weight\": 10001}}", "from 1 to 10000"},
        {"{\"limits\": []}", "\"limits\" must be an object"},
        {"{\"cgroup\": \"of\"}", "did you mean \"off\"?"},
        {"{\"confine\": 1}", "\"confine\" must be true or false"},
        {"{\"restart_min_s\": 9, \"restart_max_s\": 8}", "\"restart_min_s\" is more than"},
        {"{\"tenants\": []}", "\"tenants\" must be an object"},
        {"{\"tenants\": {\"a\": 1}}", "tenant 'a' must be an object"},
        {"{\"tenants\": {\"../a\": {}}}", "'../a' cannot be the name"},
        {"{\"tenants\": {\"a\": {\"usr\": \"x\"}}}", "tenant 'a': unknown key \"usr\""},
        {"{\"tenants\": {\"a\": {\"user\": 5}}}", "tenant 'a': \"user\" must be text"},
        {"[]", "supervise.json"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct supervision supervision;
        CHECK_FAILS(read_text(&supervision, cases[i].text), &err, ERROR_INVALID);
        CHECK_CONTAINS(err.message, cases[i].says);
    }
}

static void limits_hold_at_their_ends(void)
{
    struct supervision supervision;
    CHECK_OK(read_text(&supervision, "{\"limits\": {\"memory\": \"256MiB\", \"descriptors\": 1024, "
                                     "\"processes\": 32, \"cpu_weight\": 10000, \"file_size\": \"1MiB\", "
                                     "\"address_space\": \"64GiB\"}, \"restart_min_s\": 8, "
                                     "\"restart_max_s\": 8}"), &err);
    supervision_release(&supervision);
}

static void others_must_not_write_it(void)
{
    struct temporary place = temporary_make();
    struct supervision supervision;
    temporary_write(&place, SUPERVISION_FILE, "{}");
    CHECK_EQ_INT(chmod(temporary_path(&place, SUPERVISION_FILE), 0666), 0);
    CHECK_FAILS(supervision_read(&supervision, place.folder, &err), &err, ERROR_DENIED);
    CHECK_CONTAINS(err.message, "can be written by others");
    temporary_remove(&place);
}

static void names_are_those_of_plain_folders(void)
{
    char name[TENANT_NAME_SIZE + 1];
    static const char *const bad[] = {"", ".", "..", ".hidden", "a/b", "a b", "a\n", "\xC3\xA9"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CHECK(!tenant_name_is_legal(bad[i]));
    CHECK(tenant_name_is_legal("Acme-utility_2.test"));
    memset(name, 'a', TENANT_NAME_SIZE);
    name[TENANT_NAME_SIZE] = '\0';
    CHECK(!tenant_name_is_legal(name));
    name[TENANT_NAME_SIZE - 1] = '\0';
    CHECK(tenant_name_is_legal(name));
}

CHECK_MAIN(TEST(everything_has_a_default), TEST(a_tenant_overrides_the_limits_of_all),
           TEST(what_is_wrong_is_named), TEST(limits_hold_at_their_ends), TEST(others_must_not_write_it),
           TEST(names_are_those_of_plain_folders))
