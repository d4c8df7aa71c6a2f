/* SPDX-License-Identifier: MIT */
/* The answer to /metrics; see metrics.h. */
#include "server/metrics.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/file.h"
#include "server/answer.h"

#define BODY_SIZE_MAX (16u << 20)
#define OPENMETRICS_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"
#define TEXT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* ---- which form -------------------------------------------------------------------------------- */

static int thousandths(double weight)
{
    return weight >= 1 ? 1000 : weight > 0 ? (int)(weight * 1000 + 0.5) : 0;
}

/* The q of a media range's parameters, in thousandths (RFC 9110, 12.4.2): from 0 to 1. */
static int quality_of(const char *range, size_t size)
{
    char text[128];
    snprintf(text, sizeof text, "%.*s", (int)(size < sizeof text ? size : sizeof text - 1), range);
    for (char *at = strchr(text, ';'); at; at = strchr(at, ';')) {
        at += 1 + strspn(at + 1, " \t");
        if (strncasecmp(at, "q=", 2) == 0)
            return thousandths(strtod(at + 2, NULL));
    }
    return 1000;
}

/* Whether range is type, with or without parameters. */
static bool is_type(const char *range, size_t size, const char *type)
{
    size_t name = strcspn(range, ";, \t");
    return name <= size && name == strlen(type) && strncasecmp(range, type, name) == 0;
}

enum metrics_form metrics_negotiate(const char *accept)
{
    int open = 0, text = 0;
    while (accept && *accept) {
        accept += strspn(accept, ", \t");
        size_t size = strcspn(accept, ",");
        int quality = quality_of(accept, size);
        if (is_type(accept, size, "application/openmetrics-text") && quality > open)
            open = quality;
        if ((is_type(accept, size, "text/plain") || is_type(accept, size, "text/*")) &&
            quality > text)
            text = quality;
        accept += size;
    }
    return open > 0 && open >= text ? METRICS_OPENMETRICS : METRICS_TEXT;
}

/* ---- the process ------------------------------------------------------------------------------- */

struct process {
    double cpu_s, started_s;
    double virtual_size, resident_size;
    double threads;
};

/* Seconds since 1970 at which the machine started. */
static double boot_time(void)
{
    struct buf text;
    buf_init(&text, 1u << 20);
    const char *at = file_read("/proc/stat", &text, NULL) ? strstr(buf_text(&text), "\nbtime ") : NULL;
    double boot_s = at ? strtod(at + 7, NULL) : 0;
    buf_release(&text);
    return boot_s;
}

/* proc(5): fields 14, 15 are CPU ticks, 20 threads, 22 the start in ticks since boot, 23 bytes, 24
 * pages. The name in field 2 may hold anything, so counting begins behind its last ')'. */
static bool read_process(struct process *out)
{
    struct buf text;
    unsigned long long user, system, start, size;
    long threads, pages;
    buf_init(&text, 4096);
    const char *at = file_read("/proc/self/stat", &text, NULL) ? strrchr(buf_text(&text), ')') : NULL;
    bool ok = at && sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d"
                                   " %*d %ld %*d %llu %llu %ld",
                           &user, &system, &threads, &start, &size, &pages) == 6;
    buf_release(&text);
    if (!ok)
        return false;
    double ticks = (double)sysconf(_SC_CLK_TCK);
    out->cpu_s = (double)(user + system) / ticks;
    out->started_s = boot_time() + (double)start / ticks;
    out->virtual_size = (double)size;
    out->resident_size = (double)pages * (double)sysconf(_SC_PAGESIZE);
    out->threads = (double)threads;
    return true;
}

static double open_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    double count = 0;
    for (const struct dirent *entry; folder && (entry = readdir(folder)) != NULL;)
        count += entry->d_name[0] != '.';
    if (!folder)
        return 0;
    closedir(folder);
    return count - 1; /* the folder itself */
}

/* Names as Prometheus' client libraries use them. */
static void write_process(enum metrics_form form, struct buf *out)
{
    struct process process;
    struct rlimit limit = {.rlim_cur = 0};
    if (!read_process(&process))
        return;
    getrlimit(RLIMIT_NOFILE, &limit);
    const struct {
        enum metric_type type;
        const char *name, *unit, *help;
        double value;
    } facts[] = {
        {METRIC_COUNTER, "process_cpu_seconds", "seconds", "User and system CPU time.", process.cpu_s},
        {METRIC_GAUGE, "process_start_time_seconds", "seconds", "Start of the process since 1970.",
         process.started_s},
        {METRIC_GAUGE, "process_resident_memory_bytes", "bytes", "Resident memory.",
         process.resident_size},
        {METRIC_GAUGE, "process_virtual_memory_bytes", "bytes",
         "Address space; a sandbox reserves 8 GiB of it without using it.", process.virtual_size},
        {METRIC_GAUGE, "process_open_fds", "", "Open file descriptors.", open_descriptors()},
        {METRIC_GAUGE, "process_max_fds", "", "Most file descriptors.", (double)limit.rlim_cur},
        {METRIC_GAUGE, "process_threads", "", "Threads.", process.threads},
    };
    for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++)
        metrics_write_one(form, facts[i].type, facts[i].name, facts[i].unit, facts[i].help,
                          facts[i].value, out);
}

/* ---- the answer -------------------------------------------------------------------------------- */

void metrics_answer(struct http_exchange *exchange)
{
    struct http_answer *answer = &exchange->answer;
    enum metrics_form form = metrics_negotiate(http_exchange_field(exchange, "Accept"));
    bool is_open = form == METRICS_OPENMETRICS;
    buf_release(&answer->body);
    buf_init(&answer->body, BODY_SIZE_MAX);
    metrics_write_info(form, "sluice_build", "The version that runs.",
                       "version=\"" SLUICE_VERSION "\"", &answer->body);
    metrics_write(form, &answer->body);
    write_process(form, &answer->body);
    if (is_open)
        buf_append_text(&answer->body, "# EOF\n");
    snprintf(answer->content_type, sizeof answer->content_type, "%s",
             is_open ? OPENMETRICS_TYPE : TEXT_TYPE);
    answer->status = 200;
    if (answer->body.failed)
        answer_fault(answer, 500, "internal", "No memory", "there is no memory for the metrics");
}
