/* SPDX-License-Identifier: MIT */
/*
 * A journal that was torn or damaged on the disk: what the guest is told of its past was written, whole
 * and at its place, or nothing is told. A real store is written, copies of its files are damaged, and the
 * same calls are made again on them.
 */
#include "base/file.h"
#include "base/log.h"
#include "capability/call.h"
#include "capability/journal.h"
#include "capability/journal_seal.h"
#include "capability/journal_value.h"
#include "capability/object.h"
#include "store_support.h"

#define ID "AAAAbbbbccccddddeeee11"
#define CALLS 48      /* the last one's result is not known */
#define CHANGES 4     /* every fourth call changes something */
#define ANSWER_MAX 512

static const struct import look = {
    .capability = "ftp", .name = "look", .full_name = "ftp.look", .effect = SLUICE_EFFECT_READ,
    .parameter_count = 2, .parameters = {{PARAMETER_TEXT, "what"}, {PARAMETER_OUT, "found"}}};
static const struct import change = {
    .capability = "ftp", .name = "change", .full_name = "ftp.change", .effect = SLUICE_EFFECT_CHANGE,
    .parameter_count = 2, .parameters = {{PARAMETER_TEXT, "what"}, {PARAMETER_OUT, "found"}}};

/* Nothing here loses power, so that nobody need wait for the disk: what SQLite and the store call. */
int fsync(int fd)
{
    (void)fd;
    return 0;
}

int fdatasync(int fd)
{
    (void)fd;
    return 0;
}

/* ---- the execution ----------------------------------------------------------------------------- */

static bool is_change(int number)
{
    return number % CHANGES == CHANGES - 1;
}

static int32_t answer_of(int number, char text[ANSWER_MAX])
{
    int size = snprintf(text, ANSWER_MAX, "answer %d:", number);
    for (; size < 20 + number * 9; size++)
        text[size] = (char)('a' + (number + size) % 26);
    return size;
}

static int plan_of(int number, char text[ANSWER_MAX])
{
    return snprintf(text, ANSWER_MAX, "what settles call %d", number);
}

struct repeat {
    int answered;     /* calls, from the beginning */
    bool is_opened, is_stopped, is_in_doubt;
    char why[ERROR_MESSAGE_SIZE];
};

static struct call make_call(struct execution *execution, int number, char *what, char *found)
{
    struct call call = {.execution = execution, .import = is_change(number) ? &change : &look};
    snprintf(what, 32, "thing %d", number);
    call.args[0] = (struct argument){.text = what, .size = (uint32_t)strlen(what)};
    call.args[1] = (struct argument){.out = found, .size = ANSWER_MAX};
    return call;
}

/* As the module's first run, up to the last call, which ends in doubt. */
static void perform(struct execution *execution)
{
    char what[32], found[ANSWER_MAX], plan[ANSWER_MAX];
    int32_t result;
    for (int i = 0; i < CALLS; i++) {
        struct call call = make_call(execution, i, what, found);
        CHECK(!journal_answers(&call, &result));
        int size = plan_of(i, plan);
        if (is_change(i))
            CHECK_OK(journal_announce(&call, plan, (size_t)size, JOURNAL_ON_DISK), &call.error);
        if (i < CALLS - 1)
            journal_result(&call, answer_of(i, found));
    }
}

static bool is_right(const struct call *call, int number, int32_t result)
{
    char expected[ANSWER_MAX];
    int32_t size = answer_of(number, expected);
    return result == size && call->error.kind == ERROR_NONE &&
           memcmp(call->args[1].out, expected, (size_t)size) == 0;
}

static bool is_right_doubt(const struct call *call, int number)
{
    char expected[ANSWER_MAX];
    size_t size = (size_t)plan_of(number, expected);
    return is_change(number) && call->doubt_size == size && memcmp(call->doubt, expected, size) == 0;
}

/* The same calls again, until the past does not answer. Whatever was damaged, no answer is a wrong one. */
static void repeat_calls(struct execution *execution, struct repeat *out)
{
    char what[32], found[ANSWER_MAX];
    for (; out->answered < CALLS && !out->is_stopped; out->answered++) {
        struct call call = make_call(execution, out->answered, what, found);
        int32_t result = 0;
        bool is_settled = journal_answers(&call, &result);
        out->is_stopped = execution->stop != FAULT_NONE;
        if (out->is_stopped || !is_settled) {
            out->is_in_doubt = call.is_in_doubt;
            CHECK(!call.is_in_doubt || is_right_doubt(&call, out->answered));
            snprintf(out->why, sizeof out->why, "%s", execution->stop_detail);
            return;
        }
        CHECK(is_right(&call, out->answered, result));
    }
}

static void begin(struct execution *execution, struct environment *environment, struct store *store)
{
    static const struct manifest manifest = {.durability = DURABLE};
    environment->store = store;
    execution_init(execution, environment, &manifest);
    memcpy(execution->instance, ID, sizeof ID);
}

static struct repeat repeat(const char *path)
{
    static struct execution execution;
    struct environment environment = {.store = NULL};
    struct repeat out = {.answered = 0};
    struct store *store = NULL;
    struct error err = {0};
    out.is_opened = store_open(&store, path, &err);
    CHECK(out.is_opened || err.message[0]);
    if (!out.is_opened)
        return out;
    begin(&execution, &environment, store);
    if (journal_open(&execution.journal, store, ID, JOURNAL_RECORD, &err))
        repeat_calls(&execution, &out);
    else
        out.is_stopped = true;
    execution_release(&execution);
    store_close(store);
    return out;
}

/* ---- files ------------------------------------------------------------------------------------- */

struct image {
    struct buf database, wal;
};

struct files {
    struct temporary temporary;
    struct image live, closed; /* with all records in the log; with all of them in the database */
};

static struct image take(const struct temporary *temporary, bool has_wal)
{
    struct image image;
    struct error err = {0};
    buf_init(&image.database, 16u << 20);
    buf_init(&image.wal, 16u << 20);
    CHECK_OK(file_read(temporary_path(temporary, "sluice.db"), &image.database, &err), &err);
    if (has_wal)
        CHECK_OK(file_read(temporary_path(temporary, "sluice.db-wal"), &image.wal, &err), &err);
    return image;
}

static void put(const char *path, const struct buf *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    CHECK(file && (size == 0 || fwrite(bytes->data, size, 1, file) == 1) && fclose(file) == 0);
}

static struct repeat repeat_damaged(const struct files *files, const struct image *image,
                                    size_t wal_size)
{
    const char *path = temporary_path(&files->temporary, "copy.db");
    (void)!unlink(temporary_path(&files->temporary, "copy.db-shm"));
    put(path, &image->database, image->database.size);
    put(temporary_path(&files->temporary, "copy.db-wal"), &image->wal, wal_size);
    return repeat(path);
}

static void write_journal(const char *path, struct files *files)
{
    static struct execution execution;
    struct environment environment = {.store = NULL};
    const struct instance_start start = {.id = ID, .flow = "FLOW", .started_ms = 1, .is_durable = true};
    struct store *store = NULL;
    struct error err = {0};
    CHECK_OK(store_open(&store, path, &err), &err); /* the schema goes into the database */
    store_close(store);
    CHECK_OK(store_open(&store, path, &err), &err);
    CHECK_OK(store_instance_start(store, &start, &err), &err);
    begin(&execution, &environment, store);
    CHECK_OK(journal_open(&execution.journal, store, ID, JOURNAL_RECORD, &err), &err);
    perform(&execution);
    execution_release(&execution);
    files->live = take(&files->temporary, true);
    store_close(store);
    files->closed = take(&files->temporary, false);
}

static struct files files_make(void)
{
    struct files files = {.temporary = temporary_make()};
    log_configure(LOG_ERROR, LOG_PLAIN, 2);
    write_journal(temporary_path(&files.temporary, "sluice.db"), &files);
    return files;
}

static void image_release(struct image *image)
{
    buf_release(&image->database);
    buf_release(&image->wal);
}

static void files_release(struct files *files)
{
    image_release(&files->live);
    image_release(&files->closed);
    temporary_remove(&files->temporary);
}

static uint64_t draw(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void flip(struct buf *bytes, size_t offset, uint64_t random)
{
    bytes->data[offset] ^= (char)(1u << random % 8);
}

/* ---- tests ------------------------------------------------------------------------------------- */

static void all_is_there_and_the_last_call_is_in_doubt(void)
{
    struct files files = files_make();
    const struct image *const images[] = {&files.live, &files.closed};
    for (size_t i = 0; i < 2; i++) {
        struct repeat whole = repeat_damaged(&files, images[i], images[i]->wal.size);
        CHECK_EQ_INT(whole.answered, CALLS - 1);
        CHECK(whole.is_in_doubt && !whole.is_stopped);
    }
    files_release(&files);
}

/* A log that ends anywhere is a past that ends earlier: never damage, never a hole, never less for more. */
static void a_log_cut_anywhere_leaves_a_beginning(void)
{
    struct files files = files_make();
    const size_t frame = 24 + 4096, wal_size = files.live.wal.size;
    int before = 0;
    for (size_t cut = 0; cut <= wal_size; cut += 2039) {
        size_t boundary = 32 + cut / frame * frame, sizes[] = {cut, boundary - 1, boundary};
        for (size_t i = 0; i < (cut % frame < 2039 ? 3 : 1); i++) {
            struct repeat left = repeat_damaged(&files, &files.live, sizes[i] < wal_size ? sizes[i] : wal_size);
            CHECK(left.is_opened && !left.is_stopped);
        }
        struct repeat left = repeat_damaged(&files, &files.live, cut);
        CHECK(left.answered >= before);
        before = left.answered;
    }
    CHECK(before >= CALLS - 2 - CHANGES);
    files_release(&files);
}

static void a_log_with_flipped_bits_ends_before_them(void)
{
    struct files files = files_make();
    uint64_t random = 1;
    for (int seed = 0; seed < 60; seed++) {
        size_t offset = draw(&random) % files.live.wal.size;
        uint64_t bit = draw(&random);
        flip(&files.live.wal, offset, bit);
        struct repeat left = repeat_damaged(&files, &files.live, files.live.wal.size);
        CHECK(left.is_opened && !left.is_stopped);
        flip(&files.live.wal, offset, bit);
    }
    files_release(&files);
}

/* Pages of a database carry no checksum; the records do. */
static void a_flipped_bit_in_the_database_is_never_an_answer(void)
{
    struct files files = files_make();
    struct buf *database = &files.closed.database;
    uint64_t random = 7;
    int noticed = 0;
    const char *journal = memmem(database->data, database->size, "answer 20:", 10);
    CHECK(journal != NULL);
    size_t page = journal ? (size_t)(journal - database->data) & ~(size_t)4095 : 0;
    for (int seed = 0; seed < 160; seed++) {
        size_t offset = seed % 4 ? page + draw(&random) % 4096 : draw(&random) % database->size;
        uint64_t bit = draw(&random);
        flip(database, offset, bit);
        struct repeat left = repeat_damaged(&files, &files.closed, 0);
        noticed += !left.is_opened || left.is_stopped;
        flip(database, offset, bit);
    }
    CHECK(noticed >= 80);
    files_release(&files);
}

static void a_damaged_record_says_what_to_do(void)
{
    struct files files = files_make();
    struct buf *database = &files.closed.database;
    char *answer = memmem(database->data, database->size, "answer 20:", 10);
    CHECK(answer != NULL);
    if (answer)
        answer[7] ^= 1;
    struct repeat left = repeat_damaged(&files, &files.closed, 0);
    CHECK(left.is_stopped);
    CHECK_EQ_INT(left.answered, 20);
    CHECK_CONTAINS(left.why, "record 20 of the journal is damaged");
    CHECK_CONTAINS(left.why, "sluice discard");
    files_release(&files);
}

/* What was written for one place is nothing at another. */
static void a_seal_belongs_to_its_place(void)
{
    const struct journal_place place = {ID, 3, "ftp.look", "request", 7};
    struct journal_place other = place;
    struct buf bytes;
    size_t size;
    buf_init(&bytes, 64);
    buf_append_text(&bytes, "result");
    journal_seal(&place, JOURNAL_RESULT, &bytes);
    CHECK_EQ_INT(bytes.size, 6 + JOURNAL_SEAL_SIZE);
    size = bytes.size;
    CHECK(journal_unseal(&place, JOURNAL_RESULT, bytes.data, &size));
    CHECK_EQ_INT(size, 6);
#define IS_REFUSED(at, part) (size = bytes.size, !journal_unseal(at, part, bytes.data, &size))
    CHECK(IS_REFUSED(&place, JOURNAL_PLAN));
    other.number = 4;
    CHECK(IS_REFUSED(&other, JOURNAL_RESULT));
    other = place;
    other.instance = "AAAAbbbbccccddddeeee12";
    CHECK(IS_REFUSED(&other, JOURNAL_RESULT));
    other = place;
    other.import = "ftp.loo";
    CHECK(IS_REFUSED(&other, JOURNAL_RESULT));
    other = place;
    other.request_size = 6;
    CHECK(IS_REFUSED(&other, JOURNAL_RESULT));
    for (size = 0; size < bytes.size; size++) {
        size_t left = size;
        CHECK(!journal_unseal(&place, JOURNAL_RESULT, bytes.data, &left));
    }
    buf_release(&bytes);
}

/* What a person reads of a call with three texts, which is so long. */
static void show_request(size_t size, struct buf *out)
{
    static const struct import import = {
        .capability = "ftp", .name = "look", .full_name = "ftp.look", .parameter_count = 3,
        .parameters = {{PARAMETER_TEXT, "a"}, {PARAMETER_TEXT, "b"}, {PARAMETER_TEXT, "c"}}};
    static char text[201];
    memset(text, 'x', 200);
    const char *last = text + (3 * (200 + 4) - 2 - size); /* with quotes, and commas between them */
    struct call call = {.import = &import, .args = {{.text = text, .size = 200},
                                                    {.text = text, .size = 200},
                                                    {.text = last, .size = (uint32_t)strlen(last)}}};
    buf_init(out, 4096);
    journal_value_request(&call, out);
}

static void a_request_is_shown_up_to_the_limit(void)
{
    for (size_t size = JOURNAL_SHOWN_MAX; size <= JOURNAL_SHOWN_MAX + 1; size++) {
        struct buf whole;
        show_request(size, &whole);
        CHECK_EQ_INT(whole.size, JOURNAL_DIGEST_SIZE + JOURNAL_SHOWN_MAX);
        CHECK_EQ_INT(whole.data[JOURNAL_DIGEST_SIZE], '\'');
        CHECK_EQ_INT(whole.data[whole.size - 1], size > JOURNAL_SHOWN_MAX ? 'x' : '\'');
        buf_release(&whole);
    }
}

/* ---- files ------------------------------------------------------------------------------------- */

static const struct import open_file = {
    .capability = "ftp", .name = "open", .full_name = "ftp.open", .effect = SLUICE_EFFECT_READ};

static char connection_name[] = "C";

struct places {
    struct connection old_connection, new_connection;
    struct snapshot held, current; /* the second took the place of the first while the execution ran */
    struct workspace workspace;
};

static struct remote_file *new_file(const struct connection *connection)
{
    struct remote_file *file = calloc(1, sizeof *file);
    file->connection = connection;
    file->folder = strdup("/f");
    file->name = strdup("a.csv");
    file->info.modified_s = 7;
    return file;
}

static struct call open_call(struct execution *execution, struct environment *environment,
                             struct places *places)
{
    struct error err = {0};
    begin(execution, environment, environment->store);
    execution->snapshot = snapshot_hold(&places->held);
    CHECK_OK(journal_open(&execution->journal, environment->store, ID, JOURNAL_RECORD, &err), &err);
    return (struct call){.execution = execution, .import = &open_file};
}

/* What is answered points to what the execution holds, whatever was read anew since: else a renaming would
 * not know the version that was opened, and the file would point to what may go any time. */
static void a_file_is_of_the_connections_that_the_execution_holds(void)
{
    static struct execution execution;
    struct places places = {.old_connection = {.name = connection_name},
                          .new_connection = {.name = connection_name}};
    struct temporary temporary = temporary_make();
    struct error err = {0};
    struct environment environment = {.workspace = &places.workspace};
    const struct instance_start start = {.id = ID, .flow = "FLOW", .started_ms = 1, .is_durable = true};
    char what[32], found[ANSWER_MAX];
    int32_t result = 0, ignored;
    places.held = (struct snapshot){
        .connections = &places.old_connection, .connection_count = 1, .holders = 1};
    places.current = (struct snapshot){
        .connections = &places.new_connection, .connection_count = 1, .holders = 1};
    places.workspace.snapshot = &places.current;
    CHECK_OK(store_open(&environment.store, temporary_path(&temporary, "sluice.db"), &err), &err);
    CHECK_OK(store_instance_start(environment.store, &start, &err), &err);
    struct call call = open_call(&execution, &environment, &places);
    CHECK(!journal_answers(&call, &result));
    result = call_open_handle(&call, HANDLE_FILE, new_file(&places.old_connection), object_release_file);
    journal_result(&call, result);
    call = make_call(&execution, CHANGES - 1, what, found);
    CHECK(!journal_answers(&call, &ignored));
    CHECK_OK(journal_announce(&call, "x", 1, JOURNAL_ON_DISK), &call.error); /* what was read with it */
    execution_release(&execution);
    store_close(environment.store);
    CHECK_OK(store_open(&environment.store, temporary_path(&temporary, "sluice.db"), &err), &err);
    call = open_call(&execution, &environment, &places);
    CHECK(journal_answers(&call, &result));
    const struct remote_file *file = handle_get(&execution.handles, (uint32_t)result, HANDLE_FILE);
    CHECK(file && file->connection == &places.old_connection);
    CHECK(opened_find(&execution.opened, &places.old_connection, "/f", "a.csv") != NULL);
    execution_release(&execution);
    store_close(environment.store);
    temporary_remove(&temporary);
}

CHECK_MAIN(TEST(all_is_there_and_the_last_call_is_in_doubt),
           TEST(a_log_cut_anywhere_leaves_a_beginning),
           TEST(a_log_with_flipped_bits_ends_before_them),
           TEST(a_flipped_bit_in_the_database_is_never_an_answer),
           TEST(a_damaged_record_says_what_to_do), TEST(a_seal_belongs_to_its_place),
           TEST(a_request_is_shown_up_to_the_limit),
           TEST(a_file_is_of_the_connections_that_the_execution_holds))
