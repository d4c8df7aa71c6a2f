/* SPDX-License-Identifier: MIT */
/* The outbox's states, its claims between two handles of one store, and its limits. */
#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>

#include "base/buf.h"
#include "unit/outbox_support.h"

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
           TEST(mails_are_found_by_the_tree_of_their_instance),
           TEST(what_ended_is_purged_and_what_waits_stays),
           TEST(changes_are_heard_of_in_other_processes))
