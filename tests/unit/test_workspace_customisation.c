/* SPDX-License-Identifier: MIT */
/* Which files of a customisation folder belong where, and in which order. */
#include "temporary.h"
#include "workspace/customisation.h"

static void names_tell_their_extension_point(void)
{
    static const struct {
        const char *name, *point;
    } rows[] = {
        {"message.wasm", "message"},
        {"content.10-mask.wasm", "content"},
        {"own_point2.x_Y-9.wasm", "own_point2"},
        {"mapping.json", "message"},
        {"request.json", "request"},
        {"message.10-x.json", "message"},
        {"message.txt", NULL},
        {".wasm", NULL},
        {"wasm", NULL},
        {"Message.wasm", NULL},
        {"message..wasm", NULL},
        {"message.a.b.wasm", NULL},
        {"message.a b.wasm", NULL},
        {"message.wasm.bak", NULL},
        {"message\n.wasm", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *point = NULL;
        CHECK_EQ_INT(customisation_name_parse(rows[i].name, &point), rows[i].point != NULL);
        CHECK_EQ_TEXT(point, rows[i].point);
        free(point);
    }
}

static void the_length_of_names_is_bounded(void)
{
    char name[CUSTOMISATION_NAME_SIZE_MAX + 2];
    memset(name, 'a', sizeof name);
    memcpy(name + CUSTOMISATION_NAME_SIZE_MAX - 5, ".wasm", 6);
    CHECK(customisation_name_parse(name, NULL));
    memset(name, 'a', sizeof name);
    memcpy(name + CUSTOMISATION_NAME_SIZE_MAX - 4, ".wasm", 6);
    CHECK(!customisation_name_parse(name, NULL));
}

static struct temporary make(void)
{
    struct temporary temporary = temporary_make();
    CHECK(mkdir(temporary_path(&temporary, CUSTOMISATION_FOLDER), 0700) == 0);
    CHECK(mkdir(temporary_path(&temporary, CUSTOMISATION_FOLDER "/F"), 0700) == 0);
    return temporary;
}

static void files_come_in_the_order_they_run(void)
{
    static const char *const names[] = {"message.b.wasm", "message.wasm", "content.wasm", "mapping.json",
                                        "message.10.wasm", "message.1.wasm", "message.json", "notes.txt", ".hidden",
                                        "message.wasm.sig"};
    static const char *const expected[] = {"notes.txt", "content.wasm", "mapping.json", "message.json", "message.wasm",
                                           "message.1.wasm", "message.10.wasm", "message.b.wasm"};
    struct temporary temporary = make();
    struct customisation_list list;
    struct error err = {0};
    char path[128];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, CUSTOMISATION_FOLDER "/F/%s", names[i]);
        temporary_write(&temporary, path, "x");
    }
    CHECK(mkdir(temporary_path(&temporary, CUSTOMISATION_FOLDER "/F/versions"), 0700) == 0);
    CHECK_OK(customisation_list_read(&list, temporary.folder, "F", &err), &err);
    CHECK_EQ_INT(list.count, sizeof expected / sizeof expected[0]);
    for (size_t i = 0; i < list.count && i < sizeof expected / sizeof expected[0]; i++)
        CHECK_EQ_TEXT(list.files[i].name, expected[i]);
    CHECK(list.files[0].point == NULL);
    customisation_list_release(&list);
    temporary_remove(&temporary);
}

static void a_changed_file_is_noticed(void)
{
    struct temporary temporary = make();
    struct customisation_list before, same, after;
    struct error err = {0};
    temporary_write(&temporary, CUSTOMISATION_FOLDER "/F/message.wasm", "x");
    CHECK_OK(customisation_list_read(&before, temporary.folder, "F", &err), &err);
    CHECK_OK(customisation_list_read(&same, temporary.folder, "F", &err), &err);
    temporary_write(&temporary, CUSTOMISATION_FOLDER "/F/message.wasm", "xy");
    CHECK_OK(customisation_list_read(&after, temporary.folder, "F", &err), &err);
    CHECK(customisation_list_same(&before, &same));
    CHECK(!customisation_list_same(&before, &after));
    customisation_list_release(&before);
    customisation_list_release(&same);
    customisation_list_release(&after);
    temporary_remove(&temporary);
}

static void folders_and_their_sizes_are_checked(void)
{
    struct temporary temporary = make();
    struct customisation_list list;
    struct error err = {0};
    char path[128];
    CHECK_OK(customisation_list_read(&list, temporary.folder, "NONE", &err), &err);
    CHECK_EQ_INT(list.count, 0);
    customisation_list_release(&list);
    CHECK_FAILS(customisation_list_read(&list, temporary.folder, "../F", &err), &err, ERROR_INVALID);
    CHECK_FAILS(customisation_list_read(&list, temporary.folder, "", &err), &err, ERROR_INVALID);
    for (int i = 0; i <= CUSTOMISATION_FILES_MAX; i++) {
        snprintf(path, sizeof path, CUSTOMISATION_FOLDER "/F/message.%d.wasm", i);
        temporary_write(&temporary, path, "x");
        bool ok = customisation_list_read(&list, temporary.folder, "F", &err);
        CHECK_EQ_INT(ok, i < CUSTOMISATION_FILES_MAX);
        customisation_list_release(&list);
    }
    CHECK_EQ_TEXT(error_kind_name(err.kind), "invalid");
    temporary_remove(&temporary);
}

CHECK_MAIN(TEST(names_tell_their_extension_point), TEST(the_length_of_names_is_bounded),
           TEST(files_come_in_the_order_they_run), TEST(a_changed_file_is_noticed),
           TEST(folders_and_their_sizes_are_checked))
