/* SPDX-License-Identifier: MIT */
/* What an execution remembers of the files that it opened. */
#include "capability/opened.h"

#include "check.h"

static const struct connection connection;

static struct remote_file file_named(char name[static 16], unsigned number)
{
    static char folder[] = "out", etag[] = "e";
    snprintf(name, 16, "%u.csv", number);
    return (struct remote_file){.connection = &connection, .folder = folder, .name = name,
                                .etag = etag, .info = {.size = number}};
}

static void note(struct opened *opened, unsigned number)
{
    char name[16];
    const struct remote_file file = file_named(name, number);
    CHECK(opened_note(opened, &file));
}

static const struct remote_file *find(const struct opened *opened, unsigned number)
{
    char name[16];
    file_named(name, number);
    return opened_find(opened, &connection, "out", name);
}

static void n_files_are_remembered_and_of_n_plus_1_the_newest(void)
{
    static struct opened opened;
    for (unsigned i = 0; i < OPENED_MAX; i++)
        note(&opened, i);
    for (unsigned i = 0; i < OPENED_MAX; i++) {
        const struct remote_file *file = find(&opened, i);
        CHECK(file && file->info.size == i && strcmp(file->etag, "e") == 0);
    }
    note(&opened, OPENED_MAX);
    CHECK(!find(&opened, 0));
    for (unsigned i = 1; i <= OPENED_MAX; i++)
        CHECK(find(&opened, i));
    opened_release(&opened);
}

static void the_newest_of_a_place_and_name_is_found(void)
{
    static const struct connection other;
    static struct opened opened;
    char name[16];
    struct remote_file file = file_named(name, 1);
    CHECK(opened_note(&opened, &file));
    file.info.size = 2;
    CHECK(opened_note(&opened, &file));
    CHECK_EQ_INT(find(&opened, 1)->info.size, 2);
    CHECK(!opened_find(&opened, &other, "out", name));
    CHECK(!opened_find(&opened, &connection, "in", name));
    file.name = NULL;
    CHECK(opened_note(&opened, &file)); /* a file that came with a message has no place */
    CHECK_EQ_INT(opened.next, 2);
    opened_release(&opened);
}

CHECK_MAIN(TEST(n_files_are_remembered_and_of_n_plus_1_the_newest),
           TEST(the_newest_of_a_place_and_name_is_found))
