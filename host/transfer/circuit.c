/* SPDX-License-Identifier: MIT */
/* See circuit.h. */
#include "transfer/circuit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"

struct circuit {
    char *connection;
    _Atomic uint64_t definition; /* of the connection that the rest is about */
    atomic_bool is_calm; /* closed, and the last outcome was an answer: then the rest need not be read */
    pthread_mutex_t lock; /* guards all below, and writes of is_calm */
    enum circuit_state state;
    bool is_probing; /* the probe is under way */
    unsigned failures;
    int64_t since_ms, until_ms; /* wall clock, for people */
    int64_t retry_ms;           /* monotonic: when it becomes half open */
    char why[CIRCUIT_WHY_SIZE];
};

struct circuit *circuit_new(const char *connection)
{
    struct circuit *circuit = calloc(1, sizeof *circuit);
    if (!circuit)
        return NULL;
    circuit->connection = strdup(connection);
    if (!circuit->connection) {
        free(circuit);
        return NULL;
    }
    atomic_init(&circuit->is_calm, true);
    metric_count(METRIC_CIRCUITS_OPEN, connection, "", 0);
    pthread_mutex_init(&circuit->lock, NULL);
    return circuit;
}

void circuit_free(struct circuit *circuit)
{
    if (!circuit)
        return;
    if (circuit->state != CIRCUIT_CLOSED)
        metric_count(METRIC_CIRCUITS_OPEN, circuit->connection, "", -1);
    pthread_mutex_destroy(&circuit->lock);
    free(circuit->connection);
    free(circuit);
}

const char *circuit_connection(const struct circuit *circuit)
{
    return circuit->connection;
}

static bool refuse(const struct circuit *circuit, struct error *err)
{
    char since[CLOCK_TEXT_SIZE], until[CLOCK_TEXT_SIZE];
    clock_format_ms(circuit->since_ms, since);
    if (circuit->state == CIRCUIT_HALF_OPEN)
        return error_set(err, ERROR_UNAVAILABLE,
                         "connection '%s': not tried: it has failed since %s, and another call is "
                         "finding out whether it answers again (%s)",
                         circuit->connection, since, circuit->why);
    return error_set(err, ERROR_UNAVAILABLE,
                     "connection '%s': not tried: it is left alone since %s until %s, after %u "
                     "failures in a row (%s)",
                     circuit->connection, since, clock_format_ms(circuit->until_ms, until),
                     circuit->failures, circuit->why);
}

static void let_time_pass(struct circuit *circuit)
{
    if (circuit->state == CIRCUIT_OPEN && clock_monotonic_ms() >= circuit->retry_ms)
        circuit->state = CIRCUIT_HALF_OPEN;
}

bool circuit_admit(struct circuit *circuit, bool *is_probe, struct error *err)
{
    *is_probe = false;
    if (atomic_load_explicit(&circuit->is_calm, memory_order_acquire))
        return true;
    pthread_mutex_lock(&circuit->lock);
    let_time_pass(circuit);
    bool ok = circuit->state == CIRCUIT_CLOSED;
    if (circuit->state == CIRCUIT_HALF_OPEN && !circuit->is_probing)
        ok = *is_probe = circuit->is_probing = true;
    if (!ok)
        refuse(circuit, err);
    pthread_mutex_unlock(&circuit->lock);
    return ok;
}

static void open_now(struct circuit *circuit, const struct retry_policy *policy)
{
    char until[CLOCK_TEXT_SIZE];
    int64_t now_ms = clock_wall_ms();
    if (circuit->state == CIRCUIT_CLOSED) {
        circuit->since_ms = now_ms;
        metric_count(METRIC_CIRCUITS_OPEN, circuit->connection, "", 1);
    }
    circuit->state = CIRCUIT_OPEN;
    circuit->is_probing = false;
    circuit->until_ms = now_ms + policy->circuit_open_ms;
    circuit->retry_ms = clock_monotonic_ms() + policy->circuit_open_ms;
    log_line(LOG_WARNING, NULL, "connection '%s': circuit open until %s: %u failures in a row (%s)",
             circuit->connection, clock_format_ms(circuit->until_ms, until), circuit->failures,
             circuit->why);
}

static void take_failure(struct circuit *circuit, const struct retry_policy *policy, bool is_probe,
                         const char *why)
{
    atomic_store_explicit(&circuit->is_calm, false, memory_order_release);
    circuit->failures++;
    snprintf(circuit->why, sizeof circuit->why, "%s", why);
    bool is_enough = policy->circuit_failures && circuit->failures >= policy->circuit_failures;
    if (is_probe || (circuit->state == CIRCUIT_CLOSED && is_enough))
        open_now(circuit, policy);
}

static void close_now(struct circuit *circuit, const char *why)
{
    if (circuit->state != CIRCUIT_CLOSED) {
        log_line(LOG_WARNING, NULL, "connection '%s': circuit closed: %s after %u failures",
                 circuit->connection, why, circuit->failures);
        metric_count(METRIC_CIRCUITS_OPEN, circuit->connection, "", -1);
    }
    circuit->state = CIRCUIT_CLOSED;
    circuit->is_probing = false;
    circuit->failures = 0;
    circuit->why[0] = '\0';
    atomic_store_explicit(&circuit->is_calm, true, memory_order_release);
}

void circuit_define(struct circuit *circuit, uint64_t definition)
{
    if (atomic_load_explicit(&circuit->definition, memory_order_acquire) == definition)
        return;
    pthread_mutex_lock(&circuit->lock);
    close_now(circuit, "the connection was changed");
    atomic_store_explicit(&circuit->definition, definition, memory_order_release);
    pthread_mutex_unlock(&circuit->lock);
}

static void take_report(struct circuit *circuit, const struct retry_policy *policy,
                        enum circuit_outcome outcome, bool is_probe, const char *why)
{
    is_probe = is_probe && circuit->is_probing; /* another call's answer may have closed it */
    if (is_probe)
        circuit->is_probing = false;
    if (outcome == CIRCUIT_FAILED)
        take_failure(circuit, policy, is_probe, why);
    else if (outcome == CIRCUIT_ANSWERED)
        close_now(circuit, "it answers again");
}

void circuit_report(struct circuit *circuit, const struct retry_policy *policy, uint64_t definition,
                    enum circuit_outcome outcome, bool is_probe, const char *why)
{
    bool is_calm = atomic_load_explicit(&circuit->is_calm, memory_order_acquire);
    if (is_calm && outcome != CIRCUIT_FAILED)
        return;
    pthread_mutex_lock(&circuit->lock);
    if (atomic_load_explicit(&circuit->definition, memory_order_relaxed) == definition)
        take_report(circuit, policy, outcome, is_probe, why);
    pthread_mutex_unlock(&circuit->lock);
}

void circuit_look(struct circuit *circuit, struct circuit_view *out)
{
    pthread_mutex_lock(&circuit->lock);
    let_time_pass(circuit);
    *out = (struct circuit_view){
        .connection = circuit->connection,
        .state = circuit->state,
        .failures = circuit->failures,
        .since_ms = circuit->state == CIRCUIT_CLOSED ? 0 : circuit->since_ms,
        .until_ms = circuit->state == CIRCUIT_CLOSED ? 0 : circuit->until_ms,
    };
    memcpy(out->why, circuit->why, sizeof out->why);
    pthread_mutex_unlock(&circuit->lock);
}
