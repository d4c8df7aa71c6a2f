/* SPDX-License-Identifier: MIT */
/* Pages of rows, and the connections they are read through; see store_walk.h. */
#include "store/store_walk.h"

#include <stdlib.h>

#include "store/store_internal.h"

#define READERS_IDLE_MAX 4

struct reader {
    sqlite3 *db;
    struct reader *next;
};

/* ---- connections ------------------------------------------------------------------------------- */

static void reader_free(struct reader *reader)
{
    sqlite3_close(reader->db);
    free(reader);
}

static struct reader *reader_open(struct store *store, struct error *err)
{
    struct reader *reader = calloc(1, sizeof *reader);
    if (!reader) {
        error_out_of_memory(err);
        return NULL;
    }
    if (store_connect(&reader->db, store->path, store->is_in_memory, err)) {
        sqlite3_exec(reader->db, "PRAGMA query_only = ON; PRAGMA cache_size = -1024", NULL, NULL, NULL);
        return reader;
    }
    reader_free(reader);
    return NULL;
}

static struct reader *reader_take(struct store *store, struct error *err)
{
    pthread_mutex_lock(&store->reading);
    struct reader *reader = store->idle;
    if (reader)
        store->idle = reader->next;
    pthread_mutex_unlock(&store->reading);
    return reader ? reader : reader_open(store, err);
}

static void reader_give_back(struct store *store, struct reader *reader)
{
    size_t idle = 0;
    pthread_mutex_lock(&store->reading);
    for (const struct reader *other = store->idle; other; other = other->next)
        idle++;
    bool has_room = idle < READERS_IDLE_MAX;
    if (has_room) {
        reader->next = store->idle;
        store->idle = reader;
    }
    pthread_mutex_unlock(&store->reading);
    if (!has_room)
        reader_free(reader);
}

void store_readers_close(struct store *store)
{
    while (store->idle) {
        struct reader *reader = store->idle;
        store->idle = reader->next;
        reader_free(reader);
    }
}

/* ---- pages ------------------------------------------------------------------------------------- */

void walk_begin(struct walk *walk, struct store *store, const char *sql, enum walk_order order,
                int64_t limit)
{
    (void)store_flush(store, NULL);
    *walk = (struct walk){
        .store = store,
        .sql = sql,
        .key = order == WALK_ASCENDING ? INT64_MIN : INT64_MAX,
        .left = limit > 0 ? limit : INT64_MAX,
    };
    arena_init(&walk->arena, WALK_ROW_SIZE_MAX + WALK_PAGE_SIZE);
}

void walk_bind_text(struct walk *walk, int parameter, const char *text)
{
    walk->parameters[parameter - 3].text = text;
    walk->parameters[parameter - 3].is_set = text != NULL;
}

void walk_bind_number(struct walk *walk, int parameter, int64_t number)
{
    walk->parameters[parameter - 3].number = number;
    walk->parameters[parameter - 3].is_set = true;
}

static int bind(const struct walk *walk, sqlite3_stmt *statement, int64_t rows_max)
{
    sqlite3_bind_int64(statement, 1, walk->key);
    sqlite3_bind_int64(statement, 2, rows_max);
    int code = SQLITE_OK;
    for (int i = 0; i < WALK_PARAMETERS_MAX && code == SQLITE_OK; i++) {
        if (!walk->parameters[i].is_set)
            continue;
        code = walk->parameters[i].text
                   ? sqlite3_bind_text(statement, i + 3, walk->parameters[i].text, -1, SQLITE_STATIC)
                   : sqlite3_bind_int64(statement, i + 3, walk->parameters[i].number);
    }
    return code;
}

static bool copy_row(struct walk *walk, sqlite3_stmt *statement)
{
    struct cell *cells = walk->cells + walk->rows * walk->columns;
    for (int i = 0; i < walk->columns; i++) {
        int type = sqlite3_column_type(statement, i);
        cells[i] = (struct cell){.text = NULL};
        if (type == SQLITE_INTEGER)
            cells[i].number = sqlite3_column_int64(statement, i);
        if (type == SQLITE_NULL || type == SQLITE_INTEGER)
            continue;
        const void *bytes = sqlite3_column_blob(statement, i);
        cells[i].size = (size_t)sqlite3_column_bytes(statement, i);
        cells[i].text = arena_copy(&walk->arena, bytes, cells[i].size);
        if (!cells[i].text)
            return error_out_of_memory(&walk->error);
    }
    walk->key = cells[0].number;
    walk->rows++;
    return true;
}

static bool read_rows(struct walk *walk, sqlite3 *db, sqlite3_stmt *statement, int64_t rows_max)
{
    walk->columns = sqlite3_column_count(statement);
    walk->cells = arena_alloc(&walk->arena,
                              (size_t)rows_max * (size_t)walk->columns * sizeof *walk->cells);
    if (!walk->cells)
        return error_out_of_memory(&walk->error);
    int code = bind(walk, statement, rows_max);
    while (code == SQLITE_OK && walk->arena.size < WALK_PAGE_SIZE) {
        code = sqlite3_step(statement);
        if (code != SQLITE_ROW)
            break;
        if (!copy_row(walk, statement))
            return false;
        code = SQLITE_OK;
    }
    walk->is_last_page = code == SQLITE_DONE && walk->rows < rows_max;
    return code == SQLITE_OK || code == SQLITE_DONE ||
           store_fail(db, code, &walk->error, "cannot read the store");
}

static bool read_page(struct walk *walk)
{
    int64_t rows_max = walk->left < WALK_PAGE_ROWS ? walk->left : WALK_PAGE_ROWS;
    arena_clear(&walk->arena);
    walk->row = walk->rows = 0;
    struct reader *reader = reader_take(walk->store, &walk->error);
    if (!reader)
        return false;
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(reader->db, walk->sql, -1, &statement, NULL);
    bool ok = code == SQLITE_OK ? read_rows(walk, reader->db, statement, rows_max)
                                : store_fail(reader->db, code, &walk->error, "cannot read the store");
    sqlite3_finalize(statement);
    reader_give_back(walk->store, reader);
    walk->left -= walk->rows;
    return ok;
}

bool walk_next(struct walk *walk)
{
    if (walk->row + 1 < walk->rows) {
        walk->row++;
        return true;
    }
    if (walk->has_failed || walk->is_last_page || walk->left == 0)
        return false;
    walk->has_failed = !read_page(walk);
    return !walk->has_failed && walk->rows > 0;
}

static const struct cell *cell_of(const struct walk *walk, int column)
{
    return &walk->cells[walk->row * walk->columns + column];
}

const char *walk_text(const struct walk *walk, int column)
{
    return cell_of(walk, column)->text;
}

size_t walk_size(const struct walk *walk, int column)
{
    return cell_of(walk, column)->size;
}

int64_t walk_number(const struct walk *walk, int column)
{
    return cell_of(walk, column)->number;
}

bool walk_end(struct walk *walk, struct error *err)
{
    arena_clear(&walk->arena);
    if (walk->has_failed && err)
        *err = walk->error;
    return !walk->has_failed;
}
