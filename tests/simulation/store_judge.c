/* SPDX-License-Identifier: MIT */
/* See store_judge.h. */
#include "store_judge.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "world.h"

#define PATH_SIZE 512
#define NO_SUCH_USER "5.1.1 no such user" /* curl_smtp.c says so to a recipient, and to nothing else */

static bool copy(const char *from, const char *to)
{
    static char bytes[1 << 16];
    int in = open(from, O_RDONLY | O_CLOEXEC), out = -1;
    ssize_t size = -1;
    if (in >= 0)
        out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    while (out >= 0 && (size = read(in, bytes, sizeof bytes)) > 0)
        if (write(out, bytes, (size_t)size) != size)
            break;
    close(in);
    close(out);
    return size == 0;
}

/* Calls fn for each row of sql. */
static void each_row(sqlite3 *db, const char *sql, void (*fn)(sqlite3_stmt *row))
{
    sqlite3_stmt *row = NULL;
    int code = sqlite3_prepare_v2(db, sql, -1, &row, NULL);
    while (code == SQLITE_OK && (code = sqlite3_step(row)) == SQLITE_ROW) {
        fn(row);
        code = SQLITE_OK;
    }
    check_that(code == SQLITE_OK || code == SQLITE_DONE, "the store cannot be read: %s",
               sqlite3_errmsg(db));
    sqlite3_finalize(row);
}

static const char *text(sqlite3_stmt *row, int column)
{
    const unsigned char *value = sqlite3_column_text(row, column);
    return value ? (const char *)value : "";
}

static void judge_whole(sqlite3_stmt *row)
{
    check_that(strcmp(text(row, 0), "ok") == 0, "the store is damaged: %s", text(row, 0));
}

static void judge_open(sqlite3_stmt *row)
{
    check_that(false, "instance %s of %s is still in progress", text(row, 0), text(row, 1));
}

/* Runs say "transferred" once for each version that was delivered and marked; of one that others took away
 * while it was being marked they may say either. */
static void judge_told(const char *name, int told)
{
    int delivered = 0, marked = 0;
    for (unsigned i = 0; i < world->extract_count; i++) {
        const struct extract *extract = &world->extracts[i];
        bool is_it = strcmp(extract->name, name) == 0;
        delivered += is_it && extract->delivered > 0;
        marked += is_it && extract->marked > 0;
    }
    check_that(told >= marked && told <= delivered,
               "'%s' is told to be transferred %d times, it was delivered %d times and marked %d times",
               name, told, delivered, marked);
}

static void judge_file(sqlite3_stmt *row)
{
    judge_told(text(row, 0), sqlite3_column_int(row, 1));
}

static bool is_first_of_name(unsigned index)
{
    for (unsigned i = 0; i < index; i++)
        if (strcmp(world->extracts[i].name, world->extracts[index].name) == 0)
            return false;
    return true;
}

static const struct mail_seen *find_mail(const char *message_id)
{
    for (unsigned i = 0; i < world->mail_count; i++)
        if (strstr(world->mails[i].message_id, message_id))
            return &world->mails[i];
    return NULL;
}

/* Given up with some left: the message was refused, or its time is over. What was said of one recipient is
 * no reason. */
static bool is_left(sqlite3_stmt *row, const char *address)
{
    const char *pending = text(row, 5);
    return strcmp(text(row, 1), "given_up") == 0 && !strstr(text(row, 2), NO_SUCH_USER) &&
           (!pending[0] || strstr(pending, address));
}

/* Somebody who does not have it is named with the reason, or was left when it was given up. */
static void judge_recipient(sqlite3_stmt *row, const struct mail_seen *mail, const char *address)
{
    char in_mail[300], in_refused[300];
    const char *refused = text(row, 3);
    snprintf(in_mail, sizeof in_mail, "<%s>", address);
    snprintf(in_refused, sizeof in_refused, "%s: ", address);
    check_that((mail && strstr(mail->recipients, in_mail)) || strstr(refused, in_refused) ||
                   is_left(row, address),
               "mail %s is %s, %s does not have it and is not named as refused", text(row, 0),
               text(row, 1), address);
}

static void judge_recipients(sqlite3_stmt *row, const struct mail_seen *mail)
{
    char address[280];
    for (const char *at = text(row, 4); *at; at += strspn(at, ", ")) {
        snprintf(address, sizeof address, "%.*s", (int)strcspn(at, ","), at);
        judge_recipient(row, mail, address);
        at += strlen(address);
    }
}

/* What the outbox says is sent, the mail server has; what is given up has a reason; nothing is left, and
 * nobody is forgotten. */
static void judge_mail(sqlite3_stmt *row)
{
    const char *message_id = text(row, 0), *state = text(row, 1);
    const struct mail_seen *mail = find_mail(message_id);
    bool is_noted = world->mail_count < MAILS_MAX; /* else not all were */
    check_that(strcmp(state, "waiting") != 0, "mail %s still waits", message_id);
    check_that(strcmp(state, "sent") != 0 || mail || !is_noted,
               "mail %s is said to be sent, nobody has it", message_id);
    check_that(strcmp(state, "given_up") != 0 || text(row, 2)[0] || text(row, 3)[0],
               "mail %s is given up without a reason", message_id);
    if (is_noted && strcmp(state, "waiting") != 0)
        judge_recipients(row, mail);
}

/* Each run that completed wrote its own mail, as the flags of the workspace want it; one that failed by itself
 * did, or the error handler that it called. */
#define TRANSFERS "'OUTL-BA-CCS_DACS_CUST_SYNC_FTP', 'OUTL-BA-CCS_DACS_CUST_SYNC_OS'"
#define TOLD_BY(id)                                                                                \
    "EXISTS (SELECT 1 FROM outbox o WHERE o.instance = " id                                        \
    " OR (o.held > 0 AND instr(o.body, " id ") > 0))"
#define NOTICES                                                                                    \
    "SELECT i.id, i.flow, i.state, " TOLD_BY("i.id") " OR (i.state = 'FAILED' AND"                 \
    "  EXISTS (SELECT 1 FROM instance c WHERE c.parent = i.id AND " TOLD_BY("c.id") "))"           \
    " FROM instance i WHERE (i.state = 'COMPLETED' AND i.flow IN (" TRANSFERS ", 'OUTL-BA-CCS_DACS_ERR_HNDLR'))" \
    " OR (i.state = 'FAILED' AND i.flow IN (" TRANSFERS ") AND i.fault_code <> 'wall_deadline')"

static void judge_notice(sqlite3_stmt *row)
{
    check_that(sqlite3_column_int(row, 3), "instance %s of %s is %s, and no mail says so", text(row, 0),
               text(row, 1), text(row, 2));
}

/* A final state tells what happened. */
static void judge_ended(sqlite3_stmt *row)
{
    bool is_completed = strcmp(text(row, 1), "COMPLETED") == 0;
    check_that(is_completed ? sqlite3_column_int(row, 2) == 0 : text(row, 3)[0] || text(row, 4)[0],
               "instance %s is %s and does not tell why", text(row, 0), text(row, 1));
}

/* Those of which no run says so. */
static void judge_untold(sqlite3 *db)
{
    for (unsigned i = 0; i < world->extract_count; i++) {
        sqlite3_stmt *row = NULL;
        const char *name = world->extracts[i].name;
        if (!is_first_of_name(i))
            continue;
        int code = sqlite3_prepare_v2(
            db, "SELECT 1 FROM file f JOIN instance i ON i.number = f.instance WHERE f.name = ?"
                " AND f.state = 'transferred' AND i.parent IS NULL", -1, &row, NULL);
        sqlite3_bind_text(row, 1, name, -1, SQLITE_STATIC);
        if (code == SQLITE_OK && sqlite3_step(row) == SQLITE_DONE)
            judge_told(name, 0);
        sqlite3_finalize(row);
    }
}

void store_judge(const char *workspace, bool is_end)
{
    char from[PATH_SIZE], to[PATH_SIZE];
    sqlite3 *db = NULL;
    snprintf(from, sizeof from, "%s/state/sluice.db", workspace);
    snprintf(to, sizeof to, "%s/copy.db", workspace);
    if (!copy(from, to))
        return; /* the host did not get as far as making one */
    snprintf(from, sizeof from, "%s/state/sluice.db-wal", workspace);
    snprintf(to, sizeof to, "%s/copy.db-wal", workspace);
    if (!copy(from, to))
        unlink(to);
    snprintf(from, sizeof from, "%s/state/sluice.db-journal", workspace);
    snprintf(to, sizeof to, "%s/copy.db-journal", workspace);
    if (!copy(from, to))
        unlink(to);
    snprintf(to, sizeof to, "%s/copy.db", workspace);
    if (sqlite3_open_v2(to, &db, SQLITE_OPEN_READWRITE, "unix") != SQLITE_OK)
        violation("the store cannot be opened: %s", sqlite3_errmsg(db));
    else
        each_row(db, "PRAGMA integrity_check", judge_whole);
    if (is_end) {
        each_row(db, "SELECT id, flow FROM instance WHERE state = 'IN_PROGRESS'", judge_open);
        each_row(db, "SELECT message_id, state, error, refused, recipients, pending FROM outbox",
                 judge_mail);
        each_row(db, NOTICES, judge_notice);
        each_row(db,
                 "SELECT id, state, exit_status, fault_title, fault_detail FROM instance"
                 " WHERE state <> 'IN_PROGRESS'",
                 judge_ended);
        each_row(db,
                 "SELECT f.name, count(*) FROM file f JOIN instance i ON i.number = f.instance"
                 " WHERE f.state = 'transferred' AND i.parent IS NULL GROUP BY f.name",
                 judge_file);
        judge_untold(db);
    }
    sqlite3_close(db);
}
