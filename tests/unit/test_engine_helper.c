/* SPDX-License-Identifier: MIT */
/* Modules translated by the helper: as without it, several at once, and not what is no work folder. */
#include "engine/helper.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "engine/import_rules.h"
#include "engine/module.h"
#include "engine/translate.h"
#include "temporary.h"

#define OPENERS 6 /* more than HELPER_JOBS_MAX */

static struct temporary place;
static pid_t helper;

static bool open_module(const char *cache_name, struct error *err)
{
    struct module *module = NULL;
    struct module_policy policy = {.memory_pages_max = 256};
    policy.imports = import_rules_filter(&policy.import_count);
    char cache[512];
    snprintf(cache, sizeof cache, "%s/%s", place.folder, cache_name);
    const bool ok = module_open(&module, TEST_GUEST_FOLDER "/nothing.wasm", cache, &policy, err);
    module_close(module);
    return ok;
}

/* The only child of this process that there is so far. */
static pid_t find_helper(void)
{
    char path[64], text[32] = "";
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    FILE *file = fopen(path, "r");
    CHECK(file && fgets(text, sizeof text, file));
    if (file)
        fclose(file);
    return (pid_t)strtol(text, NULL, 10);
}

static void a_module_is_translated(void)
{
    struct error err = {0};
    CHECK(!helper_is_started());
    CHECK_OK(helper_start(&err), &err);
    CHECK(helper_is_started());
    helper = find_helper();
    CHECK(helper > 0);
    CHECK_OK(open_module("one", &err), &err);
    CHECK_OK(open_module("one", &err), &err); /* from the cache */
    siginfo_t info = {.si_pid = 0};
    CHECK_EQ_INT(waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT), 0);
    CHECK_EQ_INT(info.si_pid, 0); /* the tools were not ours */
}

static void *open_on_thread(void *number)
{
    char name[16];
    struct error err = {0};
    snprintf(name, sizeof name, "many-%d", *(int *)number);
    CHECK_OK(open_module(name, &err), &err);
    return NULL;
}

static void many_wait_for_each_other(void)
{
    pthread_t threads[OPENERS];
    int numbers[OPENERS];
    for (int i = 0; i < OPENERS; i++) {
        numbers[i] = i;
        CHECK_EQ_INT(pthread_create(&threads[i], NULL, open_on_thread, &numbers[i]), 0);
    }
    for (int i = 0; i < OPENERS; i++)
        pthread_join(threads[i], NULL);
}

static void signals_to_a_terminal_do_not_end_it(void)
{
    struct error err = {0};
    CHECK_EQ_INT(kill(helper, SIGINT), 0);
    CHECK_EQ_INT(kill(helper, SIGTERM), 0);
    CHECK_OK(open_module("after-signals", &err), &err);
}

static void only_a_work_folder_is_taken(void)
{
    static const struct {
        const char *name;
        unsigned mode;
        enum error_kind kind;
        const char *why;
    } cases[] = {
        {TRANSLATE_WORK_PREFIX "a", 0700, ERROR_INVALID, "empty: the translator finds no module"},
        {"elsewhere", 0700, ERROR_DENIED, "the name is none of a work folder"},
        {TRANSLATE_WORK_PREFIX "b", 0755, ERROR_DENIED, "others can read it"},
        {TRANSLATE_WORK_PREFIX "c", 0720, ERROR_DENIED, "others can write it"},
    };
    struct error err = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *path = temporary_path(&place, cases[i].name);
        CHECK_EQ_INT(mkdir(path, 0700), 0);
        CHECK_EQ_INT(chmod(path, cases[i].mode), 0);
        CHECK_FAILS(helper_run_tools(path, false, &err), &err, cases[i].kind);
        if (err.kind != cases[i].kind)
            fprintf(stderr, "    %s: %s\n", cases[i].why, err.message);
    }
    CHECK_EQ_INT(symlink("one", temporary_path(&place, TRANSLATE_WORK_PREFIX "link")), 0);
    CHECK_FAILS(helper_run_tools(temporary_path(&place, TRANSLATE_WORK_PREFIX "link"), false, &err), &err,
                ERROR_DENIED);
    CHECK_FAILS(helper_run_tools(TRANSLATE_WORK_PREFIX "a", false, &err), &err, ERROR_DENIED);
    char *long_name = calloc(1, 5000);
    memset(long_name, 'x', 4999);
    CHECK_FAILS(helper_run_tools(long_name, false, &err), &err, ERROR_LIMIT);
    free(long_name);
}

static void its_end_is_told(void)
{
    struct error err = {0};
    CHECK_EQ_INT(kill(helper, SIGKILL), 0);
    CHECK_EQ_INT(waitpid(helper, NULL, 0), helper);
    CHECK_FAILS(open_module("too-late", &err), &err, ERROR_INTERNAL);
    CHECK_CONTAINS(err.message, "the translation helper "); /* "has ended"; or "gave no answer", while one of */
    CHECK_CONTAINS(err.message, "restart this server");     /* its children still holds its socket */
    CHECK_OK(open_module("one", &err), &err); /* what is compiled needs no helper */
}

int main(void)
{
    static const struct check_test tests[] = {
        TEST(a_module_is_translated), TEST(many_wait_for_each_other),
        TEST(signals_to_a_terminal_do_not_end_it), TEST(only_a_work_folder_is_taken), TEST(its_end_is_told)};
    place = temporary_make();
    const int status = check_run(tests, sizeof tests / sizeof tests[0]);
    temporary_remove(&place);
    return status;
}
