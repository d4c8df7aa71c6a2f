/* SPDX-License-Identifier: MIT */
/* The outbox's states, its claims between two handles of one store, its limits, and storms. */
#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>

#include "base/buf.h"
#include "check.h"
#include "store/store_outbox.h"
#include "unit/temporary.h"

static struct world {
    struct temporary temporary;
    struct store *store, *other; /* two handles count as two processes */
    struct error err;
} world;

static const char *path(void)
{
    return temporary_path(&world.temporary, "state/sluice.db");
}

static void begin(void)
{
    world = (struct world){.temporary = temporary_make()};
    CHECK_OK(store_open(&world.store, path(), &world.err), &world.err);
    CHECK_OK(store_open(&world.other, path(), &world.err), &world.err);
}

static void end(void)
{
    store_close(world.store);
    store_close(world.other);
    temporary_remove(&world.temporary);
}

static struct outbox_mail mail_of(const char *message_id, int64_t at_ms)
{
    return (struct outbox_mail){.instance = message_id, .message_id = message_id, .connection = "M",
                                .from = "f@x", .to = "a@x, b@x", .subject = "S", .body = "text",
                                .written_ms = at_ms, .may_be_held = true};
}

static bool add(const char *message_id, int64_t at_ms)
{
    const struct outbox_mail mail = mail_of(message_id, at_ms);
    bool is_held;
    CHECK_OK(store_outbox_add(world.store, &mail, &is_held, &world.err), &world.err);
    return is_held;
}

/* ---- looking ---- */

struct seen {
    int count;
    int64_t number, attempts, next_ms, finished_ms, held;
    char message_id[64], state[16], pending[64], error[64], refused[128], body[64], connection[8];
};

static void copy(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from ? from : "-");
}

static bool see(void *context, const struct outbox_row *row)
{
    struct seen *seen = context;
    seen->count++;
    seen->number = row->number;
    seen->attempts = row->attempts;
    seen->next_ms = row->next_ms;
    seen->finished_ms = row->finished_ms;
    seen->held = row->held;
    copy(seen->message_id, sizeof seen->message_id, row->message_id);
    copy(seen->state, sizeof seen->state, row->state);
    copy(seen->pending, sizeof seen->pending, row->pending);
    copy(seen->error, sizeof seen->error, row->error);
    copy(seen->refused, sizeof seen->refused, row->refused);
    copy(seen->body, sizeof seen->body, row->body);
    copy(seen->connection, sizeof seen->connection, row->connection);
    return true;
}

static struct seen list(bool unsent_only)
{
    struct seen seen = {.count = 0};
    const struct outbox_filter filter = {.unsent_only = unsent_only};
    CHECK_OK(store_outbox_list(world.store, &filter, see, &seen, &world.err), &world.err);
    return seen;
}

static bool claim(struct store *store, int64_t now_ms, struct seen *seen)
{
    bool found = false;
    *seen = (struct seen){.count = 0};
    CHECK_OK(store_outbox_claim(store, now_ms, see, seen, &found, &world.err), &world.err);
    CHECK_EQ_INT(seen->count, found);
    return found;
}

static void settle(struct store *store, struct outbox_result result)
{
    CHECK_OK(store_outbox_settle(store, &result, &world.err), &world.err);
}

static int64_t due(int64_t now_ms)
{
    int64_t due_ms = 0;
    CHECK_OK(store_outbox_due(world.store, now_ms, &due_ms, &world.err), &world.err);
    return due_ms;
}

/* ---- states ---- */

static void a_mail_that_is_sent(void)
{
    struct seen seen;
    begin();
    CHECK_EQ_INT(due(0), INT64_MAX);
    CHECK(!claim(world.store, 1000, &seen));
    CHECK(!add("m1", 1000));
    CHECK_EQ_INT(due(0), 1000);
    CHECK(!claim(world.store, 999, &seen));
    CHECK(claim(world.store, 1000, &seen));
    CHECK_EQ_TEXT(seen.message_id, "m1");
    CHECK_EQ_TEXT(seen.body, "text");
    CHECK_EQ_TEXT(seen.pending, "-");
    CHECK_EQ_INT(seen.attempts, 1);
    settle(world.store, (struct outbox_result){.number = seen.number, .outcome = OUTBOX_SENT,
                                               .at_ms = 1500, .refused = "b@x: 550 no\n"});
    seen = list(false);
    CHECK_EQ_TEXT(seen.state, "sent");
    CHECK_EQ_TEXT(seen.refused, "b@x: 550 no\n");
    CHECK_EQ_TEXT(seen.body, "");
    CHECK_EQ_INT(seen.finished_ms, 1500);
    CHECK_EQ_INT(list(true).count, 0);
    CHECK_EQ_INT(due(0), INT64_MAX);
    CHECK(!claim(world.store, 99999, &seen));
    end();
}

static void the_same_mail_is_taken_once(void)
{
    struct seen seen;
    begin();
    add("m1", 1000);
    add("m1", 2000);
    CHECK_EQ_INT(list(false).count, 1);
    CHECK(claim(world.store, 3000, &seen));
    settle(world.store,
           (struct outbox_result){.number = seen.number, .outcome = OUTBOX_SENT, .at_ms = 3000});
    add("m1", 4000); /* not even after it was sent */
    seen = list(false);
    CHECK_EQ_INT(seen.count, 1);
    CHECK_EQ_TEXT(seen.state, "sent");
    end();
}

static void a_mail_that_has_to_wait(void)
{
    struct seen seen;
    begin();
    add("m1", 1000);
    CHECK(claim(world.store, 1000, &seen));
    settle(world.store, (struct outbox_result){.number = seen.number, .outcome = OUTBOX_LATER,
                                               .at_ms = 61000, .pending = "b@x",
                                               .error = "450 later", .refused = "c@x: 550\n"});
    CHECK_EQ_INT(due(0), 61000);
    CHECK(!claim(world.store, 60999, &seen));
    CHECK(claim(world.store, 61000, &seen));
    CHECK_EQ_INT(seen.attempts, 2);
    CHECK_EQ_TEXT(seen.pending, "b@x");
    CHECK_EQ_TEXT(seen.error, "450 later");
    settle(world.store, (struct outbox_result){.number = seen.number, .outcome = OUTBOX_LATER,
                                               .at_ms = 99000, .error = "down",
                                               .refused = "d@x: 550\n"});
    seen = list(true);
    CHECK_EQ_TEXT(seen.pending, "b@x");
    CHECK_EQ_TEXT(seen.error, "down");
    CHECK_EQ_TEXT(seen.refused, "c@x: 550\nd@x: 550\n");
    CHECK_EQ_TEXT(seen.body, "text");
    end();
}

static void a_dead_server_is_asked_once_for_all(void)
{
    struct seen seen;
    begin();
    add("m1", 1000);
    add("m2", 1000);
    struct outbox_mail elsewhere = mail_of("m3", 1000);
    bool is_held;
    elsewhere.connection = "N";
    CHECK_OK(store_outbox_add(world.store, &elsewhere, &is_held, &world.err), &world.err);
    CHECK(claim(world.store, 1000, &seen));
    settle(world.store, (struct outbox_result){.number = seen.number, .outcome = OUTBOX_LATER,
                                               .at_ms = 61000, .error = "refused",
                                               .is_about_server = true});
    CHECK(claim(world.store, 1000, &seen));
    CHECK_EQ_TEXT(seen.connection, "N");
    settle(world.store,
           (struct outbox_result){.number = seen.number, .outcome = OUTBOX_SENT, .at_ms = 1000});
    CHECK(!claim(world.store, 60999, &seen));
    CHECK(claim(world.store, 61000, &seen));
    end();
}

static void a_mail_that_is_given_up_and_taken_up_again(void)
{
    struct seen seen;
    struct outbox_count count;
    begin();
    add("m1", 1000);
    CHECK(claim(world.store, 1000, &seen));
    settle(world.store, (struct outbox_result){.number = seen.number, .outcome = OUTBOX_GIVEN_UP,
                                               .at_ms = 2000, .error = "550 never"});
    CHECK_OK(store_outbox_count(world.store, &count, &world.err), &world.err);
    CHECK_EQ_INT(count.waiting, 0);
    CHECK_EQ_INT(count.given_up, 1);
    CHECK_EQ_INT(due(0), INT64_MAX);
    CHECK_OK(store_outbox_retry(world.store, seen.number, 5000, &world.err), &world.err);
    CHECK_EQ_INT(due(0), 5000);
    CHECK(claim(world.store, 5000, &seen));
    CHECK_EQ_TEXT(seen.body, "text");
    end();
}

static void what_people_may_not_do(void)
{
    struct seen seen;
    begin();
    add("m1", 1000);
    CHECK_FAILS(store_outbox_retry(world.store, 7, 1, &world.err), &world.err, ERROR_NOT_FOUND);
    CHECK_FAILS(store_outbox_drop(world.store, 7, 1, &world.err), &world.err, ERROR_NOT_FOUND);
    CHECK(claim(world.store, 1000, &seen));
    CHECK_FAILS(store_outbox_drop(world.other, seen.number, 1, &world.err), &world.err,
                ERROR_EXISTS);
    settle(world.store, (struct outbox_result){.number = seen.number, .outcome = OUTBOX_LATER,
                                               .at_ms = 9000, .error = "x"});
    CHECK_OK(store_outbox_drop(world.other, seen.number, 2000, &world.err), &world.err);
    CHECK_EQ_TEXT(list(false).state, "dropped");
    CHECK_FAILS(store_outbox_drop(world.store, seen.number, 1, &world.err), &world.err,
                ERROR_REFUSED);
    CHECK_FAILS(store_outbox_retry(world.store, seen.number, 1, &world.err), &world.err,
                ERROR_REFUSED);
    end();
}

static void all_that_wait_are_due_at_once(void)
{
    struct seen seen;
    begin();
    add("m1", 500000);
    add("m2", 600000);
    CHECK(!claim(world.store, 1000, &seen));
    CHECK_OK(store_outbox_retry(world.store, 0, 1000, &world.err), &world.err);
    CHECK(claim(world.store, 1000, &seen));
    settle(world.store,
           (struct outbox_result){.number = seen.number, .outcome = OUTBOX_SENT, .at_ms = 1000});
    CHECK(claim(world.store, 1000, &seen));
    end();
}

/* ---- claims ---- */

static void a_claim_keeps_others_out(void)
{
    struct seen seen;
    begin();
    add("m1", 1000);
    add("m2", 1000);
    CHECK(claim(world.store, 2000, &seen));
    CHECK_EQ_TEXT(seen.message_id, "m1");
    CHECK(claim(world.other, 2000, &seen));
    CHECK_EQ_TEXT(seen.message_id, "m2");
    CHECK(!claim(world.other, 2000, &seen) || strcmp(seen.message_id, "m2") == 0);
    end();
}

static void a_claim_ends_with_its_process(void)
{
    struct seen seen;
    begin();
    add("m1", 1000);
    CHECK(claim(world.other, 2000, &seen));
    CHECK_EQ_INT(due(2000), 2000 + STORE_OUTBOX_LOOK_MS);
    CHECK(!claim(world.store, 2000, &seen));
    store_close(world.other);
    world.other = NULL;
    CHECK_EQ_INT(due(2000), 1000);
    CHECK(claim(world.store, 2000, &seen));
    CHECK_EQ_INT(seen.attempts, 2);
    end();
}

/* A child that claims the mail, says so and is killed before it can say what became of it. */
static void a_killed_process_loses_nothing(void)
{
    struct temporary temporary = temporary_make();
    struct store *store = NULL;
    struct error err = {0};
    const char *file = temporary_path(&temporary, "sluice.db");
    int ends[2], status;
    char byte = 0;
    CHECK_EQ_INT(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        const struct outbox_mail mail = mail_of("m1", 1000);
        struct seen seen = {.count = 0};
        bool is_held, found;
        bool ok = store_open(&store, file, &err) && store_outbox_add(store, &mail, &is_held, &err) &&
                  store_outbox_claim(store, 1000, see, &seen, &found, &err) && found;
        byte = ok ? 'y' : 'n';
        if (write(ends[1], &byte, 1) == 1)
            pause();
        _exit(1);
    }
    CHECK_EQ_INT(read(ends[0], &byte, 1), 1);
    CHECK_EQ_INT(byte, 'y');
    CHECK_EQ_INT(kill(pid, SIGKILL), 0);
    CHECK_EQ_INT(waitpid(pid, &status, 0), pid);
    CHECK_OK(store_open(&store, file, &err), &err);
    world = (struct world){.temporary = temporary, .store = store};
    struct seen seen;
    CHECK(claim(store, 1000, &seen));
    CHECK_EQ_TEXT(seen.message_id, "m1");
    close(ends[0]);
    close(ends[1]);
    end();
}

/* ---- limits ---- */

/* Mails of other subjects, written past the interface: one by one they would take minutes. */
static void fill(unsigned count)
{
    sqlite3 *db = NULL;
    char sql[512];
    snprintf(sql, sizeof sql,
             "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %u)"
             " INSERT INTO outbox (instance, message_id, connection, sender, recipients, subject,"
             " body, size, state, written_ms, next_ms)"
             " SELECT 'i', 'fill' || i, 'M', 'f@x', 'a@x', 'S' || i, 'text', 4, 'waiting', 500, 500"
             " FROM n",
             count);
    CHECK_EQ_INT(sqlite3_open(path(), &db), SQLITE_OK);
    CHECK_EQ_INT(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    CHECK_EQ_INT(sqlite3_changes(db), count);
    sqlite3_close(db);
}

static void the_outbox_is_full_at_its_limit_and_not_before(void)
{
    const struct outbox_mail full = mail_of("full", 1000);
    struct seen seen;
    bool is_held;
    begin();
    fill(STORE_OUTBOX_WAITING_MAX - 1);
    add("last", 1000);
    CHECK_FAILS(store_outbox_add(world.store, &full, &is_held, &world.err), &world.err, ERROR_LIMIT);
    CHECK_CONTAINS(world.err.message, "10000 mails wait");
    CHECK(claim(world.store, 1000, &seen));
    settle(world.store,
           (struct outbox_result){.number = seen.number, .outcome = OUTBOX_SENT, .at_ms = 1000});
    add("one-more", 1000);
    end();
}

static void bytes_are_limited_too(void)
{
    const size_t piece = STORE_OUTBOX_SIZE_MAX / 8;
    char *body = malloc(piece + 1), id[32];
    bool is_held;
    begin();
    memset(body, 'x', piece);
    body[piece] = '\0';
    for (int i = 0; i < 8; i++) {
        struct outbox_mail mail = mail_of(id, 1000);
        snprintf(id, sizeof id, "m%d", i);
        mail.body = body;
        CHECK_OK(store_outbox_add(world.store, &mail, &is_held, &world.err), &world.err);
    }
    const struct outbox_mail last = mail_of("last", 1000);
    CHECK_FAILS(store_outbox_add(world.store, &last, &is_held, &world.err), &world.err, ERROR_LIMIT);
    free(body);
    end();
}

/* ---- storms ---- */

static void a_storm_becomes_one_summary(void)
{
    char id[32];
    begin();
    for (int i = 0; i < STORE_OUTBOX_ALIKE_MAX; i++) {
        snprintf(id, sizeof id, "m%d", i);
        CHECK(!add(id, 1000 + i));
    }
    for (int i = 0; i < 200; i++) {
        snprintf(id, sizeof id, "held%d-", i);
        CHECK(add(id, 5000 + i));
    }
    struct seen seen = list(true);
    CHECK_EQ_INT(seen.count, STORE_OUTBOX_ALIKE_MAX + 1);
    CHECK_EQ_INT(seen.held, 200);
    CHECK_EQ_INT(seen.next_ms, 1000 + STORE_OUTBOX_ALIKE_MS);
    struct outbox_mail other = mail_of("other", 9000);
    bool is_held = true;
    other.subject = "T";
    CHECK_OK(store_outbox_add(world.store, &other, &is_held, &world.err), &world.err);
    CHECK(!is_held);
    other = mail_of("never", 9000);
    other.may_be_held = false;
    is_held = true;
    CHECK_OK(store_outbox_add(world.store, &other, &is_held, &world.err), &world.err);
    CHECK(!is_held);
    end();
}

static bool see_whole(void *context, const struct outbox_row *row)
{
    if (row->held > 0)
        buf_append_text(context, row->body);
    return true;
}

static void a_summary_names_instances_once_and_up_to_a_limit(void)
{
    char id[32];
    struct buf body;
    begin();
    buf_init(&body, 1u << 20);
    for (int i = 0; i < STORE_OUTBOX_ALIKE_MAX; i++) {
        snprintf(id, sizeof id, "m%d-", i);
        add(id, 1000);
    }
    for (int i = 0; i < STORE_OUTBOX_TOLD_MAX + 5; i++) {
        struct outbox_mail mail = mail_of(id, 1795487820000);
        bool is_held;
        snprintf(id, sizeof id, "held%d-", i);
        mail.written_ms = 2000;
        CHECK_OK(store_outbox_add(world.store, &mail, &is_held, &world.err), &world.err);
        struct outbox_mail again = mail;
        again.message_id = "again";
        if (i == 1)
            CHECK_OK(store_outbox_add(world.store, &again, &is_held, &world.err), &world.err);
    }
    CHECK_EQ_INT(list(true).held, STORE_OUTBOX_TOLD_MAX + 5);
    const struct outbox_filter all = {.limit = 0};
    CHECK_OK(store_outbox_list(world.store, &all, see_whole, &body, &world.err), &world.err);
    size_t lines = 0;
    for (const char *at = buf_text(&body); (at = strchr(at, '\n')); at++)
        lines++;
    CHECK_EQ_INT(lines, STORE_OUTBOX_TOLD_MAX);
    CHECK_CONTAINS(buf_text(&body), "1970-01-01T00:00:02.000Z  held1-\n");
    buf_release(&body);
    end();
}

static void after_a_summary_a_new_one_begins(void)
{
    struct seen seen;
    char id[32];
    begin();
    for (int i = 0; i < STORE_OUTBOX_ALIKE_MAX; i++) {
        snprintf(id, sizeof id, "m%d", i);
        add(id, 1000);
        CHECK(claim(world.store, 1000, &seen));
        settle(world.store,
               (struct outbox_result){.number = seen.number, .outcome = OUTBOX_SENT, .at_ms = 1000});
    }
    CHECK(add("held", 2000));
    CHECK(!claim(world.store, 1000 + STORE_OUTBOX_ALIKE_MS - 1, &seen));
    CHECK(claim(world.store, 1000 + STORE_OUTBOX_ALIKE_MS, &seen));
    CHECK_EQ_INT(seen.held, 1);
    CHECK(add("held2", 3000)); /* while the first one is under way */
    seen = list(true);
    CHECK_EQ_INT(seen.held, 1);
    CHECK_EQ_TEXT(seen.message_id, "held2");
    settle(world.store, (struct outbox_result){.number = seen.number - 1, .outcome = OUTBOX_SENT,
                                               .at_ms = 1000 + STORE_OUTBOX_ALIKE_MS});
    CHECK(claim(world.store, 1000 + STORE_OUTBOX_ALIKE_MS, &seen));
    CHECK_EQ_TEXT(seen.message_id, "held2");
    CHECK(!add("fresh", 1000 + STORE_OUTBOX_ALIKE_MS)); /* the hour of the first ones is over */
    end();
}

/* A run that was killed before it knew that its mail was taken hands it in again. */
static void what_a_summary_told_is_not_told_again(void)
{
    struct seen seen;
    char id[32];
    begin();
    for (int i = 0; i < STORE_OUTBOX_ALIKE_MAX; i++) {
        snprintf(id, sizeof id, "m%d", i);
        add(id, 1000);
        CHECK(claim(world.store, 1000, &seen));
        settle(world.store,
               (struct outbox_result){.number = seen.number, .outcome = OUTBOX_SENT, .at_ms = 1000});
    }
    for (int i = 0; i < 2; i++) {
        snprintf(id, sizeof id, "held%d", i);
        const struct instance_start start = {.id = id, .flow = "FLOW", .parameters = "{}", .started_ms = 1};
        CHECK_OK(store_instance_start(world.store, &start, &world.err), &world.err);
        CHECK(add(id, 2000));
    }
    CHECK(claim(world.store, 1000 + STORE_OUTBOX_ALIKE_MS, &seen));
    CHECK_EQ_INT(seen.held, 2);
    CHECK(add("held1", 2000)); /* while it is under way, and when it is sent */
    settle(world.store, (struct outbox_result){.number = seen.number, .outcome = OUTBOX_SENT,
                                               .at_ms = 1000 + STORE_OUTBOX_ALIKE_MS});
    CHECK(add("held0", 2000));
    CHECK(add("held1", 2000));
    CHECK_EQ_INT(list(false).count, STORE_OUTBOX_ALIKE_MAX + 1);
    CHECK(!claim(world.store, 1000 + 2 * STORE_OUTBOX_ALIKE_MS, &seen));
    end();
}

/* ---- around it ---- */

static void mails_are_found_by_the_tree_of_their_instance(void)
{
    static const struct {
        const char *id, *parent;
    } instances[] = {{"root", NULL}, {"child", "root"}, {"grandchild", "child"}, {"other", NULL}};
    begin();
    for (int i = 0; i < 4; i++) {
        const struct instance_start start = {.id = instances[i].id, .flow = "F", .trigger = "call",
                                             .parent = instances[i].parent, .started_ms = 1};
        CHECK_OK(store_instance_start(world.store, &start, &world.err), &world.err);
        add(instances[i].id, 1000);
    }
    static const struct {
        const char *id;
        int mails;
    } rows[] = {{"root", 3}, {"child", 2}, {"grandchild", 1}, {"other", 1}, {"nobody", 0}};
    for (int i = 0; i < 5; i++) {
        struct seen seen = {.count = 0};
        const struct outbox_filter filter = {.instance = rows[i].id};
        CHECK_OK(store_outbox_list(world.store, &filter, see, &seen, &world.err), &world.err);
        CHECK_EQ_INT(seen.count, rows[i].mails);
    }
    end();
}

static void what_ended_is_purged_and_what_waits_stays(void)
{
    struct seen seen;
    int purged = -1;
    begin();
    for (int i = 0; i < 3; i++) {
        char id[8];
        snprintf(id, sizeof id, "m%d", i);
        add(id, 1000);
        CHECK(claim(world.store, 1000, &seen));
        settle(world.store, (struct outbox_result){.number = seen.number, .outcome = OUTBOX_SENT,
                                                   .at_ms = 2000 + i});
    }
    add("waits", 1000);
    CHECK_OK(store_outbox_purge(world.store, 2002, 1, &purged, &world.err), &world.err);
    CHECK_EQ_INT(purged, 1);
    CHECK_OK(store_outbox_purge(world.store, 2002, 10, &purged, &world.err), &world.err);
    CHECK_EQ_INT(purged, 1);
    CHECK_EQ_INT(list(false).count, 2);
    CHECK_EQ_INT(list(true).count, 1);
    end();
}

static bool hears(int fd)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    return poll(&wait, 1, 5000) == 1;
}

static void changes_are_heard_of_in_other_processes(void)
{
    struct seen seen;
    int fd = -1;
    begin();
    CHECK_OK(store_outbox_watch(world.other, &fd, &world.err), &world.err);
    struct pollfd now = {.fd = fd, .events = POLLIN};
    CHECK_EQ_INT(poll(&now, 1, 0), 0);
    add("m1", 1000);
    CHECK(hears(fd));
    store_outbox_heard(fd);
    CHECK_EQ_INT(poll(&now, 1, 0), 0);
    CHECK(claim(world.store, 1000, &seen));
    settle(world.store, (struct outbox_result){.number = seen.number, .outcome = OUTBOX_LATER,
                                               .at_ms = 9000, .error = "x"});
    CHECK(hears(fd));
    store_outbox_heard(fd);
    CHECK_OK(store_outbox_retry(world.store, seen.number, 1, &world.err), &world.err);
    CHECK(hears(fd));
    close(fd);
    end();
}

CHECK_MAIN(TEST(a_mail_that_is_sent), TEST(the_same_mail_is_taken_once),
           TEST(a_mail_that_has_to_wait), TEST(a_dead_server_is_asked_once_for_all),
           TEST(a_mail_that_is_given_up_and_taken_up_again), TEST(what_people_may_not_do),
           TEST(all_that_wait_are_due_at_once), TEST(a_claim_keeps_others_out),
           TEST(a_claim_ends_with_its_process), TEST(a_killed_process_loses_nothing),
           TEST(the_outbox_is_full_at_its_limit_and_not_before), TEST(bytes_are_limited_too),
           TEST(a_storm_becomes_one_summary),
           TEST(a_summary_names_instances_once_and_up_to_a_limit),
           TEST(after_a_summary_a_new_one_begins),
           TEST(what_a_summary_told_is_not_told_again),
           TEST(mails_are_found_by_the_tree_of_their_instance),
           TEST(what_ended_is_purged_and_what_waits_stays),
           TEST(changes_are_heard_of_in_other_processes))
