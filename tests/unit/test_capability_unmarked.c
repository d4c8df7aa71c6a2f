/* SPDX-License-Identifier: MIT */
/* What is remembered of a file that arrived and is not marked: for each target, name, run and place. */
#include "capability/folder.h"
#include "capability/unmarked.h"
#include "unit/store_support.h"

#define SAME_S 1000 /* when the source was modified */

static char source_host[] = "ccs", source_name[] = "CCS", target_name[] = "DACS", spare_name[] = "SPARE";
static struct connection ccs = {.name = source_name, .host = source_host, .port = 21};
static const struct connection dacs = {.name = target_name}, spare = {.name = spare_name};

/* A store of a run: the instances "one" and "two" began runs, "child" belongs to "one". */
struct act {
    struct world *world;
    struct environment environment;
    struct execution run, child;
    struct call call;
};

static struct call *begin(struct act *act, struct world *world, const char *run, const struct connection *to,
                          const char *folder, const char *name)
{
    *act = (struct act){.world = world, .environment = {.store = world->store}};
    act->run.environment = act->child.environment = &act->environment;
    snprintf(act->run.instance, sizeof act->run.instance, "%s", strcmp(run, "child") == 0 ? "one" : run);
    snprintf(act->child.instance, sizeof act->child.instance, "child");
    act->child.caller = &act->run;
    act->call = (struct call){.execution = strcmp(run, "child") == 0 ? &act->child : &act->run, .connection = to};
    act->call.args[1].text = folder;
    act->call.args[2].text = name;
    return &act->call;
}

static struct remote_file file_of(uint64_t size, int64_t modified_s)
{
    static char folder[] = "/in", name[] = "a.csv";
    return (struct remote_file){.connection = &ccs, .folder = folder, .name = name,
                                .info = {.size = size, .modified_s = modified_s}};
}

static void note(struct world *world, const char *run, const struct connection *to, const char *folder,
                 const char *name)
{
    struct act act;
    struct remote_receipt receipt = {.size = 3};
    const struct remote_file file = file_of(3, SAME_S);
    struct call *call = begin(&act, world, run, to, folder, name);
    snprintf(receipt.name, sizeof receipt.name, "%s", name);
    CHECK_OK(unmarked_note(call, &file, &receipt), &call->error);
}

static void check_found_of(const struct remote_file *file, struct world *world, const char *run,
                           const struct connection *to, const char *folder, const char *name,
                           enum unmarked expected, const char *words)
{
    struct act act;
    struct remote_receipt receipt = {0};
    struct call *call = begin(&act, world, run, to, folder, name);
    CHECK_EQ_INT(unmarked_find(call, file, &receipt), expected);
    CHECK_EQ_INT(call->error.kind, expected == UNMARKED_PERHAPS ? ERROR_EXISTS : ERROR_NONE);
    CHECK(strstr(call->error.message, words));
    CHECK_EQ_TEXT(receipt.name, expected == UNMARKED_SAME ? name : "");
}

static void check_found(struct world *world, const char *run, const struct connection *to, const char *folder,
                        const char *name, enum unmarked expected, const char *words)
{
    const struct remote_file file = file_of(3, SAME_S);
    check_found_of(&file, world, run, to, folder, name, expected, words);
}

static struct world make(void)
{
    struct world world = world_make();
    CHECK_OK(start_instance(world.store, "one", false, &world.err), &world.err);
    CHECK_OK(start_instance(world.store, "child", false, &world.err), &world.err);
    CHECK_OK(start_instance(world.store, "two", false, &world.err), &world.err);
    return world;
}

static void each_target_is_remembered(void)
{
    struct world world = make();
    note(&world, "one", &dacs, "/out", "a.csv");
    note(&world, "one", &dacs, "/other", "a.csv");
    note(&world, "one", &spare, "/out", "a.csv");
    check_found(&world, "two", &dacs, "/out", "a.csv", UNMARKED_SAME, "");
    check_found(&world, "two", &dacs, "/other", "a.csv", UNMARKED_SAME, "");
    check_found(&world, "two", &spare, "/out", "a.csv", UNMARKED_SAME, "");
    check_found(&world, "two", &spare, "/other", "a.csv", UNMARKED_NO, "");
    world_release(&world);
}

static void another_name_is_another_file_in_the_same_run_only(void)
{
    struct world world = make();
    note(&world, "child", &dacs, "/out", "1.csv");
    check_found(&world, "child", &dacs, "/out", "2.csv", UNMARKED_NO, "");
    check_found(&world, "one", &dacs, "/out", "2.csv", UNMARKED_NO, "");
    check_found(&world, "two", &dacs, "/out", "2.csv", UNMARKED_PERHAPS, "child has sent");
    check_found(&world, "two", &dacs, "/out", "2.csv", UNMARKED_PERHAPS, "another name at the target then, '1.csv'");
    note(&world, "one", &dacs, "/out", "2.csv");
    check_found(&world, "two", &dacs, "/out", "1.csv", UNMARKED_SAME, "");
    check_found(&world, "two", &dacs, "/out", "2.csv", UNMARKED_SAME, "");
    check_found(&world, "two", &dacs, "/out", "3.csv", UNMARKED_PERHAPS, "another name");
    world_release(&world);
}

static void another_version_is_another_file(void)
{
    struct world world = make();
    const struct remote_file longer = file_of(4, SAME_S), newer = file_of(3, SAME_S + 1), timeless = file_of(3, 0);
    note(&world, "one", &dacs, "/out", "a.csv");
    check_found_of(&longer, &world, "two", &dacs, "/out", "a.csv", UNMARKED_NO, "");
    check_found_of(&newer, &world, "two", &dacs, "/out", "a.csv", UNMARKED_NO, "");
    check_found_of(&newer, &world, "two", &dacs, "/out", "b.csv", UNMARKED_NO, "");
    check_found_of(&timeless, &world, "two", &dacs, "/out", "a.csv", UNMARKED_PERHAPS, "'CCS' tells no time");
    check_found_of(&timeless, &world, "two", &dacs, "/out", "b.csv", UNMARKED_PERHAPS, "another name");
    check_found_of(&timeless, &world, "one", &dacs, "/out", "a.csv", UNMARKED_SAME, "");
    world_release(&world);
}

static void done(struct world *world)
{
    struct act act;
    struct call *call = begin(&act, world, "two", &ccs, "/in", "a.csv");
    CHECK_OK(unmarked_done(call), &call->error);
}

static void check_folder(const char *folder, const char *same, const char *other)
{
    struct buf appended;
    buf_init(&appended, 100);
    folder_append(folder, &appended);
    CHECK_EQ_TEXT(buf_text(&appended), same);
    CHECK(folder_is_same(folder, same) && folder_is_same(same, folder));
    CHECK(!folder_is_same(folder, other) && !folder_is_same(other, folder));
    buf_release(&appended);
}

static void doubled_and_final_slashes_mean_nothing(void)
{
    check_folder("/out", "/out", "/ou");
    check_folder("/out/", "/out", "/out/a");
    check_folder("//out///a//", "/out/a", "/out/ab");
    check_folder("out/", "out", "/out");
    check_folder("//", "/", "a");
    check_folder("", "", "/a");
    check_folder("", "", "/"); /* where the login lands, and the root */
}

static void list(struct world *world, const char *folder, const char *prefix)
{
    struct act act;
    struct buf expected;
    const struct remote_listing nothing = {.count = 0};
    struct call *call = begin(&act, world, "two", &ccs, folder, prefix);
    unmarked_expect(call, &expected);
    unmarked_listed(call, &expected, &nothing);
    buf_release(&expected);
}

/* What its key was written with is "/in". */
static void a_folder_is_the_same_however_it_is_spelled(void)
{
    struct world world = make();
    struct act act;
    char spelled[] = "//in/";
    struct remote_file file = file_of(3, SAME_S);
    note(&world, "one", &dacs, "/out/", "a.csv");
    check_found(&world, "two", &dacs, "/out", "a.csv", UNMARKED_SAME, "");
    file.folder = spelled;
    check_found_of(&file, &world, "two", &dacs, "//out", "a.csv", UNMARKED_SAME, "");
    check_found(&world, "two", &dacs, "/out/put", "a.csv", UNMARKED_NO, "");
    list(&world, "/in/", "b");
    list(&world, "/in/put", "");
    check_found(&world, "two", &dacs, "/out", "a.csv", UNMARKED_SAME, "");
    list(&world, "/in/", "a.");
    check_found(&world, "two", &dacs, "/out", "a.csv", UNMARKED_NO, "");
    note(&world, "one", &dacs, "/out", "a.csv");
    struct call *call = begin(&act, &world, "two", &ccs, "/in/", "a.csv");
    CHECK_OK(unmarked_done(call), &call->error);
    check_found(&world, "two", &dacs, "/out", "a.csv", UNMARKED_NO, "");
    world_release(&world);
}

static void what_is_marked_is_forgotten_of_its_place(void)
{
    struct world world = make();
    note(&world, "one", &dacs, "/out", "a.csv");
    note(&world, "one", &spare, "/out", "a.csv");
    ccs.port = 22;
    check_found(&world, "two", &dacs, "/out", "a.csv", UNMARKED_PERHAPS, "another place then, 'ftp://ccs:21'");
    done(&world);
    ccs.port = 21;
    check_found(&world, "two", &dacs, "/out", "a.csv", UNMARKED_SAME, "");
    done(&world);
    check_found(&world, "two", &dacs, "/out", "a.csv", UNMARKED_NO, "");
    check_found(&world, "two", &spare, "/out", "a.csv", UNMARKED_NO, "");
    world_release(&world);
}

CHECK_MAIN(TEST(each_target_is_remembered), TEST(another_name_is_another_file_in_the_same_run_only),
           TEST(another_version_is_another_file), TEST(what_is_marked_is_forgotten_of_its_place),
           TEST(doubled_and_final_slashes_mean_nothing), TEST(a_folder_is_the_same_however_it_is_spelled))
