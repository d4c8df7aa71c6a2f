/* SPDX-License-Identifier: MIT */
/*
 * Files through filters: one that copies against `cat` in its place, and the record filter against the same
 * C compiled natively; each between a file and a reader, in alternating runs, medians and ratios.
 * Usage: bench_filter GUESTS RECORDS_NATIVE SIZE_MIB RUNS
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "capability/filter_cache.h"
#include "capability/filter_stream.h"
#include "transfer/content_server.h"

#define MIB (1u << 20)
#define RUNS_MAX 101

static char folder[] = "/tmp/sluice-bench-XXXXXX", file_path[64];
static struct workspace workspace;
static struct environment environment;
static struct manifest manifest = {.identifier = (char *)"BENCH", .log_lines = 10};
static struct filter_cache *cache;
static char buffer[256 << 10];

static void must(bool ok, const struct error *err)
{
    if (ok)
        return;
    fprintf(stderr, "bench: %s\n", err->message);
    exit(1);
}

static void make_file(uint64_t size)
{
    static const char line[] = "12345678901234\t2026-01-01T00:00:00-08:00\tF1IC\t5000000001\tPerson\tANNA "
                               "NOVAK\t+1-415-555-0142\t+1-415-555-0143\t\tcustomer@example.org\tfalse\n";
    size_t length = sizeof line - 1, filled = sizeof buffer / length * length;
    for (size_t i = 0; i < filled; i += length)
        memcpy(buffer + i, line, length);
    FILE *file = fopen(file_path, "w");
    for (uint64_t done = 0; file && done < size; done += filled)
        if (fwrite(buffer, 1, filled, file) != filled)
            exit(1);
    if (!file || fclose(file) != 0)
        exit(1);
}

static struct remote_stream *open_filters(void *context, const struct remote_file *file,
                                          struct remote_stream *input, struct error *err)
{
    return filter_stream_open(context, file, input, err);
}

/* Seconds. */
static double through_filter(const char *digest, const char *name)
{
    static struct execution execution;
    struct error err = {0};
    struct remote_file file;
    struct source source;
    char lines[256];
    execution_init(&execution, &environment, &manifest);
    must(remote_open_local(file_path, &file, &err), &err);
    snprintf(lines, sizeof lines, "BENCH content %s %s\n", name, digest);
    file.filters = strdup(lines);
    const struct transfer_call call = {.filter = open_filters, .context = &execution};
    int64_t began_ns = clock_monotonic_ns();
    must(remote_read(environment.transfer, &file, &call, &source, &err), &err);
    struct pump *pump = pump_open(&source, &call, &err);
    must(pump != NULL, &err);
    while (pump_read(buffer, 1, sizeof buffer, pump) > 0)
        continue;
    must(pump_finish(pump, &err), &err);
    pump_close(pump);
    double seconds = (double)(clock_monotonic_ns() - began_ns) / 1e9;
    remote_file_release(&file);
    execution_release(&execution);
    return seconds;
}

static double through_program(const char *command)
{
    char line[512];
    snprintf(line, sizeof line, "cat %s | %s", file_path, command);
    int64_t began_ns = clock_monotonic_ns();
    FILE *out = popen(line, "r");
    while (out && read(fileno(out), buffer, sizeof buffer) > 0)
        continue;
    if (!out || pclose(out) != 0)
        exit(1);
    return (double)(clock_monotonic_ns() - began_ns) / 1e9;
}

static int compare(const void *a, const void *b)
{
    const double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, compare);
    return values[count / 2];
}

static struct filter open_guest(const char *guests, const char *name, char *file_name, size_t size)
{
    char path[512];
    snprintf(file_name, size, "filter_%s.wasm", name);
    snprintf(path, sizeof path, "%s/%s", guests, file_name);
    struct filter filter = {.point = (char *)"content", .name = file_name};
    must(filter_cache_add(cache, path, &filter), &filter.problem);
    return filter;
}

static void compare_with(const char *what, const struct filter *filter, const char *command, int runs)
{
    double filtered[RUNS_MAX], native[RUNS_MAX];
    for (int i = 0; i < runs; i++) {
        filtered[i] = through_filter(filter->digest, filter->name);
        native[i] = through_program(command);
    }
    double ours = median(filtered, runs), theirs = median(native, runs);
    printf("%-28s %8.3f s, as a filter %8.3f s, speed ratio %5.2f\n", what, theirs, ours, theirs / ours);
}

static long resident_kib(void)
{
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return used.ru_maxrss;
}

int main(int argc, char **argv)
{
    struct error err = {0};
    char names[2][64];
    int64_t size_mib, runs;
    if (argc != 5 || !text_parse_int(argv[3], 1, MIB, &size_mib) ||
        !text_parse_int(argv[4], 1, RUNS_MAX, &runs) || !mkdtemp(folder))
        return 2;
    snprintf(file_path, sizeof file_path, "%s/file", folder);
    workspace = (struct workspace){.folder = folder, .functions_folder = folder, .state_folder = folder,
                                   .filters = {.unsigned_ones = UNSIGNED_ALLOW, .memory_mib = 16,
                                               .content_cpu_s = 3600, .log_lines = 10}};
    cache = filter_cache_new(&workspace);
    char *store_path;
    if (!cache || asprintf(&store_path, "%s/store.db", folder) < 0)
        return 1;
    environment = (struct environment){.workspace = &workspace, .filters = cache,
                                       .transfer = transfer_new()};
    must(store_open(&environment.store, store_path, &err), &err);
    make_file((uint64_t)size_mib * MIB);
    const struct filter copy = open_guest(argv[1], "copy", names[0], sizeof names[0]);
    const struct filter records = open_guest(argv[1], "records", names[1], sizeof names[1]);
    through_filter(copy.digest, copy.name);
    long before_kib = resident_kib();
    printf("%s MiB, medians of %s runs\n", argv[3], argv[4]);
    compare_with("cat", &copy, "cat", (int)runs);
    compare_with("the record filter, native", &records, argv[2], (int)runs);
    printf("resident memory              %ld KiB after one file, %ld KiB after all\n", before_kib,
           resident_kib());
    store_close(environment.store);
    transfer_free(environment.transfer);
    filter_cache_free(cache);
    snprintf(buffer, sizeof buffer, "rm -r %s", folder);
    return system(buffer) == 0 ? 0 : 1;
}
