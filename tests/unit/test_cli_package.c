/* SPDX-License-Identifier: MIT */
/* The list of a package's files, the secrets it needs, and the YAML of its descriptors. */
#include "check.h"
#include "cli/package.h"
#include "cli/yaml.h"
#include "unit/fake_flow.h"
#include "unit/temporary.h"

static void yaml_is_nested_and_quoted(void)
{
    struct yaml yaml;
    yaml_init(&yaml);
    yaml_comment(&yaml, "first");
    yaml_text(&yaml, "kind", "a: \"b\"\n# no");
    yaml_open(&yaml, "spec");
    yaml_number(&yaml, "count", -3);
    yaml_open(&yaml, "list");
    yaml_item(&yaml);
    yaml_text(&yaml, "name", "yes");
    yaml_open(&yaml, "inner");
    yaml_text(&yaml, NULL, "x");
    yaml_number(&yaml, NULL, 2);
    yaml_close(&yaml);
    yaml_close(&yaml);
    yaml_item(&yaml);
    yaml_flag(&yaml, "on", true);
    yaml_word(&yaml, "empty", "{}");
    yaml_close(&yaml);
    yaml_close(&yaml);
    yaml_text(&yaml, "after", "");
    yaml_close(&yaml);
    yaml_document(&yaml);
    yaml_text(&yaml, "next", "1");
    CHECK_EQ_TEXT(buf_text(&yaml.text), "# first\n"
                                        "kind: \"a: \\\"b\\\"\\u000a# no\"\n"
                                        "spec:\n"
                                        "  count: -3\n"
                                        "  list:\n"
                                        "    - name: \"yes\"\n"
                                        "      inner:\n"
                                        "        - \"x\"\n"
                                        "        - 2\n"
                                        "    - on: true\n"
                                        "      empty: {}\n"
                                        "  after: \"\"\n"
                                        "---\n"
                                        "next: \"1\"\n");
    buf_release(&yaml.text);
}

static void trees_are_complete_and_ordered(void)
{
    static const char *const expected[] = {"a", "a/b", "a/b/c", "a/d", "z"};
    struct package_tree tree = {0};
    struct error err = {0};
    CHECK_OK(package_add_bytes(&tree, PART_PROGRAM, "z", 0755, "12", 2, &err), &err);
    CHECK_OK(package_add_bytes(&tree, PART_WORKSPACE, "a/b/c", 0644, "", 0, &err), &err);
    CHECK_OK(package_add_file(&tree, PART_SYSTEM, "a/d", 0644, "/proc/self/exe", &err), &err);
    CHECK_OK(package_tree_finish(&tree, &err), &err);
    CHECK_EQ_INT(tree.count, 5);
    for (size_t i = 0; i < tree.count && i < 5; i++)
        CHECK_EQ_TEXT(tree.entries[i].path, expected[i]);
    CHECK(tree.entries[1].is_folder && tree.entries[1].mode == 0755);
    CHECK(tree.entries[3].size > 1000);
    package_tree_release(&tree);
}

static void what_cannot_be_packaged_is_refused(void)
{
    struct package_tree tree = {0};
    struct error err = {0};
    CHECK_FAILS(package_add_file(&tree, PART_SYSTEM, "x", 0644, "/nonexistent", &err), &err,
                ERROR_NOT_FOUND);
    CHECK_FAILS(package_add_file(&tree, PART_SYSTEM, "x", 0644, "/proc", &err), &err, ERROR_NOT_FOUND);
    CHECK_OK(package_add_bytes(&tree, PART_SYSTEM, "x", 0644, "", 0, &err), &err);
    CHECK_OK(package_add_bytes(&tree, PART_SYSTEM, "x", 0644, "", 0, &err), &err);
    CHECK_FAILS(package_tree_finish(&tree, &err), &err, ERROR_EXISTS);
    CHECK_EQ_TEXT(err.message, "two files of the package would be 'x'");
    package_tree_release(&tree);
}

static void entries_hold_at_n_and_n_plus_1(void)
{
    struct package_tree tree = {0};
    struct error err = {0};
    char name[32];
    for (unsigned i = 0; i < PACKAGE_ENTRIES_MAX; i++) {
        snprintf(name, sizeof name, "file%u", i);
        CHECK_OK(package_add_bytes(&tree, PART_MODULES, name, 0644, "", 0, &err), &err);
    }
    CHECK_OK(package_tree_finish(&tree, &err), &err);
    CHECK_FAILS(package_add_bytes(&tree, PART_MODULES, "more", 0644, "", 0, &err), &err, ERROR_LIMIT);
    package_tree_release(&tree);
}

/* A plan for a workspace whose flow uses so many connections, each with a secret of its own; has_more: and
 * whose traces have one, too. */
static bool plan(struct package_plan *plan, unsigned count, bool has_more, struct error *err)
{
    static char names[PACKAGE_SECRETS_MAX][8], capability[] = "http";
    static struct grant grants[PACKAGE_SECRETS_MAX];
    struct temporary folder = temporary_make();
    struct workspace *workspace = NULL;
    struct service *service = NULL;
    struct buf json;
    buf_init(&json, 1 << 20);
    for (unsigned i = 0; i < count; i++) {
        snprintf(names[i], sizeof names[i], "C%u", i);
        grants[i] = (struct grant){.capability = capability, .connection = names[i]};
        buf_printf(&json, "%c\"%s\": {\"type\": \"rest\", \"url\": \"https://h\", \"user\": \"u\", "
                   "\"password\": {\"env\": \"SECRET_%u\"}}", i > 0 ? ',' : '{', names[i], i);
    }
    buf_append_char(&json, '}');
    fake_flow_grant(grants, count);
    temporary_write(&folder, "connections.json", buf_text(&json));
    temporary_write(&folder, "sluice.json",
                    has_more ? "{\"callers\": \"platform\", \"traces\": {\"endpoint\": \"https://c\", "
                               "\"header\": \"x\", \"secret\": {\"env\": \"SECRET_MORE\"}}}"
                             : "{\"callers\": \"platform\"}");
    CHECK_OK(workspace_open(&workspace, folder.folder, NULL, err), err);
    CHECK_OK(service_open(&service, workspace, err), err);
    bool ok = package_plan_make(plan, service, &package_targets[0], NULL, 0, err);
    service_close(service);
    buf_release(&json);
    temporary_remove(&folder);
    return ok;
}

static void secrets_hold_at_n_and_n_plus_1(void)
{
    static struct package_plan made;
    struct error err = {0};
    CHECK_OK(plan(&made, PACKAGE_SECRETS_MAX, false, &err), &err);
    CHECK_EQ_INT(made.secret_count, PACKAGE_SECRETS_MAX);
    CHECK_EQ_TEXT(made.secrets[PACKAGE_SECRETS_MAX - 1].name, "SECRET_255");
    package_plan_release(&made);
    CHECK_FAILS(plan(&made, PACKAGE_SECRETS_MAX, true, &err), &err, ERROR_LIMIT);
    CHECK_EQ_TEXT(err.message, "more than 256 secrets");
    package_plan_release(&made);
}

static void digests_are_known_ones(void)
{
    char digest[PACKAGE_DIGEST_SIZE];
    package_digest("abc", 3, digest);
    CHECK_EQ_TEXT(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

CHECK_MAIN(TEST(yaml_is_nested_and_quoted), TEST(trees_are_complete_and_ordered),
           TEST(what_cannot_be_packaged_is_refused), TEST(entries_hold_at_n_and_n_plus_1),
           TEST(secrets_hold_at_n_and_n_plus_1), TEST(digests_are_known_ones))
