/* SPDX-License-Identifier: MIT */
/*
 * The life of a struct transfer: libcurl's process-wide start and end, the locks, the slots in
 * which modules keep what should be made once. Thread-safe after transfer_new.
 */
#include "transfer/transfer.h"

#include <stdlib.h>

#include "base/clock.h"
#include "transfer/pool.h"

#define CALL_STEP_MS 50 /* how late a stop may be noticed while sleeping */

struct transfer *transfer_new(void)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return NULL;
    struct transfer *transfer = calloc(1, sizeof *transfer);
    if (!transfer) {
        curl_global_cleanup();
        return NULL;
    }
    pthread_mutex_init(&transfer->lock, NULL); /* cannot fail for a default mutex on Linux */
    return transfer;
}

void transfer_free(struct transfer *transfer)
{
    if (!transfer)
        return;
    pool_clear(transfer);
    for (size_t i = 0; i < SLOT_COUNT; i++)
        if (transfer->slots[i].thing)
            transfer->slots[i].free_thing(transfer->slots[i].thing);
    while (transfer->circuits) {
        struct known_circuit *known = transfer->circuits;
        transfer->circuits = known->next;
        circuit_free(known->circuit);
        free(known);
    }
    pthread_mutex_destroy(&transfer->lock);
    free(transfer);
    curl_global_cleanup();
}

void transfer_circuits(struct transfer *transfer, circuit_row_fn *fn, void *context)
{
    struct circuit_view view;
    pthread_mutex_lock(&transfer->lock);
    struct known_circuit *known = transfer->circuits; /* those behind it never change */
    pthread_mutex_unlock(&transfer->lock);
    for (; known; known = known->next) {
        circuit_look(known->circuit, &view);
        if (!fn(context, &view))
            return;
    }
}

void *transfer_keep(struct transfer *transfer, enum transfer_slot slot, void *(*make)(void),
                    void (*free_thing)(void *thing))
{
    pthread_mutex_lock(&transfer->lock);
    struct transfer_keepsake *keepsake = &transfer->slots[slot];
    if (!keepsake->thing) {
        keepsake->thing = make();
        keepsake->free_thing = free_thing;
    }
    void *thing = keepsake->thing;
    pthread_mutex_unlock(&transfer->lock);
    return thing;
}

bool call_goes_on(const struct transfer_call *call, struct error *err)
{
    if (!call)
        return true;
    if (call->should_stop && call->should_stop(call->context))
        return error_set(err, ERROR_CANCELLED, "the execution is being stopped");
    if (call->deadline_ms && clock_monotonic_ms() >= call->deadline_ms)
        return error_set(err, ERROR_TIMEOUT, "the deadline of the execution has passed");
    return true;
}

void call_settled(const struct transfer_call *call)
{
    if (call && call->is_settled)
        *call->is_settled = true;
}

bool call_sleep(const struct transfer_call *call, int64_t duration_ms, struct error *err)
{
    int64_t end_ms = clock_monotonic_ms() + duration_ms;
    for (;;) {
        if (!call_goes_on(call, err))
            return false;
        int64_t left_ms = end_ms - clock_monotonic_ms();
        if (left_ms <= 0)
            return true;
        clock_sleep_ms(left_ms < CALL_STEP_MS ? left_ms : CALL_STEP_MS);
    }
}
