/* SPDX-License-Identifier: MIT */
/* What changes the outbox; see store_outbox.h. Reading it is in store_outbox_read.c. */
#include "store/store_outbox.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "store/store_internal.h"

/* ---- statements ------------------------------------------------------------------------------ */

/* One statement inside a write: texts are bound first (from ?1), then numbers. NULL texts are NULL. */
struct query {
    const char *sql;
    const char *texts[8];
    size_t text_count;
    int64_t numbers[4];
    size_t number_count;
};

static bool begin_query(struct store *store, const struct query *query, sqlite3_stmt **out,
                        struct error *err)
{
    int code = sqlite3_prepare_v2(store->db, query->sql, -1, out, NULL);
    if (code != SQLITE_OK)
        return store_fail(store->db, code, err, "cannot prepare the outbox");
    int column = 1;
    for (size_t i = 0; i < query->text_count; i++)
        sqlite3_bind_text(*out, column++, query->texts[i], -1, SQLITE_STATIC);
    for (size_t i = 0; i < query->number_count; i++)
        sqlite3_bind_int64(*out, column++, query->numbers[i]);
    return true;
}

static bool end_query(struct store *store, sqlite3_stmt *statement, int code, struct error *err)
{
    sqlite3_finalize(statement);
    return code == SQLITE_ROW || code == SQLITE_DONE ||
           store_fail(store->db, code, err, "cannot write to the store");
}

/* values of the first row, or zeros; *found (may be NULL) says which. */
static bool ask(struct store *store, const struct query *query, int64_t values[], int count,
                bool *found, struct error *err)
{
    sqlite3_stmt *statement = NULL;
    if (!begin_query(store, query, &statement, err))
        return false;
    int code = sqlite3_step(statement);
    for (int i = 0; i < count; i++)
        values[i] = code == SQLITE_ROW ? sqlite3_column_int64(statement, i) : 0;
    if (found)
        *found = code == SQLITE_ROW;
    return end_query(store, statement, code, err);
}

static bool change(struct store *store, const struct query *query, struct error *err)
{
    return ask(store, query, NULL, 0, NULL, err);
}

/* ---- waking those who deliver ---------------------------------------------------------------- */

/* In whatever process: they watch the time of the file that every process has open anyway. */
static void wake(struct store *store)
{
    futimens(store->owner.fd, NULL);
}

/* ---- adding ---------------------------------------------------------------------------------- */

struct adding {
    const struct outbox_mail *mail;
    bool is_held, is_full;
};

#define ALIKE " connection = ?1 AND recipients = ?2 AND subject = ?3 "

static struct query about(const struct outbox_mail *mail, const char *sql)
{
    return (struct query){
        .sql = sql, .texts = {mail->connection, mail->to, mail->subject}, .text_count = 3};
}

/* "2026-11-24T02:37:00.000Z  instance": how a summary tells of a mail. */
static void tell(const struct outbox_mail *mail, char line[static 80])
{
    char time[CLOCK_TEXT_SIZE];
    snprintf(line, 80, "%s  %.40s\n", clock_format_ms(mail->written_ms, time), mail->instance);
}

/* Whoever hands it in again, after a crash say, finds it there. */
static bool remember(struct store *store, const struct outbox_mail *mail, struct error *err)
{
    const struct query query = {
        .sql = "INSERT INTO folded (message_id, instance) SELECT ?1, number FROM instance WHERE id = ?2",
        .texts = {mail->message_id, mail->instance},
        .text_count = 2,
    };
    return change(store, &query, err);
}

static bool fold_in(struct store *store, const struct outbox_mail *mail, int64_t number,
                    struct error *err)
{
    char line[80];
    tell(mail, line);
    const struct query query = {
        .sql = "UPDATE outbox SET body = CASE WHEN held < ?4 THEN body || ?1 ELSE body END,"
               " size = CASE WHEN held < ?4 THEN size + length(?1) ELSE size END, held = held + 1"
               " WHERE number = ?3 AND instr(body, ?2) = 0",
        .texts = {line, mail->instance},
        .text_count = 2,
        .numbers = {number, STORE_OUTBOX_TOLD_MAX},
        .number_count = 2,
    };
    return change(store, &query, err);
}

static bool insert(struct store *store, const struct outbox_mail *mail, const char *body,
                   int64_t next_ms, int64_t held, struct error *err)
{
    const struct query query = {
        .sql = "INSERT INTO outbox (instance, message_id, connection, sender, recipients, subject,"
               " body, state, size, written_ms, next_ms, held)"
               " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'waiting', ?8, ?9, ?10, ?11)",
        .texts = {mail->instance, mail->message_id, mail->connection, mail->from, mail->to,
                  mail->subject, body},
        .text_count = 7,
        .numbers = {(int64_t)strlen(body), mail->written_ms, next_ms, held},
        .number_count = 4,
    };
    return change(store, &query, err);
}

static bool check_room(struct store *store, struct adding *adding, struct error *err)
{
    static const struct query query = {
        .sql = "SELECT count(*), ifnull(sum(size), 0) FROM outbox WHERE state = 'waiting'"};
    int64_t values[2];
    if (!ask(store, &query, values, 2, NULL, err))
        return false;
    adding->is_full = true;
    if (values[0] >= STORE_OUTBOX_WAITING_MAX)
        return error_set(err, ERROR_LIMIT,
                         "the outbox is full: %u mails wait to be sent; see sluice outbox",
                         STORE_OUTBOX_WAITING_MAX);
    if (values[1] + (int64_t)strlen(adding->mail->body) > STORE_OUTBOX_SIZE_MAX)
        return error_set(err, ERROR_LIMIT,
                         "the outbox is full: mails of %lld bytes wait to be sent; see sluice outbox",
                         (long long)values[1]);
    adding->is_full = false;
    return true;
}

/* Begins a summary if as many mails like this one as may go out have been written lately. */
static bool hold_back(struct store *store, struct adding *adding, struct error *err)
{
    const struct outbox_mail *mail = adding->mail;
    struct query query = about(mail, "SELECT count(*), min(written_ms) FROM outbox WHERE" ALIKE
                                     "AND held = 0 AND written_ms > ?4 AND written_ms <= ?5");
    query.numbers[query.number_count++] = mail->written_ms - STORE_OUTBOX_ALIKE_MS;
    query.numbers[query.number_count++] = mail->written_ms + STORE_OUTBOX_ALIKE_MS;
    int64_t values[2];
    if (!ask(store, &query, values, 2, NULL, err))
        return false;
    if (values[0] < STORE_OUTBOX_ALIKE_MAX)
        return true;
    char line[80];
    tell(mail, line);
    adding->is_held = true;
    int64_t first_ms = values[1] < mail->written_ms ? values[1] : mail->written_ms;
    return insert(store, mail, line, first_ms + STORE_OUTBOX_ALIKE_MS, 1, err);
}

static bool is_there(struct store *store, struct adding *adding, bool *found, struct error *err)
{
    const struct query query = {.sql = "SELECT held > 0 FROM outbox WHERE message_id = ?1"
                                       " UNION ALL SELECT 1 FROM folded WHERE message_id = ?1",
                                .texts = {adding->mail->message_id},
                                .text_count = 1};
    int64_t is_held;
    bool ok = ask(store, &query, &is_held, 1, found, err);
    adding->is_held = ok && is_held;
    return ok;
}

static bool add(struct store *store, void *context, struct error *err)
{
    struct adding *adding = context;
    const struct outbox_mail *mail = adding->mail;
    bool found = false;
    int64_t summary = 0;
    adding->is_held = adding->is_full = false;
    if (!is_there(store, adding, &found, err) || found)
        return found;
    if (!mail->may_be_held)
        return check_room(store, adding, err) &&
               insert(store, mail, mail->body, mail->written_ms, 0, err);
    const struct query open_summary =
        about(mail, "SELECT number FROM outbox WHERE" ALIKE
                    "AND held > 0 AND state = 'waiting' AND attempts = 0 AND owner = 0");
    if (!ask(store, &open_summary, &summary, 1, &adding->is_held, err))
        return false;
    if (adding->is_held)
        return remember(store, mail, err) && fold_in(store, mail, summary, err);
    return check_room(store, adding, err) && hold_back(store, adding, err) &&
           (adding->is_held || insert(store, mail, mail->body, mail->written_ms, 0, err));
}

bool store_outbox_add(struct store *store, const struct outbox_mail *mail, bool *is_held,
                      struct error *err)
{
    struct adding adding = {.mail = mail};
    bool ok = store_write(store, add, &adding, err);
    *is_held = ok && adding.is_held;
    if (ok)
        wake(store);
    else if (!(adding.is_full && err->kind == ERROR_LIMIT)) /* full, but then the group failed as a whole */
        err->kind = ERROR_UNAVAILABLE;
    return ok;
}

/* ---- claiming -------------------------------------------------------------------------------- */

struct claiming {
    int64_t now_ms, number; /* 0: none is due */
};

/* The first one that no other living process has. */
static bool find_due(struct store *store, struct claiming *claiming, struct error *err)
{
    const struct query query = {
        .sql = "SELECT number, owner FROM outbox WHERE state = 'waiting'"
               " AND (next_ms <= ?1 OR next_ms > ?2) ORDER BY next_ms, number",
        .numbers = {claiming->now_ms, claiming->now_ms + STORE_OUTBOX_AHEAD_MS},
        .number_count = 2,
    };
    sqlite3_stmt *statement = NULL;
    int code;
    claiming->number = 0;
    if (!begin_query(store, &query, &statement, err))
        return false;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW && claiming->number == 0) {
        int64_t owner = sqlite3_column_int64(statement, 1);
        if (owner == store->owner.number || !store_owner_lives(&store->owner, owner))
            claiming->number = sqlite3_column_int64(statement, 0);
    }
    return end_query(store, statement, code, err);
}

static bool claim(struct store *store, void *context, struct error *err)
{
    struct claiming *claiming = context;
    if (!find_due(store, claiming, err))
        return false;
    if (claiming->number == 0)
        return true;
    const struct query query = {
        .sql = "UPDATE outbox SET owner = ?1, attempts = attempts + 1 WHERE number = ?2",
        .numbers = {store->owner.number, claiming->number},
        .number_count = 2,
    };
    return change(store, &query, err);
}

bool store_outbox_claim(struct store *store, int64_t now_ms, outbox_row_fn *fn, void *context,
                        bool *found, struct error *err)
{
    struct claiming claiming = {.now_ms = now_ms};
    *found = false;
    if (!store_write(store, claim, &claiming, err))
        return false;
    *found = claiming.number != 0;
    return !*found || store_outbox_read(store, claiming.number, fn, context, err);
}

/* ---- what became of it ----------------------------------------------------------------------- */

static bool write_ended(struct store *store, const struct outbox_result *result, struct error *err)
{
    bool is_sent = result->outcome == OUTBOX_SENT;
    const struct query query = {
        .sql = "UPDATE outbox SET state = ?1, error = ?2, refused = refused || ifnull(?3, ''),"
               " pending = coalesce(?4, pending), owner = 0, finished_ms = ?5,"
               " body = CASE WHEN ?7 THEN '' ELSE body END, size = CASE WHEN ?7 THEN 0 ELSE size END"
               " WHERE number = ?6",
        .texts = {is_sent ? "sent" : "given_up", result->error, result->refused, result->pending},
        .text_count = 4,
        .numbers = {result->at_ms, result->number, is_sent},
        .number_count = 3,
    };
    return change(store, &query, err);
}

static bool write_later(struct store *store, const struct outbox_result *result, struct error *err)
{
    const struct query one = {
        .sql = "UPDATE outbox SET pending = coalesce(?1, pending), error = ?2,"
               " refused = refused || ifnull(?3, ''), owner = 0, next_ms = ?4 WHERE number = ?5",
        .texts = {result->pending, result->error, result->refused},
        .text_count = 3,
        .numbers = {result->at_ms, result->number},
        .number_count = 2,
    };
    const struct query others = {
        .sql = "UPDATE outbox SET next_ms = ?1 WHERE state = 'waiting'"
               " AND (next_ms < ?1 OR next_ms > ?3)"
               " AND connection = (SELECT connection FROM outbox WHERE number = ?2)",
        .numbers = {result->at_ms, result->number, result->at_ms + STORE_OUTBOX_AHEAD_MS},
        .number_count = 3,
    };
    return change(store, &one, err) && (!result->is_about_server || change(store, &others, err));
}

static bool settle(struct store *store, void *context, struct error *err)
{
    const struct outbox_result *result = context;
    return result->outcome == OUTBOX_LATER ? write_later(store, result, err)
                                           : write_ended(store, result, err);
}

bool store_outbox_settle(struct store *store, const struct outbox_result *result,
                         struct error *err)
{
    struct outbox_result copy = *result;
    bool ok = store_write(store, settle, &copy, err);
    if (ok && result->outcome == OUTBOX_LATER)
        wake(store);
    return ok;
}

/* ---- what people do -------------------------------------------------------------------------- */

struct wanted {
    int64_t number, now_ms;
    bool drops;
};

/* Why a mail of that number could not be changed. */
static bool explain(struct store *store, const struct wanted *wanted, struct error *err)
{
    const struct query query = {
        .sql = "SELECT owner, state = 'waiting' FROM outbox WHERE number = ?1",
        .numbers = {wanted->number},
        .number_count = 1,
    };
    int64_t values[2];
    bool found = false;
    if (!ask(store, &query, values, 2, &found, err))
        return false;
    if (!found)
        return error_set(err, ERROR_NOT_FOUND, "the outbox has no mail %lld",
                         (long long)wanted->number);
    if (values[1])
        return error_set(err, ERROR_EXISTS, "mail %lld is being sent by a process right now",
                         (long long)wanted->number);
    return error_set(err, ERROR_REFUSED, "mail %lld was sent or dropped", (long long)wanted->number);
}

/* A claim that its process took with it when it died does not keep a mail from being dropped. */
static bool free_dead_claim(struct store *store, const struct wanted *wanted, struct error *err)
{
    struct query query = {.sql = "SELECT owner FROM outbox WHERE number = ?1 AND owner <> 0",
                          .numbers = {wanted->number},
                          .number_count = 1};
    int64_t owner;
    if (!ask(store, &query, &owner, 1, NULL, err))
        return false;
    query.sql = "UPDATE outbox SET owner = 0 WHERE number = ?1";
    return owner == 0 || store_owner_lives(&store->owner, owner) || change(store, &query, err);
}

static bool do_wanted(struct store *store, void *context, struct error *err)
{
    const struct wanted *wanted = context;
    const struct query query = {
        .sql = wanted->drops
                   ? "UPDATE outbox SET state = 'dropped', finished_ms = ?1, body = '', size = 0"
                     " WHERE number = ?2 AND owner = 0 AND state IN ('waiting', 'given_up')"
               : wanted->number
                   ? "UPDATE outbox SET state = 'waiting', next_ms = ?1, finished_ms = 0,"
                     " refused = CASE WHEN pending IS NULL THEN '' ELSE refused END" /* all are asked */
                     " WHERE number = ?2 AND state IN ('waiting', 'given_up')"
                   : "UPDATE outbox SET next_ms = ?1 WHERE state = 'waiting' AND held = 0",
        .numbers = {wanted->now_ms, wanted->number},
        .number_count = wanted->number ? 2 : 1,
    };
    if (wanted->drops && !free_dead_claim(store, wanted, err))
        return false;
    return change(store, &query, err) &&
           (wanted->number == 0 || sqlite3_changes(store->db) > 0 || explain(store, wanted, err));
}

bool store_outbox_retry(struct store *store, int64_t number, int64_t now_ms, struct error *err)
{
    struct wanted wanted = {.number = number, .now_ms = now_ms};
    bool ok = store_write(store, do_wanted, &wanted, err);
    if (ok)
        wake(store);
    return ok;
}

bool store_outbox_drop(struct store *store, int64_t number, int64_t now_ms, struct error *err)
{
    struct wanted wanted = {.number = number, .now_ms = now_ms, .drops = true};
    return store_write(store, do_wanted, &wanted, err);
}
