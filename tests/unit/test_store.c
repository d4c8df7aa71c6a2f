/* SPDX-License-Identifier: MIT */
/* The store through its header: what is written is read back, filters, ids, limits, threads. */
#include <pthread.h>
#include <sqlite3.h>

#include "base/buf.h"
#include "check.h"
#include "store/store.h"
#include "unit/temporary.h"

static struct instance_start start_of(const char *id, const char *flow, int64_t started_ms)
{
    return (struct instance_start){
        .id = id, .flow = flow, .flow_name = "OU Name", .version = "01.23.3000",
        .module_digest = "abc", .trigger = "manual", .invoked_by = "me", .parameters = "{}",
        .input = "{\"a\":1}", .input_size = 7, .started_ms = started_ms,
    };
}

static const struct instance_end failed = {
    .state = INSTANCE_FAILED, .finished_ms = 2000, .exit_status = 1, .fault_code = "x"};
static const struct instance_end completed = {
    .state = INSTANCE_COMPLETED, .finished_ms = 2000, .cpu_us = 5, .memory_bytes = 6,
    .import_calls = 7, .response_status = 200, .response = "ok", .response_size = 2,
};

struct seen {
    int count;
    char id[64], state[32], flow[64], fault[64], detail[512];
    struct instance_row row;
};

static bool see_instance(void *context, const struct instance_row *row)
{
    struct seen *seen = context;
    seen->row = *row;
    snprintf(seen->id, sizeof seen->id, "%s", row->id);
    snprintf(seen->state, sizeof seen->state, "%s", row->state);
    snprintf(seen->flow, sizeof seen->flow, "%s", row->flow);
    snprintf(seen->fault, sizeof seen->fault, "%s", row->fault_code ? row->fault_code : "");
    snprintf(seen->detail, sizeof seen->detail, "%s", row->fault_detail ? row->fault_detail : "");
    seen->count++;
    return true;
}

static struct store *open_in(const struct temporary *temporary)
{
    struct error err = {0};
    struct store *store = NULL;
    CHECK_OK(store_open(&store, temporary_path(temporary, "state/sluice.db"), &err), &err);
    return store;
}

static bool see_activity(void *context, const struct activity *row)
{
    struct buf *out = context;
    buf_printf(out, "%s|%s|%s|%s|%s|%llu|%lld;", row->import, row->connection ? row->connection : "-",
               row->subject ? row->subject : "-", row->result ? row->result : "-",
               row->detail ? row->detail : "-", (unsigned long long)row->bytes,
               (long long)row->duration_us);
    return true;
}

static bool see_file(void *context, const struct file_row *row)
{
    buf_printf(context, "%s|%s|%s|%llu;", row->name, row->state, row->detail ? row->detail : "-",
               (unsigned long long)row->size);
    return true;
}

static bool see_track(void *context, const char *name, const char *value)
{
    buf_printf(context, "%s=%s;", name, value);
    return true;
}

static void what_is_written_is_read_back(void)
{
    struct temporary temporary = temporary_make();
    struct store *store = open_in(&temporary);
    struct error err = {0};
    struct instance_start start = start_of("AAAAbbbbccccddddeeee11", "FLOW_A", 1000);
    start.tracing = STORE_TRACING_DEBUG;
    CHECK_OK(store_instance_start(store, &start, &err), &err);
    store_activity(store, start.id, &(struct activity){.at_ms = 1001, .duration_us = 42,
                   .import = "ftp.store", .connection = "C", .subject = "a.csv", .result = "ok",
                   .bytes = 99});
    store_activity(store, start.id, &(struct activity){.import = "log", .result = "ok",
                                                       .detail = "line"});
    store_track(store, start.id, "file_name", "a.csv");
    store_track(store, start.id, "file_name", "b.csv");
    store_file(store, start.id, "a.csv", "found", NULL, 123, 1001);
    store_file(store, start.id, "b.csv", "found", NULL, 5, 1001);
    store_file(store, start.id, "a.csv", "transferred", "done", 0, 1002);
    CHECK_OK(store_instance_finish(store, start.id, &completed, &err), &err);
    store_close(store);

    store = open_in(&temporary);
    struct seen seen = {0};
    CHECK_OK(store_instance(store, "AAAAbbbbccccddddeeee11", see_instance, &seen, &err), &err);
    CHECK_EQ_INT(seen.count, 1);
    CHECK_EQ_TEXT(seen.state, "COMPLETED");
    CHECK_EQ_TEXT(seen.flow, "FLOW_A");
    CHECK_EQ_INT(seen.row.finished_ms, 2000);
    CHECK_EQ_INT(seen.row.files_found, 2);
    CHECK_EQ_INT(seen.row.files_transferred, 1);
    CHECK_EQ_INT(seen.row.import_calls, 7);
    struct buf text;
    buf_init(&text, 4096);
    CHECK_OK(store_activities(store, "AAAA", see_activity, &text, &err), &err);
    CHECK_EQ_TEXT(buf_text(&text), "ftp.store|C|a.csv|ok|-|99|42;log|-|-|ok|line|0|0;");
    buf_clear(&text);
    CHECK_OK(store_files(store, "AAAA", see_file, &text, &err), &err);
    CHECK_EQ_TEXT(buf_text(&text), "a.csv|transferred|done|123;b.csv|found|-|5;");
    buf_clear(&text);
    CHECK_OK(store_tracks(store, "AAAA", see_track, &text, &err), &err);
    CHECK_EQ_TEXT(buf_text(&text), "file_name=b.csv;");
    buf_clear(&text);
    CHECK_OK(store_payload(store, "AAAA", "input", &text, &err), &err);
    CHECK_OK(store_payload(store, "AAAA", "response", &text, &err), &err);
    CHECK_EQ_TEXT(buf_text(&text), "{\"a\":1}ok");
    buf_release(&text);
    buf_init(&text, 6);
    CHECK_FAILS(store_payload(store, "AAAA", "input", &text, &err), &err, ERROR_LIMIT);
    buf_release(&text);
    store_close(store);
    temporary_remove(&temporary);
}

static void pending_activity_is_seen_before_the_end(void)
{
    struct temporary temporary = temporary_make();
    struct store *store = open_in(&temporary);
    struct error err = {0};
    struct instance_start start = start_of("AAAAbbbbccccddddeeee11", "FLOW_A", 1000);
    struct buf text;
    buf_init(&text, 4096);
    CHECK_OK(store_instance_start(store, &start, &err), &err);
    store_activity(store, start.id, &(struct activity){.import = "log", .detail = "x"});
    CHECK_OK(store_activities(store, start.id, see_activity, &text, &err), &err);
    CHECK_EQ_TEXT(buf_text(&text), "log|-|-|-|x|0|0;");
    buf_release(&text);
    store_close(store);
    temporary_remove(&temporary);
}

static void an_instance_starts_and_ends_once(void)
{
    struct temporary temporary = temporary_make();
    struct store *store = open_in(&temporary);
    struct error err = {0};
    struct instance_start start = start_of("AAAAbbbbccccddddeeee11", "FLOW_A", 1000);
    CHECK_OK(store_instance_start(store, &start, &err), &err);
    CHECK_FAILS(store_instance_start(store, &start, &err), &err, ERROR_EXISTS);
    CHECK_OK(store_instance_finish(store, start.id, &completed, &err), &err);
    CHECK_FAILS(store_instance_finish(store, start.id, &completed, &err), &err, ERROR_NOT_FOUND);
    CHECK_FAILS(store_instance_finish(store, "nobody", &completed, &err), &err, ERROR_NOT_FOUND);
    CHECK_EQ_TEXT(err.message, "instance nobody is not in progress");
    store_close(store);
    temporary_remove(&temporary);
}

static void ids_may_be_shortened(void)
{
    static const struct {
        const char *id;
        enum error_kind kind; /* NONE: found */
        const char *text;
    } cases[] = {
        {"-_Xa", ERROR_NONE, "-_Xa0000000000000000aa"},
        {"-_Xb", ERROR_INVALID, "'-_Xb' is ambiguous: -_Xb0000000000000000aa and "
                                "-_Xb0000000000000000bb begin with it"},
        {"-_Xb0000000000000000b", ERROR_NONE, "-_Xb0000000000000000bb"},
        {"-_X", ERROR_INVALID, "'-_X' is too short: the first 4 characters of an instance id or more"},
        {"%%%%", ERROR_INVALID, "'%%%%' is not an instance id"},
        {"aaaa' OR 1", ERROR_INVALID, "'aaaa' OR 1' is not an instance id"},
        {"aaaa", ERROR_NOT_FOUND, "no instance has the id 'aaaa'"},
        {"", ERROR_INVALID, "'' is too short: the first 4 characters of an instance id or more"},
    };
    struct temporary temporary = temporary_make();
    struct store *store = open_in(&temporary);
    struct error err = {0};
    const char *ids[] = {"-_Xa0000000000000000aa", "-_Xb0000000000000000aa",
                         "-_Xb0000000000000000bb"};
    for (size_t i = 0; i < 3; i++) {
        struct instance_start start = start_of(ids[i], "F", 1000);
        CHECK_OK(store_instance_start(store, &start, &err), &err);
    }
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct seen seen = {0};
        err = (struct error){0};
        bool ok = store_instance(store, cases[i].id, see_instance, &seen, &err);
        CHECK_EQ_INT(ok, cases[i].kind == ERROR_NONE);
        CHECK_EQ_TEXT(error_kind_name(err.kind), error_kind_name(cases[i].kind));
        CHECK_EQ_TEXT(ok ? seen.id : err.message, cases[i].text);
    }
    store_close(store);
    temporary_remove(&temporary);
}

static int count_of(struct store *store, struct store_filter filter)
{
    struct seen seen = {0};
    struct error err = {0};
    CHECK_OK(store_instances(store, &filter, see_instance, &seen, &err), &err);
    return seen.count;
}

static void filters_narrow_the_list(void)
{
    struct temporary temporary = temporary_make();
    struct store *store = open_in(&temporary);
    struct error err = {0};
    struct instance_start a = start_of("aaaa", "FLOW_A", 1000), b = start_of("bbbb", "FLOW_B", 2000),
                          c = start_of("cccc", "FLOW_A", 3000);
    c.parent = "bbbb";
    a.trace = c.trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    CHECK_OK(store_instance_start(store, &a, &err), &err);
    CHECK_OK(store_instance_start(store, &b, &err), &err);
    CHECK_OK(store_instance_start(store, &c, &err), &err);
    store_track(store, "bbbb", "file_name", "x.csv");
    CHECK_OK(store_instance_finish(store, "aaaa", &completed, &err), &err);
    CHECK_EQ_INT(count_of(store, (struct store_filter){0}), 3);
    CHECK_EQ_INT(count_of(store, (struct store_filter){.limit = 2}), 2);
    CHECK_EQ_INT(count_of(store, (struct store_filter){.limit = 2, .offset = 2}), 1);
    CHECK_EQ_INT(count_of(store, (struct store_filter){.flow = "FLOW_A"}), 2);
    CHECK_EQ_INT(count_of(store, (struct store_filter){.state = "IN_PROGRESS"}), 2);
    CHECK_EQ_INT(count_of(store, (struct store_filter){.parent = "bbbb"}), 1);
    CHECK_EQ_INT(count_of(store, (struct store_filter){.top_level_only = true}), 2);
    CHECK_EQ_INT(count_of(store, (struct store_filter){.tracking = "x.csv"}), 1);
    CHECK_EQ_INT(count_of(store, (struct store_filter){.tracking = "x' OR '1"}), 0);
    CHECK_EQ_INT(count_of(store, (struct store_filter){.trace = a.trace}), 2);
    CHECK_EQ_INT(count_of(store, (struct store_filter){.trace = a.trace, .top_level_only = true}), 1);
    CHECK_EQ_INT(count_of(store, (struct store_filter){.trace = "00"}), 0);
    CHECK_EQ_INT(count_of(store, (struct store_filter){.from_ms = 2000, .to_ms = 2999}), 1);
    store_close(store);
    temporary_remove(&temporary);
}

static void a_newer_schema_is_left_alone(void)
{
    struct temporary temporary = temporary_make();
    struct error err = {0};
    sqlite3 *db = NULL;
    struct store *store = NULL;
    CHECK_EQ_INT(sqlite3_open(temporary_path(&temporary, "new.db"), &db), SQLITE_OK);
    CHECK_EQ_INT(sqlite3_exec(db, "PRAGMA user_version = 999", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    CHECK_FAILS(store_open(&store, temporary_path(&temporary, "new.db"), &err), &err,
                ERROR_UNSUPPORTED);
    CHECK_CONTAINS(err.message, "written by a newer version of sluice (schema 999, this version knows "
                                "up to ");
    CHECK_CONTAINS(err.message, "; use that version, nothing was changed");
    temporary_write(&temporary, "text.db", "this is no database, but longer than a page header is "
                                           "so that nobody mistakes it for an empty one ..........");
    CHECK_FAILS(store_open(&store, temporary_path(&temporary, "text.db"), &err), &err,
                ERROR_INVALID);
    CHECK_CONTAINS(err.message, "not a sluice store, or damaged");
    CHECK_FAILS(store_open(&store, "/proc/nowhere/x.db", &err), &err, ERROR_NOT_FOUND);
    temporary_remove(&temporary);
}

static void files_are_private(void)
{
    struct temporary temporary = temporary_make();
    struct store *store = open_in(&temporary);
    struct stat status = {0};
    CHECK(stat(temporary_path(&temporary, "state"), &status) == 0);
    CHECK_EQ_INT(status.st_mode & 0777, 0700);
    CHECK(stat(temporary_path(&temporary, "state/sluice.db"), &status) == 0);
    CHECK_EQ_INT(status.st_mode & 0777, 0600);
    CHECK(stat(temporary_path(&temporary, "state/sluice.db-wal"), &status) == 0);
    CHECK_EQ_INT(status.st_mode & 0777, 0600);
    store_close(store);
    temporary_remove(&temporary);
}

#define THREADS 4
#define INSTANCES 50
#define ACTIVITIES 20

struct job {
    struct store *store;
    int number;
    bool ok;
};

static void *run_instances(void *context)
{
    struct job *job = context;
    struct error err = {0};
    job->ok = true;
    for (int i = 0; i < INSTANCES; i++) {
        char id[32];
        snprintf(id, sizeof id, "t%dinstance%03d", job->number, i);
        struct instance_start start = start_of(id, "F", 1);
        job->ok = job->ok && store_instance_start(job->store, &start, &err);
        for (int j = 0; j < ACTIVITIES; j++)
            store_activity(job->store, id, &(struct activity){.import = "log", .at_ms = j});
        job->ok = job->ok && store_instance_finish(job->store, id, &completed, &err);
    }
    if (!job->ok)
        fprintf(stderr, "%s\n", err.message);
    return NULL;
}

static bool count_in_order(void *context, const struct activity *row)
{
    int64_t *next = context;
    return row->at_ms == (*next)++;
}

static void threads_share_a_store(void)
{
    struct temporary temporary = temporary_make();
    struct store *store = open_in(&temporary);
    struct error err = {0};
    pthread_t threads[THREADS];
    struct job jobs[THREADS];
    for (int i = 0; i < THREADS; i++) {
        jobs[i] = (struct job){.store = store, .number = i};
        CHECK_EQ_INT(pthread_create(&threads[i], NULL, run_instances, &jobs[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        CHECK(jobs[i].ok);
    }
    CHECK_EQ_INT(count_of(store, (struct store_filter){.state = "COMPLETED"}), THREADS * INSTANCES);
    int64_t next = 0;
    CHECK_OK(store_activities(store, "t3instance049", count_in_order, &next, &err), &err);
    CHECK_EQ_INT(next, ACTIVITIES);
    store_close(store);
    temporary_remove(&temporary);
}

static void a_store_at_rest_has_written_all(void)
{
    struct temporary temporary = temporary_make();
    struct error err = {0};
    struct store *store = open_in(&temporary);
    if (!store)
        return;
    struct store_load load;
    struct instance_start start = start_of("tracked", "F", 1);
    start.is_tracked = true; /* nobody waits for it */
    CHECK_OK(store_instance_start(store, &start, &err), &err);
    CHECK_OK(store_instance_finish(store, "tracked", &completed, &err), &err);
    CHECK(store_rest(store, 30000));
    store_load(store, &load);
    CHECK_EQ_INT(load.waiting, 0);
    CHECK(load.groups > 0);
    CHECK(store_rest(store, 0)); /* it is already */
    store_close(store);
    temporary_remove(&temporary);
}

/* More than the ceiling's worth of messages: the newest are there, what runs is never touched. */
static void a_store_in_memory_keeps_to_its_size(void)
{
    struct store *store = NULL;
    struct error err = {0};
    size_t size = STORE_MEMORY_SIZE_MAX / 16;
    char *message = malloc(size), id[32];
    CHECK_OK(store_open(&store, STORE_IN_MEMORY, &err), &err);
    if (!store || !message)
        return;
    memset(message, 'x', size);
    struct instance_start start = start_of("running", "F", 1);
    CHECK_OK(store_instance_start(store, &start, &err), &err);
    for (int i = 0; i < 40; i++) {
        snprintf(id, sizeof id, "instance%03d", i);
        start = start_of(id, "F", 2 + i);
        start.input = message;
        start.input_size = size;
        CHECK_OK(store_instance_start(store, &start, &err), &err);
        CHECK_OK(store_instance_finish(store, id, &failed, &err), &err); /* its message stays */
    }
    CHECK(store_rest(store, 30000));
    int left = count_of(store, (struct store_filter){.state = "FAILED"});
    CHECK(left > 0 && left <= 16);
    struct buf text;
    buf_init(&text, size);
    CHECK_OK(store_payload(store, "instance039", "input", &text, &err), &err);
    CHECK_EQ_INT(text.size, size);
    CHECK_EQ_INT(count_of(store, (struct store_filter){.state = "IN_PROGRESS"}), 1);
    buf_release(&text);
    free(message);
    store_close(store);
}

CHECK_MAIN(TEST(what_is_written_is_read_back), TEST(pending_activity_is_seen_before_the_end),
           TEST(an_instance_starts_and_ends_once), TEST(ids_may_be_shortened),
           TEST(filters_narrow_the_list), TEST(a_newer_schema_is_left_alone),
           TEST(files_are_private), TEST(a_store_at_rest_has_written_all),
           TEST(a_store_in_memory_keeps_to_its_size),
           TEST(threads_share_a_store))
