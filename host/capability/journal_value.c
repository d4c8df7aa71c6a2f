/* SPDX-License-Identifier: MIT */
/* See journal_value.h. */
#include "capability/journal_value.h"

#include <bearssl.h>
#include <stdio.h>
#include <string.h>

#include "base/pack.h"
#include "capability/journal_seal.h"
#include "capability/object.h"

#define FORMAT 1 /* of a packed result */

static void digest_request(const struct call *call, unsigned char out[JOURNAL_DIGEST_SIZE])
{
    br_sha256_context digest;
    br_sha256_init(&digest);
    journal_digest_bytes(&digest, call->import->full_name, strlen(call->import->full_name));
    for (unsigned i = 0; i < call->import->parameter_count; i++) {
        const struct argument *arg = &call->args[i];
        switch (call->import->parameters[i].kind) {
        case PARAMETER_TEXT:
        case PARAMETER_BYTES:
            journal_digest_bytes(&digest, arg->text, arg->size);
            break;
        case PARAMETER_OUT:
            journal_digest_bytes(&digest, &arg->size, sizeof arg->size);
            break;
        case PARAMETER_INFO:
            break;
        case PARAMETER_FILE:
        case PARAMETER_LISTING:
        case PARAMETER_RESPONSE:
        case PARAMETER_HANDLE:
        case PARAMETER_NUMBER:
            journal_digest_bytes(&digest, &arg->number, sizeof arg->number);
            break;
        }
    }
    br_sha256_out(&digest, out);
}

static void show_argument(const struct call *call, unsigned index, struct buf *out)
{
    const struct argument *arg = &call->args[index];
    switch (call->import->parameters[index].kind) {
    case PARAMETER_TEXT:
        buf_printf(out, "%s'%.200s'", index > 0 ? ", " : "", arg->text);
        break;
    case PARAMETER_BYTES:
        buf_printf(out, ", %u bytes", arg->size);
        break;
    case PARAMETER_NUMBER:
        buf_printf(out, ", %u", arg->number);
        break;
    default:
        break; /* handles and places for answers tell a person nothing */
    }
}

void journal_value_request(const struct call *call, struct buf *out)
{
    unsigned char digest[JOURNAL_DIGEST_SIZE];
    struct buf shown;
    digest_request(call, digest);
    buf_append(out, digest, sizeof digest);
    buf_init(&shown, PARAMETERS_MAX * 256);
    for (unsigned i = 0; i < call->import->parameter_count; i++)
        show_argument(call, i, &shown);
    buf_append(out, buf_text(&shown),
               shown.size < JOURNAL_SHOWN_MAX ? shown.size : JOURNAL_SHOWN_MAX);
    out->failed |= shown.failed;
    buf_release(&shown);
}

/* How many bytes of an argument the handler wrote. */
static size_t written(const struct argument *arg, enum parameter_kind kind, int32_t result)
{
    if (result < 0)
        return 0;
    if (kind == PARAMETER_INFO)
        return arg->size;
    if (kind == PARAMETER_OUT)
        return (uint32_t)result < arg->size ? (uint32_t)result : arg->size;
    return 0;
}

void journal_value_pack(const struct call *call, int32_t result, struct buf *out)
{
    const struct import *import = call->import;
    pack_number(out, FORMAT);
    pack_number(out, (uint32_t)result);
    pack_number(out, call->error.kind);
    pack_number(out, (uint64_t)call->error.peer_code);
    pack_text(out, call->error.kind != ERROR_NONE ? call->error.message : NULL);
    for (unsigned i = 0; i < import->parameter_count; i++) {
        size_t size = written(&call->args[i], import->parameters[i].kind, result);
        pack_bytes(out, call->args[i].out, size);
    }
    pack_number(out, call->opened);
    if (call->opened != HANDLE_FREE)
        object_pack(call->opened,
                    handle_get(&call->execution->handles, (uint32_t)result, call->opened), out);
}

static int32_t unpack_result(struct unpack *in)
{
    uint64_t number = unpack_number(in);
    in->failed |= number > UINT32_MAX;
    return (int32_t)number;
}

static void unpack_error(struct call *call, struct unpack *in)
{
    uint64_t kind = unpack_number(in), code = unpack_number(in);
    call->error.peer_code = (int)code;
    in->failed |= (uint64_t)call->error.peer_code != code;
    const char *message = unpack_text(in);
    if (kind > ERROR_INTERNAL)
        in->failed = true;
    else
        call->error.kind = (enum error_kind)kind;
    snprintf(call->error.message, sizeof call->error.message, "%s", message ? message : "");
}

static void unpack_arguments(struct call *call, struct unpack *in, int32_t result)
{
    for (unsigned i = 0; i < call->import->parameter_count && !in->failed; i++) {
        struct argument *arg = &call->args[i];
        size_t size, room = written(arg, call->import->parameters[i].kind, result);
        const void *bytes = unpack_bytes(in, &size);
        if (size != room)
            in->failed = true;
        else if (size > 0)
            memcpy(arg->out, bytes, size);
    }
}

/* The table of handles is as deterministic as the guest, so the number must come out the same. */
static bool unpack_handle(struct call *call, struct unpack *in, const struct snapshot *snapshot,
                          int32_t result, struct error *why)
{
    uint64_t kind = unpack_number(in);
    handle_release_fn *release;
    if (kind == HANDLE_FREE || in->failed || kind > HANDLE_RESPONSE) {
        in->failed |= kind != HANDLE_FREE;
        return true;
    }
    void *object = object_unpack((enum handle_kind)kind, in, snapshot, &release, why);
    if (!object)
        return false;
    if (call_open_handle(call, (enum handle_kind)kind, object, release) == result)
        return true;
    return call->error.is_out_of_memory
               ? error_out_of_memory(why)
               : error_set(why, ERROR_INVALID, "a handle came out as another number");
}

bool journal_value_unpack(struct call *call, const void *bytes, size_t size,
                          const struct snapshot *snapshot, int32_t *result, struct error *why)
{
    struct unpack in;
    unpack_begin(&in, bytes, size);
    if (unpack_number(&in) != FORMAT)
        in.failed = true;
    *result = unpack_result(&in);
    unpack_error(call, &in);
    unpack_arguments(call, &in, *result);
    return unpack_handle(call, &in, snapshot, *result, why) &&
           (unpack_end(&in) || error_set(why, ERROR_INVALID, "it is damaged"));
}
