/* SPDX-License-Identifier: MIT */
/* See thread.h. The list of threads is what sandbox_cancel walks; a thread leaves it before its
 * storage goes. */
#include "engine/thread.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "engine/deadline.h"
#include "engine/slot.h"
#include "engine/trap.h"

static _Thread_local struct engine_thread this_thread;

static pthread_mutex_t threads_lock = PTHREAD_MUTEX_INITIALIZER;
static struct engine_thread *threads;
static pthread_key_t release_key; /* releases a thread that ends without saying so */
static pthread_once_t release_once = PTHREAD_ONCE_INIT;
static int release_errno;

static void release_ending_thread(void *value)
{
    (void)value;
    sandbox_thread_release();
}

static void make_release_key(void)
{
    release_errno = pthread_key_create(&release_key, release_ending_thread);
}

static void join_list(struct engine_thread *thread)
{
    pthread_mutex_lock(&threads_lock);
    thread->next = threads;
    threads = thread;
    pthread_mutex_unlock(&threads_lock);
}

static void leave_list(struct engine_thread *thread)
{
    pthread_mutex_lock(&threads_lock);
    for (struct engine_thread **link = &threads; *link; link = &(*link)->next) {
        if (*link == thread) {
            *link = thread->next;
            break;
        }
    }
    pthread_mutex_unlock(&threads_lock);
}

static void close_parts(struct engine_thread *thread)
{
    slot_drop_all(thread);
    deadline_close(thread);
    trap_stack_close(thread);
    for (unsigned i = 0; i < SANDBOX_DEPTH_MAX; i++)
        stack_close(&thread->stacks[i]);
}

static bool open_thread(struct engine_thread *thread, struct error *err)
{
    memset(thread, 0, sizeof *thread);
    thread->tid = gettid();
    if (!trap_install(err))
        return false;
    pthread_once(&release_once, make_release_key);
    if (release_errno || pthread_setspecific(release_key, thread) != 0)
        return error_set(err, ERROR_INTERNAL, "cannot have a thread released at its end");
    if (!trap_stack_open(thread, err) || !deadline_open(thread, err) || !trap_unblock(err)) {
        close_parts(thread);
        return false;
    }
    join_list(thread);
    thread->is_open = true;
    return true;
}

struct engine_thread *engine_thread_self(void)
{
    return &this_thread;
}

bool engine_thread_open(struct error *err)
{
    struct engine_thread *thread = engine_thread_self();
    return thread->is_open || open_thread(thread, err);
}

void engine_thread_each(void (*fn)(struct engine_thread *thread, void *context), void *context)
{
    pthread_mutex_lock(&threads_lock);
    for (struct engine_thread *thread = threads; thread; thread = thread->next)
        fn(thread, context);
    pthread_mutex_unlock(&threads_lock);
}

void sandbox_thread_release(void)
{
    struct engine_thread *thread = engine_thread_self();
    if (!thread->is_open || thread->current)
        return;
    leave_list(thread);
    thread->is_open = false;
    close_parts(thread);
    pthread_setspecific(release_key, NULL);
}
