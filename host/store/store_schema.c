/* SPDX-License-Identifier: MIT */
/*
 * The schema as numbered migrations: migrations[n] leads from user_version n to n + 1 and is never
 * changed once released. Runs at open, before other threads exist.
 */
#include "store/store_internal.h"

#define APPLICATION_ID "1397511241" /* "SLUI"; `file sluice.db` shows it */

static const char *const migrations[STORE_SCHEMA_VERSION] = {
    "CREATE TABLE instance ("
    "  number INTEGER PRIMARY KEY," /* order of starting */
    "  id TEXT NOT NULL UNIQUE,"
    "  flow TEXT NOT NULL, flow_name TEXT, version TEXT, module_digest TEXT,"
    "  trigger TEXT, invoked_by TEXT, parent TEXT, parameters TEXT,"
    "  state TEXT NOT NULL,"
    "  owner INTEGER NOT NULL, process INTEGER NOT NULL,"
    "  started_ms INTEGER NOT NULL, finished_ms INTEGER NOT NULL DEFAULT 0,"
    "  exit_status INTEGER NOT NULL DEFAULT 0, response_status INTEGER NOT NULL DEFAULT 0,"
    "  fault_code TEXT, fault_title TEXT, fault_detail TEXT,"
    "  cpu_us INTEGER NOT NULL DEFAULT 0, memory_bytes INTEGER NOT NULL DEFAULT 0,"
    "  import_calls INTEGER NOT NULL DEFAULT 0"
    ") STRICT;"
    "CREATE INDEX instance_by_start ON instance (started_ms);"
    "CREATE INDEX instance_by_parent ON instance (parent) WHERE parent IS NOT NULL;"
    "CREATE INDEX instance_running ON instance (owner) WHERE state = 'IN_PROGRESS';"
    "CREATE TABLE payload ("
    "  instance INTEGER NOT NULL REFERENCES instance (number) ON DELETE CASCADE,"
    "  which TEXT NOT NULL, bytes BLOB NOT NULL,"
    "  PRIMARY KEY (instance, which)"
    ") STRICT;"
    "CREATE TABLE activity ("
    "  number INTEGER PRIMARY KEY,"
    "  instance INTEGER NOT NULL REFERENCES instance (number) ON DELETE CASCADE,"
    "  at_ms INTEGER NOT NULL, duration_us INTEGER NOT NULL,"
    "  import TEXT NOT NULL, connection TEXT, subject TEXT, result TEXT, detail TEXT,"
    "  bytes INTEGER NOT NULL"
    ") STRICT;"
    "CREATE INDEX activity_by_instance ON activity (instance, number);"
    "CREATE TABLE track ("
    "  number INTEGER PRIMARY KEY,"
    "  instance INTEGER NOT NULL REFERENCES instance (number) ON DELETE CASCADE,"
    "  name TEXT NOT NULL, value TEXT NOT NULL,"
    "  UNIQUE (instance, name)"
    ") STRICT;"
    "CREATE INDEX track_by_value ON track (value);"
    "CREATE TABLE file ("
    "  number INTEGER PRIMARY KEY,"
    "  instance INTEGER NOT NULL REFERENCES instance (number) ON DELETE CASCADE,"
    "  name TEXT NOT NULL, state TEXT NOT NULL, detail TEXT,"
    "  size INTEGER NOT NULL, at_ms INTEGER NOT NULL,"
    "  UNIQUE (instance, name)"
    ") STRICT;",

    /* resubmission: `instance` does again what `origin` (an id; it may be purged first) failed to do */
    "CREATE TABLE resubmission ("
    "  instance INTEGER PRIMARY KEY REFERENCES instance (number) ON DELETE CASCADE,"
    "  origin TEXT NOT NULL"
    ") STRICT;"
    "CREATE INDEX resubmission_by_origin ON resubmission (origin);"
    "CREATE INDEX instance_by_finish ON instance (finished_ms) WHERE parent IS NULL;"
    "CREATE TABLE discarded ("
    "  instance INTEGER PRIMARY KEY REFERENCES instance (number) ON DELETE CASCADE,"
    "  at_ms INTEGER NOT NULL"
    ") STRICT;",

    /* who was refused, and who changed what */
    "CREATE TABLE audit ("
    "  number INTEGER PRIMARY KEY,"
    "  at_ms INTEGER NOT NULL,"
    "  actor TEXT NOT NULL, address TEXT NOT NULL," /* user or client; peer, or "" for the machine */
    "  action TEXT NOT NULL, subject TEXT NOT NULL, outcome TEXT NOT NULL, detail TEXT"
    ") STRICT;"
    "CREATE INDEX audit_by_time ON audit (at_ms);"
    /* durable: left unfinished it is resumed; call_number: which call of the parent's journal it answers */
    "ALTER TABLE instance ADD COLUMN durable INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE instance ADD COLUMN call_number INTEGER;"
    "CREATE TABLE journal ("
    "  instance INTEGER NOT NULL REFERENCES instance (number) ON DELETE CASCADE,"
    "  number INTEGER NOT NULL," /* order of the calls, from 0 */
    "  import TEXT NOT NULL, request BLOB NOT NULL, plan BLOB, result BLOB,"
    "  PRIMARY KEY (instance, number)"
    ") STRICT, WITHOUT ROWID;"
    /* what people decided about flows */
    "CREATE TABLE activation ("
    "  flow TEXT NOT NULL, version TEXT NOT NULL,"
    "  decision INTEGER NOT NULL," /* enum decision */
    "  tracing TEXT,"              /* NULL: the workspace's */
    "  actor TEXT NOT NULL, at_ms INTEGER NOT NULL,"
    "  PRIMARY KEY (flow, version)"
    ") STRICT;"
    "ALTER TABLE instance ADD COLUMN tracing TEXT;"
    "ALTER TABLE activity ADD COLUMN request BLOB;"
    "ALTER TABLE activity ADD COLUMN response BLOB;"
    /* schedules; since_ms: what was due up to then is dealt with */
    "CREATE TABLE schedule ("
    "  flow TEXT PRIMARY KEY, state TEXT NOT NULL,"
    "  definition TEXT," /* instead of schedules.json */
    "  basis TEXT,"      /* the rule that since_ms belongs to */
    "  since_ms INTEGER NOT NULL,"
    "  actor TEXT NOT NULL, changed_ms INTEGER NOT NULL"
    ") STRICT;"
    "CREATE TABLE schedule_run ("
    "  number INTEGER PRIMARY KEY,"
    "  flow TEXT NOT NULL, due_ms INTEGER NOT NULL,"
    "  outcome TEXT NOT NULL, reason TEXT, instance TEXT,"
    "  first_ms INTEGER NOT NULL," /* of the times that this one stands for */
    "  owner INTEGER NOT NULL, at_ms INTEGER NOT NULL,"
    "  UNIQUE (flow, due_ms)"
    ") STRICT;"
    /* where an instance belongs in a distributed trace: ids in hexadecimal. No index: at random places it
     * would cost each execution a twentieth of its CPU time, for a question that people ask rarely. */
    "ALTER TABLE instance ADD COLUMN trace TEXT;"
    "ALTER TABLE instance ADD COLUMN span TEXT;"
    "ALTER TABLE instance ADD COLUMN parent_span TEXT;"
    /* the customisations that it began with: lines of name and digest */
    "ALTER TABLE instance ADD COLUMN filters TEXT;"
    /* mails on their way, and what became of them; instance: an id, it may be purged first; pending:
     * recipients that are left; held: a summary of so many */
    "CREATE TABLE outbox ("
    "  number INTEGER PRIMARY KEY,"
    "  instance TEXT NOT NULL, message_id TEXT NOT NULL UNIQUE,"
    "  connection TEXT NOT NULL, sender TEXT NOT NULL, recipients TEXT NOT NULL,"
    "  subject TEXT NOT NULL, body TEXT NOT NULL, size INTEGER NOT NULL,"
    "  state TEXT NOT NULL, pending TEXT, error TEXT, refused TEXT NOT NULL DEFAULT '',"
    "  attempts INTEGER NOT NULL DEFAULT 0, owner INTEGER NOT NULL DEFAULT 0,"
    "  written_ms INTEGER NOT NULL, next_ms INTEGER NOT NULL,"
    "  finished_ms INTEGER NOT NULL DEFAULT 0, held INTEGER NOT NULL DEFAULT 0"
    ") STRICT;"
    "CREATE INDEX outbox_due ON outbox (next_ms, number, owner, size) WHERE state = 'waiting';"
    "CREATE INDEX outbox_alike ON outbox (subject, written_ms);"
    "CREATE INDEX outbox_by_instance ON outbox (instance);"
    "CREATE INDEX outbox_by_finish ON outbox (finished_ms) WHERE finished_ms > 0;"
    /* what runs that are over left to be done */
    "CREATE TABLE reminder ("
    "  number INTEGER PRIMARY KEY,"
    "  kind TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL,"
    "  UNIQUE (kind, key)"
    ") STRICT;"
    /* lists by time of update, also of what flows called; and of what waits for somebody, however long ago:
     * in the words of store_query.c */
    "DROP INDEX instance_by_finish;"
    "CREATE INDEX instance_by_finish ON instance (finished_ms);"
    "CREATE INDEX instance_failed ON instance (number)"
    "  WHERE state IN ('FAILED', 'ABORTED') OR fault_code = 'suspended';",

    /* which instance in progress is at work on the files of a folder whose names begin with prefix */
    "CREATE TABLE lease ("
    "  place TEXT NOT NULL, prefix TEXT NOT NULL, instance TEXT NOT NULL,"
    "  PRIMARY KEY (place, prefix)"
    ") STRICT, WITHOUT ROWID;"
    /* mails that a summary tells of instead: they must not be told again */
    "CREATE TABLE folded ("
    "  message_id TEXT PRIMARY KEY,"
    "  instance INTEGER NOT NULL REFERENCES instance (number) ON DELETE CASCADE"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX folded_by_instance ON folded (instance);",
};

static bool run(sqlite3 *db, const char *sql, struct error *err)
{
    int code = sqlite3_exec(db, sql, NULL, NULL, NULL);
    return code == SQLITE_OK || store_fail(db, code, err, "cannot prepare the store");
}

static bool read_version(sqlite3 *db, int *version, struct error *err)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &statement, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    if (code == SQLITE_ROW)
        *version = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    return code == SQLITE_ROW || store_fail(db, code, err, "cannot read the store");
}

bool store_touch(sqlite3 *db, struct error *err)
{
    return run(db, "PRAGMA application_id = " APPLICATION_ID, err);
}

static bool apply(sqlite3 *db, int version, struct error *err)
{
    char sql[64];
    for (; version < STORE_SCHEMA_VERSION; version++) {
        snprintf(sql, sizeof sql, "PRAGMA user_version = %d", version + 1);
        if (!run(db, migrations[version], err) || !run(db, sql, err))
            return false;
    }
    return store_touch(db, err);
}

/* The version is read inside the write transaction: two processes may open a new store at once. */
static bool migrate_locked(sqlite3 *db, struct error *err)
{
    int version;
    if (!read_version(db, &version, err))
        return false;
    if (version > STORE_SCHEMA_VERSION)
        return error_set(err, ERROR_UNSUPPORTED,
                         "the store was written by a newer version of sluice (schema %d, this "
                         "version knows up to %d); use that version, nothing was changed",
                         version, STORE_SCHEMA_VERSION);
    return version == STORE_SCHEMA_VERSION || apply(db, version, err);
}

bool store_migrate(sqlite3 *db, struct error *err)
{
    int version;
    if (!read_version(db, &version, err))
        return false;
    if (version == STORE_SCHEMA_VERSION)
        return true;
    if (!run(db, "BEGIN IMMEDIATE", err))
        return false;
    if (migrate_locked(db, err) && run(db, "COMMIT", err))
        return true;
    sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    return false;
}
