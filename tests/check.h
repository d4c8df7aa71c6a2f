/* SPDX-License-Identifier: MIT */
/*
 * Checks for tests: print both values, count, survive NDEBUG; from any thread. A test program is a
 * list of functions run by CHECK_MAIN; it exits 1 if any check failed. With CHECK_ONLY=NAME in the
 * environment only that function runs; with CHECK_STOP the first failed check ends the process, since a
 * test is not made to go on with what a call refused to give it.
 */
#ifndef TESTS_CHECK_H
#define TESTS_CHECK_H
#include <inttypes.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

static atomic_int check_failures;
static atomic_int check_count;

static inline void check_report(bool ok, const char *file, int line, const char *what)
{
    check_count++;
    if (ok)
        return;
    check_failures++;
    fprintf(stderr, "%s:%d: check failed: %s\n", file, line, what);
    if (getenv("CHECK_STOP"))
        exit(1);
}

#define CHECK(condition) check_report((condition), __FILE__, __LINE__, #condition)

#define CHECK_EQ_INT(actual, expected)                                                             \
    do {                                                                                           \
        long long check_a = (long long)(actual), check_b = (long long)(expected);                  \
        check_report(check_a == check_b, __FILE__, __LINE__, #actual " == " #expected);            \
        if (check_a != check_b)                                                                    \
            fprintf(stderr, "    got %lld, expected %lld\n", check_a, check_b);                    \
    } while (0)

#define CHECK_EQ_TEXT(actual, expected)                                                            \
    do {                                                                                           \
        const char *check_a = (actual), *check_b = (expected);                                     \
        bool check_same = check_a && check_b ? strcmp(check_a, check_b) == 0 : check_a == check_b; \
        check_report(check_same, __FILE__, __LINE__, #actual " == " #expected);                    \
        if (!check_same)                                                                           \
            fprintf(stderr, "    got \"%s\"\n    expected \"%s\"\n", check_a ? check_a : "(null)", \
                    check_b ? check_b : "(null)");                                                 \
    } while (0)

#define CHECK_CONTAINS(text, part)                                                                 \
    do {                                                                                           \
        const char *check_a = (text), *check_b = (part);                                           \
        bool check_has = check_a && strstr(check_a, check_b) != NULL;                              \
        check_report(check_has, __FILE__, __LINE__, #text " contains " #part);                     \
        if (!check_has)                                                                            \
            fprintf(stderr, "    got \"%s\"\n", check_a ? check_a : "(null)");                     \
    } while (0)

/* call must return true; otherwise the error is printed. */
#define CHECK_OK(call, err)                                                                        \
    do {                                                                                           \
        bool check_ok = (call);                                                                    \
        check_report(check_ok, __FILE__, __LINE__, #call);                                         \
        if (!check_ok)                                                                             \
            fprintf(stderr, "    %s: %s\n", error_kind_name((err)->kind), (err)->message);         \
    } while (0)

/* call must return false with an error of that kind. */
#define CHECK_FAILS(call, err, expected_kind)                                                      \
    do {                                                                                           \
        bool check_ok = (call);                                                                    \
        check_report(!check_ok, __FILE__, __LINE__, "fails: " #call);                              \
        if (!check_ok)                                                                             \
            CHECK_EQ_TEXT(error_kind_name((err)->kind), error_kind_name(expected_kind));           \
    } while (0)

struct check_test {
    const char *name;
    void (*run)(void);
};

#define TEST(function) {#function, function}

static inline int check_run(const struct check_test *tests, size_t count)
{
    const char *only = getenv("CHECK_ONLY");
    for (size_t i = 0; i < count; i++) {
        if (only && strcmp(only, tests[i].name) != 0)
            continue;
        int before = check_failures;
        tests[i].run();
        printf("%s %s\n", check_failures == before ? "ok    " : "FAILED", tests[i].name);
        fflush(stdout);
    }
    printf("%d checks, %d failed\n", check_count, check_failures);
    return check_failures == 0 ? 0 : 1;
}

#define CHECK_MAIN(...)                                                                            \
    int main(void)                                                                                 \
    {                                                                                              \
        static const struct check_test tests[] = {__VA_ARGS__};                                    \
        return check_run(tests, sizeof tests / sizeof tests[0]);                                   \
    }
#endif
