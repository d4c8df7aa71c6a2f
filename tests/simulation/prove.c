/* SPDX-License-Identifier: MIT */
/*
 * Runs seeds on all processors and reports: seeds, lifetimes, steps, effects, faults by kind, invariants
 * checked, violations. A seed that violates an invariant is run again with its trace.
 *
 *     prove FUNCTIONS [--seeds N] [--minutes M] [--seed S[/KINDS]] [--first S] [--kept FILE]
 */
#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "disk.h"
#include "host_parts.h"
#include "seed.h"
#include "world.h"

#define WORKERS_MAX 16
#define VIOLATIONS_MAX 400 /* then a worker stops looking for more */
#define KEPT_MAX 512
#define SEEDS_MAX 1000000000 /* where only the time is limited */
#define TWICE_EVERY 50 /* each so many seeds one is run twice, and must come to the same */

int __real_clock_gettime(clockid_t id, struct timespec *now);
int __real_nanosleep(const struct timespec *duration, struct timespec *left);

struct totals {
    uint64_t seeds, lifetimes, steps, effects, checks, twice, deliveries, marks, mishaps[MISHAP_COUNT];
    unsigned violations;
    struct seed violated[VIOLATIONS_MAX];
};

struct settings {
    const char *functions;
    uint64_t first, seeds;
    struct seed one;
    bool has_one, has_seeds;
    double minutes; /* 0: no limit */
    struct seed kept[KEPT_MAX];
    unsigned kept_count;
    unsigned workers;
};

static struct totals *totals; /* one per worker, shared */
static volatile sig_atomic_t is_stopping;

static void stop(int number)
{
    (void)number;
    is_stopping = 1;
}

static double now_s(void)
{
    struct timespec now;
    __real_clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- one worker ------------------------------------------------------------------------------ */

struct workshop {
    char folder[128], workspace[160];
    struct signing_key key;
    struct lifetime_place place;
};

static bool open_workshop(struct workshop *shop, const struct settings *settings, struct error *err)
{
    const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(shop->folder, sizeof shop->folder, "%s/sluice-prove-XXXXXX", base);
    if (!mkdtemp(shop->folder))
        return error_errno(err, ERROR_INTERNAL, errno, "cannot make a folder in %s", base);
    snprintf(shop->workspace, sizeof shop->workspace, "%s/workspace", shop->folder);
    shop->place = (struct lifetime_place){shop->workspace, settings->functions};
    return signing_key_make(&shop->key, shop->folder, err);
}

static int remove_one(const char *path, const struct stat *status, int flag, struct FTW *walk)
{
    (void)status, (void)flag, (void)walk;
    return remove(path);
}

static void close_workshop(const struct workshop *shop)
{
    nftw(shop->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void add_up(struct totals *mine)
{
    mine->seeds++;
    mine->lifetimes += world->lifetimes;
    mine->steps += world->steps;
    mine->effects += world->effects;
    mine->checks += world->checks;
    mine->deliveries += world->deliveries;
    mine->marks += world->marks;
    for (int i = 0; i < MISHAP_COUNT; i++)
        mine->mishaps[i] += world->mishaps[i];
}

static void run_seed(struct seed seed, const struct workshop *shop, struct totals *mine)
{
    bool ok = seed_run(seed, &shop->place, &shop->key, false);
    uint64_t digest = world->digest;
    add_up(mine);
    if (ok && seed.number % TWICE_EVERY == 0) {
        mine->twice++;
        seed_run(seed, &shop->place, &shop->key, false);
        if (world->digest != digest)
            violation("seed %llu took another course the second time", (unsigned long long)seed.number);
        ok = !world->violation[0];
    }
    if (ok)
        return;
    char text[SEED_TEXT_SIZE];
    fprintf(stderr, "\nVIOLATION, seed %s: %s\n", seed_text(seed, text), world->violation);
    if (mine->violations < VIOLATIONS_MAX)
        mine->violated[mine->violations++] = seed;
}

static void work(const struct settings *settings, unsigned index, double until_s)
{
    struct workshop shop;
    struct error err = {0};
    struct totals *mine = &totals[index];
    signal(SIGINT, SIG_IGN); /* the terminal sends it to all; the parent tells the workers */
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (!world_map() || !disk_open() || !open_workshop(&shop, settings, &err)) {
        fprintf(stderr, "prove: %s\n", err.message[0] ? err.message : "no memory");
        _exit(2);
    }
    for (unsigned i = index; i < settings->kept_count && !is_stopping; i += settings->workers)
        run_seed(settings->kept[i], &shop, mine);
    for (uint64_t i = index; i < settings->seeds && mine->violations < VIOLATIONS_MAX; i += settings->workers) {
        if (is_stopping || (until_s > 0 && now_s() >= until_s))
            break;
        run_seed((struct seed){settings->first + i, SEED_LATER_ALL}, &shop, mine);
    }
    close_workshop(&shop);
    _exit(0);
}

/* ---- the parent ------------------------------------------------------------------------------ */

static struct totals sum_up(unsigned workers)
{
    struct totals sum = {0};
    for (unsigned i = 0; i < workers; i++) {
        const struct totals *one = &totals[i];
        sum.seeds += one->seeds;
        sum.lifetimes += one->lifetimes;
        sum.steps += one->steps;
        sum.effects += one->effects;
        sum.checks += one->checks;
        sum.deliveries += one->deliveries;
        sum.marks += one->marks;
        sum.twice += one->twice;
        for (int k = 0; k < MISHAP_COUNT; k++)
            sum.mishaps[k] += one->mishaps[k];
        for (unsigned v = 0; v < one->violations; v++)
            if (sum.violations < VIOLATIONS_MAX)
                sum.violated[sum.violations++] = one->violated[v];
    }
    return sum;
}

static void show_progress(const struct settings *settings, double begun_s)
{
    const struct totals sum = sum_up(settings->workers);
    fprintf(stderr, "\r%llu of %llu seeds, %llu lifetimes, %.0f s, %u violations ",
            (unsigned long long)sum.seeds,
            (unsigned long long)(settings->seeds + settings->kept_count),
            (unsigned long long)sum.lifetimes, now_s() - begun_s, sum.violations);
}

/* Waits for all of them; false: one of them failed by itself. */
static void stop_workers(const struct settings *settings, const pid_t pids[])
{
    for (unsigned i = 0; i < settings->workers; i++)
        if (pids[i] > 0)
            kill(pids[i], SIGTERM);
}

/* A signal ends it after the seeds that are going on. */
static bool await_workers(const struct settings *settings, const pid_t pids[], double begun_s)
{
    unsigned left = settings->workers;
    bool ok = true;
    while (left > 0) {
        if (is_stopping)
            stop_workers(settings, pids);
        for (unsigned i = 0; i < settings->workers; i++) {
            int status;
            if (pids[i] > 0 && waitpid(pids[i], &status, WNOHANG) == pids[i]) {
                ok = ok && WIFEXITED(status) && WEXITSTATUS(status) == 0;
                ((pid_t *)pids)[i] = 0;
                left--;
            }
        }
        struct timespec pause = {.tv_nsec = 200000000};
        if (left > 0)
            __real_nanosleep(&pause, NULL);
        if (isatty(STDERR_FILENO))
            show_progress(settings, begun_s);
    }
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\n");
    return ok;
}

static void report(const struct totals *sum, double seconds)
{
    printf("seeds                 %12llu   (%llu of them run twice, with the same course)\n",
           (unsigned long long)sum->seeds, (unsigned long long)sum->twice);
    printf("lifetimes             %12llu\n", (unsigned long long)sum->lifetimes);
    printf("steps                 %12llu\n", (unsigned long long)sum->steps);
    printf("effects               %12llu\n", (unsigned long long)sum->effects);
    printf("files delivered       %12llu   (%llu marked at their source)\n",
           (unsigned long long)sum->deliveries, (unsigned long long)sum->marks);
    printf("faults injected, by kind\n");
    uint64_t all = 0;
    for (int i = 0; i < MISHAP_COUNT; i++) {
        printf("  %-42s %12llu\n", mishap_name((enum mishap)i), (unsigned long long)sum->mishaps[i]);
        all += sum->mishaps[i];
    }
    printf("  %-42s %12llu\n", "all", (unsigned long long)all);
    printf("invariants checked    %12llu\n", (unsigned long long)sum->checks);
    printf("violations            %12u\n", sum->violations);
    printf("time                  %12.0f s\n", seconds);
}

static int usage(void)
{
    fprintf(stderr, "usage: prove FUNCTIONS [--seeds N] [--minutes M] [--seed S[/KINDS]] [--first S] "
                    "[--kept FILE] [--workers N]\n");
    return 2;
}

/* One seed a line, what it once showed behind it; '#' begins a comment. */
static bool read_kept(struct settings *settings, const char *path)
{
    char line[400];
    bool is_read = true;
    FILE *file = fopen(path, "r");
    if (!file)
        return false;
    while (fgets(line, sizeof line, file) && settings->kept_count < KEPT_MAX)
        if (line[0] != '#')
            is_read &= seed_read(line, &settings->kept[settings->kept_count++]);
    fclose(file);
    return is_read;
}

static bool read_option(struct settings *settings, const char *name, const char *value)
{
    char *end;
    if (strcmp(name, "--kept") == 0)
        return read_kept(settings, value);
    if (strcmp(name, "--seed") == 0) {
        settings->has_one = true;
        return seed_read(value, &settings->one);
    }
    double number = strtod(value, &end);
    if (*end || end == value || number < 0)
        return false;
    if (strcmp(name, "--minutes") == 0)
        settings->minutes = number;
    else if (strcmp(name, "--seeds") == 0)
        settings->seeds = (uint64_t)number;
    else if (strcmp(name, "--first") == 0)
        settings->first = strtoull(value, NULL, 10);
    else if (strcmp(name, "--workers") == 0)
        settings->workers = number < 1 ? 1 : number > WORKERS_MAX ? WORKERS_MAX : (unsigned)number;
    else
        return false;
    settings->has_seeds |= strcmp(name, "--seeds") == 0;
    return true;
}

/* One seed, told step by step. */
static int show_seed(const struct settings *settings, struct seed seed)
{
    struct workshop shop;
    struct error err = {0};
    if (!world_map() || !disk_open() || !open_workshop(&shop, settings, &err)) {
        fprintf(stderr, "prove: %s\n", err.message[0] ? err.message : "no memory");
        return 2;
    }
    bool ok = seed_run(seed, &shop.place, &shop.key, true);
    if (ok)
        printf("seed %llu: no violation; digest %016llx\n", (unsigned long long)seed.number,
               (unsigned long long)world->digest);
    else
        printf("seed %llu: VIOLATION: %s\n", (unsigned long long)seed.number, world->violation);
    close_workshop(&shop);
    return ok ? 0 : 1;
}

static int run_all(const struct settings *settings)
{
    pid_t pids[WORKERS_MAX];
    double begun_s = now_s();
    double until_s = settings->minutes > 0 ? begun_s + settings->minutes * 60 : 0;
    signal(SIGTERM, stop);
    signal(SIGINT, stop);
    for (unsigned i = 0; i < settings->workers; i++) {
        pids[i] = fork();
        if (pids[i] == 0)
            work(settings, i, until_s);
        if (pids[i] < 0) {
            perror("prove: fork");
            return 2;
        }
    }
    bool ok = await_workers(settings, pids, begun_s);
    const struct totals sum = sum_up(settings->workers);
    char text[SEED_TEXT_SIZE];
    report(&sum, now_s() - begun_s);
    for (unsigned i = 0; i < sum.violations; i++)
        printf("run it again with: scripts/prove --seed %s\n", seed_text(sum.violated[i], text));
    if (sum.violations > 0)
        show_seed(settings, sum.violated[0]);
    if (is_stopping)
        printf("stopped before all seeds were run\n");
    return !ok || is_stopping ? 2 : sum.violations > 0 ? 1 : 0;
}

int main(int argc, char **argv)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    struct error err = {0};
    static char functions[PATH_MAX];
    struct settings settings = {.functions = functions, .first = 1, .seeds = 10000,
                                .workers = processors > WORKERS_MAX ? WORKERS_MAX
                                           : processors > 0         ? (unsigned)processors : 1};
    if (argc < 2 || argc % 2 != 0 || !realpath(argv[1], functions))
        return usage();
    for (int i = 2; i < argc; i += 2)
        if (!read_option(&settings, argv[i], argv[i + 1]))
            return usage();
    if (settings.minutes > 0 && !settings.has_seeds)
        settings.seeds = SEEDS_MAX;
    totals = mmap(NULL, WORKERS_MAX * sizeof *totals, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (totals == MAP_FAILED || !host_parts_load(settings.functions, &err)) {
        fprintf(stderr, "prove: %s\n", err.message[0] ? err.message : "no memory");
        return 2;
    }
    return settings.has_one ? show_seed(&settings, settings.one) : run_all(&settings);
}
