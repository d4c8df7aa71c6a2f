/* SPDX-License-Identifier: MIT */
/* Which messages, requests and answers the store keeps, and until when. */
#include "store/store.h"

#include <stdlib.h>

#include "base/buf.h"
#include "temporary.h"

#define ORIGIN "AAAAbbbbccccddddeeeeff"
#define AGAIN "BBBBbbbbccccddddeeeeff"

static struct temporary folder;
static struct error err;

static struct store *open_store(void)
{
    struct store *store = NULL;
    folder = temporary_make();
    CHECK_OK(store_open(&store, temporary_path(&folder, "sluice.db"), &err), &err);
    return store;
}

static void close_store(struct store *store)
{
    store_close(store);
    temporary_remove(&folder);
}

static void start(struct store *store, const char *id, const char *tracing, const char *resubmits)
{
    const struct instance_start start = {.id = id, .flow = "F", .trigger = "rest", .parameters = "{}",
                                         .tracing = tracing, .started_ms = 1000,
                                         .resubmits = resubmits,
                                         .input = resubmits ? NULL : "message", .input_size = 7};
    CHECK_OK(store_instance_start(store, &start, &err), &err);
}

static void finish(struct store *store, const char *id, enum instance_state state,
                   const char *response)
{
    const struct instance_end end = {.state = state, .finished_ms = 2000, .response = response,
                                     .response_size = response ? strlen(response) : 0};
    CHECK_OK(store_instance_finish(store, id, &end, &err), &err);
}

/* "message/answer" as far as they are kept. */
static const char *kept(struct store *store, const char *id)
{
    static char text[64];
    struct buf bytes;
    buf_init(&bytes, 60);
    CHECK_OK(store_payload(store, id, "input", &bytes, &err), &err);
    buf_append_char(&bytes, '/');
    CHECK_OK(store_payload(store, id, "response", &bytes, &err), &err);
    snprintf(text, sizeof text, "%s", buf_text(&bytes));
    buf_release(&bytes);
    return text;
}

static void a_message_is_kept_while_it_may_be_needed(void)
{
    struct store *store = open_store();
    start(store, ORIGIN, "production", NULL);
    CHECK_EQ_TEXT(kept(store, ORIGIN), "message/");
    finish(store, ORIGIN, INSTANCE_COMPLETED, NULL);
    CHECK_EQ_TEXT(kept(store, ORIGIN), "/");
    close_store(store);
}

static void with_a_journal_it_stays(void)
{
    struct store *store = open_store();
    const struct instance_start row = {.id = ORIGIN, .flow = "F", .flow_name = "Flow", .version = "1",
                                       .module_digest = "d", .trigger = "cli", .tracing = "production",
                                       .input = "message", .input_size = 7, .started_ms = 1000,
                                       .is_durable = true};
    CHECK_OK(store_instance_start(store, &row, &err), &err);
    finish(store, ORIGIN, INSTANCE_COMPLETED, NULL);
    CHECK_EQ_TEXT(kept(store, ORIGIN), "message/");
    close_store(store);
}

static void until_a_resubmission_completes(void)
{
    struct store *store = open_store();
    start(store, ORIGIN, "audit", NULL);
    finish(store, ORIGIN, INSTANCE_FAILED, NULL);
    start(store, AGAIN, "audit", ORIGIN);
    finish(store, AGAIN, INSTANCE_FAILED, NULL);
    CHECK_EQ_TEXT(kept(store, ORIGIN), "message/");
    start(store, "CCCCbbbbccccddddeeeeff", "audit", ORIGIN);
    finish(store, "CCCCbbbbccccddddeeeeff", INSTANCE_COMPLETED, NULL);
    CHECK_EQ_TEXT(kept(store, ORIGIN), "/");
    close_store(store);
}

static void or_somebody_discards_it(void)
{
    struct store *store = open_store();
    start(store, ORIGIN, NULL, NULL);
    finish(store, ORIGIN, INSTANCE_ABORTED, NULL);
    CHECK_EQ_TEXT(kept(store, ORIGIN), "message/");
    CHECK_OK(store_discard(store, ORIGIN, 3000, &err), &err);
    CHECK_EQ_TEXT(kept(store, ORIGIN), "/");
    close_store(store);
}

static void nothing_that_is_debugged_is_dropped(void)
{
    struct store *store = open_store();
    start(store, ORIGIN, STORE_TRACING_DEBUG, NULL);
    finish(store, ORIGIN, INSTANCE_FAILED, "answer");
    start(store, AGAIN, "production", ORIGIN);
    finish(store, AGAIN, INSTANCE_COMPLETED, NULL);
    CHECK_EQ_TEXT(kept(store, ORIGIN), "message/answer");
    close_store(store);
}

static bool take_sizes(void *context, const struct activity *row)
{
    char *text = context;
    snprintf(text + strlen(text), 128 - strlen(text), "%s %zu %zu; ", row->import, row->request_size,
             row->response_size);
    if (row->request_size > 0)
        CHECK(memcmp(row->request, "QQ", row->request_size > 1 ? 2 : 1) == 0);
    if (row->response_size > 0)
        CHECK(memcmp(row->response, "AA", row->response_size > 1 ? 2 : 1) == 0);
    return true;
}

static void requests_and_answers_are_cut(void)
{
    struct store *store = open_store();
    size_t size = STORE_CALL_PAYLOAD_MAX + 1;
    char *request = malloc(size), *answer = malloc(size), text[128] = "";
    memset(request, 'Q', size);
    memset(answer, 'A', size);
    start(store, ORIGIN, STORE_TRACING_DEBUG, NULL);
    store_activity(store, ORIGIN, &(struct activity){.import = "a", .request = request,
                   .request_size = STORE_CALL_PAYLOAD_MAX, .response = answer, .response_size = 1});
    store_activity(store, ORIGIN, &(struct activity){.import = "b", .request = request,
                   .request_size = 0, .response = answer, .response_size = size});
    store_activity(store, ORIGIN, &(struct activity){.import = "c"});
    CHECK_OK(store_activities(store, ORIGIN, take_sizes, text, &err), &err);
    CHECK_EQ_TEXT(text, "a 524288 1; b 0 524288; c 0 0; ");
    free(request);
    free(answer);
    close_store(store);
}

CHECK_MAIN(TEST(a_message_is_kept_while_it_may_be_needed), TEST(with_a_journal_it_stays),
           TEST(until_a_resubmission_completes),
           TEST(or_somebody_discards_it), TEST(nothing_that_is_debugged_is_dropped),
           TEST(requests_and_answers_are_cut))
