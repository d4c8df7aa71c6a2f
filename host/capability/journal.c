/* SPDX-License-Identifier: MIT */
/* See journal.h. A record a call: number, import, request, plan (of a change), result; the last two sealed. */
#include "capability/journal.h"

#include <bearssl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/pack.h"
#include "capability/journal_seal.h"
#include "capability/journal_value.h"
#include "capability/watch.h"
#include "store/store_journal.h"

#define CLOCK "wasi.clock"
#define SEED "wasi.seed"
#define UNWRITTEN_COUNT_MAX 256u
#define RESULT_SIZE_MAX (128u << 20) /* of one call: a full listing of the longest names fits */

/* A result that waits for the next write. */
struct unwritten {
    int64_t number;
    const char *import; /* static */
    struct buf request, result;
};

struct journal {
    struct store *store;
    const char *instance;
    enum journal_mode mode;
    int64_t past, next; /* records that were there; number of the next call */
    uint64_t size;      /* bytes of the results that were met and added */
    bool is_over;       /* journal_is_over */
    struct unwritten unwritten[UNWRITTEN_COUNT_MAX];
    size_t unwritten_count, unwritten_size;
    br_hmac_drbg_context random;
    bool is_seeded;

    /* The call that is performed now. */
    int64_t number;
    struct buf request, plan; /* plan: of the doubt that it has to settle */
};

/* ---- life ------------------------------------------------------------------------------------ */

bool journal_open(struct journal **out, struct store *store, const char *instance,
                  enum journal_mode mode, struct error *err)
{
    struct journal *journal = calloc(1, sizeof *journal);
    if (!journal)
        return error_out_of_memory(err);
    journal->store = store;
    journal->instance = instance;
    journal->mode = mode;
    buf_init(&journal->request, JOURNAL_DIGEST_SIZE + JOURNAL_SHOWN_MAX);
    buf_init(&journal->plan, JOURNAL_SIZE_MAX);
    if (!store_journal_count(store, instance, &journal->past, err)) {
        journal_close(journal);
        return false;
    }
    *out = journal;
    return true;
}

static void drop_unwritten(struct journal *journal)
{
    for (size_t i = 0; i < journal->unwritten_count; i++) {
        buf_release(&journal->unwritten[i].request);
        buf_release(&journal->unwritten[i].result);
    }
    journal->unwritten_count = journal->unwritten_size = 0;
}

void journal_close(struct journal *journal)
{
    if (!journal)
        return;
    drop_unwritten(journal);
    buf_release(&journal->request);
    buf_release(&journal->plan);
    free(journal);
}

bool journal_is_replaying(const struct journal *journal)
{
    return journal && (journal->mode == JOURNAL_REPLAY || journal->next < journal->past);
}

void journal_count(const struct journal *journal, size_t *past, size_t *met)
{
    *past = (size_t)journal->past;
    *met = (size_t)(journal->next < journal->past ? journal->next : journal->past);
}

bool journal_is_over(const struct journal *journal)
{
    return journal->is_over;
}

int64_t journal_number(const struct journal *journal)
{
    return journal->number;
}

/* ---- writing --------------------------------------------------------------------------------- */

/* Writes what waits and, where given, one more record behind it. */
static bool write_all(struct journal *journal, const struct journal_record *last, bool durable,
                      struct error *err)
{
    struct journal_record records[UNWRITTEN_COUNT_MAX + 1];
    size_t count = 0;
    for (; count < journal->unwritten_count; count++) {
        const struct unwritten *from = &journal->unwritten[count];
        records[count] = (struct journal_record){
            .number = from->number,
            .import = from->import,
            .request = from->request.data,
            .request_size = from->request.size,
            .result = from->result.data,
            .result_size = from->result.size,
        };
    }
    if (last)
        records[count++] = *last;
    if (count == 0)
        return true;
    if (!store_journal_write(journal->store, journal->instance, records, count, durable, err))
        return false;
    drop_unwritten(journal);
    return true;
}

bool journal_flush(struct journal *journal, struct error *err)
{
    return journal->mode == JOURNAL_REPLAY || write_all(journal, NULL, false, err);
}

/* Of the call that is performed now. */
static struct journal_place place_of(const struct journal *journal, const char *import,
                                     const struct buf *request)
{
    return (struct journal_place){journal->instance, journal->number, import, buf_text(request),
                                  request->size};
}

/* Takes request and result, which is sealed, over. */
static bool add_result(struct journal *journal, const char *import, struct buf *request,
                       struct buf *result, struct error *err)
{
    journal->unwritten[journal->unwritten_count++] =
        (struct unwritten){journal->number, import, *request, *result};
    journal->unwritten_size += request->size + result->size;
    journal->size += result->size;
    bool is_full = journal->unwritten_count == UNWRITTEN_COUNT_MAX ||
                   journal->unwritten_size >= JOURNAL_UNWRITTEN_MAX;
    return !is_full || write_all(journal, NULL, false, err);
}

/* ---- the past -------------------------------------------------------------------------------- */

/* What a stored record is compared with, and where its answer goes. */
struct look {
    struct journal *journal;
    const char *import;
    const struct buf *request;
    bool is_same_import, is_same_request, has_result, is_damaged, is_unusable;
    struct error why; /* it is unusable */
    char then[JOURNAL_SHOWN_MAX + 64]; /* what was asked then */
    bool (*answer)(void *context, const void *result, size_t size, struct error *why);
    void *context;
};

static void note_then(struct look *look, const struct journal_record *record)
{
    bool has_text = record->request_size > JOURNAL_DIGEST_SIZE;
    snprintf(look->then, sizeof look->then, "%s(%.*s)", record->import,
             has_text ? (int)(record->request_size - JOURNAL_DIGEST_SIZE) : 0,
             has_text ? (const char *)record->request + JOURNAL_DIGEST_SIZE : "");
}

/* What counts of the record is whole: its result, or the plan where it has none. The size of it becomes that
 * without the seal. */
static bool is_whole(const struct look *look, struct journal_record *record)
{
    const struct journal_place place = {look->journal->instance, record->number, record->import,
                                        record->request, record->request_size};
    if (record->result)
        return journal_unseal(&place, JOURNAL_RESULT, record->result, &record->result_size);
    return record->plan && journal_unseal(&place, JOURNAL_PLAN, record->plan, &record->plan_size);
}

static bool meet(void *context, const struct journal_record *stored)
{
    struct look *look = context;
    struct journal_record whole = *stored, *record = &whole;
    look->is_damaged = !is_whole(look, record);
    if (look->is_damaged)
        return false;
    look->is_same_import = strcmp(record->import, look->import) == 0;
    look->is_same_request = record->request_size >= look->request->size &&
                            record->request_size <= look->request->size &&
                            memcmp(buf_text(look->request), record->request ? record->request : "",
                                   record->request_size) == 0;
    note_then(look, record);
    if (!look->is_same_import || !look->is_same_request)
        return false;
    look->has_result = record->result != NULL;
    look->journal->size += stored->result_size;
    if (look->has_result)
        look->is_unusable =
            !look->answer(look->context, record->result, record->result_size, &look->why);
    else
        buf_append(&look->journal->plan, record->plan, record->plan_size);
    return false;
}

static void stop(struct execution *execution, enum fault fault, const char *format, ...)
    PRINTF_LIKE(3, 4);

static void stop(struct execution *execution, enum fault fault, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    execution->stop = fault;
    vsnprintf(execution->stop_detail, sizeof execution->stop_detail, format, args);
    va_end(args);
}

/* The readable part of a request. */
static const char *shown(const struct buf *request)
{
    return request->size > JOURNAL_DIGEST_SIZE ? buf_text(request) + JOURNAL_DIGEST_SIZE : "";
}

static void tell_difference(struct execution *execution, const struct look *look)
{
    char now[sizeof look->then];
    snprintf(now, sizeof now, "%s(%s)", look->import, shown(look->request));
    stop(execution, FAULT_DIVERGED, "call %lld: then %.300s, now %.300s%s",
         (long long)look->journal->number, look->then, now,
         strcmp(now, look->then) == 0 ? ", with other content" : "");
}

/* A replay has come to where its instance is. */
static void come_to_end(struct execution *execution, const struct look *look)
{
    struct journal *journal = execution->journal;
    journal->is_over = journal->next >= journal->past;
    if (look->then[0])
        stop(execution, FAULT_SUSPENDED, "the journal ends with %.300s, whose result is not known",
             look->then);
    else
        stop(execution, FAULT_SUSPENDED, "the journal ends before %s(%.300s)", look->import,
             shown(look->request));
}

/* True: settled here, by an answer of the past or because the execution stops. False: to be done now;
 * journal->plan holds the doubt, if there is one. */
static bool look_back(struct execution *execution, struct look *look, bool *answered)
{
    struct journal *journal = execution->journal;
    struct error err = {0};
    journal->number = journal->next++;
    *answered = false;
    buf_clear(&journal->plan);
    if (journal->number >= journal->past) {
        if (journal->mode == JOURNAL_REPLAY)
            come_to_end(execution, look);
        return journal->mode == JOURNAL_REPLAY;
    }
    if (!store_journal_read(journal->store, journal->instance, journal->number, meet, look, &err))
        stop(execution, FAULT_SUSPENDED, "the journal cannot be read: %s", err.message);
    else if (look->is_damaged)
        stop(execution, FAULT_SUSPENDED,
             "record %lld of the journal is damaged, and what it said is not guessed: look at source "
             "and target; `sluice discard` gives the instance up", (long long)journal->number);
    else if (!look->is_same_import || !look->is_same_request)
        tell_difference(execution, look);
    else if (journal->plan.failed)
        stop(execution, FAULT_SUSPENDED, "the journal cannot be read: out of memory");
    else if (look->is_unusable)
        stop(execution, look->why.kind == ERROR_INVALID ? FAULT_DIVERGED : FAULT_SUSPENDED,
             "record %lld of the journal cannot be used: %s", (long long)journal->number,
             look->why.message);
    else if (look->has_result)
        *answered = true;
    else if (journal->mode == JOURNAL_REPLAY)
        come_to_end(execution, look);
    else
        return false;
    return true;
}

/* ---- calls ----------------------------------------------------------------------------------- */

static bool is_journaled(const struct call *call)
{
    return call->execution->journal && call->import->effect != SLUICE_EFFECT_NONE;
}

struct answer {
    struct call *call;
    int32_t result;
};

static bool answer_call(void *context, const void *result, size_t size, struct error *why)
{
    struct answer *answer = context;
    const struct execution *execution = answer->call->execution;
    bool is_replay = execution->journal->mode == JOURNAL_REPLAY;
    return journal_value_unpack(answer->call, result, size,
                                is_replay ? NULL : execution->snapshot, &answer->result, why);
}

/* A part of it is another request. */
static bool is_whole_request(const struct call *call)
{
    if (call->execution->journal->request.failed)
        stop(call->execution, FAULT_SUSPENDED, "the journal cannot be read: out of memory");
    return !call->execution->journal->request.failed;
}

bool journal_answers(struct call *call, int32_t *result)
{
    if (!is_journaled(call))
        return false;
    struct journal *journal = call->execution->journal;
    struct answer answer = {.call = call, .result = SLUICE_CANCELLED};
    buf_clear(&journal->request);
    journal_value_request(call, &journal->request);
    struct look look = {.journal = journal,
                        .import = call->import->full_name,
                        .request = &journal->request,
                        .answer = answer_call,
                        .context = &answer};
    bool answered, is_settled = !is_whole_request(call) || look_back(call->execution, &look, &answered);
    if (!is_settled && watch_should_stop(call->execution->watch)) {
        stop(call->execution, FAULT_SUSPENDED, "asked to stop; it goes on from there later");
        is_settled = true;
    }
    *result = answer.result;
    call->is_from_journal = is_settled;
    call->is_in_doubt = !is_settled && journal->number < journal->past;
    call->doubt = call->is_in_doubt ? buf_text(&journal->plan) : NULL;
    call->doubt_size = call->is_in_doubt ? journal->plan.size : 0;
    return is_settled;
}

/* Who watches asked the process's runs to stop: what is in doubt stays so, and all goes on later. */
static bool is_interrupted(const struct call *call)
{
    return call->error.kind == ERROR_CANCELLED && watch_should_stop(call->execution->watch);
}

/* Part of a request or result says something else, so nothing of it is kept. Without memory the call is as
 * after a kill: asked again later, or in doubt. What is too long would be so again. */
static bool is_packed(struct execution *execution, const char *import, struct buf *request,
                      struct buf *result)
{
    if (!request->failed && !result->failed)
        return true;
    if (result->is_full)
        stop(execution, FAULT_JOURNAL_LIMIT,
             "the answer to %s has more than %u bytes, the journal of one execution takes %u", import,
             RESULT_SIZE_MAX, JOURNAL_SIZE_MAX);
    else
        stop(execution, FAULT_SUSPENDED, "the journal cannot be written: out of memory");
    buf_release(request);
    buf_release(result);
    return false;
}

/* Takes request and result over. What a change came to is handed in at once, or a kill some time later would
 * make a doubt of what is known. What is over the limit is kept, and ends the execution: going on later
 * would not change it. */
static void keep(struct execution *execution, const char *import, struct buf *request,
                 struct buf *result, bool is_of_change)
{
    struct journal *journal = execution->journal;
    const struct journal_place place = place_of(journal, import, request);
    struct error err = {0};
    journal_seal(&place, JOURNAL_RESULT, result);
    if (!is_packed(execution, import, request, result))
        return;
    if (!add_result(journal, import, request, result, &err) ||
        (is_of_change && !write_all(journal, NULL, false, &err)))
        stop(execution, FAULT_SUSPENDED, "the journal cannot be written: %s", err.message);
    else if (journal->size > JOURNAL_SIZE_MAX)
        stop(execution, FAULT_JOURNAL_LIMIT,
             "after %s the answers to its calls have %llu bytes, the journal of one execution takes "
             "%u", import, (unsigned long long)journal->size, JOURNAL_SIZE_MAX);
}

void journal_result(struct call *call, int32_t result)
{
    if (!is_journaled(call) || call->execution->stop != FAULT_NONE)
        return;
    if (is_interrupted(call)) {
        stop(call->execution, FAULT_SUSPENDED, "asked to stop; it goes on from there later");
        return;
    }
    struct journal *journal = call->execution->journal;
    struct buf request, packed;
    buf_init(&request, JOURNAL_DIGEST_SIZE + JOURNAL_SHOWN_MAX);
    buf_append(&request, buf_text(&journal->request), journal->request.size);
    buf_init(&packed, RESULT_SIZE_MAX);
    journal_value_pack(call, result, &packed);
    keep(call->execution, call->import->full_name, &request, &packed,
         call->import->effect == SLUICE_EFFECT_CHANGE);
}

bool journal_announce(struct call *call, const void *plan, size_t size, enum journal_when when)
{
    struct journal *journal = call->execution->journal;
    struct buf sealed;
    if (!journal)
        return true;
    const struct journal_place place =
        place_of(journal, call->import->full_name, &journal->request);
    buf_init(&sealed, size + JOURNAL_SEAL_SIZE);
    buf_append(&sealed, plan, size);
    journal_seal(&place, JOURNAL_PLAN, &sealed);
    const struct journal_record record = {
        .number = journal->number,
        .import = call->import->full_name,
        .request = journal->request.data,
        .request_size = journal->request.size,
        .plan = sealed.data,
        .plan_size = sealed.size,
    };
    bool ok = sealed.failed
                  ? error_out_of_memory(&call->error)
                  : write_all(journal, &record, when == JOURNAL_ON_DISK, &call->error);
    buf_release(&sealed);
    if (ok)
        return true;
    stop(call->execution, FAULT_SUSPENDED, "the journal cannot be written: %s",
         call->error.message);
    return false;
}

void journal_suspend(struct call *call)
{
    stop(call->execution, FAULT_SUSPENDED, "%s", call->error.message);
}

/* ---- clock and randomness -------------------------------------------------------------------- */

/* A value that is asked for without arguments. */
struct value {
    const char *import;
    void *bytes;
    bool (*answer)(void *bytes, const void *result, size_t size, struct error *why);
    void (*pack)(const void *bytes, struct buf *out);
};

static bool answer_number(void *bytes, const void *result, size_t size, struct error *why)
{
    struct unpack in;
    unpack_begin(&in, result, size);
    *(uint64_t *)bytes = unpack_number(&in);
    return unpack_end(&in) || error_set(why, ERROR_INVALID, "it is damaged");
}

static void put_number(const void *bytes, struct buf *out)
{
    pack_number(out, *(const uint64_t *)bytes);
}

static bool answer_seed(void *bytes, const void *result, size_t size, struct error *why)
{
    memcpy(bytes, result, size == JOURNAL_SEED_SIZE ? size : 0);
    return size == JOURNAL_SEED_SIZE || error_set(why, ERROR_INVALID, "it is damaged");
}

static void put_seed(const void *bytes, struct buf *out)
{
    buf_append(out, bytes, JOURNAL_SEED_SIZE);
}

/* From the past, else it is recorded. */
static void keep_value(struct execution *execution, const struct value *value)
{
    struct buf request, result;
    bool answered;
    buf_init(&request, 1);
    struct look look = {.journal = execution->journal,
                        .import = value->import,
                        .request = &request,
                        .answer = value->answer,
                        .context = value->bytes};
    if (look_back(execution, &look, &answered))
        return;
    buf_init(&result, JOURNAL_SEED_SIZE + JOURNAL_SEAL_SIZE);
    value->pack(value->bytes, &result);
    keep(execution, value->import, &request, &result, false);
}

int64_t journal_clock(struct execution *execution, int64_t now)
{
    uint64_t number = (uint64_t)now;
    const struct value value = {CLOCK, &number, answer_number, put_number};
    if (execution->journal)
        keep_value(execution, &value);
    return (int64_t)number;
}

static bool seed(struct execution *execution)
{
    unsigned char bytes[JOURNAL_SEED_SIZE];
    const struct value value = {SEED, bytes, answer_seed, put_seed};
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return false;
    keep_value(execution, &value);
    if (execution->stop != FAULT_NONE)
        return false;
    br_hmac_drbg_init(&execution->journal->random, &br_sha256_vtable, bytes, sizeof bytes);
    execution->journal->is_seeded = true;
    return true;
}

bool journal_random(struct execution *execution, void *bytes, size_t size)
{
    if (!execution->journal->is_seeded && !seed(execution))
        return false;
    br_hmac_drbg_generate(&execution->journal->random, bytes, size);
    return true;
}
