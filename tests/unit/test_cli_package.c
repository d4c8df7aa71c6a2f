/* SPDX-License-Identifier: MIT */
/* The list of a package's files, and the YAML of its descriptors. */
#include "check.h"
#include "cli/package.h"
#include "cli/yaml.h"

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

static void digests_are_known_ones(void)
{
    char digest[PACKAGE_DIGEST_SIZE];
    package_digest("abc", 3, digest);
    CHECK_EQ_TEXT(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

CHECK_MAIN(TEST(yaml_is_nested_and_quoted), TEST(trees_are_complete_and_ordered),
           TEST(what_cannot_be_packaged_is_refused), TEST(entries_hold_at_n_and_n_plus_1),
           TEST(digests_are_known_ones))
