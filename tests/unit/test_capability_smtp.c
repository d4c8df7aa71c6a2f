/* SPDX-License-Identifier: MIT */
/* A mail on its way into the outbox while the store cannot be written: a durable execution goes on with it
 * later. The disk is full as SQLite is told so. */
#include <errno.h>

#include "capability/call.h"
#include "capability/handlers.h"
#include "capability/journal.h"
#include "store/store_outbox.h"
#include "unit/store_support.h"

#define ID "AAAAbbbbccccddddeeee11"

static bool is_full;
static sqlite3_syscall_ptr real_pwrite;

static ssize_t write_unless_full(int fd, const void *bytes, size_t size, off_t at)
{
    if (!is_full)
        return ((ssize_t (*)(int, const void *, size_t, off_t))real_pwrite)(fd, bytes, size, at);
    errno = ENOSPC;
    return -1;
}

static void watch_the_disk(void)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    real_pwrite = real_pwrite ? real_pwrite : vfs->xGetSystemCall(vfs, "pwrite64");
    CHECK_EQ_INT(vfs->xSetSystemCall(vfs, "pwrite64", (sqlite3_syscall_ptr)write_unless_full), SQLITE_OK);
}

static struct world begin(void)
{
    watch_the_disk();
    struct world world = world_make();
    const struct instance_start start = {.id = ID, .flow = "FLOW", .started_ms = 1, .is_durable = true};
    CHECK_OK(store_instance_start(world.store, &start, &world.err), &world.err);
    return world;
}

static struct argument text(const char *words)
{
    return (struct argument){.text = words, .size = (uint32_t)strlen(words)};
}

struct sending {
    bool ok, is_suspended, is_answered;
    struct error error;
};

static void call_send(struct execution *execution, struct sending *out)
{
    static char name[] = "M";
    const struct connection connection = {.name = name, .type = CONNECTION_SMTP};
    struct call call = {.execution = execution, .import = &imports[IMPORT_smtp_send], .connection = &connection,
                        .args = {text(name), text("f@utility.test"), text("a@utility.test"), text("done"),
                                 text("one file")}};
    int32_t result = 0;
    out->is_answered = journal_answers(&call, &result);
    if (!out->is_answered) {
        result = capability_smtp_send(&call);
        journal_result(&call, result);
    }
    out->ok = result == SLUICE_OK;
    out->is_suspended = execution->stop == FAULT_SUSPENDED;
    out->error = call.error;
}

/* As a process that takes up the instance, or begins it: its first call is to send the mail. */
static struct sending send(struct world *world)
{
    static struct execution execution;
    static char schedule[] = "schedule";
    static const struct manifest manifest = {.durability = DURABLE, .trigger_type = schedule};
    struct environment environment = {.store = world->store};
    struct sending out = {.ok = false};
    execution_init(&execution, &environment, &manifest);
    memcpy(execution.instance, ID, sizeof ID);
    CHECK_OK(journal_open(&execution.journal, world->store, ID, JOURNAL_RECORD, &world->err), &world->err);
    call_send(&execution, &out);
    is_full = false;
    CHECK_OK(journal_flush(execution.journal, &world->err), &world->err);
    execution_release(&execution);
    return out;
}

static void check_outbox(const struct world *world, int64_t expected)
{
    sqlite3 *other = other_open(world);
    CHECK_EQ_INT(other_ask(other, "SELECT count(*) FROM outbox WHERE instance = '" ID "'"), expected);
    sqlite3_close(other);
}

static void what_the_store_could_not_take_is_sent_later(void)
{
    struct world world = begin();
    is_full = true;
    struct sending first = send(&world);
    CHECK(!first.ok && first.is_suspended);
    CHECK_EQ_INT(first.error.kind, ERROR_UNAVAILABLE);
    CHECK_CONTAINS(first.error.message, "the disk is full");
    check_outbox(&world, 0);
    struct sending second = send(&world);
    CHECK(second.ok && !second.is_suspended && !second.is_answered);
    check_outbox(&world, 1);
    CHECK(send(&world).is_answered);
    check_outbox(&world, 1);
    world_release(&world);
}

/* A limit that somebody has set does not pass: the flow is told. */
static void a_full_outbox_is_a_result(void)
{
    struct world world = begin();
    sqlite3 *other = other_open(&world);
    char sql[400];
    snprintf(sql, sizeof sql,
             "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %u)"
             " INSERT INTO outbox (instance, message_id, connection, sender, recipients, subject, body, size,"
             " state, written_ms, next_ms)"
             " SELECT 'i', 'fill' || i, 'M', 'f@x', 'a@x', 'S' || i, 'text', 4, 'waiting', 500, 500 FROM n",
             STORE_OUTBOX_WAITING_MAX);
    other_run(other, sql);
    sqlite3_close(other);
    struct sending first = send(&world), second = send(&world);
    CHECK(!first.ok && !first.is_suspended);
    CHECK_EQ_INT(first.error.kind, ERROR_LIMIT);
    CHECK(second.is_answered && !second.ok);
    CHECK_EQ_INT(second.error.kind, ERROR_LIMIT);
    world_release(&world);
}

CHECK_MAIN(TEST(what_the_store_could_not_take_is_sent_later), TEST(a_full_outbox_is_a_result))
