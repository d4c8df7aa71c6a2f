/* SPDX-License-Identifier: MIT */
/* Instances as JSON and how far they are counted, over a stand-in for the flow layer. */
#include "base/json.h"
#include "server/api_monitoring.h"
#include "store_support.h"

static struct workspace workspace = {.base_url = (char *)"http://h"};

struct workspace *service_workspace(const struct service *service)
{
    (void)service;
    return &workspace;
}

const struct manifest *service_manifest(const struct service *service, size_t index)
{
    (void)service, (void)index;
    return NULL;
}

bool service_find(const struct service *service, const char *name, size_t *index, struct error *err)
{
    (void)service, (void)index;
    return error_set(err, ERROR_NOT_FOUND, "no flow '%s'", name);
}

/* ---- details ---- */

/* How much is written of a detail of so many bytes, the last two of which are one character. */
static size_t written(struct store *store, size_t size, enum monitoring_form form)
{
    char detail[MONITORING_TEXT_MAX + 8];
    struct api_call call = {.store = store};
    struct buf text;
    struct error err = {0};
    memset(detail, 'x', size);
    memcpy(detail + size - 2, "\xC3\xA4", 3);
    const struct instance_row row = {.id = "AAAAbbbbccccddddeeee11", .flow = "FLOW", .state = "FAILED",
                                     .fault_code = "refused", .fault_detail = detail};
    buf_init(&text, 65536);
    document_init(&call.document);
    document_open(&call.document, NULL, '{');
    monitoring_write_instance(&call, &row, form);
    document_close(&call.document, '}');
    document_move(&call.document, &text);
    cJSON *root = json_parse(buf_text(&text), text.size, "instance", JSON_STRICT, &err);
    const char *shown = json_text(root, "errorDetails");
    size_t shown_size = shown ? strlen(shown) : 0;
    CHECK(shown && strncmp(shown, detail, shown_size) == 0);
    cJSON_Delete(root);
    buf_release(&text);
    return shown_size;
}

static void details_are_cut_in_lists(void)
{
    struct world world = world_make();
    for (enum monitoring_form form = MONITORING_BRIEF; form <= MONITORING_ITEM; form++) {
        CHECK_EQ_INT(written(world.store, MONITORING_TEXT_MAX, form), MONITORING_TEXT_MAX);
        CHECK_EQ_INT(written(world.store, MONITORING_TEXT_MAX + 1, form), MONITORING_TEXT_MAX - 1);
        CHECK_EQ_INT(written(world.store, MONITORING_TEXT_MAX + 2, form), MONITORING_TEXT_MAX);
    }
    CHECK_EQ_INT(written(world.store, MONITORING_TEXT_MAX + 2, MONITORING_WHOLE),
                 MONITORING_TEXT_MAX + 2);
    world_release(&world);
}

/* ---- totals ---- */

/* So many more executions, as if they had been. */
static void add_instances(const struct world *world, int count)
{
    sqlite3 *db = other_open(world);
    char sql[512];
    snprintf(sql, sizeof sql,
             "INSERT INTO instance (id, flow, state, owner, process, started_ms, finished_ms) "
             "WITH RECURSIVE more (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM more WHERE i < %d) "
             "SELECT hex(randomblob(11)), 'FLOW', 'COMPLETED', 0, 0, i, i FROM more", count);
    other_run(db, sql);
    sqlite3_close(db);
}

static int64_t total(struct store *store)
{
    struct api_call call = {.store = store};
    const struct store_filter filter = {.flow = "FLOW"};
    int64_t count = -1;
    CHECK(monitoring_count(&call, &filter, &count));
    return count;
}

static void totals_are_counted_up_to_the_limit(void)
{
    struct world world = world_make();
    add_instances(&world, API_TOTAL_MAX - 1);
    CHECK_EQ_INT(total(world.store), API_TOTAL_MAX - 1);
    add_instances(&world, 1);
    CHECK_EQ_INT(total(world.store), API_TOTAL_MAX);
    add_instances(&world, 1);
    CHECK_EQ_INT(total(world.store), API_TOTAL_MAX);
    world_release(&world);
}

CHECK_MAIN(TEST(details_are_cut_in_lists), TEST(totals_are_counted_up_to_the_limit))
