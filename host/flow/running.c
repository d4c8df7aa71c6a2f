/* SPDX-License-Identifier: MIT */
/* A list under a mutex; see running.h. */
#include "flow/running.h"

#include <string.h>

void running_init(struct running *running)
{
    pthread_mutex_init(&running->mutex, NULL);
}

void running_release(struct running *running)
{
    pthread_mutex_destroy(&running->mutex);
}

void running_add(struct running *running, struct running_entry *entry, struct execution *execution)
{
    entry->execution = execution;
    pthread_mutex_lock(&running->mutex);
    entry->next = running->first;
    entry->link = &running->first;
    if (entry->next)
        entry->next->link = &entry->next;
    running->first = entry;
    pthread_mutex_unlock(&running->mutex);
}

void running_remove(struct running *running, struct running_entry *entry)
{
    pthread_mutex_lock(&running->mutex);
    *entry->link = entry->next;
    if (entry->next)
        entry->next->link = entry->link;
    pthread_mutex_unlock(&running->mutex);
}

bool running_stop(struct running *running, const char *instance)
{
    pthread_mutex_lock(&running->mutex);
    struct running_entry *entry = running->first;
    while (entry && strcmp(entry->execution->instance, instance) != 0)
        entry = entry->next;
    if (entry) {
        /* The flag holds when the sandbox has not begun yet; the cancellation reaches a guest that
         * computes. Under the mutex, so that the execution is still there. */
        atomic_store(&entry->execution->is_stopped, true);
        sandbox_cancel(entry->execution);
    }
    pthread_mutex_unlock(&running->mutex);
    return entry != NULL;
}
