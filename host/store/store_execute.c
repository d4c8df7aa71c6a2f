/* SPDX-License-Identifier: MIT */
/* Statements off the hot path; see store_internal.h. */
#include <stdarg.h>

#include "store/store_internal.h"

static void bind_all(sqlite3_stmt *statement, const char *types, va_list args)
{
    for (int column = 1; *types; types++, column++) {
        if (*types == 't')
            sqlite3_bind_text(statement, column, va_arg(args, const char *), -1, SQLITE_STATIC);
        else
            sqlite3_bind_int64(statement, column, va_arg(args, int64_t));
    }
}

bool store_execute(struct store *store, struct error *err, const char *sql, const char *types, ...)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL);
    va_list args;
    va_start(args, types);
    bind_all(statement, types, args);
    va_end(args);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    bool ok = code == SQLITE_DONE || code == SQLITE_ROW ||
              store_fail(store->db, code, err, "cannot write to the store");
    sqlite3_finalize(statement);
    return ok;
}

bool store_write(struct store *store, store_write_fn *fn, void *context, struct error *err)
{
    pthread_mutex_lock(&store->database);
    bool begun = store_begin(store, true, err);
    bool ok = begun && fn(store, context, err) && store_commit(store, err);
    if (begun && !ok)
        store_rollback(store);
    pthread_mutex_unlock(&store->database);
    return ok;
}
