/* SPDX-License-Identifier: MIT */
/*
 * A query walked in pages. A page is read through a connection of the reader's own and copied, then
 * the snapshot is given up: nothing that is done with a row, however slow, keeps the writer's log from
 * being taken back. Each page begins behind the key of the last row; so rows that come or go meanwhile
 * are seen or not, but none twice. Internal to the store. One thread per walk.
 *
 * A query gives its key as column 0, an integer, and orders by it; ?1 is the key to begin behind, ?2
 * the most rows. Parameters from ?3 on are bound with walk_bind_.... A query in another order leaves ?1
 * alone and has the rows that were read, bound anew for each row, as its OFFSET (store_query.c).
 */
#ifndef STORE_STORE_WALK_H
#define STORE_STORE_WALK_H
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "store/store.h"

#define WALK_PARAMETERS_MAX 24
#define WALK_PAGE_ROWS 128
#define WALK_PAGE_SIZE (1u << 20) /* bytes; a page ends with the row that reaches it */
#define WALK_ROW_SIZE_MAX (1u << 30)

enum walk_order { WALK_ASCENDING, WALK_DESCENDING };

struct cell {
    const char *text; /* with a NUL behind it; NULL: SQL's NULL, or an integer */
    size_t size;
    int64_t number;
};

struct walk {
    struct store *store;
    const char *sql;
    struct {
        const char *text; /* borrowed; NULL: number */
        int64_t number;
        bool is_set;
    } parameters[WALK_PARAMETERS_MAX];
    int64_t key, left;
    struct arena arena;
    struct cell *cells; /* rows of `columns` each */
    int columns, row, rows;
    bool is_last_page, has_failed;
    struct error error;
};

/* limit: the most rows in all; 0: no limit. Sees what this process handed in before. */
void walk_begin(struct walk *walk, struct store *store, const char *sql, enum walk_order order,
                int64_t limit);
void walk_bind_text(struct walk *walk, int parameter, const char *text); /* NULL: SQL's NULL */
void walk_bind_number(struct walk *walk, int parameter, int64_t number);

/* To the first or next row; false: there is none, or reading failed. */
bool walk_next(struct walk *walk);

/* Columns of the row, by the query's numbers; borrowed until the next walk_next. */
const char *walk_text(const struct walk *walk, int column);
size_t walk_size(const struct walk *walk, int column);
int64_t walk_number(const struct walk *walk, int column);

/* false: reading failed. */
MUST_USE bool walk_end(struct walk *walk, struct error *err);

/* ---- store_query.c ---- */

#define STORE_INSTANCE_COLUMNS                                                                     \
    "SELECT i.number, i.id, i.flow, i.flow_name, i.version, i.trigger, i.invoked_by, i.parent,"    \
    " i.parameters, i.state, i.module_digest, i.fault_code, i.fault_title, i.fault_detail,"        \
    " i.started_ms, i.finished_ms, i.exit_status, i.response_status, i.cpu_us, i.memory_bytes,"    \
    " i.import_calls,"                                                                             \
    " (SELECT count(*) FROM file f WHERE f.instance = i.number),"                                  \
    " (SELECT count(*) FROM file f WHERE f.instance = i.number AND f.state = 'transferred'),"      \
    " (SELECT count(*) FROM file f WHERE f.instance = i.number AND f.state = 'not_transferred'),"  \
    " (SELECT count(*) FROM file f WHERE f.instance = i.number AND f.state = 'postponed'),"        \
    " (SELECT r.origin FROM resubmission r WHERE r.instance = i.number),"                          \
    " (SELECT n.id FROM resubmission r JOIN instance n ON n.number = r.instance"                   \
    "  WHERE r.origin = i.id ORDER BY r.instance DESC LIMIT 1),"                                   \
    " (SELECT count(*) FROM resubmission r WHERE r.origin = i.id),"                                \
    " (SELECT d.at_ms FROM discarded d WHERE d.instance = i.number), i.durable, i.owner,"          \
    " i.tracing, i.trace, i.span, i.parent_span"                                                   \
    " FROM instance i"
/* The current row of a query over those columns. */
struct instance_row store_read_instance(const struct walk *walk);

/* Closes the connections that wait for the next reader. */
void store_readers_close(struct store *store);
#endif
