/* SPDX-License-Identifier: MIT */
/*
 * What a sandbox costs: create + enter + destroy of a guest that does nothing, the same around a
 * little work, and that work called natively; alternating batches in one run, medians and ratios.
 * Times are CPU time of the thread, so that other load on the machine does not count.
 * A module given as argument (a flow of wasm-out) is timed as well, an acknowledgement its input.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "engine/deadline.h"
#include "guests/work.h"
#include "test_engine_support.h"

#define BATCHES 101
#define BATCH_SIZE 2000

static int compare(const void *a, const void *b)
{
    const double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static double median(double *values)
{
    qsort(values, BATCHES, sizeof *values, compare);
    return values[BATCHES / 2];
}

static const char acknowledgement[] =
    "{\"syncRequestId\":\"12345678901234\",\"status\":\"SUCCESS\",\"message\":\"\"}";

static double time_guest(struct module *module, const char *input)
{
    struct support_host host = {.act = ACT_NOTHING, .input = input};
    const int64_t begin_ns = deadline_cpu_ns();
    const struct sandbox_limits limits = {.cpu_ms = 10000, .import_calls_max = 1000,
                                          .wall_deadline_ms = clock_monotonic_ms() + 60000};
    for (int i = 0; i < BATCH_SIZE; i++)
        if (support_run(module, &host, &limits).fault != FAULT_NONE)
            exit(1);
    return (double)(deadline_cpu_ns() - begin_ns) / BATCH_SIZE;
}

static double time_native(void)
{
    static volatile uint32_t seed;
    uint32_t sink = 0;
    const int64_t begin_ns = deadline_cpu_ns();
    for (int i = 0; i < BATCH_SIZE; i++)
        sink |= work_once(seed);
    if (sink == 0)
        exit(1);
    return (double)(deadline_cpu_ns() - begin_ns) / BATCH_SIZE;
}

static struct module *open_given(const char *path)
{
    struct module *module;
    struct error err;
    if (support_open_at(&module, path, &err))
        return module;
    fprintf(stderr, "%s\n", err.message);
    exit(1);
}

int main(int argc, char **argv)
{
    struct module *given = argc > 1 ? open_given(argv[1]) : NULL;
    struct module *nothing = support_open("nothing");
    struct module *work = support_open("work");
    static double bare[BATCHES], with_work[BATCHES], native[BATCHES], flow[BATCHES];
    for (int i = -5; i < BATCHES; i++) { /* The first five warm up. */
        const int at = i < 0 ? 0 : i;
        bare[at] = time_guest(nothing, NULL);
        with_work[at] = time_guest(work, NULL);
        if (given)
            flow[at] = time_guest(given, acknowledgement);
        native[at] = time_native();
    }
    const double bare_ns = median(bare), work_ns = median(with_work), native_ns = median(native);
    printf("sandbox, bare          %8.0f ns\n", bare_ns);
    printf("sandbox, with work     %8.0f ns\n", work_ns);
    printf("the same work, native  %8.0f ns\n", native_ns);
    printf("ratio                  %8.2f\n", work_ns / native_ns);
    if (given)
        printf("%s  %.0f ns, all imports answering \"not found\"\n", argv[1], median(flow));
    module_close(given);
    module_close(nothing);
    module_close(work);
    sandbox_thread_release();
    return 0;
}
