/* SPDX-License-Identifier: MIT */
/*
 * Threads, locks, time and randomness of the host under test; see schedule.h. A thread that may run
 * waits for its baton; what a lock or a condition is, is a row in a table here, and the real objects
 * are never touched.
 */
#include "schedule.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "others.h"
#include "world.h"

#define THREADS_MAX 16
#define LOCKS_MAX 32
#define EFFECTS_MAX 200000       /* of one lifetime: more mean that it does not end */
#define GIVE_WAY_PERMILLE 60     /* where a lock is released */
#define SPURIOUS_PERMILLE 5      /* a condition wakes somebody for nothing */
#define WATCH_STEP_MS 200        /* how soon the parent notices that a host crashed */
#define WATCH_MS_MAX 300000

int __real_clock_gettime(clockid_t id, struct timespec *now);
pid_t __real_getpid(void);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *context);
int __real_pthread_join(pthread_t thread, void **result);

enum wait { RUNS, WAITS_LOCK, WAITS_CONDITION, WAITS_TIME, WAITS_END, IS_UNUSED };

struct thread {
    enum wait wait;
    const void *waits_for; /* lock or condition */
    int64_t until_ns; /* INT64_MAX: for ever */
    bool has_timed_out, has_ended;
    sem_t baton;
    pthread_t real;
    void *(*start)(void *);
    void *context;
};

static struct thread threads[THREADS_MAX];
static int thread_count = 1;
static _Thread_local int self;
static const void *locks[LOCKS_MAX]; /* those that are held */
static int own_index;

static struct host *own_host(void)
{
    return &world->hosts[own_index];
}

/* ---- processes ------------------------------------------------------------------------------- */

/* Back to the parent, until it is our turn again. */
static void yield_turn(void)
{
    sem_post(&world->parent);
    while (sem_wait(&world->turns[own_index]) != 0)
        ;
    world->running = own_index;
}

static bool has_company(void)
{
    int alive = 0;
    for (unsigned i = 0; i < world->host_count; i++)
        alive += world->hosts[i].is_alive;
    return alive > 1;
}

void schedule_begin(int index)
{
    own_index = index;
    self = 0;
    thread_count = 1;
    memset(threads, 0, sizeof threads);
    memset(locks, 0, sizeof locks);
    sem_init(&threads[0].baton, 0, 0);
    threads[0].real = pthread_self();
    while (sem_wait(&world->turns[own_index]) != 0)
        ;
    world->running = index;
}

void schedule_give_way_to_host(void)
{
    if (has_company() && draw_chance(300))
        yield_turn();
}

static struct host *draw_turn(void)
{
    struct host *ready[HOSTS_MAX];
    unsigned count = 0;
    int64_t first_ns = INT64_MAX;
    for (unsigned i = 0; i < world->host_count; i++) {
        struct host *host = &world->hosts[i];
        if (!host->is_alive)
            continue;
        if (host->idle_until_ns <= world->now_ns)
            ready[count++] = host;
        else if (host->idle_until_ns < first_ns)
            first_ns = host->idle_until_ns;
    }
    if (count > 0)
        return ready[draw_below(count)];
    if (first_ns == INT64_MAX)
        return NULL;
    world_pass(first_ns - world->now_ns);
    return draw_turn();
}

static void note_death(struct host *host, int status)
{
    host->is_alive = false;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && host->is_dying)
        return;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        violation("the host ended by itself: %s %d", WIFSIGNALED(status) ? "signal" : "status",
                  WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

/* Waits until the host gives the turn back or is no more. False: neither happens. */
static bool await(struct host *host)
{
    int status;
    for (int waited_ms = 0; waited_ms < WATCH_MS_MAX; waited_ms += WATCH_STEP_MS) {
        struct timespec until;
        __real_clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += WATCH_STEP_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        bool is_back = sem_timedwait(&world->parent, &until) == 0;
        bool must_end = is_back && (host->is_dying || host->has_ended);
        if (waitpid(host->pid, &status, must_end ? 0 : WNOHANG) == host->pid) {
            note_death(host, status);
            return true;
        }
        if (is_back)
            return true;
    }
    kill(host->pid, SIGKILL);
    waitpid(host->pid, &status, 0);
    host->is_alive = false;
    return false;
}

bool schedule_turns(void)
{
    struct host *host;
    while ((host = draw_turn()) != NULL) {
        world->running = (int)(host - world->hosts);
        sem_post(&world->turns[world->running]);
        if (!await(host)) {
            violation("the host hangs");
            return false;
        }
    }
    return true;
}

/* ---- effects --------------------------------------------------------------------------------- */

static void die(const char *when, const char *what)
{
    struct host *host = own_host();
    mishap_count(host->kill_after ? MISHAP_KILL_AFTER : MISHAP_KILL_BEFORE);
    trace("killed %s effect %lld: %s", when, (long long)host->effects, what);
    host->is_dying = true;
    sem_post(&world->parent);
    kill(__real_getpid(), SIGKILL);
    for (;;)
        pause();
}

static const char *newest_effect = "";

void effect_begins(const char *what)
{
    struct host *host = own_host();
    newest_effect = what;
    host->effects++;
    world->effects++;
    if (host->effects > EFFECTS_MAX) {
        violation("the lifetime does not come to an end");
        _exit(0);
    }
    if (host->effects == host->kill_at && !host->kill_after)
        die("before", what);
}

void effect_happened(void)
{
    struct host *host = own_host();
    if (host->effects == host->kill_at && host->kill_after)
        die("after", newest_effect);
}

/* ---- threads --------------------------------------------------------------------------------- */

static void wake_due(void)
{
    for (int i = 0; i < thread_count; i++) {
        struct thread *thread = &threads[i];
        if ((thread->wait != WAITS_CONDITION && thread->wait != WAITS_TIME) ||
            thread->until_ns > world->now_ns)
            continue;
        thread->has_timed_out = true;
        thread->wait = RUNS;
    }
}

static int64_t earliest_ns(void)
{
    int64_t first_ns = INT64_MAX;
    for (int i = 0; i < thread_count; i++)
        if ((threads[i].wait == WAITS_CONDITION || threads[i].wait == WAITS_TIME) &&
            threads[i].until_ns < first_ns)
            first_ns = threads[i].until_ns;
    return first_ns;
}

/* All threads of this process wait: until then nothing can happen here. */
static void idle_until(int64_t until_ns)
{
    if (until_ns == INT64_MAX) {
        violation("deadlock: every thread of the host waits for another");
        _exit(0);
    }
    if (!has_company()) {
        world_pass(until_ns - world->now_ns);
        return;
    }
    own_host()->idle_until_ns = until_ns;
    yield_turn();
    own_host()->idle_until_ns = 0;
}

static int draw_thread(void)
{
    for (;;) {
        int ready[THREADS_MAX];
        unsigned count = 0;
        wake_due();
        for (int i = 0; i < thread_count; i++)
            if (threads[i].wait == RUNS)
                ready[count++] = i;
        if (count > 0)
            return count == 1 ? ready[0] : ready[draw_below(count)];
        idle_until(earliest_ns());
    }
}

static void run_another(void)
{
    int next = draw_thread();
    if (next == self)
        return;
    sem_post(&threads[next].baton);
    while (sem_wait(&threads[self].baton) != 0)
        ;
}

static void wait_for(enum wait wait, const void *what, int64_t until_ns)
{
    struct thread *thread = &threads[self];
    thread->wait = wait;
    thread->waits_for = what;
    thread->until_ns = until_ns;
    thread->has_timed_out = false;
    run_another();
}

void schedule_give_way(void)
{
    if (thread_count > 1 && draw_chance(300))
        run_another();
    schedule_give_way_to_host();
}

void schedule_sleep_ns(int64_t duration_ns)
{
    wait_for(WAITS_TIME, NULL, world->now_ns + duration_ns);
}

static void wake(enum wait wait, const void *what)
{
    for (int i = 0; i < thread_count; i++)
        if (threads[i].wait == wait && threads[i].waits_for == what)
            threads[i].wait = RUNS;
}

static void *thread_main(void *context)
{
    struct thread *thread = context;
    self = (int)(thread - threads);
    while (sem_wait(&thread->baton) != 0)
        ;
    void *result = thread->start(thread->context);
    thread->has_ended = true;
    thread->wait = IS_UNUSED;
    wake(WAITS_END, thread);
    sem_post(&threads[draw_thread()].baton);
    return result;
}

int __wrap_pthread_create(pthread_t *out, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *context);
int __wrap_pthread_create(pthread_t *out, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *context)
{
    int index = 1;
    while (index < thread_count && threads[index].start)
        index++;
    if (index == THREADS_MAX)
        return EAGAIN;
    struct thread *thread = &threads[index];
    *thread = (struct thread){.wait = RUNS, .start = start, .context = context};
    sem_init(&thread->baton, 0, 0);
    thread_count = index < thread_count ? thread_count : index + 1;
    int number = __real_pthread_create(&thread->real, attributes, thread_main, thread);
    if (number != 0)
        *thread = (struct thread){.wait = IS_UNUSED};
    *out = thread->real;
    return number;
}

int __wrap_pthread_join(pthread_t real, void **result);
int __wrap_pthread_join(pthread_t real, void **result)
{
    int index = 1;
    while (index < thread_count &&
           !(threads[index].start && pthread_equal(threads[index].real, real)))
        index++;
    if (index == thread_count)
        return ESRCH;
    struct thread *thread = &threads[index];
    while (!thread->has_ended)
        wait_for(WAITS_END, thread, INT64_MAX);
    int number = __real_pthread_join(real, result);
    sem_destroy(&thread->baton);
    *thread = (struct thread){.wait = IS_UNUSED};
    return number;
}

/* ---- locks and conditions -------------------------------------------------------------------- */

static const void **find_lock(const void *lock)
{
    for (int i = 0; i < LOCKS_MAX; i++)
        if (locks[i] == lock)
            return &locks[i];
    return NULL;
}

int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex)
{
    while (find_lock(mutex))
        wait_for(WAITS_LOCK, mutex, INT64_MAX);
    const void **free_one = find_lock(NULL);
    if (!free_one)
        abort(); /* the host never holds so many */
    *free_one = mutex;
    return 0;
}

static void release(const void *mutex)
{
    const void **held = find_lock(mutex);
    if (!held)
        abort(); /* it unlocks what it does not hold */
    *held = NULL;
    wake(WAITS_LOCK, mutex);
}

int __wrap_pthread_mutex_unlock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_unlock(pthread_mutex_t *mutex)
{
    release(mutex);
    if (thread_count > 1 && draw_chance(GIVE_WAY_PERMILLE))
        run_another();
    return 0;
}

static int wait_condition(pthread_cond_t *condition, pthread_mutex_t *mutex, int64_t until_ns)
{
    release(mutex);
    bool is_spurious = draw_chance(SPURIOUS_PERMILLE);
    wait_for(is_spurious ? RUNS : WAITS_CONDITION, condition, until_ns);
    bool has_timed_out = threads[self].has_timed_out;
    __wrap_pthread_mutex_lock(mutex);
    return has_timed_out ? ETIMEDOUT : 0;
}

int __wrap_pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex);
int __wrap_pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex)
{
    return wait_condition(condition, mutex, INT64_MAX);
}

/* Every condition of the host waits on CLOCK_MONOTONIC. */
int __wrap_pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
                                  const struct timespec *until);
int __wrap_pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
                                  const struct timespec *until)
{
    return wait_condition(condition, mutex, (int64_t)until->tv_sec * NS_PER_S + until->tv_nsec);
}

int __wrap_pthread_cond_signal(pthread_cond_t *condition);
int __wrap_pthread_cond_signal(pthread_cond_t *condition)
{
    int waiting[THREADS_MAX];
    unsigned count = 0;
    for (int i = 0; i < thread_count; i++)
        if (threads[i].wait == WAITS_CONDITION && threads[i].waits_for == condition)
            waiting[count++] = i;
    if (count > 0)
        threads[waiting[draw_below(count)]].wait = RUNS;
    return 0;
}

int __wrap_pthread_cond_broadcast(pthread_cond_t *condition);
int __wrap_pthread_cond_broadcast(pthread_cond_t *condition)
{
    wake(WAITS_CONDITION, condition);
    return 0;
}
