/* SPDX-License-Identifier: MIT */
/* What tests of the store share: a store in a temporary folder, short ways to write, another program. */
#ifndef TESTS_STORE_SUPPORT_H
#define TESTS_STORE_SUPPORT_H
#include <sqlite3.h>

#include "check.h"
#include "store/store.h"
#include "unit/temporary.h"

struct world {
    struct temporary temporary;
    struct store *store;
    struct error err;
};

static inline struct store *world_open(struct world *world)
{
    struct store *store = NULL;
    CHECK_OK(store_open(&store, temporary_path(&world->temporary, "state/sluice.db"), &world->err),
             &world->err);
    return store;
}

static inline struct world world_make(void)
{
    struct world world = {.temporary = temporary_make()};
    world.store = world_open(&world);
    return world;
}

static inline void world_release(struct world *world)
{
    store_close(world->store);
    temporary_remove(&world->temporary);
}

/* ---- writing ---- */

static inline bool start_instance(struct store *store, const char *id, bool is_tracked, struct error *err)
{
    const struct instance_start start = {.id = id, .flow = "FLOW", .parameters = "{}",
                                         .started_ms = 100, .input = "in", .input_size = 2,
                                         .is_tracked = is_tracked};
    return store_instance_start(store, &start, err);
}

static inline bool finish_instance(struct store *store, const char *id, enum instance_state state,
                            int64_t at_ms, struct error *err)
{
    const struct instance_end end = {.state = state, .finished_ms = at_ms, .response = "out",
                                     .response_size = 3};
    return store_instance_finish(store, id, &end, err);
}

static inline void note_activity(struct store *store, const char *id, const char *detail)
{
    store_activity(store, id, &(struct activity){.import = "log", .detail = detail});
}

/* ---- reading ---- */

static inline bool count_instance(void *context, const struct instance_row *row)
{
    (void)row;
    ++*(int *)context;
    return true;
}

static inline int count_state(struct store *store, const char *state)
{
    int rows = 0;
    struct error err = {0};
    const struct store_filter filter = {.state = state};
    CHECK_OK(store_instances(store, &filter, count_instance, &rows, &err), &err);
    return rows;
}

/* ---- another program at the same file ---- */

static inline sqlite3 *other_open(const struct world *world)
{
    sqlite3 *db = NULL;
    CHECK_EQ_INT(sqlite3_open(temporary_path(&world->temporary, "state/sluice.db"), &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 10000);
    return db;
}

static inline void other_run(sqlite3 *db, const char *sql)
{
    char *message = NULL;
    int code = sqlite3_exec(db, sql, NULL, NULL, &message);
    check_report(code == SQLITE_OK, __FILE__, __LINE__, message ? message : sql);
    sqlite3_free(message);
}

static inline int64_t other_ask(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    int64_t number = -1;
    CHECK_EQ_INT(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    if (sqlite3_step(statement) == SQLITE_ROW)
        number = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return number;
}
#endif
