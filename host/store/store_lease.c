/* SPDX-License-Identifier: MIT */
/* The table of leases; see store_lease.h. */
#include "store/store_lease.h"

#include <stdio.h>

#include "store/store_internal.h"

struct taking {
    const struct lease *lease;
    struct lease_holder *holder;
};

/* Prefixes meet where one begins with the other. */
static bool find_holder(struct store *store, const struct taking *taking, struct error *err)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(
        store->db,
        "SELECT i.id, i.flow FROM lease l JOIN instance i ON i.id = l.instance"
        " WHERE l.place = ?1 AND i.state = 'IN_PROGRESS' AND i.id <> ?3"
        " AND (substr(l.prefix, 1, length(?2)) = ?2 OR substr(?2, 1, length(l.prefix)) = l.prefix)"
        " LIMIT 1", -1, &statement, NULL);
    sqlite3_bind_text(statement, 1, taking->lease->place, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, taking->lease->prefix, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 3, taking->lease->instance, -1, SQLITE_STATIC);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    if (code == SQLITE_ROW) {
        snprintf(taking->holder->instance, sizeof taking->holder->instance, "%s",
                 (const char *)sqlite3_column_text(statement, 0));
        snprintf(taking->holder->flow, sizeof taking->holder->flow, "%s",
                 (const char *)sqlite3_column_text(statement, 1));
    }
    bool ok = code == SQLITE_ROW || code == SQLITE_DONE ||
              store_fail(store->db, code, err, "cannot read the store");
    sqlite3_finalize(statement);
    return ok;
}

/* Leases of what has ended go along, so that the table stays as small as what is in progress. */
static bool take(struct store *store, void *context, struct error *err)
{
    const struct taking *taking = context;
    const struct lease *lease = taking->lease;
    *taking->holder = (struct lease_holder){0};
    if (!find_holder(store, taking, err))
        return false;
    if (taking->holder->instance[0])
        return error_set(err, ERROR_EXISTS, "instance %s has these files", taking->holder->instance);
    return store_execute(store, err,
                         "DELETE FROM lease WHERE NOT EXISTS (SELECT 1 FROM instance i"
                         " WHERE i.id = lease.instance AND i.state = 'IN_PROGRESS')", "") &&
           store_execute(store, err,
                         "INSERT OR REPLACE INTO lease (place, prefix, instance) VALUES (?, ?, ?)",
                         "ttt", lease->place, lease->prefix, lease->instance);
}

bool store_lease_take(struct store *store, const struct lease *lease, struct lease_holder *holder,
                      struct error *err)
{
    *holder = (struct lease_holder){0};
    if (store_write(store, take, &(struct taking){lease, holder}, err))
        return true;
    if (!holder->instance[0])
        err->kind = ERROR_UNAVAILABLE;
    return false;
}
