/* SPDX-License-Identifier: MIT */
/* Series of numbers in a table that only grows; see metrics.h. */
#include "base/metrics.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define TABLE_SIZE (METRIC_SERIES_MAX * 2u) /* a power of two: probing stays short */

/* Upper bounds in microseconds: an acknowledgement takes milliseconds, a transfer minutes to hours. */
static const int64_t bounds_us[] = {
    1000,    2500,     5000,     10000,    25000,     50000,     100000,    250000,     500000,
    1000000, 2500000,  5000000,  10000000, 30000000,  60000000,  300000000, 1800000000, 7200000000,
};
static const char *const bound_texts[] = {
    "0.001", "0.0025", "0.005",  "0.01",   "0.025",   "0.05",    "0.1",     "0.25",     "0.5",
    "1.0",   "2.5",    "5.0",    "10.0",   "30.0",    "60.0",    "300.0",   "1800.0",   "7200.0",
};
#define BOUND_COUNT (sizeof bounds_us / sizeof bounds_us[0])
_Static_assert(BOUND_COUNT == sizeof bound_texts / sizeof bound_texts[0], "a text for each bound");

struct about {
    enum metric_type type;
    const char *name, *unit, *first, *second, *help;
};

static const struct about abouts[METRIC_COUNT] = {
#define METRIC_ABOUT(id, type, name, unit, first, second, help)                                    \
    [METRIC_##id] = {METRIC_##type, name, unit, first, second, help},
    METRICS(METRIC_ABOUT)
#undef METRIC_ABOUT
};

struct series {
    enum metric metric;
    char *first, *second;  /* label values; immutable; NULL in the fixed ones */
    _Atomic int64_t value; /* of a histogram: the sum in microseconds */
    _Atomic int64_t buckets[BOUND_COUNT + 1]; /* of a histogram, each by itself */
};

/* A metric's only series if it has no labels, else what METRIC_SERIES_MAX left no room for. */
static struct series fixed[METRIC_COUNT] = {
#define METRIC_FIXED(id, type, name, unit, first, second, help)                                    \
    [METRIC_##id] = {.metric = METRIC_##id},
    METRICS(METRIC_FIXED)
#undef METRIC_FIXED
};

static _Atomic(struct series *) table[TABLE_SIZE];
static pthread_mutex_t growing = PTHREAD_MUTEX_INITIALIZER;
static size_t series_count; /* under growing */

/* ---- finding a series -------------------------------------------------------------------------- */

/* FNV-1a. */
static uint32_t hash(uint32_t seed, const char *text)
{
    for (size_t i = 0; i < METRIC_LABEL_SIZE_MAX && text[i]; i++)
        seed = (seed ^ (unsigned char)text[i]) * 16777619u;
    return seed * 16777619u;
}

static bool is_it(const struct series *series, enum metric metric, const char *first,
                  const char *second)
{
    return series->metric == metric &&
           strncmp(series->first, first, METRIC_LABEL_SIZE_MAX) == 0 &&
           strncmp(series->second, second, METRIC_LABEL_SIZE_MAX) == 0;
}

/* The series, or NULL and in *place where it would go. */
static struct series *find(enum metric metric, const char *first, const char *second, size_t *place)
{
    size_t at = hash(hash(2166136261u ^ (uint32_t)metric, first), second) % TABLE_SIZE;
    for (;; at = (at + 1) % TABLE_SIZE) {
        struct series *series = atomic_load_explicit(&table[at], memory_order_acquire);
        *place = at;
        if (!series || is_it(series, metric, first, second))
            return series;
    }
}

static struct series *series_new(enum metric metric, const char *first, const char *second)
{
    struct series *series = calloc(1, sizeof *series);
    if (!series)
        return NULL;
    series->metric = metric;
    series->first = strndup(first, METRIC_LABEL_SIZE_MAX);
    series->second = strndup(second, METRIC_LABEL_SIZE_MAX);
    if (series->first && series->second)
        return series;
    free(series->first);
    free(series->second);
    free(series);
    return NULL;
}

static struct series *find_or_make(enum metric metric, const char *first, const char *second)
{
    size_t place;
    struct series *series = find(metric, first, second, &place);
    if (series)
        return series;
    pthread_mutex_lock(&growing);
    series = find(metric, first, second, &place);
    if (!series && series_count < METRIC_SERIES_MAX) {
        series = series_new(metric, first, second);
        series_count += series != NULL;
        atomic_store_explicit(&table[place], series, memory_order_release);
    }
    pthread_mutex_unlock(&growing);
    return series ? series : &fixed[metric];
}

static struct series *series_of(enum metric metric, const char *first, const char *second)
{
    return abouts[metric].first[0] ? find_or_make(metric, first, second) : &fixed[metric];
}

/* ---- counting ---------------------------------------------------------------------------------- */

void metric_add(enum metric metric, int64_t delta)
{
    atomic_fetch_add_explicit(&fixed[metric].value, delta, memory_order_relaxed);
}

void metric_set(enum metric metric, int64_t value)
{
    atomic_store_explicit(&fixed[metric].value, value, memory_order_relaxed);
}

void metric_count(enum metric metric, const char *first, const char *second, int64_t amount)
{
    struct series *series = series_of(metric, first, second);
    atomic_fetch_add_explicit(&series->value, amount, memory_order_relaxed);
}

void metric_observe(enum metric metric, const char *first, int64_t duration_us)
{
    struct series *series = series_of(metric, first, "");
    size_t bucket = 0;
    while (bucket < BOUND_COUNT && duration_us > bounds_us[bucket])
        bucket++;
    atomic_fetch_add_explicit(&series->buckets[bucket], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&series->value, duration_us, memory_order_relaxed);
}

static int64_t observed(const struct series *series)
{
    int64_t count = 0;
    for (size_t i = 0; i <= BOUND_COUNT; i++)
        count += atomic_load_explicit(&series->buckets[i], memory_order_relaxed);
    return count;
}

int64_t metric_value(enum metric metric, const char *first, const char *second)
{
    size_t place;
    const struct series *series = abouts[metric].first[0] ? find(metric, first, second, &place)
                                                          : &fixed[metric];
    if (!series)
        return 0;
    return abouts[metric].type == METRIC_HISTOGRAM ? observed(series) : atomic_load(&series->value);
}

/* ---- writing ----------------------------------------------------------------------------------- */

/* OpenMetrics names a counter without "_total" and has units; the older text format does not. */
static void write_about(enum metrics_form form, const struct about *about, const char *type,
                        struct buf *out)
{
    bool is_open = form == METRICS_OPENMETRICS;
    const char *suffix = !is_open && about->type == METRIC_COUNTER ? "_total" : "";
    buf_printf(out, "# HELP %s%s %s\n", about->name, suffix, about->help);
    buf_printf(out, "# TYPE %s%s %s\n", about->name, suffix, type);
    if (is_open && about->unit[0])
        buf_printf(out, "# UNIT %s %s\n", about->name, about->unit);
}

static const char *type_name(enum metric_type type)
{
    static const char *const names[] = {
        [METRIC_COUNTER] = "counter",
        [METRIC_GAUGE] = "gauge",
        [METRIC_AGE] = "gauge",
        [METRIC_HISTOGRAM] = "histogram",
    };
    return names[type];
}

static void write_label(struct buf *out, const char *name, const char *value)
{
    buf_printf(out, "%s=\"", name);
    for (; *value; value++) {
        if (*value == '\n') {
            buf_append_text(out, "\\n");
            continue;
        }
        if (*value == '\\' || *value == '"')
            buf_append_char(out, '\\');
        buf_append_char(out, *value);
    }
    buf_append_char(out, '"');
}

/* name{labels} with a further label "le" where it is not NULL, and a blank. */
static void write_name(struct buf *out, const struct series *series, const char *suffix,
                       const char *le)
{
    const struct about *about = &abouts[series->metric];
    bool has_first = about->first[0] != '\0', has_second = about->second[0] != '\0';
    buf_printf(out, "%s%s", about->name, suffix);
    if (has_first || le)
        buf_append_char(out, '{');
    if (has_first)
        write_label(out, about->first, series->first ? series->first : "other");
    if (has_second)
        buf_append_char(out, ',');
    if (has_second)
        write_label(out, about->second, series->second ? series->second : "other");
    if (le)
        buf_printf(out, "%sle=\"%s\"", has_first ? "," : "", le);
    if (has_first || le)
        buf_append_char(out, '}');
    buf_append_char(out, ' ');
}

static void write_number(struct buf *out, const struct about *about, int64_t value)
{
    if (about->type == METRIC_AGE)
        value = value ? clock_monotonic_ns() / 1000 - value : 0;
    if (strcmp(about->unit, "seconds") == 0)
        buf_printf(out, "%.6f\n", (double)(value > 0 ? value : 0) / 1e6);
    else
        buf_printf(out, "%lld\n", (long long)value);
}

static void write_histogram(const struct series *series, struct buf *out)
{
    int64_t count = 0;
    for (size_t i = 0; i <= BOUND_COUNT; i++) {
        count += atomic_load_explicit(&series->buckets[i], memory_order_relaxed);
        write_name(out, series, "_bucket", i < BOUND_COUNT ? bound_texts[i] : "+Inf");
        buf_printf(out, "%lld\n", (long long)count);
    }
    write_name(out, series, "_sum", NULL);
    write_number(out, &abouts[series->metric], atomic_load(&series->value));
    write_name(out, series, "_count", NULL);
    buf_printf(out, "%lld\n", (long long)count);
}

static void write_series(const struct series *series, struct buf *out)
{
    const struct about *about = &abouts[series->metric];
    if (about->type == METRIC_HISTOGRAM) {
        write_histogram(series, out);
        return;
    }
    write_name(out, series, about->type == METRIC_COUNTER ? "_total" : "", NULL);
    write_number(out, about, atomic_load(&series->value));
}

static int by_labels(const void *left, const void *right)
{
    const struct series *a = *(const struct series *const *)left;
    const struct series *b = *(const struct series *const *)right;
    if (a->metric != b->metric)
        return a->metric < b->metric ? -1 : 1;
    int order = strcmp(a->first ? a->first : "", b->first ? b->first : "");
    return order ? order : strcmp(a->second ? a->second : "", b->second ? b->second : "");
}

/* Series that are to be written: all of the table, and the fixed ones that are in use. */
static size_t collect(const struct series *list[static METRIC_SERIES_MAX + METRIC_COUNT])
{
    size_t count = 0;
    for (size_t i = 0; i < TABLE_SIZE && count < METRIC_SERIES_MAX; i++) {
        const struct series *series = atomic_load_explicit(&table[i], memory_order_acquire);
        if (series)
            list[count++] = series;
    }
    for (size_t i = 0; i < METRIC_COUNT; i++) {
        bool has_labels = abouts[i].first[0] != '\0';
        bool is_used = atomic_load(&fixed[i].value) != 0 || observed(&fixed[i]) != 0;
        if (!has_labels || is_used)
            list[count++] = &fixed[i];
    }
    qsort(list, count, sizeof *list, by_labels);
    return count;
}

void metrics_write(enum metrics_form form, struct buf *out)
{
    const struct series **list = calloc(METRIC_SERIES_MAX + METRIC_COUNT, sizeof *list);
    size_t count = list ? collect(list) : 0;
    for (size_t i = 0; i < count; i++) {
        const struct about *about = &abouts[list[i]->metric];
        if (i == 0 || list[i]->metric != list[i - 1]->metric)
            write_about(form, about, type_name(about->type), out);
        write_series(list[i], out);
    }
    free(list);
}

void metrics_write_one(enum metrics_form form, enum metric_type type, const char *name,
                       const char *unit, const char *help, double value, struct buf *out)
{
    const struct about about = {.type = type, .name = name, .unit = unit, .help = help};
    write_about(form, &about, type_name(type), out);
    buf_printf(out, "%s%s %.17g\n", name, type == METRIC_COUNTER ? "_total" : "", value);
}

void metrics_write_info(enum metrics_form form, const char *name, const char *help,
                        const char *labels, struct buf *out)
{
    bool is_open = form == METRICS_OPENMETRICS;
    char long_name[128];
    snprintf(long_name, sizeof long_name, "%s_info", name);
    const struct about about = {.type = METRIC_GAUGE, .name = is_open ? name : long_name,
                                .unit = "", .help = help};
    write_about(form, &about, is_open ? "info" : "gauge", out);
    buf_printf(out, "%s{%s} 1\n", long_name, labels);
}
