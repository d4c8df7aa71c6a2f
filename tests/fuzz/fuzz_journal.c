/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: any bytes as a record that the journal's store gives: import, request, plan, result. The
 * first bytes choose the call that is made again and what of the record is sealed or genuine. What carries
 * no seal is never an answer or a doubt; a sealed answer comes out as it went in, and a doubt is the plan.
 * Torn and damaged stores: tests/unit/test_capability_journal.c.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/pack.h"
#include "capability/journal.h"
#include "capability/journal_seal.h"
#include "capability/journal_value.h"
#include "store/store_journal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
bool __wrap_store_journal_count(struct store *store, const char *id, int64_t *count, struct error *err);
bool __wrap_store_journal_read(struct store *store, const char *id, int64_t number,
                               journal_record_fn *fn, void *context, struct error *err);
bool __wrap_store_journal_write(struct store *store, const char *id,
                                const struct journal_record *records, size_t count, bool durable,
                                struct error *err);

#define INSTANCE "AAAAbbbbccccddddeeee11"
#define OUT_MAX 48u

enum { HAS_REQUEST = 1, HAS_PLAN = 2, HAS_RESULT = 4, SEALS = 8, IS_REPLAY = 16 };

/* ---- the store --------------------------------------------------------------------------------- */

static struct journal_record stored;

bool __wrap_store_journal_count(struct store *store, const char *id, int64_t *count, struct error *err)
{
    (void)store, (void)id, (void)err;
    *count = 1;
    return true;
}

bool __wrap_store_journal_read(struct store *store, const char *id, int64_t number,
                               journal_record_fn *fn, void *context, struct error *err)
{
    (void)store, (void)id, (void)err;
    if (number != 0)
        abort();
    fn(context, &stored);
    return true;
}

bool __wrap_store_journal_write(struct store *store, const char *id,
                                const struct journal_record *records, size_t count, bool durable,
                                struct error *err)
{
    (void)store, (void)id, (void)records, (void)count, (void)durable, (void)err;
    abort(); /* nothing was done, so there is nothing to tell */
}

/* ---- the call ---------------------------------------------------------------------------------- */

static struct environment environment;
static const struct manifest manifest = {.durability = DURABLE};
static struct sluice_file_info infos[PARAMETERS_MAX];
static char outs[PARAMETERS_MAX][OUT_MAX];

static struct call make_call(struct execution *execution, uint8_t which)
{
    struct call call = {.execution = execution, .import = &imports[which % IMPORT_COUNT]};
    for (unsigned i = 0; i < call.import->parameter_count; i++) {
        struct argument *arg = &call.args[i];
        enum parameter_kind kind = call.import->parameters[i].kind;
        if (kind == PARAMETER_TEXT || kind == PARAMETER_BYTES)
            *arg = (struct argument){.text = "x", .size = 1};
        else if (kind == PARAMETER_OUT)
            *arg = (struct argument){.out = outs[i], .size = OUT_MAX};
        else if (kind == PARAMETER_INFO)
            *arg = (struct argument){.out = &infos[i], .size = sizeof infos[i]};
    }
    return call;
}

/* A part of the input: a length of two bytes and what it says, or what there is. */
static void take(const uint8_t **data, size_t *size, struct buf *out)
{
    size_t part = 0;
    buf_init(out, 1u << 17);
    if (*size >= 2) {
        part = (size_t)(*data)[0] | (size_t)(*data)[1] << 8;
        *data += 2;
        *size -= 2;
    }
    part = part < *size ? part : *size;
    buf_append(out, *data, part);
    *data += part;
    *size -= part;
}

/* Messages that do not fit are cut, connections are left out without a workspace, and a message that is empty
 * is packed as none: all else comes out as it went in. */
static void check_answer(const struct call *call, int32_t result, const void *bytes, size_t size)
{
    struct buf again;
    struct unpack in;
    buf_init(&again, 1u << 20);
    journal_value_pack(call, result, &again);
    unpack_begin(&in, bytes, size);
    for (int i = 0; i < 4; i++)
        (void)unpack_number(&in);
    const char *message = unpack_text(&in);
    bool is_plain = call->opened != HANDLE_FILE && (call->error.kind == ERROR_NONE) == !message &&
                    (!message || strlen(message) < sizeof call->error.message);
    if (is_plain && (again.size != size || memcmp(buf_text(&again), bytes, size) != 0))
        abort();
    buf_release(&again);
}

struct parts {
    struct buf import, request, plan, result;
    size_t plan_size, result_size; /* without the seals */
};

static void seal(struct parts *parts)
{
    const struct journal_place place = {INSTANCE, 0, stored.import, buf_text(&parts->request),
                                        parts->request.size};
    journal_seal(&place, JOURNAL_PLAN, &parts->plan);
    journal_seal(&place, JOURNAL_RESULT, &parts->result);
}

static void check(const struct call *call, const struct parts *parts, uint8_t flags, bool is_settled,
                  int32_t result)
{
    bool is_answered = is_settled && call->execution->stop == FAULT_NONE;
    bool is_genuine = (flags & HAS_REQUEST) && (flags & SEALS);
    if ((is_answered || call->is_in_doubt) && !is_genuine)
        abort();
    if (is_answered)
        check_answer(call, result, parts->result.data, parts->result_size);
    if (call->is_in_doubt &&
        ((flags & (HAS_RESULT | IS_REPLAY)) || call->doubt_size != parts->plan_size ||
         memcmp(call->doubt, buf_text(&parts->plan), parts->plan_size) != 0))
        abort();
    if (!is_settled && !call->is_in_doubt)
        abort();
}

static void ask_again(struct execution *execution, struct parts *parts, uint8_t which, uint8_t flags)
{
    struct call call = make_call(execution, which);
    int32_t result = 0;
    if (call.import->effect == SLUICE_EFFECT_NONE)
        return;
    if (flags & HAS_REQUEST) {
        buf_clear(&parts->request);
        journal_value_request(&call, &parts->request);
    }
    stored.import = flags & HAS_REQUEST ? call.import->full_name : buf_text(&parts->import);
    if (flags & SEALS)
        seal(parts);
    stored.request = buf_text(&parts->request);
    stored.request_size = parts->request.size;
    stored.plan = flags & HAS_PLAN ? buf_text(&parts->plan) : NULL;
    stored.plan_size = parts->plan.size;
    stored.result = flags & HAS_RESULT ? buf_text(&parts->result) : NULL;
    stored.result_size = parts->result.size;
    bool is_settled = journal_answers(&call, &result);
    check(&call, parts, flags, is_settled, result);
}

/* The clock and the seed have records without arguments. */
static void ask_time(struct execution *execution, const struct parts *parts, uint8_t flags)
{
    struct unpack in;
    stored = (struct journal_record){.import = "wasi.clock", .request = "",
                                     .result = flags & HAS_RESULT ? buf_text(&parts->result) : NULL,
                                     .result_size = parts->result.size};
    int64_t time = journal_clock(execution, -1);
    unpack_begin(&in, parts->result.data, parts->result_size);
    if (execution->stop == FAULT_NONE && (uint64_t)time != unpack_number(&in))
        abort();
}

static void run(struct parts *parts, uint8_t which, uint8_t flags)
{
    static struct execution execution;
    struct error err;
    execution_init(&execution, &environment, &manifest);
    memcpy(execution.instance, INSTANCE, sizeof INSTANCE);
    if (!journal_open(&execution.journal, NULL, execution.instance,
                      flags & IS_REPLAY ? JOURNAL_REPLAY : JOURNAL_RECORD, &err))
        abort();
    if (which == UINT8_MAX) {
        const struct journal_place place = {INSTANCE, 0, "wasi.clock", "", 0};
        if (flags & SEALS)
            journal_seal(&place, JOURNAL_RESULT, &parts->result);
        ask_time(&execution, parts, flags);
        if (execution.stop == FAULT_NONE && !(flags & SEALS))
            abort();
    } else {
        ask_again(&execution, parts, which, flags);
    }
    execution_release(&execution);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct parts parts;
    if (size < 2)
        return 0;
    uint8_t which = data[0], flags = data[1];
    data += 2;
    size -= 2;
    take(&data, &size, &parts.import);
    take(&data, &size, &parts.request);
    take(&data, &size, &parts.plan);
    take(&data, &size, &parts.result);
    parts.plan_size = parts.plan.size;
    parts.result_size = parts.result.size;
    buf_text(&parts.import);
    run(&parts, which, flags);
    buf_release(&parts.import);
    buf_release(&parts.request);
    buf_release(&parts.plan);
    buf_release(&parts.result);
    return 0;
}
