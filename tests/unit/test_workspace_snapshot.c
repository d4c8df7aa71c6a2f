/* SPDX-License-Identifier: MIT */
/* Snapshots: a change is in force as a whole or not at all, and who holds an old one keeps it. */
#include <pthread.h>
#include <stdatomic.h>

#include "base/file.h"
#include "check.h"
#include "unit/temporary.h"
#include "workspace/workspace.h"

#define CONFIG "OUTL-BRT-CCS_DACS_ConfigProps"

struct place {
    struct temporary temporary;
    struct workspace *workspace;
};

static struct place open_place(void)
{
    struct place place = {.temporary = temporary_make()};
    struct error err = {0};
    const char *folder = temporary_path(&place.temporary, "w");
    CHECK_OK(workspace_init(folder, &err), &err);
    CHECK_OK(workspace_open(&place.workspace, folder, NULL, &err), &err);
    return place;
}

static void close_place(struct place *place)
{
    workspace_close(place->workspace);
    temporary_remove(&place->temporary);
}

/* A lookup whose rows all have one value. */
static struct lookup make_lookup(const char *name, const char *value, int rows)
{
    struct lookup lookup = {0};
    struct error err = {0};
    struct buf text;
    buf_init(&text, LOOKUP_SIZE_MAX);
    buf_append_text(&text, "PropertyName,Value\n");
    for (int i = 0; i < rows; i++)
        buf_printf(&text, "p%d,%s\n", i, value);
    CHECK_OK(lookup_parse(&lookup, name, buf_text(&text), text.size, "test", &err), &err);
    buf_release(&text);
    return lookup;
}

static bool put(struct workspace *workspace, const char *name, const char *value, int rows,
                enum lookup_put how, struct error *err)
{
    struct lookup lookup = make_lookup(name, value, rows);
    bool ok = workspace_put_lookup(workspace, &lookup, how, err);
    lookup_release(&lookup);
    return ok;
}

static const char *value_of(const struct snapshot *snapshot, const char *name, const char *property)
{
    const struct lookup *lookup = snapshot_lookup(snapshot, name, NULL);
    return lookup ? lookup_get(lookup, property) : NULL;
}

static void holders_keep_what_they_began_with(void)
{
    struct place place = open_place();
    struct error err = {0};
    CHECK_OK(put(place.workspace, "MINE", "old", 1, LOOKUP_ADD, &err), &err);
    struct snapshot *held = workspace_snapshot(place.workspace);
    CHECK_OK(put(place.workspace, "MINE", "new", 1, LOOKUP_REPLACE, &err), &err);
    struct snapshot *now = workspace_snapshot(place.workspace);
    CHECK_EQ_TEXT(value_of(held, "MINE", "p0"), "old");
    CHECK_EQ_TEXT(value_of(now, "MINE", "p0"), "new");
    CHECK_OK(workspace_delete_lookup(place.workspace, "MINE", &err), &err);
    CHECK_EQ_TEXT(value_of(held, "MINE", "p0"), "old");
    CHECK(!workspace_lookup(place.workspace, "MINE", &err));
    CHECK(!file_exists(temporary_path(&place.temporary, "w/lookups/MINE.csv")));
    snapshot_release(held);
    snapshot_release(now);
    close_place(&place);
}

static void names_are_checked(void)
{
    struct place place = open_place();
    struct error err = {0};
    CHECK_FAILS(put(place.workspace, CONFIG, "x", 1, LOOKUP_ADD, &err), &err, ERROR_EXISTS);
    CHECK_FAILS(put(place.workspace, "NONE", "x", 1, LOOKUP_REPLACE, &err), &err, ERROR_NOT_FOUND);
    CHECK_FAILS(workspace_delete_lookup(place.workspace, "NONE", &err), &err, ERROR_NOT_FOUND);
    static const char *const bad[] = {"", ".", "..", ".x", "a/b", "../x", "a\nb", "\xff"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CHECK_FAILS(put(place.workspace, bad[i], "x", 1, LOOKUP_ANY, &err), &err, ERROR_INVALID);
    char longest[240];
    memset(longest, 'x', sizeof longest);
    longest[239] = '\0';
    CHECK_OK(put(place.workspace, longest, "x", 1, LOOKUP_ADD, &err), &err);
    char longer[241];
    memset(longer, 'x', sizeof longer);
    longer[240] = '\0';
    CHECK_FAILS(put(place.workspace, longer, "x", 1, LOOKUP_ADD, &err), &err, ERROR_INVALID);
    close_place(&place);
}

static void a_broken_file_changes_nothing(void)
{
    struct place place = open_place();
    struct error err = {0};
    CHECK_OK(put(place.workspace, "MINE", "old", 1, LOOKUP_ADD, &err), &err);
    temporary_write(&place.temporary, "w/lookups/BROKEN.csv", "only one\n");
    CHECK_FAILS(put(place.workspace, "MINE", "new", 1, LOOKUP_REPLACE, &err), &err, ERROR_INVALID);
    CHECK_CONTAINS(err.message, "lookups/BROKEN.csv:1");
    CHECK_FAILS(workspace_reload(place.workspace, &err), &err, ERROR_INVALID);
    CHECK_EQ_TEXT(value_of(place.workspace->snapshot, "MINE", "p0"), "old");
    struct buf text;
    buf_init(&text, 4096);
    CHECK_OK(file_read(temporary_path(&place.temporary, "w/lookups/MINE.csv"), &text, &err), &err);
    CHECK_CONTAINS(buf_text(&text), "p0,old");
    buf_release(&text);
    /* What repairs it is taken. */
    CHECK_OK(put(place.workspace, "BROKEN", "x", 1, LOOKUP_ANY, &err), &err);
    CHECK_EQ_TEXT(value_of(place.workspace->snapshot, "BROKEN", "p0"), "x");
    close_place(&place);
}

static void what_others_wrote_is_read_again(void)
{
    struct place place = open_place();
    struct error err = {0};
    temporary_write(&place.temporary, "w/lookups/THEIRS.csv", "A,B\nk,v\n");
    CHECK(!workspace_lookup(place.workspace, "THEIRS", &err));
    CHECK_OK(workspace_reload(place.workspace, &err), &err);
    CHECK_EQ_TEXT(value_of(place.workspace->snapshot, "THEIRS", "k"), "v");
    close_place(&place);
}

static bool replace_text(void *context, struct buf *text, struct error *err)
{
    (void)err;
    buf_clear(text);
    buf_append_text(text, context);
    return true;
}

static bool refuse_text(void *context, struct buf *text, struct error *err)
{
    (void)context;
    buf_append_text(text, "{");
    return error_set(err, ERROR_REFUSED, "not today");
}

static void connections_are_put_as_a_whole(void)
{
    struct place place = open_place();
    struct error err = {0};
    const char *path = temporary_path(&place.temporary, "w/connections.json");
    char good[] = "{\"A\": {\"type\": \"local\"}} // kept\n", bad[] = "{\"A\": {}}";
    struct buf text;
    buf_init(&text, 65536);
    CHECK(chmod(path, 0600) == 0);
    CHECK_OK(workspace_edit_connections(place.workspace, replace_text, good, &err), &err);
    CHECK(workspace_connection(place.workspace, "A", &err) != NULL);
    struct stat status;
    CHECK(stat(path, &status) == 0 && (status.st_mode & 0777) == 0600);
    CHECK_FAILS(workspace_edit_connections(place.workspace, replace_text, bad, &err), &err,
                ERROR_INVALID);
    CHECK_FAILS(workspace_edit_connections(place.workspace, refuse_text, NULL, &err), &err,
                ERROR_REFUSED);
    CHECK(workspace_connection(place.workspace, "A", &err) != NULL);
    CHECK_OK(file_read(path, &text, &err), &err);
    CHECK_EQ_TEXT(buf_text(&text), good);
    buf_release(&text);
    close_place(&place);
}

static void the_largest_number_of_lookups(void)
{
    struct place place = open_place();
    struct error err = {0};
    char name[16];
    for (int i = 2; i < LOOKUPS_MAX; i++) { /* two are there */
        snprintf(name, sizeof name, "L%02d", i);
        CHECK_OK(put(place.workspace, name, "x", 1, LOOKUP_ADD, &err), &err);
    }
    CHECK_FAILS(put(place.workspace, "MORE", "x", 1, LOOKUP_ADD, &err), &err, ERROR_LIMIT);
    CHECK(!file_exists(temporary_path(&place.temporary, "w/lookups/MORE.csv")));
    CHECK_OK(put(place.workspace, "L02", "y", 1, LOOKUP_REPLACE, &err), &err);
    close_place(&place);
}

#define ROWS 200
#define CHANGES 100

static atomic_bool is_over;

/* Every row of what it holds has the same value, whatever the other thread does meanwhile. */
static void *read_all_the_time(void *context)
{
    struct workspace *workspace = context;
    long wrong = 0;
    while (!atomic_load(&is_over)) {
        struct snapshot *snapshot = workspace_snapshot(workspace);
        const struct lookup *lookup = snapshot_lookup(snapshot, "MINE", NULL);
        for (size_t i = 1; lookup && i < lookup->row_count; i++)
            wrong += strcmp(lookup->rows[i].value, lookup->rows[0].value) != 0;
        wrong += !lookup || lookup->row_count != ROWS;
        snapshot_release(snapshot);
    }
    return (void *)wrong;
}

static void nobody_sees_half_of_a_change(void)
{
    struct place place = open_place();
    struct error err = {0};
    pthread_t threads[2];
    CHECK_OK(put(place.workspace, "MINE", "0", ROWS, LOOKUP_ADD, &err), &err);
    for (int i = 0; i < 2; i++)
        CHECK(pthread_create(&threads[i], NULL, read_all_the_time, place.workspace) == 0);
    for (int i = 1; i <= CHANGES; i++) {
        char value[16];
        snprintf(value, sizeof value, "%d", i);
        CHECK_OK(put(place.workspace, "MINE", value, ROWS, LOOKUP_REPLACE, &err), &err);
    }
    atomic_store(&is_over, true);
    for (int i = 0; i < 2; i++) {
        void *wrong = NULL;
        CHECK(pthread_join(threads[i], &wrong) == 0);
        CHECK_EQ_INT((long)wrong, 0);
    }
    close_place(&place);
}

CHECK_MAIN(TEST(holders_keep_what_they_began_with), TEST(names_are_checked),
           TEST(a_broken_file_changes_nothing), TEST(what_others_wrote_is_read_again),
           TEST(connections_are_put_as_a_whole), TEST(the_largest_number_of_lookups),
           TEST(nobody_sees_half_of_a_change))
