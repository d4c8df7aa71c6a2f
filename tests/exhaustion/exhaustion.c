/* SPDX-License-Identifier: MIT */
/* Which call fails: the plan from the environment, the counts, the report. */
#include "exhaustion.h"

#include <errno.h>
#include <dlfcn.h>
#include <execinfo.h>
#include <fcntl.h>
#include <inttypes.h>
#include <link.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define FRAMES_MAX 48
#define PLACE_INNER 2 /* innermost frames that a place tells apart */
#define PLACE_OWN 6   /* and so many of the program */
#define PLACES_MAX (1 << 17) /* a power of two */
#define DESCRIPTORS_MAX 1024
#define LOOKED_AT 5000 /* calls of a kind, when counting; then one in 64, as looking takes its time */

/* The code of the test itself: see test_code.h. */
extern const char __start_test_code[] __attribute__((weak));
extern const char __stop_test_code[] __attribute__((weak));

struct range {
    uintptr_t from, to;
};

/* Libraries whose own calls do not fail, nor those they make of others. The loader ends the process. libical
 * 3 writes through the NULL (icalarray_append) or asks its iterator for ever (icalrecur_iterator_next), which
 * no caller can help. */
static const char *const spared_names[] = {"/ld-linux", "/libical.so"};
#define SPARED_COUNT (sizeof spared_names / sizeof spared_names[0])

/* And OpenSSL takes locks that its once-only initialisation failed to make. */
#define ONCE_NAME "CRYPTO_THREAD_run_once"
#define ONCE_SIZE 64

static const char *const kind_names[] = {"none", "memory", "descriptors", "threads", "all"};

static struct {
    enum exhaustion_kind kind;
    bool counting, onwards;
    unsigned long at;
    int report;
    uintptr_t base; /* of the program */
    pid_t process;
    struct range program, sanitizer, once, spared[SPARED_COUNT];
    _Atomic(uint64_t) *places; /* hashes of the stacks seen, when counting */
} plan;

static char output[4096];
static atomic_ulong calls[EXHAUSTION_ALL + 1];
static atomic_bool reported, spent;
static __thread int inside;

static bool within(const struct range *range, const void *address)
{
    return (uintptr_t)address >= range->from && (uintptr_t)address < range->to;
}

static bool in_test(const void *address)
{
    return (const char *)address >= __start_test_code && (const char *)address < __stop_test_code;
}

/* The program is the first object of the list. */
static struct range *range_of(const char *path)
{
    if (!plan.program.to)
        return &plan.program;
    for (size_t i = 0; i < SPARED_COUNT; i++)
        if (strstr(path, spared_names[i]) && !plan.spared[i].to)
            return &plan.spared[i];
    return NULL;
}

static int find_ranges(struct dl_phdr_info *object, size_t size, void *context)
{
    (void)size, (void)context;
    struct range *range = range_of(object->dlpi_name);
    if (range == &plan.program)
        plan.base = object->dlpi_addr;
    for (int i = 0; range && i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &object->dlpi_phdr[i];
        if (part->p_type != PT_LOAD || !(part->p_flags & PF_X))
            continue;
        range->from = object->dlpi_addr + part->p_vaddr;
        range->to = range->from + part->p_memsz;
    }
    return 0;
}

/* EXHAUST=KIND:MODE:N:FROM-TO */
static bool read_plan(const char *text)
{
    char kind[16], mode[16];
    struct range *sanitizer = &plan.sanitizer;
    if (sscanf(text, "%15[^:]:%15[^:]:%lu:%" SCNxPTR "-%" SCNxPTR, kind, mode, &plan.at,
               &sanitizer->from, &sanitizer->to) != 5)
        return false;
    sanitizer->from += plan.base;
    sanitizer->to += plan.base;
    for (int i = EXHAUSTION_MEMORY; i <= EXHAUSTION_ALL; i++)
        if (strcmp(kind, kind_names[i]) == 0)
            plan.kind = i;
    plan.counting = strcmp(mode, "count") == 0;
    plan.onwards = strcmp(mode, "onwards") == 0;
    return plan.kind != EXHAUSTION_NONE && (plan.counting || plan.onwards || strcmp(mode, "once") == 0);
}

__attribute__((constructor)) static void begin(void)
{
    const char *text = getenv("EXHAUST"), *report = getenv("EXHAUST_REPORT");
    void *frame[1];
    if (!text || !report)
        return;
    backtrace(frame, 1); /* loads its library now, not within a call for memory */
    plan.report = open(report, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    plan.report = fcntl(plan.report, F_DUPFD_CLOEXEC, DESCRIPTORS_MAX); /* out of the test's way */
    plan.process = getpid();
    dl_iterate_phdr(find_ranges, NULL);
    plan.once.from = (uintptr_t)dlsym(RTLD_DEFAULT, ONCE_NAME);
    plan.once.to = plan.once.from ? plan.once.from + ONCE_SIZE : 0;
    plan.places = mmap(NULL, PLACES_MAX * sizeof *plan.places, PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    setvbuf(stdout, output, _IOFBF, sizeof output); /* which the library would make at the first use */
    unsetenv("EXHAUST"); /* what the test starts is not counted */
    if (plan.report < 0 || plan.places == MAP_FAILED || !read_plan(text)) {
        fprintf(stderr, "EXHAUST=%s: not a plan, or no report\n", text);
        _exit(2);
    }
}

__attribute__((destructor)) static void end(void)
{
    int open_count = 0;
    if (plan.process != getpid())
        return;
    for (int i = 0; i < DESCRIPTORS_MAX; i++)
        open_count += fcntl(i, F_GETFD) >= 0;
    dprintf(plan.report, "open %d\n", open_count);
}

void exhaustion_enter(void)
{
    inside++;
}

void exhaustion_leave(void)
{
    inside--;
}

static bool is_spared(const void *frame)
{
    if (within(&plan.once, frame))
        return true;
    for (size_t i = 0; i < SPARED_COUNT; i++)
        if (within(&plan.spared[i], frame))
            return true;
    return false;
}

/* May the call with this stack fail? A frame of the sanitizer says nothing, but none else does no call. */
static bool may_fail(void *const *frames, int count)
{
    bool sanitizer = false;
    for (int i = 0; i < count; i++) {
        if (is_spared(frames[i]))
            return false;
        if (within(&plan.sanitizer, frames[i]))
            sanitizer = true;
        else if (within(&plan.program, frames[i]))
            return !in_test(frames[i]);
    }
    return !sanitizer;
}

/* Keeps the frames that make the place; their number. */
static int to_place(void *const *frames, int count, void **place)
{
    int kept = 0, own = 0;
    for (int i = 0; i < count && own < PLACE_OWN && !in_test(frames[i]); i++) {
        bool is_own = within(&plan.program, frames[i]);
        own += is_own;
        if (i < PLACE_INNER || is_own)
            place[kept++] = frames[i];
    }
    return kept;
}

/* false: a call from this place is known. */
static bool is_new(enum exhaustion_kind kind, void *const *place, int count)
{
    uint64_t hash = 14695981039346656037u + kind;
    for (int i = 0; i < count; i++)
        hash = (hash ^ (uintptr_t)place[i]) * 1099511628211u;
    hash += !hash;
    for (uint64_t i = hash >> 20, tries = 0; tries < PLACES_MAX; i++, tries++) {
        uint64_t seen = 0;
        if (atomic_compare_exchange_strong(&plan.places[i % PLACES_MAX], &seen, hash))
            return true;
        if (seen == hash)
            return false;
    }
    return false;
}

static void report_place(enum exhaustion_kind kind, unsigned long n, void *const *frames, int count)
{
    void *place[FRAMES_MAX];
    char line[FRAMES_MAX * 64];
    count = to_place(frames, count, place);
    if (!is_new(kind, place, count))
        return;
    int size = snprintf(line, sizeof line, "call %s %lu", kind_names[kind], n);
    for (int i = 0; i < count; i++) {
        Dl_info module = {0};
        dladdr(place[i], &module);
        const char *name = module.dli_fname ? strrchr(module.dli_fname, '/') : NULL;
        bool own = within(&plan.program, place[i]);
        size += snprintf(line + size, 64, " %.40s+%lx", own || !name ? "" : name + 1,
                         (unsigned long)((char *)place[i] - (char *)module.dli_fbase));
    }
    dprintf(plan.report, "%s\n", line);
}

static void report_failed(enum exhaustion_kind kind, unsigned long n, void *const *frames, int count)
{
    if (atomic_exchange(&reported, true))
        return;
    dprintf(plan.report, "failed %s %lu\n", kind_names[kind], n);
    backtrace_symbols_fd(frames, count, plan.report);
}

/* Call n has its turn. The first frames are those of these files. */
static bool decide(enum exhaustion_kind kind, unsigned long n, const void *caller)
{
    void *all[FRAMES_MAX];
    int count = backtrace(all, FRAMES_MAX), skipped = 0;
    while (skipped < count && all[skipped] != caller)
        skipped++;
    void *const *frames = all + (skipped < count ? skipped : 0);
    count -= skipped < count ? skipped : 0;
    if (!may_fail(frames, count))
        return false;
    if (plan.counting) {
        report_place(kind, n, frames, count);
        return false;
    }
    if (!plan.onwards && atomic_exchange(&spent, true))
        return false;
    report_failed(kind, n, frames, count);
    return true;
}

static int error_number(enum exhaustion_kind kind, unsigned long n)
{
    if (kind == EXHAUSTION_MEMORY)
        return ENOMEM;
    if (kind == EXHAUSTION_THREADS)
        return EAGAIN;
    return n % 2 ? EMFILE : ENFILE;
}

bool exhaustion_hits(enum exhaustion_kind kind, const void *caller)
{
    if ((plan.kind != kind && plan.kind != EXHAUSTION_ALL) || inside || in_test(caller))
        return false;
    unsigned long n = atomic_fetch_add(&calls[kind], 1) + 1;
    if (n < plan.at || atomic_load(&spent) || (plan.counting && n > LOOKED_AT && n % 64))
        return false;
    int kept = errno;
    inside++;
    bool hit = decide(kind, n, caller);
    inside--;
    errno = hit ? error_number(kind, n) : kept;
    return hit;
}
